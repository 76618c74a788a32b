"""What the checks say of networks, boot paths, mounts and hardware, and what counts as the machine's identity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import pytest
from sif_samples import machine

from sif.check import check
from sif.diff import diff
from sif.model import (
    Bond,
    Bridge,
    Device,
    Dns,
    Mount,
    MountSource,
    NetManager,
    Nic,
    Ref,
    Route,
    SystemInformation,
    Vlan,
)


def networked() -> SystemInformation:
    """The sample machine with a bond, a VLAN on it and a bridge of that."""
    return replace(
        machine(), nics=(Nic(id="enp1s0", mac="52:54:00:12:34:56", dhcp=True), Nic(id="enp2s0"), Nic(id="enp3s0")),
        bonds=(Bond(id="bond0", members=(Ref("enp2s0"), Ref("enp3s0")), mode="802.3ad", parameters=("miimon=100",)),),
        vlans=(Vlan(id="bond0.42", link=Ref("bond0"), tag=42, addresses=("10.0.42.5/24",)),),
        bridges=(Bridge(id="br0", ports=(Ref("bond0.42"),), stp=True, mtu=9000, search=("example.org", "lan.")),),
        routes=(Route(id="r1", destination="198.51.100.0/24", link=Ref("br0"), via="10.0.0.1", table="100"),
                Route(id="r2", destination="::/0", link=Ref("enp1s0"), via="2001:db8::1"),
                Route(id="r3", destination="default", link=Ref("enp1s0"), via="fe80::1")),
        dns=Dns(servers=("192.0.2.53",), search=("example.org",), options=("edns0",)),
        devices=(Device(id="pci", modalias="pci:x", firmware=("tigon/tg3.bin",)),),
        mounts=(Mount(id="home", what="nas:/home", where="/home", type="nfs4", options="ro"),))


def test_a_sound_network_has_no_problems() -> None:
    assert check(networked()) == ()


@pytest.mark.parametrize(("field", "number", "changes", "key", "what"), [
    ("nics", 0, {"mac": "52:54:00:12:34:5G"}, "mac", "not a hardware address"),
    ("nics", 0, {"addresses": ("192.0.2.1/33",)}, "addresses", "not an address"),
    ("nics", 0, {"gateway": "router"}, "gateway", "not an address"),
    ("nics", 0, {"dns": ("",)}, "dns", "not an address"),
    ("nics", 0, {"search": ("exa mple",)}, "search", "not a domain"),
    ("nics", 0, {"mtu": 67}, "mtu", "not an MTU"), ("nics", 0, {"mtu": 65536}, "mtu", "not an MTU"),
    ("nics", 0, {"name": "a/b"}, "name", "not a network interface's name"),
    ("nics", 0, {"name": "enp2s0"}, "", "another interface of that name"),
    ("bonds", 0, {"mode": "lacp"}, "mode", "not a bonding mode"),
    ("bonds", 0, {"mac": "02:00"}, "mac", "not a hardware address"),
    ("bonds", 0, {"parameters": ("miimon 100",)}, "parameters", "not a parameter"),
    ("bonds", 0, {"members": (Ref("enp2s0"), Ref("enp2s0"))}, "members", "members names something twice"),
    ("bonds", 0, {"members": (Ref("br0"),)}, "members", "br0 is not a NIC or VLAN"),
    ("bonds", 0, {"members": (Ref("bond0.42"),)}, "link", "a section that rests on itself"),
    ("vlans", 0, {"tag": 0}, "tag", "not a VLAN id"), ("vlans", 0, {"tag": 4095}, "tag", "not a VLAN id"),
    ("vlans", 0, {"link": Ref("gone")}, "link", "there is no gone"),
    ("bridges", 0, {"ports": (Ref("enp2s0"),)}, "ports", "enp2s0 already belongs to [BOND bond0]"),
    ("bridges", 0, {"parameters": ("=x",)}, "parameters", "not a parameter"),
    ("routes", 0, {"destination": "198.51.100.1/24"}, "destination", "not a network"),
    ("routes", 0, {"via": "10.0.0.1/8"}, "via", "not an address"),
    ("routes", 0, {"source": "x"}, "source", "not an address"),
    ("routes", 0, {"table": "a b"}, "table", "not a routing table"),
    ("routes", 1, {"via": "192.0.2.1"}, "via", "an IPv4 router for an IPv6 network"),
    ("efi_entries", 0, {"data": "2f0"}, "data", "not bytes in hexadecimal"),
    ("efi_entries", 0, {"data": "2F00"}, "data", "not bytes in hexadecimal"),
    ("devices", 0, {"firmware": ("../etc/passwd",)}, "firmware", "not a file below /lib/firmware"),
    ("devices", 0, {"firmware": ("/lib/x",)}, "firmware", "not a file below /lib/firmware"),
    ("mounts", 0, {"where": "home"}, "where", "not an absolute path"),
    ("mounts", 0, {"what": ""}, "what", "no source"),
    ("mounts", 0, {"options": "a b"}, "options", "not mount options as in fstab"),
])
def test_one_thing_is_wrong(field: str, number: int, changes: Dict[str, Any], key: str, what: str) -> None:
    info = networked()
    records: List[Any] = list(getattr(info, field))
    records[number] = replace(records[number], **changes)
    broken: Dict[str, Any] = {field: tuple(records)}
    found = check(replace(info, **broken))
    assert any(what in problem.what and problem.subject is not None and problem.subject[2] == key
               for problem in found), found


@pytest.mark.parametrize(("key", "value", "what"), [
    ("ssh_host_keys", ("ssh-ed25519 MD5:00",), "fingerprint"), ("selinux", "on", "mode"),
    ("selinux_mode", "off", "mode")])
def test_the_systems_identity_is_checked(key: str, value: Any, what: str) -> None:
    info = machine()
    problem, = check(replace(info, system=replace(info.system, **{key: value})))
    assert problem.subject == ("SYSTEM", "web01", key)
    assert what in problem.what


def test_dns_is_checked() -> None:
    assert [problem.subject for problem in check(replace(machine(), dns=Dns(servers=("x",), search=("-",))))] == [
        ("DNS", "", "servers"), ("DNS", "", "search")]


def test_a_vlan_id_is_used_once_on_an_interface() -> None:
    info = networked()
    found = check(replace(info, vlans=(*info.vlans, Vlan(id="other", link=Ref("bond0"), tag=42))))
    assert [problem.what for problem in found] == ["bond0 already carries it: [VLAN bond0.42]"]


def changed(info: SystemInformation, field: str, **values: Any) -> SystemInformation:
    first, *others = getattr(info, field)
    other: Dict[str, Any] = {field: (replace(first, **values), *others)}
    return replace(info, **other)


REPLACED: Tuple[Tuple[str, Dict[str, Any], Optional[str]], ...] = (
    ("nics", {"mac": "52:54:00:99:99:99", "pci": "0000:09:00.0", "driver": "e1000e"}, None),
    ("nics", {"addresses": ("192.0.2.9/24",)}, "addresses"), ("nics", {"manager": NetManager.IFUPDOWN}, "manager"),
    ("bonds", {"mac": "02:00:00:00:00:01"}, None), ("bonds", {"mode": "active-backup"}, "mode"),
    ("devices", {"modalias": "pci:y", "driver_version": "2"}, None),
    ("efi_entries", {"active": False}, "active"), ("efi_entries", {"data": "00"}, "data"),
    ("mounts", {"options": "rw"}, "options"),
)


@pytest.mark.parametrize(("field", "values", "key"), REPLACED)
def test_replaced_hardware_is_no_other_machine_and_other_settings_are(
        field: str, values: Dict[str, Any], key: Optional[str]) -> None:
    found = diff(networked(), changed(networked(), field, **values), identity_only=True)
    assert [difference.key for difference in found] == ([key] if key else [])


def test_a_spare_interface_and_a_mount_by_hand_are_no_difference() -> None:
    info = networked()
    by_hand = Mount(id="x", what="a:/b", where="/x", type="nfs", source=MountSource.RUNNING)
    more = replace(info, nics=(*info.nics, Nic(id="enp9s0", mac="52:54:00:99:99:99")), mounts=(*info.mounts, by_hand))
    assert diff(info, more, identity_only=True) == ()
    assert len(diff(info, more, identity_only=False)) == 2
    configured = replace(info, nics=(*info.nics, Nic(id="enp9s0", dhcp=True)))
    assert [str(found) for found in diff(info, configured, True)] == ["[NIC enp9s0] only in the second"]


def test_the_mode_selinux_runs_in_and_the_processor_are_no_identity() -> None:
    info = machine()
    other = replace(info, system=replace(info.system, selinux_mode="permissive", cpu_model="x", video=("y",),
                                         ram_bytes=1))
    assert diff(info, other, identity_only=True) == ()
    keys = replace(info, system=replace(info.system, ssh_host_keys=("ssh-rsa SHA256:" + "A" * 43,)))
    assert [found.key for found in diff(info, keys, True)] == ["ssh_host_keys"]

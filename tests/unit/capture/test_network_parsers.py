"""The network's readers one by one: YAML, odd lines, live state, what cannot be carried."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence

import pytest
from worlds import World

from sif.capture.ini import parse_sections
from sif.capture.net import probe_network, read_configuration
from sif.capture.net.assemble import Interface, assemble, configuration_of
from sif.capture.net.facts import Configured, Hop, Kind, checked, milliseconds, mode_name, server_address
from sif.capture.net.ifupdown import parse_interfaces
from sif.capture.net.keyfile import parse_keyfile
from sif.capture.net.networkd import parse_network_file
from sif.capture.net.resolver import parse_resolv_conf, read_resolver
from sif.capture.net.yaml import NotPlain, parse_yaml
from sif.model import Dns, NetManager

pytest_plugins = ("capture_fixtures",)


@pytest.mark.parametrize(("text", "wanted"), [
    ("", {}), ("# only a comment\n", {}), ("---\na: 1\n", {"a": "1"}),
    ("a:\n  b: x y\n  c:\nd: ~\n", {"a": {"b": "x y", "c": ""}, "d": ""}),
    ("a:\n- 1\n- 2\nb: 3\n", {"a": ["1", "2"], "b": "3"}),
    ("a:\n  - b: 1\n    c: 2\n  - - x\n    - y\n  -\n    d: 4\n",
     {"a": [{"b": "1", "c": "2"}, ["x", "y"], {"d": "4"}]}),
    ("a: [1, 'b, c', \"d\\n\"]  # c\n", {"a": ["1", "b, c", "d\n"]}),
    ("a: {b: 1, c: [x], d: {}}\n", {"a": {"b": "1", "c": ["x"], "d": {}}}),
    ("a: [1,\n    2,\n  3]\nb: 1\n", {"a": ["1", "2", "3"], "b": "1"}),
    ("a: 'it''s # no comment'\n", {"a": "it's # no comment"}), ("a: x#y\n", {"a": "x#y"}),
    ('"quoted key": 1\n', {"quoted key": "1"}), ("mac: 52:54:00:ab:cd:01\n", {"mac": "52:54:00:ab:cd:01"}),
    ("- 2001:db8::1/64:\n    label: x\n- fe80::1\n", [{"2001:db8::1/64": {"label": "x"}}, "fe80::1"]),
    ("a: don't\nb: 'x'\n", {"a": "don't", "b": "x"}),
])
def test_yaml_that_netplan_uses(text: str, wanted: object) -> None:
    assert parse_yaml(text) == wanted


@pytest.mark.parametrize(("text", "line", "what"), [
    ("a: 1\na: 2\n", 2, "twice"), ("a: &x 1\n", 1, "& is not supported"), ("a: *x\n", 1, "* is not supported"),
    ("a: !!str 1\n", 1, "! is not supported"), ("a: |\n  text\n", 1, "| is not supported"),
    ("a:\n\tb: 1\n", 2, "tab"), ("a: 1\n---\nb: 2\n", 2, "second document"), ("a: [1, 2\n", 1, "not closed"),
    ("a: 1\n   b: 2\n", 2, "indentation"), ("a:\n  b: 1\n c: 2\n", 3, "indentation"), ("a: {b}\n", 1, "colon"),
    ("a: {b: 1, b: 2}\n", 1, "twice"), ("a: \"x\" y\n", 1, "quoted"), ("a: b: c\n", 1, "mapping"),
    ("a: [x y: z]\n", 1, "mapping"), ("a: \"\\u0041\"\n", 1, "escape"), ("a: [1] x\n", 1, "behind a bracket"),
    ("a: >-\n  folded\n", 1, "> is not supported"), ("a: 1\njust words\n", 2, "neither"),
    ("a: [1 [2]]\n", 1, "comma"), ("? a\n: b\n", 1, ""), ("a: ]\n", 1, ""),
    ("[" * 60 + "\n" + "]" * 60 + "\n", 1, "deep"),
])
def test_other_yaml_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(NotPlain) as refused:
        parse_yaml(text)
    assert what in refused.value.what
    assert refused.value.line == line


def test_netplan_that_is_not_understood_leaves_what_was_generated_from_it(world: World) -> None:
    world.put({"/etc/netplan/x.yaml": "network: &n\n  version: 2\n",
               "/run/systemd/network/10-netplan-eno1.network": "[Match]\nName=eno1\n[Network]\nDHCP=yes\n"})
    found, notes = read_configuration()
    assert [(entry.match, entry.dhcp, entry.manager) for entry in found] == [(("eno1",), True, NetManager.NETWORKD)]
    assert notes == ("/etc/netplan/x.yaml: line 1: & is not supported: what the interfaces have at the moment is "
                     "described instead",)


@pytest.mark.parametrize(("text", "wanted"), [
    ("iface x inet static\n address 192.0.2.1\n netmask 24\n", ("192.0.2.1/24",)),
    ("iface x inet static\n netmask 255.255.0.0\n address 192.0.2.1\n", ("192.0.2.1/16",)),
    ("iface y inet static\n address 10.0.0.1/8\niface x inet static inherits y\n", ("10.0.0.1/8",)),
    ("iface x\n address 192.0.2.1/25\n", ("192.0.2.1/25",)),
    ("iface x inet manual\n address 192.0.2.1/25\n", ()), ("mapping x\n script y\niface x inet dhcp\n", ()),
    ("iface x inet static\n address nonsense\n", ())])
def test_ifupdown_addresses(text: str, wanted: Sequence[str]) -> None:
    assert next(entry for entry in parse_interfaces(text) if entry.name == "x").addresses == wanted


@pytest.mark.parametrize(("text", "wanted"), [
    ("[Match]\nName=en*\n[Network]\nDHCP=yes\n", Configured(("en*",), dhcp=True)),
    ("[Match]\nName=en*\n[Network]\nDHCP=no\n", Configured(("en*",))),
    ("[Match]\nMACAddress=52:54:00:AB:cd:01\n[Network]\nAddress=192.0.2.5/24\nGateway=192.0.2.1\nDNS=192.0.2.53\n",
     Configured((), mac="52:54:00:ab:cd:01", addresses=("192.0.2.5/24",), gateway="192.0.2.1", dns=("192.0.2.53",))),
    ("[Match]\nName=a b\n[Network]\n[Route]\nGateway=_dhcp4\n", Configured(("a", "b"))),
    ("[Match]\nType=ether\n[Network]\nDHCP=ipv4\n", Configured((), types=("ether",), dhcp=True)),
    ("[Match]\nDriver=virtio_net\n[Network]\nDHCP=yes\n", None),
    ("[Match]\nName=x\nVirtualization=yes\n[Network]\nDHCP=yes\n", None),
])
def test_networkd(text: str, wanted: Optional[Configured]) -> None:
    found = parse_network_file(parse_sections(text))
    assert found == (checked(Configured(**{**vars(wanted), "manager": NetManager.NETWORKD})) if wanted else None)


def test_keyfiles_that_are_nothing_of_ours() -> None:
    for text in ("[connection]\ntype=wifi\n", "[connection]\ntype=vpn\n", "",
                 "[connection]\ntype=ethernet\nautoconnect=false\n"):
        assert parse_keyfile(parse_sections(text)) is None


def test_the_first_file_that_matches_counts() -> None:
    entries = (Configured((), mac="52:54:00:00:00:01", dhcp=True), Configured(("en*",)),
               Configured((), types=("ether",), mtu=9000), Configured(("x",), kind=Kind.BOND))
    assert configuration_of(Interface("enp1s0", "52:54:00:00:00:01"), entries) == entries[0]
    assert configuration_of(Interface("enp1s0", "52:54:00:00:00:02"), entries) == entries[1]
    assert configuration_of(Interface("wlan0", "52:54:00:00:00:02"), entries) == entries[2]
    assert configuration_of(Interface("x"), entries[3:]) is None


def test_what_a_set_cannot_express_is_noted() -> None:
    found = assemble((Interface("eth0"),), (
        Configured(("v",), kind=Kind.VLAN, link="tun0", tag=4), Configured(("w",), kind=Kind.VLAN, link="eth0"),
        Configured(("br0",), kind=Kind.BRIDGE, members=("vnet0", "eth0")), Configured(("eth7",), dhcp=True),
        Configured(("wg0",), dhcp=True)))
    assert found.notes == (
        "network interface eth7 is configured and not there",
        "VLAN v is left out: its id or what carries it is missing",
        "VLAN w is left out: its id or what carries it is missing",
        "network interface vnet0 of br0 is left out: it is no hardware, bond or VLAN")
    assert ([nic.id for nic in found.nics], found.vlans, found.bridges[0].ports) == (["eth0", "eth7"], (), ("eth0",))


def test_what_two_want_the_first_gets() -> None:
    found = assemble((Interface("eth0"), Interface("eth1")), (
        Configured(("bond0",), kind=Kind.BOND, members=("eth0", "eth1"), mode="wild"),
        Configured(("bond1",), kind=Kind.BOND, members=("eth1",), mode="802.3ad"),
        Configured(("a",), kind=Kind.VLAN, link="bond0", tag=7),
        Configured(("b",), kind=Kind.VLAN, link="bond0", tag=7),
        Configured(("c",), kind=Kind.VLAN, link="bond0", tag=5000)))
    assert [(bond.members, bond.mode) for bond in found.bonds] == [(("eth0", "eth1"), "balance-rr"), ((), "802.3ad")]
    assert [vlan.id for vlan in found.vlans] == ["a"]
    assert found.notes == (
        "VLAN b is left out: bond0 carries that id already",
        "VLAN c is left out: its id or what carries it is missing",
        "network interface eth1 is left out of bond1: bond0 has it")


def test_an_interface_whose_name_is_no_id_keeps_its_name() -> None:
    found = assemble((Interface("_mgmt@1"),), (Configured(("_mgmt@1",), hops=(Hop("default", "192.0.2.1"),)),))
    assert (found.nics[0].id, found.nics[0].name, found.routes[0].link) == ("x_mgmt_1", "_mgmt@1", "x_mgmt_1")


def sysfs(world: World) -> None:
    for name, mac in (("eno1", "52:54:00:00:00:01"), ("eno2", "52:54:00:00:00:01"), ("eno3", "52:54:00:00:00:03")):
        world.put({f"/sys/class/net/{name}/address": mac + "\n", f"/sys/class/net/{name}/device/x": ""})
    world.put({"/sys/class/net/eno2/bonding_slave/perm_hwaddr": "52:54:00:00:00:02\n",
               "/sys/class/net/docker0/address": "02:42:00:00:00:01\n",
               "/sys/class/net/ib0/address": "80:00:02:08:" + "fe:" * 15 + "80\n", "/sys/class/net/ib0/device/x": ""})


LINKS: List[Dict[str, Any]] = [
    {"ifname": "lo", "addr_info": []},
    {"ifname": "eno1", "master": "bond9", "addr_info": []}, {"ifname": "eno2", "master": "bond9", "addr_info": []},
    {"ifname": "eno3", "addr_info": [{"family": "inet", "local": "192.0.2.9", "prefixlen": 24, "scope": "global"}]},
    {"ifname": "bond9", "master": "br9", "linkinfo": {"info_kind": "bond", "info_data": {
        "mode": "802.3ad", "miimon": 100, "ad_lacp_rate": "fast"}}, "addr_info": []},
    {"ifname": "bond9.7", "link": "bond9", "linkinfo": {"info_kind": "vlan", "info_data": {"id": 7}}, "addr_info": [
        {"family": "inet", "local": "10.0.7.5", "prefixlen": 24, "scope": "global", "dynamic": True}]},
    {"ifname": "br9", "linkinfo": {"info_kind": "bridge", "info_data": {"stp_state": 1}}, "addr_info": []},
    {"ifname": "veth1", "master": "docker0", "linkinfo": {"info_kind": "veth"}, "addr_info": []},
    {"ifname": "docker0", "linkinfo": {"info_kind": "bridge", "info_data": {}}, "addr_info": [
        {"family": "inet", "local": "172.17.0.1", "prefixlen": 16, "scope": "global"}]},
]


def test_live_state_of_what_nothing_configures(world: World) -> None:
    sysfs(world)
    world.put({"/etc/network/interfaces": "iface eno3 inet dhcp\n"})
    world.programs["ip", "-json", "-details"] = json.dumps(LINKS)
    world.programs["ip", "-json"] = "[]"
    found = probe_network()
    assert [(nic.id, nic.mac, nic.dhcp, nic.addresses, nic.manager) for nic in found.nics] == [
        ("eno1", "52:54:00:00:00:01", False, (), None), ("eno2", "52:54:00:00:00:02", False, (), None),
        ("eno3", "52:54:00:00:00:03", True, (), NetManager.IFUPDOWN)]
    assert [(bond.id, bond.members, bond.mode, bond.parameters) for bond in found.bonds] == [
        ("bond9", ("eno1", "eno2"), "802.3ad", ("lacp_rate=fast", "miimon=100"))]
    assert [(vlan.id, vlan.link, vlan.tag, vlan.dhcp) for vlan in found.vlans] == [("bond9.7", "bond9", 7, True)]
    assert [(bridge.id, bridge.ports, bridge.stp) for bridge in found.bridges] == [("br9", ("bond9",), True)]


def test_both_default_routes_of_a_live_interface_are_kept(world: World) -> None:
    sysfs(world)
    world.programs["ip", "-json", "-details"] = json.dumps(LINKS)
    world.programs["ip", "-json", "route"] = json.dumps([
        {"dst": "default", "gateway": "192.0.2.1", "dev": "eno3", "protocol": "static"}])
    world.programs["ip", "-json", "-6"] = json.dumps([
        {"dst": "default", "gateway": "2001:db8::1", "dev": "eno3", "protocol": "static"}])
    found = probe_network()
    assert found.nics[2].gateway == "192.0.2.1"
    assert [(route.destination, route.via) for route in found.routes] == [("::/0", "2001:db8::1")]


@pytest.mark.parametrize(("text", "leased", "wanted"), [
    ("nameserver 192.0.2.53\nsearch a b\ndomain c\noptions edns0 trust-ad\n", False,
     Dns(("192.0.2.53",), ("c",), ("edns0", "trust-ad"))),
    ("nameserver 192.0.2.53\n", True, None), ("# Generated by NetworkManager\nnameserver 192.0.2.53\n", False, None),
    ("", False, None)])
def test_resolv_conf_counts_only_as_somebodys_own_work(world: World, text: str, leased: bool,
                                                       wanted: Optional[Dns]) -> None:
    world.put({"/etc/resolv.conf": text})
    assert read_resolver(leased) == wanted


def test_a_linked_resolv_conf_is_a_programs_and_its_own_configuration_counts(world: World) -> None:
    world.put({"/run/x": "nameserver 192.0.2.1\n",
               "/etc/systemd/resolved.conf.d/a.conf": "[Resolve]\nDNS=192.0.2.53\n"})
    world.link({"/etc/resolv.conf": "/run/x"})
    assert read_resolver(False) == Dns(("192.0.2.53",))
    assert parse_resolv_conf("; c\nnameserver fe80::1%eth0\nnameserver x\n") == Dns(("fe80::1",))


def test_values_in_one_notation() -> None:
    assert [milliseconds(text) for text in ("100ms", "1", "1s", "0.5", "2min", "infinity")] == [
        "100", "1000", "1000", "500", "120000", "infinity"]
    assert [mode_name(text) for text in ("4", "active-backup", "9")] == ["802.3ad", "active-backup", "9"]
    assert [server_address(text) for text in (
        "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]:853%eth0#name", "2001:db8::1", "name")] == [
        "192.0.2.1", "192.0.2.1", "2001:db8::1", "2001:db8::1", None]


def test_of_several_default_routes_ipv4_is_the_gateway() -> None:
    entry = checked(Configured(("x",), hops=(
        Hop("default", "2001:db8::1"), Hop("0.0.0.0/0", "192.0.2.1"), Hop("default", "192.0.2.2", table="7"),
        Hop("10.1.2.3/8"), Hop("x/8"), Hop("10.0.0.0/8", "_dhcp4"))))
    assert entry.gateway == "192.0.2.1"
    assert entry.hops == (Hop("::/0", "2001:db8::1"), Hop("default", "192.0.2.2", table="7"), Hop("10.0.0.0/8"))

"""Configuration that people and programs have damaged never ends a capture, and what is made of it can be written."""

from __future__ import annotations

from typing import Tuple

from hypothesis import given, strategies as st

from sif.capture.bootconfig import grub_cmdline, parse_entry, parse_shell
from sif.capture.devices import parse_modinfo
from sif.capture.efi import parse_efibootmgr, parse_load_option
from sif.capture.fstab import parse_fstab, tag_of
from sif.capture.identity import fingerprint
from sif.capture.ini import parse_sections
from sif.capture.mountinfo import parse_mountinfo
from sif.capture.mountunits import parse_mount_unit
from sif.capture.net.assemble import Interface, assemble
from sif.capture.net.facts import Configured, Kind
from sif.capture.net.ifcfg import parse_ifcfg
from sif.capture.net.ifupdown import parse_interfaces
from sif.capture.net.keyfile import parse_keyfile
from sif.capture.net.netplan import parse_netplan
from sif.capture.net.networkd import parse_link, parse_netdev_file, parse_network_file
from sif.capture.net.yaml import NotPlain, parse_yaml
from sif.capture.trees import version_key
from sif.checks.network import check_network, check_topology
from sif.model import Firmware, Ref, System, SystemInformation, Version
from sif.writer import write_text

WORDS = st.sampled_from((
    "iface", "auto", "inet", "static", "dhcp", "eth0", "br0", "address", "192.0.2.1/24", "192.0.2.1", "2001:db8::1",
    "netmask", "gateway", "bond-slaves", "bond-mode", "bridge_ports", "vlan-raw-device", "hwaddress", "post-up", "ip",
    "route", "add", "via", "inherits", "[connection]", "[ipv4]", "[bond]", "[vlan]", "[bridge]", "[Match]", "[Network]",
    "[NetDev]", "[Route]", "[VLAN]", "type=", "Name=", "Kind=bond", "Kind=vlan", "Id=", "id=", "parent=", "address1=",
    "route1=", "DEVICE=", "IPADDR=", "BONDING_OPTS=", "VLAN=yes", "network:", "bonds:", "vlans:", "ethernets:", "- ",
    "  ", "\n", "\n", "\n", "{", "}", "[", "]", ":", ",", ";", "#", "'", '"', "=", "\\", "&", "4", "1.2.3", "x"))
TEXT = st.one_of(st.lists(WORDS, max_size=40).map(" ".join), st.lists(WORDS, max_size=40).map("".join), st.text())


def machine() -> SystemInformation:
    return SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id="5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", part=1,
                        parts=1),
        system=System(id="s", hostname="h", firmware=Firmware.BIOS, arch="x86_64", boot_fs=Ref("r"), root_fs=Ref("r")))


@given(TEXT)
def test_no_network_configuration_ends_a_capture(text: str) -> None:
    sections = parse_sections(text)
    parsed = (parse_network_file(sections), parse_netdev_file(sections), parse_keyfile(sections),
              parse_ifcfg(text, text))
    found: Tuple[Configured, ...] = (*parse_interfaces(text), *(entry for entry in parsed if entry is not None))
    parse_link(text)
    network = assemble((Interface("eth0", "52:54:00:00:00:01"),),
                       tuple(entry for entry in found if entry.match or entry.kind is Kind.NIC))
    info = network.into(machine())
    assert [problem for rule in (check_network, check_topology) for problem in rule(info)] == []
    write_text(info.records())


@given(TEXT)
def test_yaml_is_read_or_refused(text: str) -> None:
    try:
        parse_netplan(parse_yaml(text))
    except NotPlain as refused:
        assert 1 <= refused.line <= len(text.splitlines())


@given(TEXT)
def test_no_other_configuration_ends_a_capture(text: str) -> None:
    for line in parse_fstab(text):
        tag_of(line.spec)
    parse_mount_unit(parse_sections(text))
    parse_mountinfo(text)
    parse_modinfo(text)
    parse_efibootmgr(text)
    parse_entry(text)
    parse_shell(text)
    grub_cmdline(text, "6.1")
    fingerprint(text)
    version_key(text)


@given(st.binary(max_size=200))
def test_no_load_option_ends_a_capture(option: bytes) -> None:
    found = parse_load_option("0001", option)
    assert found is None or (found.partition and found.path)

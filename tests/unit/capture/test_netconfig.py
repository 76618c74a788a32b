"""What the configuration files of the network say, with recorded and hand-made files."""

from __future__ import annotations

import pytest

from sif.capture.netconfig import Configured, configuration_of, parse_interfaces, parse_network_file

INTERFACES = """\
auto lo
iface lo inet loopback
# the first one
allow-hotplug enp1s0
iface enp1s0 inet dhcp
auto enp2s0
iface enp2s0 inet static
    address 192.0.2.21
    netmask 255.255.255.0
    gateway 192.0.2.1   # router
    dns-nameservers 192.0.2.53 not-an-address
iface enp2s0 inet6 static
    address 2001:db8::21/64
    gateway 2001:db8::1
"""


def test_ifupdown() -> None:
    found = {entry.match[0]: entry for entry in parse_interfaces(INTERFACES)}
    assert found["enp1s0"] == Configured(("enp1s0",), dhcp=True)
    assert found["enp2s0"] == Configured(("enp2s0",), addresses=("192.0.2.21/24", "2001:db8::21/64"),
                                         gateway="192.0.2.1", dns=("192.0.2.53",))


@pytest.mark.parametrize(("text", "wanted"), [
    ("[Match]\nName=en*\n[Network]\nDHCP=yes\n", Configured(("en*",), dhcp=True)),
    ("[Match]\nName=en*\n[Network]\nDHCP=no\n", Configured(("en*",))),
    ("[Match]\nMACAddress=52:54:00:AB:cd:01\n[Network]\nAddress=192.0.2.5/24\nGateway=192.0.2.1\nDNS=192.0.2.53\n",
     Configured((), mac="52:54:00:ab:cd:01", addresses=("192.0.2.5/24",), gateway="192.0.2.1", dns=("192.0.2.53",))),
    ("[Match]\nName=a b\n[Network]\n[Route]\nGateway=_dhcp4\n", Configured(("a", "b"))),
    ("[Match]\nType=ether\n[Network]\nDHCP=yes\n", None),
])
def test_networkd(text: str, wanted: Configured) -> None:
    assert parse_network_file(text) == wanted


def test_the_first_file_that_matches_counts() -> None:
    entries = (Configured((), mac="52:54:00:00:00:01", dhcp=True), Configured(("en*",)))
    assert configuration_of("enp1s0", "52:54:00:00:00:01", entries) == entries[0]
    assert configuration_of("enp1s0", "52:54:00:00:00:02", entries) == entries[1]
    assert configuration_of("wlan0", "52:54:00:00:00:02", entries) is None

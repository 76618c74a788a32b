"""Network interfaces and what is built on them."""

from __future__ import annotations

from typing import ClassVar, Optional, Tuple

from sif.enums import NetManager
from sif.keys import Form, Ref, key
from sif.plain import dataclass


@dataclass(frozen=True)
class Nic:
    KIND: ClassVar[str] = "NIC"

    id: str
    mac: Optional[str] = key("permanent address; none for an interface that is configured and not there",
                             form=Form.QUOTED, default=None, identity=False, example='"b4:45:06:aa:bb:01"')
    driver: Optional[str] = key("kernel driver", default=None, identity=False, example='"tg3"')
    pci: Optional[str] = key("PCI address", default=None, identity=False, example='"0000:04:00.0"')
    addresses: Tuple[str, ...] = key("static addresses with prefix length", default=(), example='["192.0.2.21/24"]')
    dhcp: bool = key("whether the addresses come from DHCP", default=False, example="true")
    gateway: Optional[str] = key("default gateway", default=None, example='"192.0.2.1"')
    dns: Tuple[str, ...] = key("name servers", default=(), example='["192.0.2.53"]')
    search: Tuple[str, ...] = key("search domains", default=(), example='["example.org"]')
    mtu: Optional[int] = key("MTU as configured", unit="bytes", default=None, example="9000")
    manager: Optional[NetManager] = key("what configures it", default=None, example="networkd")
    name: Optional[str] = key("interface name, where the id cannot hold it", default=None, example='"enp4s0"')


@dataclass(frozen=True)
class Bond:
    KIND: ClassVar[str] = "BOND"

    id: str
    members: Tuple[Ref, ...] = key("its interfaces", refs=("NIC", "VLAN"), example="[enp4s0f0, enp4s0f1]")
    mode: str = key("bonding mode", form=Form.BARE, default="balance-rr", example="802.3ad")
    parameters: Tuple[str, ...] = key("further options, `name=value` as the kernel names them", default=(),
                                      example='["miimon=100", "lacp_rate=fast"]')
    mac: Optional[str] = key("address, where one is configured", form=Form.QUOTED, default=None, identity=False,
                             example='"b4:45:06:aa:bb:01"')
    addresses: Tuple[str, ...] = key("static addresses with prefix length", default=(), example='["192.0.2.21/24"]')
    dhcp: bool = key("whether the addresses come from DHCP", default=False, example="true")
    gateway: Optional[str] = key("default gateway", default=None, example='"192.0.2.1"')
    dns: Tuple[str, ...] = key("name servers", default=(), example='["192.0.2.53"]')
    search: Tuple[str, ...] = key("search domains", default=(), example='["example.org"]')
    mtu: Optional[int] = key("MTU as configured", unit="bytes", default=None, example="9000")
    manager: Optional[NetManager] = key("what configures it", default=None, example="networkd")


@dataclass(frozen=True)
class Vlan:
    KIND: ClassVar[str] = "VLAN"

    id: str
    link: Ref = key("interface that carries it", refs=("NIC", "BOND", "BRIDGE"), example="bond0")
    tag: int = key("VLAN id, 1 to 4094", example="42")
    addresses: Tuple[str, ...] = key("static addresses with prefix length", default=(), example='["192.0.2.21/24"]')
    dhcp: bool = key("whether the addresses come from DHCP", default=False, example="true")
    gateway: Optional[str] = key("default gateway", default=None, example='"192.0.2.1"')
    dns: Tuple[str, ...] = key("name servers", default=(), example='["192.0.2.53"]')
    search: Tuple[str, ...] = key("search domains", default=(), example='["example.org"]')
    mtu: Optional[int] = key("MTU as configured", unit="bytes", default=None, example="9000")
    manager: Optional[NetManager] = key("what configures it", default=None, example="networkd")


@dataclass(frozen=True)
class Bridge:
    KIND: ClassVar[str] = "BRIDGE"

    id: str
    ports: Tuple[Ref, ...] = key("its interfaces", refs=("NIC", "BOND", "VLAN"), default=(), example="[bond0]")
    stp: bool = key("spanning tree", default=False, example="false")
    parameters: Tuple[str, ...] = key("further options, `name=value`", default=(), example='["forward_delay=0"]')
    mac: Optional[str] = key("address, where one is configured", form=Form.QUOTED, default=None, identity=False,
                             example='"b4:45:06:aa:bb:01"')
    addresses: Tuple[str, ...] = key("static addresses with prefix length", default=(), example='["192.0.2.21/24"]')
    dhcp: bool = key("whether the addresses come from DHCP", default=False, example="true")
    gateway: Optional[str] = key("default gateway", default=None, example='"192.0.2.1"')
    dns: Tuple[str, ...] = key("name servers", default=(), example='["192.0.2.53"]')
    search: Tuple[str, ...] = key("search domains", default=(), example='["example.org"]')
    mtu: Optional[int] = key("MTU as configured", unit="bytes", default=None, example="9000")
    manager: Optional[NetManager] = key("what configures it", default=None, example="networkd")


@dataclass(frozen=True)
class Route:
    """A configured route that is not an interface's default gateway."""

    KIND: ClassVar[str] = "ROUTE"

    id: str
    destination: str = key("network with prefix length, or `default`", example='"198.51.100.0/24"')
    link: Ref = key("interface", refs=("NIC", "BOND", "VLAN", "BRIDGE"), example="enp4s0")
    via: Optional[str] = key("next hop", default=None, example='"192.0.2.254"')
    metric: Optional[int] = key("metric", default=None, example="100")
    table: Optional[str] = key("routing table that is not the main one", default=None, example='"100"')
    source: Optional[str] = key("preferred source address", default=None, example='"192.0.2.21"')


@dataclass(frozen=True)
class Dns:
    """The resolver of the whole system, as configured outside the interfaces."""

    KIND: ClassVar[str] = "DNS"
    ID_LESS: ClassVar[bool] = True

    servers: Tuple[str, ...] = key("name servers", default=(), example='["192.0.2.53"]')
    search: Tuple[str, ...] = key("search domains", default=(), example='["example.org"]')
    options: Tuple[str, ...] = key("options of resolv.conf", default=(), example='["edns0"]')

"""The network: addresses are addresses, and what is built on interfaces can be built."""

from __future__ import annotations

import ipaddress
from typing import Callable, Dict, Iterator, Optional, Tuple, Union

from sif.checks.common import bad
from sif.later import regex
from sif.model import Bond, Bridge, Dns, Nic, Record, Ref, Route, SystemInformation, Vlan
from sif.problems import Problem

MAC = regex(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
NAME = regex(r"[^/:\s]{1,15}")
_DOMAIN_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
DOMAIN = regex(rf"{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*\.?")
OPTION = regex(r"[a-z][a-z0-9_]*=[!-~]+")
BONDING_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
"""By the kernel's numbers."""
TABLE = regex(r"[A-Za-z0-9_.-]+")
MIN_MTU, MAX_MTU = 68, 65535
MAX_TAG = 4094

Interface = Union[Nic, Bond, Vlan, Bridge]


def check_network(info: SystemInformation) -> Iterator[Problem]:
    """Names, addresses and sizes of every interface, routes and name servers."""
    interfaces: Tuple[Interface, ...] = (*info.nics, *info.bonds, *info.vlans, *info.bridges)
    for record in interfaces:
        yield from _check_interface(record)
    for route in info.routes:
        yield from _check_route(route)
    if info.dns is not None:
        yield from _values(info.dns, "servers", info.dns.servers, ipaddress.ip_address, "addresses")
        yield from _domains(info.dns, info.dns.search)
    seen: Dict[str, Interface] = {}
    for record in interfaces:
        name = _name(record)
        if name in seen:
            yield bad(record, "name" if isinstance(record, Nic) and record.name else "",
                      f"another interface of that name: [{seen[name].KIND} {seen[name].id}]", found=name)
        seen[name] = record


def check_topology(info: SystemInformation) -> Iterator[Problem]:
    """An interface belongs to one bond or bridge, and a VLAN's id is used once on what carries it."""
    taken: Dict[str, Union[Bond, Bridge]] = {}
    for bond in info.bonds:
        if bond.mode not in BONDING_MODES:
            yield bad(bond, "mode", "not a bonding mode", found=bond.mode, wanted=", ".join(BONDING_MODES))
        yield from _options(bond, bond.parameters)
        yield from _claim(bond, "members", bond.members, taken)
    for bridge in info.bridges:
        yield from _options(bridge, bridge.parameters)
        yield from _claim(bridge, "ports", bridge.ports, taken)
    carried: Dict[Tuple[str, int], Vlan] = {}
    for vlan in info.vlans:
        if not 1 <= vlan.tag <= MAX_TAG:
            yield bad(vlan, "tag", "not a VLAN id", found=str(vlan.tag), wanted=f"1 to {MAX_TAG}")
        other = carried.setdefault((vlan.link, vlan.tag), vlan)
        if other is not vlan:
            yield bad(vlan, "tag", f"{vlan.link} already carries it: [VLAN {other.id}]", found=str(vlan.tag))


def _name(record: Interface) -> str:
    return (record.name if isinstance(record, Nic) else None) or record.id


def _check_interface(record: Interface) -> Iterator[Problem]:
    if not NAME.fullmatch(_name(record)):
        yield bad(record, "name" if isinstance(record, Nic) and record.name else "", "not a network interface's name",
                  found=_name(record), wanted="at most 15 characters, no space, slash or colon")
    mac = None if isinstance(record, Vlan) else record.mac
    if mac is not None and not MAC.fullmatch(mac):
        yield bad(record, "mac", "not a hardware address", found=mac, wanted="aa:bb:cc:dd:ee:ff in lower case")
    yield from _values(record, "addresses", record.addresses, ipaddress.ip_interface, "address/prefix length")
    yield from _values(record, "gateway", _one(record.gateway), ipaddress.ip_address, "an address")
    yield from _values(record, "dns", record.dns, ipaddress.ip_address, "addresses")
    yield from _domains(record, record.search)
    if record.mtu is not None and not MIN_MTU <= record.mtu <= MAX_MTU:
        yield bad(record, "mtu", "not an MTU", found=str(record.mtu), wanted=f"{MIN_MTU} to {MAX_MTU}")


def _check_route(route: Route) -> Iterator[Problem]:
    family = None
    if route.destination != "default":
        try:
            family = ipaddress.ip_network(route.destination).version
        except ValueError:
            yield bad(route, "destination", "not a network", found=route.destination,
                      wanted="network/prefix length without host bits, or default")
    for key, value in (("via", route.via), ("source", route.source)):
        yield from _values(route, key, _one(value), ipaddress.ip_address, "an address")
        version = _version(value)
        # an IPv4 network may lie behind an IPv6 router (RFC 8950), the other way round there is nothing
        if key == "via" and family == 6 and version == 4:
            yield bad(route, key, "an IPv4 router for an IPv6 network", found=value, wanted="an IPv6 address")
    if route.table is not None and not TABLE.fullmatch(route.table):
        yield bad(route, "table", "not a routing table", found=route.table, wanted="a number or a name")


def _version(value: Optional[str]) -> Optional[int]:
    try:
        return ipaddress.ip_address(value).version if value else None
    except ValueError:
        return None


def _one(value: Optional[str]) -> Tuple[str, ...]:
    return (value,) if value is not None else ()


def _values(record: Record, key: str, values: Tuple[str, ...], parse: Callable[[str], object],
            wanted: str) -> Iterator[Problem]:
    for value in values:
        try:
            parse(value)
        except ValueError:
            yield bad(record, key, "not an address", found=value, wanted=wanted)


def _domains(record: Union[Interface, Dns], search: Tuple[str, ...]) -> Iterator[Problem]:
    for domain in search:
        if not DOMAIN.fullmatch(domain) or len(domain) > 254:
            yield bad(record, "search", "not a domain", found=domain, wanted="letters, digits, - and dots")


def _options(record: Union[Bond, Bridge], values: Tuple[str, ...]) -> Iterator[Problem]:
    for value in values:
        if not OPTION.fullmatch(value):
            yield bad(record, "parameters", "not a parameter", found=value, wanted="name=value")


def _claim(record: Union[Bond, Bridge], key: str, members: Tuple[Ref, ...],
           taken: Dict[str, Union[Bond, Bridge]]) -> Iterator[Problem]:
    for member in members:
        other = taken.setdefault(member, record)
        if other is not record:
            yield bad(record, key, f"{member} already belongs to [{other.KIND} {other.id}]")

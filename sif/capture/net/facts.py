"""What a configuration says of one interface, whichever program reads it, and values in one notation."""

from __future__ import annotations

import ipaddress
import re
from enum import Enum
from typing import Iterable, Mapping, Optional, Tuple

from sif.checks.network import BONDING_MODES, DOMAIN, MAC, MAX_MTU, MAX_TAG, MIN_MTU, OPTION, TABLE
from sif.model import NetManager
from sif.plain import dataclass, replace

_DEFAULTS = ("default", "::/0")


class Kind(Enum):
    NIC = "nic"
    BOND = "bond"
    VLAN = "vlan"
    BRIDGE = "bridge"


@dataclass(frozen=True)
class Hop:
    """One configured route; ``destination`` is a network or ``default``."""

    destination: str
    via: Optional[str] = None
    metric: Optional[int] = None
    table: Optional[str] = None
    source: Optional[str] = None


@dataclass(frozen=True)
class Configured:
    """How one interface is configured.

    ``match`` are name patterns, ``mac`` is the hardware address of the interfaces it is for. ``members`` are a bond's
    or a bridge's interfaces, ``master`` is what the interface itself belongs to, ``carries`` names the VLANs on it,
    ``link`` and ``tag`` make a VLAN.
    """

    match: Tuple[str, ...]
    mac: Optional[str] = None
    addresses: Tuple[str, ...] = ()
    dhcp: bool = False
    gateway: Optional[str] = None
    dns: Tuple[str, ...] = ()
    search: Tuple[str, ...] = ()
    mtu: Optional[int] = None
    hops: Tuple[Hop, ...] = ()
    manager: Optional[NetManager] = None
    kind: Kind = Kind.NIC
    members: Tuple[str, ...] = ()
    master: Optional[str] = None
    carries: Tuple[str, ...] = ()
    link: Optional[str] = None
    tag: Optional[int] = None
    mode: Optional[str] = None
    stp: bool = False
    parameters: Tuple[str, ...] = ()
    own_mac: Optional[str] = None
    types: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of an interface that this configuration makes."""
        return self.match[0]


def checked(entry: Configured) -> Configured:
    """The entry with plain values only: prefix lengths added, words like ``_dhcp4`` dropped, each value once.

    The first default route becomes the gateway (IPv4 before IPv6), further ones stay routes.
    """
    hops = [hop for hop in map(_hop, entry.hops) if hop is not None]
    gateway = entry.gateway if entry.gateway and is_address(entry.gateway) else None
    plain = [hop for hop in hops if hop.destination in _DEFAULTS and hop == Hop(hop.destination, hop.via) and hop.via]
    if gateway is None and plain:
        first = min(plain, key=lambda hop: _DEFAULTS.index(hop.destination))
        gateway = first.via
        hops = [hop for hop in hops if hop != first]
    return replace(
        entry, addresses=_each(text for text in map(_interface, entry.addresses) if text),
        gateway=gateway, hops=tuple(dict.fromkeys(hops)),
        dns=_each(server for server in map(server_address, entry.dns) if server), search=_each(entry.search))


def settled(entry: Configured) -> Configured:
    """The entry without what can be no setting of an interface: a damaged line must not end a capture."""
    mac = (entry.own_mac or "").lower().replace("-", ":")
    return replace(
        entry, search=tuple(domain for domain in entry.search if DOMAIN.fullmatch(domain) and len(domain) <= 254),
        mtu=entry.mtu if entry.mtu is not None and MIN_MTU <= entry.mtu <= MAX_MTU else None,
        own_mac=mac if MAC.fullmatch(mac) else None, mode=entry.mode if entry.mode in BONDING_MODES else None,
        tag=entry.tag if entry.tag is not None and 1 <= entry.tag <= MAX_TAG else None,
        parameters=tuple(value for value in entry.parameters if OPTION.fullmatch(value)),
        hops=tuple(replace(hop, table=hop.table if hop.table and TABLE.fullmatch(hop.table) else None,
                           source=hop.source if hop.source and is_address(hop.source) else None)
                   for hop in entry.hops if not (hop.via and ":" not in hop.via and ":" in hop.destination)))


def _each(values: Iterable[str]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _hop(hop: Hop) -> Optional[Hop]:
    """A route in one notation; None when its values are none."""
    via = hop.via if hop.via and is_address(hop.via) else None
    if hop.via and via is None:
        return None
    if hop.destination in ("default", "0.0.0.0/0"):
        return replace(hop, destination="::/0" if via and ":" in via else "default", via=via)
    try:
        network = ipaddress.ip_network(hop.destination, strict=False)
    except ValueError:
        return None
    return replace(hop, destination=str(network), via=via)


def _interface(text: str) -> Optional[str]:
    try:
        return str(ipaddress.ip_interface(text))
    except ValueError:
        return None


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def server_address(text: str) -> Optional[str]:
    """The address of a name server: without port, interface and server name (``[2001:db8::1]:853%eth0#name``)."""
    plain = text.partition("#")[0].partition("%")[0]
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::\d+)?", plain)
    if bracketed:
        plain = bracketed.group(1)
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    return plain if is_address(plain) else None


def number(text: Optional[str]) -> Optional[int]:
    """A decimal number, or None."""
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text.strip()) else None


def milliseconds(text: str) -> str:
    """A time span of systemd or netplan as the kernel's milliseconds: a plain number is seconds for the former."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(us|ms|s|sec|min|m)?", text.strip())
    if not found:
        return text
    scale = {"us": 0.001, "ms": 1, None: 1000, "s": 1000, "sec": 1000, "min": 60000, "m": 60000}[found.group(2)]
    return str(int(float(found.group(1)) * scale))


def mode_name(text: str) -> str:
    """A bonding mode by name."""
    index = number(text)
    return BONDING_MODES[index] if index is not None and index < len(BONDING_MODES) else text


def parameters(pairs: Mapping[str, str]) -> Tuple[str, ...]:
    """``name=value`` sorted by name; spaces inside a value become commas, as the kernel takes lists."""
    return tuple(f"{name}={','.join(value.split())}" for name, value in sorted(pairs.items()) if value)

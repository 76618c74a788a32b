"""Interfaces and their configurations, put together as the records of a set. Decisions only."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from sif.capture.lvm import identifier
from sif.capture.net.facts import Configured, Kind, settled
from sif.checks.network import NAME
from sif.later import regex
from sif.model import Bond, Bridge, Dns, Nic, Ref, Route, SystemInformation, Vlan
from sif.plain import dataclass, replace

_HARDWARE_NAME = regex(r"(en|eth|em|ib|lan|p[0-9]+p)[a-z0-9]*")
_MEMBERS = {Kind.BOND: (Kind.NIC, Kind.VLAN), Kind.BRIDGE: (Kind.NIC, Kind.BOND, Kind.VLAN)}
_CARRIERS = (Kind.NIC, Kind.BOND, Kind.BRIDGE)


@dataclass(frozen=True)
class Interface:
    """A network interface that is hardware."""

    name: str
    mac: Optional[str] = None
    driver: Optional[str] = None
    pci: Optional[str] = None


@dataclass(frozen=True)
class Network:
    """The sections of the network, and what could not be carried."""

    nics: Tuple[Nic, ...] = ()
    bonds: Tuple[Bond, ...] = ()
    vlans: Tuple[Vlan, ...] = ()
    bridges: Tuple[Bridge, ...] = ()
    routes: Tuple[Route, ...] = ()
    dns: Optional[Dns] = None
    notes: Tuple[str, ...] = ()

    def uses_dhcp(self) -> bool:
        """Whether an interface gets its addresses from a server."""
        made: Tuple[Union[Nic, Bond, Vlan, Bridge], ...] = (*self.nics, *self.bonds, *self.vlans, *self.bridges)
        return any(record.dhcp for record in made)

    def with_dns(self, dns: Optional[Dns]) -> "Network":
        return replace(self, dns=dns)

    def into(self, info: SystemInformation) -> SystemInformation:
        """``info`` with its network replaced by this one."""
        return replace(info, nics=self.nics, bonds=self.bonds, vlans=self.vlans, bridges=self.bridges,
                       routes=self.routes, dns=self.dns)


def assemble(hardware: Sequence[Interface], configured: Sequence[Configured], live: Sequence[Configured] = (),
             mtu_of: Optional[Mapping[str, int]] = None, notes: Sequence[str] = ()) -> Network:
    """The records: every hardware interface, and what is configured or, unconfigured, there now on top of it.

    The first configuration that matches an interface counts, and ``live`` only where none does. ``mtu_of`` gives MTUs
    by hardware address or name. A configured interface that is not there is kept without hardware when its name is
    one of hardware, or when something is built on it.
    """
    configured, live = tuple(map(settled, configured)), tuple(map(settled, live))
    made: Dict[str, Configured] = {}
    for entry in (*configured, *live):
        if entry.kind is not Kind.NIC and NAME.fullmatch(entry.name):
            made.setdefault(entry.name, entry)
    present = {interface.name: interface for interface in hardware if interface.name not in made}
    named = {entry.name for entry in live}
    absent = sorted(_absent(configured, {*present, *made, *named}, made))
    present.update((name, Interface(name)) for name in absent)
    facts = {name: _of(interface, configured, live) for name, interface in present.items()}
    return _Records(present, facts, made, mtu_of or {}, [*notes, *(
        f"network interface {name} is configured and not there" for name in absent)]).network()


def _absent(configured: Sequence[Configured], known: "set[str]", made: Mapping[str, Configured]) -> "set[str]":
    needed = {name for entry in made.values() for name in (*entry.members, entry.link) if name}
    exact = {name for entry in configured if entry.kind is Kind.NIC for name in entry.match
             if not re.search(r"[*?\[!]", name)}
    return {name for name in exact | needed if name not in known and NAME.fullmatch(name)
            and (_HARDWARE_NAME.fullmatch(name) or (name in needed and name in exact))}


def configuration_of(interface: Interface, entries: Sequence[Configured]) -> Optional[Configured]:
    """The first entry that matches an interface; None when no file configures it."""
    return next((entry for entry in entries if entry.kind is Kind.NIC and _matches(interface, entry)), None)


def _matches(interface: Interface, entry: Configured) -> bool:
    if entry.mac is not None:
        return entry.mac == interface.mac
    if entry.match:
        return any(fnmatch.fnmatchcase(interface.name, pattern) for pattern in entry.match)
    return "ether" in entry.types


def _of(interface: Interface, configured: Sequence[Configured], live: Sequence[Configured]) -> Configured:
    found = configuration_of(interface, configured) or configuration_of(interface, live)
    return found or Configured((interface.name,))


class _Records:
    """Builds the records by name; every name becomes an id."""

    def __init__(self, present: Mapping[str, Interface], facts: Mapping[str, Configured],
                 made: Mapping[str, Configured], mtu_of: Mapping[str, int], notes: List[str]) -> None:
        self._present, self._facts, self._made = present, facts, dict(made)
        self._mtu_of, self._notes = mtu_of, notes
        self._taken: Dict[str, str] = {}
        self._links = {name: link for name, entry in made.items() if entry.kind is Kind.VLAN
                       for link in (self._link(name, entry),)}
        carried: Dict[Tuple[str, Optional[int]], str] = {}
        for name, link in sorted(self._links.items()):
            if link is None or carried.setdefault((link, self._made[name].tag), name) != name:
                self._notes.append(f"VLAN {name} is left out: " + (
                    f"{link} carries that id already" if link else "its id or what carries it is missing"))
                del self._made[name]

    def network(self) -> Network:
        nics = tuple(self._nic(name) for name in sorted(self._present))
        by_kind: Dict[Kind, List[str]] = {kind: [] for kind in Kind}
        for name in sorted(self._made):
            by_kind[self._made[name].kind].append(name)
        return Network(
            nics=nics, bonds=tuple(self._bond(name) for name in by_kind[Kind.BOND]),
            vlans=tuple(self._vlan(name) for name in by_kind[Kind.VLAN]),
            bridges=tuple(self._bridge(name) for name in by_kind[Kind.BRIDGE]),
            routes=tuple(route for name in sorted((*self._present, *self._made)) for route in self._routes(name)),
            notes=tuple(self._notes))

    def _entry(self, name: str) -> Configured:
        return self._made[name] if name in self._made else self._facts[name]

    def _kind(self, name: str) -> Optional[Kind]:
        if name in self._made:
            return self._made[name].kind
        return Kind.NIC if name in self._present else None

    def _common(self, name: str, mac: Optional[str] = None) -> Dict[str, Any]:
        entry = self._entry(name)
        mtu = entry.mtu or self._mtu_of.get(name.lower()) or self._mtu_of.get(mac or "")
        return dict(id=identifier(name), addresses=entry.addresses, dhcp=entry.dhcp, gateway=entry.gateway,
                    dns=entry.dns, search=entry.search, mtu=mtu, manager=entry.manager)

    def _nic(self, name: str) -> Nic:
        interface = self._present[name]
        return Nic(**self._common(name, interface.mac), mac=interface.mac, driver=interface.driver, pci=interface.pci,
                   name=name if identifier(name) != name else None)

    def _bond(self, name: str) -> Bond:
        entry = self._made[name]
        return Bond(**self._common(name), members=self._members(name, entry), mode=entry.mode or "balance-rr",
                    parameters=entry.parameters, mac=entry.own_mac)

    def _bridge(self, name: str) -> Bridge:
        entry = self._made[name]
        return Bridge(**self._common(name), ports=self._members(name, entry), stp=entry.stp,
                      parameters=entry.parameters, mac=entry.own_mac)

    def _vlan(self, name: str) -> Vlan:
        entry = self._made[name]
        return Vlan(**self._common(name), link=Ref(identifier(str(self._links[name]))), tag=entry.tag or 0)

    def _members(self, name: str, entry: Configured) -> Tuple[Ref, ...]:
        joined = [other for other in sorted((*self._present, *self._made)) if self._entry(other).master == name]
        found: List[Ref] = []
        for member in dict.fromkeys((*entry.members, *joined)):
            if self._kind(member) not in _MEMBERS[entry.kind]:
                self._notes.append(f"network interface {member} of {name} is left out: it is no hardware, bond or VLAN")
            elif self._taken.setdefault(member, name) != name:
                self._notes.append(f"network interface {member} is left out of {name}: {self._taken[member]} has it")
            else:
                found.append(Ref(identifier(member)))
        return tuple(found)

    def _link(self, name: str, entry: Configured) -> Optional[str]:
        """What carries a VLAN: named by it, or naming it."""
        link = entry.link or next((other for other in sorted((*self._present, *self._made))
                                   if name in self._entry(other).carries), None)
        return link if link is not None and self._kind(link) in _CARRIERS and entry.tag is not None else None

    def _routes(self, name: str) -> Tuple[Route, ...]:
        return tuple(
            Route(id=f"{identifier(name)}-{at}", destination=hop.destination, link=Ref(identifier(name)), via=hop.via,
                  metric=hop.metric, table=hop.table, source=hop.source)
            for at, hop in enumerate(self._entry(name).hops, 1))

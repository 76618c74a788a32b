"""How the configuration files of ifupdown and systemd-networkd address the interfaces.

What is configured counts before what is there at the moment: a lease that has not come yet, or a cable that is out,
must not change the description of the machine. Sources: interfaces(5), systemd.network(5).
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Sequence, Tuple

from sif import look

IFUPDOWN = "/etc/network/interfaces"
NETWORKD = ("/etc/systemd/network", "/run/systemd/network")


@dataclass(frozen=True)
class Configured:
    """How one interface is configured; ``match`` are name patterns, ``mac`` a hardware address."""

    match: Tuple[str, ...]
    mac: Optional[str] = None
    addresses: Tuple[str, ...] = ()
    dhcp: bool = False
    gateway: Optional[str] = None
    dns: Tuple[str, ...] = ()


def parse_interfaces(text: str) -> Tuple[Configured, ...]:
    """The ``iface`` stanzas of ifupdown, several of one interface joined."""
    found: Dict[str, Configured] = {}
    name = mask = None
    for raw in text.splitlines():
        words = raw.split("#", 1)[0].split()
        if not words:
            continue
        if words[0] == "iface" and len(words) >= 4:
            name, mask = words[1], None
            entry = found.setdefault(name, Configured((name,)))
            found[name] = replace(entry, dhcp=entry.dhcp or words[3] == "dhcp")
        elif words[0] in ("auto", "allow-hotplug", "source", "source-directory", "mapping") or name is None:
            name = None if words[0] == "mapping" else name
        elif words[0] == "netmask" and len(words) > 1:
            mask = words[1]
            entry = found[name]
            if entry.addresses and "/" not in entry.addresses[-1]:
                found[name] = replace(entry, addresses=(*entry.addresses[:-1], f"{entry.addresses[-1]}/{mask}"))
        elif len(words) > 1:
            found[name] = _option(found[name], words[0], words[1:], mask)
    return tuple(_checked(entry) for entry in found.values())


def _option(entry: Configured, option: str, values: List[str], mask: Optional[str]) -> Configured:
    if option == "address":
        address = values[0] if "/" in values[0] or mask is None else f"{values[0]}/{mask}"
        return replace(entry, addresses=(*entry.addresses, address))
    if option == "gateway" and entry.gateway is None:
        return replace(entry, gateway=values[0])
    if option == "dns-nameservers":
        return replace(entry, dns=(*entry.dns, *values))
    return entry


def parse_network_file(text: str) -> Optional[Configured]:
    """A systemd-networkd ``.network`` file; None if it matches by something else than name or MAC."""
    section = ""
    values: Dict[Tuple[str, str], List[str]] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            values.setdefault((section, key.strip()), []).append(value.strip())
    names = " ".join(values.get(("Match", "Name"), [])).split()
    macs = " ".join(values.get(("Match", "MACAddress"), [])).split()
    if not names and not macs:
        return None
    dhcp = (values.get(("Network", "DHCP")) or ["no"])[-1].lower() not in ("no", "false", "off", "none", "0")
    gateways = (*values.get(("Network", "Gateway"), ()), *values.get(("Route", "Gateway"), ()))
    return _checked(Configured(
        match=tuple(names), mac=macs[0].lower() if macs else None, dhcp=dhcp, gateway=gateways[0] if gateways else None,
        addresses=(*values.get(("Network", "Address"), ()), *values.get(("Address", "Address"), ())),
        dns=tuple(" ".join(values.get(("Network", "DNS"), [])).split())))


def _checked(entry: Configured) -> Configured:
    """The entry with plain addresses only: hash lengths added, words like ``_dhcp4`` dropped."""
    return replace(
        entry, addresses=tuple(text for text in map(_interface, entry.addresses) if text),
        gateway=entry.gateway if entry.gateway and _is_address(entry.gateway) else None,
        dns=tuple(dict.fromkeys(word for word in entry.dns if _is_address(word))))


def _interface(text: str) -> Optional[str]:
    try:
        return str(ipaddress.ip_interface(text))
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def configuration_of(name: str, mac: str, entries: Sequence[Configured]) -> Optional[Configured]:
    """The first entry that matches an interface; None when no file configures it."""
    for entry in entries:
        if entry.mac == mac or any(fnmatch.fnmatchcase(name, pattern) for pattern in entry.match):
            return entry
    return None


def read_configuration() -> Tuple[Configured, ...]:
    """What ifupdown's and systemd-networkd's files configure, ifupdown first."""
    folder = f"{IFUPDOWN}.d"
    parts = [f"{folder}/{name}" for name in look.entries(folder) if re.fullmatch(r"[A-Za-z0-9_.-]+", name)]
    texts = [look.text_or(path) for path in (IFUPDOWN, *parts)]
    found = list(parse_interfaces("\n".join(texts)))
    for directory in NETWORKD:
        for name in look.entries(directory):
            entry = parse_network_file(look.text_or(f"{directory}/{name}")) if name.endswith(".network") else None
            if entry is not None:
                found.append(entry)
    return tuple(found)

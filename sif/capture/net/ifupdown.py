"""Debian's ``/etc/network/interfaces``: addresses, bonds, VLANs, bridges, routes.

Source: interfaces(5), and the documentation of the packages ifenslave, vlan and bridge-utils.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

from sif import look
from sif.capture.net.facts import Configured, Hop, Kind, checked, mode_name, number, parameters
from sif.later import regex
from sif.model import NetManager
from sif.plain import dataclass, field, replace

INTERFACES = "/etc/network/interfaces"
_MAX_SOURCES = 200
_ENDS = ("auto", "mapping", "source", "source-directory", "no-auto-down", "no-scripts", "rename")
_HOOKS = ("up", "post-up", "pre-up")
_VLAN_NAME = regex(r"(?:(.+)\.|vlan)([0-9]{1,4})")
_NO_PORTS = ("none", "all", "regex", "noregex")


@dataclass
class _Stanza:
    """One ``iface``: its family, method and options in order."""

    name: str
    family: str
    method: str
    options: List[Tuple[str, str]] = field(default_factory=list)

    def get(self, *names: str) -> Optional[str]:
        """The first of the options that is set; ``-`` and ``_`` are the same."""
        wanted = {name.replace("-", "_") for name in names}
        return next((value for name, value in self.options if name.replace("-", "_") in wanted), None)

    def all(self, *names: str) -> Tuple[str, ...]:
        return tuple(value for name, value in self.options if name in names)


def parse_interfaces(text: str) -> Tuple[Configured, ...]:
    """The interfaces of ifupdown; several stanzas of one are joined, the loopback is left out."""
    stanzas: Dict[str, List[_Stanza]] = {}
    for stanza in _stanzas(text):
        if stanza.method != "loopback":
            stanzas.setdefault(stanza.name, []).append(stanza)
    return tuple(checked(_joined(name, parts)) for name, parts in stanzas.items())


def _stanzas(text: str) -> Iterator[_Stanza]:
    current: Optional[_Stanza] = None
    seen: Dict[str, _Stanza] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = line.strip().split(None, 1)
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "iface":
            if current is not None:
                yield current
            current = _begin(words[1].split() if len(words) > 1 else [], seen)
        elif words[0] in _ENDS or words[0].startswith("allow-"):
            if current is not None:
                yield current
            current = None
        elif current is not None and len(words) > 1:
            value = words[1] if words[0] in _HOOKS else re.sub(r"\s#.*", "", words[1])
            current.options.append((words[0], value.strip()))
    if current is not None:
        yield current


def _begin(words: Sequence[str], seen: Dict[str, _Stanza]) -> Optional[_Stanza]:
    if not words:
        return None
    plain = [word for word in words[1:] if word != "inherits"]
    parent = seen.get(words[words.index("inherits") + 1]) if "inherits" in words[:-1] else None
    if parent is not None:
        plain.remove(parent.name)
    family, method = (plain + ["", ""])[:2] if plain else ("inet", "static")
    stanza = _Stanza(words[0], family, method, list(parent.options) if parent else [])
    seen[words[0]] = stanza
    return stanza


def _joined(name: str, parts: Sequence[_Stanza]) -> Configured:
    entry = Configured((name,), manager=NetManager.IFUPDOWN)
    for part in parts:
        mask = part.get("netmask")
        addresses = tuple(text if "/" in text or mask is None else f"{text}/{mask}"
                          for text in (value.split()[0] for value in part.all("address")))
        hops = [Hop("default", via, metric=number(part.get("metric"))) for via in part.all("gateway")[:1]]
        hops += [hop for name_, value in part.options if name_ in _HOOKS for hop in (_route(value),) if hop]
        servers, domains = part.get("dns-nameservers", "dns-nameserver"), part.get("dns-search", "dns-domain")
        entry = replace(
            entry, dhcp=entry.dhcp or part.method == "dhcp",
            addresses=(*entry.addresses, *(addresses if part.method == "static" else ())),
            dns=(*entry.dns, *(servers or "").split()), search=(*entry.search, *(domains or "").split()),
            mtu=entry.mtu or number(part.get("mtu")), hops=(*entry.hops, *hops),
            own_mac=entry.own_mac or _hardware(part.get("hwaddress")))
        entry = _built(entry, part)
    return entry


def _hardware(value: Optional[str]) -> Optional[str]:
    """``hwaddress [ether] ADDRESS``"""
    return value.split()[-1].lower() if value and re.fullmatch(r"[0-9A-Fa-f:]{17}", value.split()[-1]) else None


def _built(entry: Configured, part: _Stanza) -> Configured:
    """The entry with what makes it a bond, a VLAN or a bridge."""
    master = part.get("bond-master")
    if master:
        return replace(entry, master=master)
    slaves = part.get("bond-slaves", "slaves")
    if slaves is not None or part.get("bond-mode"):
        return replace(
            entry, kind=Kind.BOND, mode=mode_name(part.get("bond-mode") or "balance-rr"),
            members=() if slaves in (None, "none") else tuple(str(slaves).split()),
            parameters=_prefixed(part, "bond", ("slaves", "mode", "master")))
    ports = part.get("bridge-ports")
    if ports is not None:
        return replace(
            entry, kind=Kind.BRIDGE, members=tuple(word for word in ports.split() if word not in _NO_PORTS),
            stp=(part.get("bridge-stp") or "off") in ("on", "yes", "1"),
            parameters=_prefixed(part, "bridge", ("ports", "stp")))
    made = _VLAN_NAME.fullmatch(entry.name)
    link = part.get("vlan-raw-device") or (made.group(1) if made else None)
    tag = number(part.get("vlan-id")) or (int(made.group(2)) if made else None)
    return replace(entry, kind=Kind.VLAN, link=link, tag=tag) if link and tag is not None else entry


def _prefixed(part: _Stanza, prefix: str, without: Sequence[str]) -> Tuple[str, ...]:
    found: Dict[str, str] = {}
    for name, value in part.options:
        start, _, rest = name.replace("-", "_").partition("_")
        if start == prefix and rest and rest not in without:
            found.setdefault({"fd": "forward_delay"}.get(rest, rest), value)
    return parameters(found)


def _route(command: str) -> Optional[Hop]:
    """``ip route add ...`` and ``route add ...`` of a hook; None for other commands."""
    words = [posixpath.basename(word) for word in command.split()[:1]] + command.split()[1:]
    words = [word for word in words if word not in ("-4", "-6")]
    if words[:2] in (["ip", "route"], ["ip", "r"]) and words[2:3] in (["add"], ["replace"], ["append"]) and words[3:]:
        options = dict(zip(words[4::2], words[5::2]))
        return Hop(words[3], options.get("via"), number(options.get("metric")), options.get("table"),
                   options.get("src"))
    if words[:2] == ["route", "add"] and words[2:]:
        rest = [word for word in words[2:] if word not in ("-net", "-host")]
        options = dict(zip(rest[1::2], rest[2::2]))
        target = rest[0] + (f"/{options['netmask']}" if "netmask" in options else "")
        return Hop(target, options.get("gw"), number(options.get("metric")))
    return None


def read_interfaces() -> Tuple[Configured, ...]:
    """What ifupdown's files configure, those they ``source`` included."""
    texts: List[str] = []
    todo: List[str] = [INTERFACES]
    done: Set[str] = set()
    while todo and len(done) < _MAX_SOURCES:
        path = todo.pop(0)
        if path in done:
            continue
        done.add(path)
        text = look.text_or(path)
        texts.append(text)
        for word, value in re.findall(r"^\s*(source(?:-directory)?)\s+(\S+)", text, re.MULTILINE):
            todo += _sourced(value if value.startswith("/") else posixpath.join("/etc/network", value),
                             word == "source-directory")
    return parse_interfaces("\n".join(texts))


def _sourced(path: str, directory: bool) -> List[str]:
    if directory:
        return [f"{path}/{name}" for name in look.entries(path) if re.fullmatch(r"[A-Za-z0-9_-]+", name)]
    folder, pattern = posixpath.split(path)
    return [f"{folder}/{name}" for name in look.entries(folder) if fnmatch.fnmatchcase(name, pattern)]

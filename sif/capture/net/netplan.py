"""netplan's files, read themselves.

netplan writes files for networkd or NetworkManager into ``/run`` at every start. Those would need no YAML, but they
are the running system's: a tree that is captured from a rescue system has none. So the YAML is read, by a strict reader
of the part of YAML that is used there; where it refuses, the running system's generated files are read instead.
Source: netplan-yaml(5).
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from sif import look
from sif.capture.ini import truth
from sif.capture.net.facts import Configured, Hop, Kind, checked, mode_name, number, parameters
from sif.capture.net.folders import NETPLAN
from sif.capture.net.yaml import Node, NotPlain, parse_yaml
from sif.capture.trees import offline
from sif.model import NetManager
from sif.plain import replace

_GROUPS = {"ethernets": Kind.NIC, "bonds": Kind.BOND, "vlans": Kind.VLAN, "bridges": Kind.BRIDGE}
_NAMES = {
    "mii-monitor-interval": "miimon", "transmit-hash-policy": "xmit_hash_policy", "up-delay": "updelay",
    "down-delay": "downdelay", "fail-over-mac-policy": "fail_over_mac", "gratuitous-arp": "num_grat_arp",
    "packets-per-slave": "packets_per_slave", "packets-per-member": "packets_per_slave",
    "primary-reselect-policy": "primary_reselect", "learn-packet-interval": "lp_interval",
    "all-members-active": "all_slaves_active", "arp-ip-targets": "arp_ip_target",
}
_OWN_KEYS = ("mode", "stp", "path-cost", "port-priority")
"""What has a key of its own, or belongs to a port."""

Map = Dict[str, Node]


def parse_netplan(node: Node) -> Tuple[Configured, ...]:
    """The interfaces of a merged configuration; their definitions' ids become interface names."""
    network = _map(_map(node).get("network"))
    names = {ident: _name(ident, _map(body)) for group in _GROUPS for ident, body in _map(network.get(group)).items()}
    found: List[Configured] = []
    for group, kind in _GROUPS.items():
        for ident, node in _map(network.get(group)).items():
            found.append(_interface(ident, _map(node), kind, names))
    return tuple(found)


def _name(ident: str, body: Map) -> str:
    """The interface's name: what it is renamed to, the name it is matched by, or the definition's id."""
    matched = _text(_map(body.get("match")).get("name"))
    return _text(body.get("set-name")) or (matched if matched and not re.search(r"[*?\[]", matched) else None) or ident


def _interface(ident: str, body: Map, kind: Kind, names: Dict[str, str]) -> Configured:
    match = _map(body.get("match"))
    mac = (_text(match.get("macaddress")) or "").lower() or None
    pattern = _text(match.get("name"))
    name = names[ident]
    patterns = (pattern,) if pattern and not body.get("set-name") else () if mac and not body.get("set-name") \
        else (name,)
    servers = _map(body.get("nameservers"))
    hops = [Hop("default", _text(body.get(key))) for key in ("gateway4", "gateway6") if body.get(key)]
    hops += [_hop(_map(route)) for route in _list(body.get("routes"))]
    parts = _map(body.get("parameters"))
    entry = checked(Configured(
        match=patterns, mac=mac if kind is Kind.NIC else None, manager=NetManager.NETPLAN, kind=kind,
        addresses=tuple(_address(item) for item in _list(body.get("addresses"))),
        dhcp=truth(_text(body.get("dhcp4"))) or truth(_text(body.get("dhcp6"))), hops=tuple(hops),
        dns=_texts(servers.get("addresses")), search=_texts(servers.get("search")), mtu=number(_text(body.get("mtu"))),
        members=tuple(names.get(member, member) for member in _texts(body.get("interfaces"))),
        own_mac=_text(body.get("macaddress")), stp=truth(_text(parts.get("stp")), True)))
    if kind is Kind.VLAN:
        link = _text(body.get("link")) or ""
        return replace(entry, stp=False, link=names.get(link, link), tag=number(_text(body.get("id"))))
    if kind is Kind.NIC:
        return replace(entry, stp=False)
    values = {_NAMES.get(key, key.replace("-", "_")): " ".join(_texts(value))
              for key, value in parts.items() if key not in _OWN_KEYS}
    if kind is Kind.BOND:
        return replace(entry, stp=False, mode=mode_name(_text(parts.get("mode")) or "balance-rr"),
                       parameters=parameters(values))
    return replace(entry, parameters=parameters(values))


def _hop(route: Map) -> Hop:
    return Hop(_text(route.get("to")) or "", _text(route.get("via")), number(_text(route.get("metric"))),
               _text(route.get("table")), _text(route.get("from")))


def _address(node: Node) -> str:
    """An address as text, also where options hang below it."""
    return next(iter(node), "") if isinstance(node, dict) else _text(node) or ""


def _map(node: Optional[Node]) -> Map:
    return node if isinstance(node, dict) else {}


def _list(node: Optional[Node]) -> List[Node]:
    return node if isinstance(node, list) else []


def _text(node: Optional[Node]) -> Optional[str]:
    return node or None if isinstance(node, str) else None


def _texts(node: Optional[Node]) -> Tuple[str, ...]:
    if isinstance(node, str):
        return (node,) if node else ()
    return tuple(item for item in _list(node) if isinstance(item, str) and item)


def merged(base: Node, more: Node) -> Node:
    """Two files as netplan joins them: mappings key by key, sequences one behind the other, else the later one."""
    if isinstance(base, dict) and isinstance(more, dict):
        return {**base, **{key: merged(base[key], value) if key in base else value for key, value in more.items()}}
    if isinstance(base, list) and isinstance(more, list):
        return [*base, *(item for item in more if item not in base)]
    return more


def read_netplan() -> Tuple[Tuple[Configured, ...], Tuple[str, ...]]:
    """What netplan's files configure, and a note where a file is not understood (then nothing is configured here)."""
    files: Dict[str, str] = {}
    for folder in NETPLAN:
        for name in look.entries(folder):
            if name.endswith(".yaml") and not (offline() and folder.startswith("/run")):
                files.setdefault(name, f"{folder}/{name}")
    node: Node = {}
    for name in sorted(files):
        try:
            node = merged(node, parse_yaml(look.text_or(files[name])))
        except NotPlain as error:
            where = "what the interfaces have at the moment is" if not offline() else "nothing of netplan is"
            return (), (f"{files[name]}: {error}: {where} described instead",)
    return parse_netplan(node), ()

"""Red Hat's ``/etc/sysconfig/network-scripts/ifcfg-*`` with their ``route-*`` files.

Source: nm-settings-ifcfg-rh(5), initscripts' sysconfig.txt.
"""

from __future__ import annotations

import re
from typing import List, Mapping, Optional, Tuple

from sif import look
from sif.capture.bootconfig import parse_shell
from sif.capture.net.facts import Configured, Hop, Kind, checked, mode_name, number, parameters
from sif.capture.net.folders import SCRIPTS
from sif.later import regex
from sif.model import NetManager
from sif.plain import replace

_YES = ("yes", "true", "1")
_VLAN_NAME = regex(r"(.+)\.([0-9]{1,4})")


def parse_ifcfg(text: str, routes: str = "", routes6: str = "") -> Optional[Configured]:
    """One file with the text of its ``route-`` and ``route6-`` files; None for the loopback and nameless ones."""
    values = parse_shell(text)
    name, mac = values.get("DEVICE"), values.get("HWADDR", "").lower() or None
    if name == "lo" or not (name or mac) or values.get("ONBOOT", "yes").lower() == "no":
        return None
    four = [f"{values[f'IPADDR{n}']}/{_prefix(values, n)}" for n in _numbers(values, "IPADDR")]
    six = [*values.get("IPV6ADDR", "").split(), *values.get("IPV6ADDR_SECONDARIES", "").split()]
    hops = [Hop("default", values[key].partition("%")[0]) for key in ("GATEWAY", "GATEWAY0", "IPV6_DEFAULTGW")
            if values.get(key)]
    leased = values.get("BOOTPROTO", "none").lower() in ("dhcp", "bootp") \
        or values.get("DHCPV6C", "no").lower() in _YES
    return checked(_built(Configured(
        match=(name,) if name else (), mac=mac, addresses=(*four, *six), dhcp=leased,
        dns=tuple(values[f"DNS{n}"] for n in _numbers(values, "DNS")),
        search=tuple(re.split(r"[,\s]+", values.get("DOMAIN", "").strip())) if values.get("DOMAIN") else (),
        mtu=number(values.get("MTU")), hops=(*hops, *parse_routes(routes), *parse_routes(routes6)),
        manager=NetManager.NETWORKMANAGER, own_mac=values.get("MACADDR", "").lower() or None,
        master=values.get("MASTER") or values.get("BRIDGE")), values))


def _numbers(values: Mapping[str, str], name: str) -> List[str]:
    """The suffixes of ``IPADDR``, ``IPADDR0``, ``IPADDR1``, ... in order."""
    found = [key[len(name):] for key in values if re.fullmatch(rf"{name}[0-9]*", key) and values[key]]
    return sorted(found, key=lambda suffix: int(suffix or "-1"))


def _prefix(values: Mapping[str, str], suffix: str) -> str:
    return values.get(f"PREFIX{suffix}") or values.get(f"NETMASK{suffix}") or "32"


def parse_routes(text: str) -> Tuple[Hop, ...]:
    """``route-NAME`` in either of its notations: ``10.0.0.0/8 via 192.0.2.1`` or ADDRESS0, NETMASK0, GATEWAY0."""
    values = parse_shell(text)
    found = [Hop(f"{values[f'ADDRESS{n}']}/{values.get(f'NETMASK{n}', '32')}", values.get(f"GATEWAY{n}"),
                 number(values.get(f"METRIC{n}"))) for n in _numbers(values, "ADDRESS")]
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if words and "=" not in words[0]:
            options = dict(zip(words[1::2], words[2::2]))
            found.append(Hop(words[0], options.get("via"), number(options.get("metric")), options.get("table"),
                             options.get("src")))
    return tuple(found)


def _built(entry: Configured, values: Mapping[str, str]) -> Configured:
    kind = values.get("TYPE", "").lower()
    made = _VLAN_NAME.fullmatch(values.get("DEVICE", ""))
    if kind == "bond" or "BONDING_OPTS" in values:
        pairs = dict(word.partition("=")[::2] for word in values.get("BONDING_OPTS", "").split())
        return replace(entry, kind=Kind.BOND, mode=mode_name(pairs.pop("mode", "balance-rr")),
                       parameters=parameters(pairs))
    if kind == "bridge":
        delay = {"forward_delay": values["DELAY"]} if values.get("DELAY") else {}
        return replace(entry, kind=Kind.BRIDGE, stp=values.get("STP", "no").lower() in (*_YES, "on"),
                       parameters=parameters(delay))
    if kind == "vlan" or values.get("VLAN", "no").lower() in _YES:
        return replace(entry, kind=Kind.VLAN, link=values.get("PHYSDEV") or (made.group(1) if made else None),
                       tag=number(values.get("VLAN_ID")) or (int(made.group(2)) if made else None))
    return entry


def read_ifcfg() -> Tuple[Configured, ...]:
    """What the files configure, by name."""
    found = []
    for name in look.entries(SCRIPTS):
        if name.startswith("ifcfg-") and not re.search(r"(~|\.bak|\.orig|\.rpmnew|\.rpmsave)$", name):
            alias = name[len("ifcfg-"):]
            entry = parse_ifcfg(look.text_or(f"{SCRIPTS}/{name}"), look.text_or(f"{SCRIPTS}/route-{alias}"),
                                look.text_or(f"{SCRIPTS}/route6-{alias}"))
            if entry is not None:
                found.append(entry)
    return tuple(found)

"""The interfaces that are there, and what those have at the moment that no file configures.

Source: sysfs (Documentation/ABI/testing/sysfs-class-net), ip-address(8), ip-route(8).
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.devices import driver_of
from sif.capture.net.assemble import Interface
from sif.capture.net.facts import Configured, Hop, Kind, checked, parameters
from sif.later import regex

_NET = "/sys/class/net"
_ETHERNET = regex(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_PCI_ADDRESS = regex(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_SECONDS = 30.0
_BY_HAND = ("static", "boot")
_BOND_OPTIONS = ("miimon", "updelay", "downdelay", "xmit_hash_policy", "ad_lacp_rate", "lp_interval", "min_links")

Json = Mapping[str, Any]


def interfaces() -> Tuple[Interface, ...]:
    """Every Ethernet interface that is hardware, by name."""
    found: List[Interface] = []
    for name in look.entries(_NET):
        link = f"{_NET}/{name}"
        if not look.exists(f"{link}/device"):
            continue
        # a bond gives its members its own address; the permanent one is beside it
        mac = (look.text_or(f"{link}/bonding_slave/perm_hwaddr") or look.text_or(f"{link}/address")).strip().lower()
        if _ETHERNET.fullmatch(mac):  # InfiniBand and others: nothing in the rescue system configures them
            found.append(Interface(name, mac, driver_of(f"{link}/device"), _pci(f"{link}/device")))
    return tuple(found)


def _pci(device: str) -> Optional[str]:
    return next((part for part in reversed(look.real(device).split("/")) if _PCI_ADDRESS.fullmatch(part)), None)


def static_addresses(addr_info: Sequence[Json]) -> Tuple[str, ...]:
    """Configured global addresses with prefix length; leased and autoconfigured ones are left out."""
    return tuple(f"{a['local']}/{a['prefixlen']}" for a in addr_info
                 if a.get("scope") == "global" and not a.get("dynamic") and "local" in a)


def uses_dhcp(addr_info: Sequence[Json]) -> bool:
    """Whether an IPv4 address is leased."""
    return any(a.get("family") == "inet" and a.get("dynamic") for a in addr_info)


def configured_routes(routes: Sequence[Json], nic: str) -> Tuple[Hop, ...]:
    """The routes of an interface that somebody set; those of the kernel, of DHCP and of routers are none."""
    return tuple(Hop(str(route["dst"]), route.get("gateway"), route.get("metric"), None, route.get("prefsrc"))
                 for route in routes if route.get("dev") == nic and route.get("protocol", "boot") in _BY_HAND)


def live_configuration(hardware: Sequence[Interface]) -> Tuple[Configured, ...]:
    """What the interfaces have now: hardware, and the bonds, VLANs and bridges that lead to hardware.

    Bridges and interfaces that containers and virtual machines use come and go with these, and lead to none.
    """
    links = _ip("-details", "address", "show")
    routes = (*_ip("route", "show"), *_ip("-6", "route", "show"))
    below: Dict[str, List[str]] = {}
    for link in links:
        if "master" in link:
            below.setdefault(str(link["master"]), []).append(str(link["ifname"]))
    reached = {interface.name for interface in hardware}
    grew = True
    while grew:
        more = {str(link["ifname"]) for link in links if link["ifname"] not in reached and _kind(link) is not None
                and reached & {str(link.get("link", "")), *below.get(str(link["ifname"]), ())}}
        reached |= more
        grew = bool(more)
    return tuple(_configured(link, below.get(str(link["ifname"]), ()), routes)
                 for link in links if link["ifname"] in reached)


def _kind(link: Json) -> Optional[Kind]:
    name = link.get("linkinfo", {}).get("info_kind")
    return Kind(name) if name in ("bond", "vlan", "bridge") else None


def _configured(link: Json, members: Sequence[str], routes: Sequence[Json]) -> Configured:
    name, addr_info = str(link["ifname"]), link.get("addr_info", ())
    static, dhcp = static_addresses(addr_info), uses_dhcp(addr_info)
    data = link.get("linkinfo", {}).get("info_data", {})
    kind = _kind(link) or Kind.NIC
    # a gateway beside a lease came with it, whatever protocol the client's script put on the route
    plain = bool(static) and not dhcp
    options = {option: str(data[option]) for option in _BOND_OPTIONS if data.get(option)}
    if "ad_lacp_rate" in options:
        options["lacp_rate"] = options.pop("ad_lacp_rate")
    return checked(Configured(
        (name,), addresses=static, dhcp=dhcp, hops=configured_routes(routes, name) if plain else (), kind=kind,
        members=tuple(sorted(members)), mode=str(data.get("mode", "balance-rr")) if kind is Kind.BOND else None,
        parameters=parameters(options) if kind is Kind.BOND else (),
        link=str(link["link"]) if "link" in link and kind is Kind.VLAN else None,
        tag=data.get("id") if kind is Kind.VLAN else None, stp=bool(data.get("stp_state"))))


def _ip(*words: str) -> Tuple[Json, ...]:
    if not look.have("ip"):
        return ()
    text = look.run(["ip", "-json", *words], timeout=_SECONDS).stdout
    return tuple(json.loads(text)) if text.strip() else ()

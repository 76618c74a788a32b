"""Network interfaces of the machine: hardware, addresses, routes, name servers."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.lvm import identifier
from sif.capture.netconfig import Configured, configuration_of, read_configuration
from sif.model import Device, Nic

_NET = "/sys/class/net"
_PCI = "/sys/bus/pci/devices"
_ETHERNET = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")
_PCI_ADDRESS = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_SECONDS = 30.0


def static_addresses(addr_info: Sequence[Mapping[str, Any]]) -> Tuple[str, ...]:
    """Configured global addresses with prefix length; leased and autoconfigured ones are left out."""
    return tuple(f"{a['local']}/{a['prefixlen']}" for a in addr_info
                 if a.get("scope") == "global" and not a.get("dynamic"))


def uses_dhcp(addr_info: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an IPv4 address is leased."""
    return any(a.get("family") == "inet" and a.get("dynamic") for a in addr_info)


def default_gateway(routes: Sequence[Mapping[str, Any]], nic: str) -> Optional[str]:
    """The configured default gateway of an interface; one that DHCP gave is not configuration."""
    for route in routes:
        if route.get("dst") == "default" and route.get("dev") == nic and route.get("protocol") not in ("dhcp", "ra"):
            return str(route["gateway"]) if "gateway" in route else None
    return None


def name_servers(resolv_conf: str) -> Tuple[str, ...]:
    return tuple(re.findall(r"^nameserver\s+(\S+)", resolv_conf, re.MULTILINE))


def probe_nics() -> Tuple[Nic, ...]:
    """Every physical interface, by name."""
    addresses = {link["ifname"]: link.get("addr_info", ()) for link in _ip("address", "show")}
    routes = _ip("route", "show")
    dns = name_servers(look.text_or("/etc/resolv.conf"))
    configured = read_configuration()
    nics: List[Nic] = []
    for name in look.entries(_NET):
        link = f"{_NET}/{name}"
        if not look.exists(f"{link}/device"):
            continue
        mac = look.text(f"{link}/address").strip().lower()
        if not _ETHERNET.fullmatch(mac):
            continue  # InfiniBand and others: nothing in the rescue system configures them
        facts = configuration_of(name, mac, configured) \
            or _live(name, addresses.get(name, ()), routes)
        nics.append(Nic(
            id=identifier(name), mac=mac, driver=_driver(f"{link}/device"), pci=_pci(f"{link}/device"),
            addresses=facts.addresses, dhcp=facts.dhcp, gateway=facts.gateway,
            # name servers of a lease belong to the lease
            dns=facts.dns or (dns if facts.addresses and not facts.dhcp else ())))
    return tuple(nics)


def _live(name: str, addr_info: Sequence[Mapping[str, Any]], routes: Sequence[Mapping[str, Any]]) -> Configured:
    """What an interface that no known file configures has at the moment."""
    static, dhcp = static_addresses(addr_info), uses_dhcp(addr_info)
    # a gateway beside a lease came with it, whatever protocol the client's script put on the route
    return Configured((name,), addresses=static, dhcp=dhcp,
                      gateway=None if dhcp and not static else default_gateway(routes, name))


def _ip(*words: str) -> Tuple[Mapping[str, Any], ...]:
    if not look.have("ip"):
        return ()
    text = look.run(["ip", "-json", *words], timeout=_SECONDS).stdout
    return tuple(json.loads(text)) if text.strip() else ()


def _driver(device: str) -> Optional[str]:
    target = look.link(f"{device}/driver")
    return posixpath.basename(target) if target else None


def _pci(device: str) -> Optional[str]:
    for part in reversed(look.real(device).split("/")):
        if _PCI_ADDRESS.fullmatch(part):
            return part
    return None


def probe_devices() -> Tuple[Device, ...]:
    """The PCI devices by address, with modalias and driver."""
    return tuple(
        Device(id=identifier(f"pci-{name.replace(':', '-')}"), modalias=look.text(f"{_PCI}/{name}/modalias").strip(),
               driver=_driver(f"{_PCI}/{name}"))
        for name in look.entries(_PCI))

"""Network interfaces of the machine: hardware, addresses, routes, name servers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from sif.capture.lvm import identifier
from sif.capture.netconfig import Configured, configuration_of, read_configuration
from sif.model import Device, Nic
from sif.run import have, run

_NET = Path("/sys/class/net")
_PCI = Path("/sys/bus/pci/devices")
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
    if not _NET.is_dir():
        return ()
    addresses = {link["ifname"]: link.get("addr_info", ()) for link in _ip("address", "show")}
    routes = _ip("route", "show")
    resolv = Path("/etc/resolv.conf")
    dns = name_servers(resolv.read_text(encoding="utf-8", errors="replace")) if resolv.exists() else ()
    configured = read_configuration()
    nics: List[Nic] = []
    for link in sorted(_NET.iterdir()):
        if not (link / "device").exists():
            continue
        mac = (link / "address").read_text(encoding="ascii").strip().lower()
        if not _ETHERNET.fullmatch(mac):
            continue  # InfiniBand and others: nothing in the rescue system configures them
        facts = configuration_of(link.name, mac, configured) \
            or _live(link.name, addresses.get(link.name, ()), routes)
        nics.append(Nic(
            id=identifier(link.name), mac=mac, driver=_driver(link / "device"), pci=_pci(link / "device"),
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
    if not have("ip"):
        return ()
    text = run(["ip", "-json", *words], timeout=_SECONDS).stdout
    return tuple(json.loads(text)) if text.strip() else ()


def _driver(device: Path) -> Optional[str]:
    link = device / "driver"
    return link.resolve().name if link.exists() else None


def _pci(device: Path) -> Optional[str]:
    for part in reversed(device.resolve().parts):
        if _PCI_ADDRESS.fullmatch(part):
            return part
    return None


def probe_devices() -> Tuple[Device, ...]:
    """The PCI devices by address, with modalias and driver."""
    if not _PCI.is_dir():
        return ()
    return tuple(
        Device(id=identifier(f"pci-{path.name.replace(':', '-')}"),
               modalias=(path / "modalias").read_text(encoding="ascii").strip(), driver=_driver(path))
        for path in sorted(_PCI.iterdir()))

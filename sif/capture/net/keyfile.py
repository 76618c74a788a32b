"""NetworkManager's keyfiles.

Source: nm-settings-keyfile(5), nm-settings(5).
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from sif import look
from sif.capture.ini import Sections, parse_sections, truth
from sif.capture.net.facts import Configured, Hop, Kind, checked, mode_name, number, parameters
from sif.capture.net.folders import PROFILES
from sif.capture.trees import offline
from sif.model import NetManager
from sif.plain import replace

_KINDS = {"bond": Kind.BOND, "vlan": Kind.VLAN, "bridge": Kind.BRIDGE, "ethernet": Kind.NIC, "802-3-ethernet": Kind.NIC,
          "infiniband": Kind.NIC}
_BRIDGE_OWN = ("stp", "mac-address", "interface-name")


def parse_keyfile(file: Sections) -> Optional[Configured]:
    """A connection; None for a kind that no section describes (wireless, VPN, tunnels).

    ``master`` and ``link`` may be the UUID of another connection: :func:`resolved` puts names there.
    """
    connection = file.merged("connection")
    kind = _KINDS.get(connection.last("type") or "")
    if kind is None or connection.last("autoconnect") == "false" and kind is Kind.NIC:
        return None
    wired = file.merged("ethernet") if file.named("ethernet") else file.merged("802-3-ethernet")
    name = connection.last("interface-name") or file.merged(kind.value).last("interface-name")
    mac = wired.last("mac-address")
    four, six = file.merged("ipv4"), file.merged("ipv6")
    hops: List[Hop] = []
    addresses: List[str] = []
    for section in (four, six):
        for key, value in section.entries:
            if re.fullmatch(r"address(es)?[0-9]*", key):
                address, _, gateway = value.rstrip(";").partition(",")
                addresses.append(address.strip())
                hops += [Hop("default", gateway.strip())] if gateway.strip() else []
            elif re.fullmatch(r"routes?[0-9]+", key):
                hops.append(_route(value, section.last(f"{key}_options") or ""))
        gateway_key = section.last("gateway")
        hops += [Hop("default", gateway_key, number(section.last("route-metric")))] if gateway_key else []
    own = wired.last("cloned-mac-address") or (file.merged("bridge").last("mac-address"))
    entry = Configured(
        match=(name,) if name else (), mac=_mac(mac), types=("ether",),
        kind=kind, addresses=tuple(addresses), dhcp=four.last("method") == "auto" or six.last("method") == "dhcp",
        dns=_listed(four.last("dns"), six.last("dns")),
        search=_listed(four.last("dns-search"), six.last("dns-search")), mtu=number(wired.last("mtu")) or None,
        hops=tuple(hops), manager=NetManager.NETWORKMANAGER, own_mac=_mac(own),
        master=connection.last("controller") or connection.last("master"))
    return _built(checked(entry), file)


def _mac(text: Optional[str]) -> Optional[str]:
    return text.lower().replace("-", ":") if text and re.fullmatch(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}", text) \
        else None


def _listed(*values: Optional[str]) -> Tuple[str, ...]:
    return tuple(word.strip() for value in values if value for word in re.split("[;,]", value) if word.strip())


def _route(value: str, options: str) -> Hop:
    """``198.51.100.0/24,192.0.2.254,100``, its options being ``table=100,src=192.0.2.21``"""
    more = dict(option.partition("=")[::2] for option in options.split(","))
    parts = [part.strip() for part in value.rstrip(";").split(",")] + ["", ""]
    via = parts[1] if parts[1] not in ("", "0.0.0.0", "::") else None
    return Hop("default" if parts[0] == "0.0.0.0/0" else parts[0], via, number(parts[2]), more.get("table"),
               more.get("src"))


def _built(entry: Configured, file: Sections) -> Configured:
    if entry.kind is Kind.NIC:
        return entry
    section = file.merged(entry.kind.value)
    mtu = entry.mtu or number(section.last("mtu"))
    if entry.kind is Kind.VLAN:
        return replace(entry, link=section.last("parent"), tag=number(section.last("id")), mtu=mtu)
    values = {key.replace("-", "_"): value for key, value in section.entries if value}
    if entry.kind is Kind.BOND:
        values.pop("interface_name", None)
        return replace(entry, mode=mode_name(values.pop("mode", "balance-rr")), parameters=parameters(values), mtu=mtu)
    plain = {name: value for name, value in values.items() if name.replace("_", "-") not in _BRIDGE_OWN}
    return replace(entry, stp=truth(section.last("stp"), True), parameters=parameters(plain), mtu=mtu)


def read_keyfiles(generated: bool = False) -> Tuple[Configured, ...]:
    """What NetworkManager's profiles configure, higher priority first, then by file name.

    ``generated`` leaves out what netplan made from files that are read themselves.
    """
    files: Dict[str, Sections] = {}
    for folder in PROFILES:
        for name in look.entries(folder):
            skipped = generated and name.startswith("netplan-") or offline() and folder.startswith("/run")
            if not skipped and not name.startswith(".") and name not in files:
                files[name] = parse_sections(look.text_or(f"{folder}/{name}"))
    ordered = sorted(files.items(), key=lambda item: (-_priority(item[1]), item[0]))
    by_uuid = {file.merged("connection").last("uuid") or "": file.merged("connection").last("interface-name")
               for file in files.values()}
    found = [entry for entry in (parse_keyfile(file) for _, file in ordered) if entry is not None]
    return tuple(resolved(entry, by_uuid) for entry in found if entry.kind is Kind.NIC or entry.match)


def _priority(file: Sections) -> int:
    text = file.merged("connection").last("autoconnect-priority") or "0"
    return int(text) if re.fullmatch(r"-?[0-9]{1,4}", text) else 0


def resolved(entry: Configured, by_uuid: Dict[str, Optional[str]]) -> Configured:
    """The entry with names instead of connections' UUIDs."""
    return replace(entry, master=by_uuid.get(entry.master or "") or entry.master,
                   link=by_uuid.get(entry.link or "") or entry.link)

"""systemd-networkd's ``.network`` and ``.netdev`` files, and udev's ``.link`` files.

Source: systemd.network(5), systemd.netdev(5), systemd.link(5).
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Tuple

from sif import look
from sif.capture.ini import Section, Sections, names_in, parse_sections, truth, with_drop_ins
from sif.capture.net.facts import Configured, Hop, Kind, checked, milliseconds, number, parameters
from sif.capture.trees import offline
from sif.later import regex
from sif.model import NetManager
from sif.plain import replace

_FOLDERS = ("/etc/systemd/network", "/run/systemd/network", "/usr/local/lib/systemd/network")
"""What distributions ship in /usr/lib configures containers and examples, and no machine."""
_GENERATED = regex(r"[0-9]*-?netplan-.*")

_BOND_KEYS = {
    "TransmitHashPolicy": "xmit_hash_policy", "LACPTransmitRate": "lacp_rate", "MIIMonitorSec": "miimon",
    "UpDelaySec": "updelay", "DownDelaySec": "downdelay", "LearnPacketIntervalSec": "lp_interval",
    "AdSelect": "ad_select", "FailOverMACPolicy": "fail_over_mac", "ARPValidate": "arp_validate",
    "ARPIntervalSec": "arp_interval", "ARPIPTargets": "arp_ip_target", "ARPAllTargets": "arp_all_targets",
    "PrimaryReselectPolicy": "primary_reselect", "ResendIGMP": "resend_igmp", "PacketsPerSlave": "packets_per_slave",
    "GratuitousARP": "num_grat_arp", "AllSlavesActive": "all_slaves_active", "MinLinks": "min_links",
    "AdActorSystemPriority": "ad_actor_sys_prio", "AdUserPortKey": "ad_user_port_key",
    "AdActorSystem": "ad_actor_system", "DynamicTransmitLoadBalancing": "tlb_dynamic_lb",
}
_BRIDGE_KEYS = {
    "HelloTimeSec": "hello_time", "MaxAgeSec": "max_age", "ForwardDelaySec": "forward_delay",
    "AgeingTimeSec": "ageing_time", "Priority": "priority", "GroupForwardMask": "group_fwd_mask",
    "DefaultPVID": "vlan_default_pvid", "MulticastQuerier": "multicast_querier",
    "MulticastSnooping": "multicast_snooping", "VLANFiltering": "vlan_filtering", "VLANProtocol": "vlan_protocol",
}
_BOND_MILLISECONDS = ("MIIMonitorSec", "UpDelaySec", "DownDelaySec", "ARPIntervalSec")


def parse_network_file(file: Sections) -> Optional[Configured]:
    """A ``.network`` file; None if it matches by something else than name, MAC or type."""
    match, network = file.merged("Match"), file.merged("Network")
    names, macs, types = match.words("Name"), match.words("MACAddress") + match.words("PermanentMACAddress"), \
        match.words("Type")
    if not (names or macs or types) or any(match.words(key) for key in ("Driver", "Path", "Host", "Virtualization")):
        return None
    leased = (network.last("DHCP") or "no").lower() in ("yes", "true", "1", "both", "ipv4", "ipv6", "v4", "v6", "on")
    sections = [*file.named("Route")]
    hops = [*(Hop("default", via) for via in network.all("Gateway")), *(_hop(section) for section in sections)]
    domains = [word for word in network.words("Domains") if word not in ("~.",)]
    return checked(Configured(
        match=names, mac=macs[0].lower().replace("-", ":") if macs else None, types=types, dhcp=leased,
        addresses=(*network.all("Address"), *(a for section in file.named("Address") for a in section.all("Address"))),
        dns=network.words("DNS"), search=tuple(word.lstrip("~") for word in domains), hops=tuple(hops),
        mtu=_bytes(file.merged("Link").last("MTUBytes")), manager=NetManager.NETWORKD,
        master=network.last("Bond") or network.last("Bridge"), carries=network.words("VLAN")))


def _hop(section: Section) -> Hop:
    gateway = section.last("Gateway")
    return Hop(section.last("Destination") or "default", gateway, number(section.last("Metric")),
               section.last("Table"), section.last("PreferredSource"))


def _bytes(text: Optional[str]) -> Optional[int]:
    """``1500``, ``9K``"""
    found = re.fullmatch(r"([0-9]{1,6})([kKmM]?)", text or "")
    return int(found.group(1)) * {"": 1, "k": 1 << 10, "m": 1 << 20}[found.group(2).lower()] if found else None


def parse_netdev_file(file: Sections) -> Optional[Configured]:
    """A ``.netdev`` file of a bond, VLAN or bridge; None for other kinds."""
    device = file.merged("NetDev")
    name, kind = device.last("Name"), (device.last("Kind") or "").lower()
    if not name or kind not in ("bond", "vlan", "bridge"):
        return None
    mac = device.last("MACAddress")
    entry = Configured((name,), manager=NetManager.NETWORKD, mtu=_bytes(device.last("MTUBytes")),
                       own_mac=mac.lower() if mac and mac != "none" else None)
    if kind == "vlan":
        return replace(entry, kind=Kind.VLAN, tag=number(file.merged("VLAN").last("Id")))
    section = file.merged("Bond" if kind == "bond" else "Bridge")
    if kind == "bond":
        return replace(entry, kind=Kind.BOND, mode=section.last("Mode") or "balance-rr",
                       parameters=parameters({_BOND_KEYS[key]: _bond_value(key, section) for key in _BOND_KEYS}))
    return replace(entry, kind=Kind.BRIDGE, stp=truth(section.last("STP")),
                   parameters=parameters({name: section.last(key) or "" for key, name in _BRIDGE_KEYS.items()}))


def _bond_value(key: str, section: Section) -> str:
    value = " ".join(section.words(key)) if key == "ARPIPTargets" else section.last(key) or ""
    return milliseconds(value) if value and key in _BOND_MILLISECONDS else value


def read_networkd(generated: bool = False) -> Tuple[Configured, ...]:
    """What the files configure, in systemd's order: bonds, VLANs and bridges first, then what matches interfaces.

    ``generated`` leaves out what netplan made from files that are read themselves.
    """
    folders = tuple(folder for folder in _FOLDERS if not (offline() and folder.startswith("/run")))
    networks: List[Configured] = []
    devices: Dict[str, Configured] = {}
    for name in names_in(folders, ".netdev"):
        device = _read(name, folders, generated)
        entry = parse_netdev_file(device) if device is not None else None
        if entry is not None:
            devices.setdefault(entry.name, entry)
    for name in names_in(folders, ".network"):
        network = _read(name, folders, generated)
        found = parse_network_file(network) if network is not None else None
        if found is not None:
            networks.append(found)
    return (*(_addressed(device, networks) for device in devices.values()), *networks)


def _read(name: str, folders: Tuple[str, ...], generated: bool) -> Optional[Sections]:
    return None if generated and _GENERATED.fullmatch(name) else with_drop_ins(name, folders)


def _addressed(device: Configured, networks: List[Configured]) -> Configured:
    """The bond, VLAN or bridge with what the first ``.network`` file that names it says."""
    network = next((entry for entry in networks if device.name in entry.match), None)
    if network is None:
        return device
    return replace(network, match=device.match, mac=None, types=(), kind=device.kind, mode=device.mode, stp=device.stp,
                   parameters=device.parameters, tag=device.tag, own_mac=device.own_mac,
                   mtu=network.mtu or device.mtu)


def read_links() -> Mapping[str, int]:
    """MTU by hardware address or original name, from ``.link`` files of the administrator."""
    found: Dict[str, int] = {}
    for name in names_in(("/etc/systemd/network",), ".link"):
        file = parse_link(look.text_or(f"/etc/systemd/network/{name}"))
        for key, mtu in file.items():
            found.setdefault(key, mtu)
    return found


def parse_link(text: str) -> Mapping[str, int]:
    """A ``.link`` file's MTU, by what it matches (hardware addresses, kernel's names) and by the name it gives."""
    file = parse_sections(text)
    match, link = file.merged("Match"), file.merged("Link")
    mtu = _bytes(link.last("MTUBytes"))
    keys = (*match.words("MACAddress"), *match.words("PermanentMACAddress"), *match.words("OriginalName"),
            *link.words("Name"))
    return {key.lower(): mtu for key in keys} if mtu else {}

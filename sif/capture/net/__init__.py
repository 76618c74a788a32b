"""The network: how it is configured, and, where nothing configures it, how it is at the moment.

What is configured counts before what is there: a lease that has not come yet, or a cable that is out, must not change
the description of the machine.
"""

from __future__ import annotations

from typing import Tuple

from sif import look
from sif.capture.net.assemble import Network, assemble
from sif.capture.net.facts import Configured
from sif.capture.net.folders import NETPLAN, PROFILES, SCRIPTS
from sif.capture.net.ifupdown import read_interfaces
from sif.capture.net.live import interfaces, live_configuration
from sif.capture.net.networkd import read_links, read_networkd
from sif.capture.net.resolver import read_resolver
from sif.capture.trees import offline


def probe_network() -> Network:
    """Every physical interface, what is built on them, routes and name servers."""
    found = interfaces()
    configured, notes = read_configuration()
    live = () if offline() else live_configuration(found)
    network = assemble(found, configured, live, read_links(), notes)
    return network.with_dns(read_resolver(leased=network.uses_dhcp()))


def read_configuration() -> Tuple[Tuple[Configured, ...], Tuple[str, ...]]:
    """What files configure, the first that matches an interface counts; and notes.

    networkd comes last, because its patterns often take every interface.
    """
    netplan, notes = _netplan()
    return (*netplan, *read_interfaces(), *_keyfiles(bool(netplan)), *_ifcfg(),
            *read_networkd(generated=bool(netplan))), notes


def _netplan() -> Tuple[Tuple[Configured, ...], Tuple[str, ...]]:
    if not _any_in(*NETPLAN):
        return (), ()
    from sif.capture.net.netplan import read_netplan  # what a machine does not have, it does not wait for
    return read_netplan()


def _keyfiles(generated: bool) -> Tuple[Configured, ...]:
    if not _any_in(*PROFILES):
        return ()
    from sif.capture.net.keyfile import read_keyfiles
    return read_keyfiles(generated)


def _ifcfg() -> Tuple[Configured, ...]:
    if not _any_in(SCRIPTS):
        return ()
    from sif.capture.net.ifcfg import read_ifcfg
    return read_ifcfg()


def _any_in(*folders: str) -> bool:
    return any(look.entries(folder) for folder in folders)

"""Network configurations of every manager, each with the sections that come of it.

``networks/<name>/etc`` is a system's configuration, ``networks/<name>.sif`` what is made of it. The golden files are
read as documentation; ``python tests/unit/capture/test_network_samples.py`` writes them again.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sif import look
from sif.capture.net import read_configuration
from sif.capture.net.assemble import Interface, Network, assemble
from sif.capture.net.networkd import read_links
from sif.capture.net.resolver import read_resolver
from sif.checks.network import check_network, check_topology
from sif.model import SystemInformation
from sif.writer import write_text

pytest_plugins = ("capture_fixtures",)

SAMPLES = Path(__file__).parent / "networks"
HARDWARE = tuple(
    Interface(name, f"52:54:00:ab:00:{number:02x}", "virtio_net", f"0000:{number:02x}:00.0")
    for number, name in enumerate(("enp1s0", "enp2s0", "enp3s0f0", "enp3s0f1"), 1))


def described(sample: str) -> Network:
    """The network of the tree ``sample`` on a machine with four interfaces."""
    with look.rooted(str(SAMPLES / sample)):
        configured, notes = read_configuration()
        network = assemble(HARDWARE, configured, (), read_links(), notes)
        return network.with_dns(read_resolver(network.uses_dhcp()))


def golden(sample: str) -> str:
    network = described(sample)
    records = (*network.nics, *network.bonds, *network.vlans, *network.bridges, *network.routes,
               *((network.dns,) if network.dns else ()))
    return write_text(records) + "".join(f"; note: {note}\n" for note in network.notes)


@pytest.mark.parametrize("sample", ["ifupdown", "netplan", "networkd", "networkmanager", "redhat"])
def test_a_configuration_becomes_these_sections(sample: str) -> None:
    assert golden(sample) == (SAMPLES / f"{sample}.sif").read_text("utf-8")


@pytest.mark.parametrize("sample", ["ifupdown", "netplan", "networkd", "networkmanager", "redhat"])
def test_what_is_described_passes_the_checks(sample: str, empty: SystemInformation) -> None:
    info = described(sample).into(empty)
    assert [*check_network(info), *check_topology(info)] == []


def main() -> None:
    for sample in sorted(path.name for path in SAMPLES.iterdir() if path.is_dir()):
        (SAMPLES / f"{sample}.sif").write_text(golden(sample), "utf-8")


if __name__ == "__main__":
    main()

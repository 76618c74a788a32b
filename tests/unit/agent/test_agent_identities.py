"""Identities are taken from removable media with our label; those that would ask for a passphrase are named."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List

import pytest

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.identities import (
    LABEL,
    identities_at_hand,
    is_identity,
    is_removable,
    key_devices,
    read_identities,
    why_unusable,
)
from rescue.workspace import Workspace
from sif.run import run


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of each kind, made by the programs that people use."""
    folder = tmp_path_factory.mktemp("keys")
    run(["age-keygen", "-o", str(folder / "age.txt")], timeout=60)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "ssh")], timeout=60)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "12345", "-f", str(folder / "ssh-protected")], timeout=60)
    for name, passphrase in (("pem", ""), ("pem-protected", "12345")):
        run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", passphrase, "-f", str(folder / name)],
            timeout=60)
    (folder / "age-protected").write_bytes(b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n")
    (folder / "readme").write_text("Keep this stick apart from the medium with the SIF.\n")
    return folder


def test_only_keys_without_a_passphrase_are_usable(keys: Path) -> None:
    found = dict(read_identities(keys))
    assert set(found) == {"age.txt", "ssh", "ssh-protected", "pem", "pem-protected", "age-protected"}
    assert {name for name, data in found.items() if why_unusable(data)} == {
        "ssh-protected", "pem-protected", "age-protected"}
    assert not is_identity((keys / "ssh.pub").read_bytes())


def test_links_and_big_files_are_not_read(tmp_path: Path, keys: Path) -> None:
    (tmp_path / "link").symlink_to(keys / "age.txt")
    (tmp_path / "big").write_bytes((keys / "age.txt").read_bytes() + b"#" * (64 << 10))
    assert read_identities(tmp_path) == ()


def test_a_fixed_disk_with_the_label_is_not_believed() -> None:
    devices = BlockDevices((
        BlockDevice("sda", "/dev/sda", "disk"),
        BlockDevice("sda1", "/dev/sda1", "part", "ext4", label=LABEL, parents=("sda",)),
        BlockDevice("sdb", "/dev/sdb", "disk"),
        BlockDevice("sdb1", "/dev/sdb1", "part", "vfat", label=LABEL, parents=("sdb",)),
        BlockDevice("sdc", "/dev/sdc", "disk", "vfat", label="OTHER")))
    assert [device.path for device in key_devices(devices, lambda disk: disk == "sdb")] == ["/dev/sdb1"]


def test_what_is_on_usb_is_removable_whatever_it_says(tmp_path: Path) -> None:
    for name, place, flag in (("sda", "devices/pci0/ata1/sda", "0"), ("sdb", "devices/pci0/usb2/2-1/sdb", "0"),
                              ("sr0", "devices/pci0/ata2/sr0", "1")):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "removable").write_text(f"{flag}\n")
        (tmp_path / name).symlink_to(place)
    assert [name for name in ("sda", "sdb", "sr0", "sdz") if is_removable(name, tmp_path)] == ["sdb", "sr0"]


class Bus:
    """A machine whose key stick is recognised after ``seconds``; time passes only when somebody sleeps."""

    def __init__(self, stick: Path, seconds: float) -> None:
        self.stick, self.seconds, self.now = stick, seconds, 0.0

    def devices(self) -> BlockDevices:
        stick = BlockDevice("sdb", "/dev/sdb", "disk", "vfat", label=LABEL)
        return BlockDevices((stick,) if self.now >= self.seconds else ())

    @contextmanager
    def looked_into(self, device: str, fstype: str, where: Path) -> Iterator[Path]:
        yield self.stick

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def plug(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in (("read_block_devices", self.devices), ("looked_into", self.looked_into),
                            ("is_removable", lambda disk: True), ("run", lambda *words, **more: None)):
            monkeypatch.setattr(f"rescue.identities.{name}", value)


@pytest.mark.parametrize(("seconds", "found"), [(0.0, 3), (20.0, 3), (90.0, 0)])
def test_the_stick_is_waited_for_and_its_keys_are_gone_afterwards(
        seconds: float, found: int, keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus(keys, seconds)
    bus.plug(monkeypatch)
    copies: List[Path] = []
    with identities_at_hand(Workspace(tmp_path), 60.0, clock=lambda: bus.now, sleep=bus.sleep) as hand:
        copies.extend(hand.paths)
        assert len(hand.paths) == found and all(is_identity(path.read_bytes()) for path in hand.paths)
        assert sum("cannot be used: it is protected" in line for line in hand.told) == found
    assert bus.now <= 61.0 and not any(path.exists() for path in copies)


def test_keys_that_lie_beside_a_sif_are_not_used(keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stick = tmp_path / "stick"
    (stick / "web01").mkdir(parents=True)
    (stick / "web01/DR_STATE.SIF").touch()
    (stick / "age.txt").write_bytes((keys / "age.txt").read_bytes())
    Bus(stick, 0.0).plug(monkeypatch)
    with identities_at_hand(Workspace(tmp_path), 60.0) as hand:
        assert hand.paths == () and "holds a SIF too" in hand.told[0]

"""Which partitions are kept sector by sector."""

from __future__ import annotations

import base64
from typing import Tuple

import pytest
from sif_samples import machine as machine_of_samples

from sif.capture.blocks import BlockDevice
from sif.capture.errors import NotRestorable
from sif.drift.present import raw_names
from sif.errors import LifeboatError, UsageError
from sif.look import replaying
from sif.model import Partition, Raw, Ref
from sif.plain import replace
from sif.raw.choose import ON_REQUEST, KeptRaw, RawWish, choose
from sif.raw.keep import require_idle
from sif.tape import Tape

LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"


def partition(number: int, kind: str, attributes: int = 0) -> Partition:
    return Partition(id=f"d0p{number}", disk=Ref("d0"), number=number, start_sector=2048 * number, sectors=2048,
                     type=kind, attributes=attributes)


def chosen(part: Partition, wish: RawWish, *, known: bool = False, leaf: bool = True) -> Tuple[KeptRaw, ...]:
    return choose((part,), {part.id: f"/dev/sda{part.number}"}, (part.id,) if leaf else (), wish, lambda path: known,
                  {"d0": "0xd1c0ffee"})


@pytest.mark.parametrize(("kind", "attributes", "known", "kept"), [
    ("e3c9e316-0b5c-4db8-817d-f92df00215ae", 0, False, True),
    ("de94bba4-06d1-4d40-a16a-bfd50179d6ac", 0x8000000000000001, True, True),
    ("9e1a2d38-c612-4316-aa26-8b49521e5a8b", 0, False, True),
    ("bfbfafe7-a34f-448a-9a5b-6213eb736c22", 0, True, True),
    ("0x12", 0, True, True), ("0x27", 0, True, True), ("0x84", 0, False, True), ("0xde", 0, True, True),
    (LINUX, 0, False, False), (LINUX, 0, True, False),
    (LINUX, 1, False, True), (LINUX, 1, True, False), (LINUX, 4, False, False),
    ("21686148-6449-6e6f-744e-656564454649", 1, False, False),
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", 1, False, False),
    ("0xef", 0, True, False), ("0x83", 0, True, False), ("0x07", 0, True, False), ("0x0f", 1, False, False),
])
def test_reserved_types_and_required_partitions_are_kept(kind: str, attributes: int, known: bool, kept: bool) -> None:
    found = chosen(partition(1, kind, attributes), RawWish(), known=known)
    assert [(one.partition, one.path) for one in found] == ([("d0p1", "/dev/sda1")] if kept else [])
    assert all(one.why for one in found)


def test_what_the_system_mounts_is_never_kept_by_itself() -> None:
    assert chosen(partition(1, "0x27"), RawWish(used=frozenset({"sda1"})), known=True) == ()


def test_what_carries_another_layer_is_never_kept() -> None:
    assert chosen(partition(1, "0x27"), RawWish(), leaf=False) == ()
    with pytest.raises(UsageError, match="carries other volumes"):
        chosen(partition(1, "0x8e"), RawWish(("sda1",)), leaf=False)


@pytest.mark.parametrize("name", ["d0p3", "sda3", "/dev/sda3", "PARTUUID=d1c0ffee-03"])
def test_a_partition_is_kept_on_request_by_any_of_its_names(name: str) -> None:
    assert chosen(partition(3, LINUX), RawWish((name,)), known=True) == (KeptRaw("d0p3", "/dev/sda3", ON_REQUEST),)


def test_a_drift_asks_for_partitions_by_what_is_in_their_tables() -> None:
    """Disks that the kernel finds in another order have other ids, and the same tables."""
    info = machine_of_samples()
    mbr, gpt = replace(info.disks[0], id="d0", table_id="0xd1c0ffee"), replace(info.disks[0], id="d1")
    parts = (partition(3, LINUX), replace(partition(4, LINUX), id="d1p4", disk=Ref("d1"), uuid=LINUX),
             replace(partition(5, LINUX), id="d1p5", disk=Ref("d1"), uuid=LINUX))
    raws = tuple(Raw(id=f"r{number}", device=Ref(ident), path="media:x", size_bytes=1, sha256="", file_sha256="")
                 for number, ident in enumerate(("d0p3", "d1p4")))
    saved = replace(info, disks=(mbr, gpt), partitions=parts, raws=raws)
    assert raw_names(saved) == ("PARTUUID=d1c0ffee-03", f"PARTUUID={LINUX}")
    wish = RawWish(raw_names(saved), automatic=False, strict=False)
    renumbered = [replace(one, id=one.id.replace("d0", "d9"), disk=Ref("d9")) for one in parts[:1]]
    found = choose(renumbered, {"d9p3": "/dev/sdk3"}, ("d9p3",), wish, lambda path: True, {"d9": "0xd1c0ffee"})
    assert [one.partition for one in found] == ["d9p3"]
    assert choose(renumbered, {"d9p3": "/dev/sdk3"}, ("d9p3",), wish, lambda path: True, {"d9": "0x00000001"}) == ()


def test_a_request_for_nothing_is_an_error_and_names_what_there_is() -> None:
    with pytest.raises(UsageError) as caught:
        chosen(partition(3, LINUX), RawWish(("sdb1",)))
    assert (caught.value.found, caught.value.wanted) == ("sdb1", "one of sda3")
    assert chosen(partition(3, LINUX), RawWish(("d7p1",), strict=False)) == ()


def test_nothing_is_kept_by_itself_when_only_what_a_set_names_is_asked_for() -> None:
    assert chosen(partition(1, "0x27"), RawWish(automatic=False)) == ()


def machine(mounts: str) -> Tape:
    return Tape({'["text", "/proc/self/mounts"]': {"base64": base64.b64encode(mounts.encode()).decode()},
                 '["real", "/dev/sda1"]': "/dev/sda1", '["real", "/dev/sda2"]': "/dev/sda2"})


def device(name: str, *parents: str, kind: str = "part", mountpoint: "str | None" = None) -> BlockDevice:
    return BlockDevice(name, f"/dev/{name}", kind, 1 << 20, 512, 512, parents, mountpoint=mountpoint)


DISK = (device("sda", kind="disk"), device("sda1", "sda"), device("sda2", "sda"))


@pytest.mark.parametrize(("mounts", "devices", "found"), [
    ("/dev/sda1 /mnt vfat rw,relatime 0 0\n", DISK, "mounted read-write at /mnt"),
    ("", (DISK[0], device("sda1", "sda", mountpoint="[SWAP]")), "swap is on it"),
    ("", (*DISK, device("dm-0", "sda1", kind="crypt")), "/dev/dm-0 lies on it"),
])
@pytest.mark.parametrize(("why", "kind"), [(ON_REQUEST, UsageError), ("Dell utility", NotRestorable)])
def test_a_partition_in_use_is_refused(mounts: str, devices: Tuple[BlockDevice, ...], found: str, why: str,
                                       kind: "type[LifeboatError]") -> None:
    with replaying(machine(mounts)), pytest.raises(kind) as caught:
        require_idle((KeptRaw("d0p1", "/dev/sda1", why),), devices)
    assert found in str(caught.value)


def test_a_partition_that_is_mounted_read_only_can_be_kept() -> None:
    with replaying(machine("/dev/sda1 /mnt vfat ro,relatime 0 0\n/dev/sda2 / ext4 rw 0 0\n")):
        require_idle((KeptRaw("d0p1", "/dev/sda1", "Dell utility"),), DISK)

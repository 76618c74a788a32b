"""Arrays: what the kernel and mdadm say, as records; what can't be made again is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Optional

import pytest

from sif import look
from sif.capture.blocks import BlockDevice
from sif.capture.layers import Carriers
from sif.capture.md import Array, Member, Undescribed, array_ids, describe_array, layout_name, parse_export
from sif.model import Bitmap, MdLevel, MdMetadata
from sif.tape import Tape

FACTS = {"level": "raid5", "metadata_version": "1.2", "raid_disks": "3", "chunk_size": "65536", "layout": "2",
         "component_size": "9216", "array_state": "clean", "reshape_position": "none", "consistency_policy": "resync",
         "bitmap/location": "none", "bitmap/chunksize": "0", "bitmap/metadata": "internal"}
EXPORT = parse_export("MD_LEVEL=raid5\nMD_UUID=649E2018:2b3567e3:89fb2571:3fa461c3\nMD_NAME=web01:data\n")


def member(name: str, slot: str, state: str = "in_sync") -> Member:
    return Member(f"/dev/{name}", slot, tuple(state.split(",")), 1 << 20)


MEMBERS = (member("sdb1", "1"), member("sda1", "0"), member("sdc1", "2"))


def carriers() -> Carriers:
    paths = {f"d{number}p1": f"/dev/sd{'abcdef'[number]}1" for number in range(6)}
    return Carriers(paths, {path: ident for ident, path in paths.items()})


def array(members: "tuple[Member, ...]" = MEMBERS, name: str = "md127", partitioned: bool = False,
          **facts: Any) -> Array:
    device = BlockDevice(name, f"/dev/{name}", "raid5", 18 << 20, 512, 512)
    return Array(device, {**FACTS, **facts}, EXPORT, members, partitioned)


def described(made: Array) -> Any:
    tape = Tape({f'["real", "/dev/sd{letter}1"]': f"/dev/sd{letter}1" for letter in "abcdefz"})
    with look.replaying(tape):
        return describe_array(made, "md_data", carriers())


def test_members_are_in_the_order_of_the_slots() -> None:
    found = described(array())
    assert found.members == ("d0p1", "d1p1", "d2p1")
    assert (found.uuid, found.name, found.homehost) == ("649e2018:2b3567e3:89fb2571:3fa461c3", "data", "web01")
    assert (found.level, found.metadata, found.layout) == (MdLevel.RAID5, MdMetadata.V1_2, "left-symmetric")
    assert (found.chunk_bytes, found.component_bytes, found.size_bytes) == (65536, 9216 * 1024, 18 << 20)
    assert found.data_offsets == (1 << 20,) * 3
    assert (found.missing, found.spares, found.journal, found.bitmap) == ((), (), None, Bitmap.NONE)


def test_spares_journal_failed_and_missing_members() -> None:
    found = described(array((member("sdc1", "2"), member("sda1", "0"), member("sdf1", "none", "spare"),
                             member("sdb1", "1", "faulty"), member("sdd1", "none", "spare"),
                             member("sde1", "journal", "journal")), consistency_policy="journal"))
    assert (found.members, found.missing) == (("d0p1", "d2p1"), (1,))
    assert (found.spares, found.journal) == (("d3p1", "d5p1"), "d4p1")
    assert len(found.data_offsets) == 5


def test_a_member_that_is_being_rebuilt_is_a_member() -> None:
    assert described(array((*MEMBERS[:2], member("sdc1", "2", "spare")))).missing == ()


def test_bitmap_and_flags() -> None:
    bits: Dict[str, Any] = {"bitmap/location": "+8", "bitmap/chunksize": "8388608"}
    found = described(array((member("sda1", "0"), member("sdb1", "1", "in_sync,write_mostly,failfast")), level="raid1",
                            raid_disks="2", layout="0", chunk_size="0",
                            **bits))
    assert (found.bitmap, found.bitmap_chunk_bytes) == (Bitmap.INTERNAL, 8388608)
    assert (found.write_mostly, found.failfast, found.chunk_bytes) == (("d1p1",), ("d1p1",), None)


def test_old_metadata_has_no_offsets_and_linear_no_component() -> None:
    assert described(array(metadata_version="0.90")).data_offsets == ()
    assert described(array(level="linear", layout="0", component_size="0")).component_bytes is None


@pytest.mark.parametrize(("facts", "words"), [
    ({"metadata_version": "external:imsm"}, r"container of firmware RAID \(imsm\)"),
    ({"metadata_version": "external:/md127/0"}, "lies in a container of firmware RAID"),
    ({"metadata_version": "external:-md127/0"}, "lies in a container of firmware RAID"),
    ({"metadata_version": "none"}, "without a superblock"),
    ({"array_state": "inactive"}, "not running"),
    ({"level": "faulty"}, "level faulty"),
    ({"reshape_position": "8192"}, "being reshaped"),
    ({"consistency_policy": "ppl"}, "partial parity log"),
    ({"bitmap/location": "file"}, "a bitmap in a file"),
    ({"bitmap/metadata": "clustered"}, "or of a cluster"),
    ({"layout": "77"}, "layout 77"),
])
def test_what_is_not_made_again_is_named(facts: Dict[str, Any], words: str) -> None:
    with pytest.raises(Undescribed, match=words):
        described(array(**facts))


def test_partitions_on_an_array_are_named() -> None:
    with pytest.raises(Undescribed, match="a partition table on it"):
        described(array(partitioned=True))


def test_a_member_elsewhere_and_one_that_is_being_replaced_are_named() -> None:
    with pytest.raises(Undescribed, match="/dev/sdz1 is not on a disk that is captured"):
        described(array((*MEMBERS, member("sdz1", "none", "spare"))))
    with pytest.raises(Undescribed, match="a member of slot 0 is being replaced"):
        described(array((*MEMBERS, member("sdd1", "0", "replacement"))))


@pytest.mark.parametrize(("level", "number", "name"), [
    (MdLevel.RAID0, 0, None), (MdLevel.RAID0, 1, "original"), (MdLevel.RAID0, 2, "alternate"), (MdLevel.RAID1, 0, None),
    (MdLevel.RAID4, 0, None), (MdLevel.RAID5, 0, "left-asymmetric"), (MdLevel.RAID5, 3, "right-symmetric"),
    (MdLevel.RAID6, 2, "left-symmetric"), (MdLevel.RAID6, 18, "left-symmetric-6"), (MdLevel.RAID10, 0x102, "near=2"),
    (MdLevel.RAID10, 0x201, "far=2"), (MdLevel.RAID10, 0x10201, "offset=2"), (MdLevel.RAID10, 0x202, "near=2, far=2")])
def test_layouts_have_mdadms_names(level: MdLevel, number: int, name: Optional[str]) -> None:
    assert layout_name(level, number) == name


def test_a_layout_of_the_future_is_named() -> None:
    with pytest.raises(Undescribed, match="layout 0x20102"):
        layout_name(MdLevel.RAID10, 0x20102)


def test_ids_come_from_names_that_are_unique_and_else_from_the_uuid() -> None:
    def named(kname: str, name: str, uuid: str) -> Array:
        return replace(array(name=kname), export={"MD_NAME": name, "MD_UUID": f"{uuid}:1:2:3"})

    ids = array_ids((named("md0", "web01:boot", "aaaaaaaa"), named("md1", "web01:a b", "bbbbbbbb"),
                     named("md2", "", "cccccccc"), named("md3", "x:twin", "dddddddd"),
                     named("md4", "twin", "eeeeeeee")))
    assert ids == {"md0": "md_boot", "md1": "md_a_b", "md2": "md_cccccccc", "md3": "md_twin_dddddddd",
                   "md4": "md_twin_eeeeeeee"}

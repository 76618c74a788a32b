"""A disk that an interrupted run began to rebuild is known again, and nothing that could be lost is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from agent_machines import BOOT_UUID, ESP_GUID, MIB, TABLE_ID, plan_for, server

from rescue.begun import (
    MARK_BYTES,
    Found,
    Mark,
    MarkTooLong,
    identity,
    identity_of,
    parse_mark,
    plain,
    volumes_of,
    with_begun,
)
from rescue.hardware import Hardware, PresentDisk, PresentPartition
from rescue.plan import Action, ActionKind
from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.consent import ConsentMissing, require_unattended
from rescue.storage import marks
from sif.model import Disk, DiskRole, Firmware, Overwrite, Raw, Ref, SystemInformation, TableType

DIGEST = "ab" * 32
PV = "7wwpcO-KmNN-qsTE-7sp7-JBJS-vBdC-Zyt1W7"
DISK = PresentDisk("vda", "/dev/vda", 4096 * MIB, 512, 512, serial="NEW", signatures=("vda: gpt", "vda2: ext4"),
                   partitions=(PresentPartition("vda1", MIB, 100 * MIB),
                               PresentPartition("vda2", 101 * MIB, 500 * MIB, "ext4")))
MARK = Mark(DIGEST, identity("NEW", None, 4096 * MIB))
HALF = Found(MARK, TABLE_ID.upper(), {"vda1": ESP_GUID.upper(), "vda2": ESP_GUID[:-1] + "2"}, {"vda2": BOOT_UUID})


def begun(found: Found, disk: PresentDisk = DISK, saved: Optional[SystemInformation] = None) -> bool:
    hardware = Hardware(Firmware.UEFI, "x86_64", (disk,))
    return with_begun(hardware, saved or server(), DIGEST, lambda _disk: found).disks[0].begun


def test_a_mark_comes_back_and_a_torn_or_foreign_one_does_not() -> None:
    full = replace(MARK, others=(bytes(32), bytes(range(32))))
    data = full.to_bytes()
    assert len(data) == MARK_BYTES and parse_mark(data) == full and parse_mark(MARK.to_bytes()) == MARK
    assert data.startswith(b"\xcd\x18")  # a BIOS that starts it goes on to the next disk
    for at in (0, 5, 40, 80, 110, 150):
        assert parse_mark(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]) is None
    assert parse_mark(bytes(MARK_BYTES)) is None and parse_mark(b"") is None
    many = parse_mark(replace(MARK, others=(bytes(32),) * 99).to_bytes())
    assert many is not None and len(many.others) == 9  # what has no room is left out, not overlong


def test_a_mark_says_which_volumes_were_kept_and_nothing_else_has_survived_on_its_disk() -> None:
    full = replace(MARK, others=(bytes(32), bytes(range(32))), kept=(1, 2))
    assert parse_mark(full.to_bytes()) == full
    many = replace(MARK, kept=tuple(range(0, 2040, 7)))
    assert parse_mark(many.to_bytes()) == many and len(many.to_bytes()) == MARK_BYTES
    with pytest.raises(MarkTooLong):
        replace(MARK, kept=(2040,)).to_bytes()
    names = volumes_of(server())
    hardware = Hardware(Firmware.UEFI, "x86_64", (DISK,))
    for mark, keeping in ((replace(MARK, kept=(1,)), names[1:2]), (MARK, ()), (replace(MARK, kept=(1, 99)), names[1:2]),
                          (replace(MARK, kept=(1,), set_sha256="cd" * 32), ())):
        known = with_begun(hardware, server(), DIGEST, lambda _disk, mark=mark: replace(HALF, mark=mark))  # type: ignore[misc]
        assert known.disks[0].keeping == keeping


def test_the_marks_of_a_plan_name_what_it_keeps_and_only_disks_that_are_written_to(tmp_path: Path) -> None:
    """A disk that is kept whole was not begun: the next run has to look at it as this one did."""
    saved = server()
    whole = Disk("d1", DiskRole.CRITICAL, 1024 * MIB, 512, 512, TableType.NONE)
    saved = replace(saved, disks=(*saved.disks, whole))
    plan = plan_for(str(tmp_path / "disk"))
    one, = plan.matches
    two = replace(plan, matches=(one, replace(one, saved="d1", fingerprint=replace(one.fingerprint, serial="S2"))),
                  actions=(Action("wipe:d0", ActionKind.WIPE_DISK, "d0", "d0", ""),
                           Action("wipe:d1", ActionKind.WIPE_DISK, "d1", "d1", "")))
    assert len(marks.marks_of(two, saved, DIGEST).others) == 1
    names = volumes_of(saved)
    kept = marks.marks_of(replace(two, kept=("wipe:d1", names[1])), saved, DIGEST)
    assert kept.others == () and kept.kept == (1,)


def test_what_an_interrupted_run_left_is_known_again() -> None:
    assert begun(HALF)
    assert begun(replace(HALF, contents={"vda2": PV}))
    assert begun(replace(HALF, contents={}))


@pytest.mark.parametrize("change", [
    {"mark": None},  # a clone of the machine's old disk, or a machine that was restored long ago
    {"mark": replace(MARK, set_sha256="cd" * 32)},  # another set's
    {"mark": replace(MARK, disk=identity("OTHER", None, 4096 * MIB))},  # copied from another disk
    {"table": None}, {"table": "3d1c2b5e-6f0a-4a55-8f0e-0a4c7b9d1eff"},  # somebody made a table of their own
    {"partitions": {"vda1": "11111111-0000-4000-8000-000000000000"}}, {"partitions": {"vda1": None}},
    {"contents": {"vda2": "d2b1f0a4-53a0-4b83-8a4f-ffffffffffff"}}, {"contents": {"vda2": None}}])
def test_anything_else_on_the_disk_asks_for_consent_again(change: Dict[str, Any]) -> None:
    assert not begun(replace(HALF, **change))


def test_a_bare_table_of_the_set_holds_nothing_and_needs_no_mark() -> None:
    bare = Found(None, TABLE_ID, HALF.partitions, {}, beyond_empty=True)
    assert begun(bare) and not begun(replace(bare, beyond_empty=False))


def test_a_table_without_partitions_on_an_empty_disk_is_nothing_to_lose() -> None:
    empty = replace(DISK, signatures=("vda: dos",), partitions=())
    found = Found(None, "somebody's", {}, {}, beyond_empty=True)
    assert begun(found, empty) and begun(replace(found, table=None), replace(empty, signatures=("vda: PMBR",)))
    assert not begun(replace(found, beyond_empty=False), empty)
    assert not begun(found, replace(empty, signatures=("vda: dos", "vda: ext4")))
    assert not begun(found, replace(empty, signatures=("vda: unknown data",)))
    assert not begun(found, replace(DISK, signatures=("vda: dos",)))


def test_a_wiped_disk_with_nothing_but_a_mark_is_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "probe", lambda path: {})
    image = tmp_path / "disk"
    size = 8 << 20
    disk = replace(DISK, path=str(image), size_bytes=size, signatures=("vda: unknown data",), partitions=())
    for at, known in ((None, True), (440, False), (1 << 20, False), (size - 1, False)):
        with image.open("wb") as stream:
            stream.truncate(size)
            stream.write(MARK.to_bytes())
            if at is not None:
                stream.seek(at)
                stream.write(b"x")
        assert begun(marks.look(disk), disk) is known
    image.write_bytes(b"x" * MARK_BYTES + bytes(size - MARK_BYTES))
    assert not begun(marks.look(disk), disk)


def test_the_content_of_an_image_may_hold_any_id() -> None:
    raw = Raw("r", Ref("d0p2"), "media:raw/r.zst", 1, "0" * 64, "0" * 64)
    saved = replace(server(), raws=(raw,))
    found = replace(HALF, contents={"vda2": "somebody's"})
    assert begun(found, saved=saved) and not begun(found)


def test_partitions_of_an_mbr_are_known_by_table_and_number() -> None:
    saved = server()
    disk = replace(saved.disks[0], table=TableType.MBR, table_id="0x1234abcd")
    saved = replace(saved, disks=(disk,), partitions=tuple(replace(p, uuid=None) for p in saved.partitions))
    found = Found(MARK, "1234abcd", {"vda1": "1234abcd-01", "vda2": "1234abcd-02"}, {"vda2": BOOT_UUID})
    assert begun(found, saved=saved)
    assert not begun(replace(found, partitions={"vda1": "1234abcd-07"}), saved=saved)


def test_a_disk_without_a_table_is_vouched_for_by_the_others_marks() -> None:
    saved = server()
    whole = Disk("d1", DiskRole.CRITICAL, 1024 * MIB, 512, 512, TableType.NONE)
    saved = replace(saved, disks=(*saved.disks, whole), pvs=(replace(saved.pvs[0], device=Ref("d1")),))
    data = PresentDisk("vdb", "/dev/vdb", 1024 * MIB, 512, 512, serial="D", signatures=("vdb: LVM2_member",))
    listed = replace(HALF, mark=replace(MARK, others=(identity_of(data),)))
    hardware = Hardware(Firmware.UEFI, "x86_64", (DISK, data))
    for first, second, known in ((listed, Found(None, whole=PV), True), (HALF, Found(None, whole=PV), False),
                                 (listed, Found(None, whole="other"), False), (listed, Found(None), False)):
        assert with_begun(hardware, saved, DIGEST, {DISK: first, data: second}.__getitem__).disks[1].begun is known


def test_an_unattended_run_goes_on_with_what_it_began_and_with_nothing_else() -> None:
    saved = server()
    assert saved.policy.overwrite is Overwrite.SAME_DISK
    for known in (True, False):
        hardware = Hardware(Firmware.UEFI, "x86_64", (replace(DISK, begun=known),))
        plan = plan_restore(saved, hardware, RestorePolicy())
        assert [need.begun for need in plan.consents] == [known]
        if known:
            require_unattended(plan, saved.policy.overwrite)
        else:
            with pytest.raises(ConsentMissing):
                require_unattended(plan, saved.policy.overwrite)


def test_the_mark_is_written_and_taken_away_without_touching_the_table(tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "settle", lambda: None)
    disk = tmp_path / "disk"
    rest = bytes(range(256)) * 4
    disk.write_bytes(b"\0" * MARK_BYTES + rest)
    made = marks.marks_of(plan_for(str(disk)), server(), DIGEST)
    made.leave(plan_for(str(disk)).matches[0])
    assert parse_mark(disk.read_bytes()) == Mark(DIGEST, identity("S1", None, 4096 * MIB))
    marks.take_away([str(disk)])
    assert disk.read_bytes() == b"\0" * MARK_BYTES + rest
    disk.write_bytes(b"\xeb\x63GRUB" + b"\0" * 434 + rest)
    marks.take_away([str(disk)])
    assert disk.read_bytes().startswith(b"\xeb\x63GRUB")


def test_ids_are_compared_without_their_punctuation() -> None:
    assert plain("0xDEADBEEF") == plain("deadbeef") == "deadbeef"
    assert plain("0F0E:0d0c-0b") == "0f0e0d0c0b"

"""The kernel finds a machine's disks in another order: every id that counts disks changes, and nothing else."""

from __future__ import annotations

import re
from typing import Dict

import pytest
from machine_capture import MACHINES, names, replayed

from sif.align import aligned
from sif.capture.adopt import renamed_all
from sif.diff import diff
from sif.merge import canonical, merged
from sif.model import Ref, System, SystemInformation
from sif.plain import replace

SEVERAL = tuple(name for name in names() if
                re.search(r"^\[DISK d1\]$", (MACHINES / name / "expected.sif").read_text("utf-8"), re.MULTILINE))


def in_other_order(info: SystemInformation) -> SystemInformation:
    """The same machine whose first and last disk have changed places."""
    last = len(info.disks) - 1

    def other(ident: str) -> str:
        swapped = {"0": str(last), str(last): "0"}
        return re.sub(r"^d(\d+)(?=p|$)", lambda found: "d" + swapped.get(found[1], found[1]), ident)

    ids: Dict[str, str] = {disk.id: other(disk.id) for disk in info.disks}
    ids.update((part.id, other(part.id)) for part in info.partitions)
    records = renamed_all(info.records(), ids)
    system = next(record for record in records if isinstance(record, System))
    return merged(info.version, system, records, info.foreign)


def captured(name: str) -> SystemInformation:
    outcome = replayed(name)
    assert outcome.captured is not None
    return canonical(outcome.captured.info)


def by_kind(info: SystemInformation) -> "Dict[object, object]":
    return {(record.KIND, getattr(record, "id", "")): record for record in info.records()}


@pytest.mark.parametrize("name", SEVERAL)
def test_the_disks_are_known_again(name: str) -> None:
    saved = captured(name)
    found = in_other_order(saved)
    assert diff(saved, found, True), "the numbers differ"
    same = aligned(saved, found).info
    assert by_kind(same) == by_kind(saved)
    assert diff(saved, same, True) == ()


@pytest.mark.parametrize("name", SEVERAL)
def test_what_is_the_same_keeps_its_names(name: str) -> None:
    saved = captured(name)
    assert aligned(saved, saved).names == {}


def test_a_new_disk_that_is_found_first_gets_a_name_of_its_own() -> None:
    saved = captured("md1-lvm")
    found = in_other_order(saved)
    new = replace(found.disks[0], table_id="ffffffff-0000-4000-8000-000000000001", serial="NEW", wwn=None, by_path=None)
    lost = replace(found, disks=(new, found.disks[1]), partitions=tuple(
        part for part in found.partitions if part.disk != new.id), arrays=(), pvs=(), vgs=(), lvs=(), filesystems=(),
        swaps=())
    same = aligned(saved, lost).info
    assert (new.id, found.disks[1].id) == ("d0", "d1")
    assert {disk.id: disk.table_id for disk in same.disks} == {"d0": saved.disks[0].table_id, "d0_2": new.table_id}
    assert {part.disk for part in same.partitions} == {"d0"}


def test_a_partition_on_another_disk_is_the_same_by_its_uuid() -> None:
    """As when two disks come back on one: it has another disk, number and place, and what lies on it is as it was."""
    saved = captured("lvm-groups")
    first, moved = saved.disks[0], next(part for part in saved.partitions if part.disk != saved.disks[0].id)
    there = replace(moved, id=f"{first.id}p9", disk=Ref(first.id), number=9)
    ids = {moved.id: there.id}
    records = [there if one is moved else renamed_all((one,), ids)[0] for one in saved.records()
               if not isinstance(one, System)]
    found = aligned(saved, merged(saved.version, saved.system, records, saved.foreign))
    assert found.names == {("PARTITION", there.id): moved.id}
    differing = {(one.kind, one.id, one.key) for one in diff(saved, found.info, True)}
    assert differing == {("PARTITION", moved.id, "disk"), ("PARTITION", moved.id, "number")}

"""The look for what survived: which files are compared, what counts as damage, and whose damage it is."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Tuple

import pytest
from planner_cases import mirror, two
from planner_machines import GIB, machine, present

from rescue.hardware import Whole
from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.encrypted import KEYSLOTS
from rescue.storage.sampled import listed_at, words_of
from rescue.storage.whole import broken_disks, mount_points
from rescue.verify import planned_part
from rescue.volume_secrets import plan_without_headers
from sif.capture.errors import Unrestorable
from sif.capture.storage import Storage
from sif.catalog.entry import Entry, Origin
from sif.catalog.verify import verify_catalog
from sif.model import Intact

MOUNTS = ("/", "/boot", "/srv")


def entry(path: str, content: bytes = b"x", origin: Origin = Origin.SAME) -> Entry:
    return Entry(path.encode(), hashlib.sha256(content).hexdigest(), 0o644, 0, 0, len(content), b"", "p", "1", origin)


MANY = tuple(entry(f"/usr/lib/{number}") for number in range(500))


@pytest.mark.parametrize(("mount", "paths"), [
    ("/", ["/srvx", "/usr/bin/true"]), ("/boot", ["/boot/vmlinuz"]), ("/srv", []),
])
def test_a_file_is_the_innermost_volume_s(mount: str, paths: "list[str]") -> None:
    entries = tuple(map(entry, ("/boot/vmlinuz", "/srvx", "/usr/bin/true")))
    found = listed_at(entries, mount, MOUNTS, None, "set")
    assert sorted(one.path.decode() for one in found.compared) == paths and found.all


def test_a_sample_is_spread_and_the_same_for_the_same_set() -> None:
    first, again, other = (listed_at(MANY, "/", MOUNTS, 20, seed) for seed in ("a", "a", "b"))
    assert first == again and first != other
    assert len(first.compared) == 20 and not first.all
    assert {int(one.path.rpartition(b"/")[2]) // 100 for one in first.compared} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("most", "count", "whole"), [(None, 500, True), (500, 500, True), (499, 499, False),
                                                      (0, 0, False)])
def test_how_many_files_are_compared(most: "int | None", count: int, whole: bool) -> None:
    found = listed_at(MANY, "/", MOUNTS, most, "set")
    assert (len(found.compared), found.all) == (count, whole)


def test_what_was_other_than_its_package_s_when_it_was_captured_is_not_compared() -> None:
    assert listed_at((entry("/usr/x", origin=Origin.DIFFERS),), "/", MOUNTS, 9, "set").compared == ()


def test_contents_are_compared_and_not_what_is_set_after_the_restore(tmp_path: Path) -> None:
    for name in ("same", "other", "longer"):
        (tmp_path / name).write_bytes(b"x")
        (tmp_path / name).chmod(0o600)  # not as listed
    entries = (entry("/same"), entry("/other", b"y"), entry("/longer", b"xx"), entry("/gone"), entry("/gone2"))
    assert words_of(verify_catalog(tmp_path, entries[:1])) == ""
    assert words_of(verify_catalog(tmp_path, entries)) == (
        "4 of 5 files differ from the catalog: /gone (missing), /gone2 (missing), /longer (size) and 1 more")


def storage(unsupported: Tuple[str, ...] = (), notes: Tuple[str, ...] = ()) -> Storage:
    paths = {"d0": "/dev/vda", "d0p1": "/dev/vda1", "d1": "/dev/vdb", "lv0": "/dev/mapper/vg-lv"}
    return Storage((), (), (), (), (), (), (), paths, unsupported=unsupported, notes=notes)


@pytest.mark.parametrize(("unsupported", "notes", "disks"), [
    ((), (), ()),
    (("signatures that contradict each other on /dev/vda1", "/dev/mapper/vg-lv: not active"), (), ()),
    ((Unrestorable("ZFS pool tank on /dev/vda1", "tank"),), (), ()),
    (("disk vda: its first GPT is damaged",), (), ("d0", "d1")),
    (("volume group vg0: a volume is missing",), (), ("d0", "d1")),
    (("/dev/dm-7: crypt",), (), ("d0", "d1")),
    ((), ("disk vdb: the backup GPT at the end of the disk is damaged",), ("d1",)),
    ((), ("something else about vdb",), ()),
])
def test_what_is_wrong_with_one_volume_is_not_the_disk_s_fault(
        unsupported: Tuple[str, ...], notes: Tuple[str, ...], disks: Tuple[str, ...]) -> None:
    assert broken_disks(storage(unsupported, notes), {"d0": "vda", "d1": "vdb"}) == disks


def test_every_place_of_the_machine_is_known_whatever_disks_are_looked_at() -> None:
    assert mount_points(two()) == ("/boot/efi", "/boot", "/", "/srv")


def test_of_an_encrypted_volume_that_is_kept_every_keyslot_stays() -> None:
    saved = replace(mirror(), luks=(replace(mirror().luks[0], keyslots=("0:argon2id", "1:pbkdf2")),))
    disks = tuple(present(name, 8 * GIB, serial=serial, signatures=("x: gpt",)) for name, serial in (
        ("vda", "SERd0"), ("vdb", "SERd1")))
    facts = tuple(Whole(ident, ("vda", "vdb")) for ident in ("md:md0", "luks:crypt", "vg:vg0", "fs:root"))
    tables = (Whole("table:d0", ("vda",)), Whole("table:d1", ("vdb",)))
    plans = {level: plan_restore(saved, replace(machine(*disks), whole=(*tables, *facts)), RestorePolicy(intact=level))
             for level in (Intact.KEEP, Intact.REBUILD)}
    assert [a.subject for a in plans[Intact.REBUILD].adjustments if a.code == KEYSLOTS] == ["crypt"]
    kept = plans[Intact.KEEP]
    assert "luks:crypt" in kept.kept and [a for a in kept.adjustments if a.code == KEYSLOTS] == []
    assert plan_without_headers(kept, saved) == kept
    assert len(planned_part(saved, kept).luks[0].keyslots) == 2
    assert len(planned_part(saved, plans[Intact.REBUILD]).luks[0].keyslots) == 1

"""Drift: what a difference between the set and the machine means."""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import pytest
from sif_samples import SET_ID, machine

import sif.drift.cli as drift_cli
from sif.capture import Captured
from sif.capture.errors import NotRestorable
from sif.cli import main
from sif.drift import Area, Drift, Effect, Verdict, compare
from sif.drift.present import with_raws
from sif.drift.report import text, to_json
from sif.errors import Exit
from sif.foreign import Foreign
from sif.model import Catalog, CatalogPolicy, Device, DiskRole, Driver, Need, Raw, Ref, SystemInformation
from sif.raw.choose import KeptRaw
from sif.writer import write_set

DIGEST = "0" * 64


def test_a_vendors_own_sections_change_nothing_that_a_restore_depends_on() -> None:
    def having(*sections: Foreign) -> SystemInformation:
        return dataclasses.replace(machine(), foreign=sections)
    job = Foreign("X-ACME.JOB", "nightly", (("server", '"vault"'),))
    other = dataclasses.replace(job, entries=(("server", '"safe"'),))
    assert compare(having(job), having(job)).verdict is Verdict.SAME
    for before, after in ((having(job), having()), (having(), having(job)), (having(job), having(other))):
        found = compare(before, after)
        assert (found.verdict, found.changes[0].area) == (Verdict.STILL_GOOD, Area.RESTORE)


def with_field(info: SystemInformation, field: str, value: Any) -> SystemInformation:
    changes: Dict[str, Any] = {field: value}
    return dataclasses.replace(info, **changes)


def replaced(field: str, index: int, **change: Any) -> Callable[[SystemInformation], SystemInformation]:
    def act(info: SystemInformation) -> SystemInformation:
        items = list(getattr(info, field))
        items[index] = dataclasses.replace(items[index], **change)
        return with_field(info, field, tuple(items))
    return act


def system(**change: Any) -> Callable[[SystemInformation], SystemInformation]:
    return lambda info: dataclasses.replace(info, system=dataclasses.replace(info.system, **change))


def without(field: str) -> Callable[[SystemInformation], SystemInformation]:
    return lambda info: with_field(info, field, getattr(info, field)[1:])


def driver(needs: Tuple[Need, ...]) -> Callable[[SystemInformation], SystemInformation]:
    made = Driver(id="ahci", module="ahci", kernel="6.1", needs=needs)
    return lambda info: dataclasses.replace(info, drivers=(made,))


def new_device(info: SystemInformation) -> SystemInformation:
    return dataclasses.replace(info, devices=(Device(id="pci-1", modalias="pci:v1"),))


AGAIN, GOOD = Effect.AGAIN, Effect.GOOD


@pytest.mark.parametrize(("change", "effect", "area"), [
    (replaced("disks", 0, size_bytes=9 << 30), AGAIN, Area.STORAGE),
    (replaced("disks", 0, serial="other"), AGAIN, Area.STORAGE),
    (replaced("disks", 0, wwn="other"), AGAIN, Area.STORAGE),
    (replaced("disks", 1, role=DiskRole.DATA), AGAIN, Area.STORAGE),
    (replaced("disks", 0, model="other"), GOOD, Area.STORAGE),
    (replaced("disks", 0, by_path="pci-9"), GOOD, Area.STORAGE),
    (replaced("disks", 0, device="vdz"), None, None),
    (replaced("partitions", 1, sectors=9), AGAIN, Area.STORAGE),
    (replaced("lvs", 0, extents=9), AGAIN, Area.STORAGE),
    (without("swaps"), AGAIN, Area.STORAGE),
    (replaced("filesystems", 0, options="ro"), AGAIN, Area.STORAGE),
    (replaced("filesystems", 0, used_bytes=9), None, None),
    (replaced("vgs", 0, metadata="media:x", metadata_sha256=DIGEST), None, None),
    (system(kernel="6.99"), GOOD, Area.SYSTEM), (system(ram_bytes=9), GOOD, Area.SYSTEM),
    (system(machine_id_value="0" * 32), AGAIN, Area.SYSTEM),
    (replaced("efi_entries", 0, path="\\EFI\\x.efi"), AGAIN, Area.BOOT),
    (replaced("nics", 0, mac="52:54:00:00:00:01"), AGAIN, Area.NETWORK),
    (new_device, GOOD, Area.HARDWARE), (driver((Need.DISK,)), AGAIN, Area.HARDWARE), (driver(()), GOOD, Area.HARDWARE),
    (replaced("commands", 0, argv=("true",)), AGAIN, Area.RESTORE), (without("commands"), AGAIN, Area.RESTORE),
    (replaced("stores", 0, location="/y"), AGAIN, Area.RESTORE),
    (replaced("stores", 0, snapshot="new"), GOOD, Area.RESTORE),
    (lambda info: dataclasses.replace(info, catalogs=(Catalog("c", "media:c", DIGEST, 1, CatalogPolicy.REPORT),)),
     None, None),
    (lambda info: dataclasses.replace(info, version=dataclasses.replace(
        info.version, set_id="0" * 8 + SET_ID[8:], serial=7)), None, None),
])
def test_each_change_has_one_meaning(change: Callable[[SystemInformation], SystemInformation],
                                     effect: "Effect | None", area: "Area | None") -> None:
    before = machine()
    after = change(before)
    assert after != before
    found = {(one.effect, one.area) for one in compare(before, after).changes}
    assert found == (set() if effect is None else {(effect, area)})


def test_the_verdict_is_that_of_the_worst_change() -> None:
    before = machine()
    newer = system(kernel="6.99")(before)
    assert compare(before, before).verdict is Verdict.SAME
    assert compare(before, newer).verdict is Verdict.STILL_GOOD
    assert compare(before, without("swaps")(newer)).verdict is Verdict.CAPTURE_AGAIN


def drifted() -> Drift:
    before = machine()
    return compare(before, replaced("disks", 0, model="other")(without("swaps")(system(kernel="6.99")(before))))


def test_people_read_the_changes_by_part_of_the_machine_the_grave_ones_first() -> None:
    assert text(drifted()) == """disks and volumes:
  ! [SWAP swap0] is gone
    [DISK d0] model: (none) -> "other"

the system:
    [SYSTEM web01] kernel: (none) -> "6.99"

web01.example.org, captured 2026-11-22T02:10:04Z: the machine has changed; capture it again: a restore from this set \
would not bring it back as it is now
"""


def test_programs_read_the_same() -> None:
    found: Dict[str, Any] = json.loads(to_json(drifted()))
    assert found["verdict"] == "capture-again"
    assert [(change["effect"], change["kind"], change["id"], change["key"], change["before"], change["after"])
            for change in found["changes"]] == [
        ("still-good", "SYSTEM", "web01", "kernel", None, '"6.99"'),
        ("still-good", "DISK", "d0", "model", None, '"other"'),
        ("capture-again", "SWAP", "swap0", "", "present", None)]


def with_raw(path: Path) -> Tuple[SystemInformation, Tuple[KeptRaw, ...]]:
    info = machine()
    size = info.partitions[0].sectors * 512
    with path.open("wb") as stream:
        stream.truncate(size)
    raw = Raw(id="raw_d0p1", device=Ref("d0p1"), path="media:x", size_bytes=size, file_sha256=DIGEST,
              sha256=hashlib.sha256(bytes(size)).hexdigest())
    return dataclasses.replace(info, raws=(raw,)), (KeptRaw("d0p1", str(path), "x"),)


def test_what_is_kept_sector_by_sector_is_read_unless_the_look_is_quick(tmp_path: Path) -> None:
    saved, kept = with_raw(tmp_path / "device")
    assert compare(saved, with_raws(saved, saved, kept, quick=False)).changes == ()
    with (tmp_path / "device").open("r+b") as stream:
        stream.write(b"x")
    slow = compare(saved, with_raws(saved, saved, kept, quick=False))
    assert [change.difference.key for change in slow.changes if change.difference] == ["sha256"]
    assert slow.verdict is Verdict.CAPTURE_AGAIN
    assert compare(saved, with_raws(saved, saved, kept, quick=True)).changes == ()
    assert [change.text for change in compare(saved, with_raws(saved, saved, (), quick=True)).changes] == [
        "[RAW raw_d0p1] is gone"]
    assert [change.text for change in compare(machine(), with_raws(saved, machine(), kept, quick=True)).changes] == [
        "[RAW raw_d0p1] is new"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Dict[str, Any]:
    """The machine is the sample, changed as the test says; the dictionary tells what the capture was asked for."""
    seen: Dict[str, Any] = {"machine": machine()}

    def look_at(arguments: argparse.Namespace, *, strict: bool) -> Captured:
        seen.update(vars(arguments), strict=strict)
        return Captured(seen["machine"], {})
    monkeypatch.setattr("sif.cli.look_at", look_at)
    monkeypatch.setattr(drift_cli, "excluded_disks", lambda saved: ("sdz",))
    return seen


def test_drift_answers_by_exit_code_and_looks_as_the_capture_did(asked: Dict[str, Any], tmp_path: Path,
                                                                capsys: pytest.CaptureFixture[str]) -> None:
    write_set(machine(), tmp_path / "set", {})
    assert main(["drift", str(tmp_path / "set"), "--exclude-disk", "sdy"]) == Exit.OK
    assert "nothing has changed" in capsys.readouterr().out
    assert (asked["name"], asked["exclude_disk"], asked["catalog"], asked["strict"]) == (
        "web01.example.org", ["sdy", "sdz"], False, False)
    asked["machine"] = system(kernel="6.99")(machine())
    assert main(["drift", "--quick", "--json", str(tmp_path / "set")]) == Exit.DIFFERENT
    assert json.loads(capsys.readouterr().out)["verdict"] == "still-good"
    assert main(["drift", "--catalog", str(tmp_path / "set")]) == Exit.USAGE
    assert "no catalog" in capsys.readouterr().err


def test_a_machine_that_cannot_be_captured_any_more_says_why(asked: Dict[str, Any], tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(arguments: argparse.Namespace, *, strict: bool) -> Captured:
        raise NotRestorable("this machine has something that this version cannot restore", found="ZFS pool tank")
    monkeypatch.setattr("sif.cli.look_at", refuse)
    write_set(machine(), tmp_path / "set", {})
    assert main(["drift", str(tmp_path / "set")]) == Exit.NOT_RESTORABLE
    assert "ZFS pool tank" in capsys.readouterr().err

"""Nothing of ours stays, nothing of theirs goes, and times are as they were restored."""

import os
from pathlib import Path

from agent_machines import SET_ID, plan_for, server

from rescue.cleanup import commit, keep_evidence, remove_placed, remove_stage
from rescue.commands import CommandResult, Outcome
from rescue.durable import sha256_of
from rescue.job import Job, JobState, PlacedFile, StageFiles, parse_job
from rescue.planner.codec import dump_plan
from rescue.report import make_report, report_text, steps_of
from rescue.staging.bootpath import MARK_TIME
from rescue.staging.stage import in_tree

OLD = 1_500_000_000


def job(*placed: PlacedFile) -> Job:
    return Job("j1", SET_ID, "web01.example.org", "2026-11-22T02:10:04Z", JobState.PENDING, "boot", "d2b1",
               "dr_state.sif", True, "esp", placed)


def put(path: Path, text: str, mtime: int = MARK_TIME) -> PlacedFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (mtime, mtime))
    return PlacedFile("", sha256_of(path))


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (OLD, OLD))


def test_a_job_survives_its_file() -> None:
    written = job(PlacedFile("EFI/lifeboat/shimx64.efi", "ab"))
    assert parse_job(written.to_json(), "job.json") == written


def test_the_stage_goes_without_a_trace(tmp_path: Path) -> None:
    files = StageFiles(tmp_path)
    put(files.path("vmlinuz"), "k")
    put(files.set / "web01/dr_state.sif", "s")
    put(files.commit, "menu")
    files.write_job(job())
    age(tmp_path)
    commit(files, job())
    assert files.read_job().state is JobState.DONE and not files.commit.exists()
    remove_stage(files)
    assert list(tmp_path.iterdir()) == [] and tmp_path.stat().st_mtime == OLD


def test_a_restored_file_in_the_place_of_ours_stays_even_with_the_same_content(tmp_path: Path) -> None:
    ours, fallback = "EFI/lifeboat/shimx64.efi", "EFI/BOOT/BOOTX64.EFI"
    shim = put(tmp_path / ours, "shim")
    put(tmp_path / fallback, "shim", mtime=OLD)  # restored: the same shim, its own time
    put(tmp_path / "EFI/debian/shimx64.efi", "shim", mtime=OLD)
    config = put(tmp_path / "boot/grub/grub.cfg", "search")
    age(tmp_path / "EFI", tmp_path / "EFI/BOOT")
    removed = remove_placed(tmp_path, [PlacedFile(ours, shim.sha256), PlacedFile(fallback, shim.sha256),
                                       PlacedFile("boot/grub/grub.cfg", config.sha256)])
    assert removed == (ours, "boot/grub/grub.cfg")
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {fallback, "EFI/debian/shimx64.efi"}
    assert not (tmp_path / "boot").exists() and not (tmp_path / "EFI/lifeboat").exists()
    assert (tmp_path / "EFI").stat().st_mtime == OLD and (tmp_path / "EFI/BOOT").stat().st_mtime == OLD


def test_the_evidence_is_kept_and_the_directories_above_keep_their_times(tmp_path: Path) -> None:
    target, logs = tmp_path / "target", tmp_path / "log"
    (target / "var/log").mkdir(parents=True)
    put(logs / "command-2000.log", "$ restic\n")
    events = tmp_path / "events.jsonl"
    events.write_text('{"t": 1010.5, "phase": 2, "step": "restore", "state": "finished", "title": "Restore", '
                      '"seconds": 10.5}\n')
    age(target, target / "var", target / "var/log")
    result = CommandResult("2000", "Restore files", Outcome.DONE, 0, 1, 9.5, "command-2000.log")
    report = make_report(job(), steps_of(events.read_text()), [result], (), ["/dev/vda: boot sector"])
    where = keep_evidence(target, job(), report, dump_plan(plan_for()), events, logs)
    assert where == target / "var/log/lifeboat/j1"
    assert sorted(p.name for p in where.iterdir()) == [
        "command-2000.log", "events.jsonl", "plan.json", "report.json", "report.txt"]
    assert (target / "var/log").stat().st_mtime == OLD and (target / "var").stat().st_mtime == OLD
    assert report.verdict == "restored" and "10.5 s  Restore" in report_text(report)


def test_a_failed_program_that_was_not_critical_makes_the_verdict_degraded() -> None:
    failed = CommandResult("3000", "Replay WAL", Outcome.FAILED, 1, 3, 1.0, "command-3000.log", False)
    assert make_report(job(), (), [failed], (), ()).verdict == "degraded"


def test_a_file_system_s_place_in_the_tree() -> None:
    places = {fs.id: str(in_tree(Path("/t"), fs)) for fs in server().filesystems}
    assert places == {"esp": "/t/boot/efi", "boot": "/t/boot", "root": "/t"}

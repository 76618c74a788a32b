"""Leaves the evidence in the restored system, and takes everything else of ours away without a trace."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Iterable, Optional, Sequence, Tuple

from rescue.durable import keeping_times, remove_durably, remove_tree, sync_directory, write_durably
from rescue.job import Job, JobState, PlacedFile, StageFiles
from rescue.report import Report, report_text
from rescue.staging.bootpath import is_ours

EVIDENCE = "var/log/lifeboat"


def keep_evidence(target: Path, job: Job, report: Report, plan_json: str, events: Path, logs: Path) -> Path:
    """Write plan, report, events and the programs' outputs below /var/log of the restored system; returns where.

    Only root can read them. The times of the directories above are kept as they were restored.
    """
    log_root = target / "var/log"
    with keeping_times(target, target / "var", log_root, target / EVIDENCE):
        where = target / EVIDENCE / job.job_id
        for directory in (log_root, target / EVIDENCE, where):
            if not directory.is_dir():
                directory.mkdir(parents=True, mode=0o755 if directory == log_root else 0o700)
        write_durably(where / "plan.json", plan_json)
        write_durably(where / "report.json", report.to_json())
        write_durably(where / "report.txt", report_text(report))
        _copy_logs(logs, where)
        keep_events(where, events)
    return where


def keep_events(where: Path, events: Path) -> None:
    """Copy the events told so far to the evidence; called once more at the very end."""
    if events.is_file():
        shutil.copyfile(events, where / "events.jsonl")
        sync_directory(where)


def _copy_logs(logs: Path, where: Path) -> None:
    for log in sorted(logs.glob("*.log")) if logs.is_dir() else ():
        shutil.copyfile(log, where / log.name)


def commit(files: StageFiles, job: Job, esp: Optional[Path] = None) -> None:
    """The point of no return: from here on nothing starts phase 2 of this job again.

    ``esp`` is the root of the mounted EFI system partition, which has a menu too where GRUB cannot read the stage.
    """
    with keeping_times(files.root):
        files.write_job(replace(job, state=JobState.DONE))
        if esp is not None and StageFiles(esp).commit.is_file():
            with keeping_times(esp):
                remove_durably(StageFiles(esp).commit)
        if files.commit.is_file():
            remove_durably(files.commit)


def remove_stage(files: StageFiles) -> None:
    """Remove the rescue system from the machine's disk; its directory's times stay as they were restored."""
    with keeping_times(files.root):
        remove_tree(files.directory)
        sync_directory(files.root)


def remove_placed(esp: Path, placed: Sequence[PlacedFile]) -> Tuple[str, ...]:
    """Remove our files from the ESP and return their paths; a restored file in the place of ours stays."""
    parents = _parents(esp, placed)
    removed = []
    with keeping_times(esp, *parents):
        for file in placed:
            if is_ours(esp / file.path, file):
                (esp / file.path).unlink()
                removed.append(file.path)
        for directory in parents:
            if directory.is_dir() and not any(directory.iterdir()):
                directory.rmdir()
        sync_directory(esp)
    return tuple(removed)


def _parents(esp: Path, placed: Iterable[PlacedFile]) -> Tuple[Path, ...]:
    """The directories of our files, the deepest first."""
    found = {parent for file in placed for parent in (esp / file.path).parents if esp in parent.parents}
    return tuple(sorted(found, key=lambda path: (-len(path.parts), str(path))))

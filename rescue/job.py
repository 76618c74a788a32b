"""The job: one restore of one machine, from phase 1 to the end of phase 2, as files on the staging file system."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Tuple

from rescue.durable import write_durably
from sif.errors import Exit, LifeboatError

DIRECTORY = "lifeboat"
FORMAT = 1


class JobState(str, Enum):
    PENDING = "pending"
    DONE = "done"


class JobUnreadable(LifeboatError):
    """There is a job file, but it says nothing that can be relied on."""

    code = Exit.RESTORE_FAILED


@dataclass(frozen=True)
class PlacedFile:
    """A file of ours on the machine's ESP: path below its root, and SHA-256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Job:
    """What phase 2 needs to know beyond the SIF and the plan.

    ``stage_fs`` is the SIF id of the staging file system, ``sif`` the path of the set's first part below
    ``/lifeboat/set``, ``consoles`` the serial and screen consoles to use, ``placed`` our files on the ESP
    ``esp_fs`` (none on a BIOS machine), ``signature`` who vouches for the set in words, ``set_sha256`` the digest
    of the set that was verified and agreed to (:func:`rescue.trust.set_digest`), ``packages`` where packages lie on
    the set's medium, as ``UUID:path``.
    """

    job_id: str
    set_id: str
    hostname: str
    created: str
    state: JobState
    stage_fs: str
    stage_uuid: str
    sif: str
    auto: bool = False
    esp_fs: str = ""
    placed: Tuple[PlacedFile, ...] = ()
    signature: str = ""
    set_sha256: str = ""
    packages: str = ""
    format: int = FORMAT

    def to_json(self) -> str:
        """The job as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2, default=str) + "\n"


def parse_job(text: str, where: str) -> Job:
    """Read a job file. Raises :class:`JobUnreadable`."""
    try:
        data = json.loads(text)
        if data["format"] != FORMAT:
            raise JobUnreadable("the job was written by another version of Lifeboat", where=where,
                                found=f"format {data['format']}", wanted=f"format {FORMAT}",
                                hint="continue with the medium that started it")
        data["state"] = JobState(data["state"])
        data["placed"] = tuple(PlacedFile(**placed) for placed in data["placed"])
        fields = {field.name for field in dataclasses.fields(Job)}
        return Job(**{name: value for name, value in data.items() if name in fields})
    except (ValueError, KeyError, TypeError) as error:
        raise JobUnreadable("the job file is damaged", where=where, found=str(error),
                            hint="start over from the medium") from error


@dataclass(frozen=True)
class StageFiles:
    """The names on the staging file system; ``root`` is where that file system is mounted."""

    root: Path

    @property
    def directory(self) -> Path:
        return self.root / DIRECTORY

    def path(self, name: str) -> Path:
        """A file of the contract, for example ``vmlinuz`` or ``plan.json``."""
        return self.directory / name

    @property
    def set(self) -> Path:
        return self.directory / "set"

    @property
    def commit(self) -> Path:
        """The GRUB menu of phase 2: while it is there, phase 2 is pending."""
        return self.directory / "phase2.cfg"

    @property
    def job(self) -> Path:
        return self.directory / "job.json"

    def read_job(self) -> Job:
        """The job; raises :class:`JobUnreadable`, also when there is none."""
        try:
            text = self.job.read_text(encoding="utf-8")
        except OSError as error:
            raise JobUnreadable("there is no job on the staging file system", where=str(self.job), found=str(error),
                                hint="start over from the medium") from error
        return parse_job(text, str(self.job))

    def write_job(self, job: Job) -> None:
        """Replace the job file, durably."""
        write_durably(self.job, job.to_json())


def as_plain(value: Any) -> Any:
    """A frozen record as plain JSON values, for files that people read."""
    return json.loads(json.dumps(dataclasses.asdict(value), default=str))

"""Phase 1 must not start by itself on a machine whose phase 2 is pending."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Iterable, Optional, Tuple

from rescue.blockdev import BlockDevice, BlockDevices, read_block_devices
from rescue.console import Choice, Console, choose, confirm_by_name
from rescue.failures import Phase2Pending
from rescue.job import Job, JobState, JobUnreadable, StageFiles
from rescue.readonly import looked_into
from rescue.workspace import Workspace
from sif.errors import CommandFailed

_STAGES = ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat")


class Pending(Enum):
    """What is decided about a phase 2 that is half done. START_OVER: what it has restored so far does not count."""

    NOTHING = "nothing"
    CONTINUE = "continue"
    START_OVER = "start over"


@dataclass(frozen=True)
class PendingJob:
    """A restore that is half done, and the device it is staged on. ``job`` is None when its file is damaged."""

    device: BlockDevice
    job: Optional[Job]

    def __str__(self) -> str:
        if self.job is None:
            return f"{self.device.path}: a damaged job file"
        return (f"{self.device.path}: restore of {self.job.hostname}, job {self.job.job_id}, "
                f"begun {self.job.created}")


def could_be_stages(devices: BlockDevices, layered: bool = False) -> Tuple[BlockDevice, ...]:
    """The file systems that staging can have used: unmounted, on a partition or a whole disk.

    ``layered``: those on arrays and logical volumes, which are there only while somebody looks into them.
    """
    return tuple(d for d in devices.devices
                 if d.fstype in _STAGES and (d.type in ("part", "disk")) is not layered and not d.mount_points)


def find_pending(workspace: Workspace, devices: Optional[BlockDevices] = None,
                 layered: bool = False) -> Tuple[PendingJob, ...]:
    """The pending jobs on the disks that are present. Reads only: no journal is replayed, no byte changes."""
    found = []
    for device in could_be_stages(devices or read_block_devices(), layered):
        try:
            with looked_into(device.path, device.fstype or "auto", workspace.look(device.kname)) as root:
                pending = _pending_in(device, StageFiles(root))
        except CommandFailed:
            # What cannot be mounted cannot be started from either: no phase 2 is pending there.
            continue
        if pending is not None:
            found.append(pending)
    return tuple(found)


def _pending_in(device: BlockDevice, files: StageFiles) -> Optional[PendingJob]:
    if not files.job.exists():
        return None
    try:
        job = files.read_job()
    except JobUnreadable:
        return PendingJob(device, None) if files.commit.exists() else None
    # Without the commit file phase 1 was cut off while it staged: nothing was restored, it may start again.
    return PendingJob(device, job) if job.state is JobState.PENDING and files.commit.exists() else None


def check_pending(pending: Iterable[PendingJob], console: Console, auto: bool) -> Pending:
    """Whether a phase 2 is pending, and whether the operator wants to continue it or to start over.

    Raises :class:`Phase2Pending` in an unattended run, :class:`ConsentMissing` when the machine's name was not
    typed for starting over.
    """
    jobs = tuple(pending)
    if not jobs:
        return Pending.NOTHING
    listed = "\n    ".join(["", *map(str, jobs)])
    if auto:
        raise Phase2Pending(
            "a restore of this machine is half done; phase 1 does not start by itself", found=listed,
            hint="start from the machine's own disk to continue it (take the medium out), or start the medium "
            "without rescue.auto to start over")
    answer = choose(console, "pending", f"A restore of this machine is half done:{listed}",
                    (Choice("continue", "restart from the machine's own disk and continue it"),
                     Choice("start-over", "start over from the medium: what was restored so far is overwritten")))
    if answer == "continue":
        return Pending.CONTINUE
    name = next((p.job.hostname for p in jobs if p.job is not None), "start over")
    confirm_by_name(console, "pending.name", "The half-done restore will be given up.", name)
    return Pending.START_OVER

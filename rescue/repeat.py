"""An unattended run does not restore the same set twice: the second time would undo the work done since the first.

It happens when the medium stays in a machine that starts from it first, so nobody has to be careless for it.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Tuple

from rescue.blockdev import BlockDevice, BlockDevices, read_block_devices
from rescue.cleanup import EVIDENCE
from rescue.failures import ConsentMissing
from rescue.readonly import looked_into
from rescue.workspace import Workspace
from sif.errors import CommandFailed
from sif.model import FileSystem, SystemInformation, VolumeGroup
from sif.run import run

_SECONDS = 120.0


def refuse_repetition(saved: SystemInformation, workspace: Workspace) -> None:
    """Look on the machine's own volumes for the report of a finished restore of this very set.

    Reads only: volumes are activated read-only and without replaying a journal, and are deactivated again. Raises
    :class:`ConsentMissing` when there is such a report.
    """
    where = evidence_place(saved)
    if where is None:
        return
    fs, below = where
    with _activated(saved, fs):
        for device in read_block_devices().by_uuid(fs.uuid):
            job = _job_on(device, fs, below, workspace, saved.version.set_id)
            if job is not None:
                raise ConsentMissing(
                    "this set was restored on this machine already", where=device.path,
                    found=f"the report of job {job} in /{EVIDENCE}",
                    wanted="a machine without it, or a person who agrees",
                    hint="take the medium out and start the machine from its own disk; to restore again and lose what "
                    "was changed since, start the medium without rescue.auto")


def evidence_place(saved: SystemInformation) -> Optional[Tuple[FileSystem, str]]:
    """The file system that holds the reports of finished restores, and their directory on it."""
    full = f"/{EVIDENCE}"
    mounted = [fs for fs in saved.filesystems if fs.mount and f"{full}/".startswith(fs.mount.rstrip("/") + "/")]
    if not mounted:
        return None
    fs = max(mounted, key=lambda candidate: len((candidate.mount or "").rstrip("/")))
    return fs, full[len((fs.mount or "").rstrip("/")):].lstrip("/")


def finished_job(reports: Path, set_id: str) -> Optional[str]:
    """The id of a finished restore of that set, among the reports in a directory; damaged reports do not count."""
    for report in sorted(reports.glob("*/report.json")):
        try:
            content = json.loads(report.read_text(encoding="utf-8", errors="replace"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and content.get("set_id") == set_id:
            return str(content.get("job_id"))
    return None


def physical_volumes(saved: SystemInformation, fs: FileSystem, devices: BlockDevices) -> Tuple[
        Optional[VolumeGroup], Tuple[str, ...]]:
    """The volume group a file system lies in, and the paths of its physical volumes if all of them are present."""
    lv = next((lv for lv in saved.lvs if lv.id == fs.device), None)
    vg = next((vg for vg in saved.vgs if lv is not None and vg.id == lv.vg), None)
    if vg is None:
        return None, ()
    found = [devices.by_uuid(pv.uuid) for pv in saved.pvs if pv.id in vg.pvs]
    return vg, tuple(match[0].path for match in found) if all(len(match) == 1 for match in found) else ()


def _job_on(device: BlockDevice, fs: FileSystem, below: str, workspace: Workspace, set_id: str) -> Optional[str]:
    if device.mount_points:
        return None
    try:
        with looked_into(device.path, fs.type.value, workspace.look(device.kname)) as root:
            return finished_job(root / below, set_id)
    except CommandFailed:
        # What cannot be mounted is what a restore is for.
        return None


@contextmanager
def _activated(saved: SystemInformation, fs: FileSystem) -> Iterator[None]:
    """Activate the volume group of a file system read-only for the time of a look, confined to its own disks."""
    vg, paths = physical_volumes(saved, fs, read_block_devices())
    if vg is None or not paths:
        yield
        return
    only = ("--devices", ",".join(paths), "--select", f"vg_uuid={vg.uuid}")
    read_only = f'activation {{ read_only_volume_list = [ "{vg.name}" ] }}'
    try:
        run(("vgchange", "--config", read_only, *only, "--activate", "y"), timeout=_SECONDS, check=False)
        run(("udevadm", "settle", "--timeout=60"), timeout=70, check=False)
        yield
    finally:
        run(("vgchange", *only, "--activate", "n"), timeout=_SECONDS, check=False)

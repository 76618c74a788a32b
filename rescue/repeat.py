"""An unattended run does not restore the same set twice: the second time would undo the work done since the first.

It happens when the medium stays in a machine that starts from it first, so nobody has to be careless for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Optional, Tuple

from rescue.blockdev import BlockDevice, read_block_devices
from rescue.cleanup import EVIDENCE
from rescue.failures import ConsentMissing
from rescue.own_volumes import looked_into_volumes
from rescue.readonly import looked_into
from rescue.storage.site import Secrets, no_secrets
from rescue.workspace import Workspace
from sif.errors import CommandFailed
from sif.model import SystemInformation


def refuse_repetition(saved: SystemInformation, workspace: Workspace, secrets: Secrets = no_secrets) -> None:
    """Look on the machine's own volumes for the report of a finished restore of this very set.

    Reads only: volumes are brought up read-only and without replaying a journal, and are taken down again;
    ``secrets`` opens encrypted ones. Raises :class:`ConsentMissing` when there is such a report.
    """
    where = evidence_place(saved)
    if where is None:
        return
    with looked_into_volumes(saved, where.devices, secrets):
        for device in read_block_devices().by_uuid(where.uuid):
            job = _job_on(device, where, workspace, saved.version.set_id)
            if job is not None:
                raise ConsentMissing(
                    "this set was restored on this machine already", where=device.path,
                    found=f"the report of job {job} in /{EVIDENCE}",
                    wanted="a machine without it, or a person who agrees",
                    hint="take the medium out and start the machine from its own disk; to restore again and lose what "
                    "was changed since, start the medium without rescue.auto")


@dataclass(frozen=True)
class EvidencePlace:
    """The file system (or the top of the btrfs) with the reports of finished restores; ``below`` is their directory."""

    uuid: str
    fstype: str
    devices: Tuple[str, ...]
    below: str
    options: Tuple[str, ...] = ()


def evidence_place(saved: SystemInformation) -> Optional[EvidencePlace]:
    """Where the reports of finished restores are."""
    full = f"/{EVIDENCE}"
    found: List[Tuple[str, EvidencePlace]] = []

    def consider(mount: Optional[str], place: EvidencePlace, prefix: str = "") -> None:
        if mount and f"{full}/".startswith(mount.rstrip("/") + "/"):
            below = "/".join(part for part in (prefix, full[len(mount.rstrip("/")):].lstrip("/")) if part)
            found.append((mount.rstrip("/"), replace(place, below=below)))

    for fs in saved.filesystems:
        consider(fs.mount, EvidencePlace(fs.uuid, fs.type.value, (fs.device,), ""))
    for btrfs in saved.btrfs:
        top = EvidencePlace(btrfs.uuid, "btrfs", btrfs.devices, "", ("subvolid=5",))
        consider(btrfs.mount, top)
        for sub in (sub for sub in saved.subvolumes if sub.btrfs == btrfs.id):
            consider(sub.mount, top, sub.path)
    return max(found, key=lambda one: len(one[0]))[1] if found else None


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


def _job_on(device: BlockDevice, where: EvidencePlace, workspace: Workspace, set_id: str) -> Optional[str]:
    if device.mount_points:
        return None
    try:
        with looked_into(device.path, where.fstype, workspace.look(device.kname), where.options) as root:
            return finished_job(root / where.below, set_id)
    except CommandFailed:
        # What cannot be mounted is what a restore is for.
        return None

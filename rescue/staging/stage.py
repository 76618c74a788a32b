"""Puts everything that phase 2 needs on the machine's own disk; the last file written makes it happen."""

from __future__ import annotations

import datetime
import os
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple

from rescue.blockdev import read_block_devices
from rescue.durable import (
    copy_verified,
    remove_durably,
    remove_tree,
    sha256_of,
    sync_directory,
    write_bytes_durably,
    write_durably,
)
from rescue.efi import EfiBoot
from rescue.events import Events, Step
from rescue.failures import StagingFailed
from rescue.job import Job, JobState, PlacedFile, StageFiles
from rescue.settings import Settings
from rescue.staging.bootpath import MARK_TIME, announce_uefi, install_bios, install_uefi
from rescue.staging.choose import Sizes, StagePlace, candidates, choose_stage, esp_of
from rescue.staging.early import appended, early_files
from rescue.staging.grubcfg import GrubPlace, phase2_arguments, phase2_cfg
from rescue.staging.sources import RescueFiles, bytes_of_set
from rescue.workspace import Workspace
from sif.model import FileSystem, Firmware, SystemInformation
from sif.run import run

EARLY_MARGIN_BYTES = 4 * 1024 * 1024
"""Beside kernel and initrd on an EFI system partition: our loaders, and a few drivers of the set."""


@dataclass(frozen=True)
class StageOrder:
    """What is staged: the set, the plan as text, the rescue system's files, and where the disks are.

    ``sif`` is the set's first part below ``workspace.set``; ``boot_disks`` are device paths for a BIOS.
    ``signature`` says who vouches for the set, ``set_sha256`` is the digest by which phase 2 knows it again,
    ``packages`` where packages lie on its medium.
    """

    saved: SystemInformation
    plan_json: str
    sif: str
    files: RescueFiles
    settings: Settings
    command_line: str
    boot_disks: Tuple[str, ...]
    rescue_firmware: Firmware
    signature: str
    set_sha256: str
    packages: str = ""


def in_tree(target: Path, filesystem: FileSystem) -> Path:
    """Where a file system is in the mounted target tree."""
    return target / (filesystem.mount or "/").strip("/")


def free_bytes_of(saved: SystemInformation, target: Path) -> Dict[str, int]:
    """What the mounted volumes of the target tree offer, by SIF id, in bytes; one mounted read-only offers nothing."""
    free = {}
    for volume in candidates(saved):
        where = target / volume.where.strip("/")
        if where.is_mount():
            status = os.statvfs(where)
            free[volume.ident] = 0 if status.f_flag & os.ST_RDONLY else status.f_bavail * status.f_frsize
    return free


def sizes_of(files: RescueFiles, set_directory: Path) -> Sizes:
    """What staging needs room for: everything, and the part that GRUB loads."""
    return Sizes(files.needed_bytes() + bytes_of_set(set_directory), files.boot_bytes() + EARLY_MARGIN_BYTES)


def stage(order: StageOrder, workspace: Workspace, events: Events) -> Job:
    """Stage phase 2 in the mounted target tree and return its job.

    Idempotent: what an earlier attempt left is replaced. Until ``phase2.cfg`` is written, which is last, a
    power cut leaves a machine that starts phase 1 again. Raises :class:`StagingFailed`.
    """
    saved = order.saved
    chosen = choose_stage(saved, free_bytes_of(saved, workspace.target), sizes_of(order.files, workspace.set),
                          order.rescue_firmware)
    with _mounted(chosen, workspace) as root:
        return _stage_at(root, chosen, order, workspace, events)


def _stage_at(root: Path, chosen: StagePlace, order: StageOrder, workspace: Workspace, events: Events) -> Job:
    saved, volume, files = order.saved, chosen.volume, StageFiles(root)
    esp = esp_of(saved)
    # What GRUB loads lies beside the rest, or on the EFI system partition where GRUB cannot read the rest.
    loaded = StageFiles(in_tree(workspace.target, esp)) if chosen.esp is not None and esp is not None else files
    with events.step("stage.files", f"Copy the rescue system to {volume.where}") as step:
        for place in dict.fromkeys((loaded, files)):
            _clear(place)
        _copy_system(order.files, files, loaded, step)
        _add_early_drivers(order, workspace, loaded, step)
        _copy_set(workspace.set, files)
        write_durably(files.path("plan.json"), order.plan_json)
    menu = GrubPlace(esp.uuid) if loaded is not files and esp is not None else GrubPlace(volume.uuid, volume.below)
    with events.step("stage.boot", "Install the boot path of phase 2"):
        placed = _install_boot_path(order, workspace, files, menu, esp)
        if loaded is not files:
            placed += tuple(_ours(loaded.path(name), loaded.root) for name in ("vmlinuz", "initrd.img"))
        job = Job(
            job_id=str(uuid.uuid4()), set_id=saved.version.set_id, hostname=saved.system.hostname,
            created=datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            state=JobState.PENDING, stage_fs=volume.ident, stage_uuid=volume.uuid, sif=order.sif,
            auto=order.settings.auto, esp_fs=esp.id if esp and placed else "", placed=placed,
            signature=order.signature, set_sha256=order.set_sha256, packages=order.packages)
        files.write_job(job)
    _keep_events(workspace, files)
    arguments = phase2_arguments(order.command_line, volume.uuid, order.settings.auto, chosen.layers)
    config = phase2_cfg(menu, job.hostname, arguments, order.settings.consoles)
    # The one that GRUB reads first: the other tells phase 1 that a job is pending, which must then be able to start.
    for place in dict.fromkeys((loaded, files)):
        write_durably(place.commit, config)
    run(["sync"], timeout=600)
    return job


@contextmanager
def _mounted(chosen: StagePlace, workspace: Workspace) -> Iterator[Path]:
    """The root of the staging volume. Of a btrfs that is its default subvolume, which is mounted for it: GRUB and the
    early userspace see no other."""
    inside = workspace.target / chosen.volume.where.strip("/")
    if chosen.volume.type != "btrfs":
        yield inside
        return
    source = run(["findmnt", "--noheadings", "--nofsroot", "--output", "SOURCE", "--mountpoint", str(inside)],
                 timeout=30).stdout.strip()
    workspace.stage.mkdir(parents=True, exist_ok=True)
    run(["mount", "-t", "btrfs", source, str(workspace.stage)], timeout=300)
    try:
        yield workspace.stage
    finally:
        run(["umount", str(workspace.stage)], timeout=300)


def _ours(path: Path, root: Path) -> PlacedFile:
    """A file on the ESP, marked and known as ours."""
    os.utime(path, (MARK_TIME, MARK_TIME))
    return PlacedFile(str(path.relative_to(root)), sha256_of(path))


def _clear(files: StageFiles) -> None:
    """Take away what an earlier attempt left, its commit file first."""
    if files.directory.is_dir():
        remove_durably(files.commit)
        remove_tree(files.directory)
    files.directory.mkdir()
    files.directory.chmod(0o700)
    sync_directory(files.root)


def _copy_system(source: RescueFiles, files: StageFiles, loaded: StageFiles, step: Step) -> None:
    """Copy kernel and initrd to ``loaded``, the squashfs to ``files``."""
    total = source.needed_bytes()
    done = 0
    for path, name in source.all:
        place = files.path(name) if path == source.squashfs else loaded.path(name)
        copy_verified(path, place)
        done += place.stat().st_size
        step.progress(done / total, f"{name} copied and read back")


def _add_early_drivers(order: StageOrder, workspace: Workspace, files: StageFiles, step: Step) -> None:
    """Phase 2 starts from a disk that it may see only with the set's own drivers: those go into its initrd."""
    found = early_files(order.saved, (workspace.set / order.sif).parent, os.uname().release)
    if found:
        initrd = files.path("initrd.img")
        write_bytes_durably(initrd, appended(initrd.read_bytes(), found))
        step.info(f"{len(found)} files of the set go into the early part of phase 2")


def _copy_set(source: Path, files: StageFiles) -> None:
    shutil.copytree(source, files.set)
    for directory, _, names in os.walk(files.set):
        for name in names:
            handle = os.open(Path(directory) / name, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        sync_directory(Path(directory))


def _keep_events(workspace: Workspace, files: StageFiles) -> None:
    """The events of phase 1 go along: the report at the end covers both phases."""
    if workspace.events.is_file():
        copy_verified(workspace.events, files.path("events.jsonl"))


def _install_boot_path(order: StageOrder, workspace: Workspace, files: StageFiles, menu: GrubPlace,
                       esp: Optional[FileSystem]) -> Tuple[PlacedFile, ...]:
    if order.rescue_firmware is Firmware.BIOS:
        install_bios(files.directory, menu, order.boot_disks)
        return ()
    if esp is None:
        raise StagingFailed("the saved machine has no EFI system partition, but this one starts by UEFI",
                            where="BOOT.esp", hint="switch the firmware to BIOS (CSM) mode and start again")
    esp_root = in_tree(workspace.target, esp)
    if not esp_root.is_mount():
        raise StagingFailed("the EFI system partition is not mounted", where=str(esp_root))
    placed = install_uefi(esp_root, menu)
    device = run(["findmnt", "--noheadings", "--output", "SOURCE", "--mountpoint", str(esp_root)],
                 timeout=30).stdout.strip()
    announce_uefi(read_block_devices(), device, EfiBoot())
    return placed

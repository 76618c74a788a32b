"""Capture: what this machine is, read from it without changing it."""

from __future__ import annotations

import os
import posixpath
import time
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Set, Tuple, Union

from sif import look
from sif.capture.blocks import BlockDevice, descendants, whole_disks
from sif.capture.boot import EXCLUDABLE
from sif.capture.btrfs_members import probe_btrfs_members
from sif.capture.crypttab import crypttab_devices
from sif.capture.errors import CaptureFailed, NotRestorable, not_restorable
from sif.capture.from_providers import Asker, nobody, volumes_of
from sif.capture.fstab import parse_fstab, udev_decoded
from sif.capture.leaveout import require_not_needed, require_restorable, split_words, without_files
from sif.capture.lvm import probe_group_members
from sif.capture.machine import configured_devices, configured_mounts, with_machine
from sif.capture.mirrors import mirrors_as_found
from sif.capture.mountinfo import read_mounts
from sif.capture.mounts import with_mounts
from sif.capture.multipath import probe_machine
from sif.capture.providers import DEFAULT_PROVIDERS, read_providers
from sif.capture.roles import Roles, assign_roles, volume_group_disks
from sif.capture.storage import Storage, probe_storage
from sif.capture.swapfiles import read_swaps
from sif.capture.system import probe_system
from sif.capture.trees import in_tree, offline
from sif.check import check
from sif.drivers import Collect
from sif.errors import UsageError
from sif.features import features_of
from sif.model import Btrfs, Disk, DiskRole, FileSystem, Store, Subvolume, SystemInformation, TableType, Version
from sif.plain import dataclass, replace
from sif.problems import errors_of, rejection
from sif.questions import SECONDS, of_the_machine
from sif.raw.choose import KeptRaw, RawWish

__all__ = ["DEFAULT_PROVIDERS", "CaptureFailed", "Captured", "NotRestorable", "capture", "parse_fstab", "probe_storage"]

PROVIDER = "sif 0.1.0"
Mountable = Union[FileSystem, Btrfs, Subvolume]
"""What the system and boot volumes can be."""

_TRANSIENT_PLACES = ("/proc", "/sys", "/dev", "/run", "/tmp", "/mnt", "/media")
"""Where mounts come and go: what is mounted there is not part of the system unless fstab says so."""


@dataclass(frozen=True)
class Captured:
    """A set ready to be written: the records, the medium's further files, and notes for the administrator.

    ``raw`` are the partitions whose images are still to be taken: :func:`sif.raw.keep.with_images`.
    """

    info: SystemInformation
    files: Mapping[str, bytes]
    notes: Tuple[str, ...] = ()
    raw: Tuple[KeptRaw, ...] = ()


def capture(*, providers: Optional[Path] = None, hostname: Optional[str] = None,
            exclude_disks: Sequence[str] = (), catalog: bool = False, exclude: Sequence[str] = (),
            describe_all: bool = False, drivers: Collect = Collect.NONE, tools: Sequence[str] = (),
            ask: Asker = nobody, raw: Sequence[str] = (), strict_raw: bool = True) -> Captured:
    """Describe the running machine, or, inside :func:`sif.look.rooted`, the one whose file systems are mounted there.

    ``providers`` is the fragments' directory, by default the captured system's own. ``exclude_disks`` are kernel names
    of disks to leave out, ``exclude`` names of anything (docs: `sif capture`);
    ``describe_all`` describes also what this version's rescue system can't make again; ``catalog`` adds the
    catalog; ``drivers`` says which kernel modules are collected, ``tools`` which programs go along; ``ask`` asks
    providers, when all else is known to be right, for their sections and files; ``raw`` names partitions that are kept
    sector by sector beside the reserved ones (``strict_raw``: all of them must be there). Raises NotRestorable for
    what can't be brought back, CaptureFailed when there is no root file system to be found or a disk can't be read,
    SifRejected for a wrong provider fragment or for a description that the checks refuse (a set that can't be read
    again is never written), UsageError without root or for an unknown disk name, ToolMissing or CommandFailed when a
    tool does not work, and with ``catalog`` NoDatabase when no package database is found.
    """
    providers = providers if providers is not None else look.place(DEFAULT_PROVIDERS)
    if not look.ask("is_root", (), lambda: os.geteuid() == 0):
        raise UsageError("capture reads raw disks", wanted="root", hint="run it with sudo")
    try:
        with look.ahead(of_the_machine(), timeout=SECONDS):
            return _captured(providers, hostname, exclude_disks, catalog, exclude, describe_all, drivers, tools, ask,
                             RawWish(tuple(raw), strict=strict_raw))
    except OSError as error:
        raise CaptureFailed("the capture can't go on", where=error.filename, found=error.strerror or str(error),
                            hint="the kernel's log (dmesg) may say more; a disk that a restore does not need is left "
                            "out with --exclude NAME") from error


def _captured(providers: Path, hostname: Optional[str], exclude_disks: Sequence[str], catalog: bool,
              exclude: Sequence[str], describe_all: bool, drivers: Collect, tools: Sequence[str], ask: Asker,
              wish: RawWish) -> Captured:
    written = read_providers(providers)
    stores = written.stores()
    devices = in_tree(probe_machine()) if offline() else probe_machine()
    disks = whole_disks(devices)
    _check_excluded(exclude_disks, disks)
    more_disks, things, files = split_words([word for word in exclude if word != EXCLUDABLE], disks)
    exclude_disks = (*exclude_disks, *more_disks)
    groups = volume_group_disks(devices, disks, (*probe_group_members(), *probe_btrfs_members()))
    used = _used(devices, stores)
    roles = assign_roles(disks, devices, used, groups, exclude_disks)
    _check_stores(roles, devices, stores)
    storage = probe_storage(roles.critical(), blocks=devices, exclude=things, raw=replace(wish, used=frozenset(used)))
    fstab, mounts = configured_mounts(), tuple(mount for mount in read_mounts() if _system_mount(mount.place))
    require_not_needed(storage, exclude_disks, devices, fstab, mounts)
    if storage.raw:
        from sif.raw.keep import require_idle  # as below: a capture loads what this machine needs
        require_idle(storage.raw, devices)
    storage = with_mounts(storage, fstab, _mounted(storage, devices), mounts, read_swaps())
    storage = without_files(storage, files)
    storage = replace(storage, filesystems=tuple(_with_usage(fs) for fs in storage.filesystems))
    root = _mounted_at(storage, "/")
    boot_fs = _mounted_at(storage, "/boot") or root
    if (root is None or boot_fs is None) and storage.unsupported:
        raise not_restorable(storage.unsupported, hint="the file system of / is on one of them, or on no disk")
    if root is None or boot_fs is None:
        raise CaptureFailed("the file system of / is on no disk of this machine",
                            found=", ".join(f"{d.kname} ({d.type})" for d in devices if d.type == "disk") or "no disk",
                            hint="capture works on machines that start from their own disks; is this a container?")
    first = {ident: f"/dev/{name}" for ident, name in roles.critical().items()}
    info = storage.into(SystemInformation(version=_version(), system=probe_system(boot_fs.id, root.id, hostname)))
    info = written.into(info)
    info, notes = with_machine(info, storage.paths, first, exclude)
    part = ask(volumes_of((*storage.filesystems, *storage.btrfs, *storage.subvolumes)))
    _check_stores(roles, devices, part.stores())
    others = _other_disks(roles, devices)
    info = part.into(replace(info, disks=(*info.disks, *others)))
    info, driver_files, driver_notes = _with_drivers(info, drivers, tools)
    info = replace(info, version=replace(info.version, requires=features_of(info)))
    loud = require_restorable(storage, info, describe_all)
    info, shared = mirrors_as_found(info)
    problems = errors_of(check(info))
    if problems:
        raise rejection(info.system.hostname, problems)
    left = tuple(f"disk {disk.device} is not rebuilt (role {disk.role.value})" for disk in others)
    captured = Captured(info, {**dict(storage.files), **driver_files, **written.files, **part.files},
                        (*loud, *left, *storage.notes, *driver_notes, *shared, *part.notes, *notes), storage.raw)
    return add_catalog(captured) if catalog else captured


def add_catalog(captured: Captured) -> Captured:
    """The same capture with the catalog of the captured system in it.

    Comes after the checks, because it takes longest: what is refused is refused at once.
    """
    from sif.catalog.part import catalog_part  # a capture without a catalog does not wait for it
    part = catalog_part(look.place("/"), captured.info.system.hostname)
    return replace(captured, info=replace(captured.info, catalogs=(part.section,)),
                   files={**captured.files, part.path: part.data}, notes=(*captured.notes, *part.notes))


def _with_drivers(info: SystemInformation, which: Collect,
                  tools: Sequence[str]) -> Tuple[SystemInformation, Mapping[str, bytes], Tuple[str, ...]]:
    """The set with its drivers and programs, their files, and notes."""
    if which is Collect.NONE and not tools:
        return info, {}, ()
    from sif.drivers.collect import collect_drivers, with_drivers
    from sif.drivers.tools import with_tools
    found = with_tools(collect_drivers(info, which), tools)
    return with_drivers(info, found), found.content, found.notes


def _version() -> Version:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    set_id = Path("/proc/sys/kernel/random/uuid").read_text("ascii").strip()  # the module uuid loads ten others
    return Version(signature="$SIF$", format="2.0", set_id=set_id, part=1, parts=2, provider=PROVIDER, created=now)


def _used(devices: Sequence[BlockDevice], stores: Sequence[Store]) -> Set[str]:
    """Kernel names of what the system uses: in fstab, or mounted where systems mount, or swap; never a store."""
    wanted, named = configured_devices()
    store_specs = {store.device for store in stores if store.device}
    real = _specs()
    found: Set[str] = set()
    found |= crypttab_devices()
    for device in devices:
        names = real.get(device.kname, set())
        if names & store_specs:
            continue
        if names & wanted or device.kname in named or _system_mount(device.mountpoint):
            found.add(device.kname)
    return found


def _specs() -> Mapping[str, Set[str]]:
    """Kernel name → the ``UUID=``, ``LABEL=``, ``PARTUUID=``, ``PARTLABEL=`` that name it."""
    real: Dict[str, Set[str]] = {}
    for directory, tag in (("by-uuid", "UUID"), ("by-label", "LABEL"), ("by-partuuid", "PARTUUID"),
                           ("by-partlabel", "PARTLABEL")):
        base = f"/dev/disk/{directory}"
        for name in look.entries(base):
            real.setdefault(posixpath.basename(look.real(f"{base}/{name}")), set()).add(
                f"{tag}={udev_decoded(name)}")
    return real


def _check_excluded(names: Sequence[str], disks: Sequence[BlockDevice]) -> None:
    known = [disk.kname for disk in disks]
    wrong = [name for name in names if name not in known]
    if wrong:
        raise UsageError("no such disk to exclude", found=", ".join(wrong), wanted="one of " + ", ".join(known))


def _check_stores(roles: Roles, devices: Sequence[BlockDevice], stores: Sequence[Store]) -> None:
    """A store on a disk that the restore rewrites would be gone before it is read."""
    specs = _specs()
    for ident, name in roles.critical().items():
        layers = {name, *(device.kname for device in descendants(devices, name))}
        for store in stores:
            if store.device and any(store.device in specs.get(layer, set()) for layer in layers):
                raise NotRestorable("the store lies on a disk that a restore rewrites",
                                    where=f"[STORE {store.id}] device",
                                    found=f"{store.device} on {name} ({ident})", hint="keep backups on another disk")


def _system_mount(mountpoint: Optional[str]) -> bool:
    if not mountpoint:
        return False
    return not any(mountpoint == top or mountpoint.startswith(top + "/") for top in _TRANSIENT_PLACES)


def _mounted(storage: Storage, devices: Sequence[BlockDevice]) -> Mapping[str, str]:
    """Section id of a device → where it is mounted now, as far as that is part of the system."""
    places = {look.real(d.path): d.mountpoint for d in devices if d.mountpoint and _system_mount(d.mountpoint)}
    found: Dict[str, str] = {}
    for ident, path in storage.paths.items():
        place = places.get(look.real(path))
        if place and place.startswith("/"):
            found[ident] = place
    return found


def _mounted_at(storage: Storage, place: str) -> Optional[Mountable]:
    mountable: Tuple[Mountable, ...] = (*storage.filesystems, *storage.btrfs, *storage.subvolumes)
    return next((item for item in mountable if item.mount == place), None)


def _with_usage(fs: FileSystem) -> FileSystem:
    used = look.used_bytes(fs.mount) if fs.mount and look.is_mount(fs.mount) else None
    return replace(fs, used_bytes=used if used is not None else fs.used_bytes)


def _other_disks(roles: Roles, devices: Sequence[BlockDevice]) -> Tuple[Disk, ...]:
    """The disks that are not rebuilt, so that the planner knows them and stays away."""
    by_name = {d.kname: d for d in devices}
    found = []
    for ident, name in roles.names.items():
        role, device = roles.role_of[ident], by_name[name]
        if role is not DiskRole.CRITICAL:
            found.append(Disk(
                id=ident, role=role, size_bytes=device.size_bytes, logical_sector=device.logical_sector,
                physical_sector=device.physical_sector, table=TableType.NONE, model=device.model, serial=device.serial,
                wwn=device.wwn, bus=device.bus, by_path=device.by_path, device=device.kname,
                multipath=device.multipath, paths=device.paths))
    return tuple(found)


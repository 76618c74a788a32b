"""The one door to D-Bus: which file systems UDisks2 shows, and mounting the medium through it, read-only."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from rescue.medium import Candidate, MediumFound, VisibleFileSystem, distinct, find_sif_files, first_parts, wanted
from rescue.readonly import mount_readonly, readonly_options
from rescue.settings import Address
from sif.errors import Exit, LifeboatError
from sif.run import run

_SERVICE = "org.freedesktop.UDisks2"
_ROOT = "/org/freedesktop/UDisks2"
_PREFIX = _SERVICE + "."
_OWN_MOUNTS = Path("/run/lifeboat/medium")
_NOT_PERMITTED = _SERVICE + ".Error.OptionNotPermitted"
_ALREADY_MOUNTED = _SERVICE + ".Error.AlreadyMounted"

Objects = Mapping[str, Mapping[str, Mapping[str, Any]]]


class UDisksFailed(LifeboatError):
    """UDisks2 cannot be reached or did not mount the medium."""

    code = Exit.MEDIUM_NOT_FOUND


class UDisks:
    """A connection to UDisks2 on the system bus."""

    def __init__(self) -> None:
        try:
            import dbus  # only the rescue image has it
        except ImportError as error:
            raise UDisksFailed("Python's D-Bus module is missing", found=str(error),
                               hint="install python3-dbus") from error
        self._dbus: Any = dbus
        try:
            self._bus = dbus.SystemBus()
            self._manager = self._interface(_ROOT, "org.freedesktop.DBus.ObjectManager")
        except dbus.DBusException as error:
            raise UDisksFailed("UDisks2 does not answer", where="system bus", found=str(error),
                               hint="look at `systemctl status dbus udisks2`") from error

    def filesystems(self) -> Tuple[VisibleFileSystem, ...]:
        """Every file system that UDisks2 shows at this moment."""
        return tuple(fs for fs, _ in _visible(self._objects()))

    def mount(self, filesystem: VisibleFileSystem) -> Path:
        """Mount a file system read-only and return where it is; one that is mounted already stays as it is."""
        for visible, path in _visible(self._objects()):
            if visible.device == filesystem.device:
                return self._mount_object(visible, path)
        raise UDisksFailed("the medium went away", where=filesystem.device, hint="put it in again and start again")

    def _mount_object(self, filesystem: VisibleFileSystem, path: str) -> Path:
        mounted = _mount_points(self._objects()[path])
        if mounted:
            return mounted[0]
        extra = [option for option in readonly_options(filesystem.fstype) if option not in ("nodev", "nosuid")]
        try:
            where = self._interface(path, _PREFIX + "Filesystem").Mount(
                {"options": ",".join(extra), "auth.no_user_interaction": True})
            return Path(str(where))
        except self._dbus.DBusException as error:
            name = error.get_dbus_name()
            if name == _ALREADY_MOUNTED:
                return _mount_points(self._objects()[path])[0]
            if name == _NOT_PERMITTED:
                # UDisks allows only listed options (xfs: no norecovery); without them it would replay a journal.
                own = _OWN_MOUNTS / Path(filesystem.device).name
                mount_readonly(filesystem.device, filesystem.fstype, own)
                return own
            raise UDisksFailed("UDisks2 could not mount the medium", where=filesystem.device,
                               found=f"{name}: {error.get_dbus_message()}",
                               hint="check the medium on another machine") from error

    def unmount(self, filesystem: VisibleFileSystem) -> None:
        """Unmount a file system that :meth:`mount` mounted; a busy one stays."""
        for visible, path in _visible(self._objects()):
            if visible.device == filesystem.device and _mount_points(self._objects()[path]):
                try:
                    self._interface(path, _PREFIX + "Filesystem").Unmount({"auth.no_user_interaction": True})
                except self._dbus.DBusException:
                    return

    def _interface(self, path: str, name: str) -> Any:
        return self._dbus.Interface(self._bus.get_object(_SERVICE, path), name)

    def _objects(self) -> Objects:
        objects: Objects = self._manager.GetManagedObjects()
        return objects


def _visible(objects: Objects) -> List[Tuple[VisibleFileSystem, str]]:
    """The file systems among UDisks2's objects, with their object paths, ordered by device."""
    found = []
    for path, interfaces in objects.items():
        block = interfaces.get(_PREFIX + "Block")
        if block is None or _PREFIX + "Filesystem" not in interfaces:
            continue
        drive = objects.get(str(block["Drive"]), {}).get(_PREFIX + "Drive", {})
        device = _text(block["Device"])
        found.append((VisibleFileSystem(
            device=device, disk=_disk_name(objects, path, interfaces), fstype=str(block["IdType"]),
            label=str(block["IdLabel"]), uuid=str(block["IdUUID"]), removable=_removable(drive),
            size_bytes=int(block["Size"])), path))
    return sorted(found, key=lambda item: item[0].device)


def _removable(drive: Mapping[str, Any]) -> bool:
    """Sticks, cards, CDs and anything on USB; a CD drive's ConnectionBus is empty, hence Optical."""
    flags = ("MediaRemovable", "Removable", "Optical")
    return any(bool(drive.get(flag)) for flag in flags) or str(drive.get("ConnectionBus", "")) == "usb"


def _disk_name(objects: Objects, path: str, interfaces: Mapping[str, Mapping[str, Any]]) -> str:
    """The kernel name of the whole disk that a block object lies on."""
    partition = interfaces.get(_PREFIX + "Partition")
    table = str(partition["Table"]) if partition is not None else path
    block = objects.get(table, {}).get(_PREFIX + "Block")
    return Path(_text(block["Device"])).name if block is not None else Path(path).name


def _mount_points(interfaces: Mapping[str, Mapping[str, Any]]) -> Tuple[Path, ...]:
    return tuple(Path(_text(point)) for point in interfaces[_PREFIX + "Filesystem"]["MountPoints"])


def _text(raw: Any) -> str:
    """A path from D-Bus: an array of bytes that ends with a NUL."""
    return bytes(raw).rstrip(b"\0").decode("utf-8", "surrogateescape")


class MediumSearch:
    """Looks for the medium until it is there: USB devices show up seconds after the system has started."""

    def __init__(self, udisks: UDisks, address: Address) -> None:
        self._udisks = udisks
        self._address = address
        self._seen: Dict[str, Tuple[Candidate, ...]] = {}
        self.looked_at: Tuple[VisibleFileSystem, ...] = ()

    def wait(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> Tuple[Candidate, ...]:
        """The different sets on the media that the address means; empty when the time is over without one.

        After the first hit the queue of device events is drained once more, so that a second medium that is
        still being recognised is not overlooked.
        """
        deadline = clock() + seconds
        while True:
            run(["udevadm", "settle", "--timeout=20"], timeout=30, check=False)
            found = self._look()
            if found:
                run(["udevadm", "settle", "--timeout=20"], timeout=30, check=False)
                return self._look() or found
            if clock() >= deadline:
                return ()
            # The USB bus has no end-of-enumeration event to wait for: this is a poll with a deadline.
            time.sleep(1.0)

    def _look(self) -> Tuple[Candidate, ...]:
        self.looked_at = wanted(self._address, self._udisks.filesystems())
        for filesystem in self.looked_at:
            if filesystem.device not in self._seen:
                self._seen[filesystem.device] = self._candidates_on(filesystem)
        return distinct([c for found in self._seen.values() for c in found])

    def _candidates_on(self, filesystem: VisibleFileSystem) -> Tuple[Candidate, ...]:
        try:
            mount_point = self._udisks.mount(filesystem)
        except LifeboatError:
            # A broken or foreign medium next to the right one must not stop the search; it is listed if none fits.
            return ()
        found = first_parts(filesystem, mount_point, find_sif_files(mount_point, self._address.path))
        if not found:
            self._udisks.unmount(filesystem)
        return found


def as_medium(candidate: Candidate) -> MediumFound:
    """The chosen candidate as the medium of this restore."""
    filesystem = candidate.filesystem
    return MediumFound(filesystem.device, filesystem.disk, candidate.mount_point, candidate.sif, candidate.set_id)


def labels_of(candidates: Sequence[Candidate]) -> Tuple[str, ...]:
    """What an operator sees of each candidate."""
    return tuple(f"{c.sif.relative_to(c.mount_point)} on {c.filesystem}, set {c.set_id}" for c in candidates)

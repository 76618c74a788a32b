"""Write an image to a stick: look first, ask, write, read back, compare.

What may be written to is decided from what `lsblk` tells, without touching the device; every reason against it is said.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Tuple

from builder_lib.cache import sha256_of
from builder_lib.errors import BuildFailed
from builder_lib.progress import Progress
from builder_lib.tools import check_stick
from sif.errors import Exit, LifeboatError
from sif.run import run

COLUMNS = "NAME,PATH,TYPE,SIZE,RO,RM,HOTPLUG,TRAN,MODEL,SERIAL,LABEL,FSTYPE,MOUNTPOINTS"
BLOCK = 4 << 20


class NotWritten(LifeboatError):
    """Nobody agreed, or the device is none that may be written to."""

    code = Exit.CONSENT_MISSING


@dataclass(frozen=True)
class Device:
    """A disk as lsblk tells; ``used`` are mount points and users of it and of everything on it."""

    path: str
    kind: str
    size: int
    read_only: bool
    removable: bool
    transport: str
    model: str
    serial: str
    used: Tuple[str, ...]
    holds: Tuple[str, ...]


def parse_device(lsblk: str) -> Device:
    """The device of `lsblk --json --bytes DEVICE`."""
    data = json.loads(lsblk)["blockdevices"][0]
    below = _below(data)
    used = [f"{node['path']} is used as {point}" for node in (data, *below)
            for point in (node.get("mountpoints") or []) if point]
    used += [f"{node['path']} is part of {node['type']}" for node in below if node["type"] not in ("part", "disk")]
    holds = [f"{node['path']} {node.get('fstype') or ''} {node.get('label') or ''}".strip()
             for node in (data, *below) if node.get("fstype")]
    return Device(data["path"], data["type"], int(data["size"]), bool(data["ro"]), bool(data["rm"] or data["hotplug"]),
                  data.get("tran") or "", (data.get("model") or "").strip(), data.get("serial") or "", tuple(used),
                  tuple(holds))


def _below(node: Mapping[str, Any]) -> List[Mapping[str, Any]]:
    found: List[Mapping[str, Any]] = []
    for child in node.get("children", []):
        found += [child, *_below(child)]
    return found


def objections(device: Device, image_bytes: int) -> Tuple[str, ...]:
    """Every reason not to write to the device; none if it may be written to."""
    found: List[str] = []
    if device.kind != "disk":
        found.append(f"it is no whole disk but a {device.kind}")
    if not (device.removable or device.transport == "usb"):
        found.append("it is neither removable nor on USB")
    if device.read_only:
        found.append("it is write-protected")
    if device.size < image_bytes:
        found.append(f"it is too small: {device.size} bytes, the image has {image_bytes}")
    return (*found, *device.used)


def write_usb(image: Path, path: Path, progress: Progress, ask: Optional[Callable[[str], str]] = None) -> None:
    """Write the image to the disk at ``path`` after its name was typed, and compare what is on it then.

    Raises :class:`NotWritten` before anything is written, :class:`BuildFailed` when the disk does not hold
    what was written.
    """
    check_stick()
    if not image.is_file():
        raise BuildFailed("there is no image to write", where=str(image), hint="builder.py usb makes it")
    device = look(path)
    against = objections(device, image.stat().st_size)
    if against:
        raise NotWritten("this device is not written to", where=str(path), found="; ".join(against),
                         wanted="a removable or USB disk that nothing uses", hint="lsblk shows all of them")
    holds = ", ".join(device.holds) or "nothing that is known"
    question = (f"{device.path}: {device.model or 'no model'} {device.serial}, {device.size >> 20} MiB\n"
                f"On it: {holds}\n"
                f"Everything on it will be lost. Type its name ({device.path}) to go on: ")
    if (ask or _ask)(question).strip() != device.path:
        raise NotWritten("nobody agreed", where=str(path), wanted=f"the name typed: {device.path}")
    if look(path) != device:
        raise NotWritten("the device changed while the question was open", where=str(path), hint="start again")
    with progress.step(f"writing {image.name} to {device.path}"):
        copy_image(image, path)
    with progress.step(f"reading {device.path} back"):
        verify_image(image, path)
    with progress.step("moving the backup of the partition table to the end of the disk"):
        run(["sfdisk", "--relocate", "gpt-bak-std", str(path)], timeout=60)


def look(path: Path) -> Device:
    """The device as it is now. Raises :class:`NotWritten` for what is no block device."""
    if not path.is_block_device():
        raise NotWritten("this is no block device", where=str(path), wanted="a disk such as /dev/sdX",
                         hint="lsblk shows all of them")
    return parse_device(run(["lsblk", "--json", "--bytes", "--output", COLUMNS, str(path)], timeout=60).stdout)


def copy_image(image: Path, target: Path) -> None:
    """Copy the image to the start of ``target``, down to the medium. The kernel refuses a disk that is in use."""
    # O_EXCL without O_CREAT: a block device that is mounted or held cannot be opened so (open(2)).
    descriptor = os.open(target, os.O_WRONLY | (os.O_EXCL if target.is_block_device() else 0))
    with image.open("rb") as source, os.fdopen(descriptor, "wb", buffering=0) as out:
        while block := source.read(BLOCK):
            out.write(block)
        os.fsync(out.fileno())


def verify_image(image: Path, target: Path) -> None:
    """Compare the target with the image, from the medium itself. Raises :class:`BuildFailed`."""
    state, left = hashlib.sha256(), image.stat().st_size
    with target.open("rb", buffering=0) as stream:
        # Forget what the kernel still has in memory of the writing.
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while left and (block := stream.read(min(BLOCK, left))):
            state.update(block)
            left -= len(block)
    wanted = sha256_of(image)
    if left or state.hexdigest() != wanted:
        raise BuildFailed("the disk does not hold what was written to it", where=str(target),
                          found=f"SHA-256 {state.hexdigest()}", wanted=wanted, hint="the stick is broken; take another")


def _ask(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""

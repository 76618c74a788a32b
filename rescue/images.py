"""Images of partitions: where they are, and which disks hold their content already. Reads only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from rescue.hardware import Hardware, PresentDisk
from rescue.planner.layout import Layout
from rescue.storage.raw import holds
from rescue.stores import ReadyStore
from sif.errors import Exit, LifeboatError
from sif.media import BadFile, file_digest
from sif.model import Disk, Partition, Raw, SystemInformation


class ImageMissing(LifeboatError):
    """The image of a partition is not where the set says, or is another one."""

    code = Exit.SIF_SET_BROKEN


def find_images(saved: SystemInformation, directory: Path, stores: Sequence[ReadyStore]) -> Dict[str, Path]:
    """The file of each RAW section, found before any disk is touched.

    ``directory`` is the set's own on the medium (``media:``; reading the set compared those with their digests),
    ``stores`` are mounted: images there are read through now. Raises :class:`ImageMissing`.
    """
    found: Dict[str, Path] = {}
    for raw in saved.raws:
        base, path = _place(raw, directory, stores)
        try:
            digest = raw.file_sha256 if base == directory and (base / path).is_file() else file_digest(base, path)[1]
        except BadFile as error:
            raise ImageMissing(f"the image of {raw.device}: {error.what}", where=f"[RAW {raw.id}] {raw.path}",
                               found=error.found, hint="attach the medium or the store that holds it") from error
        if digest != raw.file_sha256:
            raise ImageMissing(f"the image of {raw.device} was altered", where=str(base / path), found=digest,
                               wanted=raw.file_sha256, hint="take another copy of it")
        found[raw.id] = base / path
    return found


def _place(raw: Raw, directory: Path, stores: Sequence[ReadyStore]) -> Tuple[Path, str]:
    scheme, _, rest = raw.path.partition(":")
    if scheme == "media":
        return directory, rest
    name, _, path = rest.partition("/")
    store = next((store for store in stores if store.id == name), None)
    if scheme != "store" or store is None:
        raise ImageMissing(f"the image of {raw.device} is on a store that is not there", where=f"[RAW {raw.id}]",
                           found=raw.path)
    return Path(store.location), path


def with_kept(hardware: Hardware, saved: SystemInformation) -> Hardware:
    """The machine with what its disks hold already of the saved images.

    A disk is read where a partition of it lies exactly as the saved one did.
    """
    return replace(hardware, disks=tuple(replace(disk, raws=_kept(disk, saved)) for disk in hardware.disks))


def _kept(disk: PresentDisk, saved: SystemInformation) -> Tuple[str, ...]:
    layout = Layout(saved)
    found: List[str] = []
    for raw in saved.raws if disk.excluded is None else ():
        part = layout.carrier(raw.device)
        on = layout.disk(part.disk) if isinstance(part, Partition) else None
        if not isinstance(part, Partition) or not isinstance(on, Disk):
            continue
        wanted = (part.start_sector * on.logical_sector, part.sectors * on.logical_sector)
        node = next((p.name for p in disk.partitions if (p.start_bytes, p.size_bytes) == wanted), None)
        if node is not None and holds(f"/dev/{node}", raw):
            found.append(raw.id)
    return tuple(found)

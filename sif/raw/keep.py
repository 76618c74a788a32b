"""The images of a capture: taken, put on the medium or on a store, and described by RAW sections.

They come last in a capture, because they take longest, and they never change what the directory of the set holds: a new
image lies beside its final name until the whole set is written.
"""

from __future__ import annotations

import os
import posixpath
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.blocks import BlockDevice, descendants
from sif.capture.errors import CaptureFailed, NotRestorable
from sif.check import check
from sif.checks.common import size_of
from sif.errors import UsageError
from sif.features import features_of
from sif.media import SCHEME, Content, Spooled
from sif.model import Raw, Ref, Store, StoreKind, SystemInformation
from sif.plain import dataclass, replace
from sif.problems import SifRejected, errors_of, rejection
from sif.raw.choose import ON_REQUEST, KeptRaw
from sif.raw.image import Content as Held, Image, read_content, take_image
from sif.reader import load_set
from sif.secrets.files import filesystem_type
from sif.writer import new_name

FAT_FILE_BYTES = 2 ** 32 - 1
"""The largest file that FAT can hold."""

_FAT = ("vfat", "msdos")
_PLAIN_STORES = (StoreKind.DIRECTORY, StoreKind.TAR, StoreKind.RSYNC)
_SECONDS = 60.0


@dataclass(frozen=True)
class Place:
    """Where images go: a directory, and what a RAW section calls it (``media:`` or ``store:NAME/``)."""

    directory: Path
    name: str
    on_medium: bool


def medium_place(output: Path) -> Place:
    """The set's own directory."""
    return Place(output, SCHEME, True)


def store_place(stores: Sequence[Store], name: str) -> Place:
    """The location of a store, which must be a directory that is mounted and can be written to. Raises UsageError."""
    store = next((store for store in stores if store.id == name), None)
    if store is None:
        raise UsageError("no such store for images", found=name,
                         wanted="one of " + (", ".join(store.id for store in stores) or "none: no provider names one"))
    if store.kind not in _PLAIN_STORES:
        raise UsageError("a repository of a backup program cannot take images", where=f"[STORE {name}]",
                         found=f"kind {store.kind.value}", wanted=" or ".join(kind.value for kind in _PLAIN_STORES))
    base = _mounted(store) if store.device else ""
    directory = Path(base + store.location if store.location.startswith("/") else f"{base}/{store.location}")
    if "://" in store.location or not directory.is_absolute() or not directory.is_dir():
        raise UsageError("the store is no directory of this machine now", where=f"[STORE {name}]",
                         found=store.location, wanted="a directory that exists", hint="mount it, then capture again")
    if not os.access(directory, os.W_OK):
        raise UsageError("the store cannot be written to", where=str(directory), hint="mount it read-write")
    return Place(directory, f"store:{name}/", False)


def _mounted(store: Store) -> str:
    found = look.run(["findmnt", "--noheadings", "--output", "TARGET", "--first-only", "--source",
                      str(store.device)], timeout=_SECONDS, check=False).stdout.strip()
    if not found:
        raise UsageError("the store's device is not mounted", where=f"[STORE {store.id}] device", found=store.device,
                         hint="mount it read-write for the time of the capture")
    return found


def require_idle(kept: Sequence[KeptRaw], devices: Sequence[BlockDevice]) -> None:
    """Refuse partitions whose content can change while it is read: mounted read-write, or used by another layer.

    Raises UsageError for what was asked for, NotRestorable for what is kept by itself: without it the set would be
    incomplete.
    """
    if not kept:
        return
    writable = {look.real(words[0]): words[1] for line in look.text_or("/proc/self/mounts").splitlines()
                if (words := line.split(" ")) and len(words) > 3 and words[0].startswith("/")
                and "rw" in words[3].split(",")}
    by_name = {device.kname: device for device in devices}
    for one in kept:
        real = look.real(one.path)
        device = by_name.get(posixpath.basename(real))
        above = descendants(devices, device.kname) if device else ()
        used = [f"mounted read-write at {writable[real]}"] if real in writable else []
        used += ["swap is on it"] if device is not None and device.mountpoint == "[SWAP]" else []
        used += [f"{layer.path} lies on it" for layer in above]
        if used:
            kind = UsageError if one.why == ON_REQUEST else NotRestorable
            raise kind("a partition that is kept sector by sector is in use", where=one.path,
                       found="; ".join(used) + f" ({one.why})", wanted="a partition that nothing writes to",
                       hint="unmount it, or mount it read-only: mount -o remount,ro")


@contextmanager
def with_images(info: SystemInformation, files: Mapping[str, bytes], kept: Sequence[KeptRaw],
                place: Place, output: Path) -> Iterator[Tuple[SystemInformation, Mapping[str, Content]]]:
    """The set with the images of ``kept``: to be written within the block; what is not written is removed after it.

    ``output`` is the directory of the set: an image that lies there from an earlier capture is used again if the
    partition still holds the same. Raises ImageFailed, CaptureFailed, SifRejected.
    """
    if not kept:
        yield info, files
        return
    spare: List[Path] = []
    raws: List[Raw] = []
    more: Dict[str, Content] = dict(files)
    earlier = _earlier(output) if place.on_medium else {}
    limit = FAT_FILE_BYTES if _file_system(place.directory) in _FAT else None
    try:
        for one in kept:
            size = size_of(info, info.find("PARTITION", one.partition))
            if size is None:
                raise CaptureFailed("a partition that is kept has no size", where=one.path)
            again = _again(one, size, earlier)
            if again is not None:
                raw, file = again
                more[raw.path[len(SCHEME):]] = file
            elif place.on_medium:
                name = f"raw/{one.partition}.zst"
                target = new_name(output / name)
                spare.append(target)
                image = _image(one.path, size, target, limit)
                more[name] = image.file
                raw = _section(one, place.name + name, image)
            else:
                raw = _stored(one, size, place, info.system.hostname, limit)
            raws.append(raw)
        info = replace(info, raws=tuple(raws))
        info = replace(info, version=replace(info.version, requires=features_of(info)))
        problems = errors_of(check(info))
        if problems:
            raise rejection(info.system.hostname, problems)
        yield info, more
    finally:
        for path in spare:
            path.unlink(missing_ok=True)


def _image(path: str, size: int, target: Path, limit: Optional[int]) -> Image:
    """Take the image; of a replayed machine there are only its facts, and no file."""
    def taken() -> Tuple[str, int, int, str]:
        image = take_image(path, size, target, limit)
        return image.content.sha256, image.content.data_bytes, image.file.size, image.file.sha256
    sha256, data, length, file_sha256 = look.ask("image", (path, size), taken)
    return Image(Held(size, sha256, data), Spooled(target, length, file_sha256))


def _section(one: KeptRaw, path: str, image: Image) -> Raw:
    return Raw(id=f"raw_{one.partition}", device=Ref(one.partition), path=path, size_bytes=image.content.size,
               sha256=image.content.sha256, file_sha256=image.file.sha256, data_bytes=image.content.data_bytes)


def _stored(one: KeptRaw, size: int, place: Place, hostname: str, limit: Optional[int]) -> Raw:
    """An image on a store, under a name that tells its content: earlier sets keep theirs."""
    folder = place.directory / hostname / "raw"
    target = folder / f"{one.partition}.zst.new"
    image = _image(one.path, size, target, limit)
    name = f"{one.partition}-{image.file.sha256[:16]}.zst"
    target.replace(folder / name)
    return _section(one, f"{place.name}{hostname}/raw/{name}", image)


def _earlier(output: Path) -> Mapping[str, Tuple[Raw, Spooled]]:
    """The images of the set that is there now, by partition; none if it is not sound."""
    if not output.is_dir():
        return {}
    try:
        loaded = load_set(output)
    except SifRejected:
        return {}
    files = dict(loaded.images)
    return {str(raw.device): (raw, files[raw.path[len(SCHEME):]]) for raw in loaded.info.raws
            if raw.path[len(SCHEME):] in files}


def _again(one: KeptRaw, size: int, earlier: Mapping[str, Tuple[Raw, Spooled]]) -> Optional[Tuple[Raw, Spooled]]:
    """The earlier image, if the partition still holds what is in it."""
    known = earlier.get(one.partition)
    if known is None or known[0].size_bytes != size:
        return None
    digest = look.ask("content", (one.path, size), lambda: read_content(one.path, size).sha256)
    return known if digest == known[0].sha256 else None


def _file_system(directory: Path) -> Optional[str]:
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    return filesystem_type(mounts, existing.resolve())

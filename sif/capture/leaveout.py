"""What a capture refuses: things that a restore could not bring back, and leaving out what the system needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Sequence, Set, Tuple

from sif.capture.blocks import BlockDevice, descendants
from sif.capture.errors import NotRestorable, Unrestorable, not_restorable
from sif.capture.exclude import needed_places
from sif.capture.fstab import FstabLine
from sif.capture.mountinfo import Mounted
from sif.capture.storage import Storage
from sif.model import Omitted, OmittedWhy, SystemInformation
from sif.plain import replace

if TYPE_CHECKING:
    from sif.restorable import Obstacle
from sif.features import not_rebuilt


def split_words(exclude: Sequence[str], disks: Sequence[BlockDevice]) -> Tuple[Tuple[str, ...], Tuple[str, ...],
                                                                              Tuple[str, ...]]:
    """The names to leave out, apart: whole disks, things on disks, files (swap files)."""
    names = {disk.kname for disk in disks}
    short = [word[len("/dev/"):] if word.startswith("/dev/") else word for word in exclude]
    return (tuple(word for word in short if word in names),
            tuple(word for word in short if word not in names and not word.startswith("/")),
            tuple(word for word in short if word.startswith("/")))


def require_not_needed(storage: Storage, disks: Sequence[str], devices: Sequence[BlockDevice],
                       fstab: Sequence[FstabLine], mounts: Sequence[Mounted]) -> None:
    """Raise NotRestorable when something that is left out, by name or with a whole disk, starts the system."""
    left_out: List[Tuple[str, Set[str]]] = list(storage.left_out)
    for name in disks:
        left_out.append((name, {name, *(device.kname for device in descendants(devices, name))}))
    needed = needed_places(left_out, [*((line.spec, line.mount) for line in fstab),
                                      *((mount.source, mount.place) for mount in mounts)])
    if needed:
        raise NotRestorable("what is to be left out is needed to start the system", found="; ".join(needed),
                            hint="leave out data volumes only")


def without_files(storage: Storage, paths: Sequence[str]) -> Storage:
    """The storage without the swap files of these paths."""
    left = [swap for swap in storage.swaps if swap.path in paths]
    omitted = tuple(Omitted(id=f"omitted_{swap.id}", what=f"swap file {swap.path}", why=OmittedWhy.EXCLUDED)
                    for swap in left)
    return replace(storage, swaps=tuple(swap for swap in storage.swaps if swap not in left),
                   omitted=(*storage.omitted, *omitted))


def require_restorable(storage: Storage, info: SystemInformation, describe_all: bool) -> Tuple[str, ...]:
    """Raise NotRestorable with everything that a restore would not bring back; or return it as notes.

    With ``describe_all`` what the set can describe, though this version's rescue system does not make it, is noted.
    """
    missing = _obstacles(info)
    if describe_all and not storage.unsupported:
        return tuple(f"NOT RESTORABLE by this version: {obstacle.what}" for obstacle in missing)
    named = {text.exclude for text in storage.unsupported if isinstance(text, Unrestorable)}
    troubles = (*storage.unsupported, *(Unrestorable(obstacle.what, obstacle.exclude) for obstacle in missing
                                        if obstacle.exclude is None or obstacle.exclude not in named))
    if troubles:
        raise not_restorable(troubles, hint="leave each of them out by its name; or, for what can be described but not "
                             "rebuilt, write the set anyhow with --describe-all" if missing else
                             "leave each of them out by its name")
    return ()


def _obstacles(info: SystemInformation) -> "Tuple[Obstacle, ...]":
    if not not_rebuilt(info):
        return ()
    from sif.restorable import obstacles  # the words, when there is something to say
    return obstacles(info)

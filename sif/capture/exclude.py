"""Leaving things out by name: what ``--exclude`` names, with everything on it."""

from __future__ import annotations

import posixpath
from typing import Dict, Iterator, List, Sequence, Set, Tuple

from sif import look
from sif.capture.crypttab import path_of, read_crypttab
from sif.capture.layers import Surroundings
from sif.capture.lvm import probe_group_names
from sif.capture.names import omitted_id
from sif.capture.signature import Signature
from sif.errors import UsageError
from sif.model import Omitted, OmittedWhy, Ref

SYSTEM_PLACES = frozenset({"/", "/boot", "/boot/efi", "/efi", "/usr", "/etc", "/var"})
"""What is mounted there is needed to start the system."""

_MADE_ABOVE = ("crypt", "integrity", "mpath", "linear", "disk")
"""lsblk's types of devices whose names stand for what lies below them (``disk`` is bcache); RAID levels too."""



class Exclusion:
    """The words of ``--exclude``, and what of the machine they hit: asked once for each carrier."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.hit: Dict[str, str] = {}
        self.known: Set[str] = set()
        self._paths: Dict[str, str] = {}
        self._groups: Dict[str, str] = {}
        self._asked: Set[str] = set()

    def hides(self, around: Surroundings, ident: str, path: str) -> bool:
        """Whether a carrier's content is left out."""
        if not self.words:
            return False
        if ident not in self._asked:
            self._asked.add(ident)
            names = set(self._names(around, ident, path))
            self.known |= names
            word = next((word for word in self.words if word in names or word.lower() in names), None)
            if word is not None:
                self.hit[ident], self._paths[ident] = word, path
        return ident in self.hit

    def _names(self, around: Surroundings, ident: str, path: str) -> Iterator[str]:
        """Every name that a carrier, or what lies directly on it, goes by."""
        yield from (ident, path, posixpath.basename(path))
        if path.startswith("/dev/") and path.count("/") == 3:
            yield path[len("/dev/"):]  # a logical volume as group/name
        device = around.device(path)
        if device is None:
            return
        yield device.kname
        if device.type != "part":
            yield posixpath.basename(device.path)
        signature = around.signature(path)
        yield from _content_names(signature)
        for other in around.devices:
            if device.kname in other.parents and (other.type in _MADE_ABOVE or other.type.startswith("raid")):
                yield from (other.kname, posixpath.basename(other.path))
        for line in read_crypttab():
            where = path_of(line.spec)
            if where and look.real(where) == look.real(path):
                yield line.name
        if signature.type == "LVM2_member":
            yield from self._group(path)

    def _group(self, path: str) -> Iterator[str]:
        if not self._groups:
            self._groups = {look.real(member): group for member, group in probe_group_names().items()}
        group = self._groups.get(look.real(path))
        if group:
            yield group

    def omitted(self, around: Surroundings) -> Tuple[Omitted, ...]:
        """What was left out, as records."""
        return tuple(Omitted(id=omitted_id(ident), what=f"{self.hit[ident]}: {_what(around.signature(path))}",
                             why=OmittedWhy.EXCLUDED, device=Ref(ident)) for ident, path in self._paths.items())

    def explained(self, around: Surroundings) -> Set[str]:
        """Kernel names of every device that lies on what was left out."""
        return {device.kname for path in self._paths.values() for below in (around.device(path),) if below
                for device in around.above(below)}

    def devices(self, around: Surroundings) -> Tuple[Tuple[str, Set[str]], ...]:
        """(word, kernel names of the device and of everything on it) of each thing that was left out."""
        found: List[Tuple[str, Set[str]]] = []
        for ident, path in self._paths.items():
            device = around.device(path)
            if device is not None:
                found.append((self.hit[ident], {device.kname, *(other.kname for other in around.above(device))}))
        return tuple(found)

    def require_all_hit(self, elsewhere: Sequence[str]) -> None:
        """Raise UsageError for a word that names nothing; ``elsewhere`` are names that are left out anyway."""
        wrong = [word for word in self.words if word not in self.hit.values() and word not in elsewhere]
        if wrong:
            raise UsageError("nothing of that name to leave out", found=", ".join(wrong),
                             wanted="one of " + ", ".join(sorted(name for name in self.known if "/dev/" not in name)))


def _content_names(signature: Signature) -> Iterator[str]:
    if signature.label:
        yield signature.label
        if signature.type == "linux_raid_member":
            yield signature.label.rpartition(":")[2]  # host:name
    if signature.uuid:
        yield from (signature.uuid, signature.uuid.lower())


def _what(signature: Signature) -> str:
    words = [signature.type or "nothing that is known", signature.label, signature.uuid]
    return " ".join(word for word in words if word)


def needed_places(left_out: Sequence[Tuple[str, Set[str]]], places: Sequence[Tuple[str, str]]) -> Tuple[str, ...]:
    """What the system needs of what is left out, in words.

    ``left_out`` is (word, kernel names); ``places`` are (what is mounted, as in fstab; where).
    """
    real = [(look.real(path).rpartition("/")[2], place) for spec, place in places for path in (path_of(spec),) if path]
    return tuple(dict.fromkeys(
        f"{word} holds {place}" for word, devices in left_out for device, place in real
        if device in devices and place in SYSTEM_PLACES))


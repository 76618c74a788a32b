"""What a kernel module says about itself: the ``.modinfo`` section of its ELF file, read without other programs.

Source: ELF(5); include/linux/moduleparam.h of the kernel (entries are ``name=value``, ended by a zero byte).
"""

from __future__ import annotations

import posixpath
import struct
import zlib
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from sif.digest import sha256
from sif.plain import dataclass

MODULE_ENDINGS = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")

_MAX_BYTES = 256 * 1024 * 1024
_SECTION_ENTRIES = {1: 40, 2: 64}


class NotAModule(ValueError):
    """These bytes are no kernel module, or a damaged one."""


class Unreadable(NotAModule):
    """The module is packed in a way that this interpreter cannot unpack."""


@dataclass(frozen=True)
class ModuleFacts:
    """A module's own statements, as far as they matter here. ``kernel`` is the release it was built for."""

    name: str = ""
    kernel: str = ""
    depends: Tuple[str, ...] = ()
    firmware: Tuple[str, ...] = ()
    version: Optional[str] = None
    source_version: Optional[str] = None
    in_tree: bool = False


def module_name(path: str) -> str:
    """The kernel's name of a module from its file name: ``dm-mod.ko.xz`` → ``dm_mod``."""
    return path.rsplit("/", 1)[-1].split(".ko", 1)[0].replace("-", "_")


_known: Dict[Tuple[bytes, str, str], ModuleFacts] = {}
"""By digest, name and packing: to unpack takes longest, and the writer of a set checks what the collector has read."""


def facts_of(data: bytes, path: str) -> ModuleFacts:
    """The statements of a module from its file's bytes; ``path`` says by its ending how they are packed.

    Raises Unreadable for what only other programs can unpack (zstd), NotAModule for anything else.
    """
    known = _key(data, path)
    if known not in _known:
        _known[known] = facts_from(_entries(_modinfo(_unpacked(data, path))), module_name(path))
    return _known[known]


def remember(data: bytes, path: str, facts: ModuleFacts) -> None:
    """Have :func:`facts_of` give these facts, which modinfo(8) has read from these bytes."""
    _known[_key(data, path)] = facts


def _key(data: bytes, path: str) -> Tuple[bytes, str, str]:
    return sha256(data), module_name(path), posixpath.splitext(path)[1]


def facts_from(entries: Iterable[Tuple[str, str]], name: str) -> ModuleFacts:
    """The statements from ``(name, value)`` pairs, as modinfo(8) shows them too."""
    fields: Dict[str, List[str]] = {}
    for key, value in entries:
        fields.setdefault(key, []).append(value)
    return ModuleFacts(
        name=_first(fields, "name") or name,
        kernel=(_first(fields, "vermagic") or "").split(" ", 1)[0],
        depends=tuple(word.replace("-", "_") for word in (_first(fields, "depends") or "").split(",") if word),
        firmware=tuple(dict.fromkeys(fields.get("firmware", ()))),
        version=_first(fields, "version"), source_version=_first(fields, "srcversion"),
        in_tree=_first(fields, "intree") == "Y")


def parse_modinfo_zero(text: str) -> Tuple[Tuple[str, str], ...]:
    """The pairs in the output of ``modinfo -0`` for one module; kmod writes ``name=value`` or ``name: value``."""
    found = []
    for piece in text.split("\0"):
        cut = min((at for at in (piece.find("="), piece.find(":")) if at > 0), default=-1)
        if cut > 0:
            found.append((piece[:cut].strip(), piece[cut + 1:].strip()))
    return tuple(found)


def parse_modinfos(text: str) -> Mapping[str, Tuple[Tuple[str, str], ...]]:
    """The pairs in the output of ``modinfo -0`` for several modules, by file name as it was given."""
    found: Dict[str, List[Tuple[str, str]]] = {}
    here: List[Tuple[str, str]] = []
    for key, value in parse_modinfo_zero(text):
        if key == "filename":
            here = found.setdefault(value, [])
        here.append((key, value))
    return {path: tuple(pairs) for path, pairs in found.items()}


def _first(fields: Mapping[str, Sequence[str]], name: str) -> Optional[str]:
    values = fields.get(name, ())
    return values[0].strip() or None if values else None


def _unpacked(data: bytes, path: str) -> bytes:
    if path.endswith(".zst"):
        raise Unreadable("packed with zstd")
    # A few kB can unpack to gigabytes: the limit holds before the memory is taken.
    if path.endswith(".xz"):
        import lzma  # most modules are packed by another program, or not at all
        try:
            return lzma.LZMADecompressor(memlimit=_MAX_BYTES).decompress(data, _MAX_BYTES)
        except (lzma.LZMAError, EOFError) as error:
            raise NotAModule(f"cannot be unpacked: {error}") from error
    if path.endswith(".gz"):
        try:
            return zlib.decompressobj(wbits=31).decompress(data, _MAX_BYTES)
        except zlib.error as error:
            raise NotAModule(f"cannot be unpacked: {error}") from error
    return data


def _modinfo(elf: bytes) -> bytes:
    """The bytes of the section ``.modinfo``."""
    if elf[:4] != b"\x7fELF" or len(elf) < 64 or elf[4] not in _SECTION_ENTRIES or elf[5] not in (1, 2):
        raise NotAModule("no ELF file")
    order = "<" if elf[5] == 1 else ">"
    wide = elf[4] == 2
    try:
        table = struct.unpack_from(order + ("Q" if wide else "I"), elf, 40 if wide else 32)[0]
        size, count, names = struct.unpack_from(order + "3H", elf, 58 if wide else 46)
        if size < _SECTION_ENTRIES[elf[4]]:
            raise NotAModule("a section table that no linker writes")
        sections = [_section(elf, table + number * size, order, wide) for number in range(count)]
        strings = sections[names][1]
    except (struct.error, IndexError, OverflowError) as error:  # an offset beyond what a file can have
        raise NotAModule("the section table is damaged") from error
    for name, start, length in sections:
        if elf[strings + name:strings + name + 9] == b".modinfo\0":
            return elf[start:start + length]
    raise NotAModule("no section .modinfo")


def _section(elf: bytes, at: int, order: str, wide: bool) -> Tuple[int, int, int]:
    """(offset of its name, offset, length) of one section."""
    name = struct.unpack_from(order + "I", elf, at)[0]
    start, length = struct.unpack_from(order + ("2Q" if wide else "2I"), elf, at + (24 if wide else 16))
    return name, start, length


def _entries(section: bytes) -> Tuple[Tuple[str, str], ...]:
    found = []
    for piece in section.split(b"\0"):
        name, equals, value = piece.decode("utf-8", "replace").partition("=")
        if equals:
            found.append((name, value))
    return tuple(found)

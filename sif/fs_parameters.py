"""What FS.parameters may hold: by type of file system each name with what it means and how it is written.

The names are those of the tools that show them (dumpe2fs, the boot sectors of FAT and NTFS, the superblock of F2FS).
A restore turns the values into options and reckons with the numbers, so nothing else is let through.
"""

from __future__ import annotations

from typing import Callable, Mapping, Tuple

from sif.enums import FsType
from sif.plain import dataclass

_WORD = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_^.=:/+-")


def is_number(text: str) -> bool:
    """A decimal number of up to 19 digits, without a sign or leading zeros."""
    return text.isascii() and text.isdigit() and len(text) <= 19 and (text == "0" or text[0] != "0")


def _is_words(text: str) -> bool:
    return all(word and word[0] not in "=:/+-" and _WORD.issuperset(word) for word in text.split(","))


def _is_options(text: str) -> bool:
    return text[:1].isalpha() and all("!" <= char <= "~" for char in text)


def _is_uuid(text: str) -> bool:
    from sif.checks.common import GUID
    return GUID.fullmatch(text) is not None


@dataclass(frozen=True)
class Parameter:
    """One name: its meaning, its unit, and how its value is written."""

    doc: str
    unit: str = ""
    form: str = "number"

    def fits(self, value: str) -> bool:
        """Whether a value is written so."""
        if "|" in self.form:
            return value in self.form.split("|")
        return _FORMS[self.form](value)

    @property
    def wanted(self) -> str:
        """How a value is written, for people."""
        return "one of " + ", ".join(self.form.split("|")) if "|" in self.form else self.form


_WORDS, _NUMBERS = "words, comma between", "numbers, comma between"
_FORMS: Mapping[str, Callable[[str], bool]] = {
    "number": is_number, "mount options": _is_options, _WORDS: _is_words, "UUID": _is_uuid,
    _NUMBERS: lambda text: all(map(is_number, text.split(",")))}

_EXT: Mapping[str, Parameter] = {
    "journal_blocks": Parameter("journal, without its fast-commit area", "blocks"),
    "fast_commit_blocks": Parameter("fast-commit area of the journal", "blocks"),
    "blocks_per_group": Parameter("length of a block group", "blocks"),
    "cluster_bytes": Parameter("cluster (bigalloc)", "bytes"),
    "flex_bg": Parameter("groups that keep their metadata together"),
    "desc_bytes": Parameter("group descriptor", "bytes"),
    "reserved_gdt_blocks": Parameter("kept for more group descriptors", "blocks"),
    "backup_groups": Parameter("groups with a copy of the superblock (sparse_super2)", form=_NUMBERS),
    "stride": Parameter("RAID stride", "blocks"),
    "stripe_width": Parameter("RAID stripe width", "blocks"),
    "errors": Parameter("what an error leads to", form="continue|remount-ro|panic"),
    "mount_options": Parameter("default mount options", form=_WORDS),
    "extended_mount_options": Parameter("further mount options in the superblock", form="mount options"),
    "max_mounts": Parameter("mounts after which it is checked; without it never"),
    "check_seconds": Parameter("time after which it is checked; without it never", "seconds"),
    "reserved_uid": Parameter("user of the reserved blocks"),
    "reserved_gid": Parameter("group of the reserved blocks"),
    "hash": Parameter("hash of directory indexes", form=_WORDS),
    "hash_seed": Parameter("seed of that hash", form="UUID"),
    "encoding": Parameter("character encoding (casefold)", form=_WORDS),
    "encoding_flags": Parameter("flags of that encoding", form=_WORDS),
    "mmp_seconds": Parameter("update interval of the protection against a second mount", "seconds"),
    "os": Parameter("operating system that made it; without it Linux", form=_WORDS),
    "revision": Parameter("revision; without it 1"),
    "inode_ratio": Parameter("bytes for which there is an inode, where `inodes` is not given", "bytes"),
}
_GEOMETRY: Mapping[str, Parameter] = {
    "sectors": Parameter("length as in the boot sector", "sectors"),
    "hidden_sectors": Parameter("sectors before it, as in the boot sector", "sectors"),
    "sectors_per_track": Parameter("geometry in the boot sector"),
    "heads": Parameter("geometry in the boot sector"),
}
_VFAT: Mapping[str, Parameter] = {
    "fats": Parameter("number of FATs"),
    "reserved_sectors": Parameter("sectors before the first FAT", "sectors"),
    "root_entries": Parameter("entries of the root directory (FAT12, FAT16)"),
    "media": Parameter("media descriptor"),
    **_GEOMETRY,
    "fat_sectors": Parameter("length of a FAT", "sectors"),
    "backup_sector": Parameter("copy of the boot sector (FAT32)"),
}
_NTFS: Mapping[str, Parameter] = {
    **_GEOMETRY,
    "mft_record_bytes": Parameter("record of the MFT", "bytes"),
    "index_record_bytes": Parameter("index record", "bytes"),
}
_F2FS: Mapping[str, Parameter] = {
    "segments_per_section": Parameter("segments in a section"),
    "sections_per_zone": Parameter("sections in a zone"),
    "cold_extensions": Parameter("extensions of files that seldom change", form=_WORDS),
    "hot_extensions": Parameter("extensions of files that often change", form=_WORDS),
    "encoding": Parameter("character encoding (casefold)", form=_WORDS),
    "encoding_flags": Parameter("flags of that encoding"),
}
GROUPS: Tuple[Tuple[Tuple[FsType, ...], Mapping[str, Parameter]], ...] = (
    ((FsType.EXT2, FsType.EXT3, FsType.EXT4), _EXT), ((FsType.VFAT,), _VFAT), ((FsType.NTFS,), _NTFS),
    ((FsType.F2FS,), _F2FS))
"""Types that share their parameters, in the order of the specification. XFS has none: its are `features`."""


def parameters_of(kind: FsType) -> Mapping[str, Parameter]:
    """The parameters of a type of file system, by name."""
    return next((known for kinds, known in GROUPS if kind in kinds), {})


def table() -> str:
    """The table of the specification."""
    lines = ["| file system | parameter | value | meaning |", "|---|---|---|---|"]
    for kinds, known in GROUPS:
        title = ", ".join(kind.value for kind in kinds)
        lines += [f"| {title} | `{name}` | {parameter.wanted} | {parameter.doc}"
                  f"{f' ({parameter.unit})' if parameter.unit else ''} |" for name, parameter in known.items()]
    return "\n".join(lines) + "\n"

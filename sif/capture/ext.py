"""ext2, ext3 and ext4: what ``dumpe2fs`` shows, as a record from which mke2fs and tune2fs make the same again."""

from __future__ import annotations

import re
from typing import Callable, Mapping, Optional, Tuple

from sif.capture.signature import NotDescribed, Signature
from sif.model import FileSystem, FsType, Ref
from sif.plain import replace

_TRANSIENT = frozenset({"needs_recovery", "orphan_present", "recovery_needed"})
"""Features that say what state the file system is in, not how it was made."""

_ERRORS = {"Continue": "continue", "Remount read-only": "remount-ro", "Panic": "panic"}

Facts = Mapping[str, str]


ENCODING_FLAGS = (1024 + 0x27E, 2)
"""Where the superblock keeps the flags of the character encoding, which dumpe2fs does not show: offset, length."""


def with_encoding_flags(fs: FileSystem, raw: bytes) -> FileSystem:
    """The record with the flags of its character encoding (:data:`ENCODING_FLAGS`), of which there is one."""
    strict = ("encoding_flags=strict",) if int.from_bytes(raw, "little") & 1 else ()
    return replace(fs, parameters=(*fs.parameters, *strict))


def describe_ext(text: str, device_id: str, signature: Signature) -> FileSystem:
    """``dumpe2fs -h`` as a record. Raises NotDescribed for a journal on another device."""
    facts = dict(re.findall(r"^([^:\n]+):[ \t]*(.*)$", text, re.MULTILINE))
    if "Journal UUID" in facts or "journal_dev" in facts["Filesystem features"].split():
        raise NotDescribed("its journal is on another device")
    block = int(facts["Block size"])
    features = tuple(f for f in facts["Filesystem features"].split() if f not in _TRANSIENT)
    return FileSystem(
        id=f"fs_{device_id}", device=Ref(device_id), type=FsType(signature.type), uuid=signature.uuid.lower(),
        label=signature.label or None, block_size=block, inode_size=int(facts["Inode size"]),
        inodes=int(facts["Inode count"]), blocks=int(facts["Block count"]),
        reserved_blocks=int(facts["Reserved block count"]), features=features,
        used_bytes=(int(facts["Block count"]) - int(facts["Free blocks"])) * block,
        parameters=parameters(facts))


def parameters(facts: Facts) -> Tuple[str, ...]:
    """What else mke2fs and tune2fs set, as ``name=value`` in a fixed order; what has no effect is left out.

    Sources: mke2fs(8), tune2fs(8); the names of dumpe2fs are those of e2fsprogs 1.42 to 1.47.
    """
    found = []
    for name, read in _PARAMETERS:
        value = read(facts)
        if value is not None:
            found.append(f"{name}={value}")
    return tuple(found)


def _number(title: str, *, unless: Tuple[int, ...] = (0,)) -> Callable[[Facts], Optional[str]]:
    """A fact that begins with a number; None if it is not there, or one of ``unless``: what mke2fs does anyway."""
    def read(facts: Facts) -> Optional[str]:
        match = re.match(r"[0-9]+", facts.get(title, ""))
        return match.group(0) if match and int(match.group(0)) not in unless else None
    return read


def _word(title: str, *, unless: Tuple[str, ...] = ("", "(none)", "<none>")) -> Callable[[Facts], Optional[str]]:
    """A fact as it stands, its words joined by commas; None if it is not there or one of ``unless``."""
    def read(facts: Facts) -> Optional[str]:
        value = facts.get(title, "").strip()
        return ",".join(value.split()) if value not in unless else None
    return read


def _errors(facts: Facts) -> Optional[str]:
    return _ERRORS.get(facts.get("Errors behavior", ""))


def _journal_blocks(facts: Facts) -> Optional[str]:
    """Blocks of the journal without its fast-commit area; dumpe2fs before 1.43 shows the size only, in K or M."""
    blocks = _number("Total journal blocks")(facts) or _number("Journal length")(facts)
    if blocks is not None:
        return str(int(blocks) - int(_number("Fast commit length")(facts) or 0))
    size = re.match(r"([0-9]+)([kKM])$", facts.get("Total journal size", facts.get("Journal size", "")))
    if not size:
        return None
    return str(int(size.group(1)) * (1 << 20 if size.group(2) == "M" else 1024) // int(facts["Block size"]))


def _blocks_per_group(facts: Facts) -> Optional[str]:
    """With bigalloc the groups follow from the clusters."""
    return None if "Cluster size" in facts else _number("Blocks per group")(facts)


_PARAMETERS: Tuple[Tuple[str, Callable[[Facts], Optional[str]]], ...] = (
    ("journal_blocks", _journal_blocks),
    ("fast_commit_blocks", _number("Fast commit length")),
    ("blocks_per_group", _blocks_per_group),
    ("cluster_bytes", _number("Cluster size")),
    ("flex_bg", _number("Flex block group size")),
    ("desc_bytes", _number("Group descriptor size")),
    ("reserved_gdt_blocks", _number("Reserved GDT blocks")),
    ("backup_groups", _word("Backup block groups")),
    ("stride", _number("RAID stride")),
    ("stripe_width", _number("RAID stripe width")),
    ("errors", _errors),
    ("mount_options", _word("Default mount options")),
    ("extended_mount_options", _word("Mount options")),
    ("max_mounts", _number("Maximum mount count", unless=(0,))),
    ("check_seconds", _number("Check interval")),
    ("reserved_uid", _number("Reserved blocks uid")),
    ("reserved_gid", _number("Reserved blocks gid")),
    ("hash", _word("Default directory hash")),
    ("hash_seed", _word("Directory Hash Seed")),
    ("encoding", _word("Character encoding")),
    ("mmp_seconds", _number("MMP update interval")),
    ("os", _word("Filesystem OS type", unless=("", "Linux"))),
    ("revision", _number("Filesystem revision #", unless=(1,))),
)
"""Parameter → how it is read from what dumpe2fs shows, in the order in which they are written."""

"""What btrfs-progs print: the superblock, trees of a file system that is not mounted, lists of one that is."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Set, Tuple

from sif.capture.signature import NotDescribed
from sif.model import BtrfsProfile
from sif.plain import dataclass, field

TOP_LEVEL = 5
"""The number of the top-level subvolume."""

_FLAGS = {
    "MIXED_GROUPS": "mixed-bg", "EXTENDED_IREF": "extref", "RAID56": "raid56", "RAID1C34": "raid1c34",
    "SKINNY_METADATA": "skinny-metadata", "NO_HOLES": "no-holes", "ZONED": "zoned", "SIMPLE_QUOTA": "squota",
    "RAID_STRIPE_TREE": "raid-stripe-tree", "EXTENT_TREE_V2": "extent-tree-v2", "FREE_SPACE_TREE": "free-space-tree",
    "BLOCK_GROUP_TREE": "block-group-tree",
}
"""The superblock's flag → the feature as mkfs.btrfs names it."""

_BY_USE = frozenset({"MIXED_BACKREF", "DEFAULT_SUBVOL", "COMPRESS_LZO", "COMPRESS_ZSTD", "BIG_METADATA", "VERITY",
                     "FREE_SPACE_TREE_VALID", "METADATA_UUID"})
"""Flags that come of using the file system, or that every new one has."""


_CHECKSUMS = {"xxhash64": "xxhash", "blake2b": "blake2"}
"""Names of dump-super → names of mkfs.btrfs, where they differ."""


@dataclass(frozen=True)
class SuperBlock:
    """One device's copy of the superblock. Sizes in bytes."""

    uuid: str
    label: str
    node_size: int
    sector_size: int
    checksum: str
    devices: int
    device_number: int
    device_bytes: int
    used_bytes: int
    features: Tuple[str, ...]


def parse_super(text: str) -> SuperBlock:
    """``btrfs inspect-internal dump-super --full``. Raises NotDescribed for what mkfs.btrfs cannot make."""
    facts = dict(re.findall(r"^([a-z_.]+)[ \t]+(.*)$", text, re.MULTILINE))
    groups = re.findall(r"^(?:in)?compat(?:_ro)?_flags[^\n]*\n((?:\t\t[^\n]*\n)*)", text, re.MULTILINE)
    flags = [flag for group in groups for flag in re.findall(r"[^\s|()][^|()]*[^\s|()]", group)]
    strange = [flag for flag in flags if flag not in _FLAGS and flag not in _BY_USE]
    if strange:
        raise NotDescribed("unknown features: " + ", ".join(strange))
    if re.search(r"^flags\s[^\n]*\n\s*\([^)]*SEEDING", text, re.MULTILINE):
        raise NotDescribed("it is a seed device")
    checksum = facts["csum_type"].partition("(")[2].rstrip(")") or "crc32c"
    return SuperBlock(
        uuid=facts["fsid"], label=facts.get("label", "").strip(), node_size=int(facts["nodesize"]),
        sector_size=int(facts["sectorsize"]), checksum=_CHECKSUMS.get(checksum, checksum),
        devices=int(facts["num_devices"]), device_number=int(facts["dev_item.devid"]),
        device_bytes=int(facts["dev_item.total_bytes"]), used_bytes=int(facts["bytes_used"]),
        features=tuple(_FLAGS[flag] for flag in flags if flag in _FLAGS))


def parse_show(text: str) -> Tuple[Tuple[str, ...], ...]:
    """The device paths of each file system in ``btrfs filesystem show``."""
    return tuple(tuple(re.findall(r"^\s+devid .* path (\S+)", part, re.MULTILINE))
                 for part in re.split(r"^Label: ", text, flags=re.MULTILINE)[1:])


Profiles = Mapping[str, BtrfsProfile]
"""``data``, ``metadata`` and ``system`` → how many copies, over how many devices."""


def parse_usage(text: str) -> Profiles:
    """The profiles in ``btrfs filesystem usage``."""
    return _profiles(re.findall(r"^([A-Za-z+]+),([A-Za-z0-9]+): Size", text, re.MULTILINE))


def parse_chunks(text: str) -> Profiles:
    """The profiles in ``btrfs inspect-internal dump-tree -t chunk``."""
    pairs = []
    for kinds in re.findall(r"\btype ([A-Z]+(?:\|[A-Za-z0-9]+)*)$", text, re.MULTILINE):
        words = kinds.split("|")
        names = [word for word in words if word in ("DATA", "METADATA", "SYSTEM")]
        pairs.append(("+".join(names), next((word for word in words if word not in names), "single")))
    return _profiles(pairs)


def _profiles(pairs: "List[Tuple[str, str]]") -> Profiles:
    found: Dict[str, Set[BtrfsProfile]] = {}
    for names, profile in pairs:
        for name in names.lower().split("+"):
            if name in ("data", "metadata", "system"):
                found.setdefault(name, set()).add(BtrfsProfile(profile.lower()))
    several = [name for name, profiles in found.items() if len(profiles) > 1]
    if several:
        raise NotDescribed(f"{several[0]} in several profiles: a balance that converts them has not ended")
    return {name: next(iter(profiles)) for name, profiles in found.items()}


@dataclass(frozen=True)
class Root:
    """A subvolume as btrfs lists it: its number, its place in the parent subvolume, its uuid and its origin's."""

    number: int
    path: str
    readonly: bool = False
    uuid: Optional[str] = None
    origin: Optional[str] = None


def parse_list(text: str, readonly: str) -> Tuple[Root, ...]:
    """``btrfs subvolume list -a -u -q``; ``readonly`` is the output of the same with ``-r``. By number."""
    marked = set(re.findall(r"^ID ([0-9]+)", readonly, re.MULTILINE))
    found = []
    for number, origin, uuid, path in re.findall(
            r"^ID ([0-9]+) .*?parent_uuid (\S+)\s+uuid (\S+)\s+path (.*)$", text, re.MULTILINE):
        prefix = "<FS_TREE>/"
        found.append(Root(int(number), path[len(prefix):] if path.startswith(prefix) else path, number in marked, uuid,
                          None if origin == "-" else origin))
    return tuple(sorted(found, key=lambda root: root.number))


@dataclass(frozen=True)
class Tree:
    """Where a subvolume's tree begins: the block and its level; and the flags of its root item."""

    block: int
    readonly: bool
    uuid: str
    origin: Optional[str]


@dataclass(frozen=True)
class RootTree:
    """The root tree: ``trees`` by number; ``place`` maps a subvolume to (parent, directory number in it, name)."""

    trees: Mapping[int, Tree] = field(default_factory=dict)
    place: Mapping[int, Tuple[int, int, str]] = field(default_factory=dict)
    default: int = TOP_LEVEL
    quotas: bool = False


_NONE = "00000000-0000-0000-0000-000000000000"


def parse_root_tree(text: str) -> RootTree:
    """``btrfs inspect-internal dump-tree -t root``."""
    trees: Dict[int, Tree] = {}
    place: Dict[int, Tuple[int, int, str]] = {}
    default, quotas = TOP_LEVEL, False
    for item in re.split(r"^\titem [0-9]+ key ", text, flags=re.MULTILINE)[1:]:
        key = re.match(r"\((\S+) (\S+) (\S+?)\)", item)
        if not key:
            continue
        owner, kind, offset = key.groups()
        number = TOP_LEVEL if owner == "FS_TREE" else int(owner) if owner.isdigit() else 0
        if kind == "ROOT_ITEM":
            quotas = quotas or owner == "QUOTA_TREE"
            facts = re.search(r" bytenr ([0-9]+) .*? flags 0x([0-9a-f]+)\([^)]*\) refs ([0-9]+)", item, re.DOTALL)
            ids = re.search(r"\tuuid (\S+)\s+parent_uuid (\S+)", item)
            if number and facts and int(facts.group(3)):
                trees[number] = Tree(int(facts.group(1)), bool(int(facts.group(2), 16) & 1),
                                     ids.group(1) if ids else _NONE,
                                     ids.group(2) if ids and ids.group(2) != _NONE else None)
        elif kind == "ROOT_BACKREF" and number:
            back = re.search(r"dirid ([0-9]+) sequence [0-9]+ name (.*)$", item, re.MULTILINE)
            if back:
                parent = TOP_LEVEL if offset == "FS_TREE" else int(offset)
                place[number] = (parent, int(back.group(1)), back.group(2))
        elif owner == "ROOT_TREE_DIR" and kind == "DIR_ITEM":
            to = re.search(r"location key \((\S+) ROOT_ITEM.*?name: default$", item, re.MULTILINE | re.DOTALL)
            if to:
                default = TOP_LEVEL if to.group(1) == "FS_TREE" else int(to.group(1))
    return RootTree(trees, {n: p for n, p in place.items() if n in trees}, default, quotas)


Limits = Mapping[str, Tuple[Optional[int], Optional[int]]]
"""``level/id`` of a quota group → most referenced bytes, most exclusive bytes."""


def parse_quota_tree(text: str) -> Limits:
    """The limits in ``btrfs inspect-internal dump-tree -t quota``. Flag 1: referenced; 2: exclusive."""
    found: Dict[str, Tuple[Optional[int], Optional[int]]] = {}
    for group, flags, referenced, exclusive in re.findall(
            r"QGROUP_LIMIT ([0-9]+/[0-9]+)\)[^\n]*\n\s*flags ([0-9a-fx]+)\s+max_referenced ([0-9]+) "
            r"max_exclusive ([0-9]+)", text):
        bits = int(flags, 16)
        if bits & 3:
            found[group] = (int(referenced) if bits & 1 else None, int(exclusive) if bits & 2 else None)
    return found


def parse_qgroups(text: str) -> Limits:
    """The limits in ``btrfs qgroup show -re --raw``."""
    found: Dict[str, Tuple[Optional[int], Optional[int]]] = {}
    for group, referenced, exclusive in re.findall(
            r"^([0-9]+/[0-9]+)\s+[0-9]+\s+[0-9]+\s+(none|[0-9]+)\s+(none|[0-9]+)\b", text, re.MULTILINE):
        if (referenced, exclusive) != ("none", "none"):
            found[group] = (None if referenced == "none" else int(referenced),
                            None if exclusive == "none" else int(exclusive))
    return found


def limits_as_words(limits: Limits, path_of: Mapping[int, str]) -> Tuple[str, ...]:
    """The limits as the SIF writes them: level-0 groups by path, the top level's is empty; without gone subvolumes."""
    found = []
    for group, (referenced, exclusive) in limits.items():
        level, _, number = group.partition("/")
        name = path_of.get(int(number)) if level == "0" else number
        if name is not None:
            found.append(f"{level}/{name}:{_bytes(referenced)}:{_bytes(exclusive)}")
    return tuple(sorted(found))


def _bytes(limit: Optional[int]) -> str:
    return "none" if limit is None else str(limit)

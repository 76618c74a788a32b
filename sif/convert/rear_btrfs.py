"""Btrfs of a ReaR layout: the file system's line, and the lines about its subvolumes, as records."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Set, Tuple

from sif.convert.identity import GUID, Identities, section_id
from sif.convert.rear_layer_lines import NoCowLine, SubvolumeLine
from sif.convert.rear_lines import FsLine, Layout
from sif.convert.rear_words import BadWords, as_number
from sif.convert.report import Ledger
from sif.model import Btrfs, Ref, Subvolume
from sif.plain import dataclass, replace

TYPE = "btrfs"
_FACTS = frozenset({"uuid", "label", "options", "nodesize", "sectorsize", "features"})
_OPTION_OF_MKFS = {"extended_iref": "extref", "skinny_metadata": "skinny-metadata", "no_holes": "no-holes",
                   "free_space_tree": "free-space-tree", "block_group_tree": "block-group-tree", "raid56": "raid56",
                   "zoned": "zoned"}
"""The kernel's name of a feature, as ReaR records it → what mkfs.btrfs calls it. The others come by use."""

_MIXED = "mixed_groups"


@dataclass(frozen=True)
class BtrfsPart:
    """One btrfs with its subvolumes."""

    btrfs: Btrfs
    subvolumes: Tuple[Subvolume, ...]


def convert_btrfs(line: FsLine, device: str, layout: Layout, identities: Identities, ledger: Ledger,
                  taken: Set[str]) -> BtrfsPart:
    """The file system on ``device`` (a section id). Raises BadWords."""
    where, facts = line.line.where, line.facts
    ident = section_id(f"btrfs_{device}", taken)
    ledger.place("BTRFS", ident, where)
    uuid = facts.get("uuid", "")
    if uuid and not GUID.fullmatch(uuid):
        raise BadWords("not a UUID of btrfs", uuid, "8-4-4-4-12 hexadecimal digits")
    if not uuid:
        ledger.generated(where, f"{ident} uuid", "this line has no UUID")
    ledger.assumed(where, f"{ident} data, metadata, system", "data single, metadata and system dup: ReaR does not "
                   "record the profiles, and makes such a file system on one device only")
    for name, value in facts.items():
        if name not in _FACTS:
            ledger.left(where, f"{ident} {name}", "a set has no key for it", f"{name}={value}")
    features, mixed = _features(facts, ident, where, ledger)
    made = Btrfs(id=ident, devices=(Ref(device),), uuid=uuid.lower() or identities.uuid(f"fs:{line.device}"),
                 label=facts.get("label") or None, features=features, mixed=mixed)
    if facts.get("nodesize"):
        made = replace(made, node_size=as_number(facts["nodesize"], "nodesize"))
    if facts.get("sectorsize"):
        made = replace(made, sector_size=as_number(facts["sectorsize"], "sectorsize"))
    ledger.left(where, f"{ident} checksum, quotas, qgroups", "ReaR does not record them")
    mine = [c for c in layout.components if isinstance(c, SubvolumeLine) and c.device == line.device]
    subvolumes = _subvolumes(ident, mine, ledger, taken)
    default = next((c for c in mine if c.is_default), None)
    if default is not None and default.path:
        made = _with_default(made, default, subvolumes, ledger)
    mounts = [c for c in mine if c.is_mounted] or [_of_line(line)]
    made, subvolumes = _mounted(made, subvolumes, mounts, ledger)
    return BtrfsPart(made, tuple(_without_cow(subvolumes, layout, ledger).values()))


def _features(facts: Mapping[str, str], ident: str, where: str, ledger: Ledger) -> Tuple[Tuple[str, ...], bool]:
    names = [name for name in facts.get("features", "").replace(" ", ",").split(",") if name]
    known = tuple(_OPTION_OF_MKFS[name] for name in names if name in _OPTION_OF_MKFS)
    other = [name for name in names if name not in _OPTION_OF_MKFS and name != _MIXED]
    if other:
        ledger.left(where, f"{ident} features", "these come by use, not by mkfs", ",".join(other))
    if not names:
        ledger.left(where, f"{ident} features", "this line does not state them; mkfs.btrfs chooses")
    return known, _MIXED in names


def _subvolumes(btrfs: str, lines: List[SubvolumeLine], ledger: Ledger, taken: Set[str]) -> Dict[str, Subvolume]:
    """The subvolumes by path, each after the one it lies in."""
    found: Dict[str, Subvolume] = {}
    for line in sorted((c for c in lines if not c.is_default and not c.is_mounted), key=lambda c: c.path):
        if not line.path:
            continue
        if line.path in found:
            raise BadWords(f"the subvolume {line.path} is described twice", line.line.text)
        ident = section_id(f"sv_{line.path.replace('/', '_')}", taken)
        ledger.place("SUBVOLUME", ident, line.line.where)
        found[line.path] = Subvolume(id=ident, btrfs=Ref(btrfs), path=line.path, number=line.number)
    if found:
        first = lines[0].line.where
        ledger.left(first, f"{btrfs} read-only flags", "ReaR does not record them: every subvolume is writable")
    return found


def _with_default(btrfs: Btrfs, line: SubvolumeLine, subvolumes: Mapping[str, Subvolume], ledger: Ledger) -> Btrfs:
    default = subvolumes.get(line.path)
    if default is None:
        ledger.lost(line.line.where, f"default subvolume {line.path}", "it is not among the subvolumes that ReaR makes "
                    "again (a snapshot, or snapper's)", line.line.text)
        return btrfs
    return replace(btrfs, default=Ref(default.id))


def _of_line(line: FsLine) -> SubvolumeLine:
    """Where an old layout, without lines about mounts, says that it is mounted."""
    options = line.facts.get("options", "")
    path = next((option[len("subvol="):] for option in options.split(",") if option.startswith("subvol=")), "")
    return SubvolumeLine(line.line, line.device, line.mount, path.strip("/"), options=options or None)


def _mounted(btrfs: Btrfs, subvolumes: Dict[str, Subvolume], mounts: List[SubvolumeLine],
             ledger: Ledger) -> Tuple[Btrfs, Dict[str, Subvolume]]:
    for line in mounts:
        options = _without_number(line.options)
        where, known = line.line.where, subvolumes.get(line.path)
        if line.path and known is None:
            ledger.lost(where, f"mount of the subvolume {line.path}", "it is not among the subvolumes that ReaR makes "
                        "again", line.line.text)
            continue
        if (known or btrfs).mount is not None:
            ledger.left(where, f"{(known or btrfs).id} mount", "mounted a second time; a set has one mount point",
                        line.mount)
            continue
        if options:
            ledger.assumed(where, f"{(known or btrfs).id} options", "the options it was mounted with, without "
                           "subvolid=, stand in for those of fstab", options)
        if known is None:
            btrfs = replace(btrfs, mount=line.mount, options=options)
        else:
            subvolumes[line.path] = replace(known, mount=line.mount, options=options)
    return btrfs, subvolumes


def _without_number(options: Optional[str]) -> Optional[str]:
    """Mount options without the number of the subvolume, which a restore gives anew."""
    return ",".join(word for word in (options or "").split(",") if word and not word.startswith("subvolid=")) or None


def _without_cow(subvolumes: Dict[str, Subvolume], layout: Layout, ledger: Ledger) -> Dict[str, Subvolume]:
    """Lines about the attribute name no device: they belong to whichever btrfs has a subvolume of that path."""
    for line in layout.components:
        if isinstance(line, NoCowLine) and line.path in subvolumes:
            subvolumes[line.path] = replace(subvolumes[line.path], nocow=True)
    return subvolumes

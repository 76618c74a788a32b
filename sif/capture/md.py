"""Linux software RAID: arrays as the running kernel has them, in sysfs, with the identity that mdadm reads.

Source: the kernel's Documentation/admin-guide/md.rst (sysfs), md(4), mdadm(8). Sizes in sysfs are KiB for
``component_size``, bytes for ``chunk_size`` and the bitmap's chunk, sectors of 512 bytes for a member's ``offset``.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.blocks import BlockDevice
from sif.capture.errors import Unrestorable
from sif.capture.layers import Carriers, Layered, Surroundings
from sif.capture.names import identifier
from sif.model import Bitmap, MdArray, MdLevel, MdMetadata, Ref
from sif.plain import dataclass

_SECONDS = 60.0
_SECTOR = 512
_RAID5 = {0: "left-asymmetric", 1: "right-asymmetric", 2: "left-symmetric", 3: "right-symmetric", 4: "parity-first",
          5: "parity-last"}
_RAID6 = {**_RAID5, 8: "ddf-zero-restart", 9: "ddf-N-restart", 10: "ddf-N-continue", 16: "left-asymmetric-6",
          17: "right-asymmetric-6", 18: "left-symmetric-6", 19: "right-symmetric-6", 20: "parity-first-6"}
_RAID0 = {1: "original", 2: "alternate"}
_ARRAY_KEYS = ("level", "metadata_version", "raid_disks", "chunk_size", "layout", "component_size", "array_state",
               "reshape_position", "consistency_policy")
_OPTIONAL_KEYS = ("bitmap/location", "bitmap/chunksize", "bitmap/metadata")
_MEMBER_KEYS = ("slot", "state", "offset")


@dataclass(frozen=True)
class Member:
    """A device of an array: its path, slot (a number, ``none`` or ``journal``), state and data offset in bytes."""

    path: str
    slot: str
    state: Tuple[str, ...]
    offset_bytes: int


@dataclass(frozen=True)
class Array:
    """What is known of one array: ``facts`` are the files of its ``md`` directory, ``export`` is mdadm's."""

    device: BlockDevice
    facts: Mapping[str, str]
    export: Mapping[str, str]
    members: Tuple[Member, ...]
    partitioned: bool = False

    @property
    def host_and_name(self) -> Tuple[Optional[str], Optional[str]]:
        """Home host and name in the superblock; mdadm writes ``host:name``, or the name alone."""
        host, colon, name = self.export.get("MD_NAME", "").rpartition(":")
        return (host if colon else None), (name or None)


class Undescribed(ValueError):
    """An array that this version can't describe; the text says why."""


def layout_name(level: MdLevel, number: int) -> Optional[str]:
    """The layout as ``mdadm --detail`` names it; None where the level has none or the kernel does not say."""
    if level is MdLevel.RAID10:
        if number >> 17:
            raise Undescribed(f"layout {number:#x}")
        near, far = number & 0xFF, number >> 8 & 0xFF
        words = [f"near={near}"] if near > 1 else []
        if far > 1:
            words.append(f"{'offset' if number >> 16 & 1 else 'far'}={far}")
        return ", ".join(words) or "near=1"
    known = {MdLevel.RAID0: _RAID0, MdLevel.RAID5: _RAID5, MdLevel.RAID6: _RAID6}.get(level, {})
    if level in (MdLevel.RAID5, MdLevel.RAID6) and number not in known:
        raise Undescribed(f"layout {number}")
    return known.get(number)


def array_ids(arrays: Sequence[Array]) -> Mapping[str, str]:
    """Kernel name → section id. From the name in the superblock, with the uuid where that is not there or not unique:
    the kernel's numbers are not the same after every start."""
    names = [array.host_and_name[1] for array in arrays]
    found: Dict[str, str] = {}
    for array, name in zip(arrays, names):
        start = array.export.get("MD_UUID", array.device.kname)[:8]
        words = [name] if name else []
        if not name or names.count(name) > 1:
            words.append(start)
        found[array.device.kname] = "md_" + identifier("_".join(words))
    return found


def describe_array(array: Array, ident: str, carriers: Carriers) -> MdArray:
    """The array as a record. Raises :class:`Undescribed` for what can't be made again."""
    facts = array.facts
    _refuse(array)
    level = MdLevel(facts["level"])
    metadata = MdMetadata(facts["metadata_version"])
    seats: Dict[int, Member] = {}
    spares: List[Member] = []
    journal: Optional[Member] = None
    for member in array.members:
        if carriers.id_at(member.path) is None:
            raise Undescribed(f"its member {member.path} is not on a disk that is captured")
        if "faulty" in member.state:
            continue
        if member.slot == "journal":
            journal = member
        elif member.slot.isdigit():
            if int(member.slot) in seats:
                raise Undescribed(f"a member of slot {member.slot} is being replaced")
            seats[int(member.slot)] = member
        else:
            spares.append(member)
    spares.sort(key=lambda member: str(carriers.id_at(member.path)))
    slots = int(facts["raid_disks"])
    members = [seats[slot] for slot in sorted(seats)]
    everyone = [*members, *spares, *([journal] if journal else [])]
    chunk, component = int(facts["chunk_size"]), int(facts["component_size"]) * 1024
    internal = facts.get("bitmap/location", "none") not in ("none", "")
    host, name = array.host_and_name

    def refs(some: Sequence[Member]) -> Tuple[Ref, ...]:
        return tuple(Ref(str(carriers.id_at(member.path))) for member in some)

    return MdArray(
        id=ident, uuid=array.export["MD_UUID"].lower(), level=level, metadata=metadata, devices=slots,
        members=refs(members), size_bytes=array.device.size_bytes, name=name, homehost=host,
        missing=tuple(slot for slot in range(slots) if slot not in seats), spares=refs(spares),
        journal=refs([journal])[0] if journal else None, layout=layout_name(level, int(facts["layout"])),
        chunk_bytes=chunk or None, component_bytes=component or None,
        data_offsets=() if metadata is MdMetadata.V0_90 else tuple(member.offset_bytes for member in everyone),
        bitmap=Bitmap.INTERNAL if internal else Bitmap.NONE,
        bitmap_chunk_bytes=int(facts["bitmap/chunksize"]) if internal else None,
        write_mostly=refs([member for member in members if "write_mostly" in member.state]),
        failfast=refs([member for member in members if "failfast" in member.state]), device=array.device.kname)


def _refuse(array: Array) -> None:
    """Raise Undescribed for an array of a kind that is not made again, or one that is just being changed."""
    facts = array.facts
    version = facts.get("metadata_version", "none")
    if version.startswith("external:"):
        inside = version[len("external:"):]
        raise Undescribed("it lies in a container of firmware RAID" if inside[:1] in "/-"
                          else f"container of firmware RAID ({inside})")
    if version not in {kind.value for kind in MdMetadata}:
        raise Undescribed("an array without a superblock")
    if facts["array_state"] in ("clear", "inactive", "broken"):
        raise Undescribed("it is not running")
    if facts["level"] not in {level.value for level in MdLevel}:
        raise Undescribed(f"level {facts['level']}")
    if facts.get("reshape_position", "none") != "none":
        raise Undescribed("it is being reshaped; capture again when that is done")
    if facts.get("consistency_policy") == "ppl":
        raise Undescribed("a partial parity log")
    if facts.get("bitmap/location") == "file" or facts.get("bitmap/metadata") == "clustered":
        raise Undescribed("a bitmap in a file or of a cluster")
    if array.partitioned:
        raise Undescribed("a partition table on it")


def array_members(name: str) -> Tuple[Member, ...]:
    """The devices of an array, from sysfs, in the order of their names."""
    base = f"/sys/class/block/{name}/md"
    found = []
    for entry in look.entries(base):
        if entry.startswith("dev-"):
            facts = {key: look.text_or(f"{base}/{entry}/{key}").strip() for key in _MEMBER_KEYS}
            # sysfs writes ! for the / of names like cciss/c0d0
            found.append(Member(f"/dev/{entry[len('dev-'):].replace('!', '/')}", facts["slot"],
                                tuple(facts["state"].split(",")), int(facts["offset"] or 0) * _SECTOR))
    return tuple(found)


def parse_export(text: str) -> Mapping[str, str]:
    """``mdadm --detail --export``."""
    return dict(re.findall(r"^([A-Za-z0-9_]+)=(.*)$", text, re.MULTILINE))


def probe_array(device: BlockDevice, devices: Sequence[BlockDevice]) -> Array:
    """One array, as the kernel and mdadm show it. Raises CommandFailed or ToolMissing."""
    base = f"/sys/class/block/{device.kname}/md"
    facts = {key: look.text(f"{base}/{key}").strip() for key in ("level", "metadata_version")}
    for key in (*_ARRAY_KEYS, *_OPTIONAL_KEYS):
        text = look.text_or(f"{base}/{key}").strip()
        if text:
            facts[key] = text
    export = parse_export(look.run(["mdadm", "--detail", "--export", device.path], timeout=_SECONDS).stdout)
    return Array(device, facts, export, array_members(device.kname),
                 any(other.type == "part" and device.kname in other.parents for other in devices))


class MdLayer:
    """The arrays among the carriers."""

    def __init__(self) -> None:
        self._arrays: Optional[Tuple[Array, ...]] = None

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """See :class:`sif.capture.layers.Layer`. An array with no member among the carriers is somebody else's.

        When isolated, mdadm is not asked about those.
        """
        if self._arrays is None:
            ours = {one.kname for path in carriers.paths.values() if (base := around.device(path)) is not None
                    for one in around.above(base)} if around.isolate else None
            self._arrays = tuple(probe_array(device, around.devices) for device in around.devices
                                 if device.type != "part" and (ours is None or device.kname in ours)
                                 and look.is_dir(f"/sys/class/block/{device.kname}/md"))
        ids = array_ids(self._arrays)
        records: List[MdArray] = []
        opened: Dict[str, str] = {}
        taken = {carriers.id_at(member.path) for array in self._arrays for member in array.members}
        unsupported: List[str] = []
        explained: List[str] = []
        for array in self._arrays:
            if not any(carriers.id_at(member.path) for member in array.members):
                continue
            explained.append(array.device.kname)
            ident = ids[array.device.kname]
            try:
                records.append(describe_array(array, ident, carriers))
            except Undescribed as error:
                name = array.host_and_name[1] or array.device.kname
                unsupported.append(Unrestorable(f"array {name}: {error}", array.device.kname))
                continue
            opened[ident] = array.device.path
        return Layered(
            records=tuple(records), opened=opened, taken=frozenset(ident for ident in taken if ident),
            explained=frozenset(explained), unsupported=tuple(unsupported))

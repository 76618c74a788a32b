"""What survived on the present disks: found by a capture, by the file systems' own checks, and by comparing files.

Looked at are disks that stand alone: what lies on them lies on no other disk, or the others are looked at with them.
Arrays are assembled read-only for it, encrypted volumes opened where a passphrase is at hand, groups activated;
afterwards everything is taken down. No byte of a volume changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from rescue.hardware import Whole, Wholeness
from rescue.plan import DiskMatch, RestorePlan
from rescue.planner.layout import Layout, array_devices
from rescue.storage.bringup import bring_up_layer, in_order, node, read_only_arrays
from rescue.storage.disks import settle
from rescue.storage.mounts import Place, places
from rescue.storage.sampled import DEFAULT, differing, listed_at
from rescue.storage.site import Secrets, no_secrets
from rescue.storage.teardown import tear_down
from rescue.verify import planned_part, unexplained
from sif.capture.storage import Storage, adopt_names, probe_storage
from sif.catalog.entry import Entry
from sif.diff import diff
from sif.errors import LifeboatError
from sif.model import Btrfs, FileSystem, FsType, SystemInformation
from sif.run import run

_TIMEOUT = 3600.0
_EXT = ("e2fsck", "-f", "-n")
CHECKS: Mapping[FsType, Tuple[str, ...]] = {
    FsType.EXT2: _EXT, FsType.EXT3: _EXT, FsType.EXT4: _EXT, FsType.XFS: ("xfs_repair", "-n"),
    FsType.VFAT: ("fsck.fat", "-n"), FsType.NTFS: ("ntfsfix", "--no-action"), FsType.F2FS: ("fsck.f2fs", "--dry-run")}
"""The read-only check of each file system, which succeeds for a clean one only."""


def silent(_line: str) -> None:
    """For a look whose reasons nobody reads."""


@dataclass(frozen=True)
class Looking:
    """How closely is looked: ``entries`` of the set's catalogs, ``sample`` of them for each volume (None: all);
    ``secrets`` opens encrypted volumes; ``tell`` hears why something does not count as whole."""

    entries: Sequence[Entry] = ()
    sample: Optional[int] = DEFAULT
    secrets: Secrets = no_secrets
    tell: Callable[[str], None] = silent


def find_whole(saved: SystemInformation, plan: RestorePlan, looking: Looking = Looking()) -> Tuple[Whole, ...]:
    """Everything of the plan's disks that is there as saved. ``plan`` keeps nothing yet.

    A volume of which every listed file was compared, or that holds none, counts as verified. Where a look fails,
    nothing of those disks counts: what cannot be read is restored.
    """
    target, found = plan.target_of(saved), []
    for matches in components(Layout(target), plan):
        if all(any(need.disk == match.saved for need in plan.consents) for match in matches):
            found += _look(target, replace(plan, matches=matches), looking)
    return tuple(found)


def components(layout: Layout, plan: RestorePlan) -> Tuple[Tuple[DiskMatch, ...], ...]:
    """The plan's disks, those together that carry parts of one array, group or file system."""
    saved = layout.saved
    spread = [layout.under_vg(vg.id) for vg in saved.vgs]
    spread += [tuple(disk for device in devices for disk in layout.under(device)) for devices in (
        *(array_devices(array) for array in saved.arrays), *(layout.bcache_devices(one) for one in saved.bcaches),
        *(btrfs.devices for btrfs in saved.btrfs))]
    group: Dict[str, int] = {match.saved: place for place, match in enumerate(plan.matches)}
    for together in spread:
        places = {group[disk] for disk in together if disk in group}
        for disk, place in list(group.items()):
            group[disk] = min(places) if place in places else place
    return tuple(tuple(match for match in plan.matches if group[match.saved] == place)
                 for place in sorted(set(group.values())))


def _look(saved: SystemInformation, plan: RestorePlan, looking: Looking) -> List[Whole]:
    plan = replace(plan, kept=tuple(action.id for action in plan.actions))  # wanted is what was, not what is made
    part, names = planned_part(saved, plan), [match.name for match in plan.matches]
    if part.cachesets or part.bcaches:
        looking.tell(f"{', '.join(names)}: the kernel writes to a cache that it registers, so nobody looks")
        return []
    try:
        tear_down(names)
        with read_only_arrays():
            _bring_up(part, plan, looking)
        return _Facts(part, plan, _wrong(part, plan, looking), looking, mount_points(saved)).all()
    except LifeboatError as error:
        looking.tell(f"{', '.join(names)}: nothing there counts as whole: {error.what}")
        return []
    finally:
        tear_down(names)


def _bring_up(part: SystemInformation, plan: RestorePlan, looking: Looking) -> None:
    """Bring up what there is, as far as it goes: what stays down is not whole, and neither is what lies on it."""
    layout = Layout(part)
    for layer in in_order(part):
        try:
            bring_up_layer(part, plan, layout, layer, looking.secrets)
        except LifeboatError as error:
            looking.tell(f"{layer.id} does not come up, and what is on it cannot be kept: {error.what}")
    settle()


def _wrong(part: SystemInformation, plan: RestorePlan, looking: Looking) -> Set[Tuple[str, str]]:
    """Kind and id of everything that a capture finds different."""
    storage = probe_storage({match.saved: match.name for match in plan.matches}, isolate=True)
    found = adopt_names(storage, part).into(part)
    wrong = {(one.kind, one.id) for one in unexplained(diff(part, found, identity_only=True), replace(
        plan, adjustments=()))}
    for ident in broken_disks(storage, {match.saved: match.name for match in plan.matches}):
        looking.tell(f"{ident}: its partition table, or what is on it, cannot be told")
        wrong.add(("DISK", ident))
    return wrong


def broken_disks(storage: Storage, names: Mapping[str, str]) -> Tuple[str, ...]:
    """The disks (ids) of which something is not described that more than one volume depends on.

    What is wrong with a single partition or logical volume is that one's affair: it is not as saved. A table of which
    one copy is damaged is none to rely on.
    """
    single = {path for ident, path in storage.paths.items() if ident not in names}
    unsure = [text for text in storage.unsupported if not single.intersection(text.replace(":", " ").split())]
    return tuple(ident for ident, name in names.items()
                 if unsure or any(note.startswith(f"disk {name}: ") for note in storage.notes))


def mount_points(saved: SystemInformation) -> Tuple[str, ...]:
    """Where something of the machine is mounted: what lies below is not on the volume further out."""
    mounts = [*(fs.mount for fs in saved.filesystems), *(sub.mount for sub in saved.subvolumes),
              *(btrfs.mount for btrfs in saved.btrfs)]
    return tuple(mount for mount in mounts if mount and mount.startswith("/"))


class _Facts:
    """What of a part of the machine is there as saved, given what is wrong."""

    def __init__(self, part: SystemInformation, plan: RestorePlan, wrong: Set[Tuple[str, str]],
                 looking: Looking, mounts: Tuple[str, ...]) -> None:
        self.part, self.plan, self.wrong, self.looking, self.mounts = part, plan, wrong, looking, mounts
        self.layout, self.names = Layout(part), {match.saved: match.name for match in plan.matches}
        self.places = places(part, plan)
        self.found: List[Whole] = []

    def all(self) -> List[Whole]:
        part, wrong, layout = self.part, self.wrong, self.layout
        broken = {one.disk for one in part.partitions if ("PARTITION", one.id) in wrong}
        for disk in part.disks:
            if ("DISK", disk.id) not in wrong and disk.id not in broken and disk.table.value != "none":
                self._add(f"table:{disk.id}", (disk.id,))
        for array in (one for one in part.arrays if ("MD", one.id) not in wrong):
            self._add(f"md:{array.id}", layout.under(array.id))
        for luks in (one for one in part.luks if ("LUKS", one.id) not in wrong):
            self._add(f"luks:{luks.id}", layout.under(luks.device))
        for vg in (one for one in part.vgs if ("VG", one.id) not in wrong):
            inside = {("PV", pv) for pv in vg.pvs} | {("LV", lv.id) for lv in part.lvs if lv.vg == vg.id}
            if not inside & wrong:
                self._add(f"vg:{vg.id}", layout.under_vg(vg.id))
        for swap in (one for one in part.swaps if ("SWAP", one.id) not in wrong):
            self._add(f"swap:{swap.id}", layout.under(swap.device))
        for fs in part.filesystems:
            self._volume(f"fs:{fs.id}", layout.under(fs.device), self._state_of_fs(fs))
        for btrfs in part.btrfs:
            self._volume(f"btrfs:{btrfs.id}", layout.under_tree(btrfs.id), self._state_of_btrfs(btrfs))
        return self.found

    def _add(self, ident: str, under: Tuple[str, ...], state: Wholeness = Wholeness.CLEAN) -> None:
        self.found.append(Whole(ident, tuple(self.names[disk] for disk in under), state))

    def _volume(self, ident: str, under: Tuple[str, ...], state: "Wholeness | str") -> None:
        """A volume counts, or it is said why it does not."""
        if isinstance(state, Wholeness):
            self._add(ident, under, state)
        else:
            self.looking.tell(f"{ident} did not survive: {state}")

    def _state_of_fs(self, fs: FileSystem) -> "Wholeness | str":
        if ("FS", fs.id) in self.wrong:
            return "it is not there as it was saved"
        checked = run((*CHECKS[fs.type], node(self.part, self.plan, self.layout, fs.device)), timeout=_TIMEOUT,
                      check=False)
        return self._compared((fs.mount,)) if checked.ok else f"{CHECKS[fs.type][0]} does not call it clean"

    def _state_of_btrfs(self, btrfs: Btrfs) -> "Wholeness | str":
        inside = [sub for sub in self.part.subvolumes if sub.btrfs == btrfs.id]
        if ("BTRFS", btrfs.id) in self.wrong or any(("SUBVOLUME", sub.id) in self.wrong for sub in inside):
            return "it is not there as it was saved"
        device = node(self.part, self.plan, self.layout, btrfs.devices[0])
        if not run(("btrfs", "check", "--readonly", device), timeout=_TIMEOUT, check=False).ok:
            return "btrfs check does not call it clean"
        return self._compared((btrfs.mount, *(sub.mount for sub in inside)))

    def _compared(self, mounts: Sequence[Optional[str]]) -> "Wholeness | str":
        """Whether the files at those places are those of the catalog."""
        state, looking = Wholeness.VERIFIED, self.looking
        for place in (place for place in self.places if place.mount in mounts):
            listed = listed_at(looking.entries, place.mount, self.mounts, looking.sample, self.part.version.set_id)
            state = state if listed.all else Wholeness.CLEAN
            wrong = _differing(place, listed.compared)
            if wrong:
                return wrong
        return state


def _differing(place: Place, entries: Sequence[Entry]) -> str:
    try:
        return differing(place, entries)
    except (LifeboatError, OSError) as error:
        return f"its files cannot be compared: {error}"


__all__ = ["CHECKS", "Looking", "broken_disks", "components", "find_whole"]

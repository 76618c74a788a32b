"""The layer of btrfs: file systems over one or several carriers, with their subvolumes, limits and default."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture import btrfs_text as text
from sif.capture.btrfs_tree import ReadBlock, directory_path, is_nocow
from sif.capture.errors import Unrestorable
from sif.capture.layers import Carriers, Layered, Surroundings
from sif.capture.mountinfo import Mounted, read_mounts
from sif.capture.names import identifier
from sif.capture.signature import NotDescribed
from sif.errors import CommandFailed
from sif.model import Btrfs, Ref, Subvolume
from sif.plain import dataclass

_SECONDS = 120.0


@dataclass(frozen=True)
class BtrfsFacts:
    """One file system as records; ``notes`` for the administrator."""

    btrfs: Btrfs
    subvolumes: Tuple[Subvolume, ...]
    notes: Tuple[str, ...] = ()


class BtrfsLayer:
    """btrfs on any carriers; each file system is read once, when no more of its devices turn up."""

    def __init__(self) -> None:
        self._read: Dict[Tuple[str, ...], BtrfsFacts] = {}

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """Every btrfs with its subvolumes; what misses a device, or is laid out in an unknown way, is reported."""
        members: Dict[str, List[Tuple[str, str]]] = {}
        for ident, path in carriers.items():
            if look.exists(path) and around.signature(path).type == "btrfs":
                members.setdefault(around.signature(path).uuid, []).append((ident, path))
        facts: List[BtrfsFacts] = []
        unsupported: List[str] = []
        for uuid, found in members.items():
            word = around.signature(found[0][1]).label or uuid
            place = f"btrfs {word} on " + ", ".join(path for _, path in found)
            try:
                facts.append(self._facts(found))
            except NotDescribed as error:
                unsupported.append(Unrestorable(f"{place}: {error}", word))
        return Layered(
            records=(*(fact.btrfs for fact in facts), *(sub for fact in facts for sub in fact.subvolumes)),
            taken=frozenset(ident for found in members.values() for ident, _ in found),
            unsupported=tuple(unsupported), notes=tuple(note for fact in facts for note in fact.notes))

    def _facts(self, members: Sequence[Tuple[str, str]]) -> BtrfsFacts:
        key = tuple(path for _, path in members)
        if key not in self._read:
            self._read[key] = probe_btrfs(members)
        return self._read[key]


def probe_btrfs(members: Sequence[Tuple[str, str]]) -> BtrfsFacts:
    """The file system on those carriers (id, device path), from its mount if it is mounted, else from its trees.

    Raises NotDescribed for one that can't be made again, or of which a device is not among them.
    """
    supers = sorted(((text.parse_super(_btrfs("inspect-internal", "dump-super", "--full", path)), ident, path)
                     for ident, path in members), key=lambda found: found[0].device_number)
    first, ident, path = supers[0]
    if first.devices != len(supers):
        raise NotDescribed(f"{len(supers)} of its {first.devices} devices are here")
    real = {look.real(device) for _, device in members}
    mounts = tuple(mount for mount in read_mounts() if mount.type == "btrfs" and look.real(mount.source) in real)
    state = _mounted(mounts) if mounts else _unmounted(path)
    btrfs_id = f"btrfs_{ident}"
    paths = {root.number: root.path for root in state.roots}
    subvolumes = _subvolumes(btrfs_id, ident, state)
    profiles = state.profiles
    mixed = "mixed-bg" in first.features
    fallback = Btrfs(id=btrfs_id, devices=(), uuid="")
    return BtrfsFacts(
        Btrfs(
            id=btrfs_id, devices=tuple(Ref(device) for _, device, _ in supers), uuid=first.uuid.lower(),
            label=first.label or None, data=profiles.get("data", fallback.data),
            metadata=profiles.get("metadata", fallback.metadata), system=profiles.get("system", fallback.system),
            mixed=mixed, sector_size=first.sector_size, node_size=first.node_size, checksum=first.checksum,
            features=first.features, quotas=state.quotas,
            default=next((Ref(sub.id) for sub in subvolumes if sub.number == state.default), None),
            qgroups=text.limits_as_words(state.limits, {text.TOP_LEVEL: "", **paths}),
            device_bytes=tuple(found.device_bytes for found, _, _ in supers), used_bytes=first.used_bytes),
        subvolumes, _snapshot_notes(first.label or first.uuid, state.roots))


def _btrfs(*words: str) -> str:
    return look.run(["btrfs", *words], timeout=_SECONDS).stdout


@dataclass(frozen=True)
class _State:
    """What is inside the file system, however it was read."""

    roots: Tuple[text.Root, ...]
    nocow: Tuple[int, ...]
    default: int
    profiles: text.Profiles
    quotas: bool
    limits: text.Limits


def _mounted(mounts: Sequence[Mounted]) -> _State:
    at = mounts[0].at
    words = ("subvolume", "list", "-a", "-u", "-q")
    roots = text.parse_list(_btrfs(*words, at), _btrfs(*words, "-r", at))
    default = _btrfs("subvolume", "get-default", at).split()
    quotas = look.run(["btrfs", "qgroup", "show", "-re", "--raw", at], timeout=_SECONDS, check=False)
    return _State(
        roots=roots, nocow=tuple(root.number for root in roots if _has_attribute_c(root.path, mounts)),
        default=int(default[1]) if len(default) > 1 and default[1].isdigit() else text.TOP_LEVEL,
        profiles=text.parse_usage(_btrfs("filesystem", "usage", "--raw", at)), quotas=quotas.ok,
        limits=text.parse_qgroups(quotas.stdout) if quotas.ok else {})


def _has_attribute_c(path: str, mounts: Sequence[Mounted]) -> bool:
    """The attribute C of a subvolume's directory, as far as a mount shows it."""
    for mount in mounts:
        inside = mount.inside.strip("/")
        if path == inside or not inside or path.startswith(inside + "/"):
            below = path[len(inside):].strip("/")
            shown = look.run(["lsattr", "-d", f"{mount.at.rstrip('/')}/{below}"], timeout=_SECONDS, check=False)
            return shown.ok and "C" in shown.stdout.split(" ", 1)[0]
    return False


def _unmounted(path: str) -> _State:
    def read(block: int) -> str:
        return _btrfs("inspect-internal", "dump-tree", "-b", str(block), path)

    try:
        tree = text.parse_root_tree(_btrfs("inspect-internal", "dump-tree", "-t", "root", path))
        roots = _roots(tree, read)
        return _State(
            roots=roots, default=tree.default, quotas=tree.quotas,
            nocow=tuple(root.number for root in roots if is_nocow(read, tree.trees[root.number].block)),
            profiles=text.parse_chunks(_btrfs("inspect-internal", "dump-tree", "-t", "chunk", path)),
            limits=text.parse_quota_tree(_btrfs("inspect-internal", "dump-tree", "-t", "quota", path))
            if tree.quotas else {})
    except CommandFailed as error:
        raise NotDescribed(f"its trees can't be read: {error.found}") from error


def _roots(tree: text.RootTree, read: ReadBlock) -> Tuple[text.Root, ...]:
    """The subvolumes with their whole paths, parents before children."""
    paths: Dict[int, Optional[str]] = {text.TOP_LEVEL: ""}

    def path_of(number: int) -> Optional[str]:
        if number not in paths:
            paths[number] = None  # a subvolume inside itself has no path
            parent, directory, name = tree.place[number]
            above = path_of(parent) if parent in tree.place or parent == text.TOP_LEVEL else None
            inner = directory_path(read, tree.trees[parent].block, directory) if above is not None else None
            if above is not None and inner is not None:
                paths[number] = "/".join(piece for piece in (above, inner, name) if piece)
        return paths[number]

    found = []
    for number in sorted(tree.place):
        path = path_of(number)
        if path is not None:
            root = tree.trees[number]
            found.append(text.Root(number, path, root.readonly, root.uuid, root.origin))
    return tuple(found)


def _subvolumes(btrfs_id: str, first_device: str, state: _State) -> Tuple[Subvolume, ...]:
    used: Dict[str, int] = {}
    found = []
    for root in state.roots:
        ident = f"sv_{first_device}_{identifier(root.path)}"
        used[ident.lower()] = used.get(ident.lower(), 0) + 1
        if used[ident.lower()] > 1:
            ident = f"{ident}.{root.number}"
        found.append(Subvolume(id=ident, btrfs=Ref(btrfs_id), path=root.path, number=root.number,
                               readonly=root.readonly, nocow=root.number in state.nocow, content="none"))
    return tuple(found)


def _snapshot_notes(name: str, roots: Sequence[text.Root]) -> Tuple[str, ...]:
    by_uuid: Mapping[Optional[str], text.Root] = {root.uuid: root for root in roots}
    return tuple(
        f"btrfs {name}: subvolume {root.path} is a snapshot of {by_uuid[root.origin].path}; it is made again as an "
        "ordinary subvolume" for root in roots if root.origin is not None and root.origin in by_uuid)

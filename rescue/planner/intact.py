"""Pass: what survived and is kept. Its actions are not done, and programs that would restore nothing else are not run.

Whether a volume is whole is found out before the plan is made (:class:`rescue.hardware.Whole`); here it is decided
whether it can stay: its place must be the planned one, and everything below it must stay too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, FrozenSet, List, Set, Tuple

from rescue.hardware import Whole, Wholeness
from rescue.plan import Action, ActionKind, Adjustment, disks_under
from rescue.planner.draft import Draft
from rescue.planner.encrypted import KEYSLOTS
from rescue.planner.errors import Reason
from rescue.planner.words import human
from sif.model import Intact, SystemInformation, TableType

CODE = "command-intact"

VOLUMES = (ActionKind.MAKE_FS, ActionKind.MAKE_BTRFS)
_RECORD = {"partition": "PARTITION", "md": "MD", "cacheset": "CACHESET", "bcache": "BCACHE", "luks": "LUKS",
           "pv": "PV", "vg": "VG", "lv": "LV", "btrfs": "BTRFS",
           "fs": "FS", "swap": "SWAP", "table": "DISK", "wipe": "DISK"}
_FOLLOWS = ("partition", "lv", "pv")
"""These are there when what they need is: the table, the group."""


def keep_intact(draft: Draft) -> Draft:
    """Keep what is whole, as the policy says; refuse where nobody has looked and something would be lost."""
    level = (draft.policy.intact or draft.saved.policy.intact)
    if level is Intact.REBUILD or draft.reasons:
        return draft
    if draft.hardware.whole is None:
        return draft.refuse(_not_looked(draft, level))
    kept = _on_marked_disks(draft, kept_actions(draft, level))
    volumes = frozenset(action.subject for action in draft.actions if action.id in kept and action.kind in VOLUMES)
    target, adjustments = _without_commands(draft.target, volumes)
    return replace(draft, kept=tuple(action.id for action in draft.actions if action.id in kept),
                   planned=target if target is not draft.saved else None,
                   adjustments=tuple(one for one in draft.adjustments if not (
                       one.code == KEYSLOTS and f"luks:{one.subject}" in kept)) + adjustments)


def kept_actions(draft: Draft, level: Intact) -> Set[str]:
    """The actions that are not done: those that make whole volumes, and what is below these."""
    whole = {fact.id: fact for fact in draft.hardware.whole or ()}
    paths = {placement.saved.id: placement.present.name for placement in draft.placements}
    changed = _changed(draft)
    under = disks_under(draft.actions)
    # A disk need not be wiped when something on it is as saved: what else that needs is asked for by itself.
    held = frozenset().union(*(under[action.id] for action in draft.actions if action.id in whole))
    there: Set[str] = set()
    for action in draft.actions:  # each comes after what it needs
        kind, _, ident = action.id.partition(":")
        follows = kind in _FOLLOWS and bool(action.needs)
        fact = whole.get(action.id)
        # Where it was found must be where the plan puts it: disks may have changed places.
        known = fact is not None and set(fact.disks) == {paths[disk] for disk in under[action.id]} and _enough(
            fact, action, level)
        if (_RECORD.get(kind, ""), ident) not in changed and there.issuperset(action.needs) and (
                (known and not _made_by_us(draft, action, under[action.id])) or follows
                or (action.kind is ActionKind.WIPE_DISK and action.disk in held)):
            there.add(action.id)
    needs: Dict[str, Tuple[str, ...]] = {action.id: action.needs for action in draft.actions}
    kept: Set[str] = set()
    waiting = [action.id for action in draft.actions if action.id in there and action.kind in VOLUMES]
    while waiting:
        ident = waiting.pop()
        if ident not in kept:
            kept.add(ident)
            waiting += needs[ident]
    return kept | _swap_beside(draft.actions, there, kept)


def _swap_beside(actions: Tuple[Action, ...], there: Set[str], kept: Set[str]) -> Set[str]:
    """Swap areas that are there, and what is under them, in tables and groups that stay: nothing has to be written."""
    found: Set[str] = set()
    needs = {action.id: action.needs for action in actions}
    for swap in (action.id for action in actions if action.kind is ActionKind.MAKE_SWAP and action.id in there):
        under, waiting = {swap}, list(needs[swap])
        while waiting:
            under.add(ident := waiting.pop())
            waiting += needs[ident]
        if all(ident in kept or ident == swap or ident.startswith(("partition:", "lv:")) for ident in under):
            found |= under
    return found


def _made_by_us(draft: Draft, action: Action, under: FrozenSet[str]) -> bool:
    """Whether a volume may be one that an interrupted run of this restore has made, and not filled yet.

    It looks whole, but holds nothing. Only of what that run's mark says that it kept it is known that it survived.
    """
    return action.kind in VOLUMES and any(
        placement.present.begun and action.id not in placement.present.keeping
        for placement in draft.placements if placement.saved.id in under)


def _on_marked_disks(draft: Draft, kept: Set[str]) -> Set[str]:
    """What is kept without that which lies on a disk without a partition table where something else is made.

    There is no room on it for the mark that says so, should the rebuild be cut off.
    """
    under = disks_under(draft.actions)
    bare = {placement.saved.id for placement in draft.placements if placement.saved.table is TableType.NONE}
    while True:
        written: FrozenSet[str] = frozenset().union(*(under[a.id] for a in draft.actions if a.id not in kept)) & bare
        left = {ident for ident in kept if not under[ident] & written}
        if left == kept:
            return kept
        kept = left


def _enough(fact: Whole, action: Action, level: Intact) -> bool:
    """Whether as much was looked at as the policy wants; of what carries volumes, that it is as saved."""
    if action.kind not in VOLUMES:
        return True
    return fact.found is Wholeness.VERIFIED or (level is Intact.KEEP and fact.found is Wholeness.CLEAN)


def _changed(draft: Draft) -> FrozenSet[Tuple[str, str]]:
    """The records that are not planned as they were saved."""
    if draft.planned is None:
        return frozenset()
    before = {(record.KIND, str(getattr(record, "id", ""))): record for record in draft.saved.records()}
    after = {(record.KIND, str(getattr(record, "id", ""))): record for record in draft.planned.records()}
    return frozenset(place for place in {*before, *after} if before.get(place) != after.get(place))


def _not_looked(draft: Draft, level: Intact) -> List[Reason]:
    return [Reason("intact", placement.saved.id, f"the policy is intact = {level.value}, {placement.present.name} "
                   f"holds {'; '.join(placement.present.signatures)}, and nobody has looked whether that is whole",
                   "set intact = rebuild, or wipe the disk yourself")
            for placement in draft.placements if not (placement.present.blank or placement.present.begun)]


def _without_commands(target: SystemInformation,
                      volumes: FrozenSet[str]) -> Tuple[SystemInformation, Tuple[Adjustment, ...]]:
    """The machine without the programs that restore kept volumes only."""
    subvolumes = {sub.id for sub in target.subvolumes if sub.btrfs in volumes}
    there = volumes | subvolumes
    skipped = [command for command in target.commands if command.volumes and set(command.volumes) <= there]
    if not skipped:
        return target, ()
    used = {fs.id: fs.used_bytes or 0 for fs in target.filesystems}
    used.update((btrfs.id, btrfs.used_bytes or 0) for btrfs in target.btrfs)
    found = tuple(Adjustment(
        CODE, command.id, "there", "left out", "all its volumes are whole: " + ", ".join(command.volumes),
        f"`{command.title}` is not run; {human(sum(used.get(volume, 0) for volume in command.volumes))} need not be "
        "restored") for command in skipped)
    return replace(target, commands=tuple(c for c in target.commands if c not in skipped)), found

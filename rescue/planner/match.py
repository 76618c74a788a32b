"""Pass: which present disk takes the place of which saved one.

Rules in order: the recorded disk itself (WWN or serial number), the operator's map, the same slot and size, the only
disk that fits by size. Where two answers fit, the planner asks instead of guessing. A slot says little about a disk
that holds somebody else's data: a blank one elsewhere comes before it. A saved disk that no present one
can take the place of is homeless: the next pass looks whether its volumes have room elsewhere.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Tuple

from rescue.hardware import PresentDisk
from rescue.plan import Rejection
from rescue.planner.draft import Draft, Homeless, Placement, Twin
from rescue.planner.elastic import Rank, disk_ranks
from rescue.planner.errors import Question, Reason
from rescue.planner.fit import least_bytes
from rescue.planner.identity import identity, plain_wwn as plain_wwn
from rescue.planner.policy import DiskChoice
from rescue.planner.sketch import Sketch
from rescue.planner.words import exact, human, present_disk, saved_disk
from sif.model import Disk, DiskRole, TableType

MAP_SYNTAX = "name the disk with --map {saved}=NAME"
NOWHERE = "none"
"""What the operator's map says of a saved disk that shall not be restored."""


def match_disks(draft: Draft) -> Draft:
    """Place every critical disk, or say for each one why not and what could be answered."""
    board = _Board(draft)
    for rule in (_by_identity, _by_map, _by_slot, _by_size):
        rule(board)
    _explain_unplaced(board)
    order = {disk.id: place for place, disk in enumerate(draft.saved.disks)}
    placements = tuple(sorted(board.placed.values(), key=lambda p: order[p.saved.id]))
    homeless = tuple(sorted(board.homeless.values(), key=lambda h: order[h.saved.id]))
    return replace(draft, placements=placements, homeless=homeless, twins=tuple(board.twins),
                   rejections=_rejections(board),
                   questions=draft.questions + tuple(board.questions)).refuse(board.reasons)


class _Board:
    """The state of one matching: what is placed, what is still free, what went wrong."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.placed: Dict[str, Placement] = {}
        self._taken: Dict[str, str] = {}
        self.twins: List[Twin] = []
        self.closed: Dict[str, str] = {}
        self.given_up: Dict[str, str] = {}
        self.homeless: Dict[str, Homeless] = {}
        self.sketch = Sketch(draft.saved)
        self.ranks = disk_ranks(self.sketch)
        self._least: Dict[str, int] = {}
        self.reasons: List[Reason] = []
        self.questions: List[Question] = []
        for disk in draft.hardware.disks:
            if why := _never(disk, draft):
                self.closed[disk.name] = why

    def waiting(self) -> Tuple[Disk, ...]:
        """Saved disks without a place that are not given up."""
        return tuple(d for d in self.draft.critical() if d.id not in self.placed and d.id not in self.given_up
                     and d.id not in self.homeless)

    def least(self, saved: Disk) -> int:
        """The smallest present disk that could hold what lies on the saved one, its volumes made smaller.

        Of a disk of the system: without data volumes. A disk with data alone has other ways: see Homeless.
        """
        if saved.id not in self._least:
            vital = self.ranks.get(saved.id, Rank.FREE) > Rank.DATA
            self._least[saved.id] = least_bytes(self.sketch, saved.id, without_data=vital)
        return self._least[saved.id]

    def misfit(self, saved: Disk, present: PresentDisk) -> Optional[Tuple[str, str]]:
        """Why the saved disk's layout cannot go to the present disk, not even made smaller: code and text."""
        if present.size_bytes >= saved.size_bytes or present.size_bytes >= self.least(saved):
            return None
        return ("too-small", f"{present.name} has {exact(present.size_bytes)}, {saved.id} needs at least "
                             f"{exact(self.least(saved))}")

    def taken(self, name: str) -> Optional[str]:
        """The saved disk that a present one was given to."""
        return self._taken.get(name)

    def free(self) -> Tuple[PresentDisk, ...]:
        """Present disks that may still be used."""
        return tuple(d for d in self.draft.hardware.disks if d.name not in self.closed and not self.taken(d.name))

    def place(self, saved: Disk, present: PresentDisk, evidence: str) -> None:
        same = identity(saved, present) is not None and saved.size_bytes == present.size_bytes
        self.placed[saved.id] = Placement(saved, present, evidence, same)
        self._taken[present.name] = saved.id

    def give_up(self, saved: Disk, code: str, text: str, hint: Optional[str] = None) -> None:
        """No further rule tries this saved disk."""
        self.given_up[saved.id] = code
        self.reasons.append(Reason(code, saved.id, text, hint))

    def place_twin(self, saved: Disk, present: PresentDisk, evidence: str) -> None:
        self.twins.append(Twin(saved.id, present, evidence))
        self._taken[present.name] = saved.id

    def leave_out(self, saved: Disk) -> None:
        """The operator does not want it restored: its own disk, if it is there, keeps what it holds."""
        placement = self.placed.pop(saved.id, None)
        if placement is not None:
            del self._taken[placement.present.name]
            self.closed[placement.present.name] = f"the disk map leaves {saved.id} out, and it is {placement.evidence}"

    def ask(self, saved: Disk, candidates: Tuple[PresentDisk, ...], why: str) -> None:
        """Leave the choice to the operator."""
        names = tuple(d.name for d in candidates)
        self.give_up(saved, "disk-tie", f"{why}: " + ", ".join(present_disk(d) for d in candidates))
        self.questions.append(Question(saved.id, f"Which disk takes the place of {saved_disk(saved)}?", names))


def _never(disk: PresentDisk, draft: Draft) -> Optional[str]:
    """Why the disk can never be a target, or None."""
    if disk.excluded:
        return disk.excluded
    if disk.read_only:
        return "it is read-only"
    for saved in draft.saved.disks:
        if saved.role is DiskRole.CRITICAL:
            continue
        evidence = identity(saved, disk)
        if not evidence and not (saved.wwn or saved.serial) and saved.size_bytes == disk.size_bytes \
                and saved.by_path and saved.by_path == disk.by_path:
            evidence = f"same slot and size as recorded, {saved.by_path}"
        if evidence:
            return f"the SIF names it as {saved.id}, a disk with role {saved.role.value} ({evidence})"
    return None


def _by_identity(board: _Board) -> None:
    for saved in board.waiting():
        known = [(d, e) for d in board.draft.hardware.disks if (e := identity(saved, d))]
        open_ones = [(d, e) for d, e in known if d.name not in board.closed]
        if not known:
            continue
        if not open_ones:
            disk = known[0][0]
            board.give_up(saved, "disk-excluded", f"{disk.name} is {known[0][1]}, but {board.closed[disk.name]}",
                          "take the medium and stores off the machine's own disks, or correct the SIF")
        elif len(open_ones) > 1:
            board.give_up(saved, "identity-tie", f"{', '.join(d.name for d, _ in open_ones)} all carry the serial "
                          "number or WWN of this disk", "disconnect all but one of them")
        elif misfit := board.misfit(saved, open_ones[0][0]):
            board.give_up(saved, misfit[0], f"{misfit[1]} (it is {open_ones[0][1]})",
                          "undo the change of the disk's size, or name another disk")
        elif holder := board.taken(open_ones[0][0].name):
            board.give_up(saved, "identity-tie", f"{open_ones[0][0].name} is already recognised as {holder}")
        else:
            board.place(saved, *open_ones[0])


def _names(disk: PresentDisk) -> Tuple[str, ...]:
    """Every word an operator may use for a present disk."""
    return tuple(word for word in (disk.name, disk.path, disk.serial, disk.wwn, disk.by_path) if word)


def _by_map(board: _Board) -> None:
    critical = {disk.id: disk for disk in board.draft.critical()}
    for choice in board.draft.policy.disk_map:
        hint = "correct the disk map"
        saved = critical.get(choice.saved)
        if saved is None:
            board.reasons.append(Reason("map-unknown", choice.saved, "the disk map names a saved disk that is not "
                                        f"rebuilt; these are: {', '.join(critical) or 'none'}", hint))
            continue
        if choice.present == NOWHERE:
            board.leave_out(saved)
            board.homeless[saved.id] = Homeless(saved, Reason("map-none", saved.id, "the disk map leaves it out"),
                                                dropped=True)
            continue
        if "+" in choice.present:
            _by_pair(board, saved, choice)
            continue
        found = [disk for disk in board.draft.hardware.disks if choice.present in _names(disk)]
        if len(found) != 1:
            known = ", ".join(disk.name for disk in board.draft.hardware.disks) or "none"
            board.give_up(saved, "map-unknown", f"the disk map sends it to {choice.present}, which "
                          f"{'several disks answer to' if found else 'is not there'}; present: {known}", hint)
            continue
        disk, current = found[0], board.placed.get(saved.id)
        holder = board.taken(disk.name)
        if current and current.present.name == disk.name:
            continue
        if current:
            board.give_up(saved, "map-conflict", f"the disk map sends it to {disk.name}, but {current.present.name} "
                          f"is {current.evidence}", f"disconnect {current.present.name} or take the entry out")
        elif saved.id in board.given_up:
            continue
        elif disk.name in board.closed:
            board.give_up(saved, "disk-excluded", f"the disk map sends it to {disk.name}, but "
                          f"{board.closed[disk.name]}", hint)
        elif holder:
            board.homeless[saved.id] = Homeless(saved, Reason(
                "no-room", saved.id, f"the disk map sends it to {disk.name}, beside {holder}", hint), host=holder)
        elif misfit := board.misfit(saved, disk):
            board.give_up(saved, misfit[0], misfit[1], hint)
        else:
            board.place(saved, disk, f"the operator's map ({choice.saved}={choice.present})")


def _by_pair(board: _Board, saved: Disk, choice: DiskChoice) -> None:
    """Both of the disks that the map names, as two halves of a mirror."""
    words = choice.present.split("+")
    found = [[disk for disk in board.draft.hardware.disks if word in _names(disk)] for word in words]
    pair = [disks[0] for disks in found if len(disks) == 1]
    wrong = [disk for disk in pair if disk.name in board.closed or board.taken(disk.name) or board.misfit(saved, disk)]
    if len(pair) != 2 or len(words) != 2 or pair[0] is pair[1] or wrong or saved.id in board.placed:
        board.give_up(saved, "map-conflict", f"the disk map sends it to {choice.present}: these are not two free disks "
                      "that are large enough", "name two present disks, as in --map d0=sda+sdb")
        return
    if saved.table is TableType.NONE:
        board.give_up(saved, "map-conflict", "it has no partition table: it cannot become a mirror",
                      "send it to one disk")
        return
    board.place(saved, pair[0], f"the operator's map ({choice.saved}={choice.present})")
    board.place_twin(saved, pair[1], f"the operator's map ({choice.saved}={choice.present})")


def _by_slot(board: _Board) -> None:
    for saved in board.waiting():
        here = [d for d in board.free() if _in_slot(saved, d) and d.size_bytes == saved.size_bytes]
        if len(here) == 1 and not _strangers(board, saved, here[0]):
            board.place(saved, here[0], f"same slot and size, {saved.by_path}")


def _in_slot(saved: Disk, disk: PresentDisk) -> bool:
    return saved.by_path is not None and disk.by_path == saved.by_path


def _strangers(board: _Board, saved: Disk, disk: PresentDisk) -> bool:
    """Whether the disk, not known by its serial number, holds something while a blank one would fit."""
    return not (disk.blank or disk.begun) and any(other.blank for other in _fits(board, saved))


def _stand_in(board: _Board, saved: Disk, disk: PresentDisk) -> bool:
    """Whether the disk may take the place without being named: plugged-in USB disks only for USB disks."""
    return not board.misfit(saved, disk) and not disk.removable and (disk.bus != "usb" or saved.bus == "usb")


def _tier(saved: Disk, disk: PresentDisk) -> int:
    """The better the fit, the lower: blank before used, then large enough, then the same sectors, then exact."""
    return (0 if disk.blank else 8) + (4 if disk.size_bytes < saved.size_bytes else 0) \
        + (0 if disk.logical_sector == saved.logical_sector else 2) + (0 if disk.size_bytes == saved.size_bytes else 1)


def _fits(board: _Board, saved: Disk) -> Tuple[PresentDisk, ...]:
    return tuple(d for d in board.free() if _stand_in(board, saved, d))


def _best(board: _Board, saved: Disk) -> Tuple[int, Tuple[PresentDisk, ...]]:
    fits = _fits(board, saved)
    best = min((_tier(saved, d) for d in fits), default=99)
    equal = tuple(d for d in fits if _tier(saved, d) == best)
    return best, tuple(d for d in equal if _in_slot(saved, d)) or equal


def _by_size(board: _Board) -> None:
    """Give each disk the one that fits best while that is unambiguous; then ask about what is left."""
    while True:
        waiting = board.waiting()
        best = {saved.id: _best(board, saved) for saved in waiting}
        offers = [(best[saved.id][0], saved, best[saved.id][1][0]) for saved in waiting
                  if len(best[saved.id][1]) == 1]
        clear = [(tier, saved, disk) for tier, saved, disk in offers
                 if not any(other.id != saved.id and best[other.id][0] <= tier and disk in best[other.id][1]
                            for other in waiting)]
        scarce = len({d.name for saved in waiting for d in _fits(board, saved)}) < len(waiting)
        rivals = len({d.name for _, fits in best.values() for d in fits}) < len(waiting)
        if scarce or (rivals and not clear):
            # Not every saved disk can have one of its own, or the one that suits it: those that matter most come first.
            first = min((saved for saved in waiting if best[saved.id][1]), default=None,
                        key=lambda saved: (-board.ranks.get(saved.id, Rank.FREE), -saved.size_bytes))
            clear = [offer for offer in offers if offer[1] is first]
        if not clear:
            # The only disk that fits one saved disk best, and all others that it would suit have another as good.
            clear = [offer for offer in offers
                     if all(other is offer[1] or offer[2] not in best[other.id][1] or len(best[other.id][1]) > 1
                            for other in waiting)]
        if not clear:
            break
        tier, saved, disk = min(clear, key=lambda offer: offer[0])
        kind = "exact" if disk.size_bytes == saved.size_bytes else \
            "larger" if disk.size_bytes > saved.size_bytes else "smaller but sufficient"
        board.place(saved, disk, f"same slot {saved.by_path}, {kind} size" if _in_slot(saved, disk)
                    else f"the only {'blank ' if disk.blank else ''}disk that fits ({kind} size)")
    for saved in board.waiting():
        fits = best[saved.id][1]
        if len(fits) > 1:
            board.ask(saved, fits, "several disks fit equally well")
        elif fits:
            board.ask(saved, fits, "it competes with another saved disk for the same present disk")


def _explain_unplaced(board: _Board) -> None:
    for saved in board.waiting():
        causes = []
        for disk in board.draft.hardware.disks:
            holder = board.taken(disk.name)
            misfit = board.misfit(saved, disk)
            causes.append(f"{disk.name}: {board.closed[disk.name]}" if disk.name in board.closed
                          else misfit[1] if misfit
                          else f"{disk.name}: it is for {holder}" if holder
                          else f"{disk.name}: removable or USB, only by --map")
        codes = {m[0] for d in board.draft.hardware.disks
                 if d.name not in board.closed and (m := board.misfit(saved, d))}
        code = codes.pop() if len(codes) == 1 else "no-candidate"
        board.homeless[saved.id] = Homeless(saved, Reason(
            code, saved.id, f"no disk can take the place of {saved_disk(saved)}: "
            + ("; ".join(causes) or "no disk is present"),
            f"connect a disk of at least {exact(saved.size_bytes)}, or " + MAP_SYNTAX.format(saved=saved.id)))


def _rejections(board: _Board) -> Tuple[Rejection, ...]:
    """Every present disk that is not used, with the reason."""
    critical = board.draft.critical()
    found = []
    for disk in board.draft.hardware.disks:
        if board.taken(disk.name):
            continue
        misfits = [m for saved in critical if (m := board.misfit(saved, disk))]
        reason = board.closed.get(disk.name)
        if reason is None and critical and len(misfits) == len(critical):
            reason = "; ".join(text for _, text in misfits)
        if reason is None and (disk.removable or disk.bus == "usb"):
            reason = "a removable or USB disk is used only when the disk map names it"
        found.append(Rejection(disk.name, disk.path, reason or
                               f"not needed: no saved disk belongs here ({human(disk.size_bytes)})"))
    return tuple(found)

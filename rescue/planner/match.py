"""Pass: which present disk takes the place of which saved one.

Rules in order: the recorded disk itself (WWN or serial number), the operator's map, the same slot, the only
disk that fits by size. Where two answers fit, the planner asks instead of guessing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Tuple

from rescue.hardware import PresentDisk
from rescue.plan import Rejection
from rescue.planner.draft import Draft, Placement
from rescue.planner.errors import Question, Reason
from rescue.planner.words import exact, human, present_disk, saved_disk
from sif.model import Disk, DiskRole

MAP_SYNTAX = "name the disk with --map {saved}=NAME"


def match_disks(draft: Draft) -> Draft:
    """Place every critical disk, or say for each one why not and what could be answered."""
    board = _Board(draft)
    for rule in (_by_identity, _by_map, _by_slot, _by_size):
        rule(board)
    _explain_unplaced(board)
    order = {disk.id: place for place, disk in enumerate(draft.saved.disks)}
    placements = tuple(sorted(board.placed.values(), key=lambda p: order[p.saved.id]))
    return replace(draft, placements=placements, rejections=_rejections(board),
                   questions=draft.questions + tuple(board.questions)).refuse(board.reasons)


class _Board:
    """The state of one matching: what is placed, what is still free, what went wrong."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.placed: Dict[str, Placement] = {}
        self.closed: Dict[str, str] = {}
        self.given_up: Dict[str, str] = {}
        self.reasons: List[Reason] = []
        self.questions: List[Question] = []
        for disk in draft.hardware.disks:
            if why := _never(disk, draft):
                self.closed[disk.name] = why

    def waiting(self) -> Tuple[Disk, ...]:
        """Saved disks without a place that are not given up."""
        return tuple(d for d in self.draft.critical() if d.id not in self.placed and d.id not in self.given_up)

    def taken(self, name: str) -> Optional[str]:
        """The saved disk that a present one was given to."""
        return next((p.saved.id for p in self.placed.values() if p.present.name == name), None)

    def free(self) -> Tuple[PresentDisk, ...]:
        """Present disks that may still be used."""
        return tuple(d for d in self.draft.hardware.disks if d.name not in self.closed and not self.taken(d.name))

    def place(self, saved: Disk, present: PresentDisk, evidence: str) -> None:
        same = _identity(saved, present) is not None and saved.size_bytes == present.size_bytes
        self.placed[saved.id] = Placement(saved, present, evidence, same)

    def give_up(self, saved: Disk, code: str, text: str, hint: Optional[str] = None) -> None:
        """No further rule tries this saved disk."""
        self.given_up[saved.id] = code
        self.reasons.append(Reason(code, saved.id, text, hint))

    def ask(self, saved: Disk, candidates: Tuple[PresentDisk, ...], why: str) -> None:
        """Leave the choice to the operator."""
        names = tuple(d.name for d in candidates)
        self.give_up(saved, "disk-tie", f"{why}: " + ", ".join(present_disk(d) for d in candidates))
        self.questions.append(Question(saved.id, f"Which disk takes the place of {saved_disk(saved)}?", names))


def plain_wwn(wwn: Optional[str]) -> str:
    """A WWN without the prefix that tools differ about."""
    text = (wwn or "").strip().lower()
    for prefix in ("wwn-", "0x", "naa."):
        text = text[len(prefix):] if text.startswith(prefix) else text
    return text


def _identity(saved: Disk, present: PresentDisk) -> Optional[str]:
    """How the present disk is known to be the saved one itself, or None."""
    if plain_wwn(saved.wwn) and plain_wwn(saved.wwn) == plain_wwn(present.wwn):
        return f"the recorded disk itself (WWN {saved.wwn})"
    serial = (saved.serial or "").strip()
    if serial and serial == (present.serial or "").strip():
        return f"the recorded disk itself (serial {serial})"
    return None


def _misfit(saved: Disk, present: PresentDisk) -> Optional[Tuple[str, str]]:
    """Why the saved disk's layout cannot go to the present disk as it is: code and text."""
    if present.logical_sector != saved.logical_sector:
        return ("sector-size", f"{present.name} has sectors of {present.logical_sector} bytes, {saved.id} had "
                               f"{saved.logical_sector}")
    if present.size_bytes < saved.size_bytes:
        return ("too-small", f"{present.name} has {exact(present.size_bytes)}, {saved.id} needs "
                             f"{exact(saved.size_bytes)}")
    return None


def _never(disk: PresentDisk, draft: Draft) -> Optional[str]:
    """Why the disk can never be a target, or None."""
    if disk.excluded:
        return disk.excluded
    if disk.read_only:
        return "it is read-only"
    for saved in draft.saved.disks:
        if saved.role is DiskRole.CRITICAL:
            continue
        evidence = _identity(saved, disk)
        if not evidence and not (saved.wwn or saved.serial) and saved.size_bytes == disk.size_bytes \
                and saved.by_path and saved.by_path == disk.by_path:
            evidence = f"same slot and size as recorded, {saved.by_path}"
        if evidence:
            return f"the SIF names it as {saved.id}, a disk with role {saved.role.value} ({evidence})"
    return None


def _by_identity(board: _Board) -> None:
    for saved in board.waiting():
        known = [(d, e) for d in board.draft.hardware.disks if (e := _identity(saved, d))]
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
        elif misfit := _misfit(saved, open_ones[0][0]):
            board.give_up(saved, misfit[0], f"{misfit[1]} (it is {open_ones[0][1]})",
                          "undo the change of the disk's size or sector format")
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
            board.give_up(saved, "map-conflict", f"the disk map sends it to {disk.name}, which is for {holder}", hint)
        elif misfit := _misfit(saved, disk):
            board.give_up(saved, misfit[0], misfit[1], hint)
        else:
            board.place(saved, disk, f"the operator's map ({choice.saved}={choice.present})")


def _by_slot(board: _Board) -> None:
    for saved in board.waiting():
        here = [d for d in board.free() if saved.by_path and d.by_path == saved.by_path and not _misfit(saved, d)]
        if len(here) == 1:
            board.place(saved, here[0], f"same slot {saved.by_path}, size fits")


def _stand_in(saved: Disk, disk: PresentDisk) -> bool:
    """Whether the disk may take the place without being named: plugged-in USB disks only for USB disks."""
    return not _misfit(saved, disk) and not disk.removable and (disk.bus != "usb" or saved.bus == "usb")


def _tier(saved: Disk, disk: PresentDisk) -> int:
    """The better the fit, the lower: blank before used, exact before larger."""
    return (0 if disk.blank else 2) + (0 if disk.size_bytes == saved.size_bytes else 1)


def _best(board: _Board, saved: Disk) -> Tuple[int, Tuple[PresentDisk, ...]]:
    fits = [d for d in board.free() if _stand_in(saved, d)]
    best = min((_tier(saved, d) for d in fits), default=9)
    return best, tuple(d for d in fits if _tier(saved, d) == best)


def _by_size(board: _Board) -> None:
    """Give each disk the one that fits best while that is unambiguous; then ask about what is left."""
    while True:
        offers = [(tier, saved, fits[0]) for saved in board.waiting()
                  for tier, fits in (_best(board, saved),) if len(fits) == 1]
        clear = [(tier, saved, disk) for tier, saved, disk in offers
                 if not any(other.id != saved.id and _best(board, other)[0] <= tier
                            and disk in _best(board, other)[1] for other in board.waiting())]
        if not clear:
            break
        tier, saved, disk = min(clear, key=lambda offer: offer[0])
        kind = "exact" if disk.size_bytes == saved.size_bytes else "larger"
        board.place(saved, disk, f"the only {'blank ' if disk.blank else ''}disk that fits ({kind} size)")
    for saved in board.waiting():
        fits = _best(board, saved)[1]
        if len(fits) > 1:
            board.ask(saved, fits, "several disks fit equally well")
        elif fits:
            board.ask(saved, fits, "it competes with another saved disk for the same present disk")


def _explain_unplaced(board: _Board) -> None:
    for saved in board.waiting():
        causes = []
        for disk in board.draft.hardware.disks:
            holder = board.taken(disk.name)
            misfit = _misfit(saved, disk)
            causes.append(f"{disk.name}: {board.closed[disk.name]}" if disk.name in board.closed
                          else f"{disk.name}: it is for {holder}" if holder
                          else misfit[1] if misfit else f"{disk.name}: removable or USB, only by --map")
        codes = {m[0] for d in board.free() if (m := _misfit(saved, d))}
        code = codes.pop() if len(codes) == 1 else "no-candidate"
        board.give_up(saved, code, f"no disk can take the place of {saved_disk(saved)}: "
                      + ("; ".join(causes) or "no disk is present"),
                      f"connect a disk of at least {exact(saved.size_bytes)} with sectors of "
                      f"{saved.logical_sector} bytes, or " + MAP_SYNTAX.format(saved=saved.id))


def _rejections(board: _Board) -> Tuple[Rejection, ...]:
    """Every present disk that is not used, with the reason."""
    critical = board.draft.critical()
    found = []
    for disk in board.draft.hardware.disks:
        if board.taken(disk.name):
            continue
        misfits = [m for saved in critical if (m := _misfit(saved, disk))]
        reason = board.closed.get(disk.name)
        if reason is None and critical and len(misfits) == len(critical):
            reason = "; ".join(text for _, text in misfits)
        if reason is None and (disk.removable or disk.bus == "usb"):
            reason = "a removable or USB disk is used only when the disk map names it"
        found.append(Rejection(disk.name, disk.path, reason or
                               f"not needed: no saved disk belongs here ({human(disk.size_bytes)})"))
    return tuple(found)

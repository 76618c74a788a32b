"""Stops everything that uses the plan's disks, top first, and makes sure that nothing does any more.

Nothing on a disk outside the plan is stopped, but for what lies on a planned disk as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple

from rescue.hardware import Holder, HolderKind
from rescue.holders import foreign_below, holders_of, needed_by_system, words
from rescue.kernel_view import KernelView, read_kernel
from rescue.plan import RestorePlan
from rescue.processes import users_of, wait_for
from rescue.storage.disks import look_again, require_unchanged, require_unused, settle
from rescue.storage.errors import DiskBusy
from sif.errors import CommandFailed
from sif.run import run

_TIMEOUT = 120.0
_PATIENCE = 60.0
"""Seconds that a program which writes to a disk (a mkfs of a run that was killed) may still take."""


def free_disks(plan: RestorePlan) -> RestorePlan:
    """Stop what uses the plan's disks; the plan comes back with what disks look like that were in use.

    Raises :class:`DiskChanged` when a disk is not as planned, :class:`DiskBusy` when it cannot be freed.
    """
    require_unchanged(plan, read_kernel())
    stopped = tear_down([match.name for match in plan.matches])
    if not stopped:
        return plan
    # To unmount a file system and to stop an array writes their last state.
    return look_again(plan)


def tear_down(disks: Sequence[str]) -> Tuple[Holder, ...]:
    """Stop whatever uses the disks (kernel names), top first; returns what was stopped. Raises :class:`DiskBusy`."""
    stopped: List[Holder] = []
    while waiting := holders_of(view := read_kernel(), disks):
        if not stopped:
            _refuse(view, disks, waiting)
        first = waiting[0]
        if any(_same(first, before) for before in stopped[-1:]):
            raise _busy(view, first, disks, "it was stopped, but is still there")
        try:
            _stop(first)
        except (CommandFailed, OSError) as error:
            if any(_same(first, holder) for holder in holders_of(read_kernel(), disks)):
                found = error.found if isinstance(error, CommandFailed) else str(error)
                raise _busy(read_kernel(), first, disks, found or str(error)) from error
        stopped.append(first)
        settle()
    require_clear(disks)
    return tuple(stopped)


def require_clear(disks: Sequence[str]) -> None:
    """Raise :class:`DiskBusy`, with who it is, unless nobody uses the disks (kernel names) or writes to them."""
    view = read_kernel()
    numbers = [device.number for device in view.devices if device.name in disks or device.whole in disks]
    writers = [user for user in users_of(numbers) if user.writes]
    if writers:
        wait_for(writers, _PATIENCE)
        writers = [user for user in users_of(numbers) if user.writes]
    left = [*map(words, holders_of(view, disks)), *map(str, writers)]
    if left:
        raise DiskBusy("the disk is still in use", where=", ".join(disks), found="; ".join(left),
                       hint="end what uses it, then start again")
    for disk in disks:
        try:
            require_unused(f"/dev/{disk}", writable=False)
        except DiskBusy as error:
            raise DiskBusy(error.what, where=error.where, hint=error.hint, found="; ".join(
                [error.found or "", *map(str, users_of(numbers))])) from error


def _same(one: Holder, other: Holder) -> bool:
    return (one.key, one.target) == (other.key, other.target)


def _refuse(view: KernelView, disks: Sequence[str], waiting: Sequence[Holder]) -> None:
    """What must not be stopped for a restore: the running system, and file systems of other disks."""
    system = needed_by_system([holder.target for holder in waiting if holder.kind is HolderKind.MOUNT])
    foreign = foreign_below(view, disks)
    if system or foreign:
        raise DiskBusy("a disk is used in a way that a restore does not end", where=", ".join(disks),
                       found="; ".join([*(f"mounted at {point}" for point in system),
                                        *(f"another disk is mounted below it, at {text}" for text in foreign)]),
                       hint="unmount it yourself, or choose another disk")


def _busy(view: KernelView, holder: Holder, disks: Sequence[str], why: str) -> DiskBusy:
    below = {mount.number for mount in view.mounts if mount.point == holder.target}
    below.update(device.number for device in view.devices if device.name == holder.key)
    users = ", ".join(map(str, users_of(below)))
    return DiskBusy("what uses a disk could not be stopped", where=f"{', '.join(disks)}: {words(holder)}",
                    found=why + (f"; used by {users}" if users else ""), hint="end what uses it, then start again")


def _stop(holder: Holder) -> None:
    if holder.kind is HolderKind.BCACHE:
        Path(holder.target).write_text("1", "ascii")
        return
    run(stop_command(holder), timeout=_TIMEOUT)


def stop_command(holder: Holder) -> Tuple[str, ...]:
    """The command that stops a holder of any kind but a bcache, which is stopped through sysfs."""
    if holder.kind is HolderKind.MOUNT:
        inside = ("nsenter", f"--target={holder.pid}", "--mount", "--") if holder.pid is not None else ()
        return (*inside, "umount", holder.target)
    if holder.kind is HolderKind.SWAP:
        return ("swapoff", holder.target)
    if holder.kind is HolderKind.ARRAY:
        return ("mdadm", "--stop", holder.target)
    if holder.kind is HolderKind.LOOP:
        return ("losetup", "--detach", holder.target)
    if holder.kind is HolderKind.MULTIPATH:
        return ("multipath", "-f", holder.name)
    return ("dmsetup", "remove", "--retry", holder.target)

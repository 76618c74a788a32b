"""What need not be restored because it survived, and the time which that saved. Pure."""

from __future__ import annotations

from typing import Dict, Iterable, Optional, Tuple

from rescue.commands import CommandResult, Outcome
from rescue.plan import RestorePlan
from rescue.planner.words import human
from sif.model import Command, SystemInformation


def spared(saved: SystemInformation, plan: RestorePlan, results: Iterable[CommandResult]) -> Tuple[str, ...]:
    """A line for each volume that was kept, and for each program that was not run for that reason.

    ``saved`` is the machine as the set has it. The time is what the programs that did run would have taken for as many
    bytes; where none of them says how many it restored, there is no measure, and none is made up.
    """
    kept = plan.kept_volumes()
    places = {fs.id: fs.mount or fs.id for fs in saved.filesystems}
    places.update((btrfs.id, btrfs.mount or btrfs.id) for btrfs in saved.btrfs)
    lines = [f"{places.get(volume, volume)} was whole and was kept" for volume in kept]
    run = {command.id for command in plan.target_of(saved).commands}
    rate = _rate(saved, results)
    for command in (command for command in saved.commands if command.id not in run and _all_kept(saved, command, kept)):
        size = _bytes(saved, command)
        took = "how long it takes is not known" if not size or rate is None else \
            f"that saved about {_duration(size / rate)}, at the {human(int(rate))}/s of this restore"
        lines.append(f"`{command.title}` was not run: {human(size)} need not be restored; {took}")
    return tuple(lines)


def _all_kept(saved: SystemInformation, command: Command, kept: Tuple[str, ...]) -> bool:
    there = {*kept, *(sub.id for sub in saved.subvolumes if sub.btrfs in kept)}
    return bool(command.volumes) and there.issuperset(command.volumes)


def _bytes(saved: SystemInformation, command: Command) -> int:
    used: Dict[str, int] = {fs.id: fs.used_bytes or 0 for fs in saved.filesystems}
    used.update((btrfs.id, btrfs.used_bytes or 0) for btrfs in saved.btrfs)
    return sum(used.get(volume, 0) for volume in command.volumes)


def _rate(saved: SystemInformation, results: Iterable[CommandResult]) -> Optional[float]:
    """Bytes a second of the programs that were run and of which the set says what they restore."""
    commands = {command.id: command for command in saved.commands}
    measured = [(size, result.seconds) for result in results if result.outcome is Outcome.DONE and result.id in commands
                and (size := _bytes(saved, commands[result.id])) and result.seconds > 0]
    seconds = sum(took for _, took in measured)
    return sum(size for size, _ in measured) / seconds if seconds else None


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"

"""What the operator agrees to: which programs run as root, which disks are lost, and for which machine."""

from __future__ import annotations

from enum import Enum

from rescue.console import Console, confirm_by_name
from rescue.failures import ConsentMissing
from rescue.plan import ConsentNeeded, RestorePlan
from rescue.trust import Judgement
from sif.model import SystemInformation
from sif.run import pasteable

LAYOUT_WORD = "layout"


class Scope(str, Enum):
    """ALL: rebuild and restore. LAYOUT: rebuild the disks only; no program of the set runs."""

    ALL = "all"
    LAYOUT = "layout"


def commands_text(saved: SystemInformation) -> str:
    """Every program that the SIF will have run, with user, environment and place, for the operator to judge."""
    lines = []
    for command in sorted(saved.commands, key=lambda c: c.sequence):
        inside = " inside the restored system" if command.chroot else ""
        lines.append(f"  {command.id}  {command.title} (phase {command.phase.value}, as {command.user}{inside}):")
        lines.append(f"        {pasteable((*command.env, *command.argv))}")
    return "\n".join(["Programs that will be run", *(lines or ["  none"])])


def losses(plan: RestorePlan) -> str:
    """What will be gone, in a sentence."""
    lost = "; ".join(f"{need.path} ({', '.join(need.holds)}{_but(need)})" for need in plan.consents)
    told = f"This will be overwritten: {lost}." if lost else "All disks of the plan are blank."
    asked = "; ".join(f"{a.subject} [{a.code}]: {a.before} -> {a.after}" for a in plan.adjustments if a.consent)
    return f"{told}\nThe machine comes back changed: {asked}." if asked else told


def _but(need: ConsentNeeded) -> str:
    return f"; kept as it is: {', '.join(need.kept)}" if need.kept else ""


def ask_scope(console: Console, saved: SystemInformation, plan: RestorePlan, judgement: Judgement) -> Scope:
    """Show the programs, and have the operator type the machine's name.

    A set that is not believed can also be restored without any of its programs: the layout only. Raises
    :class:`ConsentMissing` for any other answer.
    """
    name = saved.system.hostname
    console.say(commands_text(saved))
    if judgement.believed:
        confirm_by_name(console, "consent", losses(plan), name)
        return Scope.ALL
    alone = f"{LAYOUT_WORD} {name}"
    answer = console.ask("consent", (
        f"WARNING: nobody vouches for this set: {judgement}.\nWhoever wrote it decides what the programs above do.\n"
        f"{losses(plan)}\nType the machine's name ({name}) to restore it with these programs,\n"
        f"`{alone}` to rebuild the disks only and run none of them; anything else stops"))
    if answer == alone:
        return Scope.LAYOUT
    if answer != name:
        raise ConsentMissing("the machine's name was not typed; nothing was written", where="consent",
                             found=repr(answer), wanted=f"{name!r} or {alone!r}")
    return Scope.ALL

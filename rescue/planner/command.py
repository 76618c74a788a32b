"""What ``rescue plan``, ``sif plan`` and ``sif check --on`` share: the decisions as options, and the answers.

Needs nothing of the rescue system, so that it also works on the healthy machine.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Sequence, TextIO, Tuple

from rescue.hardware import Hardware
from rescue.plan import RestorePlan
from rescue.plan_page import plan_page
from rescue.plan_view import plan_text
from rescue.planner.codec import dump_plan
from rescue.planner.errors import NoPlan
from rescue.planner.passes import plan_restore
from rescue.planner.policy import RestorePolicy, parse_disk_map
from rescue.planner.spare import ITSELF, hardware_at
from sif.enums import Fit, Grow, Intact, OneDisk
from sif.errors import Exit, UsageError
from sif.model import SystemInformation
from sif.reader import load_set
from sif.secrets.names import SCHEME
from sif.substitution import Placeholder, pieces


def add_decisions(words: argparse.ArgumentParser) -> None:
    """Options for what the operator decides over the set's POLICY."""
    words.add_argument("--map", action="append", default=[], metavar="SAVED=PRESENT",
                       help="send a saved disk to a present one (name, path, serial, WWN or slot), or to `none`; may "
                       "be repeated")
    words.add_argument("--fit", choices=[one.value for one in Fit], help="how volumes adapt to disks of another size")
    words.add_argument("--grow", choices=[one.value for one in Grow], help="who gets the room of a larger disk")
    words.add_argument("--grow-volume", action="append", default=[], metavar="FS",
                       help="a file system that grows, with --grow named; may be repeated")
    words.add_argument("--one-disk", choices=[one.value for one in OneDisk],
                       help="what becomes of a mirror when there is one disk for several members")
    words.add_argument("--intact", choices=[one.value for one in Intact], help="what becomes of volumes that survived")
    words.add_argument("--accept", action="append", default=[], metavar="CODE",
                       help="agree to adjustments with that code; may be repeated")
    words.add_argument("--replica", metavar="NAME", help="plan a clone of that name instead of the machine itself")


def add_output(words: argparse.ArgumentParser) -> None:
    """Options for how the plan is shown."""
    words.add_argument("--json", action="store_true", help="print the plan as JSON")
    words.add_argument("--html", type=Path, metavar="FILE", help="write the plan as a page with a picture, too")
    words.add_argument("--color", choices=["auto", "always", "never"], default="auto",
                       help="colour the bars (default: on a terminal, unless NO_COLOR is set)")


def policy_from(options: argparse.Namespace) -> RestorePolicy:
    """The decisions of :func:`add_decisions`. Raises :class:`UsageError`."""
    return RestorePolicy(
        disk_map=parse_disk_map(options.map), fit=Fit(options.fit) if options.fit else None,
        grow=Grow(options.grow) if options.grow else None, grow_volumes=tuple(options.grow_volume),
        one_disk=OneDisk(options.one_disk) if options.one_disk else None, accept=tuple(options.accept),
        replica=options.replica, intact=Intact(options.intact) if options.intact else None)


def show(options: argparse.Namespace, saved: SystemInformation, hardware: Hardware, plan: RestorePlan,
         signature: str) -> None:
    """Print the plan, and write its page if one is wanted."""
    if options.html is not None:
        try:
            options.html.write_text(plan_page(saved, hardware, plan, signature), encoding="utf-8")
        except OSError as error:
            raise UsageError("the page cannot be written", where=str(options.html), found=str(error)) from error
    colour = wants_colour(options.color, sys.stdout)
    print(dump_plan(plan) if options.json else plan_text(saved, hardware, plan, signature, colour=colour), end="")


def wants_colour(choice: str, where: TextIO) -> bool:
    """Whether to colour what is printed there. Source: no-color.org."""
    return choice == "always" or (choice == "auto" and where.isatty() and not os.environ.get("NO_COLOR"))


# On the healthy machine

def add_plan_arguments(words: argparse.ArgumentParser) -> None:
    """The grammar of ``sif plan``."""
    words.add_argument("path", type=Path, metavar="SIF", help="a .sif file (the first part) or the set's directory")
    words.add_argument("--on", default=ITSELF, metavar="MACHINE", help="the machine to restore on: `itself` (default), "
                       "JSON as `rescue plan --show-hardware` prints it, or the set of another machine")
    add_decisions(words)
    add_output(words)


def plan_command(options: argparse.Namespace) -> Exit:
    """``sif plan``: print the plan for the described machine. Raises :class:`NoPlan`."""
    saved = load_set(options.path).info
    hardware = hardware_at(options.on, saved)
    show(options, saved, hardware, plan_restore(saved, hardware, policy_from(options)), "")
    return Exit.OK


def check_command(path: Path, machines: Sequence[str]) -> Exit:
    """``sif check --on``: whether the set would restore on each of the machines, and what would be asked there."""
    saved = load_set(path).info
    worst = Exit.OK
    for word in machines:
        found = answer(saved, hardware_at(word, saved))
        print(f"on {word}: " + found[1])
        worst = worst if found[0] else Exit.NO_PLAN
    return worst


def answer(saved: SystemInformation, hardware: Hardware) -> "tuple[bool, str]":
    """Whether there is a plan for the machine, in words, with what would be asked."""
    try:
        plan = plan_restore(saved, hardware, RestorePolicy())
    except NoPlan as error:
        lines = [f"  {reason}" for reason in error.reasons]
        lines += [f"  would ask: {question.text} {' or '.join(f'--map {a}' for a in question.answers)}"
                  for question in error.questions]
        return bool(error.questions) and all(reason.code == "disk-tie" for reason in error.reasons), "\n".join([
            "would ask" if error.questions else "would not restore", *lines])
    asked = [f"  would ask: overwrite {c.path}, which holds {'; '.join(c.holds)}?" for c in plan.consents]
    unless = ", unless an identity opens the set's secrets" if saved.secrets else ""
    asked += [f"  would ask: the secret `{name}`{unless}" for name in _secret_names(saved)]
    asked += [f"  would ask: {a.subject} [{a.code}]: {a.before} -> {a.after}?" for a in plan.adjustments if a.consent]
    silent = [f"  {a.subject} [{a.code}]: {a.before} -> {a.after}" for a in plan.adjustments if not a.consent]
    title = "would restore" + (" exactly as saved" if not plan.adjustments else
                               f" with {len(plan.adjustments)} adjustments")
    return True, "\n".join([title, *asked, *silent, *(f"  differs: {line}" for line in plan.differs)])


def _secret_names(saved: SystemInformation) -> Tuple[str, ...]:
    """What opens the encrypted volumes, and what the restore programs are handed as a file."""
    names = {luks.passphrase[len(SCHEME):] if luks.passphrase else f"luks-{luks.id}" for luks in saved.luks}
    names.update(piece.ident for command in saved.commands for word in (*command.argv, *command.env)
                 for piece in pieces(word)
                 if isinstance(piece, Placeholder) and piece.name == "secretfile" and piece.ident)
    return tuple(sorted(names))

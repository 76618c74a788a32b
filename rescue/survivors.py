"""Phase 1's look for volumes that survived: what is wished, what opens encrypted volumes, and what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Tuple

from rescue.agent import Agent
from rescue.catalog.check import catalog_entries
from rescue.decisions import parse_decisions
from rescue.hardware import Whole
from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy
from rescue.planner.layout import Layout
from rescue.secret_files import CommandSecrets, unlock
from rescue.storage.site import no_secrets
from rescue.storage.whole import Looking, find_whole
from sif.enums import Intact
from sif.errors import LifeboatError
from sif.model import SystemInformation
from sif.reader import LoadedSet


def decisions(agent: Agent, started_over: bool) -> RestorePolicy:
    """What was decided on the kernel's command line.

    Whoever starts over gives up a restore that is half done: what it has filled so far looks whole, and is not.
    """
    policy = parse_decisions(agent.command_line)
    return replace(policy, intact=Intact.REBUILD) if started_over else policy


def find_survivors(agent: Agent, loaded: LoadedSet, first: RestorePlan, policy: RestorePolicy,
                   secrets: Optional[CommandSecrets]) -> Tuple[Whole, ...]:
    """Look what is whole on the disks that would be rebuilt, and say why something is not."""
    saved = loaded.info
    level = policy.intact or saved.policy.intact
    sample = None if level is Intact.VERIFY else _sample(saved, policy)
    with agent.events.step("intact", "Look for volumes that survived") as step:
        found = find_whole(saved, first, Looking(catalog_entries(loaded), sample, secrets.value if secrets else
                                                 no_secrets, step.info))
        step.info("survived: " + (", ".join(fact.id for fact in found if fact.id.startswith(("fs:", "btrfs:")))
                                  or "none"))
        return found


def unlock_for_look(agent: Agent, loaded: LoadedSet, first: RestorePlan) -> Optional[CommandSecrets]:
    """The secrets, if disks with encrypted volumes are looked at; a person is asked for them now instead of later.

    None when nothing has to be opened, or when somebody does not have them: then those volumes are rebuilt.
    """
    layout = Layout(first.target_of(loaded.info))
    used = {need.disk for need in first.consents}
    if not any(used.intersection(layout.under(luks.device)) for luks in layout.saved.luks):
        return None
    try:
        return unlock(agent, loaded, rebuild=True)
    except LifeboatError as error:
        agent.events.info("intact", "Encrypted volumes are not opened for the look", str(error))
        return None


def _sample(saved: SystemInformation, policy: RestorePolicy) -> int:
    return saved.policy.intact_sample if policy.intact_sample is None else policy.intact_sample

"""Phase 1: from the medium to disks that are rebuilt and start phase 2 by themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import List, Mapping, Optional, Sequence, Tuple

from rescue.agent import Agent, present_firmware, reboot
from rescue.begun import with_begun
from rescue.blockdev import read_block_devices
from rescue.catalog.media import packages_on
from rescue.commands import CommandRunner
from rescue.consent import Scope, ask_scope
from rescue.console import Choice, choose
from rescue.decisions import decide
from rescue.detect import detect_hardware
from rescue.drivers import bring_up, decisions_for, may_bring_up
from rescue.durable import remove_tree
from rescue.efi import LABEL, EfiBoot
from rescue.guard import Pending, check_pending, find_pending
from rescue.hardware import Hardware, Whole
from rescue.images import find_images, with_kept
from rescue.journal import Journal
from rescue.kernel_view import read_kernel
from rescue.left_alone import left_alone
from rescue.medium import Candidate, MediumFound, not_found, several
from rescue.own_volumes import looked_into_volumes
from rescue.plan import RestorePlan
from rescue.plan_view import plan_text
from rescue.planner import RestorePolicy
from rescue.planner.codec import dump_plan
from rescue.planner.consent import require_unattended
from rescue.rebuild_events import RebuildEvents
from rescue.repeat import refuse_repetition
from rescue.secret_files import CommandSecrets, unlock
from rescue.staging.choose import candidates, choose_stage, expected_free_bytes
from rescue.staging.layers import reach
from rescue.staging.sources import RescueFiles, find_rescue_files
from rescue.staging.stage import StageOrder, sizes_of, stage
from rescue.storage.disks import look_again
from rescue.storage.marks import look, marks_of, take_away
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.preload import preload
from rescue.storage.site import no_secrets
from rescue.storage.stop import stop_volumes
from rescue.stores import ReadyStore, exclusions, open_stores
from rescue.survivors import decisions, find_survivors, unlock_for_look
from rescue.trust import Judgement, judge, require_for_unattended, set_digest
from rescue.udisks import MediumSearch, UDisks, as_medium, labels_of
from rescue.values import values_of
from rescue.verify import verify
from rescue.volume_secrets import plan_without_headers, require_fitting, without_missing_headers
from sif.errors import CommandFailed
from sif.model import Firmware, Phase, SystemInformation
from sif.reader import LoadedSet, load_set

MEDIUM_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Chosen:
    """What phase 1 works on: the set (in memory), its first part, and the machine it is restored on.

    ``saved`` is the planned machine: what was saved, adapted to the hardware as the plan says.
    """

    saved: SystemInformation
    loaded: LoadedSet
    medium: MediumFound
    sif: Path
    signature: Judgement
    hardware: Hardware
    plan: RestorePlan
    images: Mapping[str, Path]


def phase1(agent: Agent) -> None:
    """Find the SIF, plan, agree, rebuild, stage and restart into phase 2."""
    pending = continues_pending(agent)
    if pending is Pending.CONTINUE:
        return start_pending(agent)
    files = check_rescue_system(agent)
    preload()
    medium = find_medium(agent)
    loaded, sif = read_sif(agent, medium)
    saved = loaded.info
    signature = check_signature(agent, loaded)
    layered = continues_layered(agent, saved)
    if layered is Pending.CONTINUE:
        return start_pending(agent)
    # Nobody is asked in an unattended run: what is missing ends it at once. A person first agrees to the plan.
    at_hand = unlock(agent, loaded, rebuild=True) if agent.settings.auto else None
    refuse_second_time(agent, saved, at_hand)
    load_drivers(agent, saved, sif, signature)
    stores = mount_stores(agent, saved)
    check_stage(saved, files, sif.parent)
    images = find_images(saved, medium.sif.parent, stores)
    hardware = know_again(agent, loaded, with_kept(detect(agent, medium, stores), saved))
    policy = decisions(agent, Pending.START_OVER in (pending, layered))
    planned, at_hand = plan(agent, loaded, hardware, signature, policy, at_hand)
    chosen = Chosen(planned.target_of(saved), loaded, medium, sif, signature, hardware, planned, images)
    scope = agree(agent, chosen)
    secrets = at_hand if at_hand is not None else unlock(agent, only_layout(loaded, scope), rebuild=True)
    chosen = fit_secrets(agent, chosen, secrets)
    if scope is Scope.LAYOUT:
        return restore_layout(agent, chosen, secrets)
    prepare(agent, chosen, stores, secrets)
    rebuild_disks(agent, chosen, secrets)
    verify_disks(agent, chosen)
    stage_phase2(agent, chosen, files, secrets)
    secrets.wipe()
    take_away([match.path for match in chosen.plan.matches])
    return reboot(agent)


def continues_pending(agent: Agent) -> Pending:
    """Look for a phase 2 that is pending on a disk; the operator may continue it instead."""
    with agent.events.step("guard", "Look for a restore that is half done"):
        return check_pending(find_pending(agent.workspace), agent.console, agent.settings.auto)


def continues_layered(agent: Agent, saved: SystemInformation) -> Pending:
    """The same for a phase 2 that is staged on the set's own arrays or logical volumes, which nobody else assembles."""
    reached = [(volume, reach(saved, volume.devices)) for volume in candidates(saved)]
    devices = [device for volume, way in reached if way.why_not is None and not way.direct
               for device in volume.devices]
    if not devices:
        return Pending.NOTHING
    with agent.events.step("guard.layers", "Look for a restore that is half done on arrays and logical volumes"):
        with looked_into_volumes(saved, devices, no_secrets):
            pending = find_pending(agent.workspace, layered=True)
        return check_pending(pending, agent.console, agent.settings.auto)


def start_pending(agent: Agent) -> None:
    """Restart into the pending phase 2: by the firmware's entry, else by the medium's GRUB, which looks for it."""
    if present_firmware() is Firmware.UEFI:
        efi = EfiBoot()
        for entry in efi.read().named(LABEL)[:1]:
            efi.next(entry.number)
    reboot(agent)


def check_rescue_system(agent: Agent) -> RescueFiles:
    """Find what staging will copy, before anything is written anywhere."""
    with agent.events.step("check", "Check the rescue system"):
        return find_rescue_files()


def find_medium(agent: Agent) -> MediumFound:
    """Find the SIF on the media that are present; asks when several different ones are there."""
    address = agent.settings.sif
    with agent.events.step("medium", f"Find the SIF ({address})") as step:
        search = MediumSearch(UDisks(), address)
        found = search.wait(MEDIUM_PATIENCE_S)
        if not found:
            raise not_found(address, search.looked_at, MEDIUM_PATIENCE_S)
        chosen = _choose_candidate(agent, found)
        step.info(labels_of([chosen])[0])
        return as_medium(chosen)


def _choose_candidate(agent: Agent, found: Sequence[Candidate]) -> Candidate:
    if len(found) == 1:
        return found[0]
    if agent.settings.auto:
        raise several(found)
    choices = [Choice(candidate.set_id, text) for candidate, text in zip(found, labels_of(found))]
    answer = choose(agent.console, "medium", "Which SIF shall be restored?", choices)
    return next(candidate for candidate in found if candidate.set_id == answer)


def read_sif(agent: Agent, medium: MediumFound) -> Tuple[LoadedSet, Path]:
    """Read and check the set, and keep a copy of exactly the bytes that were checked: the medium may go."""
    with agent.events.step("sif", "Read and check the SIF") as step:
        loaded = load_set(medium.sif)
        for warning in loaded.warnings:
            step.info(str(warning))
        return loaded, keep_set(loaded, medium.sif.name, agent.workspace.set)


def check_signature(agent: Agent, loaded: LoadedSet) -> Judgement:
    """Say who vouches for the set; an unattended run ends here when nobody does whom the image knows."""
    with agent.events.step("signature", "Check the signature") as step:
        judgement = judge(loaded)
        step.info(f"the set of {loaded.info.system.hostname}: {judgement}")
        if agent.settings.auto:
            require_for_unattended(judgement)
        return judgement


def keep_set(loaded: LoadedSet, name: str, where: Path) -> Path:
    """Write the set's files below ``where``; returns the path of its first part there."""
    remove_tree(where)
    for path, content in loaded.files:
        copy = where / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    return where / name


def refuse_second_time(agent: Agent, saved: SystemInformation, secrets: Optional[CommandSecrets]) -> None:
    """Stop an unattended run that would restore what was restored before; a person may."""
    if agent.settings.auto:
        with agent.events.step("repeat", "Look for a finished restore of this set"):
            refuse_repetition(saved, agent.workspace, secrets.value if secrets is not None else no_secrets)


def load_drivers(agent: Agent, saved: SystemInformation, sif: Path, signature: Judgement) -> None:
    """Bring up hardware by what the set brings along, before anything looks for disks and stores.

    Of a set that nobody vouches for the operator decides: an unattended run has ended before, if that was so.
    """
    with agent.events.step("drivers", "Load drivers") as step:
        trusted = agent.settings.auto or signature.believed
        if trusted or may_bring_up(agent.console, saved, decisions_for(saved)):
            bring_up(saved, sif.parent, step)
        else:
            step.info("the set's modules and files were left out, as the operator wished")


def mount_stores(agent: Agent, saved: SystemInformation) -> Tuple[ReadyStore, ...]:
    """Mount what holds the data, read-only: it must be there before a disk is emptied for it."""
    with agent.events.step("stores", "Find the stores") as step:
        ready = open_stores(saved.stores, agent.workspace)
        for store in ready:
            step.info(f"store {store.id}: {store.location}" + (f" on {store.device}" if store.device else ""))
        return ready


def check_stage(saved: SystemInformation, files: RescueFiles, directory: Path) -> None:
    """Refuse now, not after the rebuild, when no volume can carry phase 2."""
    expected = {volume.ident: expected_free_bytes(saved, volume) for volume in candidates(saved)}
    choose_stage(saved, expected, sizes_of(files, directory), present_firmware())


def detect(agent: Agent, medium: MediumFound, stores: Sequence[ReadyStore]) -> Hardware:
    """Look at the machine; the medium, the stores and the rescue disk are no targets."""
    with agent.events.step("detect", "Detect the machine"):
        excluded = exclusions(medium, stores, agent.settings.live_root, read_block_devices())
        return detect_hardware(excluded)


def know_again(agent: Agent, loaded: LoadedSet, hardware: Hardware) -> Hardware:
    """Find the disks that an interrupted run of this very restore began to rebuild: they need no second consent."""
    known = with_begun(hardware, loaded.info, set_digest(loaded), look)
    for disk in (disk for disk in known.disks if disk.begun):
        agent.events.info("detect", "An interrupted run of this restore is continued",
                          f"{disk.path}: what it holds was made by that run")
    return known


def plan(agent: Agent, loaded: LoadedSet, hardware: Hardware, signature: Judgement, policy: RestorePolicy,
         secrets: Optional[CommandSecrets]) -> Tuple[RestorePlan, Optional[CommandSecrets]]:
    """Plan the restore, keep the plan and show it; with the secrets, if a look at the disks needed them."""
    saved = loaded.info
    with agent.events.step("plan", "Plan the restore"):
        looked: List[Optional[CommandSecrets]] = []

        def look_at(first: RestorePlan) -> Tuple[Whole, ...]:
            looked.append(secrets if secrets is not None else unlock_for_look(agent, loaded, first))
            return find_survivors(agent, loaded, first, policy, looked[0])

        made = decide(saved, hardware, policy, agent.console, look_at)
        if looked:  # arrays and pools may count how often they were started
            made = look_again(made, read_kernel())
        (agent.workspace.root / "plan.json").write_text(dump_plan(made), encoding="utf-8")
        agent.events.info("plan", "The plan", plan_text(saved, hardware, made, str(signature)))
        return made, looked[0] if looked else secrets


def agree(agent: Agent, chosen: Chosen) -> Scope:
    """Get consent: from the policy when nobody is there, else from the operator, who types the machine's name."""
    with agent.events.step("consent", "Consent"):
        if agent.settings.auto:
            require_unattended(chosen.plan, chosen.saved.policy.overwrite)
            return Scope.ALL
        agent.console.say(plan_text(chosen.saved, chosen.hardware, chosen.plan, str(chosen.signature)))
        return ask_scope(agent.console, chosen.saved, chosen.plan, chosen.signature)


def only_layout(loaded: LoadedSet, scope: Scope) -> LoadedSet:
    """The set without its programs where none of them runs: their secrets are not asked for."""
    return replace(loaded, info=replace(loaded.info, commands=())) if scope is Scope.LAYOUT else loaded


def fit_secrets(agent: Agent, chosen: Chosen, secrets: CommandSecrets) -> Chosen:
    """Try the passphrases on the saved headers, and say what a volume loses whose header nobody had."""
    if not chosen.saved.luks:
        return chosen
    with agent.events.step("volumes", "Check what opens the encrypted volumes") as step:
        require_fitting(chosen.saved, secrets.value)
        saved = without_missing_headers(chosen.saved, secrets.value)
        planned = plan_without_headers(chosen.plan, saved)
        for lost in planned.adjustments[len(chosen.plan.adjustments):]:
            step.info(f"{lost.subject}: {lost.consequence}")
        return replace(chosen, saved=saved, plan=planned)


def restore_layout(agent: Agent, chosen: Chosen, secrets: CommandSecrets) -> None:
    """Rebuild the disks and leave them mounted for a person to go on; no program of the set runs."""
    rebuild_disks(agent, chosen, secrets)
    verify_disks(agent, chosen)
    with agent.events.step("mount", "Mount the machine's volumes") as step:
        mount_tree(chosen.saved, chosen.plan, agent.workspace.target, secrets=secrets.value)
        step.info(f"the layout is restored and mounted below {agent.workspace.target}; no program of the set was run, "
                  "and the machine does not start from these disks yet")
    secrets.wipe()
    take_away([match.path for match in chosen.plan.matches])
    agent.events.phase_finished()


def prepare(agent: Agent, chosen: Chosen, stores: Sequence[ReadyStore], secrets: CommandSecrets) -> None:
    """Run the SIF's commands that come before the rebuild."""
    space = agent.workspace
    values = values_of(chosen.saved, stores, space.target, space.set, kernel_release())
    journal = Journal(space.root / "journal.jsonl")
    CommandRunner(chosen.saved, values, space.target, chosen.sif, space.logs, journal, agent.events,
                  agent.console, agent.settings.auto, secrets).run_phase(Phase.PRE)


def rebuild_disks(agent: Agent, chosen: Chosen, secrets: CommandSecrets) -> None:
    """Carry out the plan: the first step that writes to a disk."""
    # blivet takes seconds to import (so it has begun long ago) and is only in the rescue image.
    from rescue.storage.rebuild import rebuild
    with agent.events.step("rebuild", "Rebuild the disks") as step:
        rebuild(chosen.plan, chosen.saved, agent.workspace.set, RebuildEvents(step, chosen.plan), chosen.images,
                secrets.value, marks_of(chosen.plan, chosen.loaded.info, set_digest(chosen.loaded)).leave)


def verify_disks(agent: Agent, chosen: Chosen) -> None:
    """Capture the rebuilt disks and compare them with what was saved."""
    with agent.events.step("verify", "Verify the disks"):
        verify(chosen.saved, chosen.plan)


def stage_phase2(agent: Agent, chosen: Chosen, files: RescueFiles, secrets: CommandSecrets) -> None:
    """Put phase 2 on the machine's own disk."""
    space = agent.workspace
    with agent.events.step("stage", "Stage phase 2 on the machine's disk") as step:
        mount_tree(chosen.saved, chosen.plan, space.target, secrets=secrets.value,
                   alone=left_alone(chosen.saved, chosen.plan))
        try:
            boot = chosen.saved.boot
            disks = tuple(chosen.plan.path_of(disk) for disk in boot.disks) if boot else ()
            order = StageOrder(chosen.saved, dump_plan(chosen.plan), str(chosen.sif.relative_to(space.set)), files,
                               agent.settings, agent.command_line, disks, present_firmware(),
                               str(chosen.signature), set_digest(chosen.loaded),
                               packages_on(chosen.medium, read_block_devices()))
            stage(order, space, agent.events)
        finally:
            _unmount(agent)
        stop_volumes(chosen.plan, step)


def _unmount(agent: Agent) -> None:
    try:
        unmount_tree(agent.workspace.target)
    except CommandFailed as error:
        # Everything was synced; a busy mount must not hide the error that may be on its way.
        agent.events.info("stage", "The target tree stays mounted", str(error))


def kernel_release() -> str:
    """The release of the running kernel."""
    return Path("/proc/sys/kernel/osrelease").read_text(encoding="ascii").strip()

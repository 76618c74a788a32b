"""Phase 2: started from the machine's own disk; restores the data, makes the machine bootable, cleans up."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional, Tuple

from rescue.agent import Agent, present_firmware, reboot
from rescue.blockdev import read_block_devices
from rescue.bootloader import make_bootable
from rescue.catalog.archives import places as package_places
from rescue.catalog.check import CatalogWork, catalog_entries, check_catalog, forget_empty
from rescue.catalog.media import packages_at
from rescue.catalog.verdict import CatalogVerdict, require_policy, verdict_from_json
from rescue.cleanup import EVIDENCE, commit, keep_events, keep_evidence, remove_placed, remove_stage
from rescue.commands import CommandResult, CommandRunner
from rescue.drivers import bring_up
from rescue.durable import write_durably
from rescue.events import Step
from rescue.failures import RestoreFailed
from rescue.job import Job, JobState, StageFiles
from rescue.journal import Journal
from rescue.left_alone import left_alone
from rescue.optical import eject_rescue_disc
from rescue.phase1 import kernel_release
from rescue.plan import RAW_KINDS, RestorePlan
from rescue.planner.codec import load_plan
from rescue.readonly import unmount
from rescue.relocate import relocate
from rescue.renderers import JsonLines
from rescue.replica import become_replica
from rescue.report import make_report, steps_of
from rescue.restored import check_restored
from rescue.secret_files import CommandSecrets, unlock
from rescue.set_files import place_from_stores
from rescue.spared import spared
from rescue.staging.stage import in_tree
from rescue.staging.up import bring_up_stage
from rescue.storage.covered import discarded
from rescue.storage.finishing import add_key_files, make_swap_files, seal_subvolumes
from rescue.storage.marks import take_away
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.stop import stop_volumes
from rescue.stores import ReadyStore, open_stores
from rescue.trust import require_same
from rescue.values import values_of
from sif.model import Phase, SystemInformation
from sif.reader import LoadedSet, load_set
from sif.run import run

SHOWN_FINDINGS = 20
"""How many files that differ from the catalog are told one by one; the report has more."""


@dataclass(frozen=True)
class Pending:
    """The job that phase 2 works on, as staging left it, and what earlier runs of phase 2 have done."""

    job: Job
    files: StageFiles
    saved: SystemInformation
    loaded: LoadedSet
    plan: RestorePlan
    plan_json: str
    journal: Journal


def phase2(agent: Agent) -> None:
    """Restore what the SIF names and hand the machine back. Continues where a power cut ended it."""
    files = mount_stage(agent)
    pending = read_job(agent, files)
    load_drivers(agent, pending)
    pending = find_disks(pending)
    secrets = unlock(agent, pending.loaded)
    mount_target(agent, pending, secrets)
    stores = mount_stores(agent, pending)
    runner = make_runner(agent, pending, stores, secrets)
    results = restore(agent, runner)
    catalog = check_files(agent, pending, stores)
    results += finish(agent, runner)
    adapt_replica(agent, pending)
    complete(agent, pending, secrets)
    secrets.wipe()
    check(agent, pending)
    boot = make_machine_bootable(agent, pending)
    evidence = write_evidence(agent, pending, results, boot, catalog)
    clean_up(agent, pending, evidence)
    release(agent, pending, stores)
    reboot(agent)


def mount_stage(agent: Agent) -> StageFiles:
    """Mount the staging file system and take up the event file of phase 1."""
    uuid = agent.settings.stage_uuid
    if uuid is None:
        raise RestoreFailed("nobody said where phase 2 is staged", wanted="rescue.stage=UUID=<file system>")
    where = agent.workspace.stage
    if not where.is_mount():
        run(["udevadm", "settle", "--timeout=60"], timeout=70, check=False)
        bring_up_stage(agent.settings.stage_up)
        found = read_block_devices().by_uuid(uuid)
        if len(found) != 1 and not (found and all(device.fstype == "btrfs" for device in found)):
            raise RestoreFailed("the staging file system is not there, or several have its UUID", where=uuid,
                                found=", ".join(device.path for device in found) or "no device",
                                hint="connect the machine's own disks, and only those, then start it again")
        for point in (point for device in found for point in device.mount_points):
            # The early userspace leaves its source mounted read-only; everything in it was copied to RAM.
            run(["umount", point], timeout=120)
        where.mkdir(parents=True, exist_ok=True)
        run(["mount", "-t", found[0].fstype or "auto", "-o", "rw", found[0].path, str(where)], timeout=300)
    require_writable(where)
    files = StageFiles(where)
    told = files.path("events.jsonl")
    if told.is_file():
        # One history of both phases, and of every earlier run of phase 2.
        shutil.copyfile(told, agent.workspace.events)
    agent.events.add(JsonLines(told))
    return files


def require_writable(where: Path) -> None:
    """Refuse a stage that cannot keep the journal.

    A file system that the initramfs still holds read-only is silently mounted read-only a second time.
    """
    if os.statvfs(where).f_flag & os.ST_RDONLY:
        raise RestoreFailed("the staging file system is read-only", where=str(where), wanted="a writable one",
                            hint="look at the kernel's log, and in /proc/self/mountinfo for who holds it")


def read_job(agent: Agent, files: StageFiles) -> Pending:
    """Read job, set, plan and journal."""
    with agent.events.step("resume", "Read the job") as step:
        job = files.read_job()
        if job.state is not JobState.PENDING:
            raise RestoreFailed("this job is done already", where=str(files.job), found=job.state.value,
                                hint="start the machine from its own disk")
        loaded = load_set(files.set / job.sif, images=False)
        require_same(loaded, job.set_sha256)
        saved = loaded.info
        if saved.version.set_id != job.set_id:
            raise RestoreFailed("the staged set is not the job's", found=saved.version.set_id, wanted=job.set_id)
        plan_json = files.path("plan.json").read_text(encoding="utf-8")
        step.info(f"restore of {job.hostname}, job {job.job_id}; the set: {job.signature}")
        plan = load_plan(plan_json)
        return Pending(job, files, plan.target_of(saved), loaded, plan, plan_json,
                       Journal(files.path("journal.jsonl")))


def load_drivers(agent: Agent, pending: Pending) -> None:
    """Bring up hardware by what the set brings along; phase 1 had the consent of whoever had to give it."""
    with agent.events.step("drivers", "Load drivers") as step:
        bring_up(pending.saved, (pending.files.set / pending.job.sif).parent, step)


def find_disks(pending: Pending) -> Pending:
    """The job with its plan's disks where they are now, which only drivers make visible."""
    return replace(pending, plan=relocate(pending.plan, pending.saved, read_block_devices()))


def mount_target(agent: Agent, pending: Pending, secrets: CommandSecrets) -> None:
    """Mount the rebuilt file systems as one tree, after taking down what an earlier run left mounted."""
    with agent.events.step("mount", "Mount the machine's volumes"):
        unmount_tree(agent.workspace.target)
        listed = ["/" + os.fsdecode(entry.path).lstrip("/") for entry in catalog_entries(pending.loaded)]
        mount_tree(pending.saved, pending.plan, agent.workspace.target, secrets=secrets.value,
                   alone=left_alone(pending.saved, pending.plan, listed))


def mount_stores(agent: Agent, pending: Pending) -> Tuple[ReadyStore, ...]:
    """Mount what holds the data, read-only, and take the set's files that lie there."""
    with agent.events.step("stores", "Find the stores") as step:
        stores = open_stores(pending.saved.stores, agent.workspace)
        places = {store.id: Path(store.location) for store in stores if store.location.startswith("/")}
        for target in place_from_stores(pending.saved.files, places.get):
            step.info(f"put {target} into the rescue system")
        return stores


def make_runner(agent: Agent, pending: Pending, stores: Tuple[ReadyStore, ...],
                secrets: CommandSecrets) -> CommandRunner:
    """What runs the set's programs in this phase; those that an earlier run finished are not run again."""
    space, files = agent.workspace, pending.files
    logs = files.path("log")
    logs.mkdir(exist_ok=True)
    values = values_of(pending.saved, stores, space.target, files.set, kernel_release())
    return CommandRunner(pending.saved, values, space.target, files.set / pending.job.sif, logs, pending.journal,
                         agent.events, agent.console, agent.settings.auto, secrets, intact=pending.plan.kept_volumes())


def restore(agent: Agent, runner: CommandRunner) -> Tuple[CommandResult, ...]:
    """Run the restore programs."""
    with agent.events.step("restore", "Restore the data") as step:
        results = runner.run_phase(Phase.RESTORE)
        _say_discarded(step)
        return results


def _say_discarded(step: Step) -> None:
    """What programs wrote to volumes that are kept as they are: it is not there after the restart."""
    written = discarded()
    if written:
        more = f" and {len(written) - SHOWN_FINDINGS} more" if len(written) > SHOWN_FINDINGS else ""
        step.info("not kept, because the volume survived and is left as it is: "
                  f"{', '.join(written[:SHOWN_FINDINGS])}{more}")


def check_files(agent: Agent, pending: Pending, stores: Tuple[ReadyStore, ...]) -> Optional[CatalogVerdict]:
    """Check every file of the set's catalog, before a program of the restored system runs; None without a catalog.

    An earlier run's verdict stands: what the final programs changed since is theirs to change.
    """
    if not pending.saved.catalogs:
        return None
    kept = pending.files.path("catalog.json")
    with agent.events.step("catalog", "Check the restored files against the catalog") as step:
        if kept.is_file():
            return verdict_from_json(kept.read_text(encoding="utf-8"))
        target = agent.workspace.target
        evidence = target / EVIDENCE / pending.job.job_id
        with packages_at(pending.job.packages, read_block_devices(), agent.workspace) as on_medium:
            places = (*on_medium, *package_places(pending.files.set, target, stores))
            verdict = check_catalog(catalog_entries(pending.loaded),
                                    CatalogWork(target, places, evidence, pending.journal))
        forget_empty(evidence)
        for finding in verdict.findings[:SHOWN_FINDINGS]:
            step.info(str(finding))
        step.info(str(verdict))
        require_policy(pending.saved.catalogs, verdict)
        write_durably(kept, verdict.to_json())
        return verdict


def finish(agent: Agent, runner: CommandRunner) -> Tuple[CommandResult, ...]:
    """Run the set's final programs."""
    with agent.events.step("final", "Finish the restored system") as step:
        results = runner.run_phase(Phase.FINAL)
        _say_discarded(step)
        return results


def complete(agent: Agent, pending: Pending, secrets: CommandSecrets) -> None:
    """Make what needs the restored files first, and no backup brings: swap files, keys, read-only subvolumes."""
    saved, plan, target = pending.saved, pending.plan, agent.workspace.target
    with agent.events.step("complete", "Complete the volumes") as step:
        for path in make_swap_files(saved, target):
            step.info(f"swap file {path} made again")
        for luks in add_key_files(saved, plan, target, secrets.value):
            step.info(f"{luks}: the restored key file opens it again")
        seal_subvolumes(saved, plan, _written_to(saved))


def _written_to(saved: SystemInformation) -> Tuple[str, ...]:
    """The subvolumes that this phase still writes to: those with the evidence, and those that can carry the stage."""
    evidence = f"/{EVIDENCE}/"
    defaults = {btrfs.default for btrfs in saved.btrfs}
    return tuple(sub.id for sub in saved.subvolumes if sub.id in defaults
                 or (sub.mount and evidence.startswith(sub.mount.rstrip("/") + "/")))


def adapt_replica(agent: Agent, pending: Pending) -> None:
    """Give a replica its own names in the restored files; a recovery leaves them alone."""
    if pending.plan.renamed:
        with agent.events.step("replica", "Give the replica its own identity") as step:
            for line in become_replica(pending.saved, pending.plan, agent.workspace.target):
                step.info(line)


def check(agent: Agent, pending: Pending) -> None:
    """Look whether what was restored can start."""
    with agent.events.step("check", "Check the restored system"):
        check_restored(pending.saved, agent.workspace.target, read_block_devices())


def make_machine_bootable(agent: Agent, pending: Pending) -> Tuple[str, ...]:
    """Install the restored system's own boot path."""
    with agent.events.step("boot", "Make the machine bootable") as step:
        done = make_bootable(pending.saved, pending.plan, agent.workspace.target, present_firmware())
        for line in done:
            step.info(line)
        run(["sync"], timeout=600)
        return done


def write_evidence(agent: Agent, pending: Pending, results: Tuple[CommandResult, ...],
                   boot: Tuple[str, ...], catalog: Optional[CatalogVerdict]) -> Path:
    """Leave report, plan, events and outputs in the restored system."""
    with agent.events.step("evidence", "Keep the evidence"):
        told = agent.workspace.events.read_text(encoding="utf-8", errors="replace")
        report = make_report(pending.job, steps_of(told), results, pending.plan.adjustments, boot, catalog,
                             [action.title for action in pending.plan.actions if action.kind in RAW_KINDS],
                             spared(pending.loaded.info, pending.plan, results), pending.plan.differs)
        return keep_evidence(agent.workspace.target, pending.job, report, pending.plan_json,
                             agent.workspace.events, pending.files.path("log"))


def clean_up(agent: Agent, pending: Pending, evidence: Path) -> None:
    """Give up the way back, then remove everything of ours. What is left is the restored machine."""
    target = agent.workspace.target
    with agent.events.step("clean-up", "Remove the rescue system from the disk"):
        esp = next((in_tree(target, fs) for fs in pending.saved.filesystems if fs.id == pending.job.esp_fs), None)
        commit(pending.files, pending.job, esp)
        if esp is not None:
            remove_placed(esp, pending.job.placed)
        remove_stage(pending.files)
        take_away([match.path for match in pending.plan.matches])  # of a phase 1 that was cut off at its very end
    keep_events(evidence, agent.workspace.events)


def release(agent: Agent, pending: Pending, stores: Tuple[ReadyStore, ...]) -> None:
    """Unmount everything and stop what it lies on, so that each byte is on its disk before the restart."""
    with agent.events.step("unmount", "Unmount the machine's volumes") as step:
        unmount_tree(agent.workspace.target)
        unmount(agent.workspace.stage)
        for store in stores:
            if store.device is not None:
                unmount(agent.workspace.store(store.id))
        seal_subvolumes(pending.saved, pending.plan)
        stop_volumes(pending.plan, step)
    eject_rescue_disc(read_block_devices())

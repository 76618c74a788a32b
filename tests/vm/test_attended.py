"""A person at the consoles of the rescue system: consent, refusal, and a restore that is already under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Tuple

import pytest
from attended_machine import (
    DISK_BYTES,
    DISK_SERIAL,
    HOSTNAME,
    LINUX,
    MIB,
    SET_ID,
    SILENCE_S,
    STICK_LABEL,
    TABLE_ID,
    Operator,
    heard,
    make_sif_stick,
    small_server,
)

from builder_lib.medium import COMMON_ARGS, LABEL, consoles
from builder_lib.options import BuildOptions
from builder_lib.pipeline import build_iso, rescue_system
from builder_lib.progress import Progress
from drill.events import AgentEvent, State
from drill.images import make_ext4, make_sparse, sha256
from drill.spec import Accel, DirectKernel, Disk, DiskFormat, MachineSpec
from drill.vm import Machine, Sign
from rescue.job import Job, JobState, StageFiles, parse_job
from rescue.staging.grubcfg import GrubPlace, phase2_arguments, phase2_cfg
from sif.errors import Exit
from sif.model import Firmware
from sif.run import run

pytestmark = pytest.mark.vm

CONSENT = "[consent] > "
SHELL = "start it again"
"""The last words of the greeting of the image's shells."""
TELL_EXIT = ("""printf '{"t":0,"phase":1,"step":"exit","state":"info","title":"%s"}\\n' """
             '"$(systemctl show -P ExecMainStatus lifeboat)" >/dev/virtio-ports/org.lifeboat.events')
"""Typed into a shell, sends the agent's exit code the way its events go."""
STAGE_UUID = "7c0b9a44-6c5e-4b0e-8a53-6f0d1c2b3a99"
STAGE_MIB = 400


@pytest.fixture(scope="module")
def iso(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ISO for people, of the current sources: it asks."""
    return build_iso(BuildOptions(output=tmp_path_factory.mktemp("iso") / "lifeboat.iso"), Progress())


def phase_failed(event: AgentEvent) -> bool:
    return event.step == "phase" and event.state is State.FAILED


def exit_code(machine: Machine, operator: Operator) -> int:
    """The agent's exit code, asked for in the shell that appears on the serial console when it ends."""
    operator.answer(SHELL, TELL_EXIT)
    return int(heard(machine, lambda event: event.step == "exit").title)


def hashes(*files: Path) -> Tuple[str, ...]:
    return tuple(map(sha256, files))


def test_what_the_operator_types_at_screen_or_serial_console_decides(iso: Path, tmp_path: Path) -> None:
    target, foreign, stick = (tmp_path / name for name in ("target.img", "foreign.img", "stick.img"))
    make_sparse(target, DISK_BYTES)
    make_ext4(foreign, DISK_BYTES, "foreign")
    make_sif_stick(stick, small_server(tmp_path), tmp_path)
    blank, *others = hashes(target, foreign, stick)
    spec = MachineSpec(
        name="attended", firmware=Firmware.BIOS, folder=tmp_path, sockets=tmp_path, accel=Accel.TCG, cdrom=iso,
        usb_stick=stick, no_reboot=True, operator=True,
        disks=(Disk("foreign", foreign, "FOREIGN01", DiskFormat.RAW),
               Disk("target", target, DISK_SERIAL, DiskFormat.RAW)))
    with Machine(spec) as machine:
        operator = Operator(machine)
        operator.answer_at_screen(CONSENT, "attended.example.com")
        refused = heard(machine, phase_failed).error or ""
        assert "attended.example.com" in refused and "nothing was written" in refused
        assert exit_code(machine, operator) == Exit.CONSENT_MISSING
        assert hashes(target, foreign, stick) == (blank, *others)
        operator.answer("# ", "systemctl restart lifeboat")
        operator.answer(CONSENT, "")  # a look whether it is alive: the question is shown again
        operator.answer(CONSENT, HOSTNAME)
        for step in ("consent", "rebuild", "verify", "stage", "phase"):
            heard(machine, lambda event: (event.step, event.state) == (step, State.FINISHED))  # noqa: B023
        restarted = machine.observe(SILENCE_S)
        assert (restarted.sign, restarted.reason) == (Sign.SHUTDOWN, "guest-reset")
    assert hashes(foreign, stick) == tuple(others)
    table = json.loads(run(("sfdisk", "--json", str(target)), timeout=60).stdout)["partitiontable"]
    assert table["id"].lower() == TABLE_ID
    boot = f"{target}?offset={table['partitions'][1]['start'] * 512}"
    job = parse_job(run(("debugfs", "-R", "cat /lifeboat/job.json", boot), timeout=60).stdout, boot)
    assert (job.hostname, job.state, job.auto) == (HOSTNAME, JobState.PENDING, False)


def make_pending(disk: Path, work: Path) -> Job:
    """A disk whose only partition holds what staging leaves there, except for the rescue system itself."""
    stage = StageFiles(work / "stage")
    stage.directory.mkdir(parents=True)
    job = Job("7d2c", SET_ID, HOSTNAME, "2026-11-22T02:10:04Z", JobState.PENDING, "boot", STAGE_UUID, "dr_state.sif",
              auto=True)
    stage.write_job(job)
    arguments = phase2_arguments("", STAGE_UUID, True)
    stage.commit.write_text(phase2_cfg(GrubPlace(STAGE_UUID), HOSTNAME, arguments, ()))
    make_sparse(disk, DISK_BYTES)
    script = work / "table.sfdisk"
    script.write_text(f"label: gpt\nstart=2048, size={STAGE_MIB * 2048}, type={LINUX}\n")
    run(("sh", "-c", 'exec sfdisk --quiet "$1" <"$2"', "sh", str(disk), str(script)), timeout=60)
    run(("mkfs.ext4", "-q", "-F", "-U", STAGE_UUID, "-d", str(stage.root), "-E", f"offset={MIB}", str(disk),
         f"{STAGE_MIB}M"), timeout=60)
    return job


def test_an_unattended_phase_1_leaves_a_half_done_restore_alone(iso: Path, tmp_path: Path) -> None:
    disk, stick = tmp_path / "disk.img", tmp_path / "stick.img"
    job = make_pending(disk, tmp_path)
    make_sif_stick(stick, small_server(tmp_path), tmp_path)
    before = hashes(disk, stick)
    system = rescue_system(BuildOptions(), Progress())
    # Started without the medium's GRUB, which would hand over to phase 2 before the agent could refuse.
    kernel = DirectKernel(system.kernel, system.initrd, " ".join((
        f"root=live:CDLABEL={LABEL} rd.live.dir=live rd.live.squashimg=filesystem.squashfs rd.live.ram=1", COMMON_ARGS,
        consoles(BuildOptions()), f"rescue.auto rescue.sif=LABEL={STICK_LABEL}")))
    spec = MachineSpec(
        name="pending", firmware=Firmware.BIOS, folder=tmp_path, sockets=tmp_path, accel=Accel.TCG, cdrom=iso,
        usb_stick=stick, kernel=kernel, no_reboot=True, operator=True,
        disks=(Disk("target", disk, DISK_SERIAL, DiskFormat.RAW),))
    with Machine(spec) as machine:
        operator = Operator(machine)
        refused = heard(machine, phase_failed)
        assert refused.phase == 1
        for word in ("half done", job.job_id, HOSTNAME, "without rescue.auto"):
            assert word in (refused.error or "")
        assert exit_code(machine, operator) == Exit.PHASE2_PENDING
    assert hashes(disk, stick) == before

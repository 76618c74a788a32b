"""What the planner makes of every scenario of the hardware matrix, before a machine is started for it.

`drill-server` is what a drill captured of its plain server under UEFI (without catalog, drivers and secrets); the other
servers are derived from it as the installers differ.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, Tuple

import pytest
from planner_machines import machine, present

from drill.scenario import Content, Replacement, Scenario
from drill.scenarios import ALL, FILLS
from drill.server import facts
from drill.server.facts import Server
from drill.spec import DISK_SLOT, Bus
from rescue.hardware import Hardware, Whole
from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.consent import require_unattended, unattended_verdict
from sif.edit.cli import parsed_change
from sif.errors import LifeboatError
from sif.model import (
    Command,
    Firmware,
    Fit,
    Grow,
    Intact,
    Loader,
    Overwrite,
    Phase,
    Policy,
    Ref,
    SystemInformation,
)
from sif.reader import read_set

MIB = 1 << 20
BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"
RECORDED = Path(__file__).with_name("drill-server")


def saved_server(scenario: Scenario) -> SystemInformation:
    """The scenario's server, with the policy that is decided beforehand."""
    saved = read_set(RECORDED)
    if scenario.server is Server.ROOMY:
        saved = on_one_disk(saved)
    if scenario.firmware is Firmware.BIOS:
        saved = by_bios(saved)
    return replace(saved, commands=commands(scenario), policy=policy(scenario))


def on_one_disk(saved: SystemInformation) -> SystemInformation:
    """What install_roomy.py makes of the recorded server."""
    size = facts.ROOMY_DISK_BYTES
    system = replace(saved.disks[0], size_bytes=size)
    parts = tuple(replace(one, sectors=size // 512 - one.start_sector - 34 - 1) if one.id == "d0p3" else one
                  for one in saved.partitions if one.disk == "d0")
    pv = replace(saved.pvs[0], extents=(parts[2].sectors * 512 - saved.pvs[0].pe_start_bytes) // (4 * MIB))
    lvs, at = [], 0
    for name, mib, like in (("root", 6144, "lv_vg0_root"), ("srv", 768, "lv_vg_data_srv"),
                            ("swap", 512, "lv_vg0_swap")):
        model = next(lv for lv in saved.lvs if lv.id == like)
        lvs.append(replace(model, id=f"lv_vg0_{name}", vg=Ref("vg0"), extents=mib // 4,
                           segments=(f"{pv.id}:{at}:{mib // 4}",)))
        at += mib // 4
    filesystems = tuple(replace(fs, device=Ref("lv_vg0_srv")) if fs.id == "srv" else fs for fs in saved.filesystems)
    return replace(saved, disks=(system, *saved.disks[2:]), partitions=parts, pvs=(pv,), vgs=saved.vgs[:1],
                   lvs=tuple(lvs), filesystems=filesystems)


def by_bios(saved: SystemInformation) -> SystemInformation:
    """What install.py makes of the recorded server under BIOS."""
    boot_mib, first = 1, saved.partitions[0]
    moved = (first.sectors // 2048) - boot_mib
    parts = (replace(first, sectors=boot_mib * 2048, type=BIOS_BOOT),
             *(replace(one, start_sector=one.start_sector - moved * 2048,
                       sectors=one.sectors + (moved * 2048 if one.id == "d0p3" else 0))
               for one in saved.partitions[1:3]), *saved.partitions[3:])
    assert saved.boot is not None
    return replace(
        saved, system=replace(saved.system, firmware=Firmware.BIOS), partitions=parts, efi_entries=(),
        boot=replace(saved.boot, loader=Loader.GRUB_PC, disks=(Ref("d0"),), esp=(), boot_order=(), shim=False),
        pvs=(replace(saved.pvs[0], extents=saved.pvs[0].extents + moved // 4), *saved.pvs[1:]),
        filesystems=tuple(fs for fs in saved.filesystems if fs.id != "esp"))


def commands(scenario: Scenario) -> Tuple[Command, ...]:
    """Both restore programs; what they fill is said where the scenario says it."""
    filled: Dict[str, Tuple[str, ...]] = {
        edit[1]: tuple(edit[2].partition("=")[2].strip("[]").split(", ")) for edit in scenario.edits}
    return tuple(Command(ident, Phase.RESTORE, "v", ident, ("true",), volumes=tuple(map(Ref, filled.get(ident, ()))))
                 for ident in ("2000", "2100"))


def policy(scenario: Scenario) -> Policy:
    """The set's POLICY after `sif edit`."""
    kinds = {"fit": Fit, "grow": Grow, "intact": Intact, "overwrite": Overwrite}
    found = Policy()
    for word in scenario.policy:
        key, _, value = word.partition("=")
        found = replace(found, accept=tuple(one.strip('"') for one in value.strip("[]").split(", "))) \
            if key == "accept" else replace(found, **{key: kinds[key](value)})
    return found


def hardware(scenario: Scenario, replacement: Replacement) -> Hardware:
    """The replacement machine as the rescue system sees it, disks named in the kernel's order."""
    names = {Bus.VIRTIO: "vd{letter}", Bus.SATA: "sd{letter}", Bus.NVME: "nvme{number}n1"}
    count: Dict[Bus, int] = {}
    disks, whole = [], []
    sizes = dict(zip(facts.disk_names(scenario.server), facts.disk_bytes(scenario.server)))
    for place, new in enumerate(replacement.disks):
        number = count[new.bus] = count.get(new.bus, -1) + 1
        name = names[new.bus].format(letter="abcdef"[number], number=number)
        holds = () if new.content is Content.BLANK else (f"{name}: {new.content.value}",)
        disks.append(present(name, new.size or sizes[new.of], serial=new.serial, signatures=holds,
                             by_path=f"pci-0000:00:{DISK_SLOT + place:02x}.0" if new.bus is Bus.VIRTIO else None))
        if new.kept:
            whole += [Whole(ident, (name,)) for ident in ("table:d1", "vg:vg_data", "fs:srv")]
        if new.kept_volumes:
            whole += [Whole(ident, (name,)) for ident in ("table:d0", "vg:vg0", "fs:srv", "fs:esp", "fs:boot")]
    return replace(machine(*disks, firmware=replacement.firmware), whole=tuple(whole))


def planned(scenario: Scenario, replacement: Replacement) -> RestorePlan:
    replica = scenario.arguments.partition("rescue.replica=")[2] or None
    return plan_restore(saved_server(scenario), hardware(scenario, replacement), RestorePolicy(replica=replica))


CASES = [pytest.param(scenario, machine, id=f"{scenario.name}-{number}") for scenario in ALL
         for number, machine in enumerate(scenario.machines, 1)]


@pytest.mark.parametrize(("scenario", "replacement"), CASES)
def test_an_unattended_run_may_do_what_the_scenario_says_and_nothing_else(scenario: Scenario,
                                                                         replacement: Replacement) -> None:
    plan = planned(scenario, replacement)
    assert {f"{one.code} {one.subject}" for one in plan.adjustments} == set(scenario.adjustments)
    require_unattended(plan, policy(scenario).overwrite)


@pytest.mark.parametrize(("scenario", "replacement"), CASES)
def test_every_saved_disk_goes_to_its_own_and_no_bystander_is_a_target(scenario: Scenario,
                                                                      replacement: Replacement) -> None:
    plan = planned(scenario, replacement)
    serials = {found.name: found.serial for found in hardware(scenario, replacement).disks}
    names = {new.serial: new.name for new in replacement.disks}
    wanted = dict(zip(("d0", "d1"), facts.disk_names(scenario.server)))
    used = {new.name for new in replacement.used}
    assert {match.saved: names[str(serials[match.name])] for match in plan.matches} == {
        saved: name for saved, name in wanted.items() if name in used}
    assert {consent.path for consent in plan.consents} <= {match.path for match in plan.matches}


@pytest.mark.parametrize("scenario", [one for one in ALL if one.refusal], ids=lambda one: one.name)
def test_what_is_refused_first_has_no_consent_then(scenario: Scenario) -> None:
    assert scenario.refusal is not None
    plan = planned(scenario, scenario.machines[0])
    assert not unattended_verdict(plan, Overwrite.SAME_DISK).granted
    with pytest.raises(LifeboatError, match=scenario.refusal.words):
        require_unattended(plan, Overwrite.SAME_DISK)


def test_changes_of_a_set_are_such_as_the_editor_takes() -> None:
    for scenario in ALL:
        if scenario.policy:
            assert parsed_change("POLICY", list(scenario.policy), (), False, False)
        for edit in (*scenario.edits, *FILLS):
            assert parsed_change(edit[0], list(edit[1:]), (), False, False)

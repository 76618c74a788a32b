"""Replicas: identities of their own, the same for the same name, and never the original's."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Dict, Optional, Tuple

import pytest
from planner_cases import MACHINES, mirror, plain, two
from planner_machines import machine, present

from rescue.hardware import PresentDisk
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, plan_restore
from rescue.planner.codec import dump_plan
from rescue.planner.replicate import filled, lvm_uuid
from rescue.storage.lvm_metadata import metadata_text, of_replica
from sif.model import DiskRole, FileSystem, Firmware, FsType, MachineId, Mode, Nic, Policy, Ref, SystemInformation

IDS = ("table_id", "uuid", "machine_id_value")


def clone(saved: SystemInformation, name: str) -> RestorePlan:
    disks = tuple(present(f"vd{disk.id}", disk.size_bytes, by_path=disk.by_path) for disk in saved.disks)
    here = replace(machine(*disks), firmware=saved.system.firmware)
    return plan_restore(saved, here, RestorePolicy(replica=name))


def identities(info: SystemInformation) -> Dict[Tuple[str, str, str], str]:
    found = {}
    for record in info.records():
        for key in IDS:
            if value := getattr(record, key, None):
                found[(record.KIND, str(getattr(record, "id", "")), key)] = value
    return found


@pytest.mark.parametrize("name", sorted(set(MACHINES) - {"data"}))
def test_no_identity_is_shared_with_the_original_or_another_replica(name: str) -> None:
    saved = MACHINES[name]()
    plans = [clone(saved, replica) for replica in ("web02", "web03")]
    all_of_them = [identities(saved), *(identities(plan.target_of(saved)) for plan in plans)]
    values = [value for found in all_of_them for value in found.values()]
    assert set(all_of_them[0]) <= set(all_of_them[1]) and len(set(values)) == len(values)


def test_the_same_name_gives_the_same_plan() -> None:
    assert dump_plan(clone(two(), "web02")) == dump_plan(clone(two(), "web02"))


def test_the_system_gets_a_name_a_machine_id_and_new_ssh_keys() -> None:
    saved = replace(plain(), system=replace(
        plain().system, machine_id_value="0" * 32, ssh_host_keys=("ssh-ed25519 SHA256:" + "a" * 43,)))
    plan = clone(saved, "web02")
    system = plan.target_of(saved).system
    assert (system.hostname, system.machine_id, system.ssh_host_keys) == (
        "web02.example.org", MachineId.REGENERATE, ())
    assert plan.hostname == "web02.example.org"
    assert {("web01.example.org", "web02.example.org"), ("0" * 32, system.machine_id_value)} <= {
        (new.before, new.after) for new in plan.renamed}


def test_arrays_belong_to_the_replica() -> None:
    saved = replace(mirror(), arrays=(replace(mirror().arrays[0], homehost="web01"),))
    assert clone(saved, "web02").target_of(saved).arrays[0].homehost == "web02"


def test_file_systems_keep_the_form_of_their_ids() -> None:
    base = plain()
    saved = replace(base, filesystems=(*base.filesystems[:3], FileSystem(
        "win", Ref("d0p4"), FsType.NTFS, "0123456789ABCDEF", mount="/win")))
    ids = {fs.id: fs.uuid for fs in clone(saved, "web02").target_of(saved).filesystems}
    assert re.fullmatch("[0-9A-F]{4}-[0-9A-F]{4}", ids["esp"]) and re.fullmatch("[0-9A-F]{16}", ids["win"])


def test_lvm_uuids_have_lvm_s_form() -> None:
    made = lvm_uuid(b"x")
    assert [len(part) for part in made.split("-")] == [6, 4, 4, 4, 4, 4, 6] and made.replace("-", "").isalnum()


def test_lvm_s_own_metadata_gets_the_new_identities() -> None:
    saved = two()
    vg, pv = saved.vgs[0], saved.pvs[0]
    text = metadata_text(vg, [pv], [lv for lv in saved.lvs if lv.vg == vg.id], {pv.id: 1 << 33})
    plan = clone(saved, "web02")
    target = plan.target_of(saved)
    made = of_replica(text, plan.renamed)
    assert vg.uuid not in made and pv.uuid not in made
    assert f'"{target.vgs[0].uuid}"' in made and f'"{target.pvs[0].uuid}"' in made


def with_address(policy: Policy) -> SystemInformation:
    return replace(plain(), policy=policy, nics=(Nic("eth0", mac="52:54:00:00:00:01", addresses=("192.0.2.1/24",)),))


def refused(saved: SystemInformation, policy: RestorePolicy, disk: Optional[PresentDisk] = None) -> Tuple[str, ...]:
    with pytest.raises(NoPlan) as caught:
        plan_restore(saved, machine(disk or present("vda")), policy)
    return tuple(reason.code for reason in caught.value.reasons)


def test_addresses_come_from_the_template() -> None:
    saved = with_address(Policy(mode=Mode.REPLICATE, replica_hostname="{name}.lan",
                                replica_addresses=("eth0=192.0.2.1{number}/24",)))
    made = plan_restore(saved, machine(present("vda")), RestorePolicy(replica="web02")).target_of(saved)
    assert (made.system.hostname, made.nics[0].addresses) == ("web02.lan", ("192.0.2.12/24",))


@pytest.mark.parametrize(("policy", "name", "code"), [
    (Policy(mode=Mode.REPLICATE), "web02", "replica-clash"),
    (Policy(mode=Mode.REPLICATE, replica_addresses=("eth0=192.0.2.1/24",)), "web02", "replica-clash"),
    (Policy(mode=Mode.REPLICATE, replica_addresses=("eth0=192.0.2.9/24",), replica_hostname="web01.example.org"),
     "web02", "replica-clash"),
    (Policy(mode=Mode.REPLICATE, replica_hostname="{name}_x"), "web02", "replica-name"),
    (Policy(mode=Mode.REPLICATE), None, "replica-name"), (Policy(), "web 2", "replica-name"),
])
def test_a_clash_with_the_original_is_refused(policy: Policy, name: "str | None", code: str) -> None:
    assert code in refused(with_address(policy), RestorePolicy(replica=name))


def test_a_data_disk_of_the_original_may_come_along() -> None:
    """The store that a replica is filled from. A disk that would be made anew may not: then this is the original."""
    saved = MACHINES["data"]()
    store = next(disk for disk in saved.disks if disk.role is DiskRole.DATA)
    with_store = machine(present("vda", saved.disks[0].size_bytes),
                         present("vdb", store.size_bytes, serial=store.serial))
    plan = plan_restore(saved, replace(with_store, firmware=saved.system.firmware), RestorePolicy(replica="web02"))
    assert [match.saved for match in plan.matches] == [saved.disks[0].id]
    assert "replica-clash" in refused(saved, RestorePolicy(replica="web02"),
                                      present("vda", saved.disks[0].size_bytes, serial=saved.disks[0].serial))


def test_a_template_names_what_it_is_given() -> None:
    assert filled("{name}-{number}", "node07") == "node07-7"


def test_the_firmware_does_not_matter() -> None:
    assert clone(MACHINES["bios"](), "web02").target_of(MACHINES["bios"]()).system.firmware is Firmware.BIOS

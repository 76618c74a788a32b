"""A pending phase 2 stops an unattended phase 1; devices are told apart as the kernel shows them."""

from pathlib import Path

import pytest
from agent_machines import SET_ID

from rescue.blockdev import BlockDevice, parse_lsblk
from rescue.console import LineConsole, Unattended
from rescue.failures import ConsentMissing, Phase2Pending
from rescue.guard import Pending, PendingJob, _pending_in, check_pending, could_be_stages
from rescue.job import Job, JobState, StageFiles
from rescue.medium import MediumFound
from rescue.stores import ReadyStore, exclusions, find_device, location_of
from sif.errors import Exit
from sif.model import Store, StoreKind

JOB = Job("j1", SET_ID, "web01.example.org", "2026-11-22T02:10:04Z", JobState.PENDING, "boot", "d2b1", "dr_state.sif")
DEVICE = BlockDevice("vda2", "/dev/vda2", "part", "ext4")
LSBLK = """{"blockdevices": [
 {"name": "sr0", "kname": "sr0", "path": "/dev/sr0", "type": "rom", "fstype": "iso9660", "label": "LIFEBOAT",
  "uuid": "2026", "mountpoints": [null], "size": 1, "ptuuid": null, "serial": null},
 {"name": "sda", "kname": "sda", "path": "/dev/sda", "type": "disk", "fstype": null, "label": null, "uuid": null,
  "mountpoints": [null], "size": 9, "ptuuid": "t1", "serial": "S", "children": [
   {"name": "sda1", "kname": "sda1", "path": "/dev/sda1", "type": "part", "fstype": "ext4", "label": "store",
    "uuid": "AB", "mountpoints": [null], "size": 8}]},
 {"name": "vda", "kname": "vda", "path": "/dev/vda", "type": "disk", "fstype": null, "label": null, "uuid": null,
  "mountpoints": [null], "size": 9, "children": [
   {"name": "vg-root", "kname": "dm-0", "path": "/dev/mapper/vg-root", "type": "lvm", "fstype": "xfs", "label": null,
    "uuid": "CD", "mountpoints": ["/mnt"], "size": 8}]},
 {"name": "vdb", "kname": "vdb", "path": "/dev/vdb", "type": "disk", "fstype": null, "label": null, "uuid": null,
  "mountpoints": [null], "size": 9, "children": [
   {"name": "vg-root", "kname": "dm-0", "path": "/dev/mapper/vg-root", "type": "lvm", "fstype": "xfs", "label": null,
    "uuid": "CD", "mountpoints": ["/mnt"], "size": 8}]}]}"""


def test_a_volume_on_two_disks_lies_on_both() -> None:
    devices = parse_lsblk(LSBLK)
    (volume,) = devices.by_uuid("cd")
    assert devices.disks_under(volume) == ("vda", "vdb")
    assert [d.kname for d in could_be_stages(devices)] == ["sda1"]


def test_medium_store_and_rescue_disc_are_no_targets() -> None:
    devices = parse_lsblk(LSBLK)
    assert [d.path for d in find_device("LABEL=store", devices)] == ["/dev/sda1"]
    medium = MediumFound("/dev/sdc1", "sdc", Path("/m"), Path("/m/x.sif"), SET_ID)
    stores = [ReadyStore("s", "/x", "/dev/sda1", ("sda",))]
    assert exclusions(medium, stores, "CDLABEL=LIFEBOAT", devices) == {
        "/dev/sr0": "the rescue disk", "/dev/sda": "store s", "/dev/sdc": "the medium"}


@pytest.mark.parametrize(("location", "mount", "text"), [
    ("/restic", Path("/run/s"), "/run/s/restic"), ("/", Path("/run/s"), "/run/s"),
    ("rest:https://backup.example.org/web01", None, "rest:https://backup.example.org/web01")])
def test_the_location_of_a_store(location: str, mount: "Path | None", text: str) -> None:
    assert location_of(Store("s", StoreKind.RESTIC, location), mount) == text


def test_an_unattended_run_refuses_and_says_what_to_do() -> None:
    with pytest.raises(Phase2Pending) as caught:
        check_pending([PendingJob(DEVICE, JOB)], Unattended(), True)
    assert caught.value.code is Exit.PHASE2_PENDING
    assert "/dev/vda2: restore of web01.example.org, job j1" in str(caught.value)


def test_an_operator_continues_or_types_the_name_to_start_over() -> None:
    pending = [PendingJob(DEVICE, JOB)]
    assert check_pending(pending, Unattended({"pending": "continue"}), False) is Pending.CONTINUE
    assert check_pending(pending, LineConsole([], {"pending": "start-over", "pending.name": "web01.example.org"}),
                         False) is Pending.START_OVER
    with pytest.raises(ConsentMissing):
        check_pending(pending, Unattended({"pending": "start-over", "pending.name": "yes"}), False)


def test_nothing_pending_is_no_question() -> None:
    assert check_pending([], Unattended(), True) is Pending.NOTHING


@pytest.mark.parametrize(("state", "committed", "pending"), [
    (JobState.PENDING, True, True), (JobState.PENDING, False, False), (JobState.DONE, True, False)])
def test_a_job_is_pending_from_its_commit_file_on(tmp_path: Path, state: JobState, committed: bool,
                                                  pending: bool) -> None:
    files = StageFiles(tmp_path)
    files.directory.mkdir()
    files.write_job(Job(**{**JOB.__dict__, "state": state}))
    if committed:
        files.commit.write_text("menu")
    assert (_pending_in(DEVICE, files) is not None) is pending


def test_a_damaged_job_file_is_not_ignored(tmp_path: Path) -> None:
    files = StageFiles(tmp_path)
    files.directory.mkdir()
    files.job.write_text("{")
    files.commit.write_text("menu")
    found = _pending_in(DEVICE, files)
    assert found is not None and "damaged" in str(found)

"""Staging where GRUB cannot read the volume: kernel and initrd on the EFI system partition, the rest on the array."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, List

import pytest

from rescue import guard
from rescue.blockdev import BlockDevice, BlockDevices
from rescue.cleanup import commit, remove_placed, remove_stage
from rescue.events import Events
from rescue.job import JobState, PlacedFile, StageFiles
from rescue.settings import Settings
from rescue.staging import stage as staging
from rescue.staging.choose import StagePlace, candidates
from rescue.staging.grubcfg import GrubPlace
from rescue.staging.sources import RescueFiles
from rescue.staging.stage import StageOrder, stage
from rescue.workspace import Workspace
from sif.model import Firmware

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "agent"))
from agent_machines import BOOT_UUID, server  # noqa: E402 - the unit tests' machine

WORD = "md,0f0e0d0c:0b0a4908:87060504:03020105,md200"
SHIM = PlacedFile("EFI/lifeboat/shimx64.efi", "0" * 64)


class Place:
    """A workspace with a target tree of plain directories, and the rescue system's files."""

    def __init__(self, folder: Path) -> None:
        self.space = Workspace(folder / "run")
        self.target = self.space.target
        self.esp, self.boot = self.target / "boot/efi", self.target / "boot"
        self.esp.mkdir(parents=True)
        self.space.set.mkdir(parents=True)
        (self.space.set / "dr_state.sif").write_text("[VERSION 1]\n")
        for name in ("vmlinuz", "initrd.img", "squashfs"):
            (folder / name).write_bytes(name.encode() * 100)
        self.files = RescueFiles(folder / "vmlinuz", folder / "initrd.img", folder / "squashfs")
        self.menus: List[GrubPlace] = []

    def order(self) -> StageOrder:
        return StageOrder(server(), "{}", "dr_state.sif", self.files, Settings(auto=True), "quiet console=ttyS0", (),
                          Firmware.UEFI, "signed", "ab" * 32)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    made = Place(tmp_path)

    def boot_path(_order: Any, _space: Any, _files: Any, menu: GrubPlace, _esp: Any) -> Any:
        made.menus.append(menu)
        return (SHIM,)

    monkeypatch.setattr(staging, "_install_boot_path", boot_path)
    return made


def chosen(monkeypatch: pytest.MonkeyPatch, esp: "str | None") -> None:
    (boot,) = [volume for volume in candidates(server()) if volume.ident == "boot"]
    monkeypatch.setattr(staging, "choose_stage", lambda *_: StagePlace(boot, (WORD,) if esp else (), esp))


def names(folder: Path) -> List[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_grub_loads_is_where_grub_can_read_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "esp")
    job = stage(place.order(), place.space, Events(1, []))
    assert names(place.esp / "lifeboat") == ["initrd.img", "phase2.cfg", "vmlinuz"]
    assert names(place.boot / "lifeboat") == ["filesystem.squashfs", "job.json", "phase2.cfg", "plan.json", "set"]
    menu = (place.esp / "lifeboat/phase2.cfg").read_text()
    esp = next(fs.uuid for fs in server().filesystems if fs.id == "esp")
    assert place.menus == [GrubPlace(esp)] and f"--set=root {esp}" in menu and BOOT_UUID in menu.split("linux ")[1]
    assert f"rescue.stage.up={WORD}" in menu and (place.boot / "lifeboat/phase2.cfg").read_text() == menu
    assert [file.path for file in job.placed] == [SHIM.path, "lifeboat/vmlinuz", "lifeboat/initrd.img"]
    assert (job.stage_fs, job.stage_uuid, job.esp_fs) == ("boot", BOOT_UUID, "esp")


def test_all_of_it_goes_away_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, "esp")
    (place.esp / "EFI/debian").mkdir(parents=True)
    job = stage(place.order(), place.space, Events(1, []))
    files = StageFiles(place.boot)
    commit(files, job, place.esp)
    assert files.read_job().state is JobState.DONE
    assert not (place.esp / "lifeboat/phase2.cfg").exists() and not files.commit.exists()
    assert (place.esp / "lifeboat/vmlinuz").exists()
    commit(files, job, place.esp)  # a power cut between the steps: it can be done again
    assert remove_placed(place.esp, job.placed) == ("lifeboat/vmlinuz", "lifeboat/initrd.img")
    remove_stage(files)
    assert names(place.esp) == ["EFI"] and names(place.boot) == ["efi"]


def test_beside_the_rest_where_grub_reads_it_and_again_over_an_earlier_attempt(
        place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen(monkeypatch, None)
    for _ in range(2):
        (place.boot / "lifeboat").mkdir(exist_ok=True)
        (place.boot / "lifeboat/left-over").write_text("x")
        stage(place.order(), place.space, Events(1, []))
        assert names(place.boot / "lifeboat") == ["filesystem.squashfs", "initrd.img", "job.json", "phase2.cfg",
                                                  "plan.json", "set", "vmlinuz"]
    assert place.menus == [GrubPlace(BOOT_UUID)] * 2 and not (place.esp / "lifeboat").exists()


def test_a_pending_job_on_an_array_is_looked_for_apart() -> None:
    array = BlockDevice("md200", "/dev/md200", "raid1", "ext4", uuid=BOOT_UUID, parents=("vda2", "vdb2"))
    plain = BlockDevice("vdc1", "/dev/vdc1", "part", "ext4")
    devices = BlockDevices((array, plain, replace(array, kname="md201", mount_points=("/mnt",))))
    assert guard.could_be_stages(devices) == (plain,)
    assert guard.could_be_stages(devices, layered=True) == (array,)

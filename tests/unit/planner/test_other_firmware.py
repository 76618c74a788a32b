"""A restored system that starts by other firmware: the files, and the way to its own menu."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from planner_cases import bios, machine_of, plain, present_of

from rescue import other_firmware
from rescue.failures import BootLoaderFailed
from rescue.planner import RestorePolicy, plan_restore
from sif.model import Btrfs, Ref, Subvolume, SystemInformation
from sif.run import Result


def moved_to_uefi() -> SystemInformation:
    plan = plan_restore(bios(), present_of("uefi; vda 8G serial=SERd0"), RestorePolicy())
    assert other_firmware.changed_firmware(plan)
    return plan.target_of(bios())


def library(root: Path) -> Path:
    for path in ("shim/shimx64.efi.signed", "shim/mmx64.efi.signed", "grub/x86_64-efi-signed/gcdx64.efi.signed"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path, "ascii")
    return root


def test_the_loader_lies_where_the_planned_entry_points(tmp_path: Path) -> None:
    saved = moved_to_uefi()
    esp = tmp_path / "tree" / "boot/efi"
    esp.mkdir(parents=True)
    other_firmware.install_uefi(saved, tmp_path / "tree", library(tmp_path / "lib"))
    entry = saved.efi_entries[0]
    assert (esp / entry.path.replace("\\", "/").strip("/")).read_text("ascii") == "shim/shimx64.efi.signed"
    assert (esp / "EFI/BOOT/grubx64.efi").read_text("ascii").startswith("grub/")
    assert (esp / "boot/grub/grub.cfg").read_text("ascii") == other_firmware.menu_cfg(saved)


def test_an_image_without_the_files_says_which(tmp_path: Path) -> None:
    (tmp_path / "boot/efi").mkdir(parents=True)
    with pytest.raises(BootLoaderFailed, match="shimx64"):
        other_firmware.install_uefi(moved_to_uefi(), tmp_path, tmp_path / "nothing")


def test_the_menu_is_found_on_its_own_file_system() -> None:
    boot = next(fs for fs in plain().filesystems if fs.id == "boot")
    assert other_firmware.menu_cfg(plain()).splitlines() == [
        f"search --no-floppy --fs-uuid --set=root {boot.uuid}", "set prefix=($root)/grub",
        "configfile $prefix/grub.cfg"]


def test_the_menu_is_found_in_a_subvolume() -> None:
    base = plain()
    saved = replace(
        base, system=replace(base.system, boot_fs=Ref("sv")), filesystems=(),
        btrfs=(Btrfs("top", (Ref("d0p3"),), "4f0a7b9c-1d22-4f9b-9d6b-7c2e0f7a1002"),),
        subvolumes=(Subvolume("sv", Ref("top"), "@root", mount="/"),))
    assert "set prefix=($root)/@root/boot/grub" in other_firmware.menu_cfg(saved)


def test_a_bios_gets_grub_on_the_planned_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []

    def run(argv: "list[str]", **_options: object) -> Result:
        told.append(argv)
        return Result(tuple(argv), 0, "", "", 0.0)

    monkeypatch.setattr(other_firmware, "run", run)
    plan = plan_restore(plain(), present_of("bios; vda 8G serial=SERd0"), RestorePolicy())
    boot = plan.target_of(plain()).boot
    assert boot is not None
    other_firmware.install_bios(boot, plan.path_of(boot.disks[0]), tmp_path)
    assert told == [["grub-install", "--target=i386-pc", f"--boot-directory={tmp_path}/boot", "--no-floppy",
                     "/dev/vda"]]


def test_the_same_firmware_changes_nothing() -> None:
    plan = plan_restore(machine_of("plain"), present_of("vda 8G serial=SERd0"), RestorePolicy())
    assert not other_firmware.changed_firmware(plan)

"""A restored system that starts by other firmware: the files, and the way to its own menu."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Optional

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


def test_the_restored_system_mounts_its_new_partition_at_every_start(tmp_path: Path) -> None:
    """Else no backup and no capture would find the loader. All that fstab had stays, and a second run adds nothing."""
    saved, tree = moved_to_uefi(), tmp_path / "tree"
    (esp,) = [fs for fs in saved.filesystems if fs.mount == "/boot/efi"]
    fstab = tree / "etc/fstab"
    fstab.parent.mkdir(parents=True)
    fstab.write_text("UUID=1 / ext4 defaults 0 1\n# /boot/efi was once here")
    fstab.chmod(0o640)
    os.utime(fstab.parent, ns=(10 ** 18 + 1, 10 ** 18 + 2))
    said = [other_firmware.install_uefi(saved, tree, library(tmp_path / "lib")) for _ in range(2)]
    lines = fstab.read_text().splitlines()
    assert lines[:2] == ["UUID=1 / ext4 defaults 0 1", "# /boot/efi was once here"] and len(lines) == 3
    assert lines[2].split("#")[0].split() == [f"UUID={esp.uuid}", "/boot/efi", "vfat", "umask=0077", "0", "1"]
    assert ["/etc/fstab: mounts /boot/efi" in one for one in said] == [True, False]
    assert fstab.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in fstab.parent.iterdir()] == ["fstab"]
    assert fstab.parent.stat().st_mtime_ns == 10 ** 18 + 2, "the directory is as it was restored"


@pytest.mark.parametrize("text", ["UUID=AAAA-BBBB /boot/efi vfat umask=0077 0 1\n", None])
def test_a_line_of_its_own_is_left_as_it_is(tmp_path: Path, text: Optional[str]) -> None:
    esp = next(fs for fs in moved_to_uefi().filesystems if fs.mount == "/boot/efi")
    if text is not None:
        (tmp_path / "fstab").write_text(text)
    assert other_firmware.mounted_at_start(esp, tmp_path / "fstab") == ()
    assert not (tmp_path / "fstab").exists() if text is None else (tmp_path / "fstab").read_text() == text


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

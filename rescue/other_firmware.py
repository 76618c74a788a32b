"""Makes a restored system start by firmware that it did not start by: with the rescue system's GRUB and its own menu.

UEFI: shim and the signed CD GRUB, which reads its configuration from ``/boot/grub`` of the EFI system partition it was
loaded from; that configuration leads to the restored menu, and fstab gets a line for that partition. BIOS:
``grub-install`` with the rescue system's modules.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Optional, Tuple

from rescue.durable import copy_verified, rewrite_durably, sync_directory, write_durably
from rescue.failures import BootLoaderFailed
from rescue.plan import RestorePlan
from rescue.planner.firmware import CODE
from rescue.staging.grubcfg import quoted
from sif.errors import CommandFailed, ToolMissing
from sif.model import Boot, FileSystem, SystemInformation
from sif.run import run

_LIBRARY = Path("/usr/lib")
_FILES: Tuple[Tuple[Tuple[str, ...], str], ...] = (
    (("shim/shimx64.efi.signed",), "EFI/BOOT/BOOTX64.EFI"),
    (("grub/x86_64-efi-signed/gcdx64.efi.signed", "grub/x86_64-efi/monolithic/gcdx64.efi"), "EFI/BOOT/grubx64.efi"),
    (("shim/mmx64.efi.signed", "shim/mmx64.efi"), "EFI/BOOT/mmx64.efi"))
_CONFIG = "boot/grub/grub.cfg"


def changed_firmware(plan: RestorePlan) -> bool:
    """Whether the plan makes the machine start by other firmware than it was saved with."""
    return any(adjustment.code == CODE for adjustment in plan.adjustments)


def install_uefi(saved: SystemInformation, target: Path, library: Path = _LIBRARY) -> Tuple[str, ...]:
    """Put the loader on the EFI system partition of the tree at ``target``; returns what was done."""
    boot = saved.boot
    esp = next((fs for fs in saved.filesystems if boot and fs.id in boot.esp and fs.mount), None)
    if boot is None or esp is None or esp.mount is None:
        raise BootLoaderFailed("the plan has no mounted EFI system partition", where="BOOT.esp")
    where = target / esp.mount.strip("/")
    for candidates, path in _FILES:
        source = next((library / name for name in candidates if (library / name).is_file()), None)
        if source is None:
            raise BootLoaderFailed("the rescue image lacks a file of the boot path", where=str(library / candidates[0]),
                                   hint="build the image with shim-signed and grub-efi-amd64-signed")
        (where / path).parent.mkdir(parents=True, exist_ok=True)
        copy_verified(source, where / path)
        sync_directory((where / path).parent)
    (where / _CONFIG).parent.mkdir(parents=True, exist_ok=True)
    write_durably(where / _CONFIG, menu_cfg(saved))
    added = mounted_at_start(esp, target / "etc/fstab")
    return (f"{esp.mount}: the rescue system's shim and GRUB, which lead to the restored menu", *added)


def mounted_at_start(esp: FileSystem, fstab: Path) -> Tuple[str, ...]:
    """Have the restored system mount its new EFI system partition, unless its fstab names it; returns what was done.

    Without it no backup would have the loader. After a power cut the file is the old or the new one, never a part.
    """
    if esp.mount is None or fstab.is_symlink() or not fstab.is_file():
        return ()
    text = fstab.read_text(encoding="utf-8", errors="surrogateescape")
    lines = [line.split() for line in text.splitlines()]
    if any(len(words) > 1 and not words[0].startswith("#") and words[1].rstrip("/") == esp.mount for words in lines):
        return ()
    end = "" if text.endswith("\n") or not text else "\n"
    line = f"UUID={esp.uuid} {esp.mount} vfat {esp.options or 'defaults'} 0 1  # by Lifeboat: it starts by UEFI now\n"
    rewrite_durably(fstab, (text + end + line).encode("utf-8", "surrogateescape"))
    return (f"/etc/fstab: mounts {esp.mount}",)


def install_bios(boot: Boot, disk: str, target: Path) -> Tuple[str, ...]:
    """Put GRUB's modules into the restored tree and its boot code on the disk (a device path)."""
    prefix = PurePosixPath(boot.grub_prefix or "/boot/grub")
    directory = target / str(prefix.parent).strip("/")
    try:
        run(["grub-install", "--target=i386-pc", f"--boot-directory={directory}", "--no-floppy", disk], timeout=600)
    except (CommandFailed, ToolMissing) as error:
        raise BootLoaderFailed("GRUB could not be put on the disk", where=disk, found=error.found,
                               hint="a GPT disk needs a BIOS boot partition") from error
    if prefix.name != "grub":
        write_durably(directory / "grub" / "grub.cfg", f"configfile $prefix/../{prefix.name}/grub.cfg\n")
    return (f"{disk}: the rescue system's GRUB, which shows the restored menu",)


def menu_cfg(saved: SystemInformation) -> str:
    """The configuration that leads from the EFI system partition to the restored system's menu."""
    found = _on_file_system(saved)
    if found is None:
        raise BootLoaderFailed("the file system of the boot loader is not in the plan", where="SYSTEM.boot_fs",
                               found=saved.system.boot_fs)
    uuid, path = found
    return (f"search --no-floppy --fs-uuid --set=root {uuid}\n"
            f"set prefix=($root){quoted(path)}\n"
            "configfile $prefix/grub.cfg\n")


def _on_file_system(saved: SystemInformation) -> Optional[Tuple[str, str]]:
    """UUID of the file system that holds GRUB's directory, and the path of that directory on it."""
    prefix = (saved.boot.grub_prefix if saved.boot else None) or "/boot/grub"
    wanted = saved.system.boot_fs
    for fs in saved.filesystems:
        if fs.id == wanted:
            return fs.uuid, _below(prefix, fs.mount, "")
    for btrfs in saved.btrfs:
        if btrfs.id == wanted:
            return btrfs.uuid, _below(prefix, btrfs.mount, "")
        for sub in saved.subvolumes:
            if sub.id == wanted and sub.btrfs == btrfs.id:
                return btrfs.uuid, _below(prefix, sub.mount, f"/{sub.path.strip('/')}")
    return None


def _below(path: str, mount: Optional[str], root: str) -> str:
    """The path as seen from the top of the file system that is mounted at ``mount``."""
    base = (mount or "/").rstrip("/")
    inside = path[len(base):] if path == base or path.startswith(base + "/") else path
    return f"{root}{inside}"

"""Make the hybrid ISO: starts as a CD and as a USB stick, under BIOS and under UEFI with Secure Boot."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Tuple

import jinja2

from builder_lib.cache import Cache
from builder_lib.errors import BuildFailed
from builder_lib.squash import RescueSystem
from builder_lib.tree import BaseTree
from sif.run import run

LABEL = "LIFEBOAT"
TEMPLATES = Path(__file__).parent / "templates"
ESP_SIZE = 8 << 20
# The last console is the one the kernel and systemd talk to first.
CONSOLES = "console=tty0 console=ttyS0,115200"
# A live system in memory that touches no disk by itself: dracut activates a logical volume only when rd.lvm.lv= names
# it, as staging does for a phase 2 on one. rd.minmem: MiB that must be left beside the image.
COMMON_ARGS = ("rd.live.overlay.overlayfs=1 rd.minmem=256 rd.auto=0 rd.md=0 rd.dm=0 rd.luks=0 "
               "systemd.gpt_auto=0 systemd.firstboot=off systemd.swap=0 noresume quiet loglevel=4")
# What GRUB expands or ends a word with inside double quotes.
UNQUOTABLE = re.compile(r'["\\$\n]')


def grub_config(append: str) -> str:
    """The medium's boot menu; ``append`` is added to the kernel's arguments.

    An unattended recovery (`rescue.auto`) waits one second instead of five. Raises :class:`BuildFailed` for
    characters that GRUB would not pass on as they are.
    """
    if UNQUOTABLE.search(append):
        raise BuildFailed("the extra kernel arguments hold a character GRUB cannot pass on", where="--append",
                          found=repr(append), wanted='no ", \\, $ or line end')
    auto = "rescue.auto" in append.split()
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined,
                                     keep_trailing_newline=True, autoescape=False)
    return environment.get_template("grub.cfg.j2").render(
        label=LABEL, append=append, common_args=COMMON_ARGS, consoles=CONSOLES, timeout=1 if auto else 5,
        handover_timeout=1 if auto else 3)


def medium_inputs() -> Tuple[Path, ...]:
    """The files of this project that shape the medium beside the rescue system itself."""
    return (Path(__file__), *sorted(TEMPLATES.glob("*.j2")))


def make_iso(cache: Cache, system: RescueSystem, append: str, output: Path) -> None:
    """Write the ISO to ``output``, which appears only when it is complete."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    try:
        with cache.scratch("iso") as work:
            _xorriso(system, _boot_directory(system.tree, append, work), _efi_partition(system.tree, work), partial)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def _boot_directory(tree: BaseTree, append: str, work: Path) -> Path:
    """The small files of the medium: menu, GRUB's modules, and the mark by which the signed GRUB finds it."""
    root = work / "root"
    grub = root / "boot/grub"
    modules = grub / "i386-pc"
    modules.mkdir(parents=True)
    for path in sorted((tree.path / "usr/lib/grub/i386-pc").iterdir()):
        if path.suffix in (".mod", ".lst"):
            (modules / path.name).write_bytes(path.read_bytes())
    (grub / "grub.cfg").write_text(grub_config(append))
    (grub / "bios.img").write_bytes((tree.boot / "bios.img").read_bytes())
    # Debian's signed GRUB for removable media looks for this file to learn where it came from.
    (root / ".disk").mkdir()
    (root / ".disk/info").write_text(f"Lifeboat recovery medium, {tree.kernel_release}\n")
    return root


def _efi_partition(tree: BaseTree, work: Path) -> Path:
    """An EFI system partition with shim, the GRUB that shim trusts, and the key manager."""
    files = {
        "BOOTX64.EFI": tree.path / "usr/lib/shim/shimx64.efi.signed",
        "grubx64.efi": tree.path / "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
        "mmx64.efi": tree.path / "usr/lib/shim/mmx64.efi.signed",
    }
    image = work / "efi.img"
    with image.open("wb") as stream:
        stream.truncate(ESP_SIZE)
    run(["mkfs.vfat", "--invariant", "-n", "LIFEBOATESP", str(image)], timeout=60)
    run(["mmd", "-i", str(image), "::/EFI", "::/EFI/BOOT"], timeout=60)
    for name, source in files.items():
        run(["mcopy", "-i", str(image), str(source), f"::/EFI/BOOT/{name}"], timeout=60)
    return image


def _xorriso(system: RescueSystem, root: Path, efi: Path, output: Path) -> None:
    hybrid_mbr = system.tree.path / "usr/lib/grub/i386-pc/boot_hybrid.img"
    run(["xorriso", "-as", "mkisofs", "-quiet", "-o", str(output), "-r", "-J", "-joliet-long", "-V", LABEL,
         "-partition_offset", "16",
         "-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
         "--grub2-mbr", str(hybrid_mbr),
         "-append_partition", "2", "0xef", str(efi), "-appended_part_as_gpt",
         "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
         "-graft-points", f"/={root}", f"/live/vmlinuz={system.kernel}", f"/live/initrd.img={system.initrd}",
         f"/live/filesystem.squashfs={system.squashfs}"], timeout=1800)

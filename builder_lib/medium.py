"""Make the hybrid ISO: starts as a CD and as a USB stick, under BIOS and under UEFI with Secure Boot."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

import jinja2

from builder_lib.cache import Cache
from builder_lib.epoch import clamp, epoch, reproducible
from builder_lib.errors import BuildFailed
from builder_lib.options import BuildOptions
from builder_lib.squash import RescueSystem
from builder_lib.tree import BaseTree
from sif.run import run

LABEL = "LIFEBOAT"
MIB = 1 << 20
TEMPLATES = Path(__file__).parent / "templates"
ESP_SPARE = 256 << 10
"""Bytes of the EFI system partition beside its files: tables, directories, the ends of clusters."""
# A live system in memory that touches no disk by itself: our own hook brings up only what rescue.stage.up= names, as
# staging does for a phase 2 on an array or a logical volume.
# Of the kernel's security modules those that work without a policy: loading systemd's BPF programs for a module that
# nothing here uses is a tenth of an emulated start.
COMMON_ARGS = ("lsm=lockdown,yama,landlock rd.live.overlay.overlayfs=1 rd.auto=0 rd.md=0 rd.dm=0 rd.luks=0 "
               "systemd.gpt_auto=0 systemd.firstboot=off systemd.swap=0 noresume quiet loglevel=4")
# What GRUB expands or ends a word with inside double quotes.
UNQUOTABLE = re.compile(r'["\\$\n]')
TAKEN = frozenset({"boot", "live", "efi", ".disk", "mach_kernel"})
"""Names in the root of the medium that no set can have."""


@dataclass(frozen=True)
class Stick:
    """The writable partition of a stick: a vfat image and its label."""

    image: Path


def render(template: str, **values: object) -> str:
    """A template of ours with these values; one that is missing is an error."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined,
                                     keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    return environment.get_template(template).render(**values)


def grub_config(options: BuildOptions, memtest: bool = False) -> str:
    """The medium's boot menu; what the configuration appends is added to the kernel's arguments.

    An unattended recovery (`rescue.auto`) waits one second instead of five. Raises :class:`BuildFailed` for
    characters that GRUB would not pass on as they are.
    """
    append = " ".join(options.arguments)
    if UNQUOTABLE.search(append):
        raise BuildFailed("the extra kernel arguments hold a character GRUB cannot pass on", where="--append",
                          found=repr(append), wanted='no ", \\, $ or line end')
    return render("grub.cfg.j2", label=LABEL, append=append, common_args=COMMON_ARGS, consoles=consoles(options),
                  serial=serial_port(options.consoles), memtest=memtest,
                  timeout=timeout(options),
                  handover_timeout=1 if options.unattended else 3)


def timeout(options: BuildOptions) -> int:
    """Seconds that a menu waits."""
    given = options.config.boot.timeout
    return given if given is not None else 1 if options.unattended else 5


def consoles(options: BuildOptions) -> str:
    """The kernel's console arguments."""
    return " ".join(f"console={name}" for name in options.consoles)


def serial_port(names: Tuple[str, ...]) -> Optional[Tuple[int, int]]:
    """Number and speed of the first serial console, as GRUB wants them."""
    for name in names:
        match = re.fullmatch(r"ttyS(\d+)(?:,(\d+).*)?", name)
        if match:
            return int(match[1]), int(match[2] or 115200)
    return None


def medium_inputs() -> Tuple[Path, ...]:
    """The files of this project that shape a product beside the rescue system itself."""
    ours = Path(__file__)
    return (ours, ours.with_name("cpio.py"), ours.with_name("pxe.py"), *sorted(TEMPLATES.glob("*.j2")))


def make_iso(cache: Cache, options: BuildOptions, system: RescueSystem, output: Path,
             stick: Optional[Stick] = None) -> None:
    """Write the ISO, or with ``stick`` the image of a stick, to ``output``, which appears only when it is complete."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    try:
        with cache.scratch("iso") as work:
            root = _boot_directory(options, system.tree, work)
            _xorriso(options, system, root, _efi_partition(options, system.tree, work), partial, stick)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def memtests(tree: BaseTree) -> Tuple[Path, ...]:
    """memtest86+ for BIOS and UEFI, as far as the tree has it."""
    return tuple(path for name in ("memtest86+x64.bin", "memtest86+x64.efi") if (path := tree.boot / name).is_file())


def _boot_directory(options: BuildOptions, tree: BaseTree, work: Path) -> Path:
    """The small files of the medium: menu, GRUB's modules, and the mark by which the signed GRUB finds it."""
    root = work / "root"
    grub = root / "boot/grub"
    grub.mkdir(parents=True)
    if options.architecture.bios:
        modules = grub / "i386-pc"
        modules.mkdir()
        for path in sorted((tree.path / "usr/lib/grub/i386-pc").iterdir()):
            if path.suffix in (".mod", ".lst"):
                (modules / path.name).write_bytes(path.read_bytes())
        (grub / "bios.img").write_bytes((tree.boot / "bios.img").read_bytes())
    tests = memtests(tree) if options.config.boot.memtest else ()
    for path in tests:
        (root / "boot" / path.name).write_bytes(path.read_bytes())
    (grub / "grub.cfg").write_text(grub_config(options, bool(tests)))
    # Debian's signed GRUB for removable media looks for this file to learn where it came from.
    (root / ".disk").mkdir()
    (root / ".disk/info").write_text(f"Lifeboat recovery medium, {tree.kernel_release}\n")
    clamp(root, epoch(options))
    return root


def _efi_partition(options: BuildOptions, tree: BaseTree, work: Path) -> Path:
    """An EFI system partition with shim, the GRUB that shim trusts, and the key manager."""
    architecture = options.architecture
    suffix = architecture.efi
    files = {
        f"BOOT{suffix.upper()}.EFI": tree.path / architecture.shim,
        f"grub{suffix}.efi": tree.path / architecture.signed_grub("gcd"),
        f"mm{suffix}.efi": tree.path / architecture.mok_manager,
    }
    inside = {f"EFI/BOOT/{name}": path for name, path in files.items()}
    needed = sum(path.stat().st_size for path in inside.values()) + ESP_SPARE
    return fat_image(work / "efi.img", -(-needed // MIB) * MIB, "LIFEBOATESP", inside, options)


def fat_image(image: Path, size: int, label: str, files: Mapping[str, Path], options: BuildOptions) -> Path:
    """A FAT file system with these files, the same bytes for the same files."""
    environment = reproducible(options)
    with image.open("wb") as stream:
        stream.truncate(size)
    # The label is part of the number, so that a stick's two FAT file systems can be told apart.
    number = hashlib.sha256(f"{label} {epoch(options)}".encode()).hexdigest()[:8]
    run(["mkfs.vfat", "--invariant", "-i", number, "-n", label, str(image)], timeout=60)
    folders: Dict[str, None] = {}
    for name in files:
        parts = name.split("/")[:-1]
        folders.update({"/".join(parts[:depth]): None for depth in range(1, len(parts) + 1)})
    for folder in folders:
        run(["mmd", "-i", str(image), f"::/{folder}"], timeout=60, env=environment)
    with tempfile.TemporaryDirectory() as copies:
        for name, source in files.items():
            # mcopy -m takes the time of the file, which must not be that of this minute.
            copy = Path(copies) / "file"
            shutil.copyfile(source, copy)
            os.utime(copy, (epoch(options), epoch(options)))
            run(["mcopy", "-m", "-i", str(image), str(copy), f"::/{name}"], timeout=600, env=environment)
    return image


def set_grafts(options: BuildOptions) -> Tuple[str, ...]:
    """The SIF sets of the configuration as xorriso takes them: each in a directory of its own name."""
    grafts: List[str] = []
    for path in options.config.recovery.sets:
        if path.name.lower() in TAKEN or not any(path.glob("*.sif")):
            raise BuildFailed("this is no SIF set for the medium", where=str(path), found=path.name,
                              wanted="a directory with a .sif file in it, named after its machine",
                              hint="sif capture --output DIR makes one")
        grafts.append(f"/{path.name}={path}")
    return tuple(grafts)


def _xorriso(options: BuildOptions, system: RescueSystem, root: Path, efi: Path, output: Path,
             stick: Optional[Stick]) -> None:
    bios = (
        "-b", "boot/grub/bios.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
        "--grub2-mbr", str(system.tree.path / "usr/lib/grub/i386-pc/boot_hybrid.img"),
    ) if options.architecture.bios else ()
    # Type: Microsoft basic data, what sticks are formatted with.
    data = ("-append_partition", "3", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", str(stick.image)) if stick else ()
    run(["xorriso", "-as", "mkisofs", "-quiet", "-o", str(output), "-r", "-J", "-joliet-long", "-V", LABEL,
         "-partition_offset", "16", *bios,
         "-append_partition", "2", "0xef", str(efi), *data, "-appended_part_as_gpt",
         *(("-eltorito-alt-boot",) if bios else ()), "-e", "--interval:appended_partition_2:all::", "-no-emul-boot",
         "--set_all_file_dates", f"={epoch(options)}",
         "-graft-points", f"/={root}", f"/live/vmlinuz={system.kernel}", f"/live/initrd.img={system.initrd}",
         f"/live/filesystem.squashfs={system.squashfs}", *set_grafts(options)],
        timeout=1800, env=reproducible(options))

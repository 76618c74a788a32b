"""Make the directory for network boot: signed boot loaders, kernel, initramfs, the image, and configurations.

The boot loader fetches everything, the image too, as the initramfs: so Linux needs no network to start, and no driver
of a network card is needed before the image is there. The initramfs proper is a file in that one, which a small program
unpacks (elements/lifeboat-boot): staging needs it as it was, and it need not be fetched twice.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Dict

from builder_lib.cache import Cache
from builder_lib.cpio import Entry, archive, border, padded
from builder_lib.epoch import clamp, epoch
from builder_lib.initrd import IMAGE as IMAGE_IN_INITRAMFS
from builder_lib.medium import COMMON_ARGS, consoles, grub_config, render, serial_port, timeout
from builder_lib.options import BuildOptions
from builder_lib.squash import RescueSystem
from sif.removal import remove_tree

BOOT = "lifeboat/boot"
"""Where an initramfs hook looks for kernel and initramfs when there is no medium."""


def make_pxe(cache: Cache, options: BuildOptions, system: RescueSystem, output: Path) -> None:
    """Write the directory to ``output``, which appears only when it is complete."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with cache.scratch("pxe") as work:
        made = work / "pxe"
        (made / "grub").mkdir(parents=True)
        for name, source in _loaders(options, system).items():
            shutil.copyfile(source, made / name)
        shutil.copyfile(system.kernel, made / "vmlinuz")
        (made / "image.cpio").write_bytes(image_archive(system))
        for name, text in configurations(options).items():
            (made / name).write_text(text)
        clamp(made, epoch(options))
        partial = output.with_name(f".{output.name}.partial")
        remove_tree(partial)
        # Beside the output, so that the last step is a rename whatever file system the cache is on.
        shutil.copytree(made, partial, symlinks=True)
        if output.exists():
            remove_tree(output)
        partial.rename(output)


def image_archive(system: RescueSystem) -> bytes:
    """What starts, then the squashfs, and kernel and initramfs from which phase 2 is staged."""
    first = (system.tree.boot / "network-start.img").read_bytes()
    length = (system.tree.boot / "initrd.img").stat().st_size
    parts = f"{length} {border(length)}\n".encode()
    return padded(first) + archive((
        Entry(IMAGE_IN_INITRAMFS, system.squashfs.read_bytes()), Entry(f"{BOOT}/initrd.parts", parts),
        Entry(f"{BOOT}/vmlinuz", system.kernel.read_bytes()), Entry(f"{BOOT}/initrd.img", system.initrd.read_bytes())))


def _loaders(options: BuildOptions, system: RescueSystem) -> Dict[str, Path]:
    architecture, tree = options.architecture, system.tree
    # shim asks the server for grub<suffix>.efi beside itself.
    found = {f"boot{architecture.efi}.efi": tree.path / architecture.shim,
             f"grub{architecture.efi}.efi": tree.path / architecture.signed_grub("grubnet"),
             f"mm{architecture.efi}.efi": tree.path / architecture.mok_manager}
    if architecture.bios:
        found["bios.pxe"] = tree.boot / "bios.pxe"
    return found


def configurations(options: BuildOptions) -> Dict[str, str]:
    """The generated texts: GRUB's and iPXE's menus, and an example for dnsmasq."""
    grub_config(options)  # refuses arguments that GRUB would not pass on
    values = {
        "append": " ".join(options.arguments), "consoles": consoles(options), "url": options.config.pxe.url,
        "serial": serial_port(options.consoles), "efi": options.architecture.efi,
        "common_args": COMMON_ARGS, "image": f"/{IMAGE_IN_INITRAMFS}", "bios": options.architecture.bios,
        "pxe_numbers": options.architecture.pxe, "http_number": options.architecture.http,
        "timeout": timeout(options), "name": options.config.release.name,
    }
    return {"grub/grub.cfg": render("pxe-grub.cfg.j2", **values), "boot.ipxe": render("boot.ipxe.j2", **values),
            "dnsmasq.conf.example": render("dnsmasq.conf.j2", **values)}

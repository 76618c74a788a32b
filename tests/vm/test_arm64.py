"""The image for arm64: built by emulation, started on QEMU's ``virt`` machine with AAVMF.

``make test-arm64`` installs what this takes beside the rest (``.ci/debian-packages-arm64.txt``).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from image_machine import Machine, probe
from image_observe import OBSERVE

from builder_lib.config import Config, Image
from builder_lib.options import BuildOptions
from builder_lib.pipeline import build_iso, rescue_system
from builder_lib.progress import Progress
from sif.run import run

pytestmark = [pytest.mark.vm, pytest.mark.firmware]
ARM64 = Config(image=Image(architecture="arm64", firmware=()))


def test_the_iso_for_arm64_starts_and_its_agent_waits(tmp_path: Path) -> None:
    """From a CD on SCSI. The agent has no set to restore, so it ends, and leaves its shells."""
    iso = build_iso(BuildOptions(output=tmp_path / "arm64.iso", config=ARM64), Progress())
    seen = probe(Machine("arm64", "cd", limit=1800.0), iso, OBSERVE, tmp_path)
    assert seen["efi"] and seen["efivars"] and not seen["secure"]
    assert int(seen["lifeboat"]) > 0, "the agent was started"
    assert set(seen["failed"]) <= {"lifeboat.service"}
    assert seen["listening"] == [] and seen["imports"] == 0 and len(seen["checked"]) == 64
    assert {"vmlinuz", "initrd.img"} <= set(seen["boot"]), "staging finds kernel and initramfs"
    assert "console=ttyAMA0" in seen["cmdline"].split()
    assert "[started]" in (tmp_path / "console.log").read_text(errors="replace"), "the agent speaks on its console"


def test_its_programs_and_boot_loaders_are_of_that_architecture() -> None:
    tree = rescue_system(BuildOptions(config=ARM64), Progress()).tree.path
    for name in ("usr/bin/restic", "usr/sbin/lvm", "usr/bin/python3.13", "usr/sbin/mdadm"):
        assert _machine(tree / name) == 183, f"{name} is for AArch64"
    for name in ("shim/shimaa64.efi.signed", "shim/mmaa64.efi.signed", "grub/arm64-efi-signed/gcdaa64.efi.signed"):
        assert (tree / "usr/lib" / name).is_file(), "phase 2 starts by these"
    said = run(["chroot", str(tree), "python3", "-c", "import blivet, os; print(os.uname().machine)"], timeout=600)
    assert said.stdout == "aarch64\n"


def _machine(program: Path) -> int:
    """e_machine of its ELF header (elf(5))."""
    return int.from_bytes(program.read_bytes()[18:20], "little")

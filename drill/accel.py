"""Which accelerator QEMU can use here, found out by starting a kernel with it."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tempfile
from pathlib import Path

from drill.errors import MachineError
from drill.spec import Accel, DirectKernel, MachineSpec
from drill.vm import Machine
from sif.model import Firmware

KVM = Path("/dev/kvm")
PROBE_SECONDS = 20.0
BASE_ADDRESS = 0x400000


def choose(kernel: Path) -> Accel:
    """KVM if a guest with it really starts ``kernel`` and switches off, else TCG.

    The device alone proves nothing: under some hypervisors /dev/kvm opens and then aborts or hangs its guests.
    """
    if not os.access(KVM, os.R_OK | os.W_OK):
        return Accel.TCG
    return Accel.KVM if starts(kernel, Accel.KVM, PROBE_SECONDS) else Accel.TCG


def starts(kernel: Path, accel: Accel, seconds: float) -> bool:
    """Whether a guest with that accelerator gets from its first instruction to a clean power-off in time."""
    with tempfile.TemporaryDirectory(prefix="lifeboat-probe-") as name:
        folder = Path(name)
        initrd = folder / "initrd.gz"
        initrd.write_bytes(power_off_initrd())
        spec = MachineSpec(name="probe", firmware=Firmware.BIOS, folder=folder, sockets=folder, accel=accel, disks=(),
                           memory=256, no_reboot=True,
                           kernel=DirectKernel(kernel, initrd, "console=ttyS0 panic=-1"))
        try:
            with Machine(spec) as machine:
                machine.wait_end(seconds)
        except MachineError:
            return False
    return True


def power_off_initrd() -> bytes:
    """An initramfs whose only program is /init, which switches the machine off."""
    archive = io.BytesIO()
    for name, mode, content in (("init", 0o100755, power_off_program()), ("TRAILER!!!", 0, b"")):
        fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        archive.write(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        archive.write(bytes(-archive.tell() % 4))
        archive.write(content)
        archive.write(bytes(-archive.tell() % 4))
    return gzip.compress(archive.getvalue())


def power_off_program() -> bytes:
    """A static x86-64 ELF program: reboot(2) with the two magic numbers and RB_POWER_OFF, nothing else."""
    code = b"".join((
        b"\xb8" + struct.pack("<I", 169),          # mov eax, SYS_reboot
        b"\xbf" + struct.pack("<I", 0xFEE1DEAD),   # mov edi, LINUX_REBOOT_MAGIC1
        b"\xbe" + struct.pack("<I", 672274793),    # mov esi, LINUX_REBOOT_MAGIC2
        b"\xba" + struct.pack("<I", 0x4321FEDC),   # mov edx, LINUX_REBOOT_CMD_POWER_OFF
        b"\x0f\x05",                               # syscall
        b"\xeb\xfe",                               # jmp .
    ))
    header, segment = 64, 56
    size = header + segment + len(code)
    elf = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, BASE_ADDRESS + header + segment, header, 0,
                      0, header, segment, 1, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, BASE_ADDRESS, BASE_ADDRESS, size, size, 0x1000)
    return elf + load + code

"""A small server's SIF set on a stick, and an operator at the two consoles of a machine."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from typing import Callable

from drill import images
from drill.events import AgentEvent
from drill.vm import Machine
from sif.capture.filesystems import Signature, describe_ext
from sif.model import (
    Boot,
    Disk,
    DiskRole,
    FileSystem,
    Firmware,
    Loader,
    Partition,
    Ref,
    System,
    SystemInformation,
    TableType,
    Version,
)
from sif.run import run
from sif.writer import write_set

MIB = 1 << 20
HOSTNAME = "attended.example.org"
SET_ID = "b1c8a0de-51f4-4a63-9d5f-2f7b3f6f0c11"
DISK_BYTES = 1024 * MIB
DISK_SERIAL = "ATTENDED01"
TABLE_ID = "7c0b9a44-6c5e-4b0e-8a53-6f0d1c2b3a01"
STICK_LABEL = "SIF"
SILENCE_S = 300.0
BIOS_BOOT, LINUX = "21686148-6449-6e6f-744e-656564454649", "0fc63daf-8483-4772-8e79-3d69d8477de4"


def small_server(work: Path) -> SystemInformation:
    """One GPT disk of 1 GiB: BIOS boot partition, /boot of 512 MiB, / on the rest; nothing to restore from stores."""
    return SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id=SET_ID, part=1, parts=1),
        system=System("attended", hostname=HOSTNAME, firmware=Firmware.BIOS, arch="x86_64", boot_fs=Ref("boot"),
                      root_fs=Ref("root")),
        boot=Boot(Loader.GRUB_PC, disks=(Ref("d0"),)),
        disks=(Disk("d0", DiskRole.CRITICAL, DISK_BYTES, 512, 512, TableType.GPT, table_id=TABLE_ID, gpt_entries=128,
                    first_lba=2048, serial=DISK_SERIAL),),
        partitions=(_partition(1, 1, 1, BIOS_BOOT), _partition(2, 2, 512, LINUX), _partition(3, 514, 509, LINUX)),
        filesystems=(_ext4(work, "boot", "/boot", 2, 512), _ext4(work, "root", "/", 3, 509)))


def _partition(number: int, start_mib: int, mib: int, kind: str) -> Partition:
    return Partition(f"d0p{number}", Ref("d0"), number, start_mib * 2048, mib * 2048, kind,
                     uuid=f"7c0b9a44-6c5e-4b0e-8a53-6f0d1c2b3a1{number}")


def _ext4(work: Path, ident: str, mount: str, number: int, mib: int) -> FileSystem:
    """The record of an ext4 as this host's mkfs makes it."""
    image, uuid = work / f"{ident}.ext4", f"7c0b9a44-6c5e-4b0e-8a53-6f0d1c2b3a2{number}"
    images.make_sparse(image, mib * MIB)
    run(("mkfs.ext4", "-q", "-F", "-U", uuid, str(image)), timeout=60)
    made = describe_ext(run(("dumpe2fs", "-h", str(image)), timeout=60).stdout, f"d0p{number}",
                        Signature(type="ext4", uuid=uuid))
    image.unlink()
    return FileSystem(**{**vars(made), "id": ident, "mount": mount, "options": "defaults"})


def make_sif_stick(path: Path, saved: SystemInformation, work: Path) -> None:
    """A vfat stick with the set in the directory of the machine's name."""
    folder = work / saved.system.hostname
    write_set(saved, folder, {})
    images.make_stick(path, 64 * MIB, STICK_LABEL)
    run(("mcopy", "-s", "-i", str(path), str(folder), "::/"), timeout=60)


KEYS = {".": "dot", "-": "minus", "\n": "ret"}
"""QEMU's names of the keys that are not called after their character."""


class Operator:
    """Types at a machine's serial console or keyboard; reads the serial console only to know when to type."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.connect(str(machine.spec.serial_socket))
        self._seen = b""
        self._news = threading.Condition()
        threading.Thread(target=self._read, name="serial", daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                data = self._line.recv(65536)
            except OSError:
                return
            if not data:
                return
            with self._news:
                self._seen += data
                self._news.notify_all()

    def answer(self, prompt: str, text: str) -> None:
        """Type a line into the serial console when it shows the prompt. Raises MachineError for a silent machine."""
        self._wait(prompt)
        self._line.sendall(text.encode() + b"\r")

    def answer_at_screen(self, prompt: str, text: str) -> None:
        """Type a line at the keyboard when the serial console shows the prompt, which is then on the screen too."""
        self._wait(prompt)
        for char in text + "\n":
            self._machine.execute("send-key", {"keys": [{"type": "qcode", "data": KEYS.get(char, char)}]})

    def _wait(self, prompt: str) -> None:
        wanted = prompt.encode()
        with self._news:
            while not self._news.wait_for(lambda: wanted in self._seen, 1.0):
                self._machine.check_life(SILENCE_S)
            self._seen = self._seen.partition(wanted)[2]


def heard(machine: Machine, wanted: Callable[[AgentEvent], bool], limit: float = 600.0) -> AgentEvent:
    """The next event of that kind. Raises AssertionError when the phase or the machine ends without it."""
    deadline = time.monotonic() + limit
    while True:
        seen = machine.observe(SILENCE_S, deadline)
        assert seen.event is not None, f"{seen.sign.value}: {seen.reason}; console: {machine.spec.serial_log}"
        if wanted(seen.event):
            return seen.event
        assert not seen.event.ends_phase, f"{seen.event.line()}; console: {machine.spec.serial_log}"

"""Guest job: time and memory of detection, plan, rebuild and proof on many disks with four file systems each.

The saved machine is written here, not captured: what is measured begins where a restore begins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rebuild_once import plan
from records import dump_saved

from rescue.verify import verify
from sif.model import (
    Disk,
    DiskRole,
    FileSystem,
    Firmware,
    FsType,
    Partition,
    Ref,
    System,
    SystemInformation,
    TableType,
    Version,
)

SAVED = Path("/tmp/saved.json")
MIB = 1 << 20
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
COUNT = json.loads(Path("/bench/machine/options.json").read_text("utf-8"))["disks"]


def letters(number: int) -> str:
    """The kernel's letters for the disk with that number, counted from 0."""
    return (letters(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def guid(number: int) -> str:
    return f"0f0e0d0c-0b0a-4908-8706-{number:012x}"


def server(count: int, size: int) -> SystemInformation:
    """Disks of ``size`` bytes, each with four partitions of the same size, each with an ext4."""
    disks, partitions, filesystems = [], [], []
    each = (size // MIB - 2) // 4
    for number in range(count):
        disks.append(Disk(f"d{number}", role=DiskRole.CRITICAL, size_bytes=size, logical_sector=512,
                          physical_sector=512, table=TableType.GPT, table_id=guid(number + 1), gpt_entries=128,
                          first_lba=2048, device=f"ubd{letters(number + 1)}"))
        for index in range(1, 5):
            ident = f"d{number}p{index}"
            partitions.append(Partition(ident, Ref(f"d{number}"), index, (1 + (index - 1) * each) * 2048, each * 2048,
                                        LINUX, uuid=guid(number << 8 | index << 4)))
            mount = {(0, 1): "/boot", (0, 2): "/"}.get((number, index))
            filesystems.append(FileSystem(f"fs{number}x{index}", Ref(ident), FsType.EXT4,
                                          guid(1 << 32 | number << 8 | index), mount=mount))
    return SystemInformation(
        Version("$SIF$", "2.0", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", 1, 1),
        System("test", "test.example.org", Firmware.BIOS, "x86_64", Ref("fs0x1"), Ref("fs0x2")),
        disks=tuple(disks), partitions=tuple(partitions), filesystems=tuple(filesystems))


def main() -> int:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    saved = server(COUNT, int(Path(f"/sys/class/block/ubd{letters(1)}/size").read_text("ascii")) * 512)
    SAVED.write_text(dump_saved(saved), "utf-8")
    done = subprocess.run([sys.executable, "/bench/tests/storage/guest/rebuild_once.py", str(SAVED), "/tmp", "--tools"],
                          stdout=subprocess.PIPE, text=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    began = time.monotonic()
    verify(saved, plan(saved))
    result["verify"] = time.monotonic() - began
    (Path("/bench/out") / "rebuild_scale.json").write_text(json.dumps(result), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

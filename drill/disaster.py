"""Step 4: the machine burns down. New blank disks, a new mainboard's variables, and a stranger's disk beside them."""

from __future__ import annotations

import os
import shutil

from drill import images, spec
from drill.plan import Bench, Hashes, Wreck
from drill.server import facts


def destroy(bench: Bench) -> Wreck:
    """Delete the server's disks and hand over blank ones of the same sizes, with other serial numbers.

    Also makes the foreign disk: an ext4 with random data that no SIF names.
    """
    system, data, variables = (bench.disks / name for name in ("new-system.qcow2", "new-data.qcow2", "new-vars.fd"))
    for lost in ("system.qcow2", "data.qcow2", "vars.fd"):
        (bench.disks / lost).unlink()
    images.make_blank(system, facts.SYSTEM_DISK_BYTES)
    images.make_blank(data, facts.DATA_DISK_BYTES)
    shutil.copyfile(spec.OVMF_VARS, variables)
    images.make_ext4(bench.foreign, facts.FOREIGN_DISK_BYTES, "foreign")
    with bench.foreign.open("r+b") as disk:
        disk.seek(facts.FOREIGN_DISK_BYTES // 2)
        disk.write(os.urandom(facts.MIB))
    return Wreck(system, data, variables, hashes(bench))


def hashes(bench: Bench) -> Hashes:
    """The present SHA-256 of both sticks, store and foreign disk."""
    return Hashes(f"{images.sha256(bench.stick)} {images.sha256(bench.key_stick)}", images.sha256(bench.store),
                  images.sha256(bench.foreign))

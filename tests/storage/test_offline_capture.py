"""A lost system's mounted tree tells the same as that system running, under a real kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench import PROJECT, Bench

from sif.model import DiskRole, MountSource
from sif.reader import load_set
from sif.writer import write_text

MIB = 1 << 20


@pytest.mark.storage
def test_a_mounted_tree_is_captured_as_the_system_it_is() -> None:
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    outcome = bench.start("job_offline_capture", bench.blank_disks((384 * MIB, 48 * MIB, 32 * MIB)), timeout=600)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
    info = load_set(bench.out / "offline").info
    assert [(fs.mount, fs.options) for fs in info.filesystems] == [
        ("/boot", "noatime"), ("/home", None), ("/", "defaults"), ("/srv", "nodev")]
    assert [(mount.where, mount.source) for mount in info.mounts] == [
        ("/gone", MountSource.FSTAB), ("/net", MountSource.FSTAB)]
    assert [(disk.device, disk.role) for disk in info.disks] == [
        ("ubdb", DiskRole.CRITICAL), ("ubdc", DiskRole.CRITICAL), ("ubdd", DiskRole.DATA)]
    assert (info.system.hostname, info.system.os, info.system.time_zone, info.system.keymap) == (
        "lost01.example.org", "Lost Linux 7", "Europe/Berlin", "de-latin1")
    assert info.boot is not None
    assert info.boot.disks == ("d0",)
    rescue = json.loads((bench.out / "rescue.json").read_text("utf-8"))
    text = write_text(info.records())
    for value in (rescue["hostname"], rescue["machine_id"], "Debian", "203.0.113.99", "notours"):
        assert value and value not in text

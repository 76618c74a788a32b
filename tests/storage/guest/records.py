"""The server's SIF records, and their way through a file between two starts of the guest."""

from __future__ import annotations

import json
from typing import Mapping, Tuple

from rescue.planner.codec import decode, encode
from sif.capture.storage import probe_storage
from sif.model import Firmware, Ref, System, SystemInformation, Version

MOUNTS = {"fs_d0p2": "/boot/efi", "fs_d0p3": "/boot", "fs_lv_vg0_root": "/", "fs_lv_vg-data_1_sr-v": "/srv"}


def saved_of(disks: Mapping[str, str]) -> Tuple[SystemInformation, Tuple[Tuple[str, bytes], ...]]:
    """The server on those disks (SIF id to kernel name) as it would be captured, and the set's files."""
    import dataclasses

    storage = probe_storage(disks)
    if storage.unsupported:
        raise RuntimeError(f"unsupported: {storage.unsupported}")
    version = Version("$SIF$", "2.0", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", 1, 1)
    system = System("test", "test.example.org", Firmware.BIOS, "x86_64", Ref("fs_d0p3"), Ref("fs_lv_vg0_root"))
    filesystems = tuple(dataclasses.replace(fs, mount=MOUNTS.get(fs.id), options="defaults")
                        for fs in storage.filesystems)
    info = dataclasses.replace(storage.into(SystemInformation(version, system)), filesystems=filesystems)
    return info, storage.files


def dump_saved(saved: SystemInformation) -> str:
    return json.dumps(encode(saved), indent=1)


def load_saved(text: str) -> SystemInformation:
    return decode(SystemInformation, json.loads(text))

"""A disk with several paths is one disk."""

from __future__ import annotations

import pytest

from sif import look
from sif.capture.blocks import BlockDevice, descendants, whole_disks
from sif.capture.multipath import folded, map_ids, number_of
from sif.tape import Tape

PART = BlockDevice("dm-7", "/dev/mapper/mpatha-part3", "part", 4096, 512, 512, ("dm-1",))
MAP = BlockDevice("dm-1", "/dev/mapper/mpatha", "mpath", 8192, 512, 512, ("sdb", "sda"))
DEVICES = (
    BlockDevice("sda", "/dev/sda", "disk", 8192, 512, 512, model="LUN", serial="S1", wwn="0x1", bus="fc",
                by_path="pci-0000:3b:00.1-fc-0x21-lun-1"),
    BlockDevice("sdb", "/dev/sdb", "disk", 8192, 512, 512, model="LUN", serial="S1", wwn="0x1", bus="fc",
                by_path="pci-0000:3b:00.0-fc-0x21-lun-1"),
    BlockDevice("sdb3", "/dev/sdb3", "part", 4096, 512, 512, ("sdb",)),
    BlockDevice("sdc", "/dev/sdc", "disk", 8192, 512, 512), MAP, PART)
UUIDS = Tape({'["text", "/sys/class/block/dm-1/dm/uuid"]': {"base64": "bXBhdGgtMzYwMDUwOGI0"},
                   '["text", "/sys/class/block/dm-7/dm/uuid"]': {"base64": "cGFydDMtbXBhdGgtMzYwMDUwOGI0Cg=="}})


def test_the_map_is_the_disk_and_has_the_identity_of_its_first_path() -> None:
    with look.replaying(UUIDS):
        devices = folded(DEVICES, map_ids(DEVICES))
    disks = {disk.kname: disk for disk in whole_disks(devices)}
    assert set(disks) == {"dm-1", "sdc"}
    disk = disks["dm-1"]
    assert (disk.multipath, disk.paths) == (
        "3600508b4", ("pci-0000:3b:00.0-fc-0x21-lun-1", "pci-0000:3b:00.1-fc-0x21-lun-1"))
    assert (disk.model, disk.serial, disk.wwn, disk.bus, disk.by_path) == (
        "LUN", "S1", "0x1", "fc", "pci-0000:3b:00.0-fc-0x21-lun-1")
    assert [device.kname for device in descendants(devices, "dm-1")] == ["dm-7"]


def test_the_number_of_a_partition_of_a_map_is_in_its_uuid() -> None:
    with look.replaying(UUIDS):
        assert number_of(PART) == 3
        assert number_of(DEVICES[2]) == 3
        with pytest.raises(ValueError, match="no partition number"):
            number_of(MAP)


def test_without_maps_nothing_changes() -> None:
    assert folded(DEVICES[:4], {}) == DEVICES[:4]

"""The checks find what cannot exist, name the section and the key, and are content with a sound machine."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Tuple

import pytest
from sif_samples import machine

from sif.check import check
from sif.errors import Exit
from sif.model import Command, DiskRole, Loader, Phase, Ref, SecretsFile, SecretSource, SystemInformation, TableType


def test_a_sound_machine_has_no_problems() -> None:
    assert check(machine()) == ()


def broken(field: str, ident: str, changes: Dict[str, Any]) -> SystemInformation:
    """The sample with some keys of one record changed."""
    info = dataclasses.replace(machine(), secrets=SecretsFile(path="media:secrets/web01.age", sha256="0" * 64))
    value = getattr(info, field)
    if not isinstance(value, tuple):
        return dataclasses.replace(info, **{field: dataclasses.replace(value, **changes)})
    assert ident in [record.id for record in value]
    changed: Any = tuple(dataclasses.replace(record, **changes) if record.id == ident else record for record in value)
    return dataclasses.replace(info, **{field: changed})


@pytest.mark.parametrize(("field", "ident", "changes", "subject", "what"), [
    ("filesystems", "root", {"device": Ref("nope")}, ("FS", "root", "device"), "there is no nope"),
    ("filesystems", "root", {"device": Ref("vg")}, ("FS", "root", "device"), "vg is not a PARTITION or LV or DISK"),
    ("system", "", {"root_fs": Ref("srv")}, ("SYSTEM", "web01", "root_fs"), "srv is not mounted at /"),
    ("disks", "d0", {"logical_sector": 500}, ("DISK", "d0", "logical_sector"), "not a sector size"),
    ("disks", "d0", {"size_bytes": (8 << 30) + 1}, ("DISK", "d0", "size_bytes"), "not a whole number of sectors"),
    ("disks", "d0", {"table_id": "0x12345678"}, ("DISK", "d0", "table_id"), "not the id of a gpt table"),
    ("disks", "d1", {"table_id": "3d1c2b5e-6f0a-4a55-8f0e-0a4c7b9d1e00"}, ("DISK", "d1", "table_id"),
     "the same table id as d0"),
    ("disks", "d1", {"role": DiskRole.DATA}, ("PARTITION", "d1p1", "disk"), "d1 has no partitions"),
    ("disks", "d1", {"table": TableType.NONE}, ("PARTITION", "d1p1", "disk"), "d1 has no partitions"),
    ("partitions", "d0p2", {"start_sector": 133119}, ("PARTITION", "d0p2", "start_sector"), "overlaps d0p1"),
    ("partitions", "d0p3", {"sectors": 2 ** 40}, ("PARTITION", "d0p3", "start_sector"), "not on the disk"),
    ("partitions", "d0p1", {"start_sector": 2047}, ("PARTITION", "d0p1", "start_sector"), "not on the disk"),
    ("partitions", "d0p2", {"number": 1}, ("PARTITION", "d0p2", "number"), "the same number as d0p1"),
    ("partitions", "d0p2", {"number": 129}, ("PARTITION", "d0p2", "number"), "the table has no such entry"),
    ("partitions", "d0p2", {"uuid": "0f0e0d0c-0b0a-4908-8706-050403020201"}, ("PARTITION", "d0p2", "uuid"),
     "the same GUID as d0p1"),
    ("partitions", "d0p2", {"type": "0x83"}, ("PARTITION", "d0p2", "type"), "not a GPT type"),
    ("pvs", "pv_d0p3", {"extents": 1800}, ("PV", "pv_d0p3", "extents"), "the extents do not fit on d0p3"),
    ("vgs", "vg", {"pvs": (Ref("pv_d0p3"),)}, ("PV", "pv_d1p1", ""), "in no volume group"),
    ("vgs", "vg", {"name": "--force"}, ("VG", "vg", "name"), "not a name LVM accepts"),
    ("vgs", "vg", {"metadata": "media:../../etc/shadow"}, ("VG", "vg", "metadata"), "not a file of the set"),
    ("vgs", "vg", {"metadata": "/etc/shadow"}, ("VG", "vg", "metadata"), "not a file of the set"),
    ("lvs", "lv_vg_swap", {"segments": ("pv_d0p3:999:100",)}, ("LV", "lv_vg_swap", "segments"), "also in lv_vg_root"),
    ("lvs", "lv_vg_swap", {"segments": ("pv_d0p3:1650:100",)}, ("LV", "lv_vg_swap", "segments"), "reaches beyond"),
    ("lvs", "lv_vg_swap", {"segments": ("pv_d0p3:1000:99",)}, ("LV", "lv_vg_swap", "segments"), "do not add up"),
    ("lvs", "lv_vg_swap", {"segments": ("x",)}, ("LV", "lv_vg_swap", "segments"), "not a segment"),
    ("lvs", "lv_vg_swap", {"name": "root"}, ("LV", "lv_vg_swap", "name"), "the same name as lv_vg_root"),
    ("filesystems", "srv", {"mount": "/boot"}, ("FS", "srv", "mount"), "boot is mounted there too"),
    ("filesystems", "srv", {"mount": "/srv/../etc"}, ("FS", "srv", "mount"), "not a plain absolute path"),
    ("filesystems", "srv", {"options": "a b"}, ("FS", "srv", "options"), "not mount options"),
    ("filesystems", "srv", {"uuid": "7A3C-91E2"}, ("FS", "srv", "uuid"), "not a UUID of xfs"),
    ("filesystems", "esp", {"uuid": "7a3c-91e2"}, ("FS", "esp", "uuid"), "not a UUID of vfat"),
    ("filesystems", "srv", {"label": "a label too long"}, ("FS", "srv", "label"), "too long for xfs"),
    ("filesystems", "srv", {"features": ("crc=1,size=2",)}, ("FS", "srv", "features"), "not a feature's name"),
    ("filesystems", "boot", {"blocks": 131073}, ("FS", "boot", "blocks"), "larger than d0p2"),
    ("filesystems", "boot", {"device": Ref("d0p1")}, ("FS", "esp", "device"), "already holds [FS boot]"),
    ("filesystems", "boot", {"device": Ref("d0")}, ("FS", "boot", "device"), "cannot hold this directly"),
    ("filesystems", "srv", {"content": "copy-of:nope"}, ("FS", "srv", "content"), "not a kind of content"),
    ("boot", "", {"loader": Loader.GRUB_PC}, ("BOOT", "", "loader"), "does not start this loader"),
    ("boot", "", {"esp": ()}, ("BOOT", "", "esp"), "no EFI system partition"),
    ("boot", "", {"esp": (Ref("boot"),)}, ("BOOT", "", "esp"), "not a FAT file system"),
    ("efi_entries", "1", {"path": "\\EFI\\..\\x.efi"}, ("EFIENTRY", "1", "path"), "not a path"),
    ("nics", "enp1s0", {"addresses": ("192.0.2.300/24",)}, ("NIC", "enp1s0", "addresses"), "not an address"),
    ("stores", "s3", {"device": "/dev/sda1"}, ("STORE", "s3", "device"), "not a file system to look for"),
    ("stores", "s3", {"location": "/../x"}, ("STORE", "s3", "location"), "leaves its device"),
    ("stores", "s3", {"snapshot": None}, ("COMMAND", "2000", "argv"), "names no snapshot"),
    ("commands", "2000", {"argv": ()}, ("COMMAND", "2000", "argv"), "no program to run"),
    ("commands", "2000", {"argv": ("x", "${HOME}")}, ("COMMAND", "2000", "argv"), "cannot be substituted"),
    ("commands", "2000", {"argv": ("x", "${store:s3")}, ("COMMAND", "2000", "argv"), "cannot be substituted"),
    ("commands", "2000", {"argv": ("x", "${store:s4}")}, ("COMMAND", "2000", "argv"), "names nothing"),
    ("commands", "2000", {"env": ("P=${secretfile:nope}",)}, ("COMMAND", "2000", "env"), "names no secret of this set"),
    ("secrets", "", {"path": "secrets/x.age"}, ("SECRETS", "", "path"), "no media: before it"),
    ("secrets", "", {"path": "media:../x.age"}, ("SECRETS", "", "path"), "`..` component"),
    ("secrets", "", {"sha256": "x"}, ("SECRETS", "", "sha256"), "not a SHA-256"),
    ("secrets", "", {"order": ()}, ("SECRETS", "", "order"), "looked for somewhere"),
    ("secrets", "", {"order": (SecretSource.PROMPT, SecretSource.PROMPT)}, ("SECRETS", "", "order"), "nowhere twice"),
    ("commands", "2000", {"env": ("x",)}, ("COMMAND", "2000", "env"), "not an environment variable"),
    ("commands", "2000", {"phase": Phase.ERROR}, ("COMMAND", "2000", "phase"), "does not fit the phase"),
    ("commands", "2000", {"on_error": Ref("2000")}, ("COMMAND", "2000", "on_error"), "not an error command"),
    ("commands", "9000", {"on_error": Ref("9000")}, ("COMMAND", "9000", "on_error"), "no error command of its own"),
    ("commands", "2000", {"timeout_s": 0}, ("COMMAND", "2000", "timeout_s"), "not a time limit"),
    ("commands", "2000", {"volumes": (Ref("root"), Ref("root"))}, ("COMMAND", "2000", "volumes"), "something twice"),
])
def test_what_cannot_be_is_found(field: str, ident: str, changes: Dict[str, Any], subject: Tuple[str, str, str],
                                 what: str) -> None:
    found = [(problem.subject, problem.what) for problem in check(broken(field, ident, changes))]
    assert [text for place, text in found if place == subject and what in text], found
    assert all(problem.code is Exit.SIF_INVALID for problem in check(broken(field, ident, changes)))


def test_logical_partitions_lie_inside_the_extended_one() -> None:
    info = machine()
    disk = dataclasses.replace(info.disks[0], table=TableType.MBR, table_id="0xdeadbeef", gpt_entries=None)
    base = dataclasses.replace(info.partitions[0], uuid=None, type="0x83")

    def problems(start: int) -> Tuple[str, ...]:
        partitions = (dataclasses.replace(base, id="d0p1", number=1, type="0x05", start_sector=2048, sectors=8192),
                      dataclasses.replace(base, id="d0p5", number=5, start_sector=start, sectors=2048))
        found = check(dataclasses.replace(info, disks=(disk, info.disks[1]), partitions=partitions))
        return tuple(p.what for p in found if p.subject and p.subject[0] == "PARTITION")

    assert problems(4096) == ()
    assert problems(16384) == ("a logical partition outside the extended one",)


def test_all_commands_are_judged_not_only_the_first() -> None:
    extra = tuple(Command(id=str(number), phase=Phase.RESTORE, vendor="v", title="t", argv=()) for number in (1, 2, 3))
    found = check(dataclasses.replace(machine(), commands=extra))
    assert [problem.subject for problem in found] == [("COMMAND", str(number), "argv") for number in (1, 2, 3)]

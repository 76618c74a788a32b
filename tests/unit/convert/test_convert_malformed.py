"""Malformed and hostile sources: each is refused with the line that is wrong, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Tuple

import pytest

from sif.cli import main
from sif.convert import Format, Note, convert
from sif.errors import Exit
from sif.problems import SifRejected

SAMPLES = Path(__file__).parent / "samples"
UUID = "0f6ab7a4-44e5-4d65-8cd7-4d93e0c30c01"
DISK = "disk /dev/vda 10737418240 gpt\n"
PART = "part /dev/vda 1073741824 1048576 root none /dev/vda1 no-partuuid\n"
ROOT = f"fs /dev/vda1 / ext4 uuid={UUID} label= blocksize=4096 options=rw\n"

ARRAY = ("raidarray /dev/md0 level=raid1 raid-devices=1 devices=/dev/vda1 metadata=1.2 "
         "uuid=8d05eb84:2de831d1:dfed54b2:ad592118\nraiddisk /dev/md0 8388608 unknown\n")
CRYPT = f"crypt /dev/mapper/c /dev/vda1 type=luks2 cipher=aes-xts-plain64 key_size=512 hash=sha256 uuid={UUID}\n"
BTRFS = f"fs /dev/vda1 / btrfs uuid={UUID} label= nodesize=16384 options=rw\n"

REAR = [
    ("an empty file", "", 1, "no component"),
    ("only comments", "# Disk layout dated 20240311021503\n", 1, "no component"),
    ("a disk without a label", "disk /dev/vda 10737418240\n", 1, "disk line of 2 fields"),
    ("a disk with a word too many", "disk /dev/vda 1 gpt a b c d e\n", 1, "disk line of 8 fields"),
    ("a negative size", "disk /dev/vda -512 gpt\n", 1, "the size is not a number"),
    ("a size with a unit", "disk /dev/vda 10G gpt\n", 1, "the size is not a number"),
    ("a size in other digits", "disk /dev/vda \u0661\u0662 gpt\n", 1, "the size is not a number"),
    ("a size with a leading zero", "disk /dev/vda 0512 gpt\n", 1, "the size is not a number"),
    ("a huge size", "disk /dev/vda 1234567890123456789012 gpt\n", 1, "the size is not a number"),
    ("a size that is no number of sectors", "disk /dev/vda 10737418241 gpt\n" + PART, 1, "not a number of sectors"),
    ("a disk of no size", "disk /dev/vda 0 gpt\n" + PART, 1, "not a number of sectors"),
    ("a disk twice", DISK + DISK + PART, 2, "described twice"),
    ("a disk that is no device", "disk vda 512 gpt\n", 1, "the disk is not a device"),
    ("a disk outside /dev", "disk /dev/../etc/passwd 512 gpt\n", 1, "the disk is not a device"),
    ("a partition without flags", DISK + "part /dev/vda 512 512 root /dev/vda1\n", 2, "part line of 5 fields"),
    ("a partition of another disk", DISK + "part /dev/vda 512 512 root none /dev/vdb1\n", 2, "not one of its disk"),
    ("a partition without a number", DISK + "part /dev/vda 512 512 root none /dev/vda\n", 2, "not one of its disk"),
    ("a partition twice", DISK + PART + PART, 3, "described twice"),
    ("a start that is no sector", DISK + "part /dev/vda 512 513 root none /dev/vda1\n", 2, "a start that is not"),
    ("a name that is not UTF-8", DISK + "part /dev/vda 512 512 %ff%fe none /dev/vda1\n", 2, "name that is not UTF-8"),
    ("a name with a control character", DISK + "part /dev/vda 512 512 a%1b%5b2J none /dev/vda1\n", 2, "not allowed"),
    ("a name with a bidi override", DISK + "part /dev/vda 512 512 a%E2%80%AEb none /dev/vda1\n", 2, "not allowed"),
    ("a GUID that is none", DISK + "part /dev/vda 512 512 r none /dev/vda1 1234\n", 2, "not a partition GUID"),
    ("a logical partition below 5", "disk /dev/vda 10737418240 msdos\npart /dev/vda 512 512 logical none /dev/vda1\n",
     2, "not a kind of MBR partition"),
    ("an MBR partition of no kind", "disk /dev/vda 10737418240 msdos\npart /dev/vda 512 512 odd none /dev/vda1\n",
     2, "not a kind of MBR partition"),
    ("a file system without a type", DISK + PART + "fs /dev/vda1 /\n", 3, "fs line of 2 fields"),
    ("a word that is no pair", DISK + PART + "fs /dev/vda1 / ext4 uuid=1 rw\n", 3, "not a name=value pair"),
    ("an attribute twice", DISK + PART + "fs /dev/vda1 / ext4 uuid=1 uuid=2\n", 3, "uuid= is there twice"),
    ("a UUID that is none", DISK + PART + "fs /dev/vda1 / ext4 uuid=$(reboot)\n", 3, "not a UUID of ext4"),
    ("a FAT serial that is none", DISK + PART + f"fs /dev/vda1 / vfat uuid={UUID}\n", 3, "not a UUID of vfat"),
    ("a block size that is none", DISK + PART + f"fs /dev/vda1 / ext4 uuid={UUID} blocksize=4k\n", 3, "blocksize"),
    ("a percentage that is none", DISK + PART + f"fs /dev/vda1 / ext4 uuid={UUID} blocksize=4096 reserved_blocks=99%\n",
     3, "not a percentage"),
    ("a check interval that is none", DISK + PART + f"fs /dev/vda1 / ext4 uuid={UUID} check_interval=soon\n", 3,
     "check_interval is not a time"),
    ("a number of mounts that is none", DISK + PART + f"fs /dev/vda1 / ext4 uuid={UUID} max_mounts=-2\n", 3,
     "max_mounts is not a number"),
    ("mount options that are none", DISK + PART + f"fs /dev/vda1 / ext4 uuid={UUID} default_mount_options=a;b\n", 3,
     "default_mount_options are not mount options"),
    ("a mount point with a control character", DISK + PART + f"fs /dev/vda1 /a\\x0a ext4 uuid={UUID}\n", 3,
     "not allowed"),
    ("two things on a partition", DISK + PART + ROOT + f"swap /dev/vda1 uuid={UUID} label=\n", 4, "already holds"),
    ("a swap UUID that is none", DISK + PART + "swap /dev/vda1 uuid=none label=\n", 3, "not a UUID of a swap area"),
    ("a volume group twice", DISK + PART + "lvmgrp /dev/a 4096 1 1\nlvmgrp /dev/a 4096 1 1\n", 4, "described twice"),
    ("a volume group that leaves the directory", DISK + PART + "lvmgrp /dev/../../etc/x 4096 1 1\n", 3,
     "the volume group is not a device"),
    ("a volume group in a directory", DISK + PART + "lvmgrp /dev/a/b 4096 1 1\n", 3, "not a volume group's name"),
    ("a volume size that is none", DISK + "lvmvol /dev/a lv x linear\n", 2, "the number of extents is not a number"),
    ("an array that is no device", DISK + "raidarray md0 level=raid1\n", 2, "the array is not a device"),
    ("an array of millions", DISK + PART + ARRAY.replace("raid-devices=1", "raid-devices=99999999999"), 3,
     "not a number of devices"),
    ("an array with too many devices", DISK + PART + ARRAY.replace("=/dev/vda1", "=/dev/vda1,/dev/vda1"), 3,
     "another number of devices"),
    ("an array of spares alone", DISK + PART + ARRAY.replace("level", "spare-devices=5 level"), 3,
     "another number of devices"),
    ("an array's UUID that is none", DISK + PART + ARRAY.replace("8d05eb84", "x"), 3, "not the UUID of an array"),
    ("an array's size that is none", DISK + "raiddisk /dev/md0 1K gpt\n", 2, "the size is not a number"),
    ("LUKS without a mapping", DISK + "crypt /dev/sdz /dev/vda1 type=luks2\n", 2, "is no mapping"),
    ("LUKS of another version", DISK + PART + CRYPT.replace("luks2", "luks3"), 3, "not a version of LUKS"),
    ("LUKS with a UUID that is none", DISK + PART + CRYPT.replace(UUID, "1"), 3, "not a UUID of LUKS"),
    ("LUKS with a cipher that is none", DISK + PART + CRYPT.replace("aes-xts", "aes;xts"), 3, "not a cipher"),
    ("LUKS without a key size", DISK + PART + CRYPT.replace("key_size=512", ""), 3, "key_size is missing"),
    ("a multipath size that is none", DISK + "multipath /dev/mapper/m 1x gpt /dev/sda\n", 2,
     "the size is not a number"),
    ("a subvolume that leaves", DISK + "btrfsnormalsubvol /dev/vda1 / 256 @/../x\n", 2, "not the path of a subvolume"),
    ("a subvolume's id that is none", DISK + "btrfsnormalsubvol /dev/vda1 / x @\n", 2, "id is not a number"),
    ("a subvolume twice", DISK + PART + BTRFS + 2 * "btrfsnormalsubvol /dev/vda1 / 256 @\n", 3, "described twice"),
    ("a btrfs UUID that is none", DISK + PART + BTRFS.replace(UUID, "1"), 3, "not a UUID of btrfs"),
    ("a btrfs node size that is none", DISK + PART + BTRFS.replace("16384", "16k"), 3, "nodesize is not a number"),
    ("a tabulator", "disk\t/dev/vda 10737418240 gpt\n", 1, "not allowed"),
    ("a terminal escape in a comment", "# \x1b[2J\n" + DISK, 1, "not allowed"),
    ("a carriage return", "disk /dev/vda 10737418240 gpt\r\n", 1, "not allowed"),
    ("a long line", "# " + "x" * 9000 + "\n" + DISK, 1, "the line is too long"),
    ("too many lines", "\n" * 20001, 20001, "too many lines"),
    ("too many components", DISK * 4001, 1, "too many components"),
]


@pytest.mark.parametrize(("text", "line", "what"), [case[1:] for case in REAR], ids=[case[0] for case in REAR])
def test_a_malformed_layout_is_refused(text: str, line: int, what: str, tmp_path: Path) -> None:
    (tmp_path / "disklayout.conf").write_bytes(text.encode("utf-8"))
    with pytest.raises(SifRejected) as raised:
        convert(tmp_path, Format.REAR)
    assert raised.value.code is Exit.SIF_SYNTAX
    assert (f"disklayout.conf:{line}", what in raised.value.problems[0].what) == (raised.value.problems[0].where, True)
    assert main(["convert", str(tmp_path), "--from", "rear", "--output", str(tmp_path / "out")]) == Exit.SIF_SYNTAX
    assert not (tmp_path / "out").exists()


HEAD = '[VERSION]\nSignature="$Windows NT$"\nASR-Version="1.0"\n[SYSTEMS]\n1="PC","x86","5.1"\n'
MBR = "[DISKS.MBR]\n1=1,1,1,0x5d3b8c21,512,63,255,78165360\n"
TABLE = "[PARTITIONS.MBR]\n"
GPT = "[DISKS.GPT]\n1=1,1,1,{6C9D2A54-70F5-4E0B-9B1C-0F2D7E3C5A10},128,512,63,255,286749488\n"

ASR = [
    ("an empty file", "", 1, "not an ASR state file"),
    ("another kind of .sif", '[Unattended]\nUnattendMode="FullUnattended"\n', 1, "not an ASR state file"),
    ("a later version", HEAD.replace("1.0", "2.0"), 3, "Asr-version"),
    ("another signature", HEAD.replace("NT$", "CE$"), 2, "Signature"),
    ("text before the first section", "1=2\n" + HEAD, 1, "before the first section"),
    ("a header that is none", HEAD + "[DISKS.MBR\n", 6, "not a section header"),
    ("a section twice", HEAD + MBR + "[disks.mbr]\n", 8, "is there twice"),
    ("a key twice", HEAD + MBR + "1=1,1,1,0x1,512,63,255,1\n", 8, "1 is there twice"),
    ("a record without a key", HEAD + "[BUSES]\n=1,2\n", 7, "not a record"),
    ("a record without values", HEAD + "[BUSES]\nnonsense\n", 7, "not a record"),
    ("a quote that does not end", HEAD + '[BUSES]\n1="a,b\n', 7, "does not end"),
    ("text after a quote", HEAD + '[BUSES]\n1="a"b,1\n', 7, "text after a quoted value"),
    ("a quote inside a value", HEAD + '[BUSES]\n1=a"b",1\n', 7, "text after a quoted value"),
    ("too many values", HEAD + "[BUSES]\n1=" + "," * 70 + "\n", 7, "too many values"),
    ("no disk", HEAD, 1, "no disk"),
    ("a disk that is too short", HEAD + "[DISKS.MBR]\n1=1,1,1,0x1,512\n", 7, "record of 5 values"),
    ("a signature that is none", HEAD + MBR.replace("0x5d3b8c21", "0xzz"), 7, "signature is not a number"),
    ("an empty signature", HEAD + MBR.replace("0x5d3b8c21", ""), 7, "signature is not a number"),
    ("a signed number", HEAD + MBR.replace("78165360", "-1"), 7, "sectors is not a number"),
    ("a disk without sectors", HEAD + MBR.replace("78165360", "0"), 7, "a disk without sectors"),
    ("a disk GUID that is none", HEAD + GPT.replace("{6C9D2A54", "{XXXX2A54"), 7, "disk-guid is not a GUID"),
    ("a partition of no disk", HEAD + MBR + TABLE + '1=9,1,3,"",0x80,0xc,0xb,63,100,0x1000\n', 9, "no such disk"),
    ("a GPT partition of an MBR disk", HEAD + MBR + "[PARTITIONS.GPT]\n1=1,1,0,,{C12A7328-F81F-11D2-BA4B-00A0C93EC93B},"
     "{C12A7328-F81F-11D2-BA4B-00A0C93EC93B},0,,0,34,1,0\n", 9, "no such disk"),
    ("a partition that is too long", HEAD + MBR + TABLE + "1=1,1,3,,0x80,0xc,0xb,63,100,0x1000,1,2\n", 9,
     "record of 12 values"),
    ("a type that is too large", HEAD + MBR + TABLE + "1=1,1,3,,0x80,0x1ff,0xb,63,100,0x1000\n", 9, "not an MBR part"),
    ("a start that is none", HEAD + MBR + TABLE + "1=1,1,3,,0x80,0xc,0xb,,100,0x1000\n", 9, "start is not a number"),
    ("two systems", HEAD + '2="PC2","x86","5.1"\n' + MBR, 1, "not the state of one system"),
    ("a NUL", HEAD + "\0\n", 6, "not allowed"),
    ("a terminal escape", HEAD + "; \x1b[2J\n", 6, "not allowed"),
    ("a long line", HEAD + ";" + "x" * 9000 + "\n", 6, "the line is too long"),
]


@pytest.mark.parametrize(("text", "line", "what"), [case[1:] for case in ASR], ids=[case[0] for case in ASR])
def test_a_malformed_state_file_is_refused(text: str, line: int, what: str, tmp_path: Path) -> None:
    (tmp_path / "asr.sif").write_bytes(text.encode("utf-8"))
    with pytest.raises(SifRejected) as raised:
        convert(tmp_path, Format.ASR)
    assert raised.value.code is Exit.SIF_SYNTAX
    assert (f"asr.sif:{line}", what in raised.value.problems[0].what) == (raised.value.problems[0].where, True)
    assert main(["convert", str(tmp_path), "--partial", "--output", str(tmp_path / "out")]) == Exit.SIF_SYNTAX
    assert not (tmp_path / "out").exists()


CFG = (SAMPLES / "rear-bios-lvm/layout/lvm/web01-vg.cfg").read_text("utf-8")


def line_of(text: str) -> int:
    return CFG[:CFG.index(text)].count("\n") + 1


METADATA = [
    ("an empty file", "", 1, "not the metadata of one volume group"),
    ("a shell script", "#!/bin/sh\nrm -rf /\n", 2, "not LVM metadata"),
    ("an end too early", CFG[:CFG.index("logical_volumes")], line_of("logical_volumes"), "ends too early"),
    ("a brace too many", CFG + "}\n", CFG.count("\n") + 1, "a } too many"),
    ("another group", CFG.replace("web01-vg {", "other {"), line_of("web01-vg {"), "another volume group"),
    ("a name twice", CFG.replace("seqno = 7", "seqno = 7\nseqno = 8"), line_of("seqno") + 1, "seqno is there twice"),
    ("no extent size", CFG.replace("extent_size = 8192", ""), line_of("web01-vg {"), "no extent_size"),
    ("an extent size in quotes", CFG.replace("= 8192", '= "8192"'), line_of("web01-vg {"), "no extent_size"),
    ("a negative count", CFG.replace("pe_count = 4997", "pe_count = -1"), line_of("pv0 {"), "no pe_count"),
    ("a gap in a volume", CFG.replace("start_extent = 1280", "start_extent = 1290"), line_of("segment2 {"),
     "a gap or overlap"),
    ("another physical volume", CFG.replace("wT3bN0", "xT3bN0"), 0, "does not know"),
    ("blocks without end", "a {\n" * 20, 9, "nested too deeply"),
    ("a terminal escape", CFG.replace("informational", "\x1b[2J"), line_of("informational"), "not allowed"),
]


@pytest.mark.parametrize(("text", "line", "what"), [case[1:] for case in METADATA], ids=[c[0] for c in METADATA])
def test_malformed_lvm_metadata_is_refused(text: str, line: int, what: str, tmp_path: Path) -> None:
    copy(tmp_path, {"lvm/web01-vg.cfg": text.encode("utf-8")})
    with pytest.raises(SifRejected) as raised:
        convert(tmp_path, Format.REAR)
    problem = raised.value.problems[0]
    # A physical volume that the metadata lacks is the layout's line.
    assert problem.where == (f"lvm/web01-vg.cfg:{line}" if line else "disklayout.conf:25")
    assert what in problem.what


def copy(target: Path, changes: Dict[str, bytes]) -> None:
    source = SAMPLES / "rear-bios-lvm/layout"
    for path in source.rglob("*"):
        name = str(path.relative_to(source))
        if path.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_bytes(changes.get(name, path.read_bytes()))


def refused(directory: Path) -> Tuple[str, str]:
    with pytest.raises(SifRejected) as raised:
        convert(directory, Format.REAR)
    return raised.value.problems[0].where, raised.value.problems[0].what


def test_a_volume_without_its_pool_is_left_out_and_so_is_the_text_that_would_bring_it_back(tmp_path: Path) -> None:
    head, tail = CFG.split('"pv0", 2560')
    before, kind, after = head.rpartition('type = "striped"')
    thin = before + kind.replace("striped", "thin") + after.replace("stripes", "device_ids") + "1" + tail
    assert thin != CFG
    copy(tmp_path, {"lvm/web01-vg.cfg": thin.encode("utf-8")})
    made = convert(tmp_path, Format.REAR)
    lost = [(entry.where, entry.subject) for entry in made.report.of(Note.NOT_RESTORABLE)]
    assert lost == [("disklayout.conf:44", "swap on /dev/mapper/web01--vg-swap"),
                    (f"lvm/web01-vg.cfg:{line_of('swap {')}", "logical volume web01-vg/swap")]
    assert made.info.vgs[0].metadata is None and not made.files
    assert main(["convert", str(tmp_path), "--output", str(tmp_path / "out"), "--partial"]) == Exit.OK
    assert main(["check", str(tmp_path / "out")]) == Exit.OK


def test_a_missing_metadata_backup_is_not_made_up(tmp_path: Path) -> None:
    copy(tmp_path, {})
    (tmp_path / "lvm/web01-vg.cfg").unlink()
    made = convert(tmp_path, Format.REAR)
    assert not made.info.vgs and not made.info.pvs and not made.info.lvs
    assert "lvm/web01-vg.cfg is missing" in made.report.of(Note.NOT_RESTORABLE)[1].text


def test_sizes_of_old_layouts_count_extents_and_sectors(tmp_path: Path) -> None:
    """Older layouts have ``lvmvol <vg> <name> <extents> <sectors>``; a wrong size of either form is named."""
    layout = (SAMPLES / "rear-bios-lvm/layout/disklayout.conf").read_text("utf-8")
    for new, disagrees in (("2560 20971520 ", False), ("2561 20979712 ", True), ("10737418239b linear", True)):
        text = layout.replace("root 10737418240b linear ", f"root {new}")
        assert text != layout
        copy(tmp_path, {"disklayout.conf": text.encode("utf-8")})
        found = [entry for entry in convert(tmp_path, Format.REAR).report.entries if "disagrees" in entry.text]
        assert [entry.subject for entry in found] == (["logical volume web01-vg/root"] if disagrees else [])


def test_side_files_are_not_reached_through_links(tmp_path: Path) -> None:
    copy(tmp_path, {})
    backup = tmp_path / "lvm/web01-vg.cfg"
    backup.rename(tmp_path / "elsewhere")
    backup.symlink_to(tmp_path / "elsewhere")
    assert refused(tmp_path)[0] == "lvm/web01-vg.cfg:1"
    backup.unlink()
    (tmp_path / "lvm").rmdir()
    (tmp_path / "lvm").symlink_to(SAMPLES / "rear-bios-lvm/layout/lvm")
    assert "symbolic link" in refused(tmp_path)[1]


def test_a_source_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    copy(tmp_path, {"disklayout.conf": b"#\n" * (600 * 1024)})
    assert refused(tmp_path) == ("disklayout.conf:1", "the file is too long")


def test_a_source_that_is_not_text_is_refused(tmp_path: Path) -> None:
    copy(tmp_path, {"disklayout.conf": b"disk /dev/vda\n\xff\xfe\xfd\n"})
    assert refused(tmp_path) == ("disklayout.conf:2", "not UTF-8 or UTF-16 text")


def test_a_device_file_is_not_read(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "disklayout.conf")
    with pytest.raises(SifRejected):
        convert(tmp_path / "disklayout.conf", Format.REAR)


def test_all_faults_are_shown_at_once(tmp_path: Path) -> None:
    (tmp_path / "disklayout.conf").write_text("disk a b c\npart x\nfs y\n" + DISK, encoding="utf-8")
    with pytest.raises(SifRejected) as raised:
        convert(tmp_path, Format.REAR)
    assert [p.where for p in raised.value.problems] == [f"disklayout.conf:{line}" for line in (1, 2, 3)]

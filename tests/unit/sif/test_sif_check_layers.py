"""The checks of encrypted volumes, btrfs, swap files, other mounts and what was left out."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Optional, Tuple

import pytest
from sif_samples import LINUX_TYPE, machine, partition

from sif.check import check
from sif.features import FEATURES
from sif.model import (
    Btrfs,
    BtrfsProfile,
    FileSystem,
    FsType,
    Luks,
    Mount,
    Omitted,
    OmittedWhy,
    Ref,
    Subvolume,
    Swap,
    SystemInformation,
)
from sif.restorable import Obstacle, name_of, obstacles

GIB = 1 << 30


def layered() -> SystemInformation:
    """The sample, and on its second disk: LUKS, in it btrfs with two subvolumes; swap files; a mount; a gap."""
    info = machine()
    (end,) = (part for part in info.partitions if part.id == "d1p1")
    shorter = dataclasses.replace(end, sectors=16000000 - 8 * 2048)
    parts = [shorter if part.id == "d1p1" else part for part in info.partitions]
    first = end.start_sector + end.sectors
    parts += [partition(2, first, 200000, LINUX_TYPE, on=1), partition(4, 15181824, 100000, LINUX_TYPE),
              partition(4, first + 300000, 100000, LINUX_TYPE, on=1)]
    return dataclasses.replace(
        info, partitions=tuple(parts), pvs=tuple(
            dataclasses.replace(pv, extents=1900) if pv.id == "pv_d1p1" else pv for pv in info.pvs),
        luks=(Luks(id="luks_d1p2", device=Ref("d1p2"), version=2, uuid="0f0e0d0c-0b0a-4908-8706-050403020102",
                   cipher="aes-xts-plain64", key_bits=512, offset_bytes=16 << 20, name="vault", options="luks,discard",
                   hash="sha256", sector_bytes=4096, size_bytes=80 << 20, key_file="/etc/key", label="v",
                   keyslots=("0:argon2id:4:1048576:4", "1:pbkdf2:1000"), tokens=("0:systemd-tpm2",),
                   flags=("allow-discards",)),),
        btrfs=(Btrfs(id="tank", devices=(Ref("luks_d1p2"), Ref("d0p4")), uuid="4f0a7b9c-1d22-4f9b-9d6b-7c2e0f7a1002",
                     label="tank", data=BtrfsProfile.RAID1, metadata=BtrfsProfile.RAID1, system=BtrfsProfile.RAID1,
                     features=("extref",), default=Ref("home"), quotas=True, mount="/tank", options="subvolid=5",
                     qgroups=("0/@home:100:none", "1/100:none:5"), device_bytes=(40 << 20, 40 << 20)),),
        subvolumes=(Subvolume(id="home", btrfs=Ref("tank"), path="@home", mount="/home", options="subvol=@home"),
                    Subvolume(id="deep", btrfs=Ref("tank"), path="@home/a b/c", content="none")),
        swaps=(*info.swaps, Swap(id="swap1", device=Ref("home"), uuid="91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d02",
                                 path="/home/swap", size_bytes=1 << 24, options="pri=1")),
        mounts=(Mount(id="nas", what="nas:/x", where="/nas", type="nfs4", options="ro,soft"),),
        omitted=(Omitted(id="omitted_d1p4", what="ZFS pool tank", why=OmittedWhy.EXCLUDED, device=Ref("d1p4")),))


def test_a_sound_machine_of_many_layers_has_no_problems() -> None:
    assert [str(problem) for problem in check(layered())] == []


@pytest.mark.parametrize(("word", "what"), [
    ("${mount:tank}", None), ("${mount:home}", None), ("${mount:root}/x", None),
    ("${mount:deep}", "${mount:deep}: a subvolume has no mount point"),
    ("${mount:swap1}", "${mount:swap1} names nothing"), ("${mount:d0}", "${mount:d0} names nothing")])
def test_a_command_may_name_whatever_has_a_mount_point(word: str, what: Optional[str]) -> None:
    info = layered()
    first = dataclasses.replace(info.commands[0], argv=("tar", "--directory", word))
    found = check(dataclasses.replace(info, commands=(first, *info.commands[1:])))
    assert [problem.what for problem in found] == ([] if what is None else [what])


def broken(field: str, ident: str, changes: Dict[str, Any]) -> SystemInformation:
    value = getattr(layered(), field)
    assert ident in [record.id for record in value]
    changed: Any = tuple(dataclasses.replace(record, **changes) if record.id == ident else record for record in value)
    return dataclasses.replace(layered(), **{field: changed})


@pytest.mark.parametrize(("field", "ident", "changes", "subject", "what"), [
    ("luks", "luks_d1p2", {"version": 3}, ("LUKS", "luks_d1p2", "version"), "not a version of LUKS"),
    ("luks", "luks_d1p2", {"uuid": "X"}, ("LUKS", "luks_d1p2", "uuid"), "not a UUID"),
    ("luks", "luks_d1p2", {"cipher": "--help"}, ("LUKS", "luks_d1p2", "cipher"), "not a cipher"),
    ("luks", "luks_d1p2", {"hash": "-x"}, ("LUKS", "luks_d1p2", "hash"), "not a hash"),
    ("luks", "luks_d1p2", {"integrity": "x y"}, ("LUKS", "luks_d1p2", "integrity"), "not a integrity"),
    ("luks", "luks_d1p2", {"key_bits": 12}, ("LUKS", "luks_d1p2", "key_bits"), "not the length of a key"),
    ("luks", "luks_d1p2", {"offset_bytes": 100}, ("LUKS", "luks_d1p2", "offset_bytes"), "does not begin at a sector"),
    ("luks", "luks_d1p2", {"sector_bytes": 8192}, ("LUKS", "luks_d1p2", "sector_bytes"), "not an encryption sector"),
    ("luks", "luks_d1p2", {"size_bytes": 4097}, ("LUKS", "luks_d1p2", "size_bytes"), "whole number of its sectors"),
    ("luks", "luks_d1p2", {"size_bytes": GIB}, ("LUKS", "luks_d1p2", "size_bytes"), "larger than d1p2"),
    ("luks", "luks_d1p2", {"label": "x" * 48}, ("LUKS", "luks_d1p2", "label"), "not a label"),
    ("luks", "luks_d1p2", {"subsystem": "-x"}, ("LUKS", "luks_d1p2", "subsystem"), "not a subsystem"),
    ("luks", "luks_d1p2", {"flags": ("--x",)}, ("LUKS", "luks_d1p2", "flags"), "not a flag"),
    ("luks", "luks_d1p2", {"name": "a/b"}, ("LUKS", "luks_d1p2", "name"), "not a mapper name"),
    ("luks", "luks_d1p2", {"name": "-x"}, ("LUKS", "luks_d1p2", "name"), "not a mapper name"),
    ("luks", "luks_d1p2", {"options": "a b"}, ("LUKS", "luks_d1p2", "options"), "not a field of crypttab"),
    ("luks", "luks_d1p2", {"key_file": "a\nb"}, ("LUKS", "luks_d1p2", "key_file"), "not a field of crypttab"),
    ("luks", "luks_d1p2", {"keyslots": ("0:scrypt:1",)}, ("LUKS", "luks_d1p2", "keyslots"), "not one of the keyslots"),
    ("luks", "luks_d1p2", {"keyslots": ("32:pbkdf2:1000",)}, ("LUKS", "luks_d1p2", "keyslots"), "not one of"),
    ("luks", "luks_d1p2", {"keyslots": ("1:pbkdf2:1000", "1:pbkdf2:2000")}, ("LUKS", "luks_d1p2", "keyslots"),
     "the same slot twice"),
    ("luks", "luks_d1p2", {"tokens": ("systemd-tpm2",)}, ("LUKS", "luks_d1p2", "tokens"), "not one of the tokens"),
    ("luks", "luks_d1p2", {"version": 1}, ("LUKS", "luks_d1p2", "keyslots"), "LUKS1 knows only pbkdf2"),
    ("luks", "luks_d1p2", {"version": 1}, ("LUKS", "luks_d1p2", "sector_bytes"), "LUKS1 has sectors of 512"),
    ("luks", "luks_d1p2", {"version": 1}, ("LUKS", "luks_d1p2", "tokens"), "LUKS1 has no tokens"),
    ("btrfs", "tank", {"uuid": "4F0A"}, ("BTRFS", "tank", "uuid"), "not a UUID"),
    ("btrfs", "tank", {"uuid": "d2b1f0a4-53a0-4b83-8a4f-3d9ab3a0f002"}, ("BTRFS", "tank", "uuid"),
     "the same UUID as [FS root]"),
    ("btrfs", "tank", {"label": "--x"}, ("BTRFS", "tank", "label"), "not a label"),
    ("btrfs", "tank", {"checksum": "md5"}, ("BTRFS", "tank", "checksum"), "not a checksum"),
    ("btrfs", "tank", {"features": ("^x",)}, ("BTRFS", "tank", "features"), "not a feature"),
    ("btrfs", "tank", {"node_size": 2048}, ("BTRFS", "tank", "node_size"), "not a node size"),
    ("btrfs", "tank", {"sector_size": 1024}, ("BTRFS", "tank", "sector_size"), "not a sector size"),
    ("btrfs", "tank", {"data": BtrfsProfile.RAID1C3}, ("BTRFS", "tank", "data"), "raid1c3 needs more devices"),
    ("btrfs", "tank", {"mixed": True, "data": BtrfsProfile.SINGLE}, ("BTRFS", "tank", "metadata"), "not their profile"),
    ("btrfs", "tank", {"device_bytes": (1,)}, ("BTRFS", "tank", "device_bytes"), "not one size for each device"),
    ("btrfs", "tank", {"device_bytes": (40 << 20, GIB)}, ("BTRFS", "tank", "device_bytes"), "does not fit on d0p4"),
    ("btrfs", "tank", {"devices": ()}, ("BTRFS", "tank", "devices"), "needs a device"),
    ("btrfs", "tank", {"devices": (Ref("luks_d1p2"), Ref("d1p4"), Ref("d0p2"))}, ("BTRFS", "tank", "devices"),
     "already holds"),
    ("btrfs", "tank", {"quotas": False}, ("BTRFS", "tank", "qgroups"), "limits without quotas"),
    ("btrfs", "tank", {"qgroups": ("0/@home:x:1",)}, ("BTRFS", "tank", "qgroups"), "not a limit"),
    ("btrfs", "tank", {"qgroups": ("0/@gone:1:1",)}, ("BTRFS", "tank", "qgroups"), "no subvolume @gone"),
    ("btrfs", "tank", {"mount": "/srv"}, ("BTRFS", "tank", "mount"), "srv is mounted there too"),
    ("subvolumes", "deep", {"path": "../x"}, ("SUBVOLUME", "deep", "path"), "not a path from the top level"),
    ("subvolumes", "deep", {"path": "/x"}, ("SUBVOLUME", "deep", "path"), "not a path from the top level"),
    ("subvolumes", "deep", {"path": "a//b"}, ("SUBVOLUME", "deep", "path"), "not a path from the top level"),
    ("subvolumes", "deep", {"path": "-x"}, ("SUBVOLUME", "deep", "path"), "not a name of a subvolume"),
    ("subvolumes", "deep", {"path": "@home"}, ("SUBVOLUME", "deep", "path"), "the same path as home"),
    ("subvolumes", "deep", {"content": "copy"}, ("SUBVOLUME", "deep", "content"), "not a kind of content"),
    ("subvolumes", "home", {"mount": "/tank"}, ("SUBVOLUME", "home", "mount"), "tank is mounted there too"),
    ("swaps", "swap1", {"path": "swap"}, ("SWAP", "swap1", "path"), "not a plain absolute path"),
    ("swaps", "swap1", {"path": "/srv/swap"}, ("SWAP", "swap1", "path"), "not below where home is mounted"),
    ("swaps", "swap1", {"size_bytes": None}, ("SWAP", "swap1", "size_bytes"), "not the length of a swap file"),
    ("swaps", "swap1", {"device": Ref("d1p4")}, ("SWAP", "swap1", "device"), "d1p4 holds no files"),
    ("swaps", "swap1", {"path": None}, ("SWAP", "swap1", "device"), "can hold a swap file only"),
    ("swaps", "swap0", {"size_bytes": 1}, ("SWAP", "swap0", "size_bytes"), "as long as its device"),
    ("swaps", "swap0", {"options": "a b"}, ("SWAP", "swap0", "options"), "not options as in fstab"),
    ("mounts", "nas", {"where": "nas"}, ("MOUNT", "nas", "where"), "not a plain absolute path"),
    ("mounts", "nas", {"where": "/home"}, ("MOUNT", "nas", "where"), "home is mounted there too"),
    ("mounts", "nas", {"type": "-o"}, ("MOUNT", "nas", "type"), "not a file system type"),
    ("mounts", "nas", {"options": "a b"}, ("MOUNT", "nas", "options"), "not mount options"),
    ("omitted", "omitted_d1p4", {"device": Ref("d0p2")}, ("OMITTED", "omitted_d1p4", "device"), "holds [FS boot]"),
    ("omitted", "omitted_d1p4", {"device": Ref("gone")}, ("OMITTED", "omitted_d1p4", "device"), "there is no gone"),
    ("filesystems", "root", {"parameters": ("x=--help me",)}, ("FS", "root", "parameters"), "not a parameter"),
    ("filesystems", "root", {"parameters": ("stride=1", "stride=2")}, ("FS", "root", "parameters"),
     "the same parameter twice"),
    ("filesystems", "srv", {"type": FsType.NTFS, "features": ()}, ("FS", "srv", "uuid"), "not a UUID of ntfs"),
    ("filesystems", "srv", {"type": FsType.F2FS, "features": (), "uuid": "X"}, ("FS", "srv", "uuid"), "UUID of f2fs"),
])
def test_what_cannot_be_is_found(field: str, ident: str, changes: Dict[str, Any], subject: Tuple[str, str, str],
                                 what: str) -> None:
    found = check(broken(field, ident, changes))
    assert [problem for problem in found if problem.subject == subject and what in problem.what], list(map(str, found))


def test_the_verdict_names_each_thing_with_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sif.features.REBUILT", frozenset(FEATURES) - {"luks", "btrfs", "swap-file", "ext4"})
    assert obstacles(dataclasses.replace(layered(), filesystems=(
        FileSystem(id="x", device=Ref("d0p2"), type=FsType.EXT4, uuid="u", mount="/boot"),))) == (
        Obstacle("btrfs file system: tank", "tank"), Obstacle("ext4 file system: /boot", "vda2"),
        Obstacle("LUKS encrypted volume: vault", "vault"), Obstacle("swap file: /home/swap", "/home/swap"))
    assert str(Obstacle("a", "b")) == "a (leave it out: --exclude b)"


@pytest.mark.parametrize(("ident", "name"), [
    ("d0p2", "vda2"), ("d1", "vdb"), ("lv_vg_root", "vg/root"), ("luks_d1p2", "vault"), ("gone", "gone")])
def test_what_can_carry_something_has_the_machines_name(ident: str, name: str) -> None:
    assert name_of(layered(), ident) == name

"""LUKS headers go into the secrets file on request, through memory, and nowhere else."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path
from typing import Tuple

import pytest
from sif_samples import machine

from sif.errors import Exit, UsageError
from sif.model import Luks, Ref, SystemInformation
from sif.run import run
from sif.secrets.age import SecretUnavailable, decrypt, encrypt
from sif.secrets.files import memory_directory
from sif.secrets.headers import blanked, packed, unpacked, with_headers
from sif.writer import write_set

HEADER = b"LUKS\xba\xbe" + b"keyslot, most secret" + bytes(2 << 20)

BACKUP = """#!/bin/sh -eu
# cryptsetup luksHeaderBackup DEVICE --header-backup-file FILE
test "$1 $3" = "luksHeaderBackup --header-backup-file"
case $2 in */by-uuid/0f0e0d0c-*) ;; *) echo "no device $2" >&2; exit 4 ;; esac
test ! -e "$4"
printf 'LUKS\\272\\276keyslot, most secret' >"$4"
head -c 2097152 /dev/zero >>"$4"
"""


@pytest.fixture
def ann(tmp_path: Path) -> Tuple[Path, str]:
    """An age identity and its recipient."""
    path = tmp_path / "ann"
    run(["age-keygen", "-o", str(path)], timeout=60)
    return path, run(["age-keygen", "-y", str(path)], timeout=60).stdout.strip()


@pytest.fixture(autouse=True)
def cryptsetup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cryptsetup that gives a known header of a device that this machine does not have."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "cryptsetup").write_text(BACKUP, "utf-8")
    (tools / "cryptsetup").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")


def content() -> SystemInformation:
    return dataclasses.replace(machine(), luks=(Luks(
        id="luks_d0p2", device=Ref("d0p2"), version=2, uuid="0f0e0d0c-0b0a-4908-8706-050403020102", cipher="aes",
        key_bits=512, offset_bytes=16 << 20),))


def test_a_header_goes_through_memory_into_the_secrets_file(tmp_path: Path, ann: Tuple[Path, str]) -> None:
    before = sorted(memory_directory().glob("sif-secret-*"))
    known = tmp_path / "secrets.age"
    known.write_bytes(encrypt({"restic": b"password"}, [ann[1]]))
    info, files = with_headers(content(), {}, recipients=[ann[1]], secrets=known, identities=[ann[0]])
    assert info.luks[0].header == "secret:luks-header-d0p2"
    assert info.secrets is not None
    with decrypt(files["secrets/web01.example.org.age"], [ann[0]]) as opened:
        assert opened.names == ("luks-header-d0p2", "restic")
        assert unpacked(opened.value("luks-header-d0p2")) == HEADER
    assert sorted(memory_directory().glob("sif-secret-*")) == before, "nothing is left in memory"
    write_set(dataclasses.replace(info, filesystems=machine().filesystems), tmp_path / "set", dict(files))
    forms = (b"most secret", base64.b64encode(b"most secret").rstrip(b"=")[:-1], b"most secret".hex().encode())
    for path in (tmp_path / "set").rglob("*"):
        assert not path.is_file() or not any(form in path.read_bytes() for form in forms), path


def test_other_secrets_are_never_dropped(tmp_path: Path, ann: Tuple[Path, str]) -> None:
    known = tmp_path / "secrets.age"
    known.write_bytes(encrypt({"restic": b"password"}, [ann[1]]))
    with pytest.raises(UsageError, match="has to be opened"):
        with_headers(content(), {}, recipients=[ann[1]], secrets=known)


def test_without_a_volume_there_is_no_header(ann: Tuple[Path, str]) -> None:
    with pytest.raises(UsageError, match="no LUKS volume"):
        with_headers(machine(), {}, recipients=[ann[1]])


def test_what_no_keyslot_uses_is_left_out() -> None:
    metadata = b'{"keyslots":{"0":{"area":{"offset":"32768","size":"4096"}}}}'
    copy = (b"LUKS\xba\xbe\0\2" + (16384).to_bytes(8, "big")).ljust(4096, b"\0") + metadata.ljust(12288, b"\0")
    header = copy * 2 + b"k" * 4096 + b"removed" * 1000
    assert blanked(header) == copy * 2 + b"k" * 4096 + bytes(7000)
    assert blanked(HEADER) == HEADER, "LUKS1 is kept whole"


def test_the_same_header_gives_the_same_secret() -> None:
    assert packed(HEADER) == packed(HEADER)
    assert unpacked(packed(HEADER)) == HEADER


@pytest.mark.parametrize("value", [b"", b"LUKS", packed(HEADER)[:100]])
def test_what_is_no_packed_header_is_refused(value: bytes) -> None:
    with pytest.raises(SecretUnavailable) as caught:
        unpacked(value)
    assert caught.value.code is Exit.SECRET_UNAVAILABLE

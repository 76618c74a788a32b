"""LUKS headers and crypttab become records; what a header can't give back is refused."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from sif.capture.crypttab import CryptLine, parse_crypttab, path_of
from sif.capture.luks_header import describe_luks1, describe_luks2, opened_size
from sif.capture.signature import NotDescribed

UUID = "11111111-2222-4333-8444-555555555556"
HEAD = bytearray(512)
HEAD[0:6] = b"LUKS\xba\xbe"
HEAD[24:28] = b"data"
HEAD[168:168 + 36] = UUID.encode()
HEAD[208:214] = b"backup"


def metadata() -> Dict[str, Any]:
    return {
        "keyslots": {
            "10": {"type": "luks2", "key_size": 64, "kdf": {"type": "pbkdf2", "hash": "sha256", "iterations": 1000}},
            "2": {"type": "luks2", "key_size": 64,
                  "kdf": {"type": "argon2id", "time": 4, "memory": 1048576, "cpus": 4}},
        },
        "tokens": {"0": {"type": "systemd-tpm2", "keyslots": ["2"]}},
        "segments": {"0": {"type": "crypt", "offset": "16777216", "size": "dynamic", "encryption": "aes-xts-plain64",
                           "sector_size": 4096}},
        "digests": {"0": {"type": "pbkdf2", "hash": "sha512"}},
        "config": {"flags": ["allow-discards"]},
    }


def test_a_luks2_header_is_described_so_that_it_can_be_made_again() -> None:
    found = describe_luks2(bytes(HEAD), json.dumps(metadata()), "d0p2")
    assert (found.id, found.device, found.version, found.uuid, found.label, found.subsystem) == (
        "luks_d0p2", "d0p2", 2, UUID, "data", "backup")
    assert (found.cipher, found.key_bits, found.offset_bytes, found.sector_bytes, found.hash) == (
        "aes-xts-plain64", 512, 16777216, 4096, "sha512")
    assert found.keyslots == ("2:argon2id:4:1048576:4", "10:pbkdf2:1000")
    assert found.tokens == ("0:systemd-tpm2",)
    assert found.flags == ("allow-discards",)


def test_integrity_is_kept() -> None:
    facts = metadata()
    facts["segments"]["0"]["integrity"] = {"type": "hmac(sha256)"}
    found = describe_luks2(bytes(HEAD), json.dumps(facts), "d0p2")
    assert found.integrity == "hmac(sha256)"
    assert opened_size(found, 1 << 30) is None, "how much the tags take is not in the header"


@pytest.mark.parametrize(("change", "what"), [
    ({"config": {"requirements": {"mandatory": ["online-reencrypt-v2"]}}}, "re-encrypted"),
    ({"keyslots": {}}, "no keyslot"),
    ({"keyslots": {"0": {"type": "reencrypt", "key_size": 1}}}, "re-encrypted"),
    ({"segments": {"0": {"type": "hw-opal"}}}, "hw-opal"),
])
def test_what_cannot_be_made_again_is_refused(change: Dict[str, Any], what: str) -> None:
    with pytest.raises(NotDescribed, match=what):
        describe_luks2(bytes(HEAD), json.dumps({**metadata(), **change}), "d0p2")


def test_no_header_is_refused() -> None:
    with pytest.raises(NotDescribed):
        describe_luks2(bytes(512), json.dumps(metadata()), "d0p2")


LUKS1 = """LUKS header information for /dev/x

Version:       \t1
Cipher name:   \taes
Cipher mode:   \txts-plain64
Hash spec:     \tsha512
Payload offset:\t4096
MK bits:       \t512
MK digest:     \ta2 ac
MK iterations: \t1000
UUID:          \t11111111-2222-4333-8444-555555555555

Key Slot 0: ENABLED
\tIterations:         \t1000
\tSalt:               \t6b 23
\tKey material offset:\t8
Key Slot 1: DISABLED
Key Slot 2: ENABLED
\tIterations:         \t2000
"""


def test_a_luks1_header_is_described_so_that_it_can_be_made_again() -> None:
    found = describe_luks1(LUKS1, "d1")
    assert (found.version, found.uuid, found.cipher, found.key_bits, found.offset_bytes, found.hash) == (
        1, "11111111-2222-4333-8444-555555555555", "aes-xts-plain64", 512, 2097152, "sha512")
    assert found.keyslots == ("0:pbkdf2:1000", "2:pbkdf2:2000")
    assert opened_size(found, (1 << 20) * 10 + 100) == (1 << 20) * 8


def test_crypttab_is_read_with_its_comments() -> None:
    lines = parse_crypttab("# name device key options\n\n  # indented\ncryptdata UUID=x /etc/k luks,discard\n"
                           "swap\t/dev/sdb2 /dev/urandom swap,cipher=aes-xts-plain64\nbare PARTUUID=y\n"
                           "old /dev/sdc none luks,header=/boot/h\nbroken\n")
    assert lines == (
        CryptLine("cryptdata", "UUID=x", "/etc/k", "luks,discard"),
        CryptLine("swap", "/dev/sdb2", "/dev/urandom", "swap,cipher=aes-xts-plain64"),
        CryptLine("bare", "PARTUUID=y", None, ""),
        CryptLine("old", "/dev/sdc", None, "luks,header=/boot/h"))
    assert lines[3].header == "/boot/h"


@pytest.mark.parametrize(("key", "options", "kind", "volatile"), [
    (None, "luks", "luks", False), (None, "", "luks", False), ("/dev/urandom", "swap", "plain", True),
    ("/etc/k", "plain", "plain", False), ("/etc/k", "plain,swap", "plain", True),
    ("/dev/random", "tmp=ext4", "plain", True),
    ("/etc/k", "tcrypt-veracrypt", "tcrypt", False), (None, "bitlk", "bitlk", False)])
def test_crypttab_says_what_kind_of_encryption(key: str, options: str, kind: str, volatile: bool) -> None:
    line = CryptLine("x", "/dev/x", key, options)
    assert (line.kind, line.volatile) == (kind, volatile)


@pytest.mark.parametrize(("spec", "path"), [
    ("UUID=a-b", "/dev/disk/by-uuid/a-b"), ('PARTLABEL="x"', "/dev/disk/by-partlabel/x"), ("/dev/md0", "/dev/md0"),
    ("/images/file", None)])
def test_what_crypttab_names_is_a_device(spec: str, path: str) -> None:
    assert path_of(spec) == path

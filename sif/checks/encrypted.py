"""Encrypted volumes: everything that ends up in the argument list of cryptsetup, or in crypttab."""

from __future__ import annotations

from typing import Iterator

from sif.checks.common import GUID, bad, device, is_power_of_two, repeated, size_of
from sif.keys import CARRIERS
from sif.later import regex
from sif.model import Luks, SystemInformation
from sif.problems import Problem

CIPHER = regex(r"[a-z0-9_]+(?:\([a-z0-9_(),-]+\))?(?:-[a-z0-9_():,-]+)?|capi:[a-z0-9_(),-]+(?:-[a-z0-9_:]+)?")
HASH = regex(r"[a-z0-9][a-z0-9_-]*")
INTEGRITY = regex(r"[a-z0-9][a-z0-9_(),-]*")
NAME = regex(r"[A-Za-z0-9#+.:=@_][A-Za-z0-9#+.:=@_-]{0,126}")
"""What device mapper takes as a name without writing it another way, and no option."""
KEYSLOT = regex(r"(0|[1-9][0-9]?):(?:pbkdf2:[1-9][0-9]{0,9}"
                     r"|argon2id?:[1-9][0-9]{0,9}:[1-9][0-9]{0,9}:[1-9][0-9]{0,2})")
TOKEN = regex(r"(0|[1-9][0-9]?):[A-Za-z0-9._-]+")
FLAG = regex(r"[a-z][a-z0-9-]*")
LINE = regex(r"[!-~]+")

_SLOTS = {1: 8, 2: 32}
_LABEL_BYTES = 47


def check_luks(info: SystemInformation) -> Iterator[Problem]:
    """Headers that cryptsetup can make; names and UUIDs used once; volumes that fit on what they lie on."""
    for luks in info.luks:
        yield from _check_header(luks)
        yield from _check_slots(luks)
        yield from _check_size(info, luks)
        yield from _check_crypttab(luks)
    for key in ("uuid", "name"):
        for later, earlier in repeated([(luks, getattr(luks, key)) for luks in info.luks]):
            yield bad(later, key, f"the same {key} as [LUKS {earlier.id}]", found=str(getattr(later, key)))


def _check_header(luks: Luks) -> Iterator[Problem]:
    if luks.version not in _SLOTS:
        yield bad(luks, "version", "not a version of LUKS", found=str(luks.version), wanted="1 or 2")
    if not GUID.fullmatch(luks.uuid):
        yield bad(luks, "uuid", "not a UUID", found=luks.uuid, wanted="a UUID in lower case")
    for key, pattern in (("cipher", CIPHER), ("hash", HASH), ("integrity", INTEGRITY)):
        value = getattr(luks, key)
        if value is not None and not pattern.fullmatch(value):
            yield bad(luks, key, f"not a {key} as cryptsetup names it", found=value)
    if not 64 <= luks.key_bits <= 4096 or luks.key_bits % 8:
        yield bad(luks, "key_bits", "not the length of a key", found=str(luks.key_bits),
                  wanted="a multiple of 8 from 64 to 4096")
    if luks.offset_bytes % 512:
        yield bad(luks, "offset_bytes", "the data does not begin at a sector", found=str(luks.offset_bytes),
                  wanted="a multiple of 512")
    if not is_power_of_two(luks.sector_bytes) or not 512 <= luks.sector_bytes <= 4096:
        yield bad(luks, "sector_bytes", "not an encryption sector size", found=str(luks.sector_bytes),
                  wanted="512, 1024, 2048 or 4096")
    if luks.version == 1:
        for key in ("label", "subsystem", "integrity", "flags", "tokens"):
            if getattr(luks, key):
                yield bad(luks, key, f"LUKS1 has no {key}")
        if luks.sector_bytes != 512:
            yield bad(luks, "sector_bytes", "LUKS1 has sectors of 512 bytes", found=str(luks.sector_bytes))
    for key in ("label", "subsystem"):
        text = getattr(luks, key) or ""
        if len(text.encode("utf-8")) > _LABEL_BYTES or text.startswith("-"):
            yield bad(luks, key, f"not a {key} of LUKS2", found=text,
                      wanted=f"at most {_LABEL_BYTES} bytes, not beginning with -")
    for flag in luks.flags:
        if not FLAG.fullmatch(flag):
            yield bad(luks, "flags", "not a flag's name", found=flag, wanted="allow-discards, no-read-workqueue, ...")


def _check_slots(luks: Luks) -> Iterator[Problem]:
    for key, pattern, wanted in (
            ("keyslots", KEYSLOT, "slot:pbkdf2:iterations or slot:argon2id:iterations:KiB:threads"),
            ("tokens", TOKEN, "slot:type")):
        numbers = []
        for text in getattr(luks, key):
            match = pattern.fullmatch(text)
            if not match or int(match.group(1)) >= _SLOTS.get(luks.version, 32):
                yield bad(luks, key, f"not one of the {key}", found=text, wanted=wanted)
            else:
                numbers.append((text, match.group(1)))
        for later, _ in repeated(numbers):
            yield bad(luks, key, "the same slot twice", found=later)
    if luks.version == 1 and any(":argon2" in slot for slot in luks.keyslots):
        yield bad(luks, "keyslots", "LUKS1 knows only pbkdf2")


def _check_size(info: SystemInformation, luks: Luks) -> Iterator[Problem]:
    below = size_of(info, device(info, luks.device, CARRIERS))
    if luks.size_bytes is not None and luks.sector_bytes and luks.size_bytes % luks.sector_bytes:
        yield bad(luks, "size_bytes", "not a whole number of its sectors", found=str(luks.size_bytes))
    if below is not None and luks.offset_bytes + (luks.size_bytes or 0) > below:
        yield bad(luks, "size_bytes", f"the volume is larger than {luks.device}",
                  found=f"{luks.offset_bytes + (luks.size_bytes or 0)} bytes", wanted=f"at most {below} bytes")


def _check_crypttab(luks: Luks) -> Iterator[Problem]:
    if luks.name is not None and not NAME.fullmatch(luks.name):
        yield bad(luks, "name", "not a mapper name", found=luks.name)
    for key in ("options", "key_file"):
        text = getattr(luks, key)
        if text is not None and not LINE.fullmatch(text):
            yield bad(luks, key, "not a field of crypttab", found=text, wanted="no spaces")

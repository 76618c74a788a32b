"""Targets behind which another program judges the bytes: SSH signatures and age files.

What is believed must be what was made: a changed signature or secrets file is either still the same one (another
armor around the same bytes) or refused with a typed error.
"""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sif.errors import LifeboatError
from sif.run import run
from sif.secrets.age import SecretUnavailable, decrypt, encrypt
from sif.signature import NAMESPACE
from sif.signature.sshsig import Trust, sign, verify

MANIFEST = b"0" * 64 + b" 1 dr_state.sif\n"
PRINCIPAL = "web01.example.org"
SECRETS = {"restic": b"correct horse", "luks": bytes(range(64))}
_ARMOR = re.compile(rb"-----BEGIN [^-\n]*-----(.*)-----END", re.DOTALL)


@dataclass(frozen=True)
class Made:
    """What the fuzzer begins with: keys, a signature, an age file; new ones in every process."""

    trust: Trust
    signature: bytes
    identity: Path
    age: bytes


@cache
def made() -> Made:
    """Make the keys and what they protect, once."""
    directory = Path(tempfile.mkdtemp(prefix="sif-fuzz-keys-"))
    key, identity = directory / "key", directory / "identity"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], timeout=60)
    (directory / "allowed").write_text(f"{PRINCIPAL} {(directory / 'key.pub').read_text()}", encoding="ascii")
    run(["age-keygen", "-o", str(identity)], timeout=60)
    recipient = run(["age-keygen", "-y", str(identity)], timeout=60).stdout.strip()
    return Made(Trust(directory / "allowed"), sign(MANIFEST, key, NAMESPACE), identity, encrypt(SECRETS, [recipient]))


def body(armored: bytes) -> bytes:
    """The bytes inside an armor."""
    found = _ARMOR.search(armored)
    try:
        return base64.b64decode(b"".join(found.group(1).split())) if found else armored
    except binascii.Error:
        return armored


def signature(data: bytes) -> None:
    """A signature over the manifest."""
    try:
        verify(MANIFEST, data, NAMESPACE, PRINCIPAL, made().trust, "f")
    except LifeboatError as error:
        str(error)
        return
    if body(data) != body(made().signature):
        raise AssertionError("a signature that nobody made is believed")


def secrets(data: bytes) -> None:
    """A secrets file."""
    try:
        with decrypt(data, [made().identity], "f") as opened:
            found = {name: bytes(opened.value(name)) for name in opened.names}
    except SecretUnavailable as error:
        if any(value.decode("latin-1") in str(error) for value in SECRETS.values()):
            raise AssertionError("a secret is in an error message") from error
        return
    if found != SECRETS:
        raise AssertionError("a secrets file that nobody made is opened")

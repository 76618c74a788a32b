"""Identities a source does not have, made from its digest: the same source always gives the same set."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import Sequence, Set

from sif.capture.lvm import identifier
from sif.checks.machine import HOSTNAME
from sif.convert.sources import SourceFile

NAMESPACE = uuid.UUID("0f6d8c52-8f0b-5d39-9f0e-6a1d2c7b4e10")
"""The name space of all identities that a conversion makes."""


def source_digest(files: Sequence[SourceFile]) -> str:
    """One digest over the names and bytes of every file that was read."""
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.sha256} {len(file.data)} {file.name}\n".encode("utf-8", "surrogatepass"))
    return total.hexdigest()


class Identities:
    """Makes identities: each is uuid5 of the source's digest and the purpose it is for."""

    def __init__(self, digest: str) -> None:
        self._digest = digest

    def uuid(self, purpose: str) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{self._digest}:{purpose}"))

    def mbr_signature(self, purpose: str) -> str:
        return f"0x{self.uuid(purpose)[:8]}"

    def fat_serial(self, purpose: str) -> str:
        text = self.uuid(purpose).upper()
        return f"{text[:4]}-{text[4:8]}"

    def ntfs_serial(self, purpose: str) -> str:
        return self.uuid(purpose).upper().replace("-", "")[:16]

    def hostname(self) -> str:
        return f"unnamed-{self.uuid('hostname')[:8]}"


def section_id(text: str, taken: Set[str]) -> str:
    """``text`` as a section id that no other section of its kind has, compared without regard to case."""
    base = identifier(text)[:120]
    ident, number = base, 2
    while ident.lower() in taken:
        ident, number = f"{base}_{number}", number + 1
    taken.add(ident.lower())
    return ident


def is_hostname(text: str) -> bool:
    """Whether a set can carry this host name."""
    return bool(HOSTNAME.fullmatch(text)) and len(text) <= 253


GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

"""LUKS headers as records: the JSON metadata of version 2, the text that ``luksDump`` shows of version 1.

Sources: the LUKS1 on-disk format 1.2.3, the LUKS2 on-disk format 1.1.
"""

from __future__ import annotations

import json
import re
from typing import Any, List, Mapping, Optional, Tuple

from sif.capture.signature import NotDescribed
from sif.model import Luks, Ref

BINARY_HEADER_BYTES = 512
"""As much of LUKS2's binary header as holds the label, UUID and subsystem."""

MAGIC = b"LUKS\xba\xbe"
_SECTOR = 512


def describe_luks2(head: bytes, metadata: str, device_id: str) -> Luks:
    """A LUKS2 header as a record; ``head`` is the beginning of the device, ``metadata`` the header's JSON.

    Raises NotDescribed for a volume that is being re-encrypted, or encrypted by the drive itself.
    """
    if head[:6] != MAGIC or len(head) < BINARY_HEADER_BYTES:
        raise NotDescribed("no LUKS2 header")
    facts: Mapping[str, Any] = json.loads(metadata)
    config = facts.get("config", {})
    segments = [segment for _, segment in _numbered(facts["segments"])]
    required = config.get("requirements", {}).get("mandatory", [])
    if len(segments) != 1 or any("reencrypt" in word for word in required):
        raise NotDescribed("it is being re-encrypted")
    segment = segments[0]
    if segment["type"] != "crypt":
        raise NotDescribed(f"a segment of type {segment['type']}")
    digests = _numbered(facts["digests"])
    slots = _numbered(facts["keyslots"])
    if not slots:
        raise NotDescribed("it has no keyslot")
    return Luks(
        id=luks_id(device_id), device=Ref(device_id), version=2, uuid=_text(head[168:208]).lower(),
        cipher=segment["encryption"], key_bits=8 * max(int(slot["key_size"]) for _, slot in slots),
        offset_bytes=int(segment["offset"]), label=_text(head[24:72]) or None, subsystem=_text(head[208:256]) or None,
        hash=digests[0][1].get("hash") if digests else None, sector_bytes=int(segment["sector_size"]),
        size_bytes=None if segment["size"] == "dynamic" else int(segment["size"]),
        integrity=segment.get("integrity", {}).get("type"), flags=tuple(config.get("flags", ())),
        keyslots=tuple(_keyslot(number, slot) for number, slot in slots),
        tokens=tuple(f"{number}:{token['type']}" for number, token in _numbered(facts.get("tokens", {}))))


def _numbered(objects: Mapping[str, Any]) -> List[Tuple[int, Mapping[str, Any]]]:
    return sorted((int(number), content) for number, content in objects.items())


def _keyslot(number: int, slot: Mapping[str, Any]) -> str:
    kdf = slot.get("kdf")
    if not kdf:
        raise NotDescribed("it is being re-encrypted")
    if kdf["type"] == "pbkdf2":
        return f"{number}:pbkdf2:{kdf['iterations']}"
    return f"{number}:{kdf['type']}:{kdf['time']}:{kdf['memory']}:{kdf['cpus']}"


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def describe_luks1(dump: str, device_id: str) -> Luks:
    """``luksDump`` of a LUKS1 header as a record."""
    facts = dict(re.findall(r"^([A-Z][^:\n]*):[ \t]*(.*?)[ \t]*$", dump, re.MULTILINE))
    slots = re.findall(r"^Key Slot ([0-9]+): ENABLED\n\s+Iterations:\s+([0-9]+)", dump, re.MULTILINE)
    return Luks(
        id=luks_id(device_id), device=Ref(device_id), version=1, uuid=facts["UUID"].lower(),
        cipher=f"{facts['Cipher name']}-{facts['Cipher mode']}", key_bits=int(facts["MK bits"]),
        offset_bytes=int(facts["Payload offset"]) * _SECTOR, hash=facts["Hash spec"],
        keyslots=tuple(f"{number}:pbkdf2:{iterations}" for number, iterations in slots))


def luks_id(device_id: str) -> str:
    return f"luks_{device_id}"


def header_secret(device_id: str) -> str:
    """The name under which the secrets file keeps a volume's header."""
    return f"luks-header-{device_id}"


def opened_size(luks: Luks, device_bytes: Optional[int]) -> Optional[int]:
    """Bytes of the opened volume: as the header says, else what is left of the device in whole sectors.

    None with integrity, where tags take an unknown part of it.
    """
    if luks.size_bytes is not None or device_bytes is None or luks.integrity:
        return luks.size_bytes
    left = device_bytes - luks.offset_bytes
    return left - left % luks.sector_bytes

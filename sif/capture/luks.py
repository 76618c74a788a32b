"""The layer of encrypted volumes: LUKS with its header, and what else device mapper decrypts, named."""

from __future__ import annotations

from typing import Dict, List, Optional, Sequence, Set, Tuple

from sif import look
from sif.capture.blocks import BlockDevice
from sif.capture.crypttab import CryptLine, path_of, read_crypttab
from sif.capture.errors import Unrestorable
from sif.capture.layers import Carriers, Layered, Surroundings
from sif.capture.luks_header import BINARY_HEADER_BYTES, describe_luks1, describe_luks2, opened_size
from sif.capture.names import omitted_id
from sif.capture.signature import NotDescribed
from sif.model import Luks, Omitted, OmittedWhy, Record, Ref
from sif.plain import dataclass, replace

_SECONDS = 60.0
_SIGNATURE = "crypto_LUKS"
_FORMATS = {"tcrypt": "VeraCrypt or TrueCrypt volume", "bitlk": "BitLocker volume",
            "plain": "plain dm-crypt volume (no header)", "luks": "LUKS volume with a detached header"}
_DM_KINDS = (("CRYPT-TCRYPT", "tcrypt"), ("CRYPT-BITLK", "bitlk"), ("CRYPT-PLAIN", "plain"), ("CRYPT-LUKS", "luks"))
"""How device mapper's uuid of an open volume begins. Source: cryptsetup, lib/libdevmapper.c."""


@dataclass
class _Answer:
    """What is gathered of one question."""

    records: List[Record]
    opened: Dict[str, str]
    taken: Set[str]
    explained: Set[str]
    unsupported: List[str]
    notes: List[str]


class LuksLayer:
    """Encrypted volumes on any carrier; each header is read once."""

    def __init__(self) -> None:
        self._headers: Dict[str, Luks] = {}
        self._table: Optional[Tuple[CryptLine, ...]] = None

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """LUKS volumes as records, opened ones as carriers; other encryption is omitted or reported."""
        if self._table is None:
            # Another system's disks (isolate) have nothing to do with the running system's crypttab.
            self._table = () if around.isolate else read_crypttab()
        lines = {ident: line for line in reversed(self._table) for ident in (_carrier_of(line, carriers, around),)}
        found = _Answer([], {}, set(), set(), [], [])
        for ident, path in carriers.items():
            signature = around.signature(path) if look.exists(path) else None
            line = lines.get(ident)
            if signature is not None and signature.type == _SIGNATURE:
                found.taken.add(ident)
                self._volume(found, ident, path, line, around)
            else:
                _headerless(found, ident, path, line, around)
        return Layered(records=tuple(found.records), opened=found.opened, taken=frozenset(found.taken),
                       explained=frozenset(found.explained), unsupported=tuple(found.unsupported),
                       notes=tuple(found.notes))

    def _volume(self, found: _Answer, ident: str, path: str, line: Optional[CryptLine],
                around: Surroundings) -> None:
        opened, between = _opened(path, around)
        name = line.name if line else opened.path.rpartition("/")[2] if opened else None
        word = name or path.rpartition("/")[2]
        found.explained.update(device.kname for device in (*between, *((opened,) if opened else ())))
        try:
            luks = self._header(ident, path, around)
        except NotDescribed as error:
            found.unsupported.append(Unrestorable(f"LUKS volume {word} on {path}: {error}", word))
            return
        if opened is not None:
            found.opened[luks.id] = opened.path
            luks = replace(luks, size_bytes=opened.size_bytes)
        elif line is not None:
            found.unsupported.append(Unrestorable(
                f"LUKS volume {word} on {path}: it is not open, so what is in it can't be seen; open it", word))
        elif not around.isolate:
            found.notes.append(f"LUKS volume on {path} is not open: what is in it is not captured")
        for token in luks.tokens:
            found.notes.append(f"LUKS volume {word}: token {token} is not made again; enroll it after a restore")
        found.records.append(replace(
            luks, name=name, options=line.options or None if line else None,
            key_file=line.key_file if line else None))

    def _header(self, ident: str, path: str, around: Surroundings) -> Luks:
        if ident not in self._headers:
            device = around.device(path)
            luks = (describe_luks1(look.run(["cryptsetup", "luksDump", path], timeout=_SECONDS).stdout, ident)
                    if around.signature(path).version == "1" else
                    describe_luks2(look.data(path, BINARY_HEADER_BYTES), look.run(
                        ["cryptsetup", "luksDump", "--dump-json-metadata", path], timeout=_SECONDS).stdout, ident))
            self._headers[ident] = replace(luks, size_bytes=opened_size(luks, device.size_bytes if device else None))
        return self._headers[ident]


def _carrier_of(line: CryptLine, carriers: Carriers, around: Surroundings) -> Optional[str]:
    """The carrier that a line of crypttab names: by the UUID in its header, else by what udev's link leads to."""
    tag, _, value = line.spec.partition("=")
    if tag == "UUID":
        for ident, path in carriers.items():
            if look.exists(path) and around.signature(path).uuid.lower() == value.strip('"').lower():
                return ident
    path = path_of(line.spec) or ""
    return carriers.id_at(path) if path else None


def _headerless(found: _Answer, ident: str, path: str, line: Optional[CryptLine], around: Surroundings) -> None:
    """Encryption that leaves no LUKS header on the device: known by crypttab, or because it is open."""
    opened, between = _opened(path, around)
    kind = _dm_kind(opened) if opened is not None else line.kind if line is not None else None
    if look.exists(path) and around.signature(path).type == "BitLocker":
        kind = "bitlk"
    if kind is None:
        return
    name = line.name if line else opened.path.rpartition("/")[2] if opened else path.rpartition("/")[2]
    found.taken.add(ident)
    found.explained.update(device.kname for device in (*between, *((opened,) if opened else ())))
    if opened is not None:
        found.explained.update(device.kname for device in around.above(opened))
    if line is not None and line.volatile and kind == "plain":
        found.records.append(Omitted(id=omitted_id(ident), what=f"encrypted area {name}, made anew at every start",
                                     why=OmittedWhy.VOLATILE, device=Ref(ident)))
        found.notes.append(f"{name} on {path} is encrypted anew at every start: its area stays empty")
        return
    found.unsupported.append(Unrestorable(f"{_FORMATS[kind]} {name} on {path}", name))


def _opened(path: str, around: Surroundings) -> Tuple[Optional[BlockDevice], Sequence[BlockDevice]]:
    """The decrypted device above a carrier, and what lies between (dm-integrity)."""
    device = around.device(path)
    if device is None:
        return None, ()
    between: List[BlockDevice] = []
    while True:
        above = [d for d in around.devices if device.kname in d.parents and d.type in ("crypt", "integrity")]
        if not above:
            return None, ()
        device = above[0]
        if device.type == "crypt" and not _is_inner(device, around):
            return device, between
        between.append(device)


def _is_inner(device: BlockDevice, around: Surroundings) -> bool:
    """Whether it is cryptsetup's own device for integrity tags (NAME_dif), below the opened volume (NAME)."""
    return device.path.endswith("_dif") and any(
        other.path == device.path[:-len("_dif")] and device.kname in other.parents for other in around.devices)


def _dm_kind(opened: BlockDevice) -> str:
    uuid = look.text_or(f"/sys/class/block/{opened.kname}/dm/uuid")
    return next((kind for prefix, kind in _DM_KINDS if uuid.startswith(prefix)), "plain")

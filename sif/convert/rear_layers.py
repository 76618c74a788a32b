"""Software RAID and LUKS of a ReaR layout as records."""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Mapping, Optional, Set

from sif.convert.errors import ForeignRejected
from sif.convert.identity import GUID, section_id
from sif.convert.rear_layer_lines import CryptLine, RaidDiskLine, RaidLine
from sif.convert.rear_lines import Layout
from sif.convert.rear_words import BadWords, as_number
from sif.convert.report import Ledger
from sif.model import Luks, MdArray, MdLevel, MdMetadata, Ref
from sif.plain import dataclass, field
from sif.problems import Problem

_MD_UUID = re.compile(r"[0-9a-f]{8}(?::[0-9a-f]{8}){3}")
_MAX_DEVICES = 2048
_CIPHER = re.compile(r"[a-z0-9_:()-]{3,60}")
_OFFSETS = {1: 2 * 1024 * 1024, 2: 16 * 1024 * 1024}
"""Where the data begins in what cryptsetup makes by itself, by the version of LUKS."""

_RAID10 = {"n": "near", "f": "far", "o": "offset"}
_STRIPED = (MdLevel.RAID0, MdLevel.RAID4, MdLevel.RAID5, MdLevel.RAID6, MdLevel.RAID10)
_RAID_KEYS = frozenset({"level", "raid-devices", "devices", "name", "metadata", "uuid", "layout", "chunk",
                        "spare-devices"})
_CRYPT_KEYS = frozenset({"type", "cipher", "key_size", "hash", "uuid", "keyfile"})

@dataclass
class Layers:
    """The records made so far, and which section id stands for which device path."""

    ids: Dict[str, str]
    size_of: Callable[[str], Optional[int]]
    arrays: List[MdArray] = field(default_factory=list)
    luks: List[Luks] = field(default_factory=list)
    sizes: Dict[str, int] = field(default_factory=dict)
    _done: Set[str] = field(default_factory=set)
    _taken: Set[str] = field(default_factory=set)

    def bytes_of(self, ident: str) -> Optional[int]:
        """The size of what a section id stands for, in bytes."""
        return self.sizes.get(ident) or self.size_of(ident)

    def upon(self, ids: Mapping[str, str], size_of: Callable[[str], Optional[int]]) -> None:
        """Further devices to stand on."""
        self.ids.update(ids)
        self.size_of = size_of

    def build(self, layout: Layout, ledger: Ledger) -> None:
        """Make every array and encrypted volume whose devices are there by now. Raises ForeignRejected."""
        problems: List[Problem] = []
        lines = [c for c in layout.components if isinstance(c, (RaidLine, CryptLine))]
        grew = True
        while grew:
            grew = False
            for line in lines:
                below = line.members if isinstance(line, RaidLine) else (line.device,)
                if line.line.where in self._done or any(device not in self.ids for device in below):
                    continue
                self._done.add(line.line.where)
                grew = True
                try:
                    if isinstance(line, RaidLine):
                        self._array(line, layout, ledger)
                    else:
                        self._luks(line, ledger)
                except BadWords as error:
                    problems.append(Problem(error.what, line.line.where, error.found, error.wanted))
        if problems:
            raise ForeignRejected(lines[0].line.file, problems)

    def finish(self, layout: Layout, ledger: Ledger) -> None:
        """List what never got its devices."""
        for line in layout.components:
            if isinstance(line, (RaidLine, CryptLine)) and line.line.where not in self._done:
                ledger.lost(line.line.where, line.line.keyword, "it lies on a device that is not carried",
                            line.line.text)

    def _array(self, line: RaidLine, layout: Layout, ledger: Ledger) -> None:
        where, facts = line.line.where, line.facts
        fault = _array_fault(facts)
        size = next((c.size_bytes for c in layout.components
                     if isinstance(c, RaidDiskLine) and c.device == line.device), None)
        if fault or size is None:
            ledger.lost(where, f"array {line.device}", fault or "its size is not stated: there is no raiddisk line",
                        line.line.text)
            return
        ident = section_id(facts.get("name") or line.device[len("/dev/"):], self._taken)
        ledger.place("MD", ident, where)
        array = _array(line, ident, [Ref(self.ids[device]) for device in line.members], size, ledger)
        self.arrays.append(array)
        self.sizes[ident] = size
        self.ids[line.device] = ident
        if facts.get("name"):
            self.ids[f"/dev/md/{facts['name']}"] = ident

    def _luks(self, line: CryptLine, ledger: Ledger) -> None:
        name = line.mapped[len("/dev/mapper/"):]
        ident = section_id(name, self._taken)
        ledger.place("LUKS", ident, line.line.where)
        below = self.bytes_of(self.ids[line.device])
        volume = _volume(line, ident, name, Ref(self.ids[line.device]), below, ledger)
        self.luks.append(volume)
        if volume.size_bytes:
            self.sizes[ident] = volume.size_bytes
        self.ids[line.mapped] = ident


def _array_fault(facts: Mapping[str, str]) -> Optional[str]:
    """Why a set cannot hold this array."""
    level, metadata = facts.get("level", ""), facts.get("metadata", "")
    if level not in {kind.value for kind in MdLevel}:
        return f"an array of level {level or 'unknown'}"
    if metadata not in {kind.value for kind in MdMetadata}:
        return f"an array with metadata {metadata}" if metadata else "its metadata is not stated: firmware RAID"
    return None


def _array(line: RaidLine, ident: str, members: List[Ref], size: int, ledger: Ledger) -> MdArray:
    where, facts = line.line.where, line.facts
    level = MdLevel(facts["level"])
    devices, spares = _positive(facts, "raid-devices"), _number(facts, "spare-devices") or 0
    uuid = facts.get("uuid", "").lower()
    if not _MD_UUID.fullmatch(uuid):
        raise BadWords("not the UUID of an array", uuid or "nothing", "4 groups of 8 hexadecimal digits with colons")
    if max(devices, spares) > _MAX_DEVICES:
        raise BadWords("not a number of devices of an array", str(max(devices, spares)), f"at most {_MAX_DEVICES}")
    absent = devices + spares - len(members)
    if not 0 <= absent < devices:
        raise BadWords("the array has another number of devices than it says", str(len(members)),
                       f"{devices} and {spares} spares")
    active = members[:devices - absent]
    if absent:
        ledger.assumed(where, f"{ident} missing", f"a degraded array: its last {absent} slots are taken as the empty "
                       "ones, because ReaR does not record the slots", facts.get("devices"))
    if len(members) > len(active):
        ledger.assumed(where, f"{ident} spares", "the devices behind the active ones", facts.get("devices"))
    chunk = _number(facts, "chunk")
    if chunk is None and level in _STRIPED:
        ledger.left(where, f"{ident} chunk_bytes", "this line does not state it; mdadm chooses")
    ledger.left(where, f"{ident} homehost, component_bytes, data_offsets, bitmap", "ReaR does not record them; mdadm "
                "chooses, and the set says no bitmap")
    for name, value in facts.items():
        if name not in _RAID_KEYS:
            ledger.left(where, f"{ident} {name}", "a set has no key for it", f"{name}={value}")
    return MdArray(
        id=ident, uuid=uuid, level=level, metadata=MdMetadata(facts["metadata"]), devices=devices,
        members=tuple(active), size_bytes=size, name=facts.get("name") or None,
        missing=tuple(range(devices - absent, devices)), spares=tuple(members[len(active):]),
        layout=_layout(level, facts.get("layout")), chunk_bytes=chunk * 1024 if chunk else None)


def _layout(level: MdLevel, text: Optional[str]) -> Optional[str]:
    """The layout as mdadm --detail names it: ReaR shortens that of RAID 10 (n2) to what --create takes."""
    short = re.fullmatch(r"([nfo])([1-9])", text or "")
    if level is MdLevel.RAID10 and short:
        return f"{_RAID10[short.group(1)]}={short.group(2)}"
    return text or None


def _volume(line: CryptLine, ident: str, name: str, device: Ref, below: Optional[int], ledger: Ledger) -> Luks:
    where, facts = line.line.where, line.facts
    kind = facts.get("type", "luks1")
    if kind not in ("luks1", "luks2"):
        raise BadWords("not a version of LUKS", kind, "type=luks1 or type=luks2")
    version = int(kind[-1])
    if "type" not in facts:
        ledger.assumed(where, f"{ident} version", "LUKS1: this layout is from a ReaR that knew no other")
    uuid, cipher = facts.get("uuid", ""), facts.get("cipher", "")
    if not GUID.fullmatch(uuid):
        raise BadWords("not a UUID of LUKS", uuid or "nothing", "8-4-4-4-12 hexadecimal digits")
    if not _CIPHER.fullmatch(cipher):
        raise BadWords("not a cipher", cipher or "nothing", "cipher=aes-xts-plain64")
    offset = _OFFSETS[version]
    ledger.assumed(where, f"{ident} offset_bytes", f"{offset}: where cryptsetup begins the data by itself; ReaR does "
                   "not record it")
    ledger.left(where, f"{ident} label, sector_bytes, keyslots, tokens, options", "ReaR does not record them; "
                "cryptsetup chooses")
    ledger.left(where, f"{ident} passphrase", "whoever restores is asked for it; `sif secrets` keeps it with the set")
    for key, value in facts.items():
        if key not in _CRYPT_KEYS:
            ledger.left(where, f"{ident} {key}", "a secret has no place in a set's text" if key == "password" else
                        "the costs of a key derivation are not recorded with it" if key == "pbkdf" else
                        "a set has no key for it", f"{key}={value}")
    return Luks(
        id=ident, device=device, version=version, uuid=uuid.lower(), cipher=cipher,
        key_bits=_positive(facts, "key_size"), offset_bytes=offset, name=name,
        hash=facts.get("hash") or None, key_file=facts.get("keyfile") or None,
        size_bytes=below - offset if below is not None and below > offset else None)


def _number(facts: Mapping[str, str], key: str) -> Optional[int]:
    return as_number(facts[key], key) if facts.get(key) else None


def _positive(facts: Mapping[str, str], key: str) -> int:
    found = _number(facts, key)
    if not found:
        raise BadWords(f"{key} is missing or zero", facts.get(key) or "nothing", f"{key}=<number>")
    return found


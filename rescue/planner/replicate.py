"""A clone instead of a recovery: everything that must not exist twice gets a new identity, the same for the same name.

The identities follow from the set's id and the replica's name (UUID version 5), so that a plan can be made again, and
two replicas of one set differ in all of them. What is not in the storage (machine id, SSH host keys, host name, network
addresses, and the old ids in configuration files) is changed when the files are restored; the plan says to what.
"""

from __future__ import annotations

import hashlib
import re
import string
import uuid
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

from rescue.hardware import Hardware
from rescue.plan import Renamed
from rescue.planner.errors import Reason
from rescue.planner.identity import identity
from rescue.planner.sketch import Cause, Sketch
from sif.diff import diff
from sif.model import DiskRole, FsType, MachineId, Nic, SystemInformation, TableType

CODE = "replica-identity"
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_LVM_LETTERS = string.digits + string.ascii_letters
_NETWORK = ("NIC", "BOND", "VLAN", "BRIDGE")
_IDS = (("DISK", "table_id"), ("PARTITION", "uuid"), ("MD", "uuid"),
        ("CACHESET", "uuid"), ("CACHESET", "device_uuid"), ("BCACHE", "uuid"), ("LUKS", "uuid"),
        ("VG", "uuid"), ("PV", "uuid"), ("LV", "uuid"), ("BTRFS", "uuid"), ("FS", "uuid"), ("SWAP", "uuid"))
"""What is written on disks and must be unique among machines that may meet one another's disks."""


def replicate(sketch: Sketch, name: Optional[str], hardware: Hardware) -> List[Reason]:
    """Give the sketch the identities of the replica; why it cannot be made, if so."""
    reasons = _refusals(sketch, name, hardware)
    if reasons or name is None:
        return reasons
    why = f"it is the replica {name}"
    for kind, key in _IDS:
        for record in list(sketch.records[kind].values()):
            if getattr(record, key) is not None:
                sketch.put(replace(record, **{key: _new_id(sketch, name, record, key)}), Cause(
                    CODE, why, "configuration files that name the old identity are changed with it"))
    for luks in [one for one in sketch.luks.values() if one.header is not None]:
        sketch.put(replace(luks, header=None), Cause(CODE, why, "its saved header would bring the old identity back"))
    _system(sketch, name, why)
    reasons += _addresses(sketch, name, why)
    return reasons


def renamed(saved: SystemInformation, target: SystemInformation) -> Tuple[Renamed, ...]:
    """What stands for the old machine in files, and what for the replica: longest first, so that none hides another."""
    found: Dict[str, str] = {}
    for difference in diff(saved, target, identity_only=False):
        if (difference.kind, difference.key) in {*_IDS, ("SYSTEM", "machine_id_value"), ("SYSTEM", "hostname")} \
                and difference.before and difference.after:
            found[difference.before.strip('"')] = difference.after.strip('"')
    for kind in _NETWORK:
        for record in (one for one in saved.records() if kind == one.KIND):
            made = target.find(kind, str(getattr(record, "id", "")))
            found.update(zip(getattr(record, "addresses", ()), getattr(made, "addresses", ())))
    return tuple(Renamed(before, after) for before, after in sorted(found.items(), key=lambda p: (-len(p[0]), p)))


def _refusals(sketch: Sketch, name: Optional[str], hardware: Hardware) -> List[Reason]:
    system = sketch.single["SYSTEM"]
    if name is None:
        return [Reason("replica-name", system.id, "the SIF's policy is mode = replicate, and the replica has no name",
                       "name it with --replica NAME, or unattended with rescue.replica=NAME")]
    if not _NAME.fullmatch(name):
        return [Reason("replica-name", system.id, f"{name!r} is no name for a replica",
                       "take letters, digits, dots and hyphens")]
    # A data disk may come along: the store that the replica is filled from is one of the original's.
    own = [f"{disk.name} is {known}" for disk in hardware.disks for saved in sketch.origin.disks.values()
           if saved.role is DiskRole.CRITICAL and (known := identity(saved, disk))]
    if own:
        return [Reason("replica-clash", system.id, "this is the recorded machine: " + "; ".join(own)
                       + "; a replica would take the place of the original", "set mode = recover, or use another "
                       "machine")]
    return []


def _new_id(sketch: Sketch, name: str, record: Any, key: str) -> str:
    """The replica's identity of a record, in the form that its kind has."""
    made = uuid.uuid5(uuid.UUID(sketch.saved.version.set_id), f"replica {name} {record.KIND} {record.id} {key}")
    if record.KIND == "DISK" and record.table is TableType.MBR:
        return f"0x{made.hex[:8]}"
    if record.KIND == "MD":
        return ":".join(made.hex[at:at + 8] for at in range(0, 32, 8))
    if record.KIND in ("VG", "PV", "LV"):
        return lvm_uuid(made.bytes)
    if record.KIND == "FS" and record.type is FsType.VFAT:
        return f"{made.hex[:4]}-{made.hex[4:8]}".upper()
    if record.KIND == "FS" and record.type is FsType.NTFS:
        return made.hex[:16].upper()
    return str(made)


def lvm_uuid(seed: bytes) -> str:
    """32 letters and digits in LVM's groups, from the seed."""
    number = int.from_bytes(hashlib.sha256(seed).digest(), "big")
    letters = ""
    for _ in range(32):
        number, digit = divmod(number, len(_LVM_LETTERS))
        letters += _LVM_LETTERS[digit]
    return "-".join((letters[:6], *(letters[at:at + 4] for at in range(6, 26, 4)), letters[26:]))


def _system(sketch: Sketch, name: str, why: str) -> None:
    system = sketch.single["SYSTEM"]
    template = sketch.single["POLICY"].replica_hostname
    domain = system.hostname.partition(".")[2]
    hostname = filled(template, name) if template else name if "." in name or not domain else f"{name}.{domain}"
    made = uuid.uuid5(uuid.UUID(sketch.saved.version.set_id), f"replica {name} machine-id")
    short = system.hostname.partition(".")[0]
    for array in [array for array in sketch.arrays.values() if array.homehost in (short, system.hostname)]:
        home = hostname if array.homehost == system.hostname else hostname.partition(".")[0]
        sketch.put(replace(array, homehost=home), Cause(CODE, why, "the array belongs to the replica"))
    sketch.put(replace(system, hostname=hostname, machine_id=MachineId.REGENERATE, machine_id_value=made.hex,
                       ssh_host_keys=()), Cause(
        CODE, why, "it gets its own host name, machine id and SSH host keys"))


def _addresses(sketch: Sketch, name: str, why: str) -> List[Reason]:
    """Static addresses by template; one that stays what the original has is refused."""
    reasons: List[Reason] = []
    system = sketch.single["SYSTEM"]
    if system.hostname == sketch.saved.system.hostname or not _HOST.fullmatch(system.hostname):
        reasons.append(Reason("replica-clash" if _HOST.fullmatch(system.hostname) else "replica-name", system.id,
                              f"the replica would be called {system.hostname}", "choose another name or template"))
    wanted = dict(entry.partition("=")[::2] for entry in sketch.single["POLICY"].replica_addresses)
    for kind in _NETWORK:
        for record in [one for one in sketch.records[kind].values() if one.addresses]:
            given = tuple(filled(word, name) for word in wanted.get(record.id, "").split("+") if word)
            if not given or set(given) & set(record.addresses):
                reasons.append(Reason(
                    "replica-clash", record.id, f"the replica would have the address {', '.join(record.addresses)} of "
                    "the original", f'give it others: replica_addresses = ["{record.id}=192.0.2.{{number}}/24"]'))
                continue
            sketch.put(replace(record, addresses=given, **({"mac": None} if not isinstance(record, Nic) and getattr(
                record, "mac", None) else {})), Cause(CODE, why, "it has addresses of its own"))
    return reasons


def filled(template: str, name: str) -> str:
    """The template with ``{name}`` and ``{number}`` (the digits at the name's end) filled in."""
    number = re.search(r"(\d+)$", name.partition(".")[0])
    return template.replace("{name}", name).replace("{number}", str(int(number.group(1))) if number else "{number}")

"""The proof of a replica: it differs where two machines must, and shares no identity with its original."""

from __future__ import annotations

from typing import Iterator, Mapping, Set, Tuple

from drill.compare import Manifest
from drill.errors import DrillFailed
from drill.volatile import Scope, Volatile
from sif.model import SystemInformation

OWN_FILES = ("/etc/machine-id", "/etc/hostname", "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key")
"""Files whose content may not be the original's."""

_NAMING: Tuple[Tuple[str, Scope, str], ...] = (
    ("/etc/fstab", Scope.CONTENT, "names file systems by their ids"),
    ("/etc/hosts", Scope.CONTENT, "names the machine"),
    ("/boot/grub/grub.cfg", Scope.CONTENT, "names file systems by their ids"),
    ("/boot/efi/EFI/debian/grub.cfg", Scope.CONTENT, "names the file system of /boot by its id"),
    ("/boot", Scope.TIMES, "has the new early system"),
    ("/etc/ssh", Scope.TIMES, "has the new host keys"),
    ("/etc", Scope.TIMES, "files in it are written anew"),
    ("/var/lib/initramfs-tools", Scope.GROWS, "update-initramfs notes what it made"),
)
_IDENTITIES: Mapping[str, Tuple[str, ...]] = {
    "DISK": ("table_id",), "PARTITION": ("uuid",), "PV": ("uuid",), "VG": ("uuid",), "LV": ("uuid",), "FS": ("uuid",),
    "SWAP": ("uuid",), "SYSTEM": ("hostname", "machine_id_value")}


def changes(original: Manifest) -> Tuple[Volatile, ...]:
    """Where the files of a replica may differ from its original's."""
    early = (path for path in original if path.startswith("/boot/initrd.img-"))
    keys = (path for path in original if path.startswith("/etc/ssh/ssh_host_"))
    return (*(Volatile(*rule) for rule in _NAMING),
            *(Volatile(path, Scope.CONTENT, "the early system is made again") for path in early),
            *(Volatile(path, Scope.CONTENT, "a key of its own") for path in keys),
            *(Volatile(path, Scope.CONTENT, "the replica's own") for path in OWN_FILES[:2]))


def shares_nothing(before: SystemInformation, after: SystemInformation, original: Manifest, replica: Manifest) -> str:
    """Both could run side by side. Raises :class:`DrillFailed` with what they share."""
    old, new = set(identities(before)), set(identities(after))
    shared = sorted(old & new)
    same = [path for path in OWN_FILES if path in original and path in replica
            and original[path].sha256 == replica[path].sha256]
    missing = [path for path in OWN_FILES if path not in original or path not in replica]
    if shared or same or missing or len(new) != len(old):
        raise DrillFailed("the replica shares an identity with its original",
                          found=", ".join((*shared, *same, *missing)) or f"{len(new)} identities",
                          wanted=f"{len(old)} identities of its own")
    return f"{len(new)} identities and {len(OWN_FILES)} files of its own"


def identities(info: SystemInformation) -> Iterator[str]:
    """Everything in a set that two machines may not share."""
    found: Set[str] = set()
    for record in info.records():
        for key in _IDENTITIES.get(record.KIND, ()):
            value = getattr(record, key)
            if value is not None and value not in found:
                found.add(value)
                yield str(value)

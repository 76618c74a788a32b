"""``/etc/fstab``: its lines, and which device a line means.

Source: fstab(5), mount(8), udev's names below ``/dev/disk``.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from sif import look
from sif.later import regex
from sif.model import MountSource
from sif.plain import dataclass

_DISK_NAMES = {"by-uuid": "UUID", "by-label": "LABEL", "by-partuuid": "PARTUUID", "by-partlabel": "PARTLABEL"}
_KERNEL_NAME = regex(r"/dev/(sd[a-z]+|vd[a-z]+|hd[a-z]+|xvd[a-z]+|nvme\d+n\d+(p\d+)?|mmcblk\d+(p\d+)?|dm-\d+)\d*")


@dataclass(frozen=True)
class FstabLine:
    """One configured mount: what (``UUID=...``, ``/dev/...``), where, type, options as written (escapes kept)."""

    spec: str
    mount: str
    type: str
    options: str
    source: MountSource = MountSource.FSTAB


def parse_fstab(text: str) -> Tuple[FstabLine, ...]:
    """The entries of fstab, the octal escapes (``\\040``) of sources and places undone. Source: fstab(5)."""
    entries: List[FstabLine] = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 3 and not fields[0].startswith("#"):
            options = fields[3] if len(fields) > 3 and not fields[3].startswith("#") else "defaults"
            entries.append(FstabLine(_unescaped(fields[0]), _unescaped(fields[1]), _unescaped(fields[2]), options))
    return tuple(entries)


def _unescaped(field: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), field)


def read_fstab(path: str = "/etc/fstab") -> Tuple[FstabLine, ...]:
    """The system's fstab; empty if there is none."""
    return parse_fstab(look.text_or(path))


def tag_of(spec: str) -> Optional[Tuple[str, str]]:
    """``UUID=x``, ``LABEL="x"`` and ``/dev/disk/by-uuid/x`` as (tag, value); None for other names of a device."""
    tag, equals, value = spec.partition("=")
    if equals and tag in _DISK_NAMES.values():
        return tag, value.strip("\"'")
    folder, _, name = spec[len("/dev/disk/"):].partition("/") if spec.startswith("/dev/disk/") else ("", "", "")
    if folder in _DISK_NAMES and name:
        return _DISK_NAMES[folder], udev_decoded(name)
    return None


def device_path(spec: str) -> Optional[str]:
    """The path in ``/dev`` that a spec without a tag names; None if it is no device."""
    if spec.startswith("ID="):
        return f"/dev/disk/by-id/{spec[3:].strip(chr(34))}"
    return spec if spec.startswith("/dev/") else None


def is_kernel_name(spec: str) -> bool:
    """Whether a device is named in the order in which a kernel found it: says nothing in another system."""
    return bool(_KERNEL_NAME.fullmatch(spec))


def udev_decoded(name: str) -> str:
    """A name below ``/dev/disk`` with udev's ``\\x20`` undone; the bytes are UTF-8."""
    raw = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes((int(match.group(1), 16),)),
                 name.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "replace")

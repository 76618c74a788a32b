"""LVM's metadata text without the snapshots that a set leaves out. Source of the format: vgcfgbackup's own output."""

from __future__ import annotations

import re
from typing import Set

from sif.later import regex

_VOLUME = regex(r"^\t\t(\S+) \{\n.*?^\t\t\}\n\n?", re.MULTILINE | re.DOTALL)
"""A volume with its segments: in a group's section of volumes, indented by two tabs."""

_STORE = regex(r'^\t+(?:cow|merging)_store = "([^"]+)"$', re.MULTILINE)


def without_snapshots(text: str) -> str:
    """The text of a group without its thick snapshots and where they keep their blocks.

    Restored as it is, it would bring them back with nothing in them, which makes them invalid.
    """
    head, begin, volumes = text.partition("\n\tlogical_volumes {\n")
    gone: Set[str] = set()
    for section in _VOLUME.finditer(volumes):
        stores = _STORE.findall(section.group())
        gone.update((section.group(1), *stores) if stores else ())
    return head + begin + _VOLUME.sub(lambda found: "" if found.group(1) in gone else found.group(), volumes)

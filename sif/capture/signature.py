"""What lies on a device, as ``blkid`` sees it: the signature that decides which probe reads on."""

from __future__ import annotations

import re
from typing import Dict

from sif import look
from sif.plain import dataclass

_SECONDS = 60.0
_BLKID_NOTHING, _BLKID_AMBIVALENT = 2, 8
"""Exit statuses of a low-level probe: nothing found; several signatures that contradict each other."""


class NotDescribed(ValueError):
    """Something of a supported type that is laid out in a way that can't be made again."""


@dataclass(frozen=True)
class Signature:
    """What ``blkid`` found on a device; ``type`` is empty when there is nothing, ``clash`` when there is too much.

    ``table`` is the kind of a partition table that lies there beside nothing else.
    """

    type: str = ""
    usage: str = ""
    uuid: str = ""
    label: str = ""
    version: str = ""
    clash: bool = False
    table: str = ""


def parse_blkid(text: str) -> Signature:
    """The output of ``blkid --probe --output export``."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            # export output escapes shell characters with a backslash.
            found[name] = re.sub(r"\\(.)", r"\1", value)
    return Signature(type=found.get("TYPE", ""), usage=found.get("USAGE", ""), uuid=found.get("UUID", ""),
                     label=found.get("LABEL", found.get("LABEL_FATBOOT", "")), version=found.get("VERSION", ""),
                     table=found.get("PTTYPE", ""))


def probe_signature(path: str) -> Signature:
    """What is on a device, read from the device and not from a cache. Raises CommandFailed when it can't be read."""
    result = look.run(["blkid", "--probe", "--output", "export", path], timeout=_SECONDS,
                      ok=(0, _BLKID_NOTHING, _BLKID_AMBIVALENT))
    return Signature(clash=True) if result.status == _BLKID_AMBIVALENT else parse_blkid(result.stdout)

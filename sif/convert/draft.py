"""What an importer hands over: content that still has to be judged."""

from __future__ import annotations

from typing import Mapping, Tuple

from sif.convert.sources import SourceFile
from sif.model import SystemInformation
from sif.plain import dataclass


@dataclass(frozen=True)
class Draft:
    """The content, the set's further files by path, and every source file that was read, the main one first."""

    info: SystemInformation
    files: Mapping[str, bytes]
    sources: Tuple[SourceFile, ...]

"""What a key of a section is: the metadata the whole format is driven by."""

from __future__ import annotations

from enum import Enum
from typing import Any, NewType, Tuple

from sif.plain import MISSING, dataclass, field

Ref = NewType("Ref", str)
"""The id of another section. ``key(refs=...)`` says which kinds it may name."""

CARRIERS = ("PARTITION", "LV", "DISK", "MD", "LUKS", "BCACHE")
"""What a file system, a swap area, an encrypted volume or a physical volume can lie on."""

MOUNTABLE = ("FS", "SUBVOLUME", "BTRFS")
"""What has a place in the tree of files."""


class Form(Enum):
    """How a value is written; AUTO follows the field's type (str: quoted, int: decimal, enum/bool: bare)."""

    AUTO = "auto"
    BARE = "bare"
    QUOTED = "quoted"
    UUID = "uuid"
    TIME = "time"
    HEX = "hex"
    SECRET = "secret"


@dataclass(frozen=True)
class KeyInfo:
    """One key's schema beyond its Python type.

    ``identity`` is true when two captures of the same machine, before the disaster and after the restore,
    must agree on it. It is false for facts about replaceable hardware, about the capture itself, and for
    instructions.
    """

    doc: str
    form: Form
    unit: str
    refs: Tuple[str, ...]
    identity: bool
    example: str


def key(
    doc: str,
    *,
    form: Form = Form.AUTO,
    unit: str = "",
    refs: Tuple[str, ...] = (),
    identity: bool = True,
    example: str,
    default: Any = MISSING,
) -> Any:
    """Declare a dataclass field as a key of its section. A key without ``default`` is required."""
    info = KeyInfo(doc=doc, form=form, unit=unit, refs=refs, identity=identity, example=example)
    if default is MISSING:
        return field(metadata={"sif": info})
    return field(default=default, metadata={"sif": info})

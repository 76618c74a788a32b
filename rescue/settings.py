"""What the kernel command line tells the agent. Pure: text in, frozen settings out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from sif.errors import UsageError

_ADDRESS_HINT = "use auto, LABEL=name or UUID=id, the last two with :/path when it matters which SIF"


class AddressKind(str, Enum):
    AUTO = "auto"
    LABEL = "LABEL"
    UUID = "UUID"


@dataclass(frozen=True)
class Address:
    """Where the SIF is: any removable medium, or the file system of that label or UUID; ``path`` on it if given."""

    kind: AddressKind = AddressKind.AUTO
    value: str = ""
    path: Optional[str] = None

    def __str__(self) -> str:
        if self.kind is AddressKind.AUTO:
            return "auto"
        return f"{self.kind.value}={self.value}" + (f":{self.path}" if self.path else "")


@dataclass(frozen=True)
class Settings:
    """The agent's part of the kernel command line.

    ``consoles`` are the ``console=`` arguments, carried over into phase 2. ``stage_up`` is what
    the staging volume lies on (:mod:`rescue.staging.layers`), the lowest layer first. ``live_root`` is the value of
    ``root=live:...``: what the rescue system itself was started from.
    """

    auto: bool = False
    sif: Address = Address()
    phase: int = 1
    stage_uuid: Optional[str] = None
    stage_up: Tuple[str, ...] = ()
    consoles: Tuple[str, ...] = ()
    live_root: Optional[str] = None


def parse_address(text: str) -> Address:
    """Read ``auto``, ``LABEL=name[:/path]`` or ``UUID=id[:/path]``. Raises :class:`UsageError`."""
    if text in ("", "auto"):
        return Address()
    match = re.fullmatch(r"(LABEL|UUID)=([^:]+)(?::(/.*))?", text)
    if match is None:
        raise UsageError("this is no address of a SIF", where="rescue.sif", found=repr(text), hint=_ADDRESS_HINT)
    kind, value, path = match.groups()
    if path and ".." in path.split("/"):
        raise UsageError("the path of a SIF may not leave its medium", where="rescue.sif", found=repr(path),
                         wanted="a path without `..`")
    return Address(AddressKind(kind), value, path)


def parse_command_line(text: str) -> Settings:
    """Read the arguments of docs/architecture.md; everything else on the line is left alone.

    The last value of an argument wins, as in the kernel. Raises :class:`UsageError` for a malformed address,
    phase or stage, because guessing there could overwrite the wrong machine.
    """
    auto, sif, phase, stage, live_root = False, Address(), 1, None, None
    consoles, layers = [], []
    for name, value in _arguments(text):
        if name == "rescue.auto":
            auto = value not in ("0", "no", "off")
        elif name == "rescue.sif":
            sif = parse_address(value)
        elif name == "rescue.phase":
            phase = _phase(value)
        elif name == "rescue.stage":
            stage = _stage(value)
        elif name == "rescue.stage.up":
            layers.append(_layer(value))
        elif name == "console":
            consoles.append(value)
        elif name == "root" and value.startswith("live:"):
            live_root = value[len("live:"):]
    if phase == 2 and stage is None:
        raise UsageError("phase 2 needs to know where it was staged", where="rescue.phase=2",
                         wanted="rescue.stage=UUID=<file system>")
    return Settings(auto, sif, phase, stage, tuple(layers), tuple(consoles), live_root)


def _arguments(text: str) -> Tuple[Tuple[str, str], ...]:
    """The line's words as name and value; double quotes keep blanks in a value, as the kernel reads them."""
    words = re.findall(r'(?:"[^"]*"|[^\s"])+', text)
    pairs = (word.replace('"', "").partition("=") for word in words)
    return tuple((name, value) for name, _, value in pairs)


def _phase(value: str) -> int:
    if value not in ("1", "2"):
        raise UsageError("there is no such phase", where="rescue.phase", found=repr(value), wanted="1 or 2")
    return int(value)


def _stage(value: str) -> str:
    kind, _, ident = value.partition("=")
    if kind != "UUID" or not re.fullmatch(r"[0-9A-Fa-f-]{4,36}", ident):
        raise UsageError("this does not name a staging file system", where="rescue.stage", found=repr(value),
                         wanted="UUID=<file system>")
    return ident


def _layer(value: str) -> str:
    if not re.fullmatch(r"md,[0-9A-Fa-f:]+,md\d+|vg,[0-9A-Za-z-]+|btrfs", value):
        raise UsageError("this names nothing that a staging file system can lie on", where="rescue.stage.up",
                         found=repr(value), wanted="md,UUID,NODE, vg,UUID or btrfs")
    return value

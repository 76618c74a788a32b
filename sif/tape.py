"""What a machine has answered, kept, so that it can be looked at again without that machine."""

from __future__ import annotations

import binascii
import json
import os
from typing import Any, Dict

from sif.errors import CommandFailed, ToolMissing
from sif.plain import dataclass, field


@dataclass
class Tape:
    """Questions (as JSON text) and answers."""

    answers: Dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The tape as text, one question a line, sorted, so that recordings diff cleanly."""
        return json.dumps(self.answers, indent=0, sort_keys=True, ensure_ascii=False) + "\n"

    @staticmethod
    def from_json(text: str) -> "Tape":
        return Tape(json.loads(text))


def encoded(value: Any) -> Any:
    """An answer as JSON can hold it."""
    if isinstance(value, bytes):
        return {"base64": binascii.b2a_base64(value, newline=False).decode("ascii")}
    if isinstance(value, tuple):
        return {"tuple": [encoded(item) for item in value]}
    return value


def decoded(value: Any) -> Any:
    """The answer again. Raises what was recorded: OSError, CommandFailed or ToolMissing."""
    if not isinstance(value, dict):
        return value
    if "base64" in value:
        return binascii.a2b_base64(value["base64"])
    if "tuple" in value:
        return tuple(decoded(item) for item in value["tuple"])
    if "errno" in value:
        raise OSError(value["errno"], os.strerror(value["errno"]))
    kind = {"CommandFailed": CommandFailed, "ToolMissing": ToolMissing}[value["failed"]]
    raise kind(value["what"], where=value["where"], found=value["found"])

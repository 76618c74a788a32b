"""Which secrets a set names."""

from __future__ import annotations

import re
from typing import List, Tuple

from sif.codec import schema_of
from sif.keys import Form
from sif.later import regex
from sif.model import SystemInformation
from sif.text import IDENT

SCHEME = "secret:"
NAME: "re.Pattern[str]" = IDENT
_PASSWORD = regex(r"(://[^/@:\s]*):[^/@\s]+(?=@)")


def declared_secrets(info: SystemInformation) -> Tuple[str, ...]:
    """The names in every ``secret:NAME`` of the set, sorted, each once."""
    found: List[str] = []
    for record in info.records():
        for key in schema_of(type(record)).keys:
            value = getattr(record, key.name)
            if key.info.form is Form.SECRET and value is not None:
                found.append(value[len(SCHEME):])
    return tuple(sorted(set(found)))


def has_password(text: str) -> bool:
    """Whether there is an address with a password in the text: ``scheme://user:password@host``."""
    return "://" in text and _PASSWORD.search(text) is not None


def without_password(text: str) -> str:
    """The text, and of an address in it the user alone."""
    return _PASSWORD.sub(r"\1", text) if has_password(text) else text

"""Regular expressions that are compiled when they are first used.

Python compiles them at each start, and a capture on one machine uses half of those that its modules hold.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    regex = re.compile
else:
    class regex:  # noqa: N801 - stands for a function
        """As :func:`re.compile`, later."""

        def __init__(self, text: Any, flags: int = 0) -> None:
            self.pattern, self.flags = text, flags

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            made = re.compile(self.pattern, self.flags)
            self.match, self.fullmatch, self.search, self.sub = made.match, made.fullmatch, made.search, made.sub
            self.finditer, self.findall, self.split = made.finditer, made.findall, made.split
            return getattr(made, name)

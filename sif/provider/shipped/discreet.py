"""Configuration without its passwords: a set holds no secret, and neither does what a collector puts into it.

What looks like one is left out. That is a guess on the safe side: whole values, never parts of them.
"""

from __future__ import annotations

import re
from typing import Tuple

LEFT_OUT = "[left out]"
PRIVATE_KEY = b"PRIVATE KEY-----"
"""A file with this is a key, and of no use without it."""

_LONGEST = 4096
"""The longest line that is looked at, in characters; of a longer one nothing is kept."""

_SECRET = r"(?:passw(?:or)?d|passphrase|psk|secret|private[-_]?key|preshared[-_]?key|wep[-_]?key|token|setcredential)"
_TUNNEL = r"(?:key|input-?key|output-?key|private|shared|wireless-key\d?)"
_LINE = re.compile(
    # KEY: VALUE, KEY = VALUE, KEY VALUE of ifupdown, with a word for a secret in KEY, unless it names a file
    r"(?P<key>.*?\b[\w.-]*" + _SECRET + r"(?![\w.-]*file)[\w.-]*[\"']?(?:[ \t]*[:=]|(?<=\w)[ \t]+(?=\S))[ \t]*)\S.*"
    # keys of tunnels (WireGuard, GRE) in netplan, networkd, ifupdown
    r"|(?P<tunnel>(?:.*[{,])?[ \t-]*" + _TUNNEL + r"[ \t]*[:= ][ \t]*)\S.*", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\b(passw(?:or)?d=)(\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_ARGUMENT = re.compile(r"\b(passw(?:or)?d=)[^\"',\s/>]+", re.IGNORECASE)


def without_secrets(text: str, xml: bool) -> Tuple[str, int]:
    """The text with every value left out that may be a secret, and how many these are; XML stays XML."""
    if xml:
        text, quoted = _ATTRIBUTE.subn(lambda found: found.group(1) + found.group(2)[0] * 2, text)
        text, plain = _ARGUMENT.subn(r"\1", text)
        return text, quoted + plain
    lines = text.split("\n")
    shown = [_shown(line) for line in lines]
    return "\n".join(shown), sum(before != after for before, after in zip(lines, shown))


def _shown(line: str) -> str:
    if len(line) > _LONGEST:
        return LEFT_OUT
    found = _LINE.match(line)
    return (found.group("key") or found.group("tunnel")) + LEFT_OUT if found else line

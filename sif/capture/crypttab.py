"""``/etc/crypttab``: which encrypted volumes the system opens at its start, and how. Source: crypttab(5)."""

from __future__ import annotations

import posixpath
from typing import Optional, Set, Tuple

from sif import look
from sif.plain import dataclass

RANDOM_KEYS = frozenset({"/dev/urandom", "/dev/random", "/dev/hwrng"})
_NO_KEY = frozenset({"none", "-", ""})
_BY_TAG = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel"}


@dataclass(frozen=True)
class CryptLine:
    """One entry: mapper name, what it lies on (``UUID=...``, a path), key file, options."""

    name: str
    spec: str
    key_file: Optional[str] = None
    options: str = ""

    @property
    def words(self) -> Tuple[str, ...]:
        """The options, one by one."""
        return tuple(word for word in self.options.split(",") if word)

    @property
    def volatile(self) -> bool:
        """Whether its content is made anew at every start: a random key, or an area that is formatted each time."""
        return self.key_file in RANDOM_KEYS or any(word.partition("=")[0] in ("swap", "tmp") for word in self.words)

    @property
    def kind(self) -> str:
        """``luks``, ``plain``, ``tcrypt`` or ``bitlk``."""
        if any(word.startswith("tcrypt") for word in self.words):
            return "tcrypt"
        if "bitlk" in self.words:
            return "bitlk"
        return "plain" if "plain" in self.words or self.key_file in RANDOM_KEYS else "luks"

    @property
    def header(self) -> Optional[str]:
        """The file or device of a detached header."""
        return next((word[len("header="):] for word in self.words if word.startswith("header=")), None)


def parse_crypttab(text: str) -> Tuple[CryptLine, ...]:
    """The entries of crypttab, comments and empty lines left out."""
    found = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 2 and not fields[0].startswith("#"):
            key = fields[2] if len(fields) > 2 else ""
            found.append(CryptLine(fields[0], fields[1], None if key in _NO_KEY else key,
                                   fields[3] if len(fields) > 3 else ""))
    return tuple(found)


def read_crypttab() -> Tuple[CryptLine, ...]:
    """The system's crypttab; empty if there is none."""
    return parse_crypttab(look.text_or("/etc/crypttab"))


def crypttab_devices() -> Set[str]:
    """Kernel names of what crypttab's volumes lie on: used by the system, open or not."""
    paths = [path_of(line.spec) for line in read_crypttab()]
    return {look.real(path).rpartition("/")[2] for path in paths if path}


def path_of(spec: str) -> Optional[str]:
    """The device path (a link of udev's) that a specification names; None for one that is no block device."""
    tag, equals, value = spec.partition("=")
    if equals and tag in _BY_TAG:
        return posixpath.join("/dev/disk", _BY_TAG[tag], value.strip('"'))
    return spec if spec.startswith("/dev/") else None

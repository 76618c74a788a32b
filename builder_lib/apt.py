"""Find the Debian mirrors the build host uses, and name the target release on them.

The image is of one fixed release whatever the host runs; only mirrors, trust and proxies are the host's. Both forms of
apt sources are read: one-line (`*.list`) and deb822 (`*.sources`), see sources.list(5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, List, Optional, Tuple

from builder_lib.errors import BuildFailed

# Suites by which a Debian host may name its own archive.
DEBIAN_SUITES = frozenset({"buster", "bullseye", "bookworm", "trixie", "forky", "sid", "oldoldstable", "oldstable",
                           "stable", "testing", "unstable"})
CARRIED_OPTIONS = ("signed-by", "trusted", "check-valid-until")
PROXY_SETTING = re.compile(r"^Acquire::(http|https)(::[^ ]*)? ")


@dataclass(frozen=True)
class Source:
    """One archive of a source list: where it is, which suite, how it is trusted."""

    uri: str
    suite: str
    options: Tuple[Tuple[str, str], ...] = ()

    def line(self, suite: str, components: str = "main") -> str:
        """The one-line form for another suite of the same archive."""
        options = " ".join(f"{name}={value}" for name, value in self.options)
        return f"deb {f'[{options}] ' if options else ''}{self.uri} {suite} {components}"


def parse_one_line(text: str) -> Tuple[Source, ...]:
    """The binary archives of a `*.list` file."""
    found = []
    for raw in text.splitlines():
        match = re.match(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)", raw.split("#", 1)[0].strip())
        if match:
            pairs = (word.split("=", 1) for word in (match[1] or "").split() if "=" in word)
            found.append(Source(match[2], match[3], _carried({k.lower(): v for k, v in pairs})))
    return tuple(found)


def parse_deb822(text: str) -> Tuple[Source, ...]:
    """The enabled binary archives of a `*.sources` file."""
    found: List[Source] = []
    uncommented = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for stanza in re.split(r"\n\s*\n", uncommented):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        options = _carried(fields)
        found.extend(Source(uri, suite, options)
                     for uri in fields.get("uris", "").split() for suite in fields.get("suites", "").split())
    return tuple(found)


def _fields(stanza: str) -> Dict[str, str]:
    fields: Dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line[:1].isspace() and name:
            fields[name] += "\n" + line.strip()
        elif ":" in line:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            fields[name] = value.strip()
    return fields


def _carried(fields: Dict[str, str]) -> Tuple[Tuple[str, str], ...]:
    """The options that still hold on another suite; a key given inline (several lines) cannot be one of a line."""
    return tuple((name, fields[name]) for name in CARRIED_OPTIONS if fields.get(name) and "\n" not in fields[name])


def read_host_sources(apt: Path = Path("/etc/apt")) -> Tuple[Source, ...]:
    """All binary archives the host's apt knows, in the order of the files."""
    found: List[Source] = []
    for path in [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]:
        if path.suffix == ".list" and path.is_file():
            found.extend(parse_one_line(path.read_text()))
        elif path.suffix == ".sources" and path.is_file():
            found.extend(parse_deb822(path.read_text()))
    return tuple(found)


def target_sources(host: Iterable[Source], release: str, mirror: Optional[str] = None,
                   components: str = "main") -> Tuple[str, ...]:
    """The one-line sources of ``release`` on the host's mirrors, or on ``mirror`` alone when that is given.

    Raises :class:`BuildFailed` when the host names no Debian archive.
    """
    if mirror:
        return (Source(mirror, release).line(release, components),)
    lines: List[str] = []
    for source in host:
        base, pocket = _split_suite(source.suite)
        if base in DEBIAN_SUITES and pocket in ("", "-updates", "-security"):
            line = source.line(release + pocket, components)
            if line not in lines:
                lines.append(line)
    if not any(f" {release} " in line for line in lines):
        raise BuildFailed("no Debian mirror found", where="/etc/apt/sources.list, /etc/apt/sources.list.d",
                          wanted="an apt source of Debian's main archive",
                          hint="give the address of a mirror with --mirror")
    return tuple(lines)


def _split_suite(suite: str) -> Tuple[str, str]:
    """`bookworm-security` and the older `buster/updates` as (release, pocket)."""
    base, separator, pocket = suite.partition("/")
    if separator:
        return base, "-security" if pocket == "updates" else "/" + pocket
    base, dash, pocket = suite.partition("-")
    return base, dash + pocket


def proxy_settings(apt_config_dump: str) -> str:
    """Of the output of `apt-config dump`, how to reach mirrors: proxies, certificates, time-outs."""
    return "".join(line + "\n" for line in apt_config_dump.splitlines() if PROXY_SETTING.match(line))

"""``/etc/sif/capture.conf``: where scheduled captures go. One section in the syntax of a SIF, read as strictly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar, Dict, List, Optional, Tuple

from sif.codec import BadValue, from_entry, schema_from
from sif.errors import Exit, LifeboatError
from sif.keys import key
from sif.plain import dataclass
from sif.problems import Problem
from sif.text import Section, decode, lex

DEFAULT_CONFIG = "/etc/sif/capture.conf"
_DEVICE = re.compile(r"(LABEL|UUID|PARTUUID|PARTLABEL)=[^\s\"]+")


class ConfigWrong(LifeboatError):
    """The configuration cannot be used; ``found`` names every problem with its line."""

    code = Exit.USAGE


@dataclass(frozen=True)
class Config:
    """What a scheduled capture needs to know."""

    KIND: ClassVar[str] = "CAPTURE"
    ID_LESS: ClassVar[bool] = True

    output: Optional[str] = key("directory that holds a directory per host", default=None, example='"/srv/sif"')
    medium: Optional[str] = key("file system to mount for the time of the capture: `LABEL=` or `UUID=`", default=None,
                                example='"LABEL=SIF"')
    directory: str = key("directory on the medium", default="", example='"sets"')
    keep: int = key("how many different sets of this host stay there, the current one included", default=5,
                    example="5")
    options: Tuple[str, ...] = key("further options of `sif capture`", default=(),
                                   example='["--catalog", "--exclude-disk", "sdb"]')
    sign_key: Optional[str] = key("SSH key that signs each set", default=None, example='"/etc/sif/signing_key"')


def parse_config(text: str, name: str) -> Config:
    """The configuration in a text; raises :class:`ConfigWrong` with everything that is wrong."""
    sections, faults = lex(text, name)
    problems: List[str] = [str(problem) for problem in faults]
    mine = [section for section in sections if section.kind == Config.KIND and not section.ident]
    problems += [f"{name}:{section.line}:1: not a section of this file: [{section.kind}]" for section in sections
                 if section not in mine]
    values = _values(mine[0], name, problems) if mine else {}
    if not mine and not problems:
        problems.append(f"{name}:1:1: no [{Config.KIND}] section")
    config = Config(**values) if not problems else Config(output="/")
    problems += [] if problems else [f"{name}: {fault}" for fault in _faults(config)]
    if problems:
        raise ConfigWrong("the configuration of scheduled captures cannot be used", where=name,
                          found="\n    ".join(["", *problems]), hint="see the operator guide, Captures on schedule")
    return config


def _values(section: Section, name: str, problems: List[str]) -> Dict[str, Any]:
    schema = schema_from(Config)
    values: Dict[str, Any] = {}
    for entry in section.entries:
        known = schema.key(entry.key)
        if known is None:
            problems.append(f"{name}:{entry.line}:{entry.column}: no such key: {entry.key}; there are "
                            + ", ".join(one.name for one in schema.keys))
            continue
        try:
            values[known.name] = from_entry(known, entry)
        except BadValue as error:
            problems.append(str(Problem(error.what, f"{name}:{entry.line}:{entry.value_column}", wanted=error.wanted,
                                        hint=error.hint)))
    return values


def _faults(config: Config) -> List[str]:
    found = []
    if (config.output is None) == (config.medium is None):
        found.append("one of output and medium must be there, and only one")
    if config.output is not None and not config.output.startswith("/"):
        found.append(f"output is not an absolute path: {config.output}")
    if config.medium is not None and not _DEVICE.fullmatch(config.medium):
        found.append(f"medium is not LABEL=... or UUID=...: {config.medium}")
    if config.directory.startswith("/") or ".." in config.directory.split("/"):
        found.append(f"directory is not below the medium's root: {config.directory}")
    if config.keep < 1:
        found.append("keep is at least 1")
    if "--output" in config.options:
        found.append("options cannot have --output")
    return found


def read_config(path: Path) -> Config:
    """The configuration at ``path``. Raises :class:`ConfigWrong`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigWrong("there is no configuration of scheduled captures", where=str(path), found=str(error),
                          hint=f"copy {DEFAULT_CONFIG}.example, which sif install-units puts there") from error
    text, problems = decode(data, str(path))
    if text is None:
        raise ConfigWrong("the configuration is no text", where=str(path), found="; ".join(map(str, problems)))
    return parse_config(text, str(path))

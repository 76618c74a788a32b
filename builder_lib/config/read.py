"""Read the configuration file: everything that is wrong with it is said at once, each with its place."""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from builder_lib.config.kinds import Refusal
from builder_lib.config.model import REPEATED, REQUIRED, SECTIONS, Config
from sif.errors import Exit, LifeboatError, UsageError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with the file."""

    where: str
    what: str
    found: str
    wanted: str
    hint: Optional[str] = None

    def __str__(self) -> str:
        return str(LifeboatError(self.what, where=self.where, found=self.found, wanted=self.wanted, hint=self.hint))


class ConfigRefused(UsageError):
    """A configuration that would not build what its writer meant; ``problems`` are in order of appearance."""

    code = Exit.USAGE

    def __init__(self, name: str, problems: Tuple[Problem, ...]) -> None:
        super().__init__(f"{name}: {len(problems)} {'problem' if len(problems) == 1 else 'problems'}")
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join([*map(str, self.problems), self.what])


def read_config(path: Optional[Path]) -> Config:
    """The configuration in that file; the defaults without one. Raises :class:`ConfigRefused`."""
    if path is None:
        return Config()
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the configuration cannot be read", where=str(path), found=str(error),
                         hint="it is a TOML file, see docs/builder.md") from error
    return parse_config(text, str(path), path.resolve().parent)


def parse_config(text: str, name: str, base: Path) -> Config:
    """The configuration in a text; relative paths begin at ``base``. Raises :class:`ConfigRefused`."""
    try:
        import tomllib
    except ModuleNotFoundError as error:
        raise UsageError("this Python cannot read TOML", where=name, wanted="Python 3.11 or later",
                         hint="run the builder on Debian 12 or later") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = f"{name}:{place[1]}:{place[2]}" if place else name
        raise ConfigRefused(name, (Problem(where, "this is not TOML", str(error), "key = value lines in [sections]",
                                           "texts stand in double quotes; see https://toml.io"),)) from error
    return _Reader(text, name, base).config(data)


class _Reader:
    """Collects what is wrong while it reads."""

    def __init__(self, text: str, name: str, base: Path) -> None:
        self._lines, self._name, self._base = text.splitlines(), name, base
        self._problems: List[Problem] = []

    def config(self, data: Mapping[str, Any]) -> Config:
        sections: Dict[str, Any] = {}
        for name, value in data.items():
            if name not in SECTIONS:
                self._problem(name, None, 0, "there is no such section", name, "one of " + ", ".join(SECTIONS))
            elif name in REPEATED:
                sections[name] = self._repeated(name, value)
            elif not isinstance(value, dict):
                self._problem(name, None, 0, "this is a section, not a key", repr(value), f"[{name}] and keys below it")
            else:
                sections[name] = self._section(name, value, 0)
        if self._problems:
            raise ConfigRefused(self._name, tuple(self._problems))
        config = Config(**sections)
        self._together(config)
        if self._problems:
            raise ConfigRefused(self._name, tuple(self._problems))
        return config

    def _repeated(self, name: str, value: Any) -> Tuple[Any, ...]:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self._problem(name, None, 0, "this section can be there several times", repr(value), f"[[{name}]]")
            return ()
        return tuple(self._section(name, item, number) for number, item in enumerate(value))

    def _section(self, name: str, data: Mapping[str, Any], number: int) -> Any:
        known = {item.name: item for item in fields(SECTIONS[name])}
        taken: Dict[str, Any] = {}
        for key, value in data.items():
            if key not in known:
                self._problem(name, key, number, "there is no such key", key, "one of " + ", ".join(known))
                continue
            try:
                taken[key] = known[key].metadata["kind"].take(value, self._base)
            except Refusal as refusal:
                self._problem(name, key, number, refusal.what, refusal.found, refusal.wanted, refusal.hint)
        for key in known:
            if (name, key) in REQUIRED and key not in data:
                self._problem(name, None, number, "a key is missing", ", ".join(data) or "no key", key)
        defaults = {key: item.default for key, item in known.items() if item.default is not MISSING}
        return SECTIONS[name](**{**defaults, **taken})

    def _together(self, config: Config) -> None:
        """What the keys mean only together."""
        network = config.network
        if network.mode == "static" and network.address is None:
            self._problem("network", "mode", 0, "a static network needs an address", "no address", "network.address")
        if network.mode != "static":
            for key in ("address", "gateway"):
                if getattr(network, key) is not None:
                    self._problem("network", key, 0, "this key is for a static network only",
                                  f'mode = "{network.mode}"', 'mode = "static"')
        if config.trust.revoked is not None and config.trust.allowed_signers is None:
            self._problem("trust", "revoked", 0, "a list of revoked keys without one of allowed signers",
                          str(config.trust.revoked), "trust.allowed_signers as well")
        targets = [file.target for file in config.file]
        for number, target in enumerate(targets):
            if target in targets[:number]:
                self._problem("file", "target", number, "two files have one target", target, "each target once")
        for section, paths in (("recovery.sets", config.recovery.sets), ("image.elements", config.image.elements)):
            names = [path.name for path in paths]
            if len(set(names)) < len(names):
                name, _, key = section.partition(".")
                self._problem(name, key, 0, "two of these have one name", ", ".join(names), "different last parts")
        for number, driver in enumerate(config.driver):
            if not driver.source.name.endswith((".ko", ".ko.xz", ".ko.zst")):
                self._problem("driver", "source", number, "this is no kernel module", driver.source.name,
                              "a .ko, .ko.xz or .ko.zst file")

    def _problem(self, section: str, key: Optional[str], number: int, what: str, found: str, wanted: str,
                 hint: Optional[str] = None) -> None:
        line = find_line(self._lines, section, key, number)
        title = section if key is None else f"{section}.{key}"
        where = f"{self._name}:{line}: {title}" if line else f"{self._name}: {title}"
        self._problems.append(Problem(where, what, found, wanted, hint or "every key is in docs/builder.md"))


def find_line(lines: List[str], section: str, key: Optional[str], number: int) -> int:
    """The line (from 1) of a key in the ``number``-th section of that name (from 0), or of the section; 0 if not seen.

    The parser of the standard library does not tell; dotted and quoted keys are not looked for.
    """
    heading = re.compile(r"\s*\[\[?\s*" + re.escape(section) + r"\s*\]\]?\s*(#.*)?")
    seen, inside, found = -1, False, 0
    for place, line in enumerate(lines, 1):
        if re.match(r"\s*\[", line) and "=" not in line.split("#")[0]:
            inside = bool(heading.fullmatch(line))
            seen += inside
            if inside and seen == number:
                found = place
                if key is None:
                    return place
        elif inside and seen == number and key and re.match(r"\s*" + re.escape(key) + r"\s*=", line):
            return place
    return found

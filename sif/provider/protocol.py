"""The messages between Lifeboat and a provider: one JSON request, JSON lines back. Source: docs/provider-api.md.

Pure: bytes and values in, typed results or :class:`BadAnswer` out. A provider's answer is not trusted.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from sif.plain import dataclass, field
from sif.problems import printable

PROTOCOL = 1
MAX_LINE_BYTES = 256 * 1024
MAX_OUTPUT_BYTES = 16 * 1024 * 1024
MAX_SECTIONS = 512
MAX_DEPTH = 32
"""Objects and lists inside each other: no message needs more than a few, and too many end Python's own recursion."""

METHODS = ("describe", "quiesce", "backup", "thaw", "restore-entry", "check")
REQUIRED = {"backup": ("describe", "backup", "restore-entry", "check"),
            "collector": ("describe", "backup", "restore-entry")}
"""What a provider of each kind has to answer; the other methods are asked only if it says that it has them."""

SECONDS = {"describe": 30.0, "quiesce": 600.0, "backup": 48 * 3600.0, "thaw": 600.0, "restore-entry": 120.0,
           "check": 600.0}
"""How long each method may take."""

ERROR_CODES = ("usage", "protocol", "unreachable", "no-snapshot", "secret", "busy", "failed")

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class BadAnswer(ValueError):
    """An answer that the protocol does not allow; ``where`` names the place in it."""

    def __init__(self, what: str, where: str, found: object = None, wanted: Optional[str] = None) -> None:
        super().__init__(what)
        self.what, self.where, self.wanted = what, where, wanted
        self.found = None if found is None else shown(found)


def shown(value: object) -> str:
    """A value for people, short and printable."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else \
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return printable(text if len(text) <= 200 else text[:200] + "...")


@dataclass(frozen=True)
class Description:
    """What a provider says it is."""

    name: str
    title: str
    version: str
    kind: str
    methods: Tuple[str, ...]


@dataclass(frozen=True)
class Backup:
    """What a backup left: the snapshot's id (None where there is no such thing), and how much was read."""

    snapshot: Optional[str]
    bytes: int


@dataclass(frozen=True)
class Check:
    """Whether the store answers; the snapshot that would be restored, and when it was made."""

    reachable: bool
    snapshot: Optional[str]
    newest: Optional[str]


@dataclass(frozen=True)
class RawSection:
    """A section of a restore entry, not yet held against the schema."""

    kind: str
    id: str
    keys: Mapping[str, Any]


def request(method: str, config: Mapping[str, Any], params: Mapping[str, Any], protocol: int = PROTOCOL) -> bytes:
    """The request as the provider reads it: one line of JSON."""
    asked = {"protocol": protocol, "method": method, "config": dict(config), "params": dict(params)}
    return json.dumps(asked, ensure_ascii=False).encode("utf-8") + b"\n"


@dataclass
class Conversation:
    """Takes the lines of an answer one by one; ``result`` or ``error`` is there at the end."""

    report: Callable[[Mapping[str, Any]], None]
    result: Optional[Mapping[str, Any]] = None
    error: Optional[Mapping[str, Any]] = None
    fault: Optional[BadAnswer] = None
    lines: int = 0
    warnings: List[str] = field(default_factory=list)

    def line(self, raw: bytes) -> Optional[str]:
        """Take a line; why nothing more is wanted, or None."""
        self.lines += 1
        try:
            self._message(raw)
        except BadAnswer as fault:
            self.fault = fault
            return fault.what
        return None

    def _message(self, raw: bytes) -> None:
        where = f"line {self.lines} of its output"
        message = parse_line(raw, where)
        if self.result is not None or self.error is not None:
            raise BadAnswer("it goes on after its result", where, raw)
        kind = text(message, "type", where)
        if kind == "result":
            self.result = mapping(message, "result", where)
        elif kind == "error":
            code = text(message, "code", where)
            if code not in ERROR_CODES:
                raise BadAnswer("not an error's code", f"{where}, code", code, ", ".join(ERROR_CODES))
            self.error = {"code": code, "text": text(message, "text", where),
                          "hint": message.get("hint") if isinstance(message.get("hint"), str) else None}
        elif kind == "progress":
            self.report({"type": "progress", "fraction": fraction(message, where),
                         "text": shown(message.get("text", ""))})
        elif kind == "log":
            said = shown(text(message, "text", where))
            self.report({"type": "log", "level": text(message, "level", where), "text": said})
        else:
            raise BadAnswer("not a type of message", f"{where}, type", kind, "progress, log, result or error")


def parse_line(raw: bytes, where: str) -> Mapping[str, Any]:
    """One line as a JSON object."""
    if len(raw) > MAX_LINE_BYTES:
        raise BadAnswer("a line that is too long", where, f"{len(raw)} bytes", f"at most {MAX_LINE_BYTES}")
    try:
        found = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadAnswer("a line that is not JSON", where, raw, "one JSON object a line") from error
    if not isinstance(found, dict):
        raise BadAnswer("a line that is not a JSON object", where, raw, "one JSON object a line")
    if _depth_exceeds(found, MAX_DEPTH):
        raise BadAnswer("a line that is nested too deeply", where, raw, f"at most {MAX_DEPTH} levels")
    return found


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [inner for item in level if isinstance(item, (dict, list))
                 for inner in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return False
    return True


def text(source: Mapping[str, Any], key: str, where: str, optional: bool = False) -> Any:
    """A string of the message; with ``optional`` it may be missing or null."""
    value = source.get(key)
    if value is None and optional:
        return None
    if not isinstance(value, str):
        raise BadAnswer(f"{key} is not a string", f"{where}, {key}", value, "a string")
    return value


def mapping(source: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """An object of the message."""
    value = source.get(key)
    if not isinstance(value, dict):
        raise BadAnswer(f"{key} is not an object", f"{where}, {key}", value, "a JSON object")
    return value


def whole(source: Mapping[str, Any], key: str, where: str) -> int:
    """A number from 0 of the message."""
    value = source.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise BadAnswer(f"{key} is not a number of bytes", f"{where}, {key}", value, "an integer from 0")
    return value


def fraction(source: Mapping[str, Any], where: str) -> Optional[float]:
    value = source.get("fraction")
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= value <= 1:  # neither holds for NaN; no float() before it: an integer may be too large
        raise BadAnswer("fraction is not between 0 and 1", f"{where}, fraction", value, "a number from 0 to 1")
    return float(value)


def described(result: Mapping[str, Any]) -> Description:
    """The result of ``describe``."""
    where = "the result of describe"
    name = text(result, "name", where)
    if not NAME.fullmatch(name):
        raise BadAnswer("not a provider's name", f"{where}, name", name, "a-z, 0-9 and -, at most 32, a letter first")
    protocols = result.get("protocol")
    if not isinstance(protocols, list) or PROTOCOL not in protocols:
        raise BadAnswer("it does not speak this protocol", f"{where}, protocol", protocols, f"a list with {PROTOCOL}")
    kind = text(result, "kind", where)
    if kind not in REQUIRED:
        raise BadAnswer("not a kind of provider", f"{where}, kind", kind, " or ".join(REQUIRED))
    methods = result.get("methods")
    if not isinstance(methods, list) or any(not isinstance(m, str) for m in methods):
        raise BadAnswer("methods is not a list of names", f"{where}, methods", methods, ", ".join(METHODS))
    missing = [method for method in REQUIRED[kind] if method not in methods]
    if missing or ("quiesce" in methods) != ("thaw" in methods):
        raise BadAnswer(f"a {kind} provider lacks methods", f"{where}, methods", methods,
                        ", ".join(REQUIRED[kind]) + "; quiesce and thaw both or not at all")
    return Description(name, text(result, "title", where), text(result, "version", where), kind, tuple(methods))


def backed_up(result: Mapping[str, Any]) -> Backup:
    """The result of ``backup``."""
    where = "the result of backup"
    return Backup(text(result, "snapshot", where, optional=True), whole(result, "bytes", where))


def token_of(result: Mapping[str, Any]) -> str:
    """The result of ``quiesce``: what ``thaw`` is given back."""
    return str(text(result, "token", "the result of quiesce"))


def checked(result: Mapping[str, Any]) -> Check:
    """The result of ``check``."""
    where = "the result of check"
    if not isinstance(result.get("reachable"), bool):
        raise BadAnswer("reachable is not a truth value", f"{where}, reachable", result.get("reachable"),
                        "true or false")
    newest = text(result, "newest", where, optional=True)
    if newest is not None and not _TIME.fullmatch(newest):
        raise BadAnswer("newest is not a time", f"{where}, newest", newest, "YYYY-MM-DDTHH:MM:SSZ")
    return Check(bool(result["reachable"]), text(result, "snapshot", where, optional=True), newest)


def sections_of(result: Mapping[str, Any]) -> Tuple[RawSection, ...]:
    """The result of ``restore-entry``."""
    where = "the result of restore-entry"
    listed = result.get("sections")
    if not isinstance(listed, list) or len(listed) > MAX_SECTIONS:
        raise BadAnswer("sections is not a list", f"{where}, sections", listed, f"a list of at most {MAX_SECTIONS}")
    found: List[RawSection] = []
    for number, entry in enumerate(listed):
        place = f"{where}, sections[{number}]"
        if not isinstance(entry, dict):
            raise BadAnswer("a section is not an object", place, entry, '{"kind": ..., "id": ..., "keys": {...}}')
        extra: Dict[str, Any] = {key: value for key, value in entry.items() if key not in ("kind", "id", "keys")}
        if extra:
            raise BadAnswer("a section has more than kind, id and keys", place, extra)
        found.append(RawSection(text(entry, "kind", place), text(entry, "id", place), mapping(entry, "keys", place)))
    return tuple(found)

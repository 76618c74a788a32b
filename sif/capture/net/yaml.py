"""The part of YAML that netplan's files are written in: block and flow mappings and sequences, and scalars.

Anything else (anchors, tags, block scalars, several documents, complex keys) is refused with its line and never
guessed at. Scalars stay text. Source: YAML 1.2.2.
"""

from __future__ import annotations

import re
from typing import Dict, List, Tuple, Union

from sif.later import regex
from sif.plain import dataclass

Node = Union[str, List["Node"], Dict[str, "Node"]]
"""Text, a sequence or a mapping; an empty value is empty text."""

_KEY = regex(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s\[\]{},&*!|>'"%@`?#-][^#]*?|-[^\s#][^#]*?)\s*:(?=\s|$)""")
_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "/": "/", " ": " "}
_MAX_DEPTH = 32


class NotPlain(ValueError):
    """The text uses what this reader does not know, or is no YAML at all."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line, self.what = line, what


@dataclass(frozen=True)
class _Line:
    number: int
    indent: int
    text: str


def parse_yaml(text: str) -> Node:
    """The document. Raises NotPlain."""
    lines = _lines(text)
    if not lines:
        return {}
    node, end = _block(lines, 0, lines[0].indent, 0)
    if end != len(lines):
        raise NotPlain(lines[end].number, "indentation that belongs to nothing")
    return node


def _lines(text: str) -> List[_Line]:
    """Lines without comments; a flow collection that spans lines becomes one line."""
    found: List[_Line] = []
    open_flow = 0
    for number, raw in enumerate(text.splitlines(), 1):
        bare = _without_comment(raw, number)
        if not bare.strip() or (bare.rstrip() == "---" and not found) or (not found and bare.startswith("%YAML")):
            continue
        if bare.startswith(("---", "...")):
            raise NotPlain(number, "a second document")
        indent = len(bare) - len(bare.lstrip(" "))
        if bare[indent] == "\t":
            raise NotPlain(number, "a tab in the indentation")
        if open_flow:
            last = found.pop()
            found.append(_Line(last.number, last.indent, f"{last.text} {bare.strip()}"))
        else:
            found.append(_Line(number, indent, bare.strip()))
        open_flow = _balance(found[-1].text)
    if open_flow:
        raise NotPlain(found[-1].number, "a bracket that is not closed")
    return found


def _quoted(text: str) -> List[Tuple[int, int]]:
    """Where quoted scalars begin and end: a quote counts at the start of a token only."""
    return [match.span(1) for match in
            re.finditer(r"""(?:^|(?<=[\s\[{,:]))("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')""", text)]


def _without_comment(raw: str, number: int) -> str:
    spans = _quoted(raw)
    for match in re.finditer(r"(?:^|(?<=\s))#", raw):
        if not any(start <= match.start() < end for start, end in spans):
            return raw[:match.start()].rstrip()
    return raw.rstrip()


def _balance(text: str) -> int:
    spans = _quoted(text)
    outside = [char for at, char in enumerate(text) if not any(start <= at < end for start, end in spans)]
    return sum(char in "[{" for char in outside) - sum(char in "]}" for char in outside)


def _block(lines: List[_Line], at: int, indent: int, depth: int) -> Tuple[Node, int]:
    """The node whose lines begin at ``at`` with exactly ``indent``, and where the next one begins."""
    if depth > _MAX_DEPTH:
        raise NotPlain(lines[at].number, "nested too deeply")
    if lines[at].text == "-" or lines[at].text.startswith("- "):
        return _sequence(lines, at, indent, depth)
    if _KEY.match(lines[at].text):
        return _mapping(lines, at, indent, depth)
    return _value(lines[at].text, lines[at].number), at + 1


def _sequence(lines: List[_Line], at: int, indent: int, depth: int) -> Tuple[Node, int]:
    items: List[Node] = []
    while at < len(lines) and lines[at].indent == indent and re.match(r"-(\s|$)", lines[at].text):
        line = lines[at]
        rest = line.text[1:].lstrip()
        if not rest:
            node, at = _below(lines, at, indent, depth)
        elif rest.startswith("- ") or (_KEY.match(rest) and rest[0] not in "[{"):
            # the rest of the line is the first line of a node that is indented by the dash
            inner = indent + len(line.text) - len(rest)
            lines[at] = _Line(line.number, inner, rest)
            node, at = _block(lines, at, inner, depth + 1)
        else:
            node, at = _value(rest, line.number), at + 1
        items.append(node)
    _no_deeper(lines, at, indent)
    return items, at


def _mapping(lines: List[_Line], at: int, indent: int, depth: int) -> Tuple[Node, int]:
    found: Dict[str, Node] = {}
    while at < len(lines) and lines[at].indent == indent:
        line = lines[at]
        match = _KEY.match(line.text)
        if match is None or re.match(r"-(\s|$)", line.text):
            raise NotPlain(line.number, "neither key nor value")
        key, rest = _scalar(match.group(1), line.number), line.text[match.end():].strip()
        if key in found:
            raise NotPlain(line.number, f"the key {key} is there twice")
        if rest:
            found[key], at = _value(rest, line.number), at + 1
        else:
            found[key], at = _below(lines, at, indent, depth)
    _no_deeper(lines, at, indent)
    return found, at


def _below(lines: List[_Line], at: int, indent: int, depth: int) -> Tuple[Node, int]:
    """What is indented below a key or a dash; a sequence may stand at the key's own indentation."""
    after = at + 1
    if after < len(lines):
        same = lines[after].indent == indent and re.match(r"-(\s|$)", lines[after].text) \
            and not re.match(r"-(\s|$)", lines[at].text)
        if lines[after].indent > indent or same:
            return _block(lines, after, lines[after].indent, depth + 1)
    return "", after


def _no_deeper(lines: List[_Line], at: int, indent: int) -> None:
    if at < len(lines) and lines[at].indent > indent:
        raise NotPlain(lines[at].number, "indentation that belongs to nothing")


def _value(text: str, number: int) -> Node:
    """A value on one line: a scalar or a flow collection."""
    if text[:1] in ("[", "{"):
        node, rest = _flow(text, number, 0)
        if rest.strip():
            raise NotPlain(number, f"words behind a bracket: {rest.strip()}")
        return node
    if _KEY.match(text) and text[:1] not in "\"'":
        raise NotPlain(number, "a mapping inside a value")
    return _scalar(text, number)


def _flow(text: str, number: int, depth: int) -> Tuple[Node, str]:
    """A flow collection at the start of ``text``, and what follows it."""
    if depth > _MAX_DEPTH:
        raise NotPlain(number, "nested too deeply")
    closing, is_map = ("}", True) if text[0] == "{" else ("]", False)
    items: List[Node] = []
    found: Dict[str, Node] = {}
    rest = text[1:].lstrip()
    while rest and not rest.startswith(closing):
        key = ""
        if is_map:
            match = re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s:,{}\[\]]+)\s*:(?=\s|$)\s*""", rest)
            if match is None:
                raise NotPlain(number, "a key and a colon are missing")
            key, rest = _scalar(match.group(1), number), rest[match.end():]
            if key in found:
                raise NotPlain(number, f"the key {key} is there twice")
        node, rest = _flow_item(rest, number, depth)
        if is_map:
            found[key] = node
        else:
            items.append(node)
        rest = rest.lstrip()
        if rest.startswith(","):
            rest = rest[1:].lstrip()
        elif not rest.startswith(closing):
            raise NotPlain(number, "a comma is missing")
    if not rest:
        raise NotPlain(number, "a bracket that is not closed")
    return (found if is_map else items), rest[1:]


def _flow_item(rest: str, number: int, depth: int) -> Tuple[Node, str]:
    if rest[:1] in ("[", "{"):
        return _flow(rest, number, depth + 1)
    match = re.match(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,\[\]{}"']*)""", rest)
    if match is None or (not match.group(0) and rest[:1] not in (",", "]", "}")):
        raise NotPlain(number, "a value is missing")
    plain = match.group(1).strip()
    if re.search(r":(\s|$)", plain) and plain[:1] not in "\"'":
        raise NotPlain(number, "a mapping inside a sequence")
    return (_scalar(plain, number) if plain else ""), rest[match.end():]


def _scalar(text: str, number: int) -> str:
    """A scalar's text; null is empty."""
    if text[:1] == '"':
        if not re.fullmatch(r'"(?:[^"\\]|\\.)*"', text):
            raise NotPlain(number, "words behind a quoted value")
        return re.sub(r"\\(.)", lambda match: _escape(match.group(1), number), text[1:-1])
    if text[:1] == "'":
        if not re.fullmatch(r"'(?:[^']|'')*'", text):
            raise NotPlain(number, "words behind a quoted value")
        return text[1:-1].replace("''", "'")
    if text[:1] in ("&", "*", "!", "|", ">", "%", "@", "`", "?"):
        raise NotPlain(number, f"{text[:1]} is not supported")
    return "" if text in ("~", "null") else text


def _escape(char: str, number: int) -> str:
    if char not in _ESCAPES:
        raise NotPlain(number, f"the escape \\{char} is not supported")
    return _ESCAPES[char]

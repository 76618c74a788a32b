"""Recognise texts by a grammar as the specification prints it (ISO/IEC 14977, without recursion): a regular expression.

``? ... ?`` is a class of characters said in words; the words must be known here, so that the page cannot say anything
that nobody checks.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from functools import cache
from typing import Dict, List, Pattern

_RULE = re.compile(r"^([a-z][A-Za-z0-9]*|[A-Z]+)\s*=\s*(.*?)\s*;\s*$", re.MULTILINE | re.DOTALL)
_TOKEN = re.compile(r"\s*(?:\(\*.*?\*\)|(?P<text>\"[^\"]*\"|'[^']*')|(?P<words>\?[^?]*\?)"
                    r"|(?P<name>[A-Za-z][A-Za-z0-9]*)|(?P<count>[0-9]+)|(?P<mark>[{}\[\]()|,*]))", re.DOTALL)
_CLOSE = {"{": "}", "[": "]", "(": ")"}
_FORM = {"{": "(?:%s)*", "[": "(?:%s)?", "(": "(?:%s)"}


class BadGrammar(Exception):
    """The page's grammar cannot be read."""


@cache
def allowed() -> str:
    """The characters that are not of general category Cc, Cf, Cs, Zl or Zp, as the inside of a class of ``re``."""
    found: List[str] = []
    start = None
    for point in range(sys.maxunicode + 2):
        good = point <= sys.maxunicode and unicodedata.category(chr(point)) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
        if good and chr(point) not in '"\\':
            start = point if start is None else start
        elif start is not None:
            found.append(f"\\U{start:08x}-\\U{point - 1:08x}")
            start = None
    return "".join(found)


def words() -> Dict[str, str]:
    """What the grammars say in words, and the class of characters that it is."""
    return {
        'any character that is not of general category Cc, Cf, Cs, Zl or Zp, except " and \\': f"[{allowed()}]",
        'ASCII 0x21 to 0x7e except " , ; [ ]': r'[\x21\x23-\x2b\x2d-\x3a\x3c-\x5a\x5c\x5e-\x7e]',
        "ASCII A to Z": "[A-Z]", "ASCII a to z": "[a-z]", "ASCII 0 to 9": "[0-9]", "U+000A": r"\n",
        "ASCII 0x21 to 0x7e": r"[\x21-\x7e]", "graphic except / and \\": r"[\x21-\x2e\x30-\x5b\x5d-\x7e]",
        "any character that vfat can hold in a name": r'[^\x00-\x1f\x7f/\\:*?"<>|]',
    }


def rules(text: str) -> Dict[str, str]:
    """Name → right-hand side of every rule; BadGrammar when a line belongs to none."""
    found: Dict[str, str] = {}
    plain = re.sub(r"\(\*.*?\*\)", "", text)
    joined: List[str] = []
    for line in plain.splitlines():
        if line.strip():
            joined.append(line.strip())
    for line in joined:
        match = _RULE.fullmatch(line)
        if match is None or match.group(1) in found:
            raise BadGrammar(f"not a rule, or there twice: {line}")
        found[match.group(1)] = match.group(2)
    return found


def recogniser(text: str, start: str) -> Pattern[str]:
    """The regular expression of the rule ``start``. Every rule must be used, and every name defined."""
    grammar = rules(text)
    used = {start}
    pattern = re.compile(_rule(start, grammar, (), used))
    unused = set(grammar) - used
    if unused:
        raise BadGrammar(f"rules that nothing uses: {', '.join(sorted(unused))}")
    return pattern


def _rule(name: str, grammar: Dict[str, str], inside: "tuple[str, ...]", used: "set[str]") -> str:
    if name not in grammar:
        raise BadGrammar(f"{name} is not defined")
    if name in inside:
        raise BadGrammar(f"{name} is defined by itself")
    used.add(name)
    tokens = _tokens(grammar[name])
    pattern = _choice(tokens, grammar, (*inside, name), used)
    if tokens:
        raise BadGrammar(f"{name}: {tokens[0]} is too much")
    return pattern


def _tokens(text: str) -> List[str]:
    found: List[str] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadGrammar(f"cannot be read: {text[at:at + 40]}")
        found.extend([match.group().strip()] if match.lastgroup else [])
        at = match.end()
    return found


def _choice(tokens: List[str], grammar: Dict[str, str], inside: "tuple[str, ...]", used: "set[str]") -> str:
    ways = [_sequence(tokens, grammar, inside, used)]
    while tokens and tokens[0] == "|":
        tokens.pop(0)
        ways.append(_sequence(tokens, grammar, inside, used))
    return ways[0] if len(ways) == 1 else "(?:" + "|".join(ways) + ")"


def _sequence(tokens: List[str], grammar: Dict[str, str], inside: "tuple[str, ...]", used: "set[str]") -> str:
    parts = [_factor(tokens, grammar, inside, used)]
    while tokens and tokens[0] == ",":
        tokens.pop(0)
        parts.append(_factor(tokens, grammar, inside, used))
    return "".join(parts)


def _factor(tokens: List[str], grammar: Dict[str, str], inside: "tuple[str, ...]", used: "set[str]") -> str:
    if not tokens:
        raise BadGrammar(f"{inside[-1]} ends too early")
    token = tokens.pop(0)
    if token.isdigit():
        if not tokens or tokens.pop(0) != "*":
            raise BadGrammar(f"{inside[-1]}: a number without *")
        low = "0," if tokens[:1] == ["["] else ""  # n times "perhaps" is up to n: said so, it needs no backtracking
        pattern = _factor(tokens, grammar, inside, used)
        return f"(?:{pattern[:-1] if low else pattern}){{{low}{token}}}"
    if token in _CLOSE:
        pattern = _choice(tokens, grammar, inside, used)
        if not tokens or tokens.pop(0) != _CLOSE[token]:
            raise BadGrammar(f"{inside[-1]}: {_CLOSE[token]} is missing")
        return _FORM[token] % pattern
    if token[0] in "\"'":
        return re.escape(token[1:-1])
    if token[0] == "?":
        return words()[" ".join(token[1:-1].split())]
    return f"(?:{_rule(token, grammar, inside, used)})"

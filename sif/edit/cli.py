"""``sif edit``: change a key or a section of a set by hand, safely."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List, Optional, Tuple

from sif import media
from sif.codec import BadValue, KeySchema, from_entry, is_quoted, schemas, to_text
from sif.edit.sets import Change, edit_set
from sif.errors import Exit, UsageError
from sif.reader import find_sif
from sif.text import KEY, Atom, Entry, lex, value_text


def add_edit(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    sub = commands.add_parser(
        "edit", help="change a key of a set", description="Change one section of a set and bring its digests and its "
        "manifest up to date. Comments, unknown keys and every other line stay as they are. The changed set is checked "
        "first, nothing is written if it is refused. A signature is removed: sign the set again.",
        epilog="Examples: sif edit SET POLICY intact=keep; sif edit SET COMMAND 2000 timeout_s=3600 'volumes=[root]'; "
        "sif edit SET STORE s3 --unset device; sif edit SET X-ACME.TAPE t1 'label=\"A 7\"' --add. Options come last.")
    sub.add_argument("path", type=Path, metavar="SET", help="a .sif file (the first part) or the set's directory")
    sub.add_argument("kind", metavar="KIND", help="kind of the section, as in [KIND id]")
    sub.add_argument("words", nargs="*", metavar="ID | KEY=VALUE", help="the section's id, if its kind has one; then "
                     "keys with values as in a SIF (quotes of a string may be left out)")
    sub.add_argument("--unset", action="append", default=[], metavar="KEY", help="remove this key; may be repeated")
    choice = sub.add_mutually_exclusive_group()
    choice.add_argument("--add", action="store_true", help="the section is new")
    choice.add_argument("--remove", action="store_true", help="remove the whole section")
    sub.set_defaults(command=_edit)


def _edit(arguments: argparse.Namespace) -> Exit:
    change = parsed_change(arguments.kind, arguments.words, tuple(arguments.unset), arguments.add, arguments.remove)
    directory = find_sif(arguments.path).parent
    signed = directory.is_dir() and media.find_name(directory, media.SIGNATURE) is not None
    loaded = edit_set(arguments.path, [change])
    unsigned = signed and media.find_name(directory, media.SIGNATURE) is None
    print(f"{arguments.path}: changed; {loaded.info.system.hostname}"
          + ("; its signature was removed, sign it again: sif sign" if unsigned else ""), file=sys.stderr)
    return Exit.OK


def parsed_change(kind: str, words: List[str], unset: Tuple[str, ...], add: bool, remove: bool) -> Change:
    """The change that a command line means. Raises UsageError."""
    ident, *rest = words if words and "=" not in words[0] else ["", *words]
    values = tuple(_assignment(kind, word) for word in rest)
    if remove and (values or unset):
        raise UsageError("a section that is removed has no keys to change", wanted="--remove alone")
    if not (values or unset or add or remove):
        raise UsageError("nothing to change", wanted="KEY=VALUE, --unset KEY, --add or --remove")
    return Change(kind, ident, values, unset, add, remove)


def _assignment(kind: str, word: str) -> Tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals or not KEY.fullmatch(key):
        raise UsageError("not a change of a key", found=word, wanted="KEY=VALUE")
    schema = schemas().get(kind)
    known = schema.key(key) if schema else None
    return key, _value(key, known, value)


def _value(key: str, known: Optional[KeySchema], value: str) -> str:
    """The canonical text of what was typed."""
    entry = _entry(key, known, value)
    if known is None:
        return value_text(entry.atoms, entry.is_list)
    try:
        return to_text(known, from_entry(known, entry), key)
    except BadValue as error:
        raise UsageError(error.what, found=value, wanted=error.wanted, hint=error.hint) from error


def _entry(key: str, known: Optional[KeySchema], value: str) -> Entry:
    """What was typed as a line of a SIF; a text without quotes for a key that is a string stands for itself."""
    literal = known is not None and known.base is str and not known.many and not value.startswith('"')
    if known is not None and literal:
        return Entry(key, (Atom(value, is_quoted(known), 1),), False, 1, 1, 1, 1)
    sections, problems = lex(f"[A]\n{key} = {value}\n", "")
    if problems or len(sections) != 1 or len(sections[0].entries) != 1:
        raise UsageError(f"{key}: not a value", found=value, wanted='a bare token, a "quoted string" or a [list]',
                         hint=problems[0].what if problems else None)
    return sections[0].entries[0]

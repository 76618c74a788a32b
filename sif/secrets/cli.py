"""``sif secrets``: put a secret into an age file, and see which ones it holds."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import Dict

from sif.errors import Exit, UsageError
from sif.secrets.age import MAX_SECRET_BYTES, MAX_STORED_BYTES, encrypt, open_secrets
from sif.secrets.sets import store_blob


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``secrets set`` and ``secrets list`` to the ``sif`` command."""
    top = commands.add_parser("secrets", help="keep secrets in an age file", description="Keep the secrets that a SIF "
                              "names as secret:NAME in a file encrypted with age.")
    actions = top.add_subparsers(title="actions", required=True, metavar="ACTION")
    put = actions.add_parser("set", help="add or replace one secret", description="Read a secret from standard input "
                             "(one line end at its end is not part of it) or, on a terminal, by asking, and encrypt "
                             "it. If the file lies in a set, the set is brought up to date and must be signed again.")
    put.add_argument("name", metavar="NAME", help="what secret:NAME refers to")
    put.add_argument("--recipient", action="append", required=True, metavar="KEY",
                     help="who can decrypt the file: age or SSH public key; may be repeated; say all of them each time")
    put.add_argument("--file", type=Path, required=True, metavar="FILE", help="the age file, for example "
                     "/etc/sif/secrets.age or SET/secrets/NAME.age")
    kept = put.add_mutually_exclusive_group()
    kept.add_argument("--identity", type=Path, action="append", default=[], metavar="FILE",
                      help="opens the file that is there, so that its other secrets are kept; may be repeated")
    kept.add_argument("--replace", action="store_true", help="forget the other secrets of the file")
    put.set_defaults(command=_set)
    show = actions.add_parser("list", help="print the names", description="Print the names in a file, never a value.")
    show.add_argument("--file", type=Path, required=True, metavar="FILE", help="the age file")
    show.add_argument("--identity", type=Path, action="append", required=True, metavar="FILE",
                      help="age identity file or SSH private key; may be repeated")
    show.set_defaults(command=_list)


def _set(arguments: argparse.Namespace) -> Exit:
    file: Path = arguments.file
    values: Dict[str, bytes] = {}
    if file.exists() and not arguments.replace:
        if not arguments.identity:
            raise UsageError("the file holds secrets already", where=str(file),
                             wanted="--identity FILE to keep them, or --replace to forget them")
        with open_secrets(file, arguments.identity) as known:
            values.update({name: known.value(name) for name in known.names})
    values[arguments.name] = _read(arguments.name)
    blob = encrypt(values, arguments.recipient, MAX_STORED_BYTES)
    changed = store_blob(file, blob)
    print(f"{file}: {len(values)} secrets for {len(arguments.recipient)} recipients", file=sys.stderr)
    if changed is not None:
        print(f"{changed}: brought up to date; sign it again: sif sign {changed} --key KEY", file=sys.stderr)
    return Exit.OK


def _read(name: str) -> bytes:
    """The secret, from the terminal without an echo, or from a pipe; never from the command line."""
    if sys.stdin.isatty():
        first = getpass.getpass(f"{name}: ")
        if getpass.getpass(f"{name} again: ") != first:
            raise UsageError("the two were not the same", hint="nothing was written")
        return first.encode("utf-8")
    data = sys.stdin.buffer.read(MAX_SECRET_BYTES + 2)
    data = data[:-1] if data.endswith(b"\n") else data
    if len(data) > MAX_SECRET_BYTES:
        raise UsageError("this cannot be a secret", where=name, found="more than that",
                         wanted=f"1 to {MAX_SECRET_BYTES} bytes")
    return data


def _list(arguments: argparse.Namespace) -> Exit:
    with open_secrets(arguments.file, arguments.identity) as known:
        for name in known.names:
            print(name)
    return Exit.OK

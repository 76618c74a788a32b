"""Stores and commands: nothing runs that the closed lists do not allow."""

from __future__ import annotations

import re
from typing import Iterator, Optional

from sif.checks.common import bad, device
from sif.later import regex
from sif.model import Btrfs, Command, FileSystem, Phase, Store, Subvolume, SystemInformation
from sif.problems import Problem
from sif.secrets.names import declared_secrets
from sif.substitution import WITH_ID, BadPlaceholder, Placeholder, names, pieces

DEVICE = regex(r"(?:UUID|LABEL)=[^\s/]+")
ENVIRONMENT = regex(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)
USER = regex(r"[a-z_][a-z0-9_-]{0,31}")
ERROR_SEQUENCE = 9000
"""Error commands have this number or a higher one, all others a lower one."""


def check_stores(info: SystemInformation) -> Iterator[Problem]:
    """Where the data comes from can be found and does not leave its device."""
    for store in info.stores:
        if store.device is not None and not DEVICE.fullmatch(store.device):
            yield bad(store, "device", "not a file system to look for", found=store.device, wanted="UUID= or LABEL=")
        if store.device is not None and ".." in store.location.split("/"):
            yield bad(store, "location", "the location leaves its device", found=store.location)
        own = _own_filesystem(info, store.device)
        if own is not None:
            yield bad(store, "device", f"the store lies on [FS {own}], which a restore makes anew", found=store.device,
                      wanted="a file system on another machine or disk")
        if not store.location:
            yield bad(store, "location", "no location")


def _own_filesystem(info: SystemInformation, device: Optional[str]) -> Optional[str]:
    """The id of the set's own file system that a store's device names: its data would be gone before it is read."""
    tag, _, name = (device or "").partition("=")
    for fs in info.filesystems:
        if (tag == "UUID" and fs.uuid.lower() == name.lower()) or (tag == "LABEL" and fs.label == name):
            return fs.id
    return None


def check_commands(info: SystemInformation) -> Iterator[Problem]:
    """Arguments, numbers, and the error commands behind them."""
    for command in info.commands:
        yield from _check_words(info, command)
        yield from _check_limits(command)
        yield from _check_error_path(info, command)


def _check_words(info: SystemInformation, command: Command) -> Iterator[Problem]:
    if not command.argv or not command.argv[0]:
        yield bad(command, "argv", "no program to run", wanted="at least one argument")
    for key in ("argv", "env"):
        for word in getattr(command, key):
            try:
                found = pieces(word)
            except BadPlaceholder as error:
                yield bad(command, key, "a name that cannot be substituted", found=str(error),
                          wanted=", ".join(names()))
                continue
            for piece in found:
                if isinstance(piece, Placeholder) and piece.ident is not None:
                    yield from _check_placeholder(info, command, key, piece)
    for word in command.env:
        if not ENVIRONMENT.fullmatch(word):
            yield bad(command, "env", "not an environment variable", found=word, wanted="NAME=value")


def _check_placeholder(info: SystemInformation, command: Command, key: str, piece: Placeholder) -> Iterator[Problem]:
    kinds = WITH_ID[piece.name][0]
    if piece.name == "secretfile":
        if piece.ident not in declared_secrets(info):
            yield bad(command, key, f"{piece} names no secret of this set",
                      wanted="a name that a key has as secret:NAME, for example [STORE] password")
        return
    target = device(info, piece.ident or "", kinds)
    if target is None:
        yield bad(command, key, f"{piece} names nothing", wanted=f"the id of a {' or '.join(kinds)}")
    elif piece.name == "snapshot" and isinstance(target, Store) and target.snapshot is None:
        yield bad(command, key, f"{piece}: the store names no snapshot", wanted=f"snapshot in [STORE {target.id}]")
    elif piece.name == "mount" and isinstance(target, (FileSystem, Btrfs, Subvolume)) and target.mount is None:
        yield bad(command, key, f"{piece}: {'a subvolume' if isinstance(target, Subvolume) else 'the file system'} "
                  "has no mount point", wanted=f"mount in [{target.KIND} {target.id}]")


def _check_limits(command: Command) -> Iterator[Problem]:
    if not 1 <= command.timeout_s <= 30 * 86400:
        yield bad(command, "timeout_s", "not a time limit", found=str(command.timeout_s), wanted="1 to 2592000")
    if command.retries > 100:
        yield bad(command, "retries", "too many retries", found=str(command.retries), wanted="at most 100")
    if not command.success or any(status > 255 for status in command.success):
        yield bad(command, "success", "not exit codes", wanted="at least one of 0 to 255",
                  found=", ".join(map(str, command.success)) or "none")
    if not USER.fullmatch(command.user):
        yield bad(command, "user", "not a user name", found=command.user)


def _check_error_path(info: SystemInformation, command: Command) -> Iterator[Problem]:
    if (command.phase is Phase.ERROR) != (command.sequence >= ERROR_SEQUENCE):
        yield bad(command, "phase", "the sequence number does not fit the phase", found=command.phase.value,
                  wanted=f"error from {ERROR_SEQUENCE} on, another phase below")
    if command.on_error is None:
        return
    target = info.find("COMMAND", command.on_error)
    if command.phase is Phase.ERROR:
        yield bad(command, "on_error", "an error command has no error command of its own", found=command.on_error)
    elif isinstance(target, Command) and target.phase is not Phase.ERROR:
        yield bad(command, "on_error", f"{target.id} is not an error command", found=target.phase.value,
                  wanted="phase = error")

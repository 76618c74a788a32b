"""Secrets for the restore programs: in memory, as a file for as long as the one program runs that asked for it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Callable, ContextManager, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from rescue.account import Account
from rescue.agent import Agent
from rescue.identities import LABEL, Identities, identities_at_hand
from rescue.storage.encrypted_text import passphrase_name
from rescue.workspace import Workspace
from sif import media
from sif.model import Command, SecretSource, SystemInformation
from sif.reader import LoadedSet
from sif.secrets.age import MAX_SECRET_BYTES, Secrets, SecretUnavailable, obtain
from sif.secrets.names import SCHEME
from sif.substitution import Placeholder, pieces

PATIENCE_S = 60.0
"""How long an unattended run waits for the stick with the identity; a person is asked instead sooner."""
ATTENDED_PATIENCE_S = 5.0
HIDDEN = "[secret]"
_SHORTEST_HIDDEN = 4


class CommandSecrets:
    """What the restore programs may ask for by ``${secretfile:NAME}``, and the volumes by ``secret:NAME``."""

    def __init__(self, secrets: Optional[Secrets] = None) -> None:
        self._secrets = secrets or Secrets({})

    @contextmanager
    def files_for(self, command: Command, account: Optional[Account]) -> Iterator[Mapping[str, str]]:
        """The values of the command's ``${secretfile:...}``: files that only its user can read, wiped afterwards.

        Raises SecretUnavailable for a secret that nobody had.
        """
        with ExitStack() as wiped:
            owner = None if account is None else (account.uid, account.gid)
            yield {f"secretfile:{name}": str(wiped.enter_context(self._secrets.secret_file(name, owner)))
                   for name in secrets_of(command)}

    def value(self, reference: str) -> Optional[bytes]:
        """What a ``secret:NAME`` stands for, for those who make and open encrypted volumes; None if nobody had it."""
        name = reference[len(SCHEME):] if reference.startswith(SCHEME) else reference
        return self._secrets.value(name) if name in self._secrets.names else None

    def hide(self, line: str) -> str:
        """The line of output without any secret: a program may repeat what it was given, and its output is kept."""
        for name in self._secrets.names:
            value = self._secrets.value(name)
            # No program prints a LUKS header, and to look for its megabytes in each line takes long.
            for text in (b"" if len(value) > MAX_SECRET_BYTES else value).decode("utf-8", "replace").splitlines():
                if len(text) >= _SHORTEST_HIDDEN:
                    line = line.replace(text, HIDDEN)
        return line

    def wipe(self) -> None:
        """Overwrite and forget all of them."""
        self._secrets.wipe()


def secrets_of(command: Command) -> Tuple[str, ...]:
    """The secrets that a command asks for, each once."""
    found: Dict[str, None] = {}
    for word in (*command.argv, *command.env):
        for piece in pieces(word):
            if isinstance(piece, Placeholder) and piece.name == "secretfile" and piece.ident:
                found[piece.ident] = None
    return tuple(found)


def needed_secrets(saved: SystemInformation) -> Tuple[str, ...]:
    """The secrets without which this set cannot be restored: those of its commands and its encrypted volumes."""
    found = {name for command in saved.commands for name in secrets_of(command)}
    found.update(passphrase_name(luks) for luks in saved.luks)
    return tuple(sorted(found))


def header_secrets(saved: SystemInformation) -> Tuple[str, ...]:
    """The secrets that hold saved LUKS headers: nobody can type one, and only the rebuild needs them."""
    return tuple(sorted({luks.header[len(SCHEME):] for luks in saved.luks if luks.header is not None}))


def typed_twice(saved: SystemInformation, with_header: Sequence[str]) -> Tuple[str, ...]:
    """The passphrases with which volumes are made anew: a mistyped one would be theirs from then on."""
    return tuple(passphrase_name(luks) for luks in saved.luks
                 if luks.header is None or luks.header[len(SCHEME):] not in with_header)


def unlock(agent: Agent, loaded: LoadedSet,
           identities: Callable[[Workspace, float], ContextManager[Identities]] = identities_at_hand,
           rebuild: bool = False) -> CommandSecrets:
    """Get every secret that the restore needs: from the set's age file, or from the operator. Nothing is written.

    With ``rebuild`` the saved headers of encrypted volumes, too: an operator may go on without them, who is then asked
    twice for the passphrase. Raises SecretUnavailable with the names of those that nobody had; an unattended run asks
    nobody.
    """
    saved = loaded.info
    names, headers = needed_secrets(saved), header_secrets(saved) if rebuild else ()
    if not names:
        return CommandSecrets()
    section = saved.secrets
    from_file = section is not None and SecretSource.IDENTITY in section.order
    blob = loaded.file(section.path[len(media.SCHEME):]) if section is not None and from_file else None
    auto = agent.settings.auto
    with agent.events.step("secrets", "Get the secrets") as step:
        patience = PATIENCE_S if auto else ATTENDED_PATIENCE_S
        with identities(agent.workspace, patience if blob is not None else 0.0) as found:
            for line in found.told:
                step.info(line)
            if blob is not None and not found.paths:
                step.info(f"no identity on a removable medium labelled {LABEL}")
            values = _headers(saved, blob, found.paths, headers, auto)
            for name in (name for name in headers if name not in values):
                step.info(f"{name} is not at hand: its volume is made anew, opened by the passphrase alone")
            twice = typed_twice(saved, tuple(values)) if rebuild else ()
            try:
                secrets = obtain(saved, blob, found.paths, None if auto else _asking(agent, saved, twice), names)
            except SecretUnavailable as error:
                raise SecretUnavailable(error.what, where=error.where, found=error.found, wanted=error.wanted,
                                        hint=_way_out(agent)) from error
        values.update({name: secrets.value(name) for name in secrets.names})
        step.info(f"at hand, in memory only: {', '.join(sorted(values))}")
        secrets.wipe()
        return CommandSecrets(Secrets(values))


def _way_out(agent: Agent) -> str:
    again = ("systemctl restart lifeboat, or switch the machine off and on: phase 2 stays pending"
             if agent.events.phase == 2 else "start the medium again: nothing was written")
    return f"attach the removable medium labelled {LABEL} with an identity that opens them, then {again}"


def _headers(saved: SystemInformation, blob: Optional[bytes], paths: Sequence[Path], names: Sequence[str],
             auto: bool) -> Dict[str, bytes]:
    """The headers that the age file holds; an unattended run needs all of them."""
    found: Dict[str, bytes] = {}
    for name in names:
        try:
            with obtain(saved, blob, paths, None, (name,)) as opened:
                found[name] = opened.value(name)
        except SecretUnavailable:
            if auto:
                raise
    return found


def _asking(agent: Agent, saved: SystemInformation, twice: Sequence[str]) -> Callable[[str], str]:
    """Asks the operator for a secret; for one of ``twice`` until two answers in a row are equal."""

    def ask(name: str) -> str:
        question = f"The secret `{name}` of {saved.system.hostname}"
        while True:
            typed = agent.console.ask_secret(f"secret.{name}", question)
            if name not in twice:
                return typed
            if agent.console.ask_secret(f"secret.{name}.again", f"{question}, once more") == typed:
                return typed
            agent.console.say("The two are not the same.")

    return ask

"""Secrets for the restore programs: in memory, as a file for as long as the one program runs that asked for it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Callable, ContextManager, Dict, Iterator, Mapping, Optional, Tuple

from rescue.account import Account
from rescue.agent import Agent
from rescue.identities import LABEL, Identities, identities_at_hand
from rescue.workspace import Workspace
from sif import media
from sif.model import Command, SecretSource, SystemInformation
from sif.reader import LoadedSet
from sif.secrets import Secrets, obtain
from sif.secrets.names import SCHEME
from sif.substitution import Placeholder, pieces

PATIENCE_S = 60.0
"""How long an unattended run waits for the stick with the identity; a person is asked instead sooner."""
ATTENDED_PATIENCE_S = 5.0
HIDDEN = "[secret]"
_SHORTEST_HIDDEN = 4


class CommandSecrets:
    """What the restore programs may ask for by ``${secretfile:NAME}``."""

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

    def hide(self, line: str) -> str:
        """The line of output without any secret: a program may repeat what it was given, and its output is kept."""
        for name in self._secrets.names:
            for text in self._secrets.value(name).decode("utf-8", "replace").splitlines():
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
    for volume in saved.luks:
        found.update(value[len(SCHEME):] for value in (volume.passphrase, volume.header) if value is not None)
    return tuple(sorted(found))


def unlock(agent: Agent, loaded: LoadedSet,
           identities: Callable[[Workspace, float], ContextManager[Identities]] = identities_at_hand) -> CommandSecrets:
    """Get every secret that the restore needs: from the set's age file, or from the operator. Nothing is written.

    Raises SecretUnavailable with the names of those that nobody had; an unattended run asks nobody.
    """
    names = needed_secrets(loaded.info)
    if not names:
        return CommandSecrets()
    section = loaded.info.secrets
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

            def ask(name: str) -> str:
                return agent.console.ask_secret(
                    f"secret.{name}", f"The secret `{name}` of {loaded.info.system.hostname}")

            secrets = obtain(loaded.info, blob, found.paths, None if auto else ask, names)
        step.info(f"at hand, in memory only: {', '.join(names)}")
        return CommandSecrets(secrets)

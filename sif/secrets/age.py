"""Secrets of a machine: named in the SIF as ``secret:NAME``, kept in an age file, held in memory, never shown.

The file is an age file (https://age-encryption.org/v1) for one or more recipients; what it encrypts is a JSON object of
name → value in base64. The ``age`` program encrypts and decrypts, so that its plugins (hardware keys) and SSH
keys work. Clear text passes between the programs through pipes only.
"""

from __future__ import annotations

import base64
import binascii
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Sequence, Tuple

from sif import media
from sif.errors import Exit, LifeboatError, UsageError
from sif.model import SecretSource, SystemInformation
from sif.run import Result, run
from sif.secrets.files import private_file
from sif.secrets.names import NAME, declared_secrets

__all__ = ["MAX_SECRET_BYTES", "MAX_STORED_BYTES", "SecretUnavailable", "Secrets", "decrypt",
           "encrypt", "obtain", "open_secrets"]

MAX_SECRET_BYTES = 64 * 1024
"""Of a secret that a person gives."""

MAX_STORED_BYTES = 16 * 1024 * 1024
"""Of one in the age file: a packed LUKS header with all its keyslots in use has nine."""

AGE_SECONDS = 300.0
"""A hardware key waits for a person's touch, a protected identity for its passphrase."""


class SecretUnavailable(LifeboatError):
    """A secret that cannot be read or written."""

    code = Exit.SECRET_UNAVAILABLE


class Secrets:
    """Names and values in memory; no way of printing one shows a value, and :meth:`wipe` overwrites ours.

    Python may have made copies that nobody can overwrite (of what a pipe brought, for example): memory that must be
    clean afterwards belongs to a process that ends.
    """

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self._values: Dict[str, bytearray] = {name: bytearray(value) for name, value in values.items()}

    @property
    def names(self) -> Tuple[str, ...]:
        """The names, sorted."""
        return tuple(sorted(self._values))

    def value(self, name: str) -> bytes:
        """The value of that name. Raises :class:`SecretUnavailable` if there is none."""
        if name not in self._values:
            raise SecretUnavailable("there is no such secret", found=name,
                                    wanted=", ".join(self.names) or "none is known")
        return bytes(self._values[name])

    @contextmanager
    def secret_file(self, name: str, owner: Optional[Tuple[int, int]] = None) -> Iterator[Path]:
        """The value as a file of mode 0600 in memory (tmpfs), for programs that want one; it is wiped at the end.

        It belongs to ``owner`` (user and group number) if given.
        """
        with private_file(name, self.value(name), owner) as path:
            yield path

    def wipe(self) -> None:
        """Overwrite the values and forget them."""
        for value in self._values.values():
            value[:] = bytes(len(value))
        self._values.clear()

    def __enter__(self) -> "Secrets":
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return f"<Secrets: {', '.join(self.names) or 'none'}>"

    def __reduce__(self) -> Any:
        raise TypeError("secrets are not copied to anywhere")


def encrypt(values: Mapping[str, bytes], recipients: Sequence[str], limit: int = MAX_SECRET_BYTES) -> bytes:
    """The age file (armored) of ``values`` for all of ``recipients``: age or SSH public keys, or a plugin's.

    ``limit`` is the most bytes that one value may have.

    Raises UsageError for a name or size that cannot be, or when age refuses a recipient.
    """
    if not recipients:
        raise UsageError("nobody could read the secrets", wanted="at least one recipient")
    for name, value in values.items():
        if not NAME.fullmatch(name):
            raise UsageError("this cannot be the name of a secret", found=repr(name),
                             wanted="up to 128 of A-Z a-z 0-9 _ . + -, the first one a letter or digit")
        if not 0 < len(value) <= limit:
            raise UsageError("this cannot be a secret", where=name, found=f"{len(value)} bytes",
                             wanted=f"1 to {limit} bytes")
    clear = json.dumps({name: base64.b64encode(value).decode("ascii") for name, value in sorted(values.items())})
    arguments = [word for recipient in recipients for word in ("--recipient", recipient)]
    result = run(["age", "--encrypt", "--armor", *arguments], timeout=AGE_SECONDS, input=clear, check=False)
    if not result.ok:
        raise UsageError("age did not encrypt", found=_words(result.stderr), wanted="public keys as recipients")
    return result.stdout.encode("ascii")


def decrypt(blob: bytes, identities: Sequence[Path], where: str = "") -> Secrets:
    """The secrets in an age file. ``identities`` are age identity files, SSH private keys, or a plugin's files.

    Raises :class:`SecretUnavailable` when no identity opens it, or when it holds something else.
    """
    if not identities:
        raise SecretUnavailable("nothing to open the secrets with", where=where or None, wanted="an age identity file")
    result = _age_decrypt(blob, identities)
    if not result.ok and len(identities) > 1:
        # One that age does not know, or cannot read, makes it refuse the others too.
        alone = (_age_decrypt(blob, (path,)) for path in identities)
        result = next((found for found in alone if found.ok), result)
    if not result.ok:
        # Only what age said: its output may hold the beginning of the clear text.
        raise SecretUnavailable("the secrets cannot be opened", where=where or None, found=_words(result.stderr),
                                wanted="an identity of one of the recipients, and the file as it was written")
    values = _parsed(result.stdout)
    if values is None:
        raise SecretUnavailable("what was encrypted is not a list of secrets", where=where or None,
                                wanted="a JSON object: name → base64", hint="write it with: sif secrets set")
    return Secrets(values)


def _age_decrypt(blob: bytes, identities: Sequence[Path]) -> Result:
    arguments = [word for path in identities for word in ("--identity", str(path))]
    return run(["age", "--decrypt", *arguments], timeout=AGE_SECONDS, input=blob.decode("utf-8", "surrogateescape"),
               check=False)


def open_secrets(path: Path, identities: Sequence[Path]) -> Secrets:
    """Like :func:`decrypt`, from a file."""
    try:
        blob = media.read_file(path.parent, path.name, media.MAX_SET_FILE_BYTES)
    except media.BadFile as error:
        raise SecretUnavailable(error.what, where=str(path), found=error.found, hint=error.hint) from None
    return decrypt(blob, identities, str(path))


def obtain(info: SystemInformation, blob: Optional[bytes], identities: Sequence[Path] = (),
           ask: Optional[Callable[[str], str]] = None, names: Optional[Sequence[str]] = None) -> Secrets:
    """Every secret that the set names, from its age file ``blob`` and from the operator, in the order the set says.

    ``names``: only these. ``ask`` gets a name and returns what was typed, without showing it; None when nobody is
    there. Raises :class:`SecretUnavailable` with the names of those that nobody had.
    """
    found: Dict[str, bytes] = {}
    missing = declared_secrets(info) if names is None else tuple(names)
    faults = []
    for source in info.secrets.order if info.secrets else (SecretSource.PROMPT,):
        if source is SecretSource.IDENTITY and blob is not None and missing:
            try:
                with decrypt(blob, identities, info.secrets.path if info.secrets else "") as opened:
                    found.update({name: opened.value(name) for name in missing if name in opened.names})
            except SecretUnavailable as error:
                faults.append(str(error))
        elif source is SecretSource.PROMPT and ask is not None:
            found.update({name: value for name in missing if (value := ask(name).encode("utf-8"))})
        missing = tuple(name for name in missing if name not in found)
    if missing:
        raise SecretUnavailable("secrets that the restore needs are not at hand", found="; ".join(faults) or None,
                                wanted=", ".join(missing))
    return Secrets(found)


def _parsed(text: str) -> Optional[Mapping[str, bytes]]:
    """The values, or None; a decoder's own error would carry the clear text and never leaves this function."""
    try:
        content = json.loads(text)
        return {name: base64.b64decode(value, validate=True) for name, value in content.items() if NAME.fullmatch(name)}
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        return None


def _words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "; ".join(line for line in lines if "report unexpected" not in line) or "nothing"

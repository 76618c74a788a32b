"""SSH signatures over bytes, made and judged by ``ssh-keygen -Y`` alone.

Keys, signatures, lists of allowed signers and of revoked keys are opaque here: whatever the installed OpenSSH
understands (agents, certificates, hardware keys, key types to come) works. Format: OpenSSH PROTOCOL.sshsig.
"""

from __future__ import annotations

import re
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Optional, Sequence, Tuple

from sif.errors import UsageError
from sif.plain import dataclass
from sif.run import Result, run
from sif.signature.errors import SignatureInvalid, SignerRefused

TOOL = "ssh-keygen"
VERIFY_SECONDS = 60.0
SIGN_SECONDS = 300.0
"""A hardware key waits for a person's touch, an agent perhaps for a password."""

_GOOD = re.compile(r'^Good "[^"\n]*" signature (?:for [^\n]* )?with \S+ key (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Trust:
    """Whom to believe: a file in the format of ssh's ALLOWED SIGNERS, and a KRL or list of revoked keys."""

    allowed_signers: Path
    revoked: Optional[Path] = None
    at: Optional[datetime] = None
    """The time at which the key must have been valid (with a time zone); now, if None."""


def sign(data: bytes, key: Path, namespace: str) -> bytes:
    """The armored signature over ``data``.

    ``key`` is a private key, or a public key whose private half an agent or a security key holds. Passphrases are
    asked on the terminal by ssh-keygen itself. Raises UsageError with ssh-keygen's words when it does not sign.
    """
    result = _keygen(("-Y", "sign", "-n", namespace, "-f", str(key)), data, SIGN_SECONDS)
    if not result.ok or "SIGNATURE" not in result.stdout:
        raise UsageError("ssh-keygen did not sign", where=str(key), found=_words(result),
                         wanted="a private key, or the public key of one that the agent holds",
                         hint="is the key readable, its passphrase right, the hardware key plugged in?")
    return _encode(result.stdout)


def verify(data: bytes, signature: bytes, namespace: str, principal: str, trust: Trust, where: str) -> str:
    """The fingerprint of the key that signed ``data`` and may speak for ``principal``.

    Raises :class:`SignatureInvalid` when the signature does not belong to ``data`` and ``namespace``, and
    :class:`SignerRefused` when it does, but the key is unknown, another principal's, revoked, or out of its time.
    """
    for title, path in (("allowed signers", trust.allowed_signers), ("revoked keys", trust.revoked)):
        _require_file(title, path)
    with tempfile.TemporaryDirectory(prefix="sif-verify-") as directory:
        file = Path(directory) / "sig"
        file.write_bytes(signature)
        common = ("-n", namespace, "-s", str(file))
        judged = _keygen(("-Y", "verify", "-f", str(trust.allowed_signers), "-I", principal, *common, *_options(trust)),
                         data, VERIFY_SECONDS)
        match = _GOOD.search(judged.stdout) if judged.ok else None
        if match is not None:
            return match.group(1)
        sound = _keygen(("-Y", "check-novalidate", *common), data, VERIFY_SECONDS)
    match = _GOOD.search(sound.stdout) if sound.ok else None
    if match is None:
        raise SignatureInvalid("the signature is not one over this manifest", where=where, found=_words(sound),
                               wanted=f"a signature with namespace {namespace}",
                               hint="the set was altered after it was signed, or the signature is another set's; "
                                    "copy the whole set again, or sign it again")
    raise SignerRefused(f"the key that signed may not speak for {principal}", where=where,
                        found=f"key {match.group(1)}: {_words(judged)}",
                        wanted=f"a key that {trust.allowed_signers} names for {principal}, valid and not revoked")


def _options(trust: Trust) -> Tuple[str, ...]:
    options: Tuple[str, ...] = ("-r", str(trust.revoked)) if trust.revoked else ()
    if trust.at is not None:
        # Local time, as ssh-keygen reads it: versions before 9.1 do not know the suffix Z.
        options += ("-O", f"verify-time={trust.at.astimezone():%Y%m%d%H%M%S}")
    return options


def _require_file(title: str, path: Optional[Path]) -> None:
    if path is not None and not path.is_file():
        raise SignerRefused(f"there is no list of {title}", where=str(path), found="no such file",
                            hint="nobody can be believed without it")


def _keygen(arguments: Sequence[str], data: bytes, timeout: float) -> Result:
    """Run ssh-keygen with ``data`` as its input, byte for byte."""
    return run([TOOL, *arguments], timeout=timeout, input=data.decode("utf-8", "surrogateescape"), check=False)


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _words(result: Result) -> str:
    """What ssh-keygen said, on one line."""
    said = [line.strip() for line in (result.stderr + "\n" + result.stdout).splitlines() if line.strip()]
    return "; ".join(line for line in said if not line.startswith("Signing data on")) or "nothing"

"""Who signed the set, by the lists that are baked into the image, and what that means for this run.

A medium can hold anything, so nothing on it says whom to believe. What is judged are the bytes that are in memory:
the same that are planned from, shown, staged, and compared once more before phase 2 uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Optional

from sif import media
from sif.errors import Exit, LifeboatError
from sif.reader import LoadedSet
from sif.signature import SignatureInvalid, SignatureMissing, SignerRefused, verify_loaded
from sif.signature.sshsig import Trust

BAKED = Path("/etc/lifeboat")
ALLOWED_SIGNERS = "allowed_signers"
REVOKED = "revoked_keys"
_HINT = "sign the set on a machine you trust (sif sign), or run without rescue.auto and judge its commands yourself"


class SignatureState(str, Enum):
    """VALID: a key that may speak for this machine signed it. REFUSED: some other key did."""

    VALID = "valid"
    MISSING = "missing"
    INVALID = "invalid"
    REFUSED = "refused"


class StagedSetAltered(LifeboatError):
    """The staged set is not the one that was verified and agreed to in phase 1."""

    code = Exit.SIF_SET_BROKEN


@dataclass(frozen=True)
class Judgement:
    """What the signature of a set is worth. ``error`` says why it is not believed; None when it is."""

    state: SignatureState
    principal: str
    fingerprint: str = ""
    error: Optional[LifeboatError] = None

    @property
    def believed(self) -> bool:
        return self.state is SignatureState.VALID

    def __str__(self) -> str:
        if self.error is None:
            return f"signed for {self.principal} by key {self.fingerprint}"
        found = f" ({self.error.found})" if self.error.found else ""
        return f"NOT BELIEVED, {self.state.value}: {self.error.what}{found}"


def judge(loaded: LoadedSet, lists: Path = BAKED) -> Judgement:
    """Judge the signature of a set that is in memory, by the lists in the directory ``lists``. Writes nothing.

    The signer must be allowed to speak for the machine that the set names. Raises SifSetBroken for a signed set
    that is not complete; every other doubt is in the result.
    """
    host = loaded.info.system.hostname
    where = str(loaded.directory / media.SIGNATURE)
    if loaded.file(media.SIGNATURE) is None:
        return Judgement(SignatureState.MISSING, host, error=SignatureMissing(
            "the set is not signed", where=where, found=f"no {media.SIGNATURE}", hint=_HINT))
    allowed, revoked = lists / ALLOWED_SIGNERS, lists / REVOKED
    if not allowed.is_file():
        return Judgement(SignatureState.REFUSED, host, error=SignerRefused(
            "this rescue system knows nobody who may sign a set", where=where, found=f"no {allowed}",
            hint="build the image with --allowed-signers FILE"))
    try:
        verified = verify_loaded(loaded, Trust(allowed, revoked if revoked.is_file() else None))
    except SignatureInvalid as error:
        return Judgement(SignatureState.INVALID, host, error=error)
    except SignerRefused as error:
        return Judgement(SignatureState.REFUSED, host, error=error)
    return Judgement(SignatureState.VALID, verified.principal, verified.fingerprint)


def require_for_unattended(judgement: Judgement) -> None:
    """Raise why the set is not believed: nobody is there to judge its commands instead."""
    if judgement.error is not None:
        raise judgement.error


def set_digest(loaded: LoadedSet) -> str:
    """SHA-256 of the set's manifest, which names every file with its own; of all files, if it has none."""
    manifest = loaded.file(media.MANIFEST)
    return media.sha256_hex(media.manifest_text(dict(loaded.files)).encode("utf-8") if manifest is None else manifest)


def require_same(loaded: LoadedSet, wanted: str) -> None:
    """Raise :class:`StagedSetAltered` unless the set, as it was read now, is the one with that digest."""
    found = set_digest(loaded)
    if found != wanted:
        raise StagedSetAltered("the staged set is not the one that phase 1 verified", where=str(loaded.directory),
                               found=found, wanted=wanted or "a digest in job.json",
                               hint="do not continue: find out who changed it, then start over from the medium")

"""Signing a set and believing one: an SSH signature over the bytes of its manifest.

The manifest names every file of the set with size and digest, so that the signature over it covers them all.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Optional

from sif import media
from sif.errors import Exit
from sif.plain import dataclass
from sif.problems import Problem, SifSetBroken, rejection
from sif.reader import LoadedSet, load_set
from sif.signature.errors import SignatureInvalid, SignatureMissing, SignerRefused
from sif.signature.sshsig import Trust, sign, verify
from sif.writer import replace_file

__all__ = ["NAMESPACE", "SignatureInvalid", "SignatureMissing", "SignerRefused", "Verified", "sign_set",
           "verify_loaded", "verify_set"]

NAMESPACE = "sif-manifest@lifeboat"
"""What our signatures are for; one made for another purpose (git, file, ...) is no signature of a set."""


@dataclass(frozen=True)
class Verified:
    """A set that somebody with the right to do so has signed.

    ``loaded`` holds the very bytes that were verified: use these, the medium may change under the reader.
    """

    principal: str
    fingerprint: str
    namespace: str
    loaded: LoadedSet


def verify_set(path: Path, allowed_signers: Path, *, revoked: Optional[Path] = None, principal: Optional[str] = None,
               at: Optional[datetime] = None) -> Verified:
    """Read the set at ``path`` (a .sif file or its directory), and say who signed it. Changes nothing.

    ``principal`` defaults to the host name in the set, so that one host's key cannot speak for another. ``at``, with a
    time zone, is the time at which the key must have been valid (default: now). Raises SifRejected for a set that is
    not sound and complete, then :class:`SignatureMissing`, :class:`SignatureInvalid` or :class:`SignerRefused`.
    """
    return verify_loaded(load_set(path), Trust(allowed_signers, revoked, at), principal)


def verify_loaded(loaded: LoadedSet, trust: Trust, principal: Optional[str] = None) -> Verified:
    """Like :func:`verify_set`, for a set whose bytes are in memory already."""
    manifest = complete_manifest(loaded)
    signature = loaded.file(media.SIGNATURE)
    where = str(loaded.directory / media.SIGNATURE)
    if signature is None:
        raise SignatureMissing("the set is not signed", where=where, found="no such file",
                               hint="sign it on a machine you trust: sif sign PATH --key KEY")
    wanted = loaded.info.system.hostname if principal is None else principal
    if wanted.split() != [wanted]:
        raise SignerRefused("this cannot be the name of a signer", where=where, found=repr(wanted),
                            wanted="a host name, without white space")
    return Verified(wanted, verify(manifest, signature, NAMESPACE, wanted, trust, where), NAMESPACE, loaded)


def sign_set(path: Path, key: Path) -> Path:
    """Sign the set at ``path`` and return the signature's file, ``manifest.sig`` beside the manifest.

    Only a set that is sound and complete is signed. Raises SifRejected for any other, UsageError when ssh-keygen does
    not sign, WriteFailed when the medium does not take the file.
    """
    loaded = load_set(path)
    file = loaded.directory / media.SIGNATURE
    replace_file(file, sign(complete_manifest(loaded), key, NAMESPACE))
    return file


def complete_manifest(loaded: LoadedSet) -> bytes:
    """The manifest's bytes, once it is sure that it covers the set; raises :class:`SifSetBroken`.

    ``load_set`` has compared every listed file and every file the set uses. What is left: there must be a manifest, and
    no part of a set in the directory may be outside it, where somebody could take it for a part of this one.
    """
    manifest = loaded.file(media.MANIFEST)
    if manifest is None:
        raise _broken(loaded, "the set has no manifest", "no such file", "write the set again: sif capture")
    listed = {name for name, _ in loaded.files}
    extra = sorted(entry.name for entry in loaded.directory.iterdir()
                   if entry.name.lower().endswith(".sif") and entry.name not in listed)
    if extra:
        raise _broken(loaded, "a SIF that is not in the manifest lies beside the set", ", ".join(extra),
                      "move it away, each set has its own directory")
    return manifest


def _broken(loaded: LoadedSet, what: str, found: str, hint: str) -> SifSetBroken:
    where = str(loaded.directory / media.MANIFEST)
    error = rejection(where, (Problem(what, where, found, hint=hint, code=Exit.SIF_SET_BROKEN),))
    assert isinstance(error, SifSetBroken)
    return error

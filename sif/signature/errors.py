"""What can be wrong with the signature of a set; each error owns its exit code."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class SignatureMissing(LifeboatError):
    """The set is not signed."""

    code = Exit.SIGNATURE_MISSING


class SignatureInvalid(LifeboatError):
    """The signature was not made over this manifest for this purpose: altered, cut, or another set's."""

    code = Exit.SIGNATURE_INVALID


class SignerRefused(LifeboatError):
    """The signature is sound, but its key may not speak for this machine, not now, or no longer."""

    code = Exit.SIGNER_REFUSED

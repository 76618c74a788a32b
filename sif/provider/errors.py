"""What goes wrong with providers, in words that name the provider."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class ProviderFailed(LifeboatError):
    """A provider said that it failed, broke the protocol, hung or died."""

    code = Exit.PROVIDER_FAILED


class StoreUnreachable(LifeboatError):
    """A provider's store does not answer, or does not have the snapshot."""

    code = Exit.STORE_UNREACHABLE

"""SHA-256 without :mod:`hashlib` for what is small.

``hashlib`` loads OpenSSL, which takes as long as a tool that a capture runs. Python's own SHA-256 is there at once; it
is several times slower a byte, so large data goes to OpenSSL all the same.
"""

from __future__ import annotations

import functools

SMALL = 1 << 20
"""In bytes: what Python's own SHA-256 has done, roughly, before OpenSSL is loaded."""

try:
    from _sha2 import sha256 as _own  # type: ignore[import-not-found]  # Python 3.12
except ImportError:
    try:
        from _sha256 import sha256 as _own  # type: ignore[import-not-found, no-redef, unused-ignore]
    except ImportError:
        from hashlib import sha256 as _own


def sha256(data: bytes) -> bytes:
    """The SHA-256 of ``data``, 32 bytes."""
    if len(data) > SMALL:
        import hashlib
        return hashlib.sha256(data).digest()
    return _small(data)


@functools.lru_cache(maxsize=64)
def _small(data: bytes) -> bytes:
    """The last ones are known: that of a driver is asked for by three parts of a capture."""
    digest: bytes = _own(data).digest()
    return digest

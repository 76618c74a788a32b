"""What can go wrong while the rescue image is built."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class BuildFailed(LifeboatError):
    """A step of the build did not give what the next one needs."""

    code = Exit.BUILD_FAILED

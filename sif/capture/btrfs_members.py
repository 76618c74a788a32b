"""Which devices belong together to one btrfs."""

from __future__ import annotations

from typing import Tuple

from sif import look

_SECONDS = 60.0


def probe_btrfs_members() -> Tuple[Tuple[str, ...], ...]:
    """The device paths of each btrfs on this machine that lies on several devices."""
    if not look.have("btrfs"):
        return ()
    shown = look.run(["btrfs", "filesystem", "show", "--raw"], timeout=_SECONDS, check=False).stdout
    if not shown.strip():
        return ()
    from sif.capture.btrfs_text import parse_show  # a machine without btrfs does not wait for it
    return tuple(members for members in parse_show(shown) if len(members) > 1)

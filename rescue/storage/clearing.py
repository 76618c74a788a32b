"""Empties a disk before it is written; of one that an interrupted run has begun, only what is not finished."""

from __future__ import annotations

from rescue.plan import DiskMatch
from rescue.planner.layout import is_extended
from rescue.storage import disks, raw, table
from rescue.storage.errors import RebuildFailed
from rescue.storage.site import Site
from sif.run import run

_TIMEOUT = 600.0


def clear_rest(site: Site, match: DiskMatch) -> None:
    """Erase what lies in the partitions of a table that is kept, where it is not kept too."""
    site.kept(f"wipe:{match.saved}")
    above = {need for action in site.finished for need in site.actions[action].needs}
    spare = {raw.device for raw in site.saved.raws} | site.spared
    with site.unlocked(), site.holds.writing(match.path):
        site.require_same(match)
        disks.require_unused(match.path)
        site.mark(match)
        for part in site.layout.partitions_on(match.saved):
            if f"partition:{part.id}" not in above and part.id not in spare and not is_extended(part):
                run(("wipefs", "--all", "--force", table.node(match.path, part.number)), timeout=_TIMEOUT)


def require_nothing_spared(site: Site, match: DiskMatch) -> None:
    """Raise :class:`RebuildFailed` if something on the disk is to stay: no plan may erase or partition such a disk."""
    kept = [part.id for part in site.layout.partitions_on(match.saved) if part.id in site.spared]
    if kept:
        raise RebuildFailed("the plan keeps something on a disk, and erases the disk; nothing was written to it",
                            where=match.path, found=", ".join(kept), hint="report this; set intact = rebuild")


def clear_disk(site: Site, match: DiskMatch) -> None:
    """Erase what the (locked) disk holds, after a last look that it is the planned one and that nobody uses it."""
    if site.kept(f"wipe:{match.saved}"):
        site.require_same(match)
        disks.require_unused(match.path)
        site.mark(match)
        return
    require_nothing_spared(site, match)
    with site.step(f"wipe:{match.saved}"):
        site.require_same(match)
        disks.require_unused(match.path)
        site.mark(match)
        disks.clear(match.path, raw.stretches(site.saved, match.saved))

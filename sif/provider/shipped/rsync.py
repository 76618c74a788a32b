"""rsync: a directory tree a volume and backup, unchanged files shared by hard links. Source: rsync(1)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, List, Mapping

from sif.provider.serve import Failed, Method, Reporter
from sif.provider.shipped.common import (
    FAT,
    Config,
    Volume,
    command,
    entry_params,
    known_keys,
    newest,
    now,
    repository,
    store,
    tool,
    volumes_of,
    words,
)

_KEYS = ("location", "path", "device", "exclude")
_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
_ALL = ("--archive", "--hard-links", "--acls", "--xattrs", "--sparse", "--numeric-ids")
_PLAIN = ("--recursive", "--times", "--modify-window=2")


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "rsync", "title": "directory trees by rsync", "version": "1", "protocol": [1], "kind": "backup",
            "methods": ["describe", "backup", "restore-entry", "check"]}


def _options(volume: Volume) -> List[str]:
    return list(_PLAIN if volume.get("type") in FAT else _ALL)


def _place(config: Config) -> Path:
    place = Path(repository(config))
    if not place.is_dir():
        raise Failed("unreachable", f"there is no directory {place}", "is the store mounted?")
    return place


def _snapshots(place: Path) -> List[str]:
    return sorted(entry.name for entry in place.iterdir() if _NAME.fullmatch(entry.name))


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """A tree for each volume; it gets its final name when all of them are complete."""
    known_keys(config, _KEYS)
    place, name, total = _place(config), now(), 0
    before = _snapshots(place)
    unfinished = place / f".{name}"
    unfinished.mkdir(mode=0o700)
    try:
        volumes = volumes_of(params)
        for number, volume in enumerate(volumes):
            report.progress(number / len(volumes), volume["mount"])
            base = place / before[-1] / volume["id"] if before else None
            shared = [f"--link-dest={base}"] if base is not None and base.is_dir() else []
            excludes = [f"--exclude={pattern}" for pattern in words(config, "exclude")]
            # 24: files vanished while they were read
            done = tool(("rsync", *_options(volume), "--one-file-system", "--stats", *shared, *excludes,
                         f"{volume['mount'].rstrip('/')}/", f"{unfinished / volume['id']}/"), ok=(0, 24))
            size = re.search(r"Total file size: ([0-9,.]+)", done.stdout)
            total += int(re.sub(r"[,.]", "", size.group(1))) if size else 0
        unfinished.rename(place / name)
    finally:
        if unfinished.exists():
            shutil.rmtree(unfinished)
    return {"snapshot": name, "bytes": total}


def check(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """Whether the directory is there and holds the backup."""
    known_keys(config, _KEYS)
    found, when = newest(_snapshots(_place(config)), params.get("snapshot"))
    return {"reachable": True, "snapshot": found, "newest": when}


def restore_entry(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """The store, a look at it before any disk is touched, one restore a volume."""
    known_keys(config, _KEYS)
    volumes, snapshot, number, ident = entry_params(params)
    if snapshot is None:
        raise Failed("no-snapshot", "a backup is restored by its name", "back up first: sif capture --backup")
    base = f"${{store:{ident}}}/${{snapshot:{ident}}}"
    return {"sections": [
        store(config, ident, "rsync", snapshot),
        command(number - 1000, phase="1", vendor="rsync", title="Is the backup there?", timeout_s=600,
                argv=["test", "-d", base]),
        *(command(number + place, phase="2", vendor="rsync", title=f"Restore {volume['mount']}",
                  argv=["rsync", *_options(volume), f"{base}/{volume['id']}/", f"${{mount:{volume['id']}}}/"],
                  volumes=[volume["id"]]) for place, volume in enumerate(volumes)),
    ]}


METHODS: Mapping[str, Method] = {
    "describe": describe, "backup": backup, "check": check, "restore-entry": restore_entry}

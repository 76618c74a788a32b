"""GNU tar: an archive for each volume in a directory. Source: tar(1)."""

from __future__ import annotations

import re
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
    word,
    words,
)

_KEYS = ("location", "path", "device", "exclude", "compression")
_COMPRESSION = {"none": ("", ()), "gzip": (".gz", ("--gzip",)), "zstd": (".zst", ("--zstd",))}
_ALL = ("--acls", "--xattrs", "--xattrs-include=*", "--numeric-owner")
_NAME = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)\.complete")


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "tar", "title": "GNU tar archives", "version": "1", "protocol": [1], "kind": "backup",
            "methods": ["describe", "backup", "restore-entry", "check"]}


def _kept(volume: Volume) -> List[str]:
    return ["--no-same-owner"] if volume.get("type") in FAT else list(_ALL)


def _place(config: Config) -> Path:
    place = Path(repository(config))
    if not place.is_dir():
        raise Failed("unreachable", f"there is no directory {place}", "is the store mounted?")
    return place


def _compression(config: Config) -> "tuple[str, tuple[str, ...]]":
    chosen = word(config, "compression", "zstd")
    if chosen not in _COMPRESSION:
        raise Failed("usage", f"compression is {chosen}", "use " + ", ".join(_COMPRESSION))
    return _COMPRESSION[chosen]


def _archive(name: str, volume: Volume, suffix: str) -> str:
    return f"{name}.{volume['id']}.tar{suffix}"


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """An archive for each volume; a file without content says that all of them are complete."""
    known_keys(config, _KEYS)
    place, name, total = _place(config), now(), 0
    suffix, options = _compression(config)
    volumes = volumes_of(params)
    for number, volume in enumerate(volumes):
        report.progress(number / len(volumes), volume["mount"])
        target = place / _archive(name, volume, suffix)
        keep = _ALL if volume.get("type") not in FAT else ()
        excludes = [f"--exclude={pattern}" for pattern in words(config, "exclude")]
        # 1: a file changed while it was read
        done = tool(("tar", "--create", *keep, "--sparse", "--one-file-system", *options, *excludes, "--file",
                     str(target), "--directory", volume["mount"], "."), ok=(0, 1))
        if done.status == 1:
            report.log(f"tar warns: {done.stderr.strip()[-500:]}", "warning")
        total += target.stat().st_size
    (place / f"{name}.complete").touch()
    return {"snapshot": name, "bytes": total}


def _snapshots(place: Path) -> List[str]:
    return sorted(found.group(1) for entry in place.iterdir() for found in [_NAME.fullmatch(entry.name)] if found)


def check(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """Whether the directory is there and holds a complete backup."""
    known_keys(config, _KEYS)
    found, when = newest(_snapshots(_place(config)), params.get("snapshot"))
    return {"reachable": True, "snapshot": found, "newest": when}


def restore_entry(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """The store, a look at it before any disk is touched, one restore a volume."""
    known_keys(config, _KEYS)
    volumes, snapshot, number, ident = entry_params(params)
    if snapshot is None:
        raise Failed("no-snapshot", "a backup is restored by its name", "back up first: sif capture --backup")
    suffix, options = _compression(config)
    base = f"${{store:{ident}}}/"
    named = {volume["id"]: base + _archive(f"${{snapshot:{ident}}}", volume, suffix) for volume in volumes}
    return {"sections": [
        store(config, ident, "tar", snapshot),
        command(number - 1000, phase="1", vendor="tar", title="Are the archives there?", timeout_s=600,
                argv=["ls", "-l", *named.values()]),
        *(command(number + place, phase="2", vendor="tar", title=f"Restore {volume['mount']}",
                  argv=["tar", "--extract", "--preserve-permissions", *_kept(volume), *options, "--file",
                        named[volume["id"]], "--directory", f"${{mount:{volume['id']}}}"],
                  volumes=[volume["id"]]) for place, volume in enumerate(volumes)),
    ]}


METHODS: Mapping[str, Method] = {
    "describe": describe, "backup": backup, "check": check, "restore-entry": restore_entry}

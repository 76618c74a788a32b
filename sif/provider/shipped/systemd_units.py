"""Collector: which units are enabled, and the administrator's own units and drop-ins."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from sif.provider.serve import Method, Reporter
from sif.provider.shipped.collecting import copy_tree, file_sections, output_of, put
from sif.provider.shipped.common import Config, known_keys, maybe

_PLACE = "/etc/systemd/system"
_KEYS = ("directory",)


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "systemd-units", "title": "systemd units", "version": "1", "protocol": [1], "kind": "collector",
            "methods": ["describe", "backup", "restore-entry"]}


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """The links that enable units, as text, and the files of /etc/systemd/system."""
    known_keys(config, _KEYS)
    output, place = output_of(params), Path(maybe(config, "directory") or _PLACE)
    found = sorted(place.rglob("*")) if place.is_dir() else []
    links = [f"{path.relative_to(place)} -> {path.readlink()}" for path in found if path.is_symlink()]
    total = put(output, "enabled.txt", "".join(f"{line}\n" for line in links))
    return {"snapshot": None, "bytes": total + copy_tree(place, output / "units", report)}


def restore_entry(_config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """The files; the restore programs of the system bring the units themselves."""
    return {"sections": file_sections(params, "systemd-units")}


METHODS: Mapping[str, Method] = {"describe": describe, "backup": backup, "restore-entry": restore_entry}

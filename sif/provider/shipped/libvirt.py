"""Collector: definitions of domains, networks and pools, from virsh, else from libvirt's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping

from sif.provider.serve import Method, Reporter
from sif.provider.shipped.collecting import copy_tree, file_sections, output_of, put
from sif.provider.shipped.common import Config, known_keys, maybe, tool
from sif.run import have

_KINDS = {"domains": ("list", "--all", "dumpxml"), "networks": ("net-list", "--all", "net-dumpxml"),
          "pools": ("pool-list", "--all", "pool-dumpxml")}
_KEYS = ("uri", "directory")


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "libvirt", "title": "libvirt definitions", "version": "1", "protocol": [1], "kind": "collector",
            "methods": ["describe", "backup", "restore-entry"]}


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """One XML file for each definition."""
    known_keys(config, _KEYS)
    output, total = output_of(params), 0
    uri = maybe(config, "uri") or "qemu:///system"
    base = ("virsh", "--connect", uri, "--readonly", "--quiet")
    if have("virsh") and tool((*base, "uri"), timeout=30.0, check=False).ok:
        for folder, (every, all_of, dump) in _KINDS.items():
            for name in filter(None, tool((*base, every, all_of, "--name"), timeout=60.0).stdout.splitlines()):
                safe = name.strip().replace("/", "_")
                total += put(output, f"{folder}/{safe}.xml", tool((*base, dump, name.strip()), timeout=60.0).stdout)
        return {"snapshot": None, "bytes": total}
    report.log("libvirt does not answer: its files are taken instead")
    place = Path(maybe(config, "directory") or "/etc/libvirt")
    return {"snapshot": None, "bytes": copy_tree(place, output / "files", report, leave_out=("secrets",))}


def restore_entry(_config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """The files, for `virsh define` after the restore where a system backup did not bring them."""
    return {"sections": file_sections(params, "libvirt")}


METHODS: Mapping[str, Method] = {"describe": describe, "backup": backup, "restore-entry": restore_entry}

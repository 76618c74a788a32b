"""Collector: addresses, routes and neighbours as they are, and the files that configure them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Mapping

from sif.provider.serve import Method, Reporter
from sif.provider.shipped.collecting import copy_tree, file_sections, output_of, put
from sif.provider.shipped.common import Config, known_keys, maybe, tool
from sif.run import have

_QUESTIONS = {"addresses.json": ("ip", "-json", "-details", "address"), "rules.json": ("ip", "-json", "rule"),
              "routes.json": ("ip", "-json", "route", "show", "table", "all")}
_RUNS_DOWN = frozenset(("valid_life_time", "preferred_life_time", "expires", "expires_sec", "hello_timer", "tcn_timer",
                        "topology_change_timer", "gc_timer"))
"""Lifetimes of leases and routes, timers of bridges."""

_CONFIGURATION = ("/etc/network", "/etc/systemd/network", "/etc/netplan", "/etc/NetworkManager/conf.d")
"""Not the connections of NetworkManager, which are little but passwords: the SIF describes them without."""
_KEYS = ("root",)


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "network-state", "title": "state of the network", "version": "1", "protocol": [1],
            "kind": "collector", "methods": ["describe", "backup", "restore-entry"]}


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """What ``ip`` says, and the configuration; ``root``: of the tree that is mounted there."""
    known_keys(config, _KEYS)
    root = maybe(config, "root") or "/"
    output, total = output_of(params), 0
    for name, argv in _QUESTIONS.items() if have("ip") else ():
        total += put(output, name, steady(tool(argv, timeout=60.0).stdout))
    for place in _CONFIGURATION:
        total += copy_tree(Path(root, place.lstrip("/")), output / place.lstrip("/"), report)
    return {"snapshot": None, "bytes": total}


def steady(answer: str) -> str:
    """What ``ip`` says without what runs down by itself, so that the same state is the same file."""
    def of(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: of(inner) for key, inner in value.items() if key not in _RUNS_DOWN}
        return [of(inner) for inner in value if inner] if isinstance(value, list) else value
    try:
        return json.dumps(of(json.loads(answer)), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    except ValueError:
        return answer  # an older `ip` may not speak JSON of everything


def restore_entry(_config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """The files, for people and for programs that look at them in the rescue system."""
    return {"sections": file_sections(params, "network-state")}


METHODS: Mapping[str, Method] = {"describe": describe, "backup": backup, "restore-entry": restore_entry}

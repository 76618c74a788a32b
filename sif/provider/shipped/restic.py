"""restic: all volumes in one snapshot of a repository. Source: restic's manual, JSON output."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Mapping, Optional, Tuple

from sif.provider.serve import Failed, Method, Reporter
from sif.provider.shipped.common import (
    Config,
    command,
    entry_params,
    known_keys,
    maybe,
    remote,
    repository,
    store,
    tool,
    volumes_of,
    word,
    words,
)

_KEYS = ("location", "path", "device", "password_file", "secret", "exclude", "host")


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "restic", "title": "restic repository", "version": "1", "protocol": [1], "kind": "backup",
            "methods": ["describe", "backup", "restore-entry", "check"]}


def _restic(config: Config, *arguments: str, check: bool = True) -> Any:
    known_keys(config, _KEYS)
    env = {"RESTIC_PASSWORD_FILE": word(config, "password_file")}
    return tool(("restic", "--repo", repository(config), "--json", *arguments), env=env, check=check)


def _version() -> Tuple[int, int]:
    found = re.search(r"restic (\d+)\.(\d+)", tool(("restic", "version")).stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """One snapshot of every volume. A repository that is not there yet is made."""
    if not _restic(config, "cat", "config", check=False).ok:
        report.log(f"making the repository {repository(config)}")
        _restic(config, "init")
    host = maybe(config, "host")
    arguments = ["backup", "--one-file-system", *(f"--exclude={pattern}" for pattern in words(config, "exclude"))]
    arguments += [f"--host={host}"] if host else []
    done = _restic(config, *arguments, *(volume["mount"] for volume in volumes_of(params)))
    summary = next((line for line in map(_message, reversed(done.stdout.splitlines()))
                    if line.get("message_type") == "summary"), None)
    if summary is None:
        raise Failed("failed", "restic backed up without saying which snapshot it made")
    made = str(summary["snapshot_id"])  # older versions shorten it here, and nowhere else
    whole = [str(entry["id"]) for entry in json.loads(_restic(config, "snapshots", made).stdout or "[]")]
    return {"snapshot": whole[0] if len(whole) == 1 else made, "bytes": int(summary["total_bytes_processed"])}


def _message(line: str) -> Dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def check(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """Whether the repository opens and holds the snapshot."""
    done = _restic(config, "snapshots", check=False)
    if not done.ok:
        code = "secret" if "wrong password" in done.stderr or "no key found" in done.stderr else "unreachable"
        raise Failed(code, f"the repository does not open: {done.stderr.strip()[-500:]}",
                     "is it there, and is the password the right one?")
    snapshots = [entry for entry in json.loads(done.stdout or "[]") or [] if isinstance(entry, dict)]
    wanted: Optional[str] = params.get("snapshot")
    if wanted is not None:
        snapshots = [entry for entry in snapshots if str(entry["id"]).startswith(wanted)]
    if not snapshots:
        raise Failed("no-snapshot", f"there is no snapshot {wanted}" if wanted else "there is no snapshot yet",
                     "back up again, or correct the snapshot")
    latest = max(snapshots, key=lambda entry: str(entry["time"]))
    return {"reachable": True, "snapshot": str(latest["id"]), "newest": str(latest["time"])[:19] + "Z"}


def restore_entry(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """The store, a look at it before any disk is touched, the restore."""
    known_keys(config, _KEYS)
    volumes, snapshot, number, ident = entry_params(params)
    if snapshot is None:
        raise Failed("no-snapshot", "a backup is restored by its name", "back up first: sif capture --backup")
    common = ["restic", "--repo", f"${{store:{ident}}}", "--no-cache", "--no-lock"]
    env = [f"RESTIC_PASSWORD_FILE=${{secretfile:{word(config, 'secret')}}}"]
    network = remote(word(config, "location"))
    sparse = ["--sparse"] if _version() >= (0, 15) else []
    return {"sections": [
        store(config, ident, "restic", snapshot),
        command(number - 1000, phase="1", vendor="restic", title="Is the restic repository there?", env=env,
                argv=[*common, "cat", "snapshot", f"${{snapshot:{ident}}}"], network=network, timeout_s=600),
        command(number, phase="2", vendor="restic", title="Restore files from restic", env=env, network=network,
                argv=[*common, "restore", f"${{snapshot:{ident}}}", "--target", "${target}", *sparse, "--json"],
                volumes=[volume["id"] for volume in volumes], progress="json-lines"),
    ]}


METHODS: Mapping[str, Method] = {
    "describe": describe, "backup": backup, "check": check, "restore-entry": restore_entry}

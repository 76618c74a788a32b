"""Borg: all volumes in one archive of a repository. Source: borg's manual (1.2)."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Tuple

from sif.provider.serve import Failed, Method, Reporter
from sif.provider.shipped.common import (
    Config,
    command,
    entry_params,
    known_keys,
    now,
    remote,
    repository,
    store,
    tool,
    volumes_of,
    word,
    words,
)

_KEYS = ("location", "path", "device", "password_file", "secret", "exclude", "compression")
_EVER = {"BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"}
"""Answers to borg's questions about a repository that has moved or that this machine has not seen before."""


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "borg", "title": "Borg repository", "version": "1", "protocol": [1], "kind": "backup",
            "methods": ["describe", "backup", "restore-entry", "check"]}


def _borg(config: Config, *arguments: str, check: bool = True, ok: Tuple[int, ...] = (0,)) -> Any:
    known_keys(config, _KEYS)
    env = dict(_EVER)
    if "password_file" in config:
        env["BORG_PASSCOMMAND"] = f"cat {word(config, 'password_file')}"
    return tool(("borg", *arguments), env=env, check=check, ok=ok)


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """One archive of every volume. A repository that is not there yet is made."""
    place = repository(config)
    if not _borg(config, "info", place, check=False).ok:
        report.log(f"making the repository {place}")
        _borg(config, "init", "--encryption", "repokey-blake2" if "password_file" in config else "none", place)
    name = now()
    excludes = [word for pattern in words(config, "exclude") for word in ("--exclude", pattern)]
    # 1: warnings, such as a file that changed while it was read
    done = _borg(config, "create", "--json", "--one-file-system", "--numeric-ids", "--compression",
                 word(config, "compression", "zstd"), *excludes, f"{place}::{name}",
                 *(volume["mount"] for volume in volumes_of(params)), ok=(0, 1))
    if done.status == 1:
        report.log(f"borg warns: {done.stderr.strip()[-500:]}", "warning")
    return {"snapshot": name, "bytes": int(json.loads(done.stdout)["archive"]["stats"]["original_size"])}


def check(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """Whether the repository opens and holds the archive."""
    done = _borg(config, "list", "--json", repository(config), check=False)
    if not done.ok:
        code = "secret" if "passphrase" in done.stderr.lower() else "unreachable"
        raise Failed(code, f"the repository does not open: {done.stderr.strip()[-500:]}",
                     "is it there, and is the password the right one?")
    archives: List[Mapping[str, Any]] = json.loads(done.stdout)["archives"]
    wanted = params.get("snapshot")
    found = [archive for archive in archives if wanted in (None, archive["name"])]
    if not found:
        raise Failed("no-snapshot", f"there is no archive {wanted}" if wanted else "there is no archive yet",
                     "back up again, or correct the snapshot")
    latest = max(found, key=lambda archive: str(archive["start"]))
    return {"reachable": True, "snapshot": str(latest["name"]), "newest": str(latest["start"])[:19] + "Z"}


def restore_entry(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """The store, a look at it before any disk is touched, the restore."""
    known_keys(config, _KEYS)
    volumes, snapshot, number, ident = entry_params(params)
    if snapshot is None:
        raise Failed("no-snapshot", "borg restores an archive by its name", "back up first: sif capture --backup")
    env = [f"{name}={value}" for name, value in _EVER.items()] + ["BORG_BASE_DIR=/run/lifeboat/borg"]
    if "secret" in config:
        env.append(f"BORG_PASSCOMMAND=cat ${{secretfile:{word(config, 'secret')}}}")
    archive = f"${{store:{ident}}}::${{snapshot:{ident}}}"
    network = remote(word(config, "location"))
    return {"sections": [
        store(config, ident, "borg", snapshot),
        command(number - 1000, phase="1", vendor="borg", title="Is the Borg archive there?", env=env, network=network,
                argv=["borg", "--bypass-lock", "info", archive], timeout_s=600),
        # borg extracts into the directory it is started in
        command(number, phase="2", vendor="borg", title="Restore files from Borg", env=env, network=network,
                argv=["env", "--chdir=${target}", "borg", "--bypass-lock", "extract", "--numeric-ids", "--sparse",
                      archive],
                volumes=[volume["id"] for volume in volumes]),
    ]}


METHODS: Mapping[str, Method] = {
    "describe": describe, "backup": backup, "check": check, "restore-entry": restore_entry}

"""Collector: a PostgreSQL cluster, as dumps of its databases or as a base backup.

Sources: pg_dump(1), pg_basebackup(1).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from sif.provider.serve import Failed, Method, Reporter
from sif.provider.shipped.collecting import file_sections, output_of, put
from sif.provider.shipped.common import Config, command, known_keys, maybe, tool, word

_KEYS = ("mode", "host", "port", "user", "cluster", "data_directory", "bin")
_COLLECTED = "/var/lib/lifeboat/collected/postgresql"
_RESTORE = """#!/bin/sh
# Start the restored cluster, put the dumps back, stop it. Runs inside the restored system.
set -eu
cluster=$1
shift
version=${cluster%%/*} name=${cluster#*/}
pg_ctlcluster "$version" "$name" start
trap 'pg_ctlcluster "$version" "$name" stop' EXIT
cd "$(dirname "$0")"
runuser -u postgres -- psql --quiet --dbname=postgres --file=globals.sql
for dump in *.dump; do
    runuser -u postgres -- pg_restore --clean --if-exists --create --dbname=postgres "$dump"
done
"""


def describe(_config: Config, _params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    return {"name": "postgresql", "title": "PostgreSQL databases", "version": "1", "protocol": [1],
            "kind": "collector", "methods": ["describe", "backup", "restore-entry"]}


def _program(config: Config, name: str) -> str:
    folder = maybe(config, "bin")
    return f"{folder}/{name}" if folder else name


def _connection(config: Config) -> Tuple[str, ...]:
    return (*((f"--host={word(config, 'host')}",) if "host" in config else ()),
            *((f"--port={word(config, 'port')}",) if "port" in config else ()),
            f"--username={word(config, 'user', 'postgres')}", "--no-password")


def _as_owner(config: Config) -> Tuple[str, ...]:
    """PostgreSQL trusts the system user of the same name; root becomes that user."""
    if os.geteuid() != 0 or "host" in config:
        return ()
    return ("runuser", "-u", word(config, "user", "postgres"), "--")


def _let_in(config: Config, output: Path) -> None:
    """Give the directory to the user that writes into it."""
    if _as_owner(config):
        shutil.chown(output, word(config, "user", "postgres"))


def _mode(config: Config) -> str:
    known_keys(config, _KEYS)
    mode = word(config, "mode", "dump")
    if mode not in ("dump", "base"):
        raise Failed("usage", f"mode is {mode}", "use dump or base")
    return mode


def backup(config: Config, params: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Dumps of everything, consistent each; or one base backup with the log that it needs."""
    output, before = output_of(params), (*_as_owner(config),)
    connection = _connection(config)
    if _mode(config) == "base":
        _let_in(config, output)
        tool((*before, _program(config, "pg_basebackup"), *connection, "--format=tar", "--wal-method=fetch", "--gzip",
              f"--pgdata={output}"))
        return {"snapshot": None, "bytes": sum(path.stat().st_size for path in output.iterdir())}
    _let_in(config, output)
    everything = tool((*before, _program(config, "pg_dumpall"), *connection, "--globals-only")).stdout
    total = put(output, "globals.sql", everything)
    total += put(output, "restore", _RESTORE)
    listed = tool((*before, _program(config, "psql"), *connection, "--no-align", "--tuples-only", "--dbname=postgres",
                   "--command=SELECT datname FROM pg_database WHERE datallowconn AND datname <> 'template1'")).stdout
    databases = [name for name in listed.split("\n") if name]
    for number, name in enumerate(databases):
        report.progress(number / len(databases), name)
        place = output / f"{number:03}.dump"
        tool((*before, _program(config, "pg_dump"), *connection, "--format=custom", f"--file={place}",
              f"--dbname={name}"))
        total += place.stat().st_size
    return {"snapshot": None, "bytes": total}


def restore_entry(config: Config, params: Mapping[str, Any], _report: Reporter) -> Mapping[str, Any]:
    """Dumps: copied into the restored system and put back there by its own programs. Base backup: unpacked."""
    sections: List[Dict[str, Any]] = file_sections(params, "postgresql")
    number = int(params.get("sequence", 3000))
    if _mode(config) == "base":
        target = "${target}" + word(config, "data_directory")
        sections.append(command(number, phase="2", vendor="postgresql", title="Unpack the PostgreSQL base backup",
                                argv=["tar", "--extract", "--gzip", "--preserve-permissions", "--numeric-owner",
                                      "--file", f"{_COLLECTED}/base.tar.gz", "--directory", target]))
        return {"sections": sections}
    inside = "/var/lib/lifeboat-postgresql"
    sections += [
        command(number, phase="2", vendor="postgresql", title="Copy the PostgreSQL dumps",
                argv=["cp", "--recursive", "--no-target-directory", _COLLECTED, "${target}" + inside]),
        command(number + 1, phase="2", vendor="postgresql", title="Restore the PostgreSQL databases", chroot=True,
                argv=["sh", f"{inside}/restore", word(config, "cluster", "15/main")]),
        command(number + 2, phase="2", vendor="postgresql", title="Remove the copies of the dumps",
                argv=["rm", "--recursive", "--force", "${target}" + inside])]
    return {"sections": sections}


METHODS: Mapping[str, Method] = {"describe": describe, "backup": backup, "restore-entry": restore_entry}

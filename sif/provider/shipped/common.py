"""What the shipped backup providers share: configuration, programs, the sections of a restore entry."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from sif.errors import CommandFailed, ToolMissing
from sif.provider.serve import Failed
from sif.run import Result, run

DAY = 24 * 3600.0
FAT = ("vfat", "exfat")
"""File systems that know no owners, links or attributes."""

Config = Mapping[str, Any]
Volume = Mapping[str, str]


def word(config: Config, key: str, default: Optional[str] = None) -> str:
    """A text of the configuration. Raises :class:`Failed` where it is missing and has no default."""
    value = config.get(key, default)
    if not isinstance(value, str) or not value:
        raise Failed("usage", f"the configuration lacks {key}", f"add `{key} = ...` to the provider's section")
    return value


def maybe(config: Config, key: str) -> Optional[str]:
    """A text of the configuration that may be missing."""
    return word(config, key) if key in config else None


def words(config: Config, key: str) -> Tuple[str, ...]:
    """A list of texts of the configuration; none if it is missing."""
    value = config.get(key, [])
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, list) or any(not isinstance(item, str) for item in value):
        raise Failed("usage", f"{key} is not a list of texts in the configuration")
    return tuple(value)


def known_keys(config: Config, keys: Sequence[str]) -> None:
    """Raise :class:`Failed` for a key that the provider does not know: a typing error must not be ignored."""
    strange = sorted(set(config) - set(keys))
    if strange:
        raise Failed("usage", f"unknown in the configuration: {', '.join(strange)}",
                     "known: " + ", ".join(sorted(keys)))


def volumes_of(params: Mapping[str, Any]) -> List[Volume]:
    """The volumes to back up or restore, outer before inner. Raises :class:`Failed`."""
    found = params.get("volumes")
    if not isinstance(found, list) or not found or any(
            not isinstance(item, dict) or not isinstance(item.get("mount"), str) or not isinstance(item.get("id"), str)
            for item in found):
        raise Failed("usage", "volumes is not a list of {id, mount, type}")
    return sorted(found, key=lambda volume: Path(volume["mount"]).parts)


def tool(argv: Sequence[str], *, env: Optional[Mapping[str, str]] = None, ok: Sequence[int] = (0,),
         timeout: float = DAY, check: bool = True, cwd: Optional[str] = None) -> Result:
    """Run a program. Raises :class:`Failed` with its words."""
    try:
        return run(argv, timeout=timeout, env=env, ok=ok, check=check, cwd=cwd)
    except ToolMissing as error:
        raise Failed("failed", error.what, error.hint) from error
    except CommandFailed as error:
        raise Failed("failed", f"{error.what}: {error.found}", error.hint) from error


def now() -> str:
    """A snapshot's name from the time: sortable, fit for file names."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")


def time_of(name: str) -> str:
    """The time in such a name, as the protocol writes times."""
    return f"{name[0:4]}-{name[4:6]}-{name[6:8]}T{name[9:11]}:{name[11:13]}:{name[13:15]}Z"


def repository(config: Config) -> str:
    """Where the store is reached on the healthy machine: ``path`` if it is mounted elsewhere there, else location."""
    return word(config, "path", word(config, "location"))


def store(config: Config, ident: str, kind: str, snapshot: Optional[str]) -> Dict[str, Any]:
    """The STORE section."""
    keys: Dict[str, Any] = {"kind": kind, "location": word(config, "location")}
    keys.update({key: word(config, key) for key in ("device",) if key in config})
    if snapshot is not None:
        keys["snapshot"] = snapshot
    if "secret" in config:
        keys["password"] = f"secret:{word(config, 'secret')}"
    return {"kind": "STORE", "id": ident, "keys": keys}


def command(number: int, **keys: Any) -> Dict[str, Any]:
    """A COMMAND section."""
    return {"kind": "COMMAND", "id": str(number), "keys": keys}


def entry_params(params: Mapping[str, Any]) -> Tuple[List[Volume], Optional[str], int, str]:
    """(volumes, snapshot, first sequence number of the restore, id of the store) of ``restore-entry``."""
    snapshot, first, ident = params.get("snapshot"), params.get("sequence", 2000), params.get("store", "store")
    if not isinstance(snapshot, (str, type(None))) or not isinstance(first, int) or not isinstance(ident, str):
        raise Failed("usage", "snapshot, sequence or store of restore-entry are not what they should be")
    return volumes_of(params), snapshot, first, ident


def remote(location: str) -> bool:
    """Whether the store is reached over the network."""
    return not location.startswith("/")


def newest(names: Sequence[str], wanted: Any) -> Tuple[str, str]:
    """(snapshot, its time) among names made by :func:`now`. Raises :class:`Failed` with ``no-snapshot``."""
    if wanted is not None and wanted not in names:
        raise Failed("no-snapshot", f"there is no snapshot {wanted}", "back up again, or correct the snapshot")
    if not names:
        raise Failed("no-snapshot", "there is no snapshot yet", "back up first")
    chosen = str(wanted) if wanted is not None else max(names)
    return chosen, time_of(chosen)

"""Put the units, the udev rule and an example of the configuration into a system, or take them out again."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import Tuple

from sif.errors import LifeboatError, UsageError
from sif.plain import dataclass

UNIT_DIRECTORY = "etc/systemd/system"
RULE_DIRECTORY = "etc/udev/rules.d"
EXAMPLE = "etc/sif/capture.conf.example"
RULE = "99-sif-changed.rules"
UNITS = ("sif-capture.service", "sif-capture.timer", "sif-changed.path", "sif-changed.service", "sif-drift.service",
         "sif-drift.timer")
ENABLED = (("sif-capture.timer", "timers.target"), ("sif-changed.path", "paths.target"))
"""What is started with the system, and by which target."""


class InstallFailed(LifeboatError):
    """A file of the units could not be written or removed."""


@dataclass(frozen=True)
class Installed:
    """One file: its path below the root, and its text."""

    path: str
    text: str


def shipped(name: str) -> str:
    """A file as it is shipped with this program, packed or not."""
    data = pkgutil.get_data("sif.units", f"files/{name}")
    if data is None:
        raise InstallFailed("this program was packed without its units", where=name)
    return data.decode("utf-8")


def files(command: str) -> Tuple[Installed, ...]:
    """Every file of the units, started as ``command`` (an absolute path, arguments allowed). Raises UsageError."""
    if not command.startswith("/") or any(char in command for char in "\n%$\\\"'"):
        raise UsageError("not a command for a unit", found=command, wanted="an absolute path without quotes, % or $")
    units = tuple(Installed(f"{UNIT_DIRECTORY}/{name}", shipped(name).replace("@SIF@", command)) for name in UNITS)
    return (*units, Installed(f"{RULE_DIRECTORY}/{RULE}", shipped(RULE)), Installed(EXAMPLE, shipped("capture.conf")))


def install(root: Path, command: str) -> Tuple[str, ...]:
    """Write and enable everything below ``root``; nothing runs without a configuration. Returns the paths written."""
    done = []
    try:
        for one in files(command):
            target = root / one.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(one.text, encoding="utf-8")
            done.append(one.path)
        for unit, by in ENABLED:
            link = root / UNIT_DIRECTORY / f"{by}.wants" / unit
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(f"/{UNIT_DIRECTORY}/{unit}")
            done.append(str(link.relative_to(root)))
    except OSError as error:
        raise InstallFailed("the units could not be installed", where=str(root), found=str(error)) from error
    return tuple(done)


def remove(root: Path) -> Tuple[str, ...]:
    """Take everything out but the configuration. Returns the paths removed."""
    links = tuple(f"{UNIT_DIRECTORY}/{by}.wants/{unit}" for unit, by in ENABLED)
    gone = []
    try:
        for path in (*links, *(one.path for one in files("/sif"))):
            if (root / path).exists() or (root / path).is_symlink():
                (root / path).unlink()
                gone.append(path)
    except OSError as error:
        raise InstallFailed("the units could not be removed", where=str(root), found=str(error)) from error
    return tuple(gone)

"""A real Python 3.9 with pytest beside it, from Debian 11: the oldest that ``sif`` promises to run on.

Nothing is installed: the packages are unpacked into the cache, and the interpreter is started by its own loader with
its own libraries.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Tuple

from builder_lib.apt import read_host_sources, target_sources
from drill.cache import cached, key_of

RELEASE = "bullseye"
PACKAGES = "python3"
WHEELS: Tuple[str, ...] = (
    # The last ones that run on 3.9; pip judges markers by its own interpreter, so that all are named here.
    "pytest>=8,<9", "pytest-xdist>=3.5,<4", "execnet<3", "iniconfig<2.2", "hypothesis>=6.100,<6.142", "tomli>=2",
    "exceptiongroup", "typing_extensions",
)
WHEEL_DIRECTORY = "opt/wheels"


def old_python() -> Path:
    """The folder with the interpreter; unpacked at the first call, seconds and 100 MB, kept after that."""
    return cached("python", key_of((RELEASE, PACKAGES, *WHEELS)), _make)


def _make(folder: Path) -> None:
    sources = [line for line in target_sources(read_host_sources(), RELEASE) if f" {RELEASE} " in line]
    _run(["mmdebstrap", "--variant=extract", f"--include={PACKAGES}", "--skip=check/empty",
          '--aptopt=Acquire::Check-Valid-Until "false"', RELEASE, str(folder), *sources])
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check",
          "--python-version", "3.9", "--only-binary", ":all:", "--target", str(folder / WHEEL_DIRECTORY), *WHEELS])


def _run(command: "list[str]") -> None:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr[-4000:]}"


def run_old(arguments: "list[str]", cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run Python 3.9 with these arguments."""
    root = old_python()
    libraries = sorted({str(path.parent) for path in root.glob("**/lib/*-linux-gnu/lib*.so*")})
    loader = sorted(root.glob("lib/*-linux-gnu/ld-[0-9]*.so"))[0]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment.update(PYTHONHOME=str(root / "usr"), PYTHONPATH=str(root / WHEEL_DIRECTORY),
                       PYTHONDONTWRITEBYTECODE="1", **more)
    return subprocess.run([str(loader), "--library-path", ":".join(libraries), str(root / "usr/bin/python3.9"),
                           *arguments], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False)

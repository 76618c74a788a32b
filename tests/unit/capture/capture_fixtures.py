"""Fixtures of the capture's tests, a plugin that their modules name."""

from __future__ import annotations

from pathlib import Path

import pytest
from worlds import World

from sif.model import Firmware, Ref, System, SystemInformation, Version


@pytest.fixture
def empty() -> SystemInformation:
    """A machine of which nothing is known yet."""
    return SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id="5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", part=1,
                        parts=1),
        system=System(id="system", hostname="web01", firmware=Firmware.UEFI, arch="x86_64", boot_fs=Ref("root"),
                      root_fs=Ref("root")))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A running machine without anything on it."""
    return World(tmp_path, monkeypatch)

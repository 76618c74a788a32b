"""Data on a partition or volume that no tool knows: refused with the ways out, except where it is nobody's."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

import pytest

from sif.capture.layers import Surroundings
from sif.capture.signature import Signature
from sif.capture.storage import _contents

LINUX, BIOS_BOOT = "0fc63daf-8483-4772-8e79-3d69d8477de4", "21686148-6449-6e6f-744e-656564454649"


class Bare(Surroundings):
    """A machine whose devices carry no signature."""

    def signature(self, path: str) -> Signature:
        return Signature()


@pytest.mark.parametrize(("content", "type", "isolate", "found"), [
    (b"\0" * 8192, LINUX, False, ()),
    (b"\0" * 8000 + b"x" * 192, LINUX, False, ("--raw", "data that no tool knows")),
    (b"x" * 8192, BIOS_BOOT, False, ()),
    (b"x" * 8192, LINUX, True, ()),
    (b"x" * 8192, None, False, ("data that no tool knows",)),
])
def test_data_that_no_tool_knows(tmp_path: Path, content: bytes, type: "str | None", isolate: bool,
                                 found: Tuple[str, ...]) -> None:
    device = tmp_path / "device"
    device.write_bytes(content)
    types = {"d0p1": type} if type else {}
    _, _, unsupported = _contents(["d0p1"], {"d0p1": str(device)}, Bare((), isolate), types)
    assert len(unsupported) == bool(found)
    assert all(word in unsupported[0] for word in found)
    assert type is not None or "--raw" not in "".join(unsupported)

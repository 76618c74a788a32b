"""A disk that can't be read ends a capture with words and an exit code of its own: no set, and no traceback."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import List

import pytest
from machine_capture import MACHINES, read_tape

from sif import look
from sif.capture import CaptureFailed, capture
from sif.errors import Exit
from sif.tape import Tape


def questions_of(tape: Tape, kind: str) -> List[str]:
    """The recorded questions of one kind about a disk or what lies on it."""
    return sorted(question for question in tape.answers
                  if json.loads(question)[0] == kind and str(json.loads(question)[1]).startswith("/dev/"))


@pytest.mark.parametrize(("name", "kind"), [
    ("gpt-lvm-linear", "data"), ("mbr-logical", "data"), ("btrfs-root", "data"), ("mbr-logical", "holds_data"),
    ("filesystems", "data")])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOMEDIUM, errno.EPERM])
def test_every_read_that_fails_names_the_device(name: str, kind: str, number: int, tmp_path: Path) -> None:
    asked = questions_of(read_tape(MACHINES / name), kind)
    assert asked
    for question in asked:
        tape = read_tape(MACHINES / name)
        tape.answers[question] = {"errno": number}
        with look.replaying(tape), pytest.raises(CaptureFailed) as caught:
            capture(providers=tmp_path, describe_all=True)
        assert caught.value.where == json.loads(question)[1]
        assert caught.value.code is Exit.CAPTURE_FAILED

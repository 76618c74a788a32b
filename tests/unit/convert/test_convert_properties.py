"""Whatever a source holds, a conversion ends with a set, or with a typed error."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import List, Tuple

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from sif.cli import main
from sif.convert import Format, convert, write_conversion
from sif.errors import Exit, LifeboatError

SAMPLES = Path(__file__).parent / "samples"
WORDS = st.sampled_from([
    "", " ", "=", ",", '"', "{", "}", "[", "]", "0", "-1", "0x", "99999999999999999999", "/", "..", "/dev/", "/dev/sda",
    "/dev/sda1", "none", "gpt", "msdos", "loop", "ext4", "xfs", "vfat", "swap", "esp", "boot", "extended", "logical",
    "uuid=", "pv0", "é", "\x1b", "\n", "[VERSION]", "part", "fs", "raidarray", "crypt", "btrfs", "@",
    "thin", "striped", "1", "2", "%00", "0x7", "0xf", ";", "#"])


def damaged(data: bytes, edits: List[Tuple[int, int, str]]) -> bytes:
    """The text with pieces replaced by telling words."""
    text = data.decode("utf-8")
    for at, length, word in edits:
        place = at % (len(text) + 1)
        text = text[:place] + word + text[place + length:]
    return text.encode("utf-8")


EDITS = st.lists(st.tuples(st.integers(0, 20000), st.integers(0, 12), WORDS), min_size=1, max_size=6)


@pytest.mark.parametrize(("sample", "name", "kind"), [
    ("rear-bios-lvm/layout", "disklayout.conf", Format.REAR),
    ("rear-bios-lvm/layout", "lvm/web01-vg.cfg", Format.REAR),
    ("rear-uefi-xfs/layout", "xfs/nvme0n1p4.xfs", Format.REAR),
    ("rear-layers/layout", "disklayout.conf", Format.REAR),
    ("rear-layers/layout", "lvm/sys.cfg", Format.REAR),
    ("rear-not-restorable/layout", "disklayout.conf", Format.REAR),
    ("asr-mbr-fat32", "asr.sif", Format.ASR),
    ("asr-gpt-ntfs", "asr.sif", Format.ASR),
])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits=EDITS)
def test_a_damaged_source_ends_in_a_sound_set_or_a_typed_error(sample: str, name: str, kind: Format,
                                                               edits: List[Tuple[int, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        source, output = Path(directory, "source"), Path(directory, "output")
        for path in (SAMPLES / sample).rglob("*"):
            target = source / path.relative_to(SAMPLES / sample)
            if path.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                data = path.read_bytes()
                target.write_bytes(damaged(data, edits) if str(target.relative_to(source)) == name else data)
        try:
            made = convert(source, kind)
            write_conversion(made.info, made.files, made.report, output, partial=True)
        except LifeboatError as error:
            assert error.code in (Exit.SIF_SYNTAX, Exit.SIF_INVALID)
            return
        assert main(["check", str(output)]) == Exit.OK

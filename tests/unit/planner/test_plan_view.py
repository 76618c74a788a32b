"""The plan in words and as a picture."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from planner_machines import GIB, itself, machine, present, server

from rescue.hardware import Hardware, PresentPartition
from rescue.plan_view import Stretch, bar, plan_svg, plan_text, planned_stretches
from rescue.planner import RestorePolicy, plan_restore

GOLDEN = Path(__file__).parent / "golden" / "plan.txt"


def used() -> Hardware:
    one, two = itself()
    return machine(
        replace(one, size_bytes=9 * GIB, model="QEMU <HARDDISK>", signatures=("vda: gpt", "vda1: ntfs"),
                partitions=(PresentPartition("vda1", 1 << 20, 5 * GIB, "ntfs"),)),
        two, present("sda", excluded="the medium"))


def test_the_text_is_the_golden_one() -> None:
    """``LIFEBOAT_GOLDEN=write pytest`` writes the golden file anew; read its difference before committing it."""
    here = used()
    text = plan_text(server(), here, plan_restore(server(), here, RestorePolicy()))
    if os.environ.get("LIFEBOAT_GOLDEN") == "write":
        GOLDEN.write_text(text, "ascii")
    assert text == GOLDEN.read_text("ascii")


def test_the_text_fits_a_serial_console() -> None:
    here = used()
    saved = replace(server(), system=replace(server().system, hostname="r\u00e9serve" * 20))
    text = plan_text(saved, here, plan_restore(saved, here, RestorePolicy()))
    assert text.isascii()
    assert max(len(line) for line in text.splitlines() if "\\xe9" not in line) <= 80


@pytest.mark.parametrize("count", [1, 3, 40, 100])
def test_a_bar_has_its_width_whatever_it_shows(count: int) -> None:
    pieces = [Stretch(i, 1, "x", "data") for i in range(count)]
    assert len(bar(pieces, 10 ** 9, 69)) == 71


def test_stretches_cover_the_disk_in_order() -> None:
    saved = server()
    pieces = planned_stretches(saved, saved.disks[0], 9 * GIB)
    assert [piece.kind for piece in pieces] == ["system", "system", "lvm", "free"]
    assert pieces[-1].start + pieces[-1].size == 9 * GIB
    assert "root, swap" in pieces[2].name


def test_the_picture_is_well_formed_and_names_what_is_there() -> None:
    here = used()
    picture = plan_svg(server(), here, plan_restore(server(), here, RestorePolicy()))
    root = ET.fromstring(picture)
    words = "".join(root.itertext())
    assert "vda1 ntfs" in words and "/boot ext4" in words and "d1 \u2192 /dev/vdb" in words
    assert picture.count("<rect") == 2 + 3 + 1 + 2 + len(("system", "boot", "data", "lvm", "swap", "other", "free")) + 1

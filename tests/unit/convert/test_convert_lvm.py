"""LVM's metadata text says the same as LVM's reports: proved on machines that were recorded under a real kernel."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest

from sif.capture.lvm import parse_report
from sif.capture.lvm_volumes import Row, describe_volumes
from sif.convert.sources import SourceFile
from sif.convert.vgcfg import parse_vgcfg
from sif.convert.vgcfg_rows import rows_of

MACHINES = Path(__file__).resolve().parents[2] / "machines"


def recorded() -> Iterator[Tuple[str, str, Dict[str, Any]]]:
    """(machine, volume group, its tape) of every recorded machine with LVM."""
    for folder in sorted(MACHINES.iterdir()):
        plain, packed = folder / "tape.json", folder / "tape.json.xz"
        if plain.exists() or packed.exists():
            data = plain.read_bytes() if plain.exists() else lzma.decompress(packed.read_bytes())
            tape = json.loads(data)
            for question in map(json.loads, tape):
                if question[0] == "vgcfgbackup" and isinstance(tape[json.dumps(question)], str):
                    yield folder.name, question[1], tape


CASES = tuple(recorded())


def report(tape: Dict[str, Any], command: str, kind: str) -> Tuple[Row, ...]:
    for question, answer in tape.items():
        what, *arguments = json.loads(question)
        if what == "run" and arguments[0][:2] == ["lvm", command]:
            return parse_report(answer["tuple"][1], kind)
    raise AssertionError(f"no {command} on this tape")


def test_the_recorded_machines_have_volumes_of_every_kind() -> None:
    assert {"lvm-raid", "lvm-thin", "lvm-cache", "lvm-snapshot", "gpt-lvm-linear"} <= {name for name, _, _ in CASES}


@pytest.mark.parametrize(("machine", "group", "tape"), CASES, ids=[f"{machine}-{group}" for machine, group, _ in CASES])
def test_the_text_and_the_reports_describe_the_same_volumes(machine: str, group: str, tape: Dict[str, Any]) -> None:
    text = next(answer for question, answer in tape.items() if json.loads(question)[:2] == ["vgcfgbackup", group])
    data = parse_vgcfg(SourceFile(f"lvm/{group}.cfg", text.encode()))
    by_device = {row["pv_name"]: row["pv_uuid"] for row in report(tape, "pvs", "pv")}
    wanted = describe_volumes(report(tape, "lvs", "seg"), (group,), by_device)
    found = describe_volumes(rows_of(data, group), (group,), {pv.name: pv.uuid for pv in data.pvs})
    assert {lv.id: lv for lv in found.lvs} == {lv.id: lv for lv in wanted.lvs}
    assert (found.omitted, found.unsupported) == (wanted.omitted, wanted.unsupported)

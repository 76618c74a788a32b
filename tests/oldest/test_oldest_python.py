"""What runs on customers' machines runs on the oldest Python that is promised, and not only by its grammar."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hostile_table import BASE
from old_python import run_old

from sif import pack

ROOT = Path(__file__).resolve().parents[2]
UNIT_TESTS = ("tests/unit/sif", "tests/unit/capture", "tests/unit/catalog", "tests/unit/convert")


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pyz") / "sif.pyz"
    assert pack.main([str(made)]) == 0
    return made


def test_it_is_the_version_that_the_project_promises() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    promised = re.findall(r'^requires-python = ">=([0-9.]+)"', project, re.MULTILINE)
    ran = run_old(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"], ROOT)
    assert [ran.stdout.strip()] == promised, ran.stderr


def test_the_unit_tests_of_sif_pass() -> None:
    ran = run_old(["-m", "pytest", "-q", "-p", "no:cacheprovider", *UNIT_TESTS], ROOT)
    print(ran.stdout[-3000:])
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    passed = re.search(r"(\d+) passed", ran.stdout)
    assert passed
    assert int(passed.group(1)) > 400


@pytest.mark.parametrize("command", [
    ["show"], ["show", "--json"], ["check"], ["diff", "--identity", str(BASE)],
])
def test_the_one_file_reads_a_set(pyz: Path, command: "list[str]") -> None:
    ran = run_old([str(pyz), *command, str(BASE)], pyz.parent)
    assert ran.returncode == 0, ran.stderr
    assert "show" not in command or "web01.example.org" in ran.stdout


def test_every_command_of_the_one_file_has_help(pyz: Path) -> None:
    top = run_old([str(pyz), "--help"], pyz.parent)
    assert top.returncode == 0, top.stderr
    commands = re.findall(r"^    ([a-z]+) ", top.stdout, re.MULTILINE)
    assert {"capture", "show", "check", "diff", "edit", "convert", "sign", "verify"} <= set(commands)
    for command in commands:
        ran = run_old([str(pyz), command, "--help"], pyz.parent)
        assert ran.returncode == 0, ran.stderr
        assert "usage: " in ran.stdout


def test_the_one_file_takes_the_bytecode_of_the_oldest_python(pyz: Path, tmp_path: Path) -> None:
    copy = tmp_path / "sif.pyz"
    copy.write_bytes(pyz.read_bytes())
    added = run_old([str(copy), "precompile"], tmp_path)
    assert "bytecode for cpython-39" in added.stderr
    assert "has the bytecode for cpython-39" in run_old([str(copy), "precompile"], tmp_path).stderr
    ran = run_old([str(copy), "show", str(BASE)], tmp_path)
    assert "web01.example.org" in ran.stdout, ran.stderr

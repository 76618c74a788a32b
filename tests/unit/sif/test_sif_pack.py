"""sif.pyz: its bytecode is what runs, and where there is none for this Python its sources are."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
import zipimport
from pathlib import Path

import pytest
from hostile_table import BASE

import sif
from sif import pack
from sif.frozen import FOLDER, Frozen, collection_of

FILES = pack.sources(Path(sif.__file__).parent)


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pyz") / "sif.pyz"
    assert pack.main([str(made)]) == 0
    return made


def ran(pyz: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(pyz), *words], cwd="/", capture_output=True, text=True, check=False)


def with_broken_sources(folder: Path, bytecode: bool) -> Path:
    made = folder / "sif.pyz"
    broken = [(name, b"this is no Python\n" if name.endswith(".py") else data) for name, data in FILES]
    made.write_bytes(pack.archive(broken, pack.compiled(FILES) if bytecode else ()))
    return made


def test_the_bytecode_is_what_runs(tmp_path: Path) -> None:
    assert ran(with_broken_sources(tmp_path, bytecode=False), "check", str(BASE)).returncode == 1
    shown = ran(with_broken_sources(tmp_path, bytecode=True), "check", str(BASE))
    assert shown.returncode == 0, shown.stderr
    assert "restorable" in shown.stdout


@pytest.mark.parametrize("words", [("--help",), ("plan", "--help"), ("convert", "--help"), ("show", str(BASE))])
def test_commands_that_load_more_than_a_capture_run(pyz: Path, words: "tuple[str, ...]") -> None:
    done = ran(pyz, *words)
    assert done.returncode == 0, done.stderr


def test_a_refusal_ends_with_its_own_exit_code(pyz: Path) -> None:
    assert ran(pyz, "check", "/nowhere/at/all").returncode not in (0, 1)


def test_files_beside_the_modules_are_found(pyz: Path, tmp_path: Path) -> None:
    done = ran(pyz, "install-units", "--root", str(tmp_path), "--sif", "/usr/local/sbin/sif.pyz")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*.timer"))


def test_another_python_runs_the_sources_until_its_bytecode_is_added(tmp_path: Path) -> None:
    made = tmp_path / "sif.pyz"
    made.write_bytes(pack.archive(FILES))
    made.chmod(0o750)
    assert ran(made, "show", str(BASE)).returncode == 0
    added = ran(made, "precompile")
    assert "bytecode for" in added.stderr, added.stderr
    assert made.stat().st_mode & 0o777 == 0o750
    assert ran(made, "show", str(BASE)).returncode == 0
    assert "has the bytecode" in ran(made, "precompile").stderr
    assert [path.name for path in tmp_path.iterdir()] == ["sif.pyz"]


def test_bytecode_that_was_there_stays(tmp_path: Path) -> None:
    made = tmp_path / "sif.pyz"
    other = (f"{FOLDER}/cpython-300-00", b"of another Python")
    made.write_bytes(pack.archive(FILES, (other,)))
    assert pack.precompile(made)
    with zipfile.ZipFile(io.BytesIO(made.read_bytes())) as found:
        assert found.read(other[0]) == other[1]
        assert {name for name, _ in FILES} <= set(found.namelist())


def test_what_is_no_archive_is_refused(pyz: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("no archive")
    refused = ran(pyz, "precompile", str(tmp_path / "other"))
    assert refused.returncode == 2
    assert (tmp_path / "other").read_text() == "no archive"


def test_the_same_sources_give_the_same_bytes() -> None:
    assert pack.archive(FILES, pack.compiled(FILES)) == pack.archive(FILES, pack.compiled(FILES))


def test_a_traceback_names_file_and_line(tmp_path: Path) -> None:
    made = tmp_path / "sif.pyz"
    files = [(name, data + b"\nraise ValueError('here')\n" if name == "sif/cli.py" else data)
             for name, data in FILES]
    made.write_bytes(pack.archive(files, pack.compiled(files)))
    line = next(data for name, data in files if name == "sif/cli.py").count(b"\n")
    assert f'"sif.pyz/sif/cli.py", line {line}, in <module>\nValueError: here' in ran(made, "--help").stderr


def test_another_first_line_moves_the_bytecode_and_it_runs_all_the_same(tmp_path: Path) -> None:
    made = with_broken_sources(tmp_path, bytecode=True)
    made.write_bytes(f"#!{sys.executable} -s\n".encode() + made.read_bytes().partition(b"\n")[2])
    assert made.read_bytes().find(b"PK") != len(pack.SHEBANG)
    done = ran(made, "check", str(BASE))
    assert done.returncode == 0 and "restorable" in done.stdout, done.stderr


def test_a_collection_is_read_as_it_was_written() -> None:
    modules = {"a": ("a.py", False, b"first"), "b": ("b/__init__.py", True, b""), "c": ("c.py", False, b"third")}
    data = collection_of(b"reader", modules)
    index, reader = (int.from_bytes(data[-24:][start:start + 8], "little") for start in (0, 8))
    found = Frozen(zipimport.zipimporter.__new__(zipimport.zipimporter), data[:reader + index], reader,
                   lambda start, length: data[start:start + length])
    assert data[:reader] == b"reader"
    assert {name: (path, package, data[reader + index + start:][:length])
            for name, (path, package, start, length) in found.known.items()} == modules

"""The catalog as a part of a set: named by its section, checked when the set is read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from sif_samples import machine

from sif import capture as capturing
from sif.catalog.entry import Entry, Origin
from sif.catalog.part import CatalogPart
from sif.catalog.text import write_catalog
from sif.check import check
from sif.cli import main
from sif.diff import diff
from sif.errors import Exit
from sif.media import MANIFEST, manifest_text, sha256_hex
from sif.model import Catalog, CatalogPolicy, SystemInformation
from sif.problems import SifRejected
from sif.reader import load_set, read_set
from sif.writer import write_set

PATH = "catalog/web01.example.org.catalog"
LIST = write_catalog([Entry(b"/usr/bin/ls", "ab" * 32, 0o755, 0, 0, 3, b"", "coreutils", "9.1-1", Origin.SAME)])


def with_catalog(data: bytes = LIST, **changes: Any) -> SystemInformation:
    section = Catalog(id="packages", path=f"media:{PATH}", sha256=sha256_hex(data), entries=1)
    return dataclasses.replace(machine(), catalogs=(dataclasses.replace(section, **changes),))


def test_a_set_with_a_catalog_reads_back(tmp_path: Path) -> None:
    info = with_catalog(policy=CatalogPolicy.REFUSE_DIFFERENT)
    write_set(info, tmp_path, {PATH: LIST})
    loaded = load_set(tmp_path)
    assert loaded.info.catalogs == info.catalogs
    assert dict(loaded.files)[PATH] == LIST
    assert PATH in (tmp_path / MANIFEST).read_text(encoding="utf-8")


def test_a_catalog_is_no_part_of_a_machines_identity() -> None:
    assert diff(machine(), with_catalog(), True) == ()
    assert [str(found) for found in diff(machine(), with_catalog(), False)] == ["[CATALOG packages] only in the second"]


def _rewrite(data: bytes) -> Callable[[Path], None]:
    def act(directory: Path) -> None:
        (directory / PATH).write_bytes(data)
        files = {path.relative_to(directory).as_posix(): path.read_bytes()
                 for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST}
        (directory / MANIFEST).write_text(manifest_text(files), encoding="utf-8")
    return act


@pytest.mark.parametrize(("info", "data", "harm", "code", "what"), [
    (with_catalog(), LIST, _rewrite(LIST.replace(b"0755", b"4755")), Exit.SIF_SET_BROKEN, "the catalog was altered"),
    (with_catalog(), LIST, lambda directory: (directory / PATH).unlink(), Exit.SIF_SET_BROKEN, "the file is missing"),
    (with_catalog(entries=2), LIST, _rewrite(LIST), Exit.SIF_SET_BROKEN, "another number of entries"),
    (with_catalog(b"no catalog\n"), b"no catalog\n", _rewrite(b"no catalog\n"), Exit.SIF_SYNTAX, "not the first line"),
])
def test_a_broken_catalog_is_found_before_a_restore(
        tmp_path: Path, info: SystemInformation, data: bytes, harm: Callable[[Path], object], code: Exit,
        what: str) -> None:
    write_set(info, tmp_path, {PATH: data})
    harm(tmp_path)
    with pytest.raises(SifRejected) as caught:
        read_set(tmp_path)
    assert caught.value.code is code
    assert what in str(caught.value)


@pytest.mark.parametrize(("changes", "key", "what"), [
    ({"path": "/etc/shadow"}, "path", "not a file of the set"),
    ({"path": "media:../x"}, "path", "not a file of the set"),
    ({"sha256": "AB"}, "sha256", "not a SHA-256"),
    ({"entries": 2 ** 32}, "entries", "too many entries"),
])
def test_a_section_that_cannot_be_is_refused(changes: Dict[str, Any], key: str, what: str) -> None:
    assert check(with_catalog()) == ()
    [problem] = check(with_catalog(**changes))
    assert (problem.subject, what in problem.what) == (("CATALOG", "packages", key), True)


def test_two_sections_do_not_share_a_file() -> None:
    info = with_catalog()
    [first] = info.catalogs
    [problem] = check(dataclasses.replace(info, catalogs=(first, dataclasses.replace(first, id="more"))))
    assert problem.subject == ("CATALOG", "more", "path")


def test_the_command_takes_the_catalog_of_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_set(with_catalog(), tmp_path / "set", {PATH: LIST})
    (tmp_path / "root").mkdir()
    assert main(["catalog", "check", "--root", str(tmp_path / "root"), str(tmp_path / "set")]) == Exit.DIFFERENT
    assert capsys.readouterr().out == "missing /usr/bin/ls (coreutils 9.1-1)\n"
    write_set(machine(), tmp_path / "without", {})
    assert main(["catalog", "check", str(tmp_path / "without")]) == Exit.USAGE


def test_a_capture_adds_the_catalog_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [section] = with_catalog().catalogs
    asked = []

    def part(root: Path, hostname: str) -> CatalogPart:
        asked.append((root, hostname))
        return CatalogPart(section, PATH, LIST, ("catalog: a note",))

    monkeypatch.setattr("sif.catalog.part.catalog_part", part)
    captured = capturing.add_catalog(capturing.Captured(machine(), {"lvm/x": b"x"}, ("a note",)))
    assert asked == [(Path("/"), "web01.example.org")]
    assert captured.notes == ("a note", "catalog: a note")
    write_set(captured.info, tmp_path, captured.files)
    loaded = load_set(tmp_path)
    assert loaded.info.catalogs == (section,)
    assert {PATH, "lvm/x"} < {name for name, _ in loaded.files}

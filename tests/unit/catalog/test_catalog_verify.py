"""Every way in which a file can be other than captured is found, and nothing else is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Tuple

import pytest
from catalog_trees import CAPABILITY, DpkgTree

from sif.catalog.collect import collect
from sif.catalog.entry import Entry
from sif.catalog.text import write_catalog
from sif.catalog.verify import CatalogReport, Fact, verify_catalog
from sif.cli import main
from sif.errors import Exit

FILES = {b"/usr/bin/ping": b"ping", b"/usr/bin/su": b"su, with privileges", b"/usr/lib/x/a": b"a",
         b"/usr/lib/x/caf\xe9": b"not UTF-8"}


@pytest.fixture
def machine(tmp_path: Path) -> "Tuple[Path, Tuple[Entry, ...]]":
    tree = DpkgTree(tmp_path / "root")
    for path, data in FILES.items():
        tree.file(path, data, 0o755)
    tree.package("x", FILES)
    return tree.root, collect(tree.root).entries


def facts(report: CatalogReport) -> "list[Tuple[bytes, Fact]]":
    return [(difference.entry.path, difference.fact) for difference in report.different]


def test_an_untouched_tree_is_as_captured(machine: "Tuple[Path, Tuple[Entry, ...]]") -> None:
    root, entries = machine
    report = verify_catalog(root, entries)
    assert report.ok
    assert (report.checked, report.bytes_read) == (4, sum(map(len, FILES.values())))


def _write(data: bytes) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        path.write_bytes(data)
    return act


def _link(path: Path) -> None:
    path.rename(path.with_name("ping.real"))
    path.symlink_to("ping.real")


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _linked_parent(path: Path) -> None:
    path.parent.rename(path.parent.with_name("sbin"))
    path.parent.symlink_to("sbin")


@pytest.mark.parametrize(("harm", "found"), [
    (_write(b"pong"), [(b"/usr/bin/ping", Fact.CONTENT)]),
    (_write(b"ping and more"), [(b"/usr/bin/ping", Fact.SIZE)]),
    (_write(b""), [(b"/usr/bin/ping", Fact.SIZE)]),
    (lambda path: path.chmod(0o4755), [(b"/usr/bin/ping", Fact.MODE)]),
    (_link, [(b"/usr/bin/ping", Fact.TYPE)]),
    (_directory, [(b"/usr/bin/ping", Fact.TYPE)]),
    (_fifo, [(b"/usr/bin/ping", Fact.TYPE)]),
    (_linked_parent, [(b"/usr/bin/ping", Fact.TYPE), (b"/usr/bin/su", Fact.TYPE)]),
])
def test_a_changed_file_is_found(machine: "Tuple[Path, Tuple[Entry, ...]]", harm: Callable[[Path], None],
                                 found: "list[Tuple[bytes, Fact]]") -> None:
    root, entries = machine
    harm(root / "usr/bin/ping")
    report = verify_catalog(root, entries)
    assert facts(report) == found
    assert report.missing == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_another_owner_is_found(machine: "Tuple[Path, Tuple[Entry, ...]]") -> None:
    root, entries = machine
    os.chown(root / "usr/bin/su", 1, 2)
    [difference] = verify_catalog(root, entries).different
    assert (difference.fact, difference.found, difference.wanted) == (Fact.OWNER, "1:2", "0:0")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sets capabilities")
@pytest.mark.parametrize("before", [b"", CAPABILITY])
def test_other_capabilities_are_found(machine: "Tuple[Path, Tuple[Entry, ...]]", before: bytes) -> None:
    root, _ = machine
    ping = root / "usr/bin/ping"
    try:
        os.setxattr(ping, "security.capability", CAPABILITY)
        entries = collect(root).entries
        os.removexattr(ping, "security.capability")
    except OSError:
        pytest.skip("a file system without attributes")
    entries = tuple(entry._replace(capabilities=before) if entry.capabilities else entry for entry in entries)
    if not before:
        assert verify_catalog(root, entries).ok
        os.setxattr(ping, "security.capability", CAPABILITY)
    assert facts(verify_catalog(root, entries)) == [(b"/usr/bin/ping", Fact.CAPABILITIES)]


def test_several_facts_of_one_file_are_all_found(machine: "Tuple[Path, Tuple[Entry, ...]]") -> None:
    root, entries = machine
    (root / "usr/bin/su").write_bytes(b"SU, WITH PRIVILEGES")
    (root / "usr/bin/su").chmod(0o700)
    assert facts(verify_catalog(root, entries)) == [(b"/usr/bin/su", Fact.CONTENT), (b"/usr/bin/su", Fact.MODE)]


def test_missing_files_and_directories_are_found(machine: "Tuple[Path, Tuple[Entry, ...]]") -> None:
    root, entries = machine
    (root / "usr/bin/su").unlink()
    for path in (root / "usr/lib/x").iterdir():
        path.unlink()
    (root / "usr/lib/x").rmdir()
    report = verify_catalog(root, entries)
    assert [entry.path for entry in report.missing] == [b"/usr/bin/su", b"/usr/lib/x/a", b"/usr/lib/x/caf\xe9"]
    assert report.different == ()


def test_a_file_that_differed_before_is_told_apart(machine: "Tuple[Path, Tuple[Entry, ...]]") -> None:
    root, _ = machine
    (root / "usr/bin/su").write_bytes(b"patched")
    report = verify_catalog(root, collect(root).entries)
    assert report.ok
    assert [entry.path for entry in report.differed_before] == [b"/usr/bin/su"]


def test_reading_leaves_access_times_alone(machine: "Tuple[Path, Tuple[Entry, ...]]") -> None:
    root, entries = machine
    for path in (root / "usr/bin").iterdir():
        os.utime(path, (1, 10 ** 9))
    collect(root)
    verify_catalog(root, entries)
    assert [path.stat().st_atime for path in (root / "usr/bin").iterdir()] == [1, 1]


def test_the_command_writes_and_checks(machine: "Tuple[Path, Tuple[Entry, ...]]", tmp_path: Path,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    root, entries = machine
    catalog = tmp_path / "c"
    assert main(["catalog", "write", "--root", str(root), str(catalog)]) == Exit.OK
    assert catalog.read_bytes() == write_catalog(entries)
    assert main(["catalog", "check", "--root", str(root), str(catalog)]) == Exit.OK
    assert capsys.readouterr().out == ""
    (root / "usr/bin/su").unlink()
    (root / "usr/lib/x/caf\udce9").write_bytes(b"NOT UTF-8")
    assert main(["catalog", "check", "--root", str(root), str(catalog), "--threads", "1"]) == Exit.DIFFERENT
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "missing /usr/bin/su (x 1.0-1)"
    assert shown[1].startswith("content /usr/lib/x/caf\\xe9: ")
    assert main(["catalog", "check", "--root", str(root), str(tmp_path / "none")]) == Exit.USAGE
    assert main(["catalog", "check", "--root", str(tmp_path / "none"), str(catalog)]) == Exit.USAGE
    catalog.write_bytes(b"x" + catalog.read_bytes())
    assert main(["catalog", "check", "--root", str(root), str(catalog)]) == Exit.SIF_SYNTAX

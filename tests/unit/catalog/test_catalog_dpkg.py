"""What dpkg's database says is understood, and the files it names are measured."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from catalog_trees import CAPABILITY, DpkgTree

from sif.catalog.collect import Collected, NoDatabase, collect
from sif.catalog.dpkg import is_excluded
from sif.catalog.entry import Origin
from sif.catalog.part import catalog_part
from sif.catalog.text import read_catalog
from sif.errors import Exit

LS = b"the program ls"


@pytest.fixture
def tree(tmp_path: Path) -> DpkgTree:
    made = DpkgTree(tmp_path / "root")
    made.file(b"/usr/bin/ls", LS, 0o755)
    made.package("coreutils", {b"/usr/bin/ls": LS}, others=[b"/usr", b"/usr/bin"])
    return made


def paths(found: Collected) -> "list[bytes]":
    return [entry.path for entry in found.entries]


def test_a_file_is_listed_with_all_its_facts(tree: DpkgTree) -> None:
    found = collect(tree.root)
    state = (tree.root / "usr/bin/ls").stat()
    [entry] = found.entries
    assert entry == (b"/usr/bin/ls", hashlib.sha256(LS).hexdigest(), 0o755, state.st_uid, state.st_gid, len(LS), b"",
                     "coreutils", "1.0-1", Origin.SAME)
    assert (found.packages, found.absent, found.replaced, found.excluded) == (1, (), (), 0)


def test_capabilities_are_recorded(tree: DpkgTree) -> None:
    try:
        os.setxattr(tree.root / "usr/bin/ls", "security.capability", CAPABILITY)
    except OSError:
        pytest.skip("needs root and a file system with attributes")
    assert collect(tree.root).entries[0].capabilities == CAPABILITY


def test_a_file_that_differs_is_marked_and_reported(tree: DpkgTree) -> None:
    tree.file(b"/usr/bin/ls", b"another program", 0o755)
    found = collect(tree.root)
    assert [entry.origin for entry in found.entries] == [Origin.DIFFERS]
    assert found.entries[0].sha256 == hashlib.sha256(b"another program").hexdigest()
    assert found.differing == found.entries
    part = catalog_part(tree.root, "web01")
    assert any("already differ" in note and "/usr/bin/ls" in note for note in part.notes)
    assert read_catalog(part.data, part.path) == found.entries
    assert part.section.entries == 1


def test_a_package_without_sums_says_nothing_about_origin(tree: DpkgTree) -> None:
    tree.file(b"/usr/share/x", b"x")
    tree.package("x", {b"/usr/share/x": b"x"}, sums=False)
    assert [entry.origin for entry in collect(tree.root).entries] == [Origin.SAME, Origin.UNKNOWN]


@pytest.mark.parametrize("listed", [True, False])
def test_configuration_is_left_out(tree: DpkgTree, listed: bool) -> None:
    tree.file(b"/etc/x.conf", b"x")
    tree.package("x", {b"/etc/x.conf": b"x"} if listed else {}, conffiles=[b"/etc/x.conf"])
    assert paths(collect(tree.root)) == [b"/usr/bin/ls"]


def test_obsolete_and_removed_configuration_is_left_out(tree: DpkgTree) -> None:
    tree.file(b"/etc/old", b"x")
    tree.file(b"/etc/gone", b"x")
    tree.package("x", {b"/etc/old": b"x", b"/etc/gone": b"x"})
    tree.status = tree.status.rstrip(b"\n") + b"\nConffiles:\n /etc/old " + b"0" * 32 + b" obsolete\n\n"
    tree.finish()
    (tree.root / "var/lib/dpkg/info/x.conffiles").write_bytes(b"remove-on-upgrade /etc/gone\n")
    assert paths(collect(tree.root)) == [b"/usr/bin/ls"]


def test_a_diverted_file_is_listed_where_it_lies(tree: DpkgTree) -> None:
    tree.divert(b"/usr/bin/ls", b"/usr/bin/ls.distrib", "mine")
    tree.file(b"/usr/bin/ls.distrib", LS, 0o755)
    tree.file(b"/usr/bin/ls", b"my ls", 0o755)
    tree.package("mine", {b"/usr/bin/ls": b"my ls"})
    assert [(entry.path, entry.package, entry.origin) for entry in collect(tree.root).entries] == [
        (b"/usr/bin/ls", "mine", Origin.SAME), (b"/usr/bin/ls.distrib", "coreutils", Origin.SAME)]


def test_the_administrators_own_diversion_leaves_his_file_out(tree: DpkgTree) -> None:
    tree.divert(b"/usr/bin/ls", b"/usr/bin/ls.real", ":")
    tree.file(b"/usr/bin/ls.real", LS)
    assert paths(collect(tree.root)) == [b"/usr/bin/ls.real"]


def test_a_merged_usr_has_one_path_per_file(tree: DpkgTree) -> None:
    (tree.root / "bin").symlink_to("usr/bin")
    (tree.root / "lib").symlink_to("/usr/lib")
    tree.file(b"/usr/lib/a.so", b"a")
    tree.package("old", {b"/bin/ls": LS, b"/lib/a.so": b"a"}, others=[b"/bin", b"/lib"])
    found = collect(tree.root)
    assert paths(found) == [b"/usr/bin/ls", b"/usr/lib/a.so"]
    assert found.absent == ()


def test_of_several_owners_the_right_one_is_named(tree: DpkgTree) -> None:
    tree.file(b"/usr/share/doc", b"new")
    tree.package("libx", {b"/usr/share/doc": b"old"}, same=True, version="1")
    tree.package("libx-new", {b"/usr/share/doc": b"new"}, version="2")
    assert [(entry.package, entry.origin) for entry in collect(tree.root).entries][1:] == [("libx-new", Origin.SAME)]


def test_a_package_of_several_architectures_is_found_by_its_list(tree: DpkgTree) -> None:
    tree.file(b"/usr/lib/x", b"x")
    tree.package("libx", {b"/usr/lib/x": b"x"}, same=True)
    assert [entry.package for entry in collect(tree.root, packages=["libx"]).entries] == ["libx:amd64"]


@pytest.mark.parametrize(("state", "listed"), [
    ("install ok installed", True), ("install ok half-configured", True), ("hold ok installed", True),
    ("deinstall ok config-files", False), ("install reinstreq half-installed", False),
    ("purge ok not-installed", False),
])
def test_only_packages_whose_files_are_there_count(tree: DpkgTree, state: str, listed: bool) -> None:
    tree.file(b"/usr/lib/x", b"x")
    tree.package("x", {b"/usr/lib/x": b"x"}, state=state)
    assert (b"/usr/lib/x" in paths(collect(tree.root))) is listed


@pytest.mark.parametrize("name", [b"caf\xe9", b"a b", b"line\\feed", b"caf\xc3\xa9", b"\xff\xfe"])
def test_any_name_is_listed(tree: DpkgTree, name: bytes) -> None:
    path = b"/usr/share/" + name
    tree.file(path, b"x")
    tree.package("x", {path: b"x"})
    found = collect(tree.root, packages=["x"])
    assert [(entry.path, entry.origin) for entry in found.entries] == [(path, Origin.SAME)]


def test_what_dpkg_was_told_to_leave_out_is_not_missed(tree: DpkgTree) -> None:
    folder = tree.root / "etc/dpkg/dpkg.cfg.d"
    folder.mkdir(parents=True)
    (folder / "docs").write_text("path-exclude=/usr/share/doc/*\npath-include=/usr/share/doc/*/copyright\n")
    tree.package("x", {b"/usr/share/doc/x/README": b"x", b"/usr/share/doc/x/copyright": b"x", b"/usr/lib/x": b"x"})
    found = collect(tree.root)
    assert paths(found) == [b"/usr/bin/ls"]
    assert found.absent == (b"/usr/lib/x", b"/usr/share/doc/x/copyright")
    assert found.excluded == 1


def test_the_last_pattern_decides() -> None:
    patterns = ((True, b"/usr/share/doc/*"), (False, b"/usr/share/doc/*/copyright"), (True, b"/usr/share/doc/z/*"))
    assert [is_excluded(path, patterns) for path in (
        b"/usr/share/doc/a/b/c", b"/usr/share/doc/a/copyright", b"/usr/share/doc/z/copyright", b"/usr/bin/doc",
    )] == [True, False, True, False]


def test_what_lies_in_a_files_place_is_reported_and_not_followed(tree: DpkgTree, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not of this tree")
    (tree.root / "usr/bin/ls").unlink()
    (tree.root / "usr/bin/ls").symlink_to(tmp_path / "secret")
    found = collect(tree.root)
    assert (found.entries, found.replaced) == ((), (b"/usr/bin/ls",))


def test_links_of_directories_stay_in_the_tree(tree: DpkgTree, tmp_path: Path) -> None:
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/x").write_text("x")
    (tree.root / "opt").symlink_to("../opt")
    (tree.root / "round").symlink_to("round/round")
    tree.package("x", {b"/opt/x": b"x", b"/round/x": b"x"})
    assert collect(tree.root).absent == (b"/opt/x", b"/round/x")


def test_many_threads_see_what_one_sees(tree: DpkgTree) -> None:
    files = {b"/usr/share/%d/%d" % (number % 7, number): b"%d" % number * number for number in range(300)}
    for path, data in files.items():
        tree.file(path, data)
    tree.package("many", files)
    assert collect(tree.root, threads=1) == collect(tree.root, threads=8)
    assert len(collect(tree.root).entries) == 301


def test_a_large_file_is_read_to_its_end(tree: DpkgTree) -> None:
    data = os.urandom(1 << 20) + b"tail"
    tree.file(b"/usr/lib/large", data)
    tree.package("large", {b"/usr/lib/large": data})
    [entry] = collect(tree.root, packages=["large"]).entries
    assert (entry.sha256, entry.size, entry.origin) == (hashlib.sha256(data).hexdigest(), len(data), Origin.SAME)


def test_without_a_database_there_is_no_catalog(tmp_path: Path) -> None:
    with pytest.raises(NoDatabase) as caught:
        collect(tmp_path)
    assert caught.value.code is Exit.CAPTURE_FAILED

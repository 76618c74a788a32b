"""A restored tree with real packages is compared with its catalog, and repaired from real archives."""

from __future__ import annotations

import json
import os
import stat
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Dict, Tuple

import pytest

from rescue.catalog.archives import Archive, find_archives, places
from rescue.catalog.check import CatalogWork, check_catalog, forget_empty
from rescue.catalog.verdict import (
    CatalogDifferent,
    CatalogOutcome,
    CatalogVerdict,
    require_policy,
    verdict_from_json,
)
from rescue.journal import Journal
from rescue.stores import ReadyStore
from sif.catalog.collect import collect
from sif.catalog.entry import Entry, Origin
from sif.catalog.verify import verify_catalog
from sif.errors import Exit
from sif.model import Catalog, CatalogPolicy
from sif.run import have, run

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "catalog"))
from catalog_trees import CAPABILITY, DpkgTree  # noqa: E402 - the unit tests' machine

FILES = {b"/usr/bin/[": b"test", b"/usr/bin/ping": b"ping, with capabilities", b"/usr/lib/x/a*b": b"star",
         b"/usr/lib/x/caf\xc3\xa9": b"not ASCII", b"/usr/sbin/su": b"su, with privileges"}
MODES = {b"/usr/sbin/su": 0o4755}
ARCHIVE_DATE = 1_600_000_000


@dataclass
class Machine:
    """A restored tree with one package, its archive, and its catalog."""

    root: Path
    entries: Tuple[Entry, ...]
    archive: Path
    work: CatalogWork = field(init=False)

    def __post_init__(self) -> None:
        evidence = self.root / "var/log/lifeboat/job"
        (self.root / "var/log").mkdir(parents=True, exist_ok=True)
        self.work = CatalogWork(self.root, places(self.root.parent / "set", self.root, ()), evidence,
                                Journal(self.root.parent / "journal.jsonl"))

    def path(self, name: str) -> Path:
        return self.root / name

    def offer(self, directory: Path) -> None:
        """Put the archive somewhere."""
        directory.mkdir(parents=True, exist_ok=True)
        (directory / self.archive.name).write_bytes(self.archive.read_bytes())

    def check(self) -> CatalogVerdict:
        return check_catalog(self.entries, self.work)


def deb(where: Path, files: Dict[bytes, bytes], version: str = "1:1.0-1", links: Tuple[Tuple[str, str], ...] = (),
        compression: str = "xz") -> Path:
    """A package as dpkg-deb builds it. ``links``: (name, other name) of hard links."""
    tree = where / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(f"Package: x\nVersion: {version}\nArchitecture: amd64\nMaintainer: m <m@x>\n"
                                         "Description: d\n")
    for path, data in files.items():
        place = tree / os.fsdecode(path.lstrip(b"/"))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(MODES.get(path, 0o755))
        os.utime(place, (ARCHIVE_DATE, ARCHIVE_DATE))
    for name, other in links:
        (tree / name).unlink()
        os.link(tree / other, tree / name)
    archive = where / f"x_{version.replace(':', '%3a')}_amd64.deb"
    run(["dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", str(tree), str(archive)], timeout=60)
    return archive


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    tree = DpkgTree(tmp_path / "root")
    for path, data in FILES.items():
        tree.file(path, data, MODES.get(path, 0o755))
    tree.package("x", FILES, version="1:1.0-1")
    entries = collect(tree.root).entries
    assert [entry.path for entry in entries] == sorted(FILES)
    return Machine(tree.root, entries, deb(tmp_path / "deb", FILES))


def outcomes(verdict: CatalogVerdict) -> Dict[str, CatalogOutcome]:
    return {finding.path: finding.outcome for finding in verdict.findings}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def to_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def to_directory(path: Path) -> None:
    path.unlink()
    (path / "deep").mkdir(parents=True)


HARMS: Dict[str, Callable[[Path], None]] = {
    "flipped": flip, "missing": Path.unlink, "longer": longer, "link": to_link, "directory": to_directory}


def test_an_intact_tree_is_left_alone(machine: Machine) -> None:
    before = {path: path.lstat().st_mtime_ns for path in machine.root.rglob("*")}
    verdict = machine.check()
    assert (verdict.checked, verdict.findings, verdict.bytes_read) == (5, (), sum(map(len, FILES.values())))
    assert {path: path.lstat().st_mtime_ns for path in machine.root.rglob("*")} == before


@pytest.mark.parametrize("name", ["usr/bin/[", "usr/lib/x/a*b", "usr/lib/x/café", "usr/sbin/su"])
@pytest.mark.parametrize("harm", sorted(HARMS))
def test_a_damaged_file_is_put_back_from_its_package(machine: Machine, harm: str, name: str) -> None:
    path = machine.path(name)
    right = path.read_bytes()
    HARMS[harm](path)
    harmed = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    machine.offer(machine.root / "var/cache/apt/archives")
    folder = path.parent.stat().st_mtime_ns
    verdict = machine.check()
    assert (verdict.put_back, verdict.unresolved) == (1, 0)
    assert verify_catalog(machine.root, machine.entries).ok
    assert path.read_bytes() == right and path.lstat().st_mtime == ARCHIVE_DATE
    assert path.parent.stat().st_mtime_ns == folder
    kept = machine.work.evidence / "quarantine" / name
    assert os.path.lexists(kept) is (harm != "missing")
    if harmed is not None:
        assert kept.read_bytes() == harmed and stat.S_IMODE(kept.stat().st_mode) == 0o600
    forget_empty(machine.work.evidence)
    assert (machine.work.evidence / "quarantine").exists() is (harm != "missing")
    assert not (machine.work.evidence / "unpacked").exists()
    assert machine.work.evidence.stat().st_mode & 0o077 == 0


def test_a_wrong_mode_is_set_from_the_catalog_without_any_package(machine: Machine) -> None:
    machine.path("usr/sbin/su").chmod(0o755)
    machine.path("usr/bin/ping").chmod(0o4777)
    verdict = machine.check()
    assert set(outcomes(verdict).values()) == {CatalogOutcome.FACTS_SET} and verdict.facts_set == 2
    assert verify_catalog(machine.root, machine.entries).ok
    assert "mode 0755, wanted 4755" in verdict.findings[1].wrong


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners and capabilities")
def test_owner_and_capabilities_come_back_too(machine: Machine) -> None:
    ping, su = machine.path("usr/bin/ping"), machine.path("usr/sbin/su")
    entries = tuple(entry._replace(capabilities=CAPABILITY) if entry.path.endswith(b"ping") else entry
                    for entry in machine.entries)
    os.chown(su, 2600, 2600)
    su.chmod(0o4755)
    for harm in (None, flip):
        if harm is not None:
            machine.offer(machine.root.parent / "set/packages")
            harm(ping)  # the kernel takes the capabilities away
        check_catalog(entries, machine.work)
        assert verify_catalog(machine.root, entries).ok
        assert os.getxattr(ping, "security.capability") == CAPABILITY
    os.setxattr(su, "security.capability", CAPABILITY)
    assert check_catalog(entries, machine.work).unresolved == 0
    assert "security.capability" not in os.listxattr(su)



def test_without_its_package_a_file_stays_and_the_policy_decides(machine: Machine) -> None:
    flip(machine.path("usr/bin/ping"))
    harmed = machine.path("usr/bin/ping").read_bytes()
    verdict = machine.check()
    assert outcomes(verdict) == {"/usr/bin/ping": CatalogOutcome.LEFT} and verdict.unresolved == 1
    assert machine.path("usr/bin/ping").read_bytes() == harmed
    report, refuse = (Catalog("c", "media:c", "0" * 64, 5, policy) for policy in (
        CatalogPolicy.REPORT, CatalogPolicy.REFUSE_DIFFERENT))
    require_policy((report,), verdict)
    with pytest.raises(CatalogDifferent, match="1 files of packages") as raised:
        require_policy((report, refuse), verdict)
    assert raised.value.code is Exit.CATALOG_DIFFERENT and "/usr/bin/ping (x 1:1.0-1): content" in str(raised.value)
    machine.offer(machine.root / "var/cache/apt/archives")
    require_policy((refuse,), machine.check())


def test_a_package_with_another_content_is_not_believed(machine: Machine, tmp_path: Path) -> None:
    forged = deb(tmp_path / "forged", {**FILES, b"/usr/bin/ping": b"ping, with a door"})
    flip(machine.path("usr/bin/ping"))
    cache = machine.root / "var/cache/apt/archives"
    cache.mkdir(parents=True)
    (cache / forged.name).write_bytes(forged.read_bytes())
    verdict = machine.check()
    assert outcomes(verdict) == {"/usr/bin/ping": CatalogOutcome.LEFT}
    assert "another content" in verdict.findings[0].reason
    assert sorted(p.name for p in machine.path("usr/bin").iterdir()) == ["[", "ping"]
    store = tmp_path / "store"
    machine.offer(store / "packages")
    machine.work = replace(machine.work, places=places(tmp_path / "set", machine.root, (
        ReadyStore("s", str(store), "/dev/sdz1"),)))
    assert machine.check().put_back == 1


def test_links_in_a_package_lead_nowhere(machine: Machine, tmp_path: Path) -> None:
    secret = tmp_path / "outside" / "ping"
    secret.parent.mkdir()
    secret.write_bytes(FILES[b"/usr/bin/ping"])
    tree = tmp_path / "evil" / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text("Package: x\nVersion: 1:1.0-1\nArchitecture: amd64\nMaintainer: m <m@x>\n"
                                         "Description: d\n")
    (tree / "usr").mkdir()
    (tree / "usr/bin").symlink_to(secret.parent)
    cache = machine.root / "var/cache/apt/archives"
    cache.mkdir(parents=True)
    run(["dpkg-deb", "--build", str(tree), str(cache / "x_1.0-1_amd64.deb")], timeout=60)
    machine.path("usr/bin/ping").unlink()
    assert outcomes(machine.check()) == {"/usr/bin/ping": CatalogOutcome.LEFT}


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_hard_links_and_other_compressions(machine: Machine, tmp_path: Path, compression: str) -> None:
    same = {**FILES, b"/usr/bin/ping": FILES[b"/usr/bin/["]}
    tree = DpkgTree(tmp_path / "linked")
    for path, data in same.items():
        tree.file(path, data, MODES.get(path, 0o755))
    tree.package("x", same, version="1:1.0-1")
    linked = Machine(tree.root, collect(tree.root).entries,
                     deb(tmp_path / "l", same, links=(("usr/bin/ping", "usr/bin/["),), compression=compression))
    linked.path("usr/bin/ping").unlink()
    linked.offer(linked.root / "var/cache/apt/archives")
    assert linked.check().put_back == 1
    assert verify_catalog(linked.root, linked.entries).ok


def test_a_missing_directory_is_made(machine: Machine) -> None:
    for path in sorted(machine.path("usr/lib").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    machine.path("usr/lib").rmdir()
    machine.offer(machine.root / "var/cache/apt/archives")
    assert machine.check().put_back == 2
    assert stat.S_IMODE(machine.path("usr/lib/x").stat().st_mode) == 0o755


def test_nothing_is_put_through_a_link_that_leads_out(machine: Machine, tmp_path: Path) -> None:
    machine.path("usr/lib").rename(tmp_path / "outside")
    machine.path("usr/lib").symlink_to(tmp_path / "outside")
    (tmp_path / "outside/x/a*b").write_bytes(b"mine")
    machine.offer(machine.root / "var/cache/apt/archives")
    verdict = machine.check()
    assert set(outcomes(verdict).values()) == {CatalogOutcome.LEFT} and verdict.unresolved == 2
    assert (tmp_path / "outside/x/a*b").read_bytes() == b"mine"


@pytest.mark.parametrize(("status", "reason"), [
    ("Version: 1:1.0-2", "the restored system has x 1:1.0-2"), ("Version: 1:1.0-1\nStatus: deinstall ok config-files",
                                                               "the restored system does not have x")])
def test_another_version_is_not_mixed_into_the_system(machine: Machine, status: str, reason: str) -> None:
    database = machine.path("var/lib/dpkg/status")
    text = database.read_text()
    if "Status" in status:
        text = text.replace("Status: install ok installed", "Status: deinstall ok config-files")
    database.write_text(text.replace("Version: 1:1.0-1", status.splitlines()[0]))
    flip(machine.path("usr/bin/ping"))
    machine.offer(machine.root / "var/cache/apt/archives")
    before = machine.path("usr/bin/ping").read_bytes()
    verdict = machine.check()
    assert outcomes(verdict) == {"/usr/bin/ping": CatalogOutcome.OTHER_VERSION}
    assert verdict.findings[0].reason == reason and verdict.unresolved == 1
    assert machine.path("usr/bin/ping").read_bytes() == before


def test_what_differed_when_it_was_captured_is_not_judged(machine: Machine) -> None:
    entries = tuple(entry._replace(origin=Origin.DIFFERS) if entry.path.endswith(b"ping") else entry
                    for entry in machine.entries)
    flip(machine.path("usr/bin/ping"))
    verdict = check_catalog(entries, machine.work)
    assert (verdict.checked, verdict.excluded, verdict.findings) == (4, 1, ())


def test_a_repair_before_a_power_cut_is_in_the_verdict_after_it(machine: Machine) -> None:
    flip(machine.path("usr/bin/ping"))
    machine.offer(machine.root / "var/cache/apt/archives")
    first = machine.check()
    machine.work = replace(machine.work, journal=Journal(machine.root.parent / "journal.jsonl"))
    machine.path("usr/sbin/su").chmod(0o755)
    again = machine.check()
    assert (again.put_back, again.facts_set) == (1, 1) and first.findings[0] in again.findings
    assert verdict_from_json(again.to_json()) == again
    assert json.loads(again.to_json())["findings"][0]["kept"] == "quarantine/usr/bin/ping"


RPM_SPEC = """Name: sample
Epoch: 4
Version: 1.2
Release: 3
Summary: a sample
License: none
BuildArch: noarch
%description
One file.
%install
mkdir -p %{buildroot}/usr/bin
echo program > %{buildroot}/usr/bin/sample
%files
%attr(4750,root,root) /usr/bin/sample
"""


@pytest.mark.skipif(not (have("rpmbuild") and os.geteuid() == 0), reason="needs rpmbuild, and root for rpm --root")
def test_a_file_of_an_rpm_comes_back_without_rpm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, spec = tmp_path / "root", tmp_path / "sample.spec"
    root.mkdir()
    spec.write_text(RPM_SPEC, encoding="utf-8")
    run(("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {tmp_path}", str(spec)), timeout=120)
    [package] = (tmp_path / "RPMS").rglob("*.rpm")
    run(("rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "-i", "--nodeps", str(package)), timeout=120)
    damaged = Machine(root, collect(root).entries, package)
    damaged.offer(root / "var/cache/dnf/base-1/packages")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "rpm").write_text("#!/bin/sh\nexit 99\n")
    (tools / "rpm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    flip(damaged.path("usr/bin/sample"))
    assert damaged.check().put_back == 1
    assert verify_catalog(root, damaged.entries).ok
    assert stat.S_IMODE(damaged.path("usr/bin/sample").stat().st_mode) == 0o4750


@pytest.mark.parametrize(("name", "package", "version", "fits"), [
    ("x_1%3a1.0-1_amd64.deb", "x", "1:1.0-1", True), ("x_1.0-1_amd64.deb", "x", "1:1.0-1", True),
    ("x_1.0-1_amd64.deb", "x:amd64", "1.0-1", True), ("x_1.0-2_amd64.deb", "x", "1.0-1", False),
    ("xy_1.0-1_amd64.deb", "x", "1.0-1", False), ("bash-5.1.8-9.el9.x86_64.rpm", "bash", "5.1.8-9.el9", True),
    ("bash-5.1.8-9.el9.x86_64.rpm", "bash", "(none):5.1.8-9.el9", True),
    ("bash-doc-5.1.8-9.el9.x86_64.rpm", "bash", "5.1.8-9.el9", False), ("x.deb", "x", "1", False)])
def test_an_archive_is_known_by_its_name(name: str, package: str, version: str, fits: bool) -> None:
    assert Archive(Path("/c") / name).could_be(package, version) is fits


def test_archives_are_found_in_order_and_not_through_links(tmp_path: Path) -> None:
    for name in ("b/two.deb", "b/sub/three.rpm", "a/one.deb", "b/no.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b/link.deb").symlink_to(tmp_path / "a/one.deb")
    (tmp_path / "c").symlink_to("a")
    found = find_archives(tmp_path / name for name in ("b", "none", "a", "c"))
    assert [str(archive.path.relative_to(tmp_path)) for archive in found] == [
        "b/sub/three.rpm", "b/two.deb", "a/one.deb"]

"""A catalog from real package databases: this system's dpkg, and an rpm one that is made for the test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sif.catalog.collect import collect
from sif.catalog.entry import Origin
from sif.catalog.text import read_catalog, write_catalog
from sif.catalog.verify import Fact, verify_catalog
from sif.run import have, run

PACKAGES = ("coreutils", "dpkg", "libc-bin", "passwd", "tzdata")

SPEC = """Name: sample
Version: 1.2
Release: 3
Epoch: 4
Summary: Files of every kind
License: none
BuildArch: noarch
%description
Files of every kind.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/sample
echo program > %{buildroot}/usr/bin/sample
ln -s sample %{buildroot}/usr/bin/alias
echo setting > %{buildroot}/etc/sample.conf
echo words > %{buildroot}/usr/share/sample/words
%files
%attr(0755,root,root) /usr/bin/sample
/usr/bin/alias
%config(noreplace) /etc/sample.conf
/usr/share/sample/words
%ghost /var/log/sample.log
"""


@pytest.mark.skipif(not have("dpkg-query"), reason="this system has no dpkg")
def test_a_real_dpkg_database() -> None:
    found = collect(Path("/"), packages=PACKAGES)
    assert read_catalog(write_catalog(found.entries), "t") == found.entries
    listed = [os.fsdecode(entry.path) for entry in found.entries]
    assert {entry.package for entry in found.entries} == set(PACKAGES)
    assert "/usr/bin/ls" in listed and "/etc/login.defs" not in listed and "/usr/bin" not in listed
    owned = {os.path.realpath(line) for line in run(("dpkg-query", "-L", *PACKAGES), timeout=60).stdout.split("\n")
             if line and Path(line).is_file() and not Path(line).is_symlink()}
    conffiles = {words[0] for line in run(("dpkg-query", "-W", "-f", "${Conffiles}\n", *PACKAGES),
                                          timeout=60).stdout.split("\n") if (words := line.split())}
    assert set(listed) == owned - conffiles
    sums = run(("sha256sum", "--", *listed[:200]), timeout=60).stdout.splitlines()
    assert [line.split("  ", 1)[0] for line in sums] == [entry.sha256 for entry in found.entries[:200]]
    assert verify_catalog(Path("/"), found.entries).ok


@pytest.mark.skipif(not (have("rpmbuild") and os.geteuid() == 0), reason="needs rpmbuild, and root for rpm --root")
def test_a_real_rpm_database(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    spec = tmp_path / "sample.spec"
    spec.write_text(SPEC, encoding="utf-8")
    run(("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {tmp_path}", str(spec)), timeout=120)
    [package] = (tmp_path / "RPMS").rglob("*.rpm")
    run(("rpm", "--root", str(root), "--dbpath", "/var/lib/rpm", "-i", "--nodeps", str(package)), timeout=120)
    found = collect(root)
    assert [(entry.path, entry.mode, entry.package, entry.version, entry.origin) for entry in found.entries] == [
        (b"/usr/bin/sample", 0o755, "sample", "4:1.2-3.noarch", Origin.SAME),
        (b"/usr/share/sample/words", 0o644, "sample", "4:1.2-3.noarch", Origin.SAME)]
    (root / "usr/bin/sample").write_text("PROGRAM\n", encoding="utf-8")
    (root / "etc/sample.conf").write_text("changed\n", encoding="utf-8")
    [difference] = verify_catalog(root, found.entries).different
    assert (difference.entry.path, difference.fact) == (b"/usr/bin/sample", Fact.CONTENT)
    assert [entry.path for entry in collect(root).differing] == [b"/usr/bin/sample"]

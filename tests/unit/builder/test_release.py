"""A release proves itself with the tools that everybody has: sha256sum and ssh-keygen."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Tuple

import pytest

from builder_lib.config import Config, Release
from builder_lib.options import BuildOptions
from builder_lib.pipeline import clean
from builder_lib.progress import Progress
from builder_lib.release import NAMESPACE, write_release
from builder_lib.squash import RescueSystem
from builder_lib.tree import BaseTree
from sif.errors import CommandFailed
from sif.run import run

STATUS = """\
Package: restic
Status: install ok installed
Architecture: amd64
Version: 0.18.0-1

Package: ca-certificates
Status: install ok installed
Architecture: all
Version: 20250419+deb13u1
"""


@pytest.fixture
def released(tmp_path: Path) -> Tuple[Path, Tuple[Path, ...]]:
    """A signed release of a product that is a file and one that is a directory; where it is, and its files."""
    out, tree = tmp_path / "out", tmp_path / "tree"
    (tree / "usr/lib/lifeboat/boot").mkdir(parents=True)
    (tree / "usr/lib/lifeboat/boot/release").write_text("6.12.0\n")
    (tree / "var/lib/dpkg").mkdir(parents=True)
    (tree / "var/lib/dpkg/status").write_text(STATUS)
    (out / "lifeboat-pxe/grub").mkdir(parents=True)
    for path in (tree / "kernel", tree / "initrd", tree / "squashfs", out / "lifeboat.iso",
                 out / "lifeboat-pxe/vmlinuz", out / "lifeboat-pxe/grub/grub.cfg"):
        path.write_text(path.name)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(tmp_path / "key")], timeout=60)
    (tmp_path / "allowed").write_text("release@example.org " + (tmp_path / "key.pub").read_text())
    system = RescueSystem(tree / "kernel", tree / "initrd", tree / "squashfs", BaseTree(tree, "k"), "key")
    options = BuildOptions(config=Config(release=Release(output=out, signing_key=tmp_path / "key")))
    return out, write_release(options, system, (out / "lifeboat.iso", out / "lifeboat-pxe"))


def verify(out: Path) -> str:
    """The command of docs/security.md."""
    return run(["ssh-keygen", "-Y", "verify", "-f", "../allowed", "-I", "release@example.org", "-n", NAMESPACE, "-s",
                "SHA256SUMS.sig"], timeout=60, cwd=str(out), input=(out / "SHA256SUMS").read_text()).stdout


def test_ssh_keygen_accepts_the_signature_and_nothing_else(released: Tuple[Path, Tuple[Path, ...]]) -> None:
    out, _ = released
    assert f'Good "{NAMESPACE}" signature for release@example.org' in verify(out)
    with (out / "SHA256SUMS").open("a") as stream:
        stream.write("0" * 64 + "  another.iso\n")
    with pytest.raises(CommandFailed):
        verify(out)


def test_the_checksums_cover_every_file_and_find_a_changed_one(released: Tuple[Path, Tuple[Path, ...]]) -> None:
    out, _ = released
    names = {line.split("  ")[1] for line in (out / "SHA256SUMS").read_text().splitlines()}
    there = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert names == there - {"SHA256SUMS", "SHA256SUMS.sig"}
    run(["sha256sum", "--check", "--strict", "SHA256SUMS"], timeout=60, cwd=str(out))
    (out / "lifeboat-pxe/vmlinuz").write_text("changed")
    with pytest.raises(CommandFailed):
        run(["sha256sum", "--check", "--strict", "SHA256SUMS"], timeout=60, cwd=str(out))


def test_manifest_and_sbom_list_every_package_with_its_version(released: Tuple[Path, Tuple[Path, ...]]) -> None:
    out, made = released
    assert [path.name for path in made] == ["lifeboat-manifest.json", "lifeboat.spdx.json", "SHA256SUMS",
                                            "SHA256SUMS.sig"]
    manifest = json.loads((out / "lifeboat-manifest.json").read_text())
    assert {(p["name"], p["version"], p["architecture"]) for p in manifest["packages"]} == {
        ("restic", "0.18.0-1", "amd64"), ("ca-certificates", "20250419+deb13u1", "all")}
    assert set(manifest["files"]) == {"lifeboat.iso", "lifeboat-pxe/vmlinuz", "lifeboat-pxe/grub/grub.cfg"}
    assert all(len(value) == 64 for value in (*manifest["files"].values(), *manifest["image"].values()))
    sbom = json.loads((out / "lifeboat.spdx.json").read_text())
    assert {(p["name"], p["versionInfo"]) for p in sbom["packages"][1:]} == {
        ("restic", "0.18.0-1"), ("ca-certificates", "20250419+deb13u1")}


def test_clean_removes_all_that_a_release_is_and_nothing_else(released: Tuple[Path, Tuple[Path, ...]],
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = released
    monkeypatch.setenv("LIFEBOAT_CACHE", str(out.parent / "cache"))
    (out.parent / "cache/lifeboat/debs").mkdir(parents=True)
    for layer in ("base-k", "wheels-k"):
        (out.parent / "cache/lifeboat/layers" / layer).mkdir(parents=True)
    (out.parent / "cache/lifeboat/layers/packages-k.tar").touch()
    (out / "notes").write_text("mine")
    clean(BuildOptions(config=Config(release=Release(output=out))), False, Progress(out=io.StringIO()))
    assert [path.name for path in out.iterdir()] == ["notes"]
    cache = out.parent / "cache/lifeboat"
    assert (cache / "debs").is_dir(), "what was downloaded stays, for a build without a network"
    assert [path.name for path in (cache / "layers").iterdir()] == ["wheels-k"]
    clean(BuildOptions(config=Config(release=Release(output=out))), True, Progress(out=io.StringIO()))
    assert not (cache / "debs").exists() and not any((cache / "layers").iterdir())


def test_a_signature_that_is_not_of_these_checksums_does_not_stay(released: Tuple[Path, Tuple[Path, ...]]) -> None:
    out, _ = released
    tree = out.parent / "tree"
    system = RescueSystem(tree / "kernel", tree / "initrd", tree / "squashfs", BaseTree(tree, "k"), "key")
    write_release(BuildOptions(config=Config(release=Release(output=out))), system, (out / "lifeboat.iso",))
    assert (out / "SHA256SUMS").exists() and not (out / "SHA256SUMS.sig").exists()

"""The elements follow the rules of diskimage-builder, and the example for a vendor works as ours do."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from builder_lib.architecture import ARCHITECTURES
from builder_lib.config import Config, Image, parse_config
from builder_lib.options import PROJECT, BuildOptions
from builder_lib.packages import ELEMENTS, FIRMWARE, components, listed_packages, site_packages
from builder_lib.summary import summary
from builder_lib.tools import disk_image_create
from builder_lib.tree import base_key, element_paths
from sif.run import run

OURS = PROJECT / "elements"
EXAMPLE = PROJECT / "docs/examples/elements/acme-restore"
DIRECTORIES = sorted([*OURS.iterdir(), EXAMPLE])


def test_every_element_of_ours_is_built() -> None:
    assert sorted(ELEMENTS) == sorted(path.name for path in OURS.iterdir())


def test_dib_lint_has_nothing_to_say(tmp_path: Path) -> None:
    """Beyond READMEs, which it wants in another markup and reads as if they were programs."""
    command = disk_image_create()
    assert command is not None, "the extra `build` of the project is not installed"
    (tmp_path / "diskimage_builder/lib").mkdir(parents=True)
    for path in DIRECTORIES:
        shutil.copytree(path, tmp_path / "diskimage_builder/elements" / path.name)
    run(["git", "init", "--quiet"], timeout=60, cwd=str(tmp_path))
    done = run(["bash", str(command.with_name("dib-lint"))], timeout=300, cwd=str(tmp_path), check=False,
               env={"PATH": f"{command.parent}:/usr/local/bin:/usr/bin:/bin"})
    said = [line for line in done.stdout.splitlines() if line.startswith("ERROR:")]
    assert len([line for line in said if "lacks a README.rst" in line]) == len(DIRECTORIES), "the linter has run"
    assert [line for line in said if not re.search(r"README\.(rst|md)", line)] == []


@pytest.mark.parametrize("element", DIRECTORIES, ids=lambda path: path.name)
def test_every_script_is_clean(element: Path) -> None:
    scripts = [path for path in element.rglob("*") if path.is_file() and path.read_bytes().startswith(b"#!")]
    for path in scripts:
        run(["shellcheck", "--severity=style", "--exclude=SC1091", str(path)], timeout=120)
    assert (element / "README.md").is_file()


def test_a_vendor_s_element_is_one_line_of_configuration() -> None:
    options = BuildOptions(config=parse_config('[image]\nelements = ["acme-restore"]\n', "site.toml", EXAMPLE.parent))
    plain = BuildOptions()
    assert element_paths(options) == (*element_paths(plain), EXAMPLE)
    assert base_key(element_paths(options), options) != base_key(element_paths(plain), plain)
    assert "curl" in listed_packages(element_paths(options), options.architecture)
    assert "curl" not in listed_packages(element_paths(plain), plain.architecture)
    assert "acme-restore" in summary(options)


def test_an_architecture_has_its_own_kernel_and_boot_loaders() -> None:
    lists = {name: set(listed_packages(element_paths(BuildOptions()), one)) for name, one in ARCHITECTURES.items()}
    assert {"linux-image-amd64", "grub-pc-bin", "grub-efi-amd64-signed"} <= lists["amd64"] - lists["arm64"]
    assert {"linux-image-arm64", "grub-efi-arm64-signed"} <= lists["arm64"] - lists["amd64"]
    assert {"restic", "lvm2", "shim-signed"} <= lists["amd64"] & lists["arm64"]


def test_firmware_needs_another_part_of_the_archive() -> None:
    plain, without = Config(), Config(image=Image(firmware=()))
    assert set(FIRMWARE["network"]) <= set(site_packages(plain)) and components(plain) == "main non-free-firmware"
    assert site_packages(without) == () and components(without) == "main"


@pytest.mark.parametrize(("asked", "image", "copied"), [
    ("yes", 1 << 20, "yes"), ("yes", 1 << 46, ""), ("", 1 << 20, ""), ("", 1 << 46, "")])
def test_the_image_is_copied_to_memory_only_where_there_is_room(asked: str, image: int, copied: str,
                                                                tmp_path: Path) -> None:
    """The real script, on this machine's memory, with images that are and that are not too large for any."""
    with (tmp_path / "image").open("wb") as stream:
        # 64 TiB are more than a file system may hold: its size is told by a stand-in for stat.
        stream.truncate(min(image, 1 << 20))
    (tmp_path / "stat").write_text(f"#!/bin/sh\necho {image}\n")
    (tmp_path / "stat").chmod(0o755)
    script = OURS / "lifeboat-boot/static/usr/lib/dracut/modules.d/95lifeboat/choose-memory.sh"
    said = run(["sh", "-c", f"SQUASHED={tmp_path}/image; live_ram={asked}; . {script} 2> /dev/null; echo [$live_ram]"],
               timeout=60, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).stdout
    assert said.splitlines()[-1] == f"[{copied}]"

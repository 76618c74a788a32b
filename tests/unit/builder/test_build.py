"""What the keys of layers depend on, what the host is checked for, and the command line."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import builder
from builder_lib import pipeline, tools
from builder_lib.config import Boot, Config, Driver, Image, Release
from builder_lib.manifest import is_current, manifest_path, recorded
from builder_lib.options import PROJECT, BuildOptions
from builder_lib.packages import ELEMENTS as NAMES
from builder_lib.progress import Progress
from builder_lib.squash import code_files
from builder_lib.tree import base_key, packages_key, parse_dpkg_status
from sif.errors import CommandFailed, Exit, ToolMissing

ELEMENTS = PROJECT / "elements"
EVERY_TOOL = (*tools.TOOLS, *tools.MODULES, tools.ZSTD, tools.SIGNING, *tools.STICK)

DEFAULT = BuildOptions()


def image(**values: object) -> BuildOptions:
    return BuildOptions(config=Config(image=replace(Image(), **values)))  # type: ignore[arg-type]


@pytest.fixture
def elements(tmp_path: Path) -> "tuple[Path, ...]":
    shutil.copytree(ELEMENTS, tmp_path / "elements")
    return tuple(tmp_path / "elements" / name for name in NAMES)


def test_documentation_of_an_element_changes_nothing(elements: "tuple[Path, ...]") -> None:
    base = base_key(elements, DEFAULT)
    (elements[1] / "README.md").write_text("another text\n")
    assert base_key(elements, DEFAULT) == base


def test_a_setting_changes_the_base_but_not_the_packages(elements: "tuple[Path, ...]") -> None:
    packages, base = packages_key(elements, DEFAULT), base_key(elements, DEFAULT)
    (elements[0].parent / "lifeboat-storage/static/etc/lvm/lvm.conf").write_text("global {}\n")
    assert packages_key(elements, DEFAULT) == packages
    assert base_key(elements, DEFAULT) != base


def test_what_is_installed_names_the_packages(elements: "tuple[Path, ...]", tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("a 1 all " + "0" * 64 + "\n")
    keys = [packages_key(elements, options) for options in (
        DEFAULT, image(release="forky"), image(architecture="arm64"), image(packages=("one-more",)), image(firmware=()),
        image(lock=tmp_path / "lock"))]
    with (elements[0].parent / "lifeboat-agent/packages.d/40-agent").open("a") as stream:
        stream.write("one-more\n")
    keys.append(packages_key(elements, DEFAULT))
    assert len(set(keys)) == len(keys)


def test_an_element_of_ones_own_changes_the_base(elements: "tuple[Path, ...]", tmp_path: Path) -> None:
    own = tmp_path / "acme"
    (own / "packages.d").mkdir(parents=True)
    (own / "element-deps").write_text("x")
    assert base_key((*elements, own), DEFAULT) != base_key(elements, DEFAULT)


def test_the_code_layer_holds_both_packages_and_no_byte_code() -> None:
    names = {path.relative_to(PROJECT).as_posix() for path in code_files()}
    assert {"sif/run.py", "rescue/plan.py"} <= names
    assert not [name for name in names if name.endswith(".pyc")]


def test_dpkg_status_yields_installed_packages_sorted() -> None:
    text = ("Package: zstd\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.5\nDescription: x\n y: z\n\n"
            "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n"
            "Package: acl\nStatus: install ok installed\nArchitecture: all\nVersion: 2.3\n")
    assert parse_dpkg_status(text) == (("acl", "2.3", "all"), ("zstd", "1.5", "amd64"))


def test_every_missing_tool_is_named_with_its_reason_and_package() -> None:
    lacking = {tool.name for tool in tools.missing(tools.TOOLS, lambda name: name not in ("xorriso",
                                                                                                      "mksquashfs"))}
    assert lacking == {"xorriso", "mksquashfs"}
    assert all(tool.package and tool.reason for tool in EVERY_TOOL)


def test_a_tool_is_missed_only_where_the_configuration_calls_it() -> None:
    driver = Driver(source=Path("x.ko.zst"), early=True)
    plain, full = Config(), Config(driver=(driver,), release=Release(signing_key=Path("key")))
    assert tools.wanted(plain) == tools.TOOLS
    assert {tool.name for tool in tools.wanted(full)} - {tool.name for tool in tools.TOOLS} == {
        "depmod", "modinfo", "zstd", "ssh-keygen"}
    with pytest.raises(ToolMissing, match="cannot write a stick") as refused:
        tools.check_stick(lambda name: name != "sfdisk")
    assert "apt-get install fdisk" in str(refused.value) and "lsblk" not in str(refused.value)


@pytest.mark.parametrize("status", [0, 1])
def test_an_image_for_another_architecture_needs_a_machine_that_runs_its_programs(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int) -> None:
    config = Config(image=Image(architecture="arm64"))
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="x86_64"))
    monkeypatch.setattr(tools, "have", lambda name: True)
    monkeypatch.setattr(tools, "run", lambda argv, **options: SimpleNamespace(status=status))
    assert tools.FOREIGN in tools.wanted(config) and tools.FOREIGN not in tools.wanted(Config())
    said = refusal(tmp_path, config)
    assert all((words in said) == bool(status) for words in (
        "programs of arm64: do not run here", "qemu-user-static", "systemd-binfmt"))
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="aarch64"))
    assert "programs of arm64" not in refusal(tmp_path, config)


def refusal(cache: Path, config: Config) -> str:
    """What is said of a host that cannot build; nothing of one that can."""
    try:
        tools.check_host(cache, config)
    except ToolMissing as error:
        return str(error)
    return ""


def test_a_machine_set_up_for_development_has_every_tool() -> None:
    listed = set((PROJECT / ".ci/debian-packages.txt").read_text().split())
    always_there = {"apt", "procps", "util-linux"}
    assert {tool.package for tool in EVERY_TOOL} <= listed | always_there


@pytest.mark.parametrize("hook", sorted(p.relative_to(ELEMENTS).as_posix() for p in ELEMENTS.glob("*/*.d/*")
                                        if p.parent.name not in ("packages.d", "environment.d")))
def test_hooks_are_executable_and_stop_at_the_first_error(hook: str) -> None:
    path = ELEMENTS / hook
    assert path.stat().st_mode & 0o111 == 0o111
    assert "\nset -eu\nset -o pipefail\n" in path.read_text()


@pytest.mark.parametrize("packages", sorted(ELEMENTS.glob("*/packages.d/*"), key=str), ids=lambda p: p.name)
def test_package_lists_are_sorted_paragraph_by_paragraph(packages: Path) -> None:
    for paragraph in packages.read_text().split("\n\n"):
        names = [line for line in paragraph.splitlines() if line and not line.startswith("#")]
        assert names == sorted(names)


def test_every_element_says_what_it_is_for() -> None:
    assert [p.name for p in ELEMENTS.iterdir() if p.is_dir() and not (p / "README.md").is_file()] == []


def test_a_device_that_does_not_answer_does_not_keep_the_agent_from_starting() -> None:
    unit = (ELEMENTS / "lifeboat-agent/static/etc/systemd/system/lifeboat.service").read_text()
    before = [line.partition("=")[2] for line in unit.splitlines() if line.startswith("ExecStartPre=")]
    assert any("udevadm settle" in command for command in before)
    assert all(command.startswith("-") for command in before)


def test_an_iso_is_current_only_while_key_and_content_match(tmp_path: Path) -> None:
    iso = tmp_path / "x.iso"
    iso.write_bytes(b"abc")
    manifest_path(iso).write_text('{"key": "k", "product": [{"name": "x.iso", "sha256": '
                                  '"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}')
    assert is_current(iso, "k")
    assert not is_current(iso, "other")
    iso.write_bytes(b"abd")
    assert not is_current(iso, "k")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"key": "k", "product": 1}', '{"key": "k", "product": [1]}'])
def test_a_manifest_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    manifest_path(tmp_path / "x.iso").write_text(text)
    assert recorded(tmp_path / "x.iso") is None


def test_the_command_line_reaches_the_build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    def build(options: BuildOptions, progress: Progress) -> Path:
        asked.append(options)
        assert options.output is not None
        return options.output

    monkeypatch.setattr(pipeline, "build_iso", build)
    status = builder.main(["iso", "-o", str(tmp_path / "o.iso"), "--append", " rescue.auto ", "--compression", "xz"])
    assert status == Exit.OK
    assert asked == [BuildOptions(output=tmp_path / "o.iso",
                                  config=Config(image=Image(compression="xz"), boot=Boot(append="rescue.auto")))]
    assert capsys.readouterr().out == f"{tmp_path / 'o.iso'}\n"


@pytest.mark.parametrize(("section", "text", "what"), [
    ("recovery", 'answers = "wrong"', "this is no answer"),
    ("trust", 'ca_certificates = ["wrong"]', "not one certificate"),
    ("trust", 'allowed_signers = "empty"', "names nobody"),
    ("recovery", 'sets = ["directory"]', "no SIF set"),
    ("image", 'lock = "wrong"', "locks no package"),
])
def test_check_finds_an_input_that_cannot_serve(section: str, text: str, what: str, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path))
    monkeypatch.setattr(pipeline, "check_host", lambda cache, config: None)
    (tmp_path / "wrong").write_text("none of these\n")
    (tmp_path / "empty").write_text("")
    (tmp_path / "directory").mkdir()
    (tmp_path / "site.toml").write_text(f"[{section}]\n{text}\n")
    assert builder.main(["check", "--config", str(tmp_path / "site.toml")]) == Exit.BUILD_FAILED
    assert what in capsys.readouterr().err


def test_a_failure_is_shown_and_becomes_the_exit_code(monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    def build(options: BuildOptions, progress: Progress) -> Path:
        raise CommandFailed("xorriso failed", where="xorriso -x")

    monkeypatch.setattr(pipeline, "build_iso", build)
    assert builder.main(["iso"]) == Exit.COMMAND_FAILED
    assert "xorriso -x: xorriso failed" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["iso", "usb", "pxe", "all", "system", "check", "summary", "lock",
                                     "write-usb", "clean"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        builder.main([command, "--help"])
    assert stopped.value.code == 0
    assert "--" in capsys.readouterr().out

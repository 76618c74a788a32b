"""Captures on schedule: configuration, earlier sets, units and rules as they are installed."""

from __future__ import annotations

import argparse
import dataclasses
import re
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest
from sif_samples import machine

import sif.drift.cli as drift_cli
from sif import pack
from sif.capture import Captured
from sif.cli import OTHERS, main, parser
from sif.errors import Exit, UsageError
from sif.model import SystemInformation
from sif.raw.choose import KeptRaw
from sif.reader import load_set, read_set
from sif.run import run
from sif.units.config import ConfigWrong, parse_config
from sif.units.install import ENABLED, UNITS, files, install, remove, shipped
from sif.units.place import host_directory, keep_copy, prune
from sif.writer import write_set


def test_a_configuration_is_read_as_strictly_as_a_sif() -> None:
    found = parse_config('[CAPTURE] ; where\nmedium = "LABEL=SIF"\ndirectory = "sets"\nkeep = 2\n'
                         'options = ["--catalog", "--exclude-disk", "sdb"]\nsign_key = "/k"\n', "x")
    assert (found.medium, found.directory, found.keep, found.options, found.sign_key, found.output) == (
        "LABEL=SIF", "sets", 2, ("--catalog", "--exclude-disk", "sdb"), "/k", None)


@pytest.mark.parametrize(("text", "problem"), [
    ("", "x:1:1: no [CAPTURE] section"),
    ("[CAPTURE]\n", "one of output and medium"),
    ('[CAPTURE]\noutput = "/a"\nmedium = "LABEL=b"\n', "one of output and medium"),
    ('[CAPTURE]\noutput = "a"\n', "not an absolute path"),
    ('[CAPTURE]\nmedium = "/dev/sdb1"\n', "not LABEL=... or UUID=..."),
    ('[CAPTURE]\nmedium = "LABEL=S"\ndirectory = "../x"\n', "not below the medium's root"),
    ('[CAPTURE]\noutput = "/a"\nkeep = 0\n', "keep is at least 1"),
    ('[CAPTURE]\noutput = "/a"\nkeep = many\n', "x:3:8: keep is not an integer"),
    ('[CAPTURE]\noutput = "/a"\nkept = 3\n', "x:3:1: no such key: kept"),
    ('[CAPTURE]\noutput = "/a"\noutput = "/b"\n', "twice"),
    ('[CAPTURE]\noutput = "/a"\noptions = ["--output", "/b"]\n', "cannot have --output"),
    ('[CAPTURE]\noutput = "/a"\n[OTHER]\n', "x:3:1: not a section of this file: [OTHER]"),
    ("output = /a\n", "before the first section"),
])
def test_what_is_wrong_in_a_configuration_is_named_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(ConfigWrong) as caught:
        parse_config(text, "x")
    assert problem in str(caught.value)


def test_the_example_is_a_configuration() -> None:
    assert parse_config(shipped("capture.conf"), "capture.conf").medium == "LABEL=SIF"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Dict[str, Any]:
    """A machine to be captured into a directory; the dictionary tells and changes what it is."""
    state: Dict[str, Any] = {"machine": machine(), "captures": 0, "config": tmp_path / "capture.conf", "raw": ()}
    state["config"].write_text(f'[CAPTURE]\noutput = "{tmp_path / "out"}"\nkeep = 3\noptions = ["--name", "'
                               f'{machine().system.hostname}"]\n', encoding="utf-8")
    state["set"] = tmp_path / "out" / machine().system.hostname

    def look_at(arguments: argparse.Namespace, *, strict: bool = True) -> Captured:
        state["captures"] += 1
        number = f"{state['captures']:02}"
        info: SystemInformation = state["machine"]
        version = dataclasses.replace(info.version, created=f"2026-11-22T02:10:{number}Z",
                                      set_id=f"{number}7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11"[:36].rjust(36, "0"))
        return Captured(dataclasses.replace(info, version=version), {}, raw=state["raw"])
    monkeypatch.setattr("sif.cli.look_at", look_at)
    monkeypatch.setattr(drift_cli, "excluded_disks", lambda saved: ())
    return state


def scheduled(host: Dict[str, Any], *options: str) -> int:
    return main(["scheduled", "--config", str(host["config"]), *options])


def kernel(info: SystemInformation, release: str) -> SystemInformation:
    return dataclasses.replace(info, system=dataclasses.replace(info.system, kernel=release))


def earlier(host: Dict[str, Any]) -> List[str]:
    folder = host["set"] / "previous"
    return [read_set(path).system.kernel or "" for path in sorted(folder.iterdir())] if folder.is_dir() else []


def test_different_sets_are_kept_and_equal_ones_replace_each_other(host: Dict[str, Any]) -> None:
    for release in ("1", "1", "2", "3", "3", "4"):
        host["machine"] = kernel(machine(), release)
        assert scheduled(host) == Exit.OK
    assert read_set(host["set"]).system.kernel == "4"
    assert earlier(host) == ["2", "3"]  # with the current one, three


def test_a_changed_machine_is_captured_and_an_unchanged_one_is_not(host: Dict[str, Any]) -> None:
    assert scheduled(host, "--if-changed") == Exit.OK  # there is no set yet
    first = (host["set"] / "manifest").read_bytes()
    assert scheduled(host, "--if-changed") == Exit.OK
    assert (host["set"] / "manifest").read_bytes() == first
    host["machine"] = kernel(machine(), "2")
    assert scheduled(host, "--if-changed") == Exit.OK
    assert read_set(host["set"]).system.kernel == "2"


def test_a_scheduled_set_has_all_that_a_capture_by_hand_has(host: Dict[str, Any], tmp_path: Path) -> None:
    """Vendors' sections, the number of the capture, LUKS headers on request: one function completes both."""
    fragments = tmp_path / "providers.d"
    fragments.mkdir()
    (fragments / "acme.sif").write_text('[X-ACME.JOB nightly]\nserver = "vault"\n', encoding="utf-8")
    text = host["config"].read_text("utf-8")
    host["config"].write_text(text.replace('["--name"', f'["--providers", "{fragments}", "--name"'), "utf-8")
    assert scheduled(host) == scheduled(host) == Exit.OK
    info = read_set(host["set"])
    assert [section.text() for section in info.foreign] == ['[X-ACME.JOB nightly]\nserver = "vault"\n']
    assert info.version.serial == 2
    assert scheduled(host, "--if-changed") == Exit.OK
    assert read_set(host["set"]).version.serial == 2  # the vendor's section is no change
    (fragments / "acme.sif").write_text('[X-ACME.JOB nightly]\nserver = "safe"\n', encoding="utf-8")
    assert scheduled(host, "--if-changed") == Exit.OK
    assert read_set(host["set"]).version.serial == 3
    host["config"].write_text(text.replace('["--name"', '["--luks-headers", "--name"'), "utf-8")
    assert scheduled(host) == Exit.USAGE  # LUKS headers are for somebody: --secrets-recipient


def test_a_broken_set_is_replaced_and_not_kept(host: Dict[str, Any]) -> None:
    assert scheduled(host) == Exit.OK
    (host["set"] / "commands.sif").write_text("x", encoding="utf-8")
    host["machine"] = kernel(machine(), "2")
    assert scheduled(host, "--if-changed") == Exit.OK
    assert read_set(host["set"]).system.kernel == "2"
    assert earlier(host) == []


def test_an_earlier_set_keeps_its_own_image(host: Dict[str, Any], tmp_path: Path) -> None:
    device = tmp_path / "device"
    info = machine()
    reserved = dataclasses.replace(info.partitions[0], id="d0p9", number=9, start_sector=15181696, sectors=64,
                                   uuid="0f0e0d0c-0b0a-4908-8706-050403020109")
    host["machine"] = dataclasses.replace(info, partitions=(*info.partitions, reserved))
    host["raw"] = (KeptRaw("d0p9", str(device), "x"),)
    for content in (b"a", b"b"):
        device.write_bytes(content * 64 * 512)
        assert scheduled(host) == Exit.OK
    (old,) = (host["set"] / "previous").iterdir()
    assert load_set(old).info.raws[0].sha256 != load_set(host["set"]).info.raws[0].sha256


def test_an_earlier_set_is_kept_whole_with_its_signature_or_not_at_all(tmp_path: Path) -> None:
    write_set(machine(), tmp_path / "set", {})
    (tmp_path / "set/manifest.sig").write_text("signed", encoding="utf-8")
    kept = keep_copy(load_set(tmp_path / "set"))
    assert sorted(path.name for path in kept.iterdir()) == ["commands.sif", "dr_state.sif", "manifest", "manifest.sig"]
    assert load_set(kept).info == load_set(tmp_path / "set").info
    (kept.parent / "half.new").mkdir()  # the power failed while it was copied
    assert prune(tmp_path / "set", 1) == (kept.name, "half.new")
    assert list(kept.parent.iterdir()) == []


def test_the_set_of_this_host_is_found_and_never_guessed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_set(machine(), tmp_path / name, {})
    with pytest.raises(UsageError, match="several sets"):
        host_directory(tmp_path)
    shutil.rmtree(tmp_path / "two")
    assert host_directory(tmp_path) == tmp_path / "one"
    with pytest.raises(UsageError, match="no set"):
        host_directory(tmp_path / "nowhere")


# Units

def test_units_are_installed_enabled_and_taken_out_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["install-units", "--root", str(tmp_path), "--sif", "/usr/local/sbin/sif.pyz"]) == Exit.OK
    printed = capsys.readouterr().out.splitlines()
    there = sorted(str(path) for path in tmp_path.rglob("*") if not path.is_dir())
    assert sorted(printed) == there
    assert len(there) == len(UNITS) + len(ENABLED) + 2
    for unit, by in ENABLED:
        link = tmp_path / "etc/systemd/system" / f"{by}.wants" / unit
        assert (tmp_path / str(link.readlink()).lstrip("/")).is_file()
    assert not (tmp_path / "etc/sif/capture.conf").exists()
    assert main(["install-units", "--root", str(tmp_path), "--sif", "/x"]) == Exit.OK  # again: replaced
    assert main(["install-units", "--root", str(tmp_path), "--remove"]) == Exit.OK
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == []


@pytest.mark.parametrize("command", ["sif", "/a\nb", "/a %n", "/a $b", '/a "b"'])
def test_a_command_that_a_unit_would_read_differently_is_refused(command: str) -> None:
    with pytest.raises(UsageError):
        files(command)


def test_the_units_start_commands_that_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every ExecStart of ours is parsed by the program it starts, down to the missing configuration."""
    starts = [line.split()[1:] for one in files("/sif") for line in one.text.splitlines()
              if line.startswith("ExecStart=/sif")]
    assert sorted(starts) == [["scheduled"], ["scheduled", "--if-changed"]]
    for words in starts:
        assert main([*words, "--config", str(tmp_path / "none")]) == Exit.USAGE
        assert "no configuration" in capsys.readouterr().err


def test_systemd_finds_no_fault_in_the_units(tmp_path: Path) -> None:
    program = tmp_path / "sif.pyz"
    assert pack.main([str(program)]) == Exit.OK
    install(tmp_path, str(program))
    folder = tmp_path / "etc/systemd/system"
    done = run(["systemd-analyze", "verify", "--man=no", *(str(folder / unit) for unit in UNITS)], timeout=60,
               check=False)
    # other units of this machine may have faults of their own
    mine = [line for line in (done.stdout + done.stderr).splitlines() if "sif-" in line]
    assert mine == []
    broken = folder / "sif-capture.service"
    broken.write_text(broken.read_text("utf-8").replace("ProtectSystem=full", "ProtectSystm=full"), "utf-8")
    assert "ProtectSystm" in run(["systemd-analyze", "verify", "--man=no", str(broken)], timeout=60,
                                 check=False).stderr


def test_the_services_may_read_disks_and_modules() -> None:
    """What hardening must not take away: raw devices, kernel modules, and root's rights to read them."""
    for name in ("sif-capture.service", "sif-drift.service"):
        settings = dict(re.findall(r"^(\w+)=(.*)$", shipped(name), re.MULTILINE))
        assert not {"PrivateDevices", "ProtectKernelModules", "DevicePolicy", "CapabilityBoundingSet", "User",
                    "PrivateUsers", "ProtectProc", "PrivateNetwork"} & set(settings)
        # nor from backup programs: caches in root's home directory, setuid files that are copied
        assert not {"ProtectHome", "RestrictSUIDSGID", "MemoryDenyWriteExecute"} & set(settings)
        assert {"ProtectSystem", "PrivateTmp", "NoNewPrivileges"} <= set(settings)


# One file

def test_the_packed_file_has_every_module_and_every_data_file() -> None:
    package = Path(pack.__file__).parent
    names = {name for name, _ in pack.sources(package)}
    wanted = {path.relative_to(package.parent).as_posix() for path in package.rglob("*")
              if path.is_file() and "__pycache__" not in path.parts}
    assert {name for name in names if name.startswith("sif/")} == wanted
    assert {"rescue/planner/passes.py", "rescue/plan.py"} <= names and "rescue/planner/cli.py" not in names


def test_every_subcommand_of_the_packed_file_runs(tmp_path: Path) -> None:
    program = tmp_path / "sif.pyz"
    assert pack.main([str(program)]) == Exit.OK
    shown = run([sys.executable, "-I", str(program), "--help"], timeout=60).stdout
    commands = re.findall(r"^    ([a-z-]+)", shown, re.MULTILINE)
    assert {"capture", "show", "check", "diff", "drift", "scheduled", "install-units", "sign"} <= set(commands)
    script = ("import sys\nsys.path.insert(0, sys.argv[1])\nfrom sif.cli import main\n"
              "for name in sys.argv[2:]:\n    try:\n        main([name, '--help'])\n"
              "    except SystemExit as error:\n        print('ENDED', name, error.code)\n")
    said = run([sys.executable, "-I", "-c", script, str(program), *commands], timeout=60).stdout
    assert re.findall(r"^ENDED (\S+) (\S+)$", said, re.MULTILINE) == [(name, "0") for name in commands]
    assert all(f"usage: -c {name}" in said or f"usage: sif {name}" in said for name in commands)
    root = tmp_path / "root"
    root.mkdir()
    run([sys.executable, "-I", str(program), "install-units", "--root", str(root)], timeout=60)
    assert f"ExecStart={program} scheduled\n" in (root / "etc/systemd/system/sif-capture.service").read_text("utf-8")


def test_removing_is_what_installing_put_there(tmp_path: Path) -> None:
    assert sorted(remove(tmp_path)) == []
    assert sorted(install(tmp_path, "/sif")) == sorted(remove(tmp_path))


def test_a_subcommand_is_known_by_the_names_that_its_module_adds() -> None:
    """What is loaded for one name has to be what has that name."""
    for _, _, names in OTHERS:
        for name in names:
            with pytest.raises(SystemExit) as caught:
                parser(name).parse_args([name, "--help"])
            assert caught.value.code == 0
    choices = re.findall(r"^    ([a-z-]+)", parser().format_help(), re.MULTILINE)
    assert sorted(choices) == sorted([*(name for _, _, names in OTHERS for name in names),
                                      "capture", "show", "check", "diff"])

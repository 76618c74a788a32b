"""The providers that come with us, and the example in shell, with the real programs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Dict

import pytest
from machine_capture import replayed

from sif.capture.from_providers import ProvidersPart, volumes_of
from sif.check import check
from sif.cli import main
from sif.errors import Exit
from sif.merge import canonical
from sif.plain import replace
from sif.problems import errors_of
from sif.provider import kit
from sif.provider.client import Provider, shipped
from sif.provider.entry import entries
from sif.provider.errors import StoreUnreachable
from sif.provider.kit import examine
from sif.provider.sections import records_of

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/provider-cp.sh"
WITH_PASSWORD = ("restic", "borg")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Little waiting; what the programs remember of repositories stays in the test."""
    monkeypatch.setattr(kit, "_UNTIL_ASKED", 0.6)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def configuration(name: str, tmp_path: Path) -> Dict[str, str]:
    store = tmp_path / "store"
    if name not in WITH_PASSWORD:
        store.mkdir()
        return {"location": str(store)}
    (tmp_path / "password").write_text("correct horse\n")
    return {"location": str(store), "password_file": str(tmp_path / "password"), "secret": "backup"}


@pytest.mark.parametrize("name", ["restic", "borg", "rsync", "tar", "example"])
def test_every_check_of_the_kit_holds(name: str, tmp_path: Path) -> None:
    argv = (str(EXAMPLE),) if name == "example" else shipped(name)
    outcomes = examine(Provider(name, argv, configuration(name, tmp_path)), tmp_path)
    assert [f"{outcome.title}: {outcome.expected}; {outcome.found}" for outcome in outcomes if not outcome.ok] == []


@pytest.mark.parametrize("name", WITH_PASSWORD)
def test_a_wrong_password_is_said_before_anything_else(name: str, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    config = configuration(name, tmp_path)
    one = Provider(name, shipped(name), config)
    volumes = ({"id": "root", "mount": str(tmp_path / "tree"), "type": "ext4"},)
    entries([one], volumes, backup=True)
    (tmp_path / "password").write_text("wrong\n")
    with pytest.raises(StoreUnreachable) as caught:
        one.check(None)
    assert "secret" in str(caught.value)
    assert "wrong\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["restic", "borg", "rsync", "tar"])
def test_a_store_that_is_away_has_its_exit_code(name: str, tmp_path: Path) -> None:
    config = {**configuration(name, tmp_path), "location": str(tmp_path / "away")}
    words = [word for key, value in config.items() for word in ("--config", f"{key}={value}")]
    assert main(["provider", "check", name, *words]) == Exit.STORE_UNREACHABLE


def test_a_typing_error_in_a_configuration_is_not_ignored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["provider", "check", "tar", "--config", f"location={tmp_path}", "--config", "exclud=/x"]) != Exit.OK
    assert "exclud" in capsys.readouterr().err


def test_without_a_backup_there_is_no_entry(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for name in ("rsync", "tar"):
        (tmp_path / name).mkdir()
        one = Provider(name, shipped(name), {"location": str(tmp_path / name)})
        with pytest.raises(StoreUnreachable, match="no snapshot yet"):
            entries([one], ({"id": "root", "mount": str(tmp_path / "tree"), "type": "ext4"},), backup=False)


@pytest.mark.parametrize("machine", ["gpt-lvm-linear", "btrfs-root", "btrfs-on-luks", "filesystems"])
@pytest.mark.parametrize("name", ["restic", "borg", "rsync", "tar"])
def test_what_they_say_of_a_recorded_machine_fits_into_its_set(name: str, machine: str, tmp_path: Path) -> None:
    captured = replayed(machine).captured
    assert captured is not None
    info = captured.info
    volumes = volumes_of((*info.filesystems, *info.btrfs, *info.subvolumes))
    assert volumes
    one = Provider(name, shipped(name), {**configuration(name, tmp_path), "device": "LABEL=store"})
    sections = one.restore_entry({"volumes": list(volumes), "snapshot": "s1", "sequence": 2000, "store": "files",
                                  "files": []})
    part = ProvidersPart(records_of(name, sections))
    whole = canonical(replace(part.into(info), version=replace(info.version, part=1, parts=1)))
    assert [str(problem) for problem in errors_of(check(whole))] == []
    assert {str(volume) for command in whole.commands for volume in command.volumes} == {v["id"] for v in volumes}


def test_the_example_is_clean_shell() -> None:
    subprocess.run(["shellcheck", str(EXAMPLE)], check=True)

"""The shipped providers with the real programs: every check of the kit holds, and what is lost is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from sif.errors import Exit
from sif.provider.client import Provider, shipped
from sif.provider.errors import ProviderFailed, StoreUnreachable
from sif.provider.kit import examine

NAMES = ("borg", "restic", "rsync", "tar")


def provider(name: str, directory: Path) -> Provider:
    store = directory / "store"
    store.mkdir(exist_ok=True)
    values = {"location": str(store)}
    if name in ("borg", "restic"):
        (directory / "pw").write_text("correct horse\n")
        values = {"location": str(store / "repo"), "password_file": str(directory / "pw"), "secret": "key"}
    return Provider(name, shipped_here(name), values)


def shipped_here(name: str) -> "tuple[str, ...]":
    found = shipped(name)
    return (found[0], "-m", "sif", *found[-3:])


@pytest.mark.parametrize("name", NAMES)
def test_every_check_holds(name: str, tmp_path: Path) -> None:
    outcomes = examine(provider(name, tmp_path), tmp_path)
    assert [(one.title, one.expected, one.found) for one in outcomes if not one.ok] == []
    assert [one.number for one in outcomes if one.skipped] == [8]


@pytest.mark.parametrize("name", NAMES)
def test_a_store_that_is_not_there_is_unreachable(name: str, tmp_path: Path) -> None:
    made = provider(name, tmp_path)
    (tmp_path / "store").rename(tmp_path / "gone")
    with pytest.raises(StoreUnreachable) as caught:
        made.check(None)
    assert caught.value.code is Exit.STORE_UNREACHABLE and str(caught.value.found).startswith("unreachable")
    assert f"provider {name}" in str(caught.value)


@pytest.mark.parametrize("name", ["borg", "restic"])
def test_a_wrong_password_is_named(name: str, tmp_path: Path) -> None:
    made = provider(name, tmp_path)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a").write_text("a")
    made.backup(({"id": "data", "mount": str(tmp_path / "tree"), "type": "ext4"},), str(tmp_path))
    (tmp_path / "pw").write_text("battery staple\n")
    with pytest.raises(StoreUnreachable) as caught:
        made.check(None)
    assert str(caught.value.found).startswith("secret")
    assert "staple" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_no_entry_without_a_snapshot(name: str, tmp_path: Path) -> None:
    volumes = [{"id": "data", "mount": str(tmp_path), "type": "ext4"}]
    with pytest.raises(StoreUnreachable) as caught:
        provider(name, tmp_path).restore_entry({"volumes": volumes, "snapshot": None, "sequence": 2000, "store": name,
                                                "files": []})
    assert str(caught.value.found).startswith("no-snapshot")


def test_a_key_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    made = Provider("tar", shipped_here("tar"), {"location": str(tmp_path), "pasword": "x"})
    with pytest.raises(ProviderFailed, match="pasword"):
        made.check(None)

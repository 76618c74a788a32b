"""What is made when the files are back: commands and places; the real programs run in the storage tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, List, Sequence, Tuple

import pytest
from agent_machines import plan_for, server

from rescue.storage import finishing
from rescue.storage.errors import RebuildFailed
from sif.model import Btrfs, Luks, Ref, Subvolume, Swap, SystemInformation
from sif.run import Result

UUID = "91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d01"
SWAP = Swap("swap0", Ref("root"), UUID, path="/var/swap file", size_bytes=8192, label="swap")
CRYPT = Luks("crypt", Ref("d0p3"), 2, "0f0e0d0c-0b0a-4908-8706-050403020106", "aes-xts-plain64", 512, 16 << 20,
             key_file="/etc/keys/data.key", options="luks,keyfile-size=32,keyfile-offset=8",
             keyslots=("0:pbkdf2:1000", "1:argon2id:4:1048576:4"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> List[Tuple[Tuple[str, ...], Any]]:
    """Every program with its input; cryptsetup says that no key fits, blkid that there is no swap."""
    calls: List[Tuple[Tuple[str, ...], Any]] = []

    def run(argv: Sequence[str], **options: Any) -> Result:
        calls.append((tuple(argv), options.get("input")))
        return Result(tuple(argv), 2 if "--test-passphrase" in argv else 0, "", "", 0.0)

    monkeypatch.setattr(finishing, "run", run)
    return calls


def with_luks(luks: Luks) -> SystemInformation:
    saved = server()
    return replace(saved, luks=(luks,), pvs=(replace(saved.pvs[0], device=Ref("crypt")),))


def test_a_swap_file_is_made_with_its_size_mode_and_ids(tmp_path: Path, asked: List[Any]) -> None:
    assert finishing.make_swap_files(replace(server(), swaps=(SWAP,)), tmp_path) == ("/var/swap file",)
    made = tmp_path / "var/swap file"
    assert (made.stat().st_size, made.stat().st_mode & 0o777) == (8192, 0o600)
    assert made.stat().st_blocks * 512 >= 8192  # no hole
    assert [argv[0] for argv, _ in asked] == ["chattr", "mkswap"]
    assert asked[-1][0][1:7] == ("--uuid", UUID, "--pagesize", "4096", "--label", "swap")


def test_a_swap_file_that_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var/swap file").write_bytes(b"x" * 8192)
    monkeypatch.setattr(finishing, "run", lambda argv, **_: Result(tuple(argv), 0, UUID.upper() + "\n", "", 0.0))
    assert finishing.make_swap_files(replace(server(), swaps=(SWAP,)), tmp_path) == ()
    assert (tmp_path / "var/swap file").read_bytes() == b"x" * 8192


def test_no_file_is_made_outside_the_tree(tmp_path: Path, asked: List[Any]) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/var").symlink_to(tmp_path)
    with pytest.raises(RebuildFailed, match="outside"):
        finishing.make_swap_files(replace(server(), swaps=(SWAP,)), tmp_path / "tree")
    assert asked == []


def test_the_restored_key_file_becomes_a_key_where_it_is_none(tmp_path: Path, asked: List[Any]) -> None:
    key = tmp_path / "etc/keys/data.key"
    key.parent.mkdir(parents=True)
    key.write_bytes(b"k" * 64)
    changed = finishing.add_key_files(with_luks(CRYPT), plan_for(), tmp_path, {"secret:luks-crypt": b"pw"}.get)
    (tried, _), (added, typed) = asked
    assert changed == ("crypt",) and typed == "pw"
    assert {f"--key-file={key}", "--keyfile-size=32", "--keyfile-offset=8", "/dev/vda3"} <= set(tried)
    assert added[:4] == ("cryptsetup", "luksAddKey", "--batch-mode", "--key-file=-")
    assert {"--new-keyfile-size=32", "--new-keyfile-offset=8", "--pbkdf=argon2id"} <= set(added)
    assert added[-2:] == ("/dev/vda3", str(key)) and b"pw" not in b" ".join(word.encode() for word in added)


def test_a_key_that_opens_its_volume_or_is_elsewhere_is_left_alone(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_bytes(b"k")
    calls: List[Sequence[str]] = []

    def run(argv: Sequence[str], **_: Any) -> Result:
        calls.append(argv)
        return Result(tuple(argv), 0, "", "", 0.0)

    monkeypatch.setattr(finishing, "run", run)
    for where, tries in (("/key", 1), ("/dev/urandom", 0), ("/mnt/stick/key", 0), (None, 0)):
        calls.clear()
        assert finishing.add_key_files(with_luks(replace(CRYPT, key_file=where)), plan_for(), tmp_path,
                                       lambda _name: b"pw") == ()
        assert len(calls) == tries


def test_subvolumes_are_sealed_but_for_those_still_written_to(asked: List[Any]) -> None:
    saved = server()
    tank = Btrfs("tank", (Ref("d0p2"),), UUID)
    subs = (Subvolume("1", Ref("tank"), "@", mount="/", readonly=True), Subvolume("2", Ref("tank"), "@srv"),
            Subvolume("3", Ref("tank"), "@srv/snap", readonly=True))
    saved = replace(saved, btrfs=(tank,), subvolumes=subs)
    finishing.seal_subvolumes(saved, plan_for(), ("1",))
    sealed = [argv[-3].rpartition("/lifeboat-btrfs-")[2].partition("/")[2] for argv, _ in asked if argv[0] == "btrfs"]
    assert sealed == ["@srv/snap"] and asked[0][0][-2] == "/dev/vda2" and asked[-1][0][0] == "umount"
    asked.clear()
    finishing.seal_subvolumes(saved, plan_for())
    assert len([argv for argv, _ in asked if argv[0] == "btrfs"]) == 2

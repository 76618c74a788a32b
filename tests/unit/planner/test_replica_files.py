"""The files of a replica: the original's identities are gone from them, and nothing else changed."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path
from typing import List

import pytest
from planner_cases import mirror, plain
from planner_machines import machine, present

from rescue import replica
from rescue.failures import RestoreFailed
from rescue.plan import Renamed
from rescue.planner import RestorePolicy, plan_restore
from sif.errors import CommandFailed
from sif.model import Mode, Nic, Policy, SystemInformation
from sif.run import Result


def original() -> SystemInformation:
    return replace(plain(), policy=Policy(mode=Mode.REPLICATE, replica_addresses=("eth0=192.0.2.1{number}/24",)),
                   system=replace(plain().system, machine_id_value="0123456789abcdef0123456789abcdef"),
                   nics=(Nic("eth0", addresses=("192.0.2.1/24",)),))


def tree(root: Path, saved: SystemInformation) -> Path:
    """A restored system that names itself everywhere."""
    uuid = {fs.id: fs.uuid for fs in saved.filesystems}
    files = {
        "etc/fstab": f"UUID={uuid['root']} / ext4 defaults 0 1\nUUID={uuid['esp'].lower()} /boot/efi vfat\n"
                     f"LABEL=other /x ext4\n",
        "boot/grub/grub.cfg": f"search --fs-uuid --set=root {uuid['boot']}\nlinux /vmlinuz root=UUID={uuid['root']}\n",
        "etc/hostname": "web01\n", "etc/hosts": "127.0.1.1 web01.example.org web01\n192.0.2.1 web01.example.org\n"
                                                "192.0.2.10 web010.example.org\n",
        "etc/network/interfaces": "address 192.0.2.1/24\ngateway 192.0.2.254\n",
        "etc/machine-id": "0123456789abcdef0123456789abcdef\n", "usr/share/doc": f"{uuid['root']} web01.example.org\n"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def test_every_file_names_the_replica(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = original()
    plan = plan_restore(saved, machine(present("vda")), RestorePolicy(replica="web02"))
    target = plan.target_of(saved)
    root = tree(tmp_path, saved)
    (root / "etc/fstab").chmod(0o640)
    done = replica.become_replica(target, plan, root)
    ids = {fs.id: fs.uuid for fs in target.filesystems}
    assert (root / "etc/fstab").read_text("utf-8") == (
        f"UUID={ids['root']} / ext4 defaults 0 1\nUUID={ids['esp'].lower()} /boot/efi vfat\nLABEL=other /x ext4\n")
    assert stat.S_IMODE((root / "etc/fstab").stat().st_mode) == 0o640
    assert (root / "boot/grub/grub.cfg").read_text("utf-8").count(ids["root"]) == 1
    assert (root / "etc/hostname").read_text("utf-8") == "web02\n"
    assert (root / "etc/hosts").read_text("utf-8") == (
        "127.0.1.1 web02.example.org web02\n192.0.2.12 web02.example.org\n192.0.2.10 web010.example.org\n")
    assert (root / "etc/network/interfaces").read_text("utf-8") == "address 192.0.2.12/24\ngateway 192.0.2.254\n"
    assert (root / "etc/machine-id").read_text("utf-8").strip() == target.system.machine_id_value
    assert "web01" in (root / "usr/share/doc").read_text("utf-8")
    assert len(done) == 6
    again = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    replica.become_replica(target, plan, root)
    assert all(path.read_bytes() == data for path, data in again.items())


def test_a_recovery_changes_nothing(tmp_path: Path) -> None:
    saved = plain()
    plan = plan_restore(saved, machine(present("vda")), RestorePolicy())
    root = tree(tmp_path, saved)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert replica.become_replica(saved, plan, root) == ()
    assert all(path.read_bytes() == data for path, data in before.items())


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("web01.example.org\n", "utf-8")
    (tmp_path / "tree/etc").mkdir(parents=True)
    (tmp_path / "tree/etc/fstab").symlink_to(outside)
    assert list(replica.rename_files((Renamed("web01.example.org", "web02.example.org"),), tmp_path / "tree")) == []
    assert outside.read_text("utf-8") == "web01.example.org\n"


@pytest.mark.parametrize(("text", "after"), [
    ("web01.example.org", "web02.example.org"), ("xweb01.example.org", "xweb01.example.org"),
    ("web01.example.organic", "web01.example.organic"), ("web01.example.org.", "web02.example.org."),
    ("web01.example.org.uk", "web01.example.org.uk"), ("root@web01.example.org:", "root@web02.example.org:"),
])
def test_a_name_is_changed_where_it_stands_alone(text: str, after: str) -> None:
    assert replica.renamed_text(text, (Renamed("web01.example.org", "web02.example.org"),))[0] == after


def test_arrays_and_volumes_are_named_by_their_own_ids() -> None:
    saved = mirror()
    disks = [present(f"vd{n}", disk.size_bytes, by_path=disk.by_path) for n, disk in zip("ab", saved.disks)]
    plan = plan_restore(saved, machine(*disks), RestorePolicy(replica="web02"))
    target = plan.target_of(saved)
    text, count = replica.renamed_text(f"ARRAY /dev/md0 UUID={saved.arrays[0].uuid}\ncrypt UUID={saved.luks[0].uuid}\n",
                                       plan.renamed)
    assert count == 2 and target.arrays[0].uuid in text and target.luks[0].uuid in text


def test_host_keys_are_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: List[List[str]] = []

    def run(argv: List[str], **_options: object) -> Result:
        told.append(argv)
        return Result(tuple(argv), 0, "", "", 0.0)

    saved = original()
    plan = plan_restore(saved, machine(present("vda")), RestorePolicy(replica="web02"))
    (tmp_path / "etc/ssh").mkdir(parents=True)
    for name in ("ssh_host_rsa_key", "ssh_host_rsa_key.pub", "sshd_config"):
        (tmp_path / "etc/ssh" / name).write_text("old", "utf-8")
    monkeypatch.setattr(replica, "run", run)
    replica.become_replica(plan.target_of(saved), plan, tmp_path)
    assert told == [["ssh-keygen", "-A", "-f", str(tmp_path)]]
    assert sorted(path.name for path in (tmp_path / "etc/ssh").iterdir()) == ["sshd_config"]


def test_a_replica_without_host_keys_is_no_success(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: List[str], **_options: object) -> Result:
        raise CommandFailed("no", found="broken")

    saved = original()
    plan = plan_restore(saved, machine(present("vda")), RestorePolicy(replica="web02"))
    (tmp_path / "etc/ssh").mkdir(parents=True)
    (tmp_path / "etc/ssh/ssh_host_rsa_key").write_text("old", "utf-8")
    monkeypatch.setattr(replica, "run", run)
    with pytest.raises(RestoreFailed, match="SSH host keys"):
        replica.become_replica(plan.target_of(saved), plan, tmp_path)

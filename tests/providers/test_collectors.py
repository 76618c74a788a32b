"""Collectors: a real PostgreSQL, systemd's links, libvirt's files, the network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List, Sequence

import pytest

from sif.capture.from_providers import ProvidersPart
from sif.features import features_of
from sif.merge import merged
from sif.model import Command, Disk, SetFile, System, Version, VolumeGroup
from sif.parse import parse_text
from sif.provider.client import Provider, shipped
from sif.provider.entry import Entry, entries
from sif.provider.shipped.network_state import steady
from sif.reader import load_set
from sif.writer import write_set

VOLUMES = ({"id": "root", "mount": "/", "type": "ext4"},)
NOBODY = 65534


def collect(name: str, **config: str) -> Entry:
    (entry,) = entries([Provider(name, shipped(name), config)], VOLUMES, backup=False)
    return entry


def as_user(argv: Sequence[str]) -> List[str]:
    """PostgreSQL refuses to run as root: then it runs as nobody."""
    if os.geteuid() != 0:
        return list(argv)
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]


def programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    assert found, "the Debian package postgresql is missing: .ci/debian-packages.txt has it"
    return found[-1]


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A PostgreSQL of our own, on a socket in its own directory."""
    place = Path(str(tmp_path_factory.mktemp("pg", numbered=True)))
    short = Path("/tmp") / f"lb-{os.getpid()}"  # the name of a socket is short
    short.mkdir()
    if os.geteuid() == 0:
        for folder in (place, short):
            os.chown(folder, NOBODY, NOBODY)
        for folder in (place.parent, *place.parent.parents[:2]):
            if folder.stat().st_uid == 0 and str(folder).startswith("/tmp/"):
                folder.chmod(folder.stat().st_mode | 0o011)
    bin_ = programs()
    data = short / "data"
    subprocess.run(as_user([str(bin_ / "initdb"), "--username=postgres", "--auth=trust", "--no-sync", "-D", str(data)]),
                   check=True, capture_output=True)
    start = [str(bin_ / "pg_ctl"), "-D", str(data), "-w", "-l", str(short / "log"), "-o",
             f"-k {short} -h '' -c fsync=off", "start"]
    subprocess.run(as_user(start), check=True, capture_output=True)
    try:
        yield short
    finally:
        subprocess.run(as_user([str(bin_ / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]), check=False,
                       capture_output=True)
        shutil.rmtree(short)


def sql(cluster: Path, statement: str, database: str = "postgres") -> str:
    done = subprocess.run([str(programs() / "psql"), f"--host={cluster}", "--username=postgres", "-tA", "-c", statement,
                           database], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_database_comes_back_from_its_dump(cluster: Path, tmp_path: Path) -> None:
    sql(cluster, "CREATE ROLE shop LOGIN")
    sql(cluster, 'CREATE DATABASE "web shop" OWNER shop')
    sql(cluster, "CREATE TABLE t AS SELECT n, md5(n::text) AS m FROM generate_series(1, 1000) n", "web shop")
    before = sql(cluster, "SELECT count(*), max(m) FROM t", "web shop")
    entry = collect("postgresql", host=str(cluster), bin=str(programs()), cluster="15/main")
    sql(cluster, 'DROP DATABASE "web shop"')
    sql(cluster, "DROP ROLE shop")
    for path, data in entry.files.items():
        (tmp_path / Path(path).name).write_bytes(data)
    psql = [str(programs() / "psql"), f"--host={cluster}", "--username=postgres", "-q", "-d", "postgres", "-f"]
    subprocess.run([*psql, str(tmp_path / "globals.sql")], check=False, capture_output=True)  # postgres itself is there
    for dump in sorted(tmp_path.glob("*.dump")):
        subprocess.run([str(programs() / "pg_restore"), f"--host={cluster}", "--username=postgres", "--clean",
                        "--if-exists", "--create", "--dbname=template1", str(dump)], check=False, capture_output=True)
    assert sql(cluster, "SELECT count(*), max(m) FROM t", "web shop") == before
    assert sql(cluster, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'web shop'") == "shop"
    commands = [record for record in entry.records if isinstance(record, Command)]
    assert [command.id for command in commands] == ["3000", "3001", "3002"]
    files = [record for record in entry.records if isinstance(record, SetFile)]
    assert {file.path for file in files} == {f"media:{path}" for path in entry.files}
    assert "globals.sql" in {Path(file.path).name for file in files}


def test_a_base_backup_is_a_cluster_that_starts(cluster: Path, tmp_path: Path) -> None:
    sql(cluster, "CREATE TABLE kept AS SELECT 42 AS answer")
    entry = collect("postgresql", host=str(cluster), bin=str(programs()), mode="base", data_directory="/var/lib/pg")
    data = cluster / "restored"
    data.mkdir(mode=0o700)
    (tmp_path / "base.tar.gz").write_bytes(entry.files["files/postgresql/base.tar.gz"])
    subprocess.run(["tar", "-xzf", str(tmp_path / "base.tar.gz"), "-C", str(data)], check=True)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(data)], check=True)
    socket = cluster / "s"
    socket.mkdir()
    if os.geteuid() == 0:
        os.chown(socket, NOBODY, NOBODY)
    control = [str(programs() / "pg_ctl"), "-D", str(data), "-w", "-l", str(cluster / "log2")]
    start = [*control, "-o", f"-k {socket} -h '' -c fsync=off", "start"]
    subprocess.run(as_user(start), check=True, capture_output=True)
    try:
        assert sql(socket, "SELECT answer FROM kept") == "42"
    finally:
        subprocess.run(as_user([*control, "-m", "immediate", "stop"]), check=True, capture_output=True)
    (command,) = [record for record in entry.records if isinstance(record, Command)]
    assert command.argv[-1] == "${target}/var/lib/pg"


def test_systemd_units_are_collected(tmp_path: Path) -> None:
    (tmp_path / "multi-user.target.wants").mkdir()
    (tmp_path / "multi-user.target.wants/x.service").symlink_to("/usr/lib/systemd/system/x.service")
    (tmp_path / "own.service").write_text("[Service]\n")
    entry = collect("systemd-units", directory=str(tmp_path))
    assert entry.files["files/systemd-units/units/own.service"] == b"[Service]\n"
    assert b"x.service -> /usr/lib/systemd/system/x.service" in entry.files["files/systemd-units/enabled.txt"]


def test_libvirts_files_are_collected_where_libvirt_is_silent(tmp_path: Path) -> None:
    (tmp_path / "qemu").mkdir()
    (tmp_path / "qemu/web.xml").write_text("<domain/>")
    entry = collect("libvirt", directory=str(tmp_path), uri="test:///no-such-daemon")
    assert entry.files["files/libvirt/files/qemu/web.xml"] == b"<domain/>"


NETPLAN = """network:
  wifis:
    wl0:
      access-points:
        "home": {password: "hunter2-a"}
        other:
          auth:
            key-management: psk
            password: "hunter2-b"
            client-key-password: hunter2-c
  tunnels:
    wg0:
      key: hunter2-d=
      peers:
        - keys:
            public: seen=
            shared: hunter2-e=
      keys: {private: hunter2-f, x: y}
"""
NETDEV = "[WireGuard]\nPrivateKey=hunter2-g=\nPresharedKey = hunter2-h\nPublicKey=seen\nPrivateKeyFile=/etc/key\n"
IFUPDOWN = """iface wlan0 inet dhcp
    wpa-ssid seen
    wpa-psk hunter2-i
    wireless-key s:hunter2-j
"""
UNIT = """[Service]
Environment=DB_PASSWORD=hunter2-k X=1
Environment="API_TOKEN=hunter2-l"
SetCredential=x:hunter2-m
EnvironmentFile=/etc/default/seen
ExecStart=/usr/bin/x --password hunter2-n
ExecStop=/usr/bin/x --password=hunter2-o
"""
DOMAIN = """<domain><devices><graphics type='vnc' passwd='hunter2 p' port="1"/>
<emulator>seen</emulator><arg value='spice,password=hunter2-q,x'/></devices></domain>
"""
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2-r\n-----END OPENSSH PRIVATE KEY-----\n"
WITH_SECRETS = {
    "network-state": {"etc/netplan/50.yaml": NETPLAN, "etc/systemd/network/wg.netdev": NETDEV,
                      "etc/network/interfaces": IFUPDOWN, "etc/network/key": KEY},
    "systemd-units": {"own.service": UNIT, "own.service.d/key.conf": KEY},
    "libvirt": {"qemu/web.xml": DOMAIN, "qemu.conf": 'vnc_password = "hunter2-s"\n# seen\n',
                "secrets/a.base64": "aHVudGVyMi10"}}


@pytest.mark.parametrize("name", WITH_SECRETS)
def test_no_collector_puts_a_secret_into_a_set(name: str, tmp_path: Path) -> None:
    for path, text in WITH_SECRETS[name].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "qemu").mkdir(exist_ok=True)
    (tmp_path / "qemu/binary").write_bytes(b"\xff\xfe hunter2")
    told: List[str] = []
    config = {"root": str(tmp_path)} if name == "network-state" else {
        "directory": str(tmp_path), **({"uri": "test:///no-such-daemon"} if name == "libvirt" else {})}
    (entry,) = entries([Provider(name, shipped(name), config)], VOLUMES, backup=False,
                       report=lambda message: told.append(str(message)))
    everything = b"".join(entry.files.values()).decode() + "".join(told)
    assert "hunter2" not in everything and "aHVudGVy" not in everything
    texts = [text for text in WITH_SECRETS[name].values() if "seen" in text]
    assert everything.count("seen") >= len(texts)
    assert any("left out" in line for line in told)
    for path, data in entry.files.items():
        if path.endswith(".xml"):
            assert xml.etree.ElementTree.fromstring(data.decode()).find("devices/emulator") is not None


def test_the_state_of_the_network_is_collected() -> None:
    entry = collect("network-state")
    links = json.loads(entry.files["files/network-state/addresses.json"])
    assert any(link.get("ifname") == "lo" for link in links)


def test_a_lease_that_runs_down_is_no_other_state() -> None:
    def address(left: int) -> str:
        return json.dumps([{"ifname": "eth0", "addr_info": [{"local": "192.0.2.7", "valid_life_time": left}]}, {}])
    assert steady(address(3600)) == steady(address(3599))
    assert "192.0.2.7" in steady(address(1))
    assert steady("no JSON") == "no JSON"


@pytest.mark.parametrize("name", ["systemd-units", "network-state", "libvirt"])
def test_what_is_collected_fits_into_a_set(name: str, tmp_path: Path) -> None:
    """In the set of a recorded machine its sections and files are written, read again and found sound."""
    (tmp_path / "own.service").write_text("[Service]\n")
    config = {} if name == "network-state" else {"directory": str(tmp_path)}
    (entry,) = entries([Provider(name, shipped(name), config)], VOLUMES, backup=False)
    machine = Path(__file__).resolve().parents[1] / "machines/gpt-lvm-linear/expected.sif"
    records, problems = parse_text(machine.read_text("utf-8"), "expected.sif")
    assert not problems
    version = next(record for record in records if isinstance(record, Version))
    system = next(record for record in records if isinstance(record, System))
    # files of the machine that the text names are not here: only what refers to none is kept
    plain = [replace(record, metadata=None, metadata_sha256=None) if isinstance(record, VolumeGroup) else
             replace(record, boot_code=None, boot_code_sha256=None, boot_gap=None, boot_gap_sha256=None)
             if isinstance(record, Disk) else record for record in records]
    info = ProvidersPart(entry.records, entry.files).into(merged(version, system, plain))
    write_set(replace(info, version=replace(version, requires=features_of(info))), tmp_path / "set", entry.files)
    loaded = load_set(tmp_path / "set")
    assert loaded.info.files == tuple(record for record in entry.records if isinstance(record, SetFile))

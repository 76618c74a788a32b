"""Captures on schedule and on change, on a real server under its own systemd, hardened as the units are."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Dict, Iterator

import pytest

from drill import images
from drill.guest import Guest
from drill.healthy import healthy_server
from drill.server import facts
from sif.run import run

pytestmark = [pytest.mark.vm, pytest.mark.firmware]  # a server in QEMU for minutes: `make test-units`

SIF = "/usr/local/sbin/sif.pyz"
SECONDS = 1200.0
CONFIG = '[CAPTURE]\nmedium = "LABEL=SIF"\noptions = ["--backup"]\n'
PROVIDER = """[PROVIDER files]
program = restic
location = "/backup"
path = "/srv/backup"
device = "LABEL=store"
password_file = "/etc/sif/restic.pw"
secret = restic
exclude = ["/srv/backup", "/usr/lib", "/usr/share", "/usr/sbin", "/var", "/boot"]
"""
DAILY, DRIFT, WATCH, DEBOUNCE = "sif-capture.service", "sif-drift.service", "sif-changed.path", "sif-drift.timer"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The server with the units, a backup program that runs inside of them, and a stick for the sets."""
    folder = tmp_path_factory.mktemp("units")
    run((sys.executable, "-m", "sif.pack", str(folder / "sif.pyz")), timeout=120)
    images.make_stick(folder / "stick.img", facts.STICK_BYTES, "SIF")
    with tempfile.TemporaryDirectory(prefix="lb-") as short, \
            healthy_server(Path(short), "units", stick=folder / "stick.img") as guest:
        guest.run(("mkdir", "-p", "/etc/sif/providers", "/srv/backup"), timeout=60)
        guest.write(SIF, (folder / "sif.pyz").read_bytes())
        guest.run(("chmod", "755", SIF), timeout=60)
        guest.run((SIF, "precompile"), timeout=SECONDS)
        guest.write("/etc/sif/restic.pw", b"a password\n")
        guest.write("/etc/sif/providers/files.conf", PROVIDER.encode())
        guest.run((SIF, "install-units"), timeout=SECONDS)
        guest.write("/etc/sif/capture.conf", CONFIG.encode())
        yield guest


def shell(guest: Guest, script: str) -> str:
    return guest.run(("sh", "-c", script), timeout=SECONDS).text


def state(guest: Guest, unit: str) -> Dict[str, str]:
    """The properties of a unit."""
    shown = guest.run(("systemctl", "show", unit), timeout=60).text
    return dict(line.partition("=")[::2] for line in shown.splitlines())


def on_the_stick(guest: Guest) -> str:
    """The set that lies there."""
    return shell(guest, f"mount -o ro LABEL=SIF /mnt && cat /mnt/{facts.HOSTNAME}/*.sif; umount /mnt")


def test_the_daily_capture_backs_up_and_writes_to_the_stick(guest: Guest) -> None:
    started = guest.run(("systemctl", "start", DAILY), timeout=SECONDS, check=False)
    assert started.status == 0, shell(guest, f"journalctl --no-pager -u {DAILY}")
    assert "[BOOT]" in (captured := on_the_stick(guest)) and "[STORE files]" in captured
    assert shell(guest, "findmnt -n LABEL=SIF; true") == "", "it was mounted for the service alone"
    kept = shell(guest, "restic --repo /srv/backup --password-file /etc/sif/restic.pw --no-cache ls latest")
    assert "/usr/bin/passwd" in kept.splitlines()
    assert shell(guest, "ls -d /root/.cache/restic"), "the backup program has its cache"


def test_what_nobody_changed_is_not_captured_again(guest: Guest) -> None:
    before = on_the_stick(guest)
    guest.run(("systemctl", "start", DRIFT), timeout=SECONDS)
    assert on_the_stick(guest) == before


def test_a_changed_file_and_a_new_volume_lead_to_a_capture_when_all_is_quiet(guest: Guest) -> None:
    guest.run(("systemctl", "start", WATCH), timeout=60)
    assert state(guest, DEBOUNCE)["ActiveState"] == "inactive"
    shell(guest, "echo '# noted' >> /etc/fstab; "
          "for i in $(seq 60); do systemctl -q is-active sif-drift.timer && break; sleep 1; done")
    first = state(guest, DEBOUNCE)
    assert first["ActiveState"] == "active", shell(guest, "journalctl --no-pager -b -u 'sif-*'")
    group = shell(guest, "vgs --noheadings -o vg_name,vg_free_count").split()
    name = next(vg for vg, free in zip(group[::2], group[1::2]) if int(free) > 4)
    shell(guest, f"sleep 2; lvcreate -q -y -W n -l 4 -n fresh {name}; sleep 5")
    assert state(guest, DEBOUNCE)["ActiveEnterTimestampMonotonic"] > first["ActiveEnterTimestampMonotonic"], \
        "a new volume starts the minute anew"
    shell(guest, "for i in $(seq 300); do systemctl -q is-active sif-drift.timer || break; sleep 1; done; "
          "systemctl start sif-drift.service")  # waits for the capture that has begun
    assert state(guest, DRIFT)["Result"] == "success", shell(guest, f"journalctl --no-pager -u {DRIFT}")
    assert "fresh" in on_the_stick(guest)
    old = shell(guest, f"mount -o ro LABEL=SIF /mnt; ls /mnt/{facts.HOSTNAME}/previous; umount /mnt")
    assert old, "the old set stays"


def test_everything_goes_again_but_the_configuration(guest: Guest) -> None:
    guest.run((SIF, "install-units", "--remove"), timeout=SECONDS)
    assert shell(guest, "find /etc /usr/lib/systemd /usr/lib/udev -name '*sif-*'; cat /etc/sif/capture.conf") == CONFIG

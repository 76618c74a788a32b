"""Whose keys the SSH server takes: the image's script, with a kernel command line of ours and a stand-in medium."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder_lib.options import PROJECT
from sif.run import run

pytestmark = pytest.mark.vm  # root, for a mount namespace; a second

SCRIPT = PROJECT / "elements/lifeboat-network/static/usr/lib/lifeboat/ssh-keys"
STUBS = {
    "findfs": '[ "$1" = LABEL=SIF ] && echo /dev/sdz1',
    "losetup": 'echo "losetup $*" >> {log}; [ "$1" = --detach ] || echo /dev/loop9',
    "mount": 'echo "mount $*" >> {log}; echo "ssh-ed25519 MEDIUM" > "$4/authorized_keys"; echo "ssh-rsa X" > "$4/x"',
    "umount": 'echo "umount $*" >> {log}',
    "udevadm": "exit 0",
}
INSIDE = 'mount --bind "$1" /proc/cmdline && mount -t tmpfs t /run && PATH=$2:$PATH bash "$3" > /dev/null && ' \
         "cat /run/lifeboat-ssh/authorized_keys"


@pytest.mark.parametrize(("argument", "keys"), [
    ("rescue.sshkey=ssh-ed25519,KERNEL", "ssh-ed25519 KERNEL\n"),
    ("rescue.sshkey=LABEL=SIF", "ssh-ed25519 MEDIUM\n"),
    ("rescue.sshkey=LABEL=SIF:/x", "ssh-rsa X\n"),
    ("rescue.sshkey=LABEL=NOWHERE", ""),
    ("rescue.sif=LABEL=SIF", ""),
])
def test_keys_are_those_the_command_line_leads_to(argument: str, keys: str, tmp_path: Path) -> None:
    (tmp_path / "cmdline").write_text(f"quiet {argument} ro\n")
    log = tmp_path / "log"
    log.touch()
    (tmp_path / "bin").mkdir()
    for name, text in STUBS.items():
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n" + text.format(log=log) + "\n")
        (tmp_path / "bin" / name).chmod(0o755)
    done = run(["unshare", "--mount", "--propagation", "private", "sh", "-c", INSIDE, "sh", str(tmp_path / "cmdline"),
                str(tmp_path / "bin"), str(SCRIPT)], timeout=60)
    assert done.stdout == keys
    used = [line.split()[0] for line in log.read_text().splitlines()]
    assert used == (["losetup", "mount", "umount", "losetup"] if "=LABEL=SIF" in argument and keys else [])
    assert "--read-only" in log.read_text() or not used, "not even a journal is replayed"

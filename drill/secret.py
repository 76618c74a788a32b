"""The password of the drill's backup: in an age file of the set, its identity on a stick of its own, nowhere else."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Tuple

from drill import images
from drill.errors import DrillFailed
from drill.guest import Guest
from drill.server import facts
from sif.run import run
from sif.secrets.age import encrypt

NAME = "restic"
KEY_LABEL = "LIFEBOATKEY"
GUEST_PASSWORD = "/run/drill/password"
GUEST_SECRETS = "/etc/sif/secrets.age"
"""Where a capture looks by itself."""


def new_password(guest: Guest, key_stick: Path, server: facts.Server) -> bytes:
    """Make a password and an identity: the password goes to the guest, in memory and encrypted, the identity onto the
    stick. Returns the password."""
    password = secrets.token_urlsafe(24).encode("ascii")
    identity = key_stick.with_name("identity")
    run(("age-keygen", "-o", str(identity)), timeout=60)
    recipient = run(("age-keygen", "-y", str(identity)), timeout=60).stdout.strip()
    images.make_stick(key_stick, facts.KEY_STICK_BYTES, KEY_LABEL)
    run(("mcopy", "-i", str(key_stick), str(identity), "::/identity.txt"), timeout=60)
    identity.unlink()
    guest.run(("mkdir", "-p", "/run/drill", "/etc/sif"), timeout=60)
    guest.write(GUEST_PASSWORD, password)
    values = {NAME: password}
    if server is facts.Server.LAYERS:
        values[facts.VOLUME_SECRET] = facts.PASSPHRASE.encode()
    guest.write(GUEST_SECRETS, encrypt(values, [recipient]))
    return password


def require_unseen(folder: Path, password: bytes) -> int:
    """Search every file below the folder for the password; how many were searched. Raises :class:`DrillFailed`."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found: Tuple[str, ...] = tuple(str(path.relative_to(folder)) for path in files if password in path.read_bytes())
    if found:
        raise DrillFailed("the password of the backup is in what the recovery left", where=str(folder),
                          found=", ".join(found))
    return len(files)

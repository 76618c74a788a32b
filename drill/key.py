"""The key that signs a drill's set: made for one ISO, which believes it for the drill's server and nobody else."""

from __future__ import annotations

from pathlib import Path

from drill.errors import DrillFailed
from drill.guest import Guest
from drill.server import facts
from sif.run import run
from sif.signature import NAMESPACE

NAME = "drill-key"
GUEST_KEY = "/run/drill/key"
SIGN_SECONDS = 900.0


def key_beside(iso: Path) -> Path:
    """Where the key that belongs to an ISO lies."""
    return iso.with_name(NAME)


def signers_of(key: Path) -> Path:
    """The list of allowed signers that is baked into the ISO."""
    return key.with_name(f"{key.name}.signers")


def make_key(key: Path) -> Path:
    """Make the key unless it is there, and the list that lets it speak for the drill's server; returns the list."""
    if not key.is_file():
        key.parent.mkdir(parents=True, exist_ok=True)
        run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lifeboat drill", "-f", str(key)), timeout=60)
    kind, public = key.with_name(f"{key.name}.pub").read_text("utf-8").split()[:2]
    line = f'{facts.HOSTNAME} namespaces="{NAMESPACE}" {kind} {public}\n'
    signers = signers_of(key)
    if not signers.is_file() or signers.read_text("utf-8") != line:
        signers.write_text(line, "utf-8")
    return signers


def require_key(iso: Path) -> None:
    """Raise :class:`DrillFailed` when the key that the ISO believes is not there: it would refuse the drill's set."""
    if not key_beside(iso).is_file():
        raise DrillFailed("there is no key that the rescue ISO believes", where=str(key_beside(iso)),
                          hint="make both: make drill-iso")


def sign(guest: Guest, key: Path, pyz: str, path: str) -> str:
    """Sign the set in the guest, with a key that is there in memory only for that time; what was written."""
    guest.write(GUEST_KEY, key.read_bytes())
    try:
        guest.run(("chmod", "600", GUEST_KEY), timeout=60)
        return guest.run(("python3", pyz, "sign", path, "--key", GUEST_KEY), timeout=SIGN_SECONDS).text.strip()
    finally:
        guest.run(("rm", "-f", GUEST_KEY), timeout=60)


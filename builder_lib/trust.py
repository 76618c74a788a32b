"""Who may sign the sets that an image restores: lists that are baked into it, because a medium could name anybody."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Mapping, Optional

from builder_lib.errors import BuildFailed
from builder_lib.options import BuildOptions

ALLOWED_SIGNERS = "allowed_signers"
REVOKED = "revoked_keys"
MAX_BYTES = 16 << 20


def trust_files(options: BuildOptions) -> Mapping[str, bytes]:
    """Name → content of what goes into the image's /etc/lifeboat; empty when nobody may sign.

    Raises :class:`BuildFailed` for a list that cannot be one: an image that believes nobody, or holds somebody's
    private key, must not be found out on the day of the disaster.
    """
    trust = options.config.trust
    found: Dict[str, bytes] = {}
    if trust.allowed_signers is not None:
        found[ALLOWED_SIGNERS] = read_public(trust.allowed_signers, "--allowed-signers")
        if not any(line.strip() and not line.strip().startswith(b"#")
                   for line in found[ALLOWED_SIGNERS].splitlines()):
            raise BuildFailed("the list of allowed signers names nobody", where=str(trust.allowed_signers),
                              wanted="a line: HOSTNAME ssh-ed25519 AAAA...",
                              hint="see ALLOWED SIGNERS in ssh-keygen(1)")
    if trust.revoked is not None:
        if not found:
            raise BuildFailed("a list of revoked keys without one of allowed signers", where="--revoked",
                              wanted="--allowed-signers FILE as well")
        found[REVOKED] = read_public(trust.revoked, "--revoked")
    return found


def warning(options: BuildOptions) -> Optional[str]:
    """What the one who builds should know, if anything."""
    if options.unattended and options.config.trust.allowed_signers is None:
        return ("unattended runs need a signed set, and this image knows nobody who may sign one: "
                "give it --allowed-signers FILE")
    return None


def read_public(path: Path, option: str) -> bytes:
    """The content of a file that anybody may see. Raises :class:`BuildFailed` for a private key."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise BuildFailed("the list cannot be read", where=f"{option} {path}", found=error.strerror) from error
    if len(data) > MAX_BYTES:
        raise BuildFailed("the list is too long", where=f"{option} {path}", wanted=f"at most {MAX_BYTES} bytes")
    if b"PRIVATE KEY-----" in data:
        raise BuildFailed("this is a private key", where=f"{option} {path}", wanted="public keys: the .pub file's line",
                          hint="whoever has the image could sign with it")
    return data

"""Lists of signers become part of the image's own layer, and of no other; mistakes are found when it is built."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import pytest

from builder_lib.config import Boot, Config, Trust
from builder_lib.errors import BuildFailed
from builder_lib.options import BuildOptions
from builder_lib.site import site_files
from builder_lib.squash import system_key
from builder_lib.tree import base_key, element_paths
from builder_lib.trust import trust_files, warning

SIGNERS = b"# ours\nweb01.example.org ssh-ed25519 AAAA\n"


def options(tmp_path: Path, signers: Optional[bytes], revoked: Optional[bytes] = None) -> BuildOptions:
    for name, data in (("signers", signers), ("revoked", revoked)):
        if data is not None:
            (tmp_path / name).write_bytes(data)
    return BuildOptions(config=Config(trust=Trust(
        allowed_signers=None if signers is None else tmp_path / "signers",
        revoked=None if revoked is None else tmp_path / "revoked")))


def test_the_lists_are_baked_in_byte_for_byte(tmp_path: Path) -> None:
    assert trust_files(BuildOptions()) == {}
    assert trust_files(options(tmp_path, SIGNERS, b"SSHKRL\n\0\xff")) == {
        "allowed_signers": SIGNERS, "revoked_keys": b"SSHKRL\n\0\xff"}


def test_another_signer_is_another_image_on_the_same_base(tmp_path: Path) -> None:
    plain = BuildOptions()
    base = base_key(element_paths(plain), plain)
    chosen = [plain, options(tmp_path, SIGNERS), options(tmp_path, SIGNERS, b"x")]
    keys = {system_key(base, site_files(one, "6.12")) for one in chosen}
    chosen.append(options(tmp_path, SIGNERS + b"db01 ssh-rsa BBBB\n"))
    keys.add(system_key(base, site_files(chosen[-1], "6.12")))
    assert len(keys) == 4
    assert {base_key(element_paths(one), one) for one in chosen} == {base}


@pytest.mark.parametrize(("signers", "revoked", "what"), [
    (b"# nobody yet\n\n", None, "names nobody"), (b"", None, "names nobody"), (None, b"x", "without one of allowed"),
    (b"-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", None, "private key"),
    (SIGNERS, b"-----BEGIN RSA PRIVATE KEY-----\n", "private key"),
])
def test_a_list_that_cannot_be_one_ends_the_build(tmp_path: Path, signers: Optional[bytes], revoked: Optional[bytes],
                                                  what: str) -> None:
    with pytest.raises(BuildFailed, match=what):
        trust_files(options(tmp_path, signers, revoked))


def test_a_list_that_is_not_there_ends_the_build(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="cannot be read"):
        trust_files(BuildOptions(config=Config(trust=Trust(allowed_signers=tmp_path / "nowhere"))))


def test_an_unattended_image_that_believes_nobody_is_pointed_out(tmp_path: Path) -> None:
    auto = Boot(append="quiet rescue.auto")
    assert "--allowed-signers" in (warning(BuildOptions(config=Config(boot=auto))) or "")
    assert warning(BuildOptions(config=Config(boot=auto, trust=Trust(allowed_signers=tmp_path)))) is None
    assert warning(BuildOptions(config=Config(boot=Boot(append="rescue.autonomous")))) is None

"""The drill's key speaks for the drill's server, in sets only; it is made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from drill.cli import main
from drill.errors import DrillFailed
from drill.key import key_beside, make_key, require_key
from drill.server import facts
from sif.signature import NAMESPACE, SignerRefused
from sif.signature.sshsig import Trust, sign, verify


def test_a_signature_with_the_key_is_believed_for_the_server_alone(tmp_path: Path) -> None:
    key = tmp_path / "build" / "drill-key"
    trust = Trust(make_key(key))
    data = b"manifest"
    signature = sign(data, key, NAMESPACE)
    assert verify(data, signature, NAMESPACE, facts.HOSTNAME, trust, "x").startswith("SHA256:")
    with pytest.raises(SignerRefused):
        verify(data, signature, NAMESPACE, "db01.example.org", trust, "x")
    with pytest.raises(SignerRefused):
        verify(data, sign(data, key, "git"), "git", facts.HOSTNAME, trust, "x")


def test_the_key_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "drill-key"
    assert main(["key", str(key)]) == 0
    first = key.read_bytes()
    assert main(["key", str(key)]) == 0
    assert capsys.readouterr().out == f"{key}.signers\n" * 2
    assert key.read_bytes() == first and key.stat().st_mode & 0o077 == 0


def test_a_drill_needs_the_key_beside_its_iso(tmp_path: Path) -> None:
    iso = tmp_path / "x.iso"
    with pytest.raises(DrillFailed, match="no key"):
        require_key(iso)
    make_key(key_beside(iso))
    require_key(iso)

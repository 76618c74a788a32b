"""A set is believed when ssh-keygen says that its manifest was signed, by a key that may speak for the machine."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
import struct
import textwrap
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Callable, Optional, Type

import pytest
from sif_samples import machine

from sif.cli import main
from sif.errors import Exit, LifeboatError
from sif.media import manifest_text, sha256_hex
from sif.model import SystemInformation
from sif.problems import SifSetBroken
from sif.run import run
from sif.signature import NAMESPACE, SignatureInvalid, SignatureMissing, SignerRefused, sign_set, verify_set
from sif.writer import write_set

HOST = "web01.example.org"
VGCFG = b"# metadata\n"
KINDS = {"ed25519": ("-t", "ed25519"), "rsa": ("-t", "rsa", "-b", "2048"), "ecdsa": ("-t", "ecdsa", "-b", "256")}


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one key pair per type, and ``other``."""
    directory = tmp_path_factory.mktemp("keys")
    for name, options in {**KINDS, "other": ("-t", "ed25519")}.items():
        run(["ssh-keygen", "-q", *options, "-N", "", "-C", name, "-f", str(directory / name)], timeout=60)
    return directory


def public(keys: Path, name: str = "ed25519") -> str:
    """The public key without its comment."""
    return " ".join((keys / f"{name}.pub").read_text(encoding="utf-8").split()[:2])


def content(hostname: str = HOST) -> SystemInformation:
    sample = machine()
    group = dataclasses.replace(sample.vgs[0], metadata="media:lvm/vg.vgcfg", metadata_sha256=sha256_hex(VGCFG))
    return dataclasses.replace(sample, vgs=(group,), system=dataclasses.replace(sample.system, hostname=hostname))


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    directory = tmp_path / "web01"
    write_set(content(), directory, {"lvm/vg.vgcfg": VGCFG})
    return directory


@pytest.fixture
def trusted(tmp_path: Path, keys: Path) -> Path:
    return listed(tmp_path, f"{HOST} {public(keys)}")


def listed(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "allowed_signers"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def fingerprint(key: Path) -> str:
    return run(["ssh-keygen", "-l", "-f", str(key)], timeout=60).stdout.split()[1]


@pytest.mark.parametrize("kind", KINDS)
def test_ssh_keygen_believes_what_we_sign(medium: Path, tmp_path: Path, keys: Path, kind: str) -> None:
    signature = sign_set(medium, keys / kind)
    assert signature == medium / "manifest.sig"
    said = run(["ssh-keygen", "-Y", "verify", "-f", str(listed(tmp_path, f"{HOST} {public(keys, kind)}")), "-I", HOST,
                "-n", NAMESPACE, "-s", str(signature)], timeout=60, input=(medium / "manifest").read_text("utf-8"))
    assert f'Good "{NAMESPACE}" signature for {HOST}' in said.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_we_believe_what_ssh_keygen_signs(medium: Path, tmp_path: Path, keys: Path, kind: str) -> None:
    run(["ssh-keygen", "-Y", "sign", "-f", str(keys / kind), "-n", NAMESPACE, str(medium / "manifest")], timeout=60)
    found = verify_set(medium, listed(tmp_path, f"{HOST} {public(keys, kind)}"))
    assert (found.principal, found.fingerprint, found.namespace) == (HOST, fingerprint(keys / kind), NAMESPACE)
    assert found.loaded.info.system.hostname == HOST


def packed(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def test_a_security_keys_signature_is_believed(medium: Path, tmp_path: Path) -> None:
    """The token's part is played in software: PROTOCOL.u2f and PROTOCOL.sshsig of OpenSSH."""
    secret, raw = tmp_path / "token.pem", tmp_path / "raw"
    run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(secret)], timeout=60)
    run(["openssl", "pkey", "-in", str(secret), "-pubout", "-outform", "DER", "-out", str(raw)], timeout=60)
    kind, application, state = b"sk-ssh-ed25519@openssh.com", b"ssh:", b"\x01" + struct.pack(">I", 7)
    key = packed(kind, raw.read_bytes()[-32:], application)
    head = packed(NAMESPACE.encode(), b"", b"sha512")
    message = b"SSHSIG" + head + packed(hashlib.sha512((medium / "manifest").read_bytes()).digest())
    (tmp_path / "tbs").write_bytes(hashlib.sha256(application).digest() + state + hashlib.sha256(message).digest())
    run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(secret), "-in", str(tmp_path / "tbs"),
         "-out", str(raw)], timeout=60)
    blob = b"SSHSIG" + struct.pack(">I", 1) + packed(key) + head + packed(packed(kind, raw.read_bytes()) + state)
    lines = textwrap.wrap(base64.b64encode(blob).decode(), 70)
    (medium / "manifest.sig").write_text(
        "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""]), encoding="ascii")
    allowed = listed(tmp_path, f"{HOST} {kind.decode()} {base64.b64encode(key).decode()}")
    expected = "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    assert verify_set(medium, allowed).fingerprint == expected


def test_a_key_in_an_agent_signs(medium: Path, trusted: Path, keys: Path, tmp_path: Path,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    started = run(["ssh-agent", "-s", "-a", str(tmp_path / "agent")], timeout=60).stdout
    found = re.search(r"SSH_AGENT_PID=(\d+)", started)
    assert found
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        run(["ssh-add", str(keys / "ed25519")], timeout=60)
        only_public = tmp_path / "only.pub"
        only_public.write_text(public(keys) + "\n", encoding="utf-8")
        sign_set(medium, only_public)
    finally:
        run(["ssh-agent", "-k"], timeout=60, env={"SSH_AGENT_PID": found.group(1)})
    assert verify_set(medium, trusted).fingerprint == fingerprint(keys / "ed25519")


Harm = Callable[[Path, Path], None]


def append(name: str, text: bytes) -> Harm:
    def act(directory: Path, _: Path) -> None:
        with (directory / name).open("ab") as stream:
            stream.write(text)
    return act


def remove(name: str) -> Harm:
    return lambda directory, _: (directory / name).unlink()


def truncate(directory: Path, _: Path) -> None:
    data = (directory / "manifest.sig").read_bytes()
    (directory / "manifest.sig").write_bytes(data[:len(data) // 2])


def empty(directory: Path, _: Path) -> None:
    (directory / "manifest.sig").write_bytes(b"")


def rewrite_manifest(directory: Path) -> None:
    files = {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*")
             if path.is_file() and not path.name.startswith("manifest")}
    (directory / "manifest").write_text(manifest_text(files), encoding="utf-8")


def alter_and_list(directory: Path, _: Path) -> None:
    """What an attacker without the key can do: change a file and make manifest and digests agree with it."""
    with (directory / "dr_state.sif").open("ab") as stream:
        stream.write(b"; x\n")
    rewrite_manifest(directory)


def add_to_manifest(directory: Path, _: Path) -> None:
    (directory / "notes.txt").write_bytes(b"x")
    rewrite_manifest(directory)


def swap_signature(directory: Path, keys: Path) -> None:
    other = directory.parent / "web02"
    write_set(content("web02.example.org"), other, {"lvm/vg.vgcfg": VGCFG})
    (directory / "manifest.sig").write_bytes(sign_set(other, keys / "ed25519").read_bytes())


def other_namespace(directory: Path, keys: Path) -> None:
    (directory / "manifest.sig").unlink()
    run(["ssh-keygen", "-Y", "sign", "-f", str(keys / "ed25519"), "-n", "file", str(directory / "manifest")],
        timeout=60)


def other_key(directory: Path, keys: Path) -> None:
    sign_set(directory, keys / "other")


def extra_part(directory: Path, _: Path) -> None:
    (directory / "Extra.SIF").write_text("; nothing\n", encoding="utf-8")


def link_signature(directory: Path, _: Path) -> None:
    (directory / "manifest.sig").rename(directory.parent / "elsewhere")
    (directory / "manifest.sig").symlink_to(directory.parent / "elsewhere")


@pytest.mark.parametrize(("harm", "error"), [
    (append("commands.sif", b"; x\n"), SifSetBroken),
    (append("dr_state.sif", b"; x\n"), SifSetBroken),
    (append("lvm/vg.vgcfg", b"# x\n"), SifSetBroken),
    (remove("lvm/vg.vgcfg"), SifSetBroken),
    (remove("manifest"), SifSetBroken),
    (extra_part, SifSetBroken),
    (link_signature, SifSetBroken),
    (alter_and_list, SignatureInvalid),
    (add_to_manifest, SignatureInvalid),
    (truncate, SignatureInvalid),
    (empty, SignatureInvalid),
    (swap_signature, SignatureInvalid),
    (other_namespace, SignatureInvalid),
    (remove("manifest.sig"), SignatureMissing),
    (other_key, SignerRefused),
])
def test_a_harmed_set_is_refused(medium: Path, trusted: Path, keys: Path, harm: Harm,
                                 error: Type[LifeboatError]) -> None:
    sign_set(medium, keys / "ed25519")
    assert verify_set(medium, trusted).principal == HOST
    harm(medium, keys)
    with pytest.raises(LifeboatError) as raised:
        verify_set(medium, trusted)
    assert type(raised.value) is error
    assert main(["verify", str(medium), "--allowed-signers", str(trusted)]) == int(error.code)


@pytest.mark.parametrize(("line", "at", "good"), [
    (f"{HOST} %s", None, True),
    ("*.example.org %s", None, True),
    ("*.example.org,!web01.example.org %s", None, False),
    ("web02.example.org %s", None, False),
    ("web01 %s", None, False),
    (f'{HOST} namespaces="{NAMESPACE}" %s', None, True),
    (f'{HOST} namespaces="git,file" %s', None, False),
    (f'{HOST} valid-before="20200101" %s', None, False),
    (f'{HOST} valid-before="20200101" %s', datetime(2019, 6, 1, tzinfo=timezone.utc), True),
    (f'{HOST} valid-after="20380101" %s', None, False),
    (f'{HOST} valid-after="20380101" %s', datetime(2038, 6, 1, tzinfo=timezone.utc), True),
    (f'{HOST} valid-after="20200101",valid-before="20380101" %s', None, True),
    ("# nobody", None, False),
])
def test_who_may_speak_for_the_machine(medium: Path, tmp_path: Path, keys: Path, line: str, at: Optional[datetime],
                                       good: bool) -> None:
    sign_set(medium, keys / "ed25519")
    allowed = listed(tmp_path, line % public(keys) if "%s" in line else line)
    if good:
        assert verify_set(medium, allowed, at=at).principal == HOST
    else:
        with pytest.raises(SignerRefused) as raised:
            verify_set(medium, allowed, at=at)
        assert fingerprint(keys / "ed25519") in str(raised.value)


@pytest.mark.parametrize("zone", ["UTC0", "JST-9", "EST5EDT"])
def test_the_time_means_the_same_in_every_time_zone(medium: Path, tmp_path: Path, keys: Path, zone: str,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    sign_set(medium, keys / "ed25519")
    allowed = listed(tmp_path, f'{HOST} valid-before="20300101000000Z" {public(keys)}')
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert verify_set(medium, allowed, at=datetime(2029, 12, 31, 23, 59, 58, tzinfo=timezone.utc)).principal == HOST
        with pytest.raises(SignerRefused):
            verify_set(medium, allowed, at=datetime(2030, 1, 1, 0, 0, 2, tzinfo=timezone.utc))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_one_hosts_key_cannot_speak_for_another(tmp_path: Path, keys: Path) -> None:
    allowed = listed(tmp_path, f"{HOST} {public(keys)}", f"web02.example.org {public(keys, 'other')}")
    forged = tmp_path / "forged"
    write_set(content(HOST), forged, {"lvm/vg.vgcfg": VGCFG})
    sign_set(forged, keys / "other")
    with pytest.raises(SignerRefused):
        verify_set(forged, allowed)
    assert verify_set(forged, allowed, principal="web02.example.org").fingerprint == fingerprint(keys / "other")


def test_revoked_keys_are_refused_from_a_list_and_from_a_krl(medium: Path, trusted: Path, keys: Path,
                                                              tmp_path: Path) -> None:
    sign_set(medium, keys / "ed25519")
    for revoked, name in ((True, "ed25519"), (False, "other")):
        krl, plain = tmp_path / f"{name}.krl", keys / f"{name}.pub"
        run(["ssh-keygen", "-q", "-k", "-f", str(krl), str(plain)], timeout=60)
        for file in (krl, plain):
            if revoked:
                with pytest.raises(SignerRefused):
                    verify_set(medium, trusted, revoked=file)
            else:
                assert verify_set(medium, trusted, revoked=file).principal == HOST


def test_a_list_that_is_not_there_lets_nobody_in(medium: Path, trusted: Path, keys: Path, tmp_path: Path) -> None:
    sign_set(medium, keys / "ed25519")
    with pytest.raises(SignerRefused, match="no list of allowed signers"):
        verify_set(medium, tmp_path / "nothing")
    with pytest.raises(SignerRefused, match="no list of revoked keys"):
        verify_set(medium, trusted, revoked=tmp_path / "nothing")


def test_a_set_written_again_is_unsigned(medium: Path, trusted: Path, keys: Path) -> None:
    sign_set(medium, keys / "ed25519")
    write_set(content(), medium, {"lvm/vg.vgcfg": VGCFG})
    with pytest.raises(SignatureMissing):
        verify_set(medium, trusted)


def test_what_is_not_sound_is_not_signed(medium: Path, keys: Path) -> None:
    extra_part(medium, keys)
    assert main(["sign", str(medium), "--key", str(keys / "ed25519")]) == int(Exit.SIF_SET_BROKEN)
    assert not (medium / "manifest.sig").exists()


def test_the_commands(medium: Path, trusted: Path, keys: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sign", str(medium), "--key", str(keys / "missing")]) == int(Exit.USAGE)
    assert main(["sign", str(medium), "--key", str(keys / "ed25519")]) == int(Exit.OK)
    capsys.readouterr()
    assert main(["verify", str(medium), "--allowed-signers", str(trusted), "--at", "2026-11-22T02:10:04Z"]) == 0
    assert capsys.readouterr().out == f"{HOST} {fingerprint(keys / 'ed25519')} {NAMESPACE}\n"

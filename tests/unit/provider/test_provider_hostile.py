"""What a provider says is not trusted: whatever it is, there is an error that names the provider, and nothing hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
from provider_scripts import provider

from sif.errors import Exit
from sif.model import Command
from sif.problems import SifRejected
from sif.provider import protocol
from sif.provider.client import Provider
from sif.provider.config import read_config
from sif.provider.entry import back_up, collected, entries
from sif.provider.errors import ProviderFailed, StoreUnreachable
from sif.provider.protocol import RawSection
from sif.provider.sections import records_of

RESULT = '{"type":"result","result":{}}'
VOLUMES = ({"id": "root", "mount": "/", "type": "ext4"},)


def shell(tmp_path: Path, code: str) -> Provider:
    program = tmp_path / "provider"
    program.write_text(f"#!/bin/sh\n{code}\n")
    program.chmod(0o755)
    return Provider("evil", (str(program),))


@pytest.mark.parametrize(("code", "words"), [
    ("echo garbage", "not JSON"),
    ("head -c 300000 /dev/zero | tr '\\0' x; echo", "too long"),
    ("yes '{\"type\":\"log\",\"level\":\"info\",\"text\":\"x\"}'", "says too much"),
    ("sleep 60", "did not answer in time"),
    ("echo '[]'", "not a JSON object"),
    ("echo '{\"type\":\"song\"}'", "not a type of message"),
    ("echo '{\"type\":1}'", "type is not a string"),
    (f"echo '{RESULT}'; echo '{RESULT}'", "goes on after its result"),
    (f"echo '{RESULT}'; exit 3", "a result, and a failure"),
    ("exit 0", "no result"),
    ("kill -9 $$", "no result"),
    ("printf '\\377\\n'", "not JSON"),
    ("echo '{\"type\":\"progress\",\"fraction\":2}'", "not between 0 and 1"),
    ("echo '{\"type\":\"error\",\"code\":\"oops\",\"text\":\"x\"}'; exit 1", "not an error's code"),
    ("echo '{\"type\":\"error\",\"code\":\"failed\",\"text\":\"disk on fire\"}'; exit 1", "disk on fire"),
    ("echo words >&2; exit 1", "words"),
    (f"printf '%s' '{RESULT}'; sleep 60 & exit 0", "did not answer in time"),
])
def test_hostile_answers_are_errors_that_name_the_provider(code: str, words: str, tmp_path: Path,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_OUTPUT_BYTES", 1 << 20)
    monkeypatch.setitem(protocol.SECONDS, "describe", 1.5 if words == "did not answer in time" else 60.0)
    with pytest.raises(ProviderFailed) as caught:
        shell(tmp_path, code).describe()
    assert "provider evil" in str(caught.value)
    assert any(word in str(caught.value) for word in words.split("|")), str(caught.value)


@pytest.mark.parametrize(("code", "exit_code"), [
    ("unreachable", Exit.STORE_UNREACHABLE), ("secret", Exit.STORE_UNREACHABLE),
    ("no-snapshot", Exit.STORE_UNREACHABLE), ("busy", Exit.PROVIDER_FAILED)])
def test_errors_of_a_store_have_their_own_exit_code(code: str, exit_code: Exit, tmp_path: Path) -> None:
    one = shell(tmp_path, f"echo '{{\"type\":\"error\",\"code\":\"{code}\",\"text\":\"x\",\"hint\":\"do y\"}}'; exit 1")
    with pytest.raises((ProviderFailed, StoreUnreachable)) as caught:
        one.check(None)
    assert (caught.value.code, caught.value.hint) == (exit_code, "do y")


@pytest.mark.parametrize("change", [
    {"name": "UPPER"}, {"protocol": [2]}, {"kind": "ghost"}, {"methods": ["describe"]}, {"methods": "all"},
    {"methods": ["describe", "backup", "restore-entry", "check", "quiesce"]}, {"title": 1},
])
def test_a_description_that_is_none_is_refused(change: Dict[str, Any]) -> None:
    good = {"name": "x", "title": "x", "version": "1", "protocol": [1], "kind": "backup",
            "methods": ["describe", "backup", "restore-entry", "check"]}
    assert protocol.described(good).kind == "backup"
    with pytest.raises(protocol.BadAnswer):
        protocol.described({**good, **change})


STORE = {"kind": "restic", "location": "/r"}


@pytest.mark.parametrize(("kind", "ident", "keys", "words"), [
    ("DISK", "d0", {}, "not a kind of section that a provider may give"),
    ("STORE", "a b", STORE, "not an id"),
    ("COMMAND", "first", {}, "not an id"),
    ("STORE", "s", {**STORE, "colour": "red"}, "has no key colour"),
    ("STORE", "s", {"kind": "restic"}, "key location is missing"),
    ("STORE", "s", {**STORE, "kind": "floppy"}, "kind has an unknown value"),
    ("STORE", "s", {**STORE, "password": "hunter2"}, "not the name of a secret"),
    ("STORE", "s", {**STORE, "location": {"a": 1}}, "neither text"),
    ("STORE", "s", {**STORE, "location": "a\x00b"}, "control or format characters"),
    ("COMMAND", "2000", {"phase": "2", "vendor": "v", "title": "t", "argv": "sh -c x"}, "argv must be a list"),
])
def test_sections_pass_the_same_schema_as_a_fragment(kind: str, ident: str, keys: Dict[str, Any], words: str) -> None:
    with pytest.raises(SifRejected) as caught:
        records_of("evil", [RawSection(kind, ident, keys)])
    assert any(word in str(caught.value) for word in words.split("|")), str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SifRejected) as caught:
        records_of("evil", [RawSection("STORE", "s", {"kind": "restic"}), RawSection("DISK", "d", {})])
    assert "location is missing" in str(caught.value)
    assert "not a kind of section" in str(caught.value)


@pytest.mark.parametrize("make", ["link", "fifo", "large", "name"])
def test_files_that_a_set_cannot_hold_are_refused(make: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "good").write_text("x")
    assert collected("p", tmp_path) == {"good": b"x"}
    if make == "link":
        (tmp_path / "bad").symlink_to("/etc/shadow")
    elif make == "fifo":
        os.mkfifo(tmp_path / "bad")
    elif make == "name":
        (tmp_path / "a:b").write_text("x")
    else:
        monkeypatch.setattr("sif.media.MAX_SET_FILE_BYTES", 10)
        (tmp_path / "bad").write_text("x" * 11)
    with pytest.raises(ProviderFailed):
        collected("p", tmp_path)


def good(tmp_path: Path, broken: str = "") -> Provider:
    (tmp_path / "store").mkdir(exist_ok=True)
    return Provider("good", (str(provider(tmp_path / "program", broken)),), {"location": str(tmp_path / "store")})


@pytest.mark.parametrize("broken", [
    "", 'if method == "backup": fail("failed", "no")', 'if method == "backup": os._exit(9)'])
def test_what_was_brought_to_rest_goes_on_however_the_backup_ends(broken: str, tmp_path: Path) -> None:
    tree = ({"id": "data", "mount": str(tmp_path), "type": "ext4"},) if not broken else VOLUMES
    if broken:
        with pytest.raises(ProviderFailed):
            back_up(good(tmp_path, broken), tree, str(tmp_path), lambda _: None)
    else:
        (tmp_path / "src").mkdir()
        back_up(good(tmp_path), ({"id": "data", "mount": str(tmp_path / "src"), "type": "ext4"},), str(tmp_path),
                lambda _: None)
    assert (tmp_path / "store/thawed").read_text() == "t1\n"


def test_a_quiesce_that_failed_is_not_thawed(tmp_path: Path) -> None:
    with pytest.raises(ProviderFailed):
        back_up(good(tmp_path, 'if method == "quiesce": fail("busy", "no")'), VOLUMES, str(tmp_path), lambda _: None)
    assert not (tmp_path / "store/thawed").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_thaws_before_it_ends_the_program(number: signal.Signals, tmp_path: Path) -> None:
    one = good(tmp_path, 'if method == "backup": open(place + "/working", "w").close(); time.sleep(60)')
    code = ("from sif.provider.client import Provider\nfrom sif.provider.entry import back_up\n"
            f"back_up(Provider('good', ({one.argv[0]!r},), {dict(one.config)!r}), {VOLUMES!r}, '/tmp', lambda _: None)")
    child = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    try:
        while not (tmp_path / "store/working").exists():
            assert child.poll() is None
        child.send_signal(number)
        assert child.wait(30) != 0
    finally:
        child.kill()
    assert (tmp_path / "store/thawed").read_text() == "t1\n"


def test_entries_number_providers_apart_and_bring_files(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    volumes = ({"id": "root", "mount": str(tmp_path / "src"), "type": "ext4"},)
    found = entries([good(tmp_path)], volumes, backup=True)
    assert [record.KIND for record in found[0].records] == ["STORE", "COMMAND", "COMMAND"]
    assert found[0].backup is not None
    assert found[0].backup.snapshot == "s1"
    again = entries([good(tmp_path)], volumes, backup=False)
    assert again[0].records == found[0].records


def test_numbers_and_names_of_providers_do_not_meet(tmp_path: Path) -> None:
    """The first has a command for each of many volumes: the next one begins behind them."""
    (tmp_path / "src").mkdir()
    volumes = ({"id": "root", "mount": str(tmp_path / "src"), "type": "ext4"},)
    many = '''if method == "restore-entry":
        def METHODS_many():
            one, look, copy = restore_entry()["sections"]
            copies = [{**copy, "id": str(params["sequence"] + n)} for n in range(45)]
            return {"sections": [one, {**look, "id": str(params["sequence"] - 1000)}, *copies]}
        METHODS[method] = METHODS_many'''
    (tmp_path / "store").mkdir()
    program = str(provider(tmp_path / "many", many))
    three = [Provider(name, (program,), {"location": str(tmp_path / "store")}) for name in ("a", "b", "c")]
    found = entries(three, volumes, backup=True)
    numbers = [[int(record.id) for record in entry.records if isinstance(record, Command)] for entry in found]
    assert [(each[0], each[1], each[-1]) for each in numbers] == [
        (1000, 2000, 2044), (1060, 2060, 2104), (1120, 2120, 2164)]


@pytest.mark.parametrize(("text", "words"), [
    ("[PROVIDER Big]\n", "not a provider's section"), ("[STORE x]\n", "not a provider's section"),
    ("[PROVIDER x]\nprogram = nothing\n", "no such provider"),
    ("[PROVIDER restic]\n[PROVIDER restic]\n", "twice|already"),
    ("program = restic\n", "section|header"),
])
def test_a_wrong_configuration_is_refused_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text(text)
    with pytest.raises(SifRejected) as caught:
        read_config(tmp_path)
    assert "a.conf:" in str(caught.value)
    assert any(word in str(caught.value) for word in words.split("|")), str(caught.value)


def test_a_configuration_gives_a_provider_its_own_values(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text('[PROVIDER files]\nprogram = restic\nlocation = "/r"\nexclude = ["/a", "/b"]\n')
    (tmp_path / "b.conf").write_text('[PROVIDER acme]\nprogram = "/usr/lib/acme/provider"\n')
    files, acme = read_config(tmp_path)
    assert files.config == {"location": "/r", "exclude": ["/a", "/b"]}
    assert files.argv[-3:] == ("provider", "run", "restic")
    assert acme.argv == ("/usr/lib/acme/provider",)
    assert read_config(tmp_path / "missing") == ()



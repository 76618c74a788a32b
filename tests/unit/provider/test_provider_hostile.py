"""Whatever a provider does ends in an error that names it, and what was at rest goes on."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Mapping, Optional

import pytest

from sif.errors import Exit, LifeboatError
from sif.problems import SifRejected
from sif.provider import protocol
from sif.provider.client import Provider
from sif.provider.config import read_config
from sif.provider.discover import entry_points
from sif.provider.entry import collected, entries
from sif.provider.errors import ProviderFailed, StoreUnreachable
from sif.provider.protocol import RawSection
from sif.provider.sections import records_of
from sif.provider.serve import Failed, serve

ABOUT = {"name": "x", "title": "X", "version": "1", "protocol": [1], "kind": "backup",
         "methods": ["describe", "backup", "restore-entry", "check"]}


def said(**changes: Any) -> str:
    return json.dumps({"type": "result", "result": {**ABOUT, **changes}})


def evil(code: str) -> Provider:
    return Provider("evil", (sys.executable, "-I", "-S", "-c", code))


@pytest.mark.parametrize(("code", "words"), [
    ("print('hello')", "not JSON"),
    ("print('[1]')", "not a JSON object"),
    ("print('{\"type\":\"dance\"}')", "not a type of message"),
    ("print('{\"type\":[]}')", "type is not a string"),
    ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n')", "not JSON"),
    ("print('{\"type\":\"progress\",\"fraction\":NaN}')", "fraction is not between"),
    ("print('{\"type\":\"progress\",\"fraction\":7}')", "fraction is not between"),
    ("print('{\"a\":' * 40 + '1' + '}' * 40)", "nested too deeply"),
    ("print('{\"type\":\"error\",\"code\":\"odd\",\"text\":\"x\"}')", "not an error's code"),
    (f"print({said(name=7)!r})", "name is not a string"),
    (f"print({said(name='A b')!r})", "not a provider's name"),
    (f"print({said(protocol=[2])!r})", "does not speak this protocol"),
    (f"print({said(kind='other')!r})", "not a kind"),
    (f"print({said(methods=['describe'])!r})", "lacks methods"),
    (f"print({said()!r}); print({said()!r})", "goes on after its result"),
    (f"print({said()!r}); raise SystemExit(3)", "a result, and a failure"),
    ("raise SystemExit(0)", "no result"),
    ("raise RuntimeError('boom')", "boom"),
    ("import os; os.kill(os.getpid(), 9)", "no result"),
    ("print('x' * (2 << 20))", "too long"),
    ("for _ in range(90):\n    print('{\"type\":\"log\",\"level\":\"info\",\"text\":\"\"' + ' ' * 200000 + '}')",
     "too much"),
])
def test_hostile_output_is_an_error_that_names_the_provider(code: str, words: str) -> None:
    with pytest.raises(ProviderFailed, match="provider evil") as caught:
        evil(code).describe()
    assert words in str(caught.value)
    assert caught.value.code is Exit.PROVIDER_FAILED


def test_a_provider_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(protocol.SECONDS, "describe", 0.5)
    with pytest.raises(ProviderFailed, match="did not answer in time"):
        evil("import time; time.sleep(600)").describe()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProviderFailed, match="cannot be started"):
        Provider("gone", (str(tmp_path / "gone"),)).describe()


@pytest.mark.parametrize("code", protocol.ERROR_CODES)
def test_what_is_wrong_with_the_store_has_its_own_exit_code(code: str) -> None:
    text = json.dumps({"type": "error", "code": code, "text": "no \x1b[31m store"})
    with pytest.raises(LifeboatError, match="provider evil: check") as caught:
        evil(f"print({text!r}); raise SystemExit(1)").check(None)
    assert isinstance(caught.value, StoreUnreachable) == (code in ("unreachable", "no-snapshot", "secret"))
    assert "\x1b" not in str(caught.value)


COMMAND = {"phase": "2", "vendor": "v", "title": "t", "argv": ["x"]}


@pytest.mark.parametrize(("kind", "ident", "keys", "words"), [
    ("DISK", "d0", {}, "not a kind of section"),
    ("STORE", "a]\n[DISK d", {"kind": "tar", "location": "/x"}, "not an id"),
    ("STORE", "s", {"kind": "tar"}, "key location is missing"),
    ("STORE", "s", {"kind": "tar", "location": "/x", "speed": 1}, "no key speed"),
    ("COMMAND", "abc", COMMAND, "not an id"),
    ("COMMAND", "2000", {**COMMAND, "argv": "x"}, "[COMMAND 2000] argv"),
    ("COMMAND", "2000", {**COMMAND, "argv": [["x"]]}, "[COMMAND 2000] argv"),
    ("COMMAND", "2000", {**COMMAND, "title": 1.5}, "[COMMAND 2000] title"),
    ("STORE", "s", {"kind": "tar", "location": "/x", "password": "hunter2"}, "[STORE s] password"),
])
def test_wrong_sections_are_refused_by_section_and_key(kind: str, ident: str, keys: Mapping[str, Any],
                                                       words: str) -> None:
    with pytest.raises(SifRejected) as caught:
        records_of("evil", (RawSection(kind, ident, keys),))
    assert words in str(caught.value) and "provider evil" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("text", "words"), [
    ("[DISK a]\n", "not a provider's section"), ("[PROVIDER A]\n", "not a provider's section"),
    ("[PROVIDER a]\nprogram = bin/x\n", "no such provider"), ("[PROVIDER nobody]\n", "no such provider"),
    ("[PROVIDER tar]\n[PROVIDER tar]\n", "is there twice"), ("[PROVIDER tar\n", "x.conf:1"),
])
def test_wrong_configurations_are_named(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text(text)
    with pytest.raises(SifRejected) as caught:
        read_config(tmp_path)
    assert words in str(caught.value) and "x.conf" in str(caught.value)


def answered(request: bytes, problem: Optional[Exception] = None) -> "tuple[int, Any]":
    def method(_config: Any, _params: Any, _report: Any) -> Mapping[str, Any]:
        if problem is not None:
            raise problem
        return {"a": 1}
    out = io.BytesIO()
    return serve({"check": method}, io.BytesIO(request), out), json.loads(out.getvalue())


def test_serve_answers_in_the_protocol() -> None:
    good = protocol.request("check", {}, {})
    assert answered(good) == (0, {"type": "result", "result": {"a": 1}})
    for request, problem, code in ((b"", None, "protocol"), (b"[]", None, "protocol"),
                                   (protocol.request("x", {}, {}), None, "usage"),
                                   (good, Failed("busy", "t"), "busy"), (good, KeyError("k"), "failed"),
                                   (protocol.request("check", {}, {}, protocol=2), None, "protocol")):
        status, line = answered(request, problem)
        assert (status, line["type"], line["code"]) == (1, "error", code)


def test_an_entry_point_of_a_python_package_is_a_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "vendor-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vendor\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lifeboat.providers]\nours = vendorpkg:main\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert entry_points()["ours"][-2:] == ("vendorpkg", "main")


RESTING = """
import json, os, signal, sys
request = json.load(sys.stdin)
method, config = request["method"], request["config"]
with open(config["log"], "a") as log: log.write(method + "\\n")
if method == config.get("fails"): sys.exit(1)
if method == config.get("kills"): os.kill(os.getppid(), signal.SIGTERM); signal.pause()
answers = {"describe": ABOUT, "quiesce": {"token": "t"}, "thaw": {}, "backup": {"snapshot": "s", "bytes": 0},
           "restore-entry": {"sections": []}, "check": {"reachable": True}}
print(json.dumps({"type": "result", "result": answers[method]}))
""".replace("ABOUT", repr({**ABOUT, "methods": list(protocol.METHODS)}))


@pytest.mark.parametrize(("fails", "thaws"), [(None, 1), ("backup", 1), ("quiesce", 0), ("restore-entry", 1)])
def test_what_was_brought_to_rest_goes_on(fails: Optional[str], thaws: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    made = Provider("rest", (sys.executable, "-I", "-S", "-c", RESTING), {"log": str(log), "fails": fails})
    if fails:
        with pytest.raises(ProviderFailed, match=fails):
            entries((made,), (), backup=True)
    else:
        entries((made,), (), backup=True)
    assert log.read_text().split().count("thaw") == thaws


def test_sigterm_during_a_backup_thaws(tmp_path: Path) -> None:
    (tmp_path / "rest.py").write_text(RESTING)
    code = (f"import sys\nfrom sif.provider.client import Provider\nfrom sif.provider.entry import entries\n"
            f"entries((Provider('rest', (sys.executable, '-I', '-S', {str(tmp_path / 'rest.py')!r}), "
            f"{{'log': {str(tmp_path / 'log')!r}, 'kills': 'backup'}}),), (), backup=True)")
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, check=False)
    assert done.returncode != 0 and b"Interrupted: " + signal.Signals.SIGTERM.name.encode() in done.stderr
    assert (tmp_path / "log").read_text().split()[-2:] == ["backup", "thaw"]


def test_files_that_a_set_cannot_hold_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sif.media.MAX_SET_FILE_BYTES", 10)
    (tmp_path / "good").write_text("x")
    assert collected("evil", tmp_path) == {"good": b"x"}
    for name, make in (("link", lambda path: path.symlink_to("good")), ("dir", lambda path: path.symlink_to("/etc")),
                       ("large", lambda path: path.write_bytes(b"x" * 11)), ("a:b", lambda path: path.touch()),
                       ("fifo", os.mkfifo)):
        make(tmp_path / name)
        with pytest.raises(ProviderFailed, match="cannot be part of a set"):
            collected("evil", tmp_path)
        (tmp_path / name).unlink()

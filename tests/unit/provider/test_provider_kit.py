"""The conformance kit: a good provider holds every check, and each check has a provider that fails it."""

from __future__ import annotations

from pathlib import Path

import pytest
from provider_scripts import provider

from sif.cli import main
from sif.errors import Exit
from sif.provider import kit
from sif.provider.client import Provider
from sif.provider.kit import CHECKS, examine

BROKEN = {
    1: 'if method == "describe": METHODS["describe"] = lambda: {"name": "Bad Name"}',
    2: 'if method == "describe": METHODS["describe"] = lambda d=describe: {**d(), "version": str(time.time_ns())}',
    3: 'if method not in METHODS: fail("failed", "hm")',
    5: "",
    8: 'if method == "thaw" and os.path.exists(place + "/thawed"): fail("failed", "thawed already")',
    9: 'if method == "backup": METHODS["backup"] = lambda: {"snapshot": "", "bytes": 1}',
    10: 'if method == "check": METHODS["check"] = lambda: {"reachable": True, "snapshot": "s1", "newest": "now"}',
    11: 'if method == "check": METHODS["check"] = lambda: '
        '{"reachable": True, "snapshot": "s1", "newest": "2026-01-01T00:00:00Z"}',
    12: 'there = lambda snapshot: fail("no-snapshot", "hm") if place.endswith("not-there") else None',
    13: 'if method == "restore-entry": METHODS[method] = lambda: '
        '{"sections": [{"kind": "DISK", "id": "d0", "keys": {}}]}',
    14: 'if method == "restore-entry": METHODS[method] = lambda r=restore_entry: {"sections": [{**s, "keys": '
        '{**s["keys"], **({"title": str(time.time_ns())} if s["kind"] == "COMMAND" else {})}} '
        'for s in r()["sections"]]}',
    15: 'if method == "restore-entry" and not params["files"] and "later" in params["output"]: '
        'fail("no-snapshot", "back up first")',
    16: 'if method == "restore-entry": METHODS[method] = lambda r=restore_entry: '
        '{"sections": [s for s in r()["sections"] if s["id"] != "1000"]}',
    17: 'if method == "restore-entry": METHODS[method] = lambda r=restore_entry: {"sections": [{**s, "keys": '
        '{**s["keys"], **({"env": ["P=" + open(config["password_file"]).read().strip()]} '
        'if s["kind"] == "COMMAND" else {})}} for s in r()["sections"]]}',
    18: 'if method == "restore-entry": METHODS[method] = lambda r=restore_entry: {"sections": [{**s, "keys": '
        '{**s["keys"], **({"on_error": "9000"} if s["kind"] == "COMMAND" else {})}} for s in r()["sections"]]}',
    19: 'if method == "backup": METHODS["backup"] = lambda b=backup: '
        '(b(), os.system("rm \'%s/s1/etc/secret\'" % place))[0]',
}
"""Check → what breaks the good provider so that this check fails."""


def failures(program: Path, tmp_path: Path) -> dict[int, str]:
    store = tmp_path / "store"
    store.mkdir()
    (tmp_path / "pw").write_text("correct horse")
    one = Provider("test", (str(program),), {"location": str(store), "password_file": str(tmp_path / "pw")})
    return {outcome.number: f"{outcome.title}: {outcome.found}" for outcome in examine(one, tmp_path) if not outcome.ok}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that hangs is given little time."""
    monkeypatch.setattr(kit, "_SHORT", 3.0)
    monkeypatch.setattr(kit, "_UNTIL_ASKED", 0.4)


def test_a_good_provider_holds_every_check(tmp_path: Path) -> None:
    assert failures(provider(tmp_path / "good"), tmp_path) == {}


@pytest.mark.parametrize("number", [number for number, code in BROKEN.items() if code])
def test_each_check_can_fail(number: int, tmp_path: Path) -> None:
    assert number in failures(provider(tmp_path / "broken", BROKEN[number]), tmp_path)


SHELLS = {
    4: "read -r r; echo '{\"type\":\"result\",\"result\":{}}'",
    5: "cat >/dev/null; echo this is no JSON",
    6: "exit 0",
    7: "echo '{\"type\":\"error\",\"code\":\"usage\",\"text\":\"too early\"}'; exit 1",
}
"""Checks of the conversation itself, and programs that do it wrong."""


@pytest.mark.parametrize("number", SHELLS)
def test_each_check_of_the_conversation_can_fail(number: int, tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_text(f"#!/bin/sh\n{SHELLS[number]}\n")
    program.chmod(0o755)
    assert number in failures(program, tmp_path)


def test_every_check_is_broken_by_something() -> None:
    assert {number for number, code in BROKEN.items() if code} | set(SHELLS) == set(range(1, len(CHECKS) + 1))


def test_the_command_says_what_holds_by_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").mkdir()
    words = ["provider", "test", "--config", f"location={tmp_path}/store"]
    assert main([*words, str(provider(tmp_path / "good"))]) == Exit.OK
    assert "FAIL" not in capsys.readouterr().out
    assert main([*words, str(provider(tmp_path / "broken", BROKEN[1]))]) == Exit.PROVIDER_FAILED
    assert "1 FAIL describe says what it is\n         expected:" in capsys.readouterr().out

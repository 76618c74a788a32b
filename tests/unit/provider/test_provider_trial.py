"""The kit's restore: a provider's commands find what the rescue system would give them, and nothing else happens."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from provider_scripts import provider

from sif.cli import main
from sif.errors import Exit
from sif.provider.client import Provider
from sif.provider.kit import Outcome, examine

PASSWORD = "correct horse battery"
TOOL = """#!/bin/sh
# as a vendor's own program: all it knows comes from its environment
set -eu
[ "$(sha256sum < "$ACME_KEY" | cut -c 1-64)" = DIGEST ] || { echo "$(cat "$ACME_KEY") is wrong" >&2; exit 9; }
[ "$RESCUE_PHASE" = 2 ] && [ "$RESCUE_SEQUENCE" = 2000 ] && [ "$RESCUE_INTACT" = "" ]
grep -q '^\\[STORE kit\\]$' "$RESCUE_SIF"
cp -a "$1/." "$RESCUE_TARGET$2"
""".replace("DIGEST", hashlib.sha256(PASSWORD.encode()).hexdigest())
GIVES = '''
if method == "restore-entry":
    def METHODS_entry(before=restore_entry):
        with open(params["output"] + "/acme", "w") as file:
            file.write({tool!r})
        one, look, copy = before()["sections"]
        mount = params["volumes"][0]["mount"]
        keys = {{**copy["keys"], "argv": [{program!r}, copy["keys"]["argv"][2][:-2], mount],
                "env": ["ACME_KEY=${{secretfile:acme}}"]}}
        tool = {{"kind": "FILE", "id": "acme", "keys": {{"path": "output:acme", "target": {target!r}, "mode": "0755",
                "needs": ["store"]}}}}
        store = {{**one, "keys": {{**one["keys"], "password": "secret:acme"}}}}
        return {{"sections": [store, tool, look, {{**copy, "keys": keys}}, *{more!r}]}}
    METHODS[method] = METHODS_entry
'''


def outcomes(tmp_path: Path, *, target: str = "/opt/acme/restore", program: Optional[str] = None,
             more: "List[Dict[str, Any]]" = [], config: "Dict[str, str]" = {},  # noqa: B006
             secrets: "Optional[Dict[str, str]]" = None) -> "Dict[str, Outcome]":
    store = tmp_path / "store"
    store.mkdir(exist_ok=True)
    (tmp_path / "key").write_text(PASSWORD)
    made = provider(tmp_path / "provider",
                    GIVES.format(tool=TOOL, target=target, program=program or target, more=more))
    one = Provider("test", (str(made),), {"location": str(store), **config})
    return {outcome.title: outcome for outcome in examine(one, tmp_path, secrets)}


def failed(found: "Dict[str, Outcome]") -> "List[str]":
    return [f"{outcome.title}: {outcome.expected}; {outcome.found}" for outcome in found.values() if not outcome.ok]


RESTORE = "the commands bring the tree back"


@pytest.mark.parametrize(("target", "program"), [
    ("/opt/acme/restore", None), ("/usr/local/bin/acme-restore", "acme-restore")])
def test_files_that_go_along_are_where_the_commands_look(tmp_path: Path, target: str, program: Optional[str]) -> None:
    assert failed(outcomes(tmp_path, target=target, program=program,
                           secrets={"acme": str(tmp_path / "key")})) == []


def test_the_configuration_says_which_file_holds_the_secret(tmp_path: Path) -> None:
    config = {"secret": "acme", "key_file": str(tmp_path / "key")}
    assert failed(outcomes(tmp_path, config=config)) == []
    assert failed(outcomes(tmp_path, config={**config, "ca_file": "/etc/ssl/ca"}, secrets={
        "acme": str(tmp_path / "key")})) == []


def test_a_secret_that_nobody_has_is_asked_for(tmp_path: Path) -> None:
    assert failed(outcomes(tmp_path)) == [
        f"{RESTORE}: a file for ${{secretfile:acme}} of command 2000; none; say where it is: --secret acme=FILE"]


def test_what_a_command_says_is_shown_without_the_secret(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("another secret")
    (wrong,) = failed(outcomes(tmp_path, secrets={"acme": str(tmp_path / "other")}))
    assert wrong == f"{RESTORE}: command 2000 to end with 0; exit status 9; it said: [secret] is wrong"


def test_a_program_that_is_nowhere_is_named(tmp_path: Path) -> None:
    (wrong,) = failed(outcomes(tmp_path, program="/opt/acme/elsewhere", secrets={"acme": str(tmp_path / "key")}))
    assert "command 2000 to start" in wrong and "/opt/acme/elsewhere" in wrong


def command(number: str, **keys: Any) -> "Dict[str, Any]":
    return {"kind": "COMMAND", "id": number, "keys": {"vendor": "acme", "title": "t", **keys}}


def test_what_runs_in_a_restored_system_is_not_run_here(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    more = [command("2001", phase="2", chroot=True, argv=["touch", str(trace)]),
            command("4000", phase="final", argv=["sh", "-c", f"echo $RESCUE_PHASE >> {trace}.final"])]
    found = outcomes(tmp_path, more=more, secrets={"acme": str(tmp_path / "key")})
    assert failed(found) == []
    assert found[RESTORE].note == "not tried, because they run inside a restored system: 2001"
    assert not trace.exists()
    assert (tmp_path / "trace.final").read_text() == "final\n"


@pytest.mark.parametrize(("more", "words"), [
    (command("2001", phase="2", argv=["true"], on_error="9000"), "9000"),
    (command("2001", phase="2", argv=["ls", "${store:other}"]), "${store:other} names nothing"),
    (command("2001", phase="2", argv=["ls", "${secretfile:other}"]), "names no secret of this set"),
    (command("2001", phase="2", argv=["ls"], volumes=["gone"]), "gone"),
    ({"kind": "FILE", "id": "etc", "keys": {"path": "output:acme", "target": "/etc/shadow", "needs": ["other"]}},
     "/etc/shadow")])
def test_sections_that_no_set_could_hold_are_found(tmp_path: Path, more: "Dict[str, Any]", words: str) -> None:
    found = outcomes(tmp_path, more=[more], secrets={"acme": str(tmp_path / "key")})
    assert words in str(found["the sections fit into a set"].found)


@pytest.mark.parametrize("leak", [
    'say({"type": "log", "level": "info", "text": "opened with " + open(config["key_file"]).read()})',
    'sys.stderr.write(open(config["key_file"]).read())'])
def test_a_provider_that_says_its_secret_is_found(tmp_path: Path, leak: str) -> None:
    (tmp_path / "key").write_text(PASSWORD)
    (tmp_path / "store").mkdir()
    made = provider(tmp_path / "provider", f'if method == "check":\n    {leak}')
    one = Provider("test", (str(made),), {"location": str(tmp_path / "store"), "key_file": str(tmp_path / "key")})
    assert [outcome.number for outcome in examine(one, tmp_path) if not outcome.ok] == [17]


def test_a_file_for_the_set_with_a_secret_in_it_is_found(tmp_path: Path) -> None:
    found = outcomes(tmp_path, secrets={"acme": str(tmp_path / "tool")})
    (tmp_path / "tool").write_text("as a vendor's own program")
    assert found
    again = outcomes(tmp_path, secrets={"acme": str(tmp_path / "tool")})
    assert again["secrets are named and not shown"].found == "files/test/acme"


def test_a_configured_store_is_not_tested_by_accident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "own").mkdir()
    made = provider(tmp_path / "provider")
    (tmp_path / "a.conf").write_text(f'[PROVIDER files]\nprogram = "{made}"\nlocation = "{tmp_path}/store"\n')
    words = ["provider", "test", "files", "--config-dir", str(tmp_path)]
    assert main(words) == Exit.USAGE
    assert "a store of its own" in capsys.readouterr().err
    assert list((tmp_path / "store").iterdir()) == []
    assert main([*words, "--json", "--config", f"location={tmp_path}/own"]) == Exit.OK
    assert all(outcome["expected"] is None for outcome in json.loads(capsys.readouterr().out))

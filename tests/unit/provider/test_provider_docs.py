"""docs/provider-api.md says what the code does: its examples are read by it, its tables are compared with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable, List, Mapping, Tuple

import pytest

from sif.errors import Exit
from sif.provider import protocol
from sif.provider.client import _UNREACHABLE, Provider
from sif.provider.config import read_config
from sif.provider.kit import CHECKS, examine
from sif.provider.protocol import Conversation
from sif.provider.sections import records_of
from sif.provider.serve import _request

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "provider-api.md").read_text("utf-8")
READERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "describe": protocol.described, "quiesce": protocol.token_of, "backup": protocol.backed_up,
    "check": protocol.checked, "thaw": dict,
    "restore-entry": lambda result: records_of("files", protocol.sections_of(result))}
EXAMPLES: List[Tuple[str, str]] = re.findall(r"```json ([^\n]*)\n(.*?)```", TEXT, re.S)


@pytest.mark.parametrize(("what", "text"), EXAMPLES)
def test_an_example_is_read_by_the_code(what: str, text: str) -> None:
    if what == "request":
        assert _request(text.encode())["method"] in protocol.METHODS
    elif what == "answer":
        talk = Conversation(lambda _message: None)
        assert [talk.line(line.encode()) for line in text.splitlines()] == [None] * len(text.splitlines())
        assert talk.result or talk.error
    else:
        READERS[what.split()[1]](json.loads(text))


def test_every_method_has_an_example_and_its_time() -> None:
    assert {what for what, _ in EXAMPLES} == {"request", "answer", *(f"result {name}" for name in protocol.METHODS)}
    assert TEXT.count("```json") == len(EXAMPLES)
    units = {"seconds": 1, "minutes": 60, "hours": 3600}
    found = {name: int(number) * units[unit]
             for name, number, unit in re.findall(r"^### `([a-z-]+)` \((\d+) (\w+)\)$", TEXT, re.M)}
    assert found == protocol.SECONDS and set(found) == set(protocol.METHODS)


def test_the_tables_of_messages_and_errors() -> None:
    codes = re.findall(r"^\| `([a-z-]+)` \| [^|]* \| (?:exit code )?(\d+) \|$", TEXT, re.M)
    assert {code: int(number) for code, number in codes} == {
        code: int(Exit.STORE_UNREACHABLE if code in _UNREACHABLE else Exit.PROVIDER_FAILED)
        for code in protocol.ERROR_CODES}
    table = TEXT[TEXT.index("| line | keys |"):].split("\n\n")[0]
    lines = re.findall(r"^\| `([a-z]+)` \|", table, re.M)
    talk = Conversation(lambda _message: None)
    assert talk.line(b'{"type": "?"}') and talk.fault and talk.fault.wanted
    assert lines == re.findall(r"[a-z]{3,}", talk.fault.wanted)


def test_the_configuration_parses(tmp_path: Path) -> None:
    (text,) = re.findall(r"```ini\n(.*?)```", TEXT, re.S)
    (tmp_path / "x.conf").write_text(text)
    (found,) = read_config(tmp_path)
    assert found.name == "files" and found.config["exclude"] == ["/var/cache", "/var/tmp"]


def test_the_example_in_shell_holds_every_check(tmp_path: Path) -> None:
    assert "(examples/provider-cp.sh)" in TEXT
    (tmp_path / "store").mkdir()
    made = Provider("cp", (str(DOCS / "examples/provider-cp.sh"),), {"location": str(tmp_path / "store")})
    outcomes = examine(made, tmp_path)
    assert [(one.title, one.expected, one.found) for one in outcomes if not one.ok] == []
    assert [one.number for one in outcomes if one.skipped] == [8] and len(outcomes) == len(CHECKS)

"""docs/provider-api.md is what the code does."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from sif.provider import protocol
from sif.provider.config import read_config
from sif.provider.protocol import Conversation
from sif.provider.sections import records_of
from sif.provider.shipped import SHIPPED

PAGE = Path(__file__).resolve().parents[3] / "docs/provider-api.md"
TEXT = PAGE.read_text("utf-8")
BLOCKS: List[Tuple[str, str]] = re.findall(r"```(\w+(?: [\w-]+)*)\n(.*?)```", TEXT, re.DOTALL)

READERS: Dict[str, Callable[[Any], Any]] = {
    "describe": protocol.described, "quiesce": protocol.token_of, "backup": protocol.backed_up,
    "check": protocol.checked, "thaw": dict, "restore-entry": lambda r: records_of("doc", protocol.sections_of(r))}


def test_every_method_has_an_example_that_is_read() -> None:
    seen = {kind.split()[-1]: READERS[kind.split()[-1]](json.loads(body)) for kind, body in BLOCKS
            if kind.startswith("json result")}
    assert tuple(sorted(seen)) == tuple(sorted(protocol.METHODS))


@pytest.mark.parametrize("body", [body for kind, body in BLOCKS if kind == "json answer"])
def test_examples_of_answers_are_conversations(body: str) -> None:
    talk = Conversation(lambda _message: None)
    assert [talk.line(line.encode()) for line in body.splitlines()] == [None] * len(body.splitlines())
    assert (talk.result is None) != (talk.error is None)


def test_the_example_of_a_request_is_one() -> None:
    (body,) = [body for kind, body in BLOCKS if kind == "json request"]
    example = json.loads(body)
    assert json.loads(protocol.request("check", example["config"], example["params"])) == example


def test_the_example_of_a_configuration_is_read(tmp_path: Path) -> None:
    (body,) = [body for kind, body in BLOCKS if kind == "ini"]
    (tmp_path / "files.conf").write_text(body)
    (one,) = read_config(tmp_path)
    assert one.config["exclude"] == ["/var/cache", "/var/tmp"]


def test_error_codes_limits_and_times_are_those_of_the_code() -> None:
    table = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \| (?:exit code )?(\d+) \|$", TEXT, re.MULTILINE)
    assert tuple(name for name, _ in table) == protocol.ERROR_CODES
    assert f"{protocol.MAX_LINE_BYTES // 1024} KiB and {protocol.MAX_DEPTH} levels of nesting a line" in TEXT
    assert f"{protocol.MAX_OUTPUT_BYTES >> 20} MiB of output" in TEXT
    units = {"second": 1, "minute": 60, "hour": 3600}
    times = {name: int(number) * units[unit] for name, number, unit in
             re.findall(r"^### `([a-z-]+)` \((\d+) (second|minute|hour)s?\)", TEXT, re.MULTILINE)}
    assert times == protocol.SECONDS


def test_every_key_of_every_shipped_provider_is_on_the_page() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (`.*) \|$", TEXT, re.MULTILINE))
    for name in SHIPPED:
        module = importlib.import_module(f"sif.provider.shipped.{name.replace('-', '_')}")
        keys = re.findall(r"`([a-z_]+)`(?: \(|,| with|$)", re.sub(r"\([^)]*\)", "(", rows[name]))
        assert sorted(keys) == sorted(module._KEYS), name

"""The target of the provider protocol: what a vendor's program answers, line by line."""

from __future__ import annotations

import json
from typing import Any, Callable, Iterator, List, Tuple

from sif.codec import schemas
from sif.errors import LifeboatError
from sif.model import Version
from sif.parse import FRAGMENT_KINDS, parse_document
from sif.provider import protocol
from sif.provider.sections import records_of
from sif.writer import write_text

VERSION = Version(signature="$SIF$", format="2.0", set_id="5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", part=1, parts=1)
READERS: Tuple[Callable[..., Any], ...] = (
    protocol.described, protocol.backed_up, protocol.token_of, protocol.checked)


def answers(data: bytes) -> None:
    """Every line is a message or refused; a restore entry that is accepted can be written and read again."""
    said: List[Any] = []
    talk = protocol.Conversation(said.append)
    for line in data.split(b"\n"):
        if talk.line(line) is not None:
            break
    if talk.result is None:
        return
    for reader in READERS:
        try:
            reader(talk.result)
        except protocol.BadAnswer as error:
            str(error)
    try:
        records = records_of("p", protocol.sections_of(talk.result))
        written = write_text([VERSION, *records])
    except (protocol.BadAnswer, LifeboatError) as error:
        str(error)
        return
    document = parse_document(written, "f")
    if document.problems or sorted(map(repr, document.records[1:])) != sorted(map(repr, records)):
        raise AssertionError(f"a restore entry was accepted that cannot be written: {document.problems}")


def seeds() -> Iterator[bytes]:
    """Sound answers: one of each message, and an entry with every kind of section."""
    yield b"\n".join(json.dumps(message).encode() for message in (
        {"type": "log", "level": "info", "text": "x"}, {"type": "progress", "fraction": 0.5, "text": "half"},
        {"type": "error", "code": "unreachable", "text": "no", "hint": "plug it in"}))
    for result in (
        {"name": "restic", "title": "restic", "version": "1", "kind": "backup", "protocol": [1],
         "methods": list(protocol.METHODS)},
        {"snapshot": "7f3a", "bytes": 7}, {"token": "t"},
        {"reachable": True, "snapshot": None, "newest": "2026-11-22T02:10:04Z"},
        {"sections": [{"kind": kind, "id": "1", "keys": {
            key.name: _value(key.info.example) for key in schemas()[kind].keys}} for kind in FRAGMENT_KINDS]},
    ):
        yield json.dumps({"type": "result", "result": result}).encode()


def _value(example: str) -> Any:
    """A SIF example as JSON."""
    if example.startswith("["):
        return [_value(word) for word in example.strip("[]").split(", ") if word]
    if example.startswith('"'):
        return json.loads(example)
    return {"true": True, "false": False}.get(example, int(example) if example.isdigit() else example)

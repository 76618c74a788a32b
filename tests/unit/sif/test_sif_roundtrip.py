"""Canonical text: what is written reads back as the same content, and writes again as the same bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from sif_samples import machine

from sif.codec import KeySchema, Unwritable, schemas
from sif.keys import Form
from sif.model import RECORDS, Nic, Ref, SystemInformation, Version
from sif.parse import parse_document, parse_text
from sif.writer import write_text

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")) | st.sampled_from("\n\t\"\\;[],="),
                max_size=40)
TOKENS = st.from_regex(r"[A-Za-z0-9_.:/$<=>-]{1,20}", fullmatch=True)


def values(key: KeySchema) -> "st.SearchStrategy[Any]":
    """Any value a key may hold."""
    if key.is_ref:
        element: Any = IDS.map(Ref)
    elif key.base is bool:
        element = st.booleans()
    elif key.base is int:
        element = st.integers(0, 2 ** 64 - 1)
    elif key.base is not str:
        element = st.sampled_from(key.base)
    else:
        element = {Form.UUID: st.uuids().map(str), Form.BARE: TOKENS,
                   Form.SECRET: IDS.map("secret:{}".format),
                   Form.TIME: st.just("2026-11-22T02:10:04Z")}.get(key.info.form, TEXTS)
    whole: "st.SearchStrategy[Any]" = st.lists(element, max_size=4).map(tuple) if key.many else element
    return whole if key.required else st.just(key.default) | whole


@st.composite
def records(draw: Any) -> Any:
    """A record of any kind but VERSION, with any values: the text layer does not judge their meaning."""
    kind = draw(st.sampled_from([record for record in RECORDS if record is not Version]))
    schema = schemas()[kind.KIND]
    fields = {key.name: draw(values(key)) for key in schema.keys}
    if schema.has_id:
        fields["id"] = str(draw(st.integers(1, 9999))) if kind.KIND == "COMMAND" else draw(IDS)
    return kind(**fields)


@settings(max_examples=200, deadline=None)
@given(records())
def test_every_record_survives_writing_and_reading(record: Any) -> None:
    text = write_text([machine().version, record])
    found, problems = parse_text(text, "t")
    assert problems == ()
    assert found == (machine().version, record)
    assert write_text(found) == text


def test_a_whole_machine_writes_the_same_bytes_again() -> None:
    text = write_text(machine().records())
    found, problems = parse_text(text, "t")
    assert problems == ()
    assert write_text(found) == text
    assert write_text(reversed(found)) == text, "the order of records must not matter"


def test_places_name_every_value() -> None:
    document = parse_document(write_text(machine().records()), "t")
    line, column = (int(number) for number in document.places[("DISK", "d1", "table")].split(":")[1:])
    assert write_text(machine().records()).splitlines()[line - 1][column - 1:] == "gpt"


@pytest.mark.parametrize("nic", [
    Nic(id="bad id", mac="52:54:00:12:34:56"),
    Nic(id="n", mac="\u202e"),
    Nic(id="n", mac="\x00"),
])
def test_what_the_format_cannot_express_is_not_written(nic: Nic) -> None:
    with pytest.raises(Unwritable):
        write_text([nic])


def test_partitions_are_in_natural_order() -> None:
    info: SystemInformation = machine()
    text = write_text([p for p in info.partitions] + [type(info.partitions[0])(
        **{**info.partitions[0].__dict__, "id": "d0p10", "number": 10})])
    assert [line for line in text.splitlines() if line.startswith("[")] == [
        "[PARTITION d0p1]", "[PARTITION d0p2]", "[PARTITION d0p3]", "[PARTITION d0p10]", "[PARTITION d1p1]"]

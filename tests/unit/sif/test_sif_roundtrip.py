"""Canonical text: what is written reads back as the same content, and writes again as the same bytes."""

from __future__ import annotations

import random
from datetime import datetime
from typing import Any, List

import pytest
from hypothesis import given, settings, strategies as st
from sif_samples import machine

from sif.codec import MAX_INT, KeySchema, Unwritable, schemas
from sif.foreign import Foreign
from sif.keys import Form
from sif.model import RECORDS, Nic, Ref, SystemInformation, Version
from sif.parse import parse_document, parse_text
from sif.text import quoted
from sif.writer import write_text

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")) | st.sampled_from("\n\t\"\\;[],="),
                max_size=40)
TOKENS = st.from_regex(r"[A-Za-z0-9_.:/$<=>-]{1,20}", fullmatch=True)

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(lambda time: time.strftime("%Y-%m-%dT%H:%M:%SZ"))
FOREIGN = st.builds(Foreign, st.sampled_from(["X-ACME.TAPE", "X-A-1.B2"]), IDS, st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), TOKENS | TEXTS.map(quoted), max_size=3).map(
        lambda entries: tuple(sorted(entries.items()))))


def values(key: KeySchema) -> "st.SearchStrategy[Any]":
    """Any value a key may hold."""
    if key.is_ref:
        element: Any = IDS.map(Ref)
    elif key.base is bool:
        element = st.booleans()
    elif key.base is int:
        element = st.integers(0, MAX_INT)
    elif key.base is not str:
        element = st.sampled_from(key.base)
    else:
        element = {Form.UUID: st.uuids().map(str), Form.BARE: TOKENS, Form.SECRET: IDS.map("secret:{}".format),
                   Form.TIME: TIMES}.get(key.info.form, TEXTS)
    whole: "st.SearchStrategy[Any]" = st.lists(element, max_size=4).map(tuple) if key.many else element
    return whole if key.required else st.just(key.default) | whole


def records(kind: Any) -> "st.SearchStrategy[Any]":
    """A record of that kind with any values: the text layer does not judge their meaning. Made from the schema."""
    schema = schemas()[kind.KIND]
    fields = {key.name: values(key) for key in schema.keys}
    if schema.kind == "VERSION":
        fields.update(signature=st.just("$SIF$"), format=st.just("2.0"), requires=st.just(("gpt",)))
    if schema.has_id:
        fields["id"] = st.integers(1, 9999).map(str) if kind.KIND == "COMMAND" else IDS
    return st.builds(kind, **fields)


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.KIND)
@settings(max_examples=20)
@given(data=st.data())
def test_every_kind_of_record_survives_writing_and_reading(kind: Any, data: st.DataObject) -> None:
    record = data.draw(records(kind))
    written = (record,) if kind is Version else (machine().version, record)
    text = write_text(written)
    found, problems = parse_text(text, "t")
    assert problems == ()
    assert found == written
    assert write_text(found) == text


@settings(max_examples=60)
@given(st.lists(st.sampled_from([kind for kind in RECORDS if kind is not Version]).flatmap(records), max_size=8),
       st.lists(FOREIGN, max_size=3), st.randoms())
def test_there_is_one_text_for_one_content_whatever_the_order(content: List[Any], foreign: List[Foreign],
                                                              chance: random.Random) -> None:
    content = [machine().version, *{(record.KIND, getattr(record, "id", "").lower()): record
                                    for record in content}.values()]
    foreign = list({(found.kind, found.id.lower()): found for found in foreign}.values())
    text = write_text(content, foreign)
    document = parse_document(text, "t")
    assert document.problems == ()
    assert write_text(document.records, document.foreign) == text
    for things in (content, foreign):
        chance.shuffle(things)
    assert write_text(content, foreign) == text


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

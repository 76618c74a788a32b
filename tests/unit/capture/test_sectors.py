"""What only the sectors of a disk say: boot records, chains of logical partitions, both headers of a GPT."""

from __future__ import annotations

import contextlib
import struct
import zlib
from typing import Dict, Mapping, Sequence, Tuple

import pytest
from hypothesis import given, strategies as st

from sif.capture.sectors import (
    MAX_LOGICAL,
    BrokenTable,
    MbrEntry,
    Read,
    gap,
    gpt_header,
    hybrid_words,
    judge_gpt,
    logical_records,
    mbr_entries,
    usual_last,
    without_zeros,
)

SECTOR = 512
Entry = Tuple[int, int, int, int, bool]
"""slot, type, start, sectors, active"""


def record(*entries: Entry, signed: bool = True) -> bytes:
    """A boot record with these entries."""
    sector = bytearray(SECTOR)
    for slot, kind, start, sectors, active in entries:
        struct.pack_into("<B3xB3xII", sector, 446 + 16 * (slot - 1), 0x80 if active else 0, kind, start, sectors)
    if signed:
        sector[510:] = b"\x55\xaa"
    return bytes(sector)


def reader(sectors: Mapping[int, bytes]) -> Read:
    """A disk that holds these sectors and zeros; longer content reaches into the sectors that follow."""
    def read(sector: int, length: int) -> bytes:
        disk = bytearray(length)
        for number, content in sectors.items():
            at = (number - sector) * SECTOR
            if -len(content) < at < length:
                begin = max(at, 0)
                piece = content[begin - at:][:length - begin]
                disk[begin:begin + len(piece)] = piece
        return bytes(disk)
    return read


def test_entries_of_a_boot_record() -> None:
    sector = record((1, 0x83, 63, 1000, True), (4, 0x0F, 2048, 9000, False))
    assert mbr_entries(sector) == (MbrEntry(1, 0x83, 63, 1000, True), MbrEntry(4, 0x0F, 2048, 9000, False))
    assert mbr_entries(record((1, 0x83, 63, 1000, True), signed=False)) == ()


BOX = MbrEntry(2, 0x05, 1000, 9000, False)


def chain(*links: "tuple[int, int, int]") -> Read:
    """Boot records in the container: (sector, start of the partition from there, next record from the container)."""
    return reader({sector: record(*([(1, 0x83, start, 100, False)] if start else []),
                                  *([(2, 0x05, after, 500, False)] if after else []))
                   for sector, start, after in links})


def test_logical_partitions_and_their_records() -> None:
    assert logical_records(BOX, chain((1000, 63, 2000), (3000, 1, 500), (1500, 63, 0))) == {
        1063: 1000, 3001: 3000, 1563: 1500}


def test_a_record_without_a_partition_only_leads_on() -> None:
    assert logical_records(BOX, chain((1000, 0, 2000), (3000, 63, 0))) == {3063: 3000}
    assert logical_records(BOX, reader({})) == {}


@pytest.mark.parametrize(("links", "words"), [
    (((1000, 63, 2000), (3000, 63, 2000)), "comes back to sector 3000"),
    (((1000, 63, 9000),), "leaves its container at sector 10000"),
    (tuple((1000 + n, 1, n + 1) for n in range(200)), "or does not end"),
])
def test_a_chain_that_is_broken_is_refused(links: "Sequence[tuple[int, int, int]]", words: str) -> None:
    with pytest.raises(BrokenTable, match=words):
        logical_records(BOX, chain(*links))


def test_hybrid_entries_with_the_protective_one() -> None:
    entries = mbr_entries(record((1, 0xEE, 1, 2047, False), (3, 0x83, 2048, 1000, True)))
    assert hybrid_words(entries) == ("1:0xee:1:2047", "3:0x83:2048:1000:active")
    assert hybrid_words(mbr_entries(record((1, 0xEE, 1, 0xFFFFFFFF, True)))) == ()


SECTORS = 4096


def header(lba: int, alternate: int, array_lba: int, entries: bytes, **changed: int) -> bytes:
    """A GPT header whose checksums are right."""
    facts = {"count": 128, "entry": 128, "first": 34, "last": SECTORS - 34, "size": 92, **changed}
    def pack(crc: int) -> bytes:
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, facts["size"], crc, 0, lba, alternate,
                           facts["first"], facts["last"], b"G" * 16, array_lba, facts["count"], facts["entry"],
                           zlib.crc32(entries))
    return pack(zlib.crc32(pack(0)))


def gpt(primary: bytes = b"", backup: bytes = b"", array: bytes = bytes(16384), other: bytes = b"") -> Read:
    disk: Dict[int, bytes] = {2: array, SECTORS - 33: other or array}
    disk[1] = primary or header(1, SECTORS - 1, 2, array)
    disk[SECTORS - 1] = backup or header(SECTORS - 1, 1, SECTORS - 33, other or array)
    return reader(disk)


def test_a_whole_gpt() -> None:
    found, notes = judge_gpt(gpt(), SECTORS)
    assert (found.first, found.last, found.entries, notes) == (34, SECTORS - 34, 128, ())
    assert usual_last(SECTORS, 128, SECTOR) == SECTORS - 34
    assert usual_last(SECTORS, 128, 4096) == SECTORS - 6


def test_a_damaged_backup_is_noted() -> None:
    found, notes = judge_gpt(gpt(backup=b"x" * SECTOR), SECTORS)
    assert found.lba == 1
    assert notes == ("the backup GPT at the end of the disk is damaged or missing; a restore writes both",)


@pytest.mark.parametrize(("disk", "words"), [
    (gpt(primary=b"x" * SECTOR), "its first GPT is damaged, only the backup at the end is whole"),
    (gpt(primary=b"x" * SECTOR, backup=b"x" * SECTOR), "and so is the backup"),
    (gpt(other=b"\1" + bytes(16383)), "its two GPTs differ"),
    (gpt(backup=header(SECTORS - 1, 1, SECTORS - 33, bytes(16384), last=99)), "its two GPTs differ"),
    (gpt(primary=header(1, SECTORS - 1, 2, bytes(16384), entry=256)), "of 256 bytes"),
    (gpt(primary=header(1, SECTORS - 1, 2, bytes(16384), count=100000)), "a GPT of 100000 entries"),
])
def test_a_gpt_of_which_no_one_knows_what_counts(disk: Read, words: str) -> None:
    with pytest.raises(BrokenTable, match=words):
        judge_gpt(disk, SECTORS)


@pytest.mark.parametrize("raw", [
    b"", b"EFI PART", header(2, SECTORS - 1, 2, bytes(16384)), header(1, 1, 2, bytes(16384), size=600),
    header(1, SECTORS - 1, 2, b"other entries"), header(1, SECTORS - 1, 2, bytes(16384))[:-1] + b"\xff"])
def test_what_is_no_header(raw: bytes) -> None:
    assert gpt_header(1, reader({1: raw, 2: bytes(16384)})) is None


def test_the_gap_ends_where_its_content_does() -> None:
    disk = reader({1: b"a" * 600})
    assert gap([63, 5000], disk, SECTOR, 1 << 20) == b"a" * 600 + bytes(424)
    assert gap([63], disk, SECTOR, SECTOR) == b"a" * SECTOR
    assert gap([], disk, SECTOR, 1 << 20) == gap([1], disk, SECTOR, 1 << 20) == b""
    assert gap([63], reader({}), SECTOR, 1 << 20) == b""
    assert without_zeros(bytes(1024), SECTOR) == b""


@given(st.dictionaries(st.integers(0, 64) | st.just(SECTORS - 1), st.binary(min_size=SECTOR, max_size=SECTOR),
                       max_size=6),
       st.booleans())
def test_whatever_is_on_a_disk_is_described_or_refused_as_broken(sectors: Dict[int, bytes], signed: bool) -> None:
    if signed:
        sectors = {number: content[:510] + b"\x55\xaa" for number, content in sectors.items()}
    disk = reader(sectors)
    entries = mbr_entries(disk(0, SECTOR))
    hybrid_words(entries)
    gap([entry.start for entry in entries], disk, SECTOR, 1 << 16)
    for entry in entries:
        with contextlib.suppress(BrokenTable):
            assert len(logical_records(entry, disk)) <= MAX_LOGICAL * 4
    with contextlib.suppress(BrokenTable):
        judge_gpt(disk, SECTORS)

"""The firmware's boot entries: load options byte by byte."""

from __future__ import annotations

import struct
import uuid

import pytest
from worlds import World

from sif.capture.efi import RawEntry, efi_entries, parse_efibootmgr, parse_load_option, read_entries, secure_boot

pytest_plugins = ("capture_fixtures",)

ESP = "4c7b9d1e-0000-4000-8000-111111111111"
GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
FILE = "\\EFI\\debian\\shimx64.efi"


def node(kind: int, sub: int, data: bytes) -> bytes:
    return struct.pack("<BBH", kind, sub, 4 + len(data)) + data


def hard_drive(partition: str = ESP) -> bytes:
    return node(4, 1, struct.pack("<IQQ", 1, 2048, 131072) + uuid.UUID(partition).bytes_le + b"\x02\x02")


def mbr_drive(signature: int, number: int) -> bytes:
    return node(4, 1, struct.pack("<IQQI", number, 2048, 131072, signature) + b"\0" * 12 + b"\x01\x01")


def file(path: str) -> bytes:
    return node(4, 4, (path + "\0").encode("utf-16-le"))


END = node(0x7f, 0xff, b"")


def option(label: str, path: bytes, data: bytes = b"", attributes: int = 1) -> bytes:
    return struct.pack("<IH", attributes, len(path)) + (label + "\0").encode("utf-16-le") + path + data


@pytest.mark.parametrize(("raw", "wanted"), [
    (option("debian", hard_drive() + file(FILE) + END), RawEntry("0003", "debian", ESP, FILE)),
    (option("off", hard_drive() + file(FILE) + END, attributes=0), RawEntry("0003", "off", ESP, FILE, active=False)),
    (option("Größe", hard_drive() + file("\\EFI") + file("x.efi") + END),
     RawEntry("0003", "Größe", ESP, "\\EFI\\x.efi")),
    (option("args", hard_drive() + file(FILE) + END, "root=x".encode("utf-16-le")),
     RawEntry("0003", "args", ESP, FILE, data="72006f006f0074003d007800")),
    (option("marked by AMI", hard_drive() + file(FILE) + END, b"\0\0BO"), RawEntry("0003", "marked by AMI", ESP, FILE)),
    (option("mbr", mbr_drive(0x1a2b3c4d, 5) + file(FILE) + END), RawEntry("0003", "mbr", "1a2b3c4d-05", FILE)),
    (option("before the disk", node(2, 1, b"\0" * 8) + node(1, 1, b"\x1f\x00") + hard_drive() + file(FILE) + END),
     RawEntry("0003", "before the disk", ESP, FILE)),
    (option("PXE", node(3, 11, b"\0" * 33) + END), None),
    (option("no file", hard_drive() + END), None),
    (option("cut", hard_drive() + file(FILE) + END)[:60], None),
    (b"\x01\0\0\0\xff\xff", None),
    (b"", None),
])
def test_load_options(raw: bytes, wanted: "RawEntry | None") -> None:
    assert parse_load_option("0003", raw) == wanted


def test_a_node_that_claims_no_length_ends_the_path() -> None:
    assert parse_load_option("0001", option("x", hard_drive() + b"\x04\x04\0\0" + END)) is None


def test_variables_are_read_before_efibootmgr_is_asked(world: World) -> None:
    attributes = b"\x07\0\0\0"
    folder = "/sys/firmware/efi/efivars"
    world.put({
        f"{folder}/BootOrder-{GLOBAL}": attributes + struct.pack("<3H", 4, 3, 1),
        f"{folder}/Boot0003-{GLOBAL}": attributes + option("debian", hard_drive() + file(FILE) + END),
        f"{folder}/Boot0004-{GLOBAL}": attributes + option("Lifeboat recovery", hard_drive() + file(FILE) + END),
        f"{folder}/Boot00AB-{GLOBAL}": attributes + option("spare", hard_drive() + file("\\b.efi") + END),
        f"{folder}/BootCurrent-{GLOBAL}": attributes + b"\x03\0",
        f"{folder}/SecureBoot-{GLOBAL}": attributes + b"\x01"})
    world.programs["efibootmgr", "-v"] = "BootOrder: 0009\n"
    order, raw = read_entries()
    assert order == ("0004", "0003", "0001")
    assert [(e.id, e.label, e.path) for e in efi_entries(order, raw, {ESP: "esp"})] == [
        ("1", "debian", FILE), ("2", "spare", "\\b.efi")]
    assert world.asked == []
    assert secure_boot()


def test_without_variables_efibootmgr_is_asked(world: World) -> None:
    world.programs["efibootmgr", "-v"] = (
        f"BootOrder: 0001,0000\nBoot0000* a\tHD(1,GPT,{ESP},0x800,0x1)/\\a.efi\nBoot0001  b\tHD(1,GPT,{ESP},0x800,0x1)"
        "/File(\\b.efi)\n")
    assert read_entries() == (("0001", "0000"), (
        RawEntry("0000", "a", ESP, "\\a.efi"), RawEntry("0001", "b", ESP, "\\b.efi", active=False)))
    assert not secure_boot()


def test_without_both_there_are_none(world: World) -> None:
    assert read_entries() == ((), ())


def test_efibootmgr_prints_nothing_useful() -> None:
    assert parse_efibootmgr("EFI variables are not supported on this system.\n") == ((), ())

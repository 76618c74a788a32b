"""Partition types that machines' makers and firmware reserve for themselves.

No backup program saves what lies there, so it is kept sector by sector. Sources: UEFI 2.10, 5.3.3; Microsoft's
PARTITION_INFORMATION_GPT; libfdisk's and the makers' lists of types.
"""

from __future__ import annotations

from typing import Mapping

RESERVED_GPT: Mapping[str, str] = {
    "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
    "de94bba4-06d1-4d40-a16a-bfd50179d6ac": "Windows recovery environment",
    "9e1a2d38-c612-4316-aa26-8b49521e5a8b": "PowerPC PReP boot",
    "bfbfafe7-a34f-448a-9a5b-6213eb736c22": "Lenovo boot partition",
    "f4019732-066e-4e12-8273-346c5641494f": "Sony boot partition",
    "d3bfe2de-3daf-11df-ba40-e3a556d89593": "Intel Fast Flash (Rapid Start)",
    "e2a1e728-32e3-11d6-a682-7b03a0000000": "HP-UX service partition",
    "426f6f74-0000-11aa-aa11-00306543ecac": "Apple boot",
    "cab6e88e-abf3-4102-a07a-d4bb9be3c1d3": "ChromeOS firmware",
    "2e0a753d-9e48-43b0-8337-b15192cb1b5e": "ChromeOS reserved",
    "3de21764-95bd-54bd-a5c3-4abe786f38a8": "U-Boot environment",
}

RESERVED_MBR: Mapping[str, str] = {
    "0x12": "Compaq or EISA configuration and diagnostics",
    "0x27": "Windows recovery environment, or a maker's rescue partition",
    "0x3c": "PartitionMagic recovery",
    "0x41": "PowerPC PReP boot",
    "0x84": "hibernation area of the firmware",
    "0xa0": "hibernation area of the firmware",
    "0xde": "Dell utility",
    "0xf8": "system firmware of an Arm board",
    "0xfe": "IBM reference partition",
}

NEVER = frozenset({
    "21686148-6449-6e6f-744e-656564454649",  # BIOS boot: the boot loader embeds itself there again
    "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",  # EFI system partition: a file system like any other
    "0xef",
    "0x05", "0x0f", "0x85",  # containers of logical partitions
})
"""Types that are never kept by themselves, whatever their attributes say."""

REQUIRED_BIT = 1
"""GPT attribute bit 0: the platform needs the partition (UEFI 2.10, table 5-8)."""


def reserved(kind: str) -> str:
    """What a reserved partition type is called; empty for an ordinary one."""
    return RESERVED_GPT.get(kind.lower()) or RESERVED_MBR.get(kind.lower()) or ""

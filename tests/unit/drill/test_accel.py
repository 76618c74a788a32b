"""The probe's initramfs is what a kernel expects, and its answer is kept."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from drill import accel
from drill.spec import Accel


def test_the_archive_holds_an_executable_init() -> None:
    archive = gzip.decompress(accel.power_off_initrd())
    assert archive.startswith(b"070701") and archive.rstrip(b"\0").endswith(b"TRAILER!!!") and len(archive) % 4 == 0
    fields = [int(archive[6 + 8 * n:14 + 8 * n], 16) for n in range(13)]
    mode, size, name_size = fields[1], fields[6], fields[11]
    assert (mode, archive[110:110 + name_size]) == (0o100755, b"init\0")
    start = (110 + name_size + 3) // 4 * 4
    assert archive[start:start + size] == accel.power_off_program()


def test_the_program_is_a_static_elf_whose_entry_is_its_code() -> None:
    program = accel.power_off_program()
    kind, machine, _, entry = struct.unpack_from("<HHIQ", program, 16)
    assert (program[:5], kind, machine) == (b"\x7fELF\x02", 2, 62)
    assert program[entry - accel.BASE_ADDRESS] == 0xB8
    offset, address, _, file_size = struct.unpack_from("<QQQQ", program, 64 + 8)
    assert (offset, address, file_size) == (0, accel.BASE_ADDRESS, len(program))


@pytest.mark.parametrize("works", [True, False])
def test_the_answer_is_found_once(works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path))
    (tmp_path / "kvm").write_text("")
    monkeypatch.setattr(accel, "KVM", tmp_path / "kvm")
    asked = []

    def starts(kernel: Path, kind: Accel, seconds: float) -> bool:
        asked.append(kind)
        return works

    monkeypatch.setattr(accel, "starts", starts)
    wanted = Accel.KVM if works else Accel.TCG
    assert [accel.choose(Path("/k")), accel.choose(Path("/k"))] == [wanted, wanted]
    assert asked == [Accel.KVM]


def test_without_the_device_nothing_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accel, "KVM", tmp_path / "none")
    assert accel.choose(Path("/k")) is Accel.TCG

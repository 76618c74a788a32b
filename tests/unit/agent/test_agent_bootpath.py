"""The files of the boot path to phase 2, by the machine's architecture."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import List

import pytest

from rescue.failures import StagingFailed
from rescue.staging import bootpath
from rescue.staging.grubcfg import GrubPlace

X64 = ["shim/shimx64.efi.signed", "shim/mmx64.efi.signed", "grub/x86_64-efi-signed/gcdx64.efi.signed"]
AA64 = ["shim/shimaa64.efi.signed", "shim/mmaa64.efi.signed", "grub/arm64-efi-signed/gcdaa64.efi.signed"]


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library directory of a rescue image with the loaders of both architectures."""
    library = tmp_path / "lib"
    for name in X64 + AA64:
        (library / name).parent.mkdir(parents=True, exist_ok=True)
        (library / name).write_text(name)
    monkeypatch.setattr(bootpath, "_LIBRARY", library)
    return library


def on(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootpath.os, "uname", lambda: SimpleNamespace(machine=machine))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("machine", "end", "sources"), [("x86_64", "x64", X64), ("aarch64", "aa64", AA64)])
def test_each_architecture_has_its_own_signed_loaders(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                      machine: str, end: str, sources: List[str]) -> None:
    on(machine, monkeypatch)
    esp = tmp_path / "esp"
    esp.mkdir()
    placed = bootpath.install_uefi(esp, GrubPlace("0123-4567"))
    shim, mok, grub = sources
    assert {one.path for one in placed} == {
        f"EFI/lifeboat/shim{end}.efi", f"EFI/lifeboat/grub{end}.efi", f"EFI/lifeboat/mm{end}.efi",
        f"EFI/BOOT/BOOT{end.upper()}.EFI", f"EFI/BOOT/grub{end}.efi", f"EFI/BOOT/mm{end}.efi", "boot/grub/grub.cfg"}
    assert (esp / f"EFI/lifeboat/shim{end}.efi").read_text() == shim
    assert (esp / f"EFI/BOOT/grub{end}.efi").read_text() == grub
    assert (esp / f"EFI/BOOT/mm{end}.efi").read_text() == mok


def test_the_machine_s_own_fallback_loader_stays(image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on("aarch64", monkeypatch)
    own = tmp_path / "esp/EFI/BOOT/BOOTAA64.EFI"
    own.parent.mkdir(parents=True)
    own.write_text("the distribution's")
    placed = bootpath.install_uefi(tmp_path / "esp", GrubPlace("0123-4567"))
    assert own.read_text() == "the distribution's"
    assert not [one.path for one in placed if one.path.startswith("EFI/BOOT/")]


def test_an_architecture_without_an_image_is_refused(image: Path, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    on("riscv64", monkeypatch)
    with pytest.raises(StagingFailed, match="riscv64"):
        bootpath.install_uefi(tmp_path, GrubPlace("0123-4567"))
    assert list(tmp_path.glob("EFI")) == []

"""Boot entries, the restored tree's own boot files, and finding the disks again."""

from dataclasses import replace
from pathlib import Path

import pytest
from agent_machines import ESP_GUID, MIB, ROOT_UUID, TABLE_ID, plan_for, server

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.bootloader import efi_target, ordered_entries
from rescue.efi import BootVariables, EfiBoot, merged_order, parse_efibootmgr
from rescue.failures import RestoreFailed
from rescue.relocate import relocate
from rescue.restored import check_restored, first_entry, grub_problems, required_specs
from sif.run import Result

NEW = """BootCurrent: 0001
Timeout: 0 seconds
BootOrder: 0003,0000,0001
BootNext: 0001
Boot0000* UiApp\tFvVol(7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1)/FvFile(462caa21-7614-4503-836e-8ab6f4662331)
Boot0001* UEFI QEMU DVD-ROM QM00005 \tPciRoot(0x0)/Pci(0x1f,0x2)/Sata(2,65535,0){auto_created_boot_option}
      dp: 02 01 0c 00
Boot0003* debian\tHD(1,GPT,0F0E0D0C-0B0A-4908-8706-050403020101,0x800,0x32000)/\\EFI\\debian\\shimx64.efi
"""
OLD = "BootOrder: 0003\nBoot0003* debian\tHD(1,GPT,0f0e0d0c-0b0a-4908-8706-050403020101,0x800,0x32000)" \
      "/File(\\EFI\\debian\\shimx64.efi)\n"


@pytest.mark.parametrize("text", [NEW, OLD])
def test_efibootmgr_of_any_version_is_understood(text: str) -> None:
    entry = parse_efibootmgr(text).matching("debian", ESP_GUID.upper(), "\\EFI\\DEBIAN\\shimx64.efi")
    assert entry is not None and entry.number == "0003"


def test_the_order_keeps_the_firmware_s_own_entries_behind_ours() -> None:
    variables = parse_efibootmgr(NEW)
    assert variables.next == "0001"
    assert merged_order(["0001"], variables) == ("0001", "0003", "0000")
    assert merged_order(["0009"], BootVariables(variables.entries, ("0007", "0000"))) == ("0000",)


def test_entries_come_back_in_the_saved_order_and_point_at_the_present_disk(tmp_path: Path) -> None:
    saved = server()
    assert saved.boot is not None
    assert [e.id for e in ordered_entries(saved, saved.boot)] == ["2", "1"]
    target = efi_target(saved, plan_for("/dev/nvme0n1"), tmp_path, saved.efi_entries[0])
    assert (target.disk, target.part_number, target.partition) == ("/dev/nvme0n1", 1, ESP_GUID)
    assert target.file == tmp_path / "boot/efi/EFI/debian/shimx64.efi"


MENU = """menuentry 'Debian' {
\tlinux\t/vmlinuz-6.12 root=/dev/mapper/vg_web-root ro
\tinitrd\t/initrd.img-6.12
}
menuentry 'old' {
\tlinux /vmlinuz-5 ro
}
"""


def tree(root: Path) -> Path:
    for name in ("boot/grub", "etc"):
        (root / name).mkdir(parents=True)
    (root / "boot/grub/grub.cfg").write_text(MENU)
    (root / "boot/vmlinuz-6.12").write_text("k")
    (root / "boot/initrd.img-6.12").write_text("i")
    (root / "etc/fstab").write_text(f"# x\nUUID={ROOT_UUID} / ext4 errors=remount-ro 0 1\n"
                                    "UUID=gone-1 /data ext4 defaults,nofail 0 2\n")
    return root


PRESENT = BlockDevices((BlockDevice("dm-0", "/dev/mapper/vg_web-root", "lvm", uuid=ROOT_UUID),))


def test_a_complete_tree_passes(tmp_path: Path) -> None:
    check_restored(server(), tree(tmp_path), PRESENT)


def test_everything_that_keeps_it_from_starting_is_named_at_once(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "boot/initrd.img-6.12").unlink()
    with pytest.raises(RestoreFailed) as caught:
        check_restored(server(), root, BlockDevices(()))
    assert "/initrd.img-6.12, which is missing" in str(caught.value)
    assert f"UUID={ROOT_UUID} at /" in str(caught.value)
    assert "gone-1" not in str(caught.value)


def test_an_absolute_link_is_followed_inside_the_tree(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / "boot/vmlinuz-6.12").rename(root / "boot/kernel")
    (root / "boot/vmlinuz-6.12").symlink_to("/boot/kernel")
    assert grub_problems(server(), root) == ("/boot/grub/grub.cfg starts /vmlinuz-6.12, which is missing",)
    (root / "boot/vmlinuz-6.12").unlink()
    (root / "boot/vmlinuz-6.12").symlink_to("kernel")
    assert grub_problems(server(), root) == ()


def test_the_first_entry_with_a_kernel_counts() -> None:
    assert first_entry(MENU) == ("/vmlinuz-6.12", ("/initrd.img-6.12",))
    assert first_entry("menuentry 'x' {\n linux /k ro\n}\nmenuentry 'y' {\n initrd /i\n}\n") == ("/k", ())
    assert first_entry("nothing") == (None, ())


def test_only_what_is_mounted_at_start_is_required() -> None:
    fstab = "UUID=1 / ext4 defaults 0 1\nUUID=2 /m ext4 noauto 0 0\n\n# UUID=3 / x y\n"
    assert required_specs(fstab) == (("UUID=1", "/"),)


def vd(name: str, table: str, serial: "str | None" = None) -> BlockDevice:
    return BlockDevice(name, f"/dev/{name}", "disk", table_id=table, size_bytes=4096 * MIB, serial=serial)


def test_a_disk_is_known_by_its_table_after_a_restart() -> None:
    found = relocate(plan_for("/dev/vda"), server(), BlockDevices((vd("vda", "other"), vd("vdb", TABLE_ID.upper()))))
    assert found.path_of("d0") == "/dev/vdb"


def test_the_serial_number_decides_between_a_disk_and_its_copy() -> None:
    copies = BlockDevices((vd("vda", TABLE_ID, "S9"), vd("vdb", TABLE_ID, "S1")))
    assert relocate(plan_for(), server(), copies).path_of("d0") == "/dev/vdb"
    with pytest.raises(RestoreFailed, match="several"):
        relocate(plan_for(serial=None), server(), copies)


def test_a_disk_that_is_gone_is_an_error() -> None:
    with pytest.raises(RestoreFailed, match="not there"):
        relocate(plan_for(), server(), BlockDevices((replace(vd("vda", TABLE_ID), size_bytes=1),)))


def test_an_entry_keeps_its_data_and_its_activity(tmp_path: Path) -> None:
    saved = server()
    entry = replace(saved.efi_entries[0], active=False, data="72006f00")
    target = efi_target(saved, plan_for("/dev/nvme0n1"), tmp_path, entry)
    assert (target.active, target.data) == (False, "72006f00")


def test_optional_data_is_given_to_the_firmware_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for efibootmgr that keeps what it is told."""
    told: "list[tuple[list[str], bytes]]" = []

    def efibootmgr(argv: "list[str]", timeout: float) -> Result:
        given = argv[argv.index("--append-binary-args") + 1] if "--append-binary-args" in argv else ""
        told.append((list(argv), Path(given).read_bytes() if given else b""))
        shown = NEW if any("--create-only" in words for words, _ in told) else ""
        return Result(tuple(argv), 0, shown, "", 0.0)

    monkeypatch.setattr("rescue.efi.run", efibootmgr)
    assert EfiBoot().create("debian", "/dev/sda", 1, "\\EFI\\debian\\shimx64.efi", "72006f00") == "0003"
    assert told[1][1] == b"r\0o\0"
    EfiBoot().set_active("0003", False)
    assert told[-1][0] == ["efibootmgr", "--quiet", "--bootnum", "0003", "--inactive"]

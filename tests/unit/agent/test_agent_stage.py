"""Where phase 2 is staged, and what its GRUB menu says."""

from dataclasses import replace
from typing import Optional

import pytest
from agent_machines import BOOT_UUID, MIB, ROOT_UUID, server

from rescue.failures import StagingFailed
from rescue.settings import parse_command_line
from rescue.staging.choose import Sizes, candidates, choose_stage, expected_free_bytes
from rescue.staging.grubcfg import GrubPlace, entry_cfg, phase2_arguments, phase2_cfg, quoted
from rescue.staging.layers import reach
from rescue.staging.sources import loop_files
from sif.model import (
    Boot,
    Btrfs,
    BtrfsProfile,
    Firmware,
    Loader,
    Luks,
    LvType,
    MdArray,
    MdLevel,
    MdMetadata,
    Ref,
    Subvolume,
    SystemInformation,
)

NEEDED = Sizes(250 * MIB, 40 * MIB)
FREE = {"boot": 450 * MIB, "root": 2000 * MIB, "esp": 95 * MIB}
ARRAY = MdArray("md0", "0f0e0d0c:0b0a4908:87060504:03020105", MdLevel.RAID1, MdMetadata.V1_2, 2,
                (Ref("d0p2"), Ref("d0p4")), 1 << 29)


def layered() -> SystemInformation:
    """The server with /boot on a mirror and / on an encrypted volume."""
    saved = server()
    boot = replace(saved.filesystems[1], device=Ref("md0"))
    luks = Luks("crypt", Ref("d0p3"), 2, "0f0e0d0c-0b0a-4908-8706-050403020106", "aes-xts-plain64", 512, 16 << 20)
    return replace(
        saved, arrays=(ARRAY,), luks=(luks,), pvs=(replace(saved.pvs[0], device=Ref("crypt")),),
        partitions=(*saved.partitions, replace(saved.partitions[1], id="d0p4", number=4)),
        filesystems=(saved.filesystems[0], boot, saved.filesystems[2]))


def test_the_system_volume_carries_the_rescue_system() -> None:
    place = choose_stage(server(), FREE, NEEDED, Firmware.UEFI)
    assert (place.volume.ident, place.layers, place.esp) == ("boot", (), None)


def test_room_for_what_will_be_restored_there_counts() -> None:
    saved = layered()
    saved = replace(saved, filesystems=(*saved.filesystems[:1], replace(saved.filesystems[1], used_bytes=200 * MIB),
                                        *saved.filesystems[2:]))
    with pytest.raises(StagingFailed) as caught:
        choose_stage(saved, FREE, NEEDED, Firmware.BIOS)
    told = str(caught.value)
    assert "450 MiB free, of which 200 MiB will be restored" in told
    assert "root (/): it is encrypted (crypt), and nothing opens it before phase 2 has started" in told
    assert "esp (/boot/efi): 95 MiB free" in told


def test_the_room_is_known_before_a_disk_is_touched() -> None:
    boot = next(volume for volume in candidates(server()) if volume.ident == "boot")
    assert 400 * MIB < expected_free_bytes(server(), boot) < 500 * MIB


def test_on_an_array_a_bios_starts_grub_from_it_and_uefi_from_its_own_partition() -> None:
    word = "md,0f0e0d0c:0b0a4908:87060504:03020105,md200"
    for firmware, esp in ((Firmware.BIOS, None), (Firmware.UEFI, "esp")):
        place = choose_stage(layered(), FREE, NEEDED, firmware)
        assert (place.volume.ident, place.layers, place.esp) == ("boot", (word,), esp)
    assert parse_command_line(f"rescue.stage.up={word} rescue.stage.up=vg,Qm1aXb-8dTe").stage_up == (
        word, "vg,Qm1aXb-8dTe")


def test_uefi_needs_room_for_kernel_and_initrd_where_it_can_read_them() -> None:
    with pytest.raises(StagingFailed, match="no room for kernel and initrd: 30 MiB free, of which 5 MiB"):
        choose_stage(layered(), {**FREE, "esp": 30 * MIB}, NEEDED, Firmware.UEFI)
    unmounted = replace(layered(), filesystems=layered().filesystems[1:], boot=replace(
        layered().boot or Boot(Loader.GRUB_EFI), esp=()))
    with pytest.raises(StagingFailed, match="there is no EFI system partition that is mounted"):
        choose_stage(unmounted, FREE, NEEDED, Firmware.UEFI)


def test_with_everything_encrypted_a_large_efi_partition_carries_it_all() -> None:
    saved = layered()
    saved = replace(saved, filesystems=(saved.filesystems[0], saved.filesystems[2]))
    place = choose_stage(saved, {**FREE, "esp": 400 * MIB}, NEEDED, Firmware.UEFI)
    assert (place.volume.ident, place.volume.type, place.layers, place.esp) == ("esp", "vfat", (), None)


@pytest.mark.parametrize(("kind", "why"), [(LvType.LINEAR, None), (LvType.THIN, "a logical volume of type thin")])
def test_a_logical_volume_is_activated_by_its_group(kind: LvType, why: Optional[str]) -> None:
    saved = server()
    saved = replace(saved, lvs=(replace(saved.lvs[0], type=kind),))
    way = reach(saved, ("lv_root",))
    assert (why or "") in (way.why_not or "") and (way.why_not is None) is (why is None)
    assert way.words == (() if why else (f"vg,{saved.vgs[0].uuid}",)) and not way.direct


def test_of_a_btrfs_the_default_subvolume_is_what_is_mounted_and_grub_sees_its_path() -> None:
    saved = server()
    tank = Btrfs("tank", (Ref("d0p2"), Ref("d0p3")), ROOT_UUID, data=BtrfsProfile.RAID1, default=Ref("sub"))
    subs = (Subvolume("sub", Ref("tank"), "@", mount="/"), Subvolume("home", Ref("tank"), "@home", mount="/home"))
    saved = replace(saved, filesystems=saved.filesystems[:1], btrfs=(tank,), subvolumes=subs,
                    system=replace(saved.system, boot_fs=Ref("sub"), root_fs=Ref("sub")))
    (volume, esp) = candidates(saved)
    assert (volume.where, volume.below, volume.type, esp.ident) == ("/", "/@", "btrfs", "esp")
    assert 1500 * MIB < expected_free_bytes(saved, volume) < 1750 * MIB  # half of both devices
    place = choose_stage(saved, {"tank": 1600 * MIB}, NEEDED, Firmware.UEFI)
    assert (place.layers, place.esp) == (("btrfs",), None)
    assert "linux /@/lifeboat/vmlinuz" in phase2_cfg(GrubPlace(ROOT_UUID, "/@"), "web01", [], [])


def test_phase_2_keeps_the_kernel_arguments_that_are_not_ours() -> None:
    line = ("BOOT_IMAGE=/live/vmlinuz root=live:CDLABEL=X rd.live.dir=live rd.live.ram=1 rescue.auto "
            "rescue.sif=LABEL=S console=tty0 console=ttyS0,115200 quiet init_on_alloc=0")
    arguments = phase2_arguments(line, BOOT_UUID, True)
    assert arguments[0] == f"root=live:UUID={BOOT_UUID}"
    assert "rd.live.dir=lifeboat" in arguments and "rd.live.dir=live" not in arguments
    assert "rescue.phase=2" in arguments and f"rescue.stage=UUID={BOOT_UUID}" in arguments
    assert arguments[-5:] == ("rescue.auto", "console=tty0", "console=ttyS0,115200", "quiet", "init_on_alloc=0")


def test_the_menu_finds_its_own_file_system_and_uses_built_in_commands_only() -> None:
    text = phase2_cfg(GrubPlace(BOOT_UUID), 'evil"; reboot', ["quiet"], ["tty0", "ttyS0,9600n8"])
    assert f"search --no-floppy --fs-uuid --set=root {BOOT_UUID}" in text
    assert "linux /lifeboat/vmlinuz quiet" in text
    assert "serial --unit=0 --speed=9600" in text
    assert "evil???reboot" in text
    assert "insmod" not in text + entry_cfg(GrubPlace(BOOT_UUID))


@pytest.mark.parametrize(("word", "text"), [
    ("a=b,c:/d", "a=b,c:/d"), ('x="a b"', "'x=\"a b\"'"), ("it's", r"'it'\''s'"),
])
def test_words_are_quoted_for_grub(word: str, text: str) -> None:
    assert quoted(word) == text


def test_a_backing_file_out_of_sight_leaves_the_loop_device() -> None:
    text = '{"loopdevices": [{"name": "/dev/loop0", "back-file": "/run/initramfs/squashed.img (deleted)"}]}'
    assert [str(p) for p in loop_files(text)] == ["/run/initramfs/squashed.img", "/dev/loop0"]
    assert loop_files("") == ()

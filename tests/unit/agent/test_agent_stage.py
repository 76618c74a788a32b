"""Where phase 2 is staged, and what its GRUB menu says."""

import pytest
from agent_machines import BOOT_UUID, MIB, server

from rescue.failures import StagingFailed
from rescue.staging.choose import choose_stage, expected_free_bytes
from rescue.staging.grubcfg import entry_cfg, phase2_arguments, phase2_cfg, quoted
from rescue.staging.sources import loop_files

NEEDED = 250 * MIB


def test_the_system_volume_carries_the_rescue_system() -> None:
    assert choose_stage(server(), {"boot": 450 * MIB, "root": 2000 * MIB}, NEEDED).id == "boot"


def test_room_for_what_will_be_restored_there_counts() -> None:
    saved = server(boot_used=200 * MIB)
    with pytest.raises(StagingFailed) as caught:
        choose_stage(saved, {"boot": 450 * MIB, "root": 2000 * MIB}, NEEDED)
    assert "450 MiB free, of which 200 MiB will be restored" in str(caught.value)
    assert "root (/): not directly on a partition" in str(caught.value)
    assert "vfat does not qualify" in str(caught.value)


def test_the_room_is_known_before_a_disk_is_touched() -> None:
    boot = next(fs for fs in server().filesystems if fs.id == "boot")
    assert 400 * MIB < expected_free_bytes(server(), boot) < 500 * MIB


def test_phase_2_keeps_the_kernel_arguments_that_are_not_ours() -> None:
    line = ("BOOT_IMAGE=/live/vmlinuz root=live:CDLABEL=X rd.live.dir=live rd.live.ram=1 rescue.auto "
            "rescue.sif=LABEL=S console=tty0 console=ttyS0,115200 quiet init_on_alloc=0")
    arguments = phase2_arguments(line, BOOT_UUID, True)
    assert arguments[0] == f"root=live:UUID={BOOT_UUID}"
    assert "rd.live.dir=lifeboat" in arguments and "rd.live.dir=live" not in arguments
    assert "rescue.phase=2" in arguments and f"rescue.stage=UUID={BOOT_UUID}" in arguments
    assert arguments[-5:] == ("rescue.auto", "console=tty0", "console=ttyS0,115200", "quiet", "init_on_alloc=0")


def test_the_menu_finds_its_own_file_system_and_uses_built_in_commands_only() -> None:
    text = phase2_cfg(BOOT_UUID, 'evil"; reboot', ["quiet"], ["tty0", "ttyS0,9600n8"])
    assert f"search --no-floppy --fs-uuid --set=root {BOOT_UUID}" in text
    assert "linux /lifeboat/vmlinuz quiet" in text
    assert "serial --unit=0 --speed=9600" in text
    assert "evil???reboot" in text
    assert "insmod" not in text + entry_cfg(BOOT_UUID)


@pytest.mark.parametrize(("word", "text"), [
    ("a=b,c:/d", "a=b,c:/d"), ('x="a b"', "'x=\"a b\"'"), ("it's", r"'it'\''s'"),
])
def test_words_are_quoted_for_grub(word: str, text: str) -> None:
    assert quoted(word) == text


def test_a_backing_file_out_of_sight_leaves_the_loop_device() -> None:
    text = '{"loopdevices": [{"name": "/dev/loop0", "back-file": "/run/initramfs/squashed.img (deleted)"}]}'
    assert [str(p) for p in loop_files(text)] == ["/run/initramfs/squashed.img", "/dev/loop0"]
    assert loop_files("") == ()

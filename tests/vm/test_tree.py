"""What is in the image, and how large it is: looked at from outside, in a chroot; nothing is started in a machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from builder_lib.config import Config, Image
from builder_lib.cpio import Entry, archive
from builder_lib.initrd import complete_initrd
from builder_lib.options import PROJECT, BuildOptions
from builder_lib.pipeline import build_iso, build_pxe, rescue_system
from builder_lib.progress import Progress
from builder_lib.pxe import image_archive
from builder_lib.squash import RescueSystem
from builder_lib.tree import BaseTree
from sif.run import run

pytestmark = pytest.mark.vm  # root, and the image that the other tests here start

MB = 10 ** 6
WITHOUT_FIRMWARE = BuildOptions(config=Config(image=Image(firmware=())))


@pytest.fixture(scope="module")
def tree() -> Path:
    return rescue_system(BuildOptions(), Progress()).tree.path


def test_nobody_can_log_in_with_a_password(tree: Path) -> None:
    accounts = {line.split(":")[0]: line.split(":")[1] for line in (tree / "etc/shadow").read_text().splitlines()}
    assert accounts["root"] == "*", "no password opens it, and it is not locked for keys"
    assert {value for value in accounts.values()} <= {"*", "!", "!*", "!!"}


def test_nothing_starts_that_was_not_asked_for(tree: Path) -> None:
    wanted = [path.name for path in (tree / "etc/systemd/system").glob("*.wants/*")]
    assert sorted(wanted) == ["lifeboat-network.service", "lifeboat-ssh.service", "lifeboat.service"]
    for unit in ("lifeboat-network", "lifeboat-ssh"):
        text = (tree / f"etc/systemd/system/{unit}.service").read_text()
        assert "\nConditionPathExists=|/etc/lifeboat/" in text and "\nConditionKernelCommandLine=|rescue." in text
    assert list((tree / "etc/ssh").glob("ssh_host_*")) == [], "host keys are made at each start"


def test_translations_and_manuals_are_left_out(tree: Path) -> None:
    assert [path.name for path in (tree / "usr/lib/locale").iterdir()] == ["C.utf8"]
    for folder in ("locale", "man", "info"):
        assert not [path for path in (tree / "usr/share" / folder).rglob("*") if path.is_file()]
    assert (tree / "usr/share/doc/rsync/copyright").is_file(), "licences stay"


def test_a_driver_is_in_the_initramfs_or_in_the_squashfs(tree: Path) -> None:
    """A start brings the former into the running system; each of them travels once."""
    system = rescue_system(BuildOptions(), Progress())
    modules = f"usr/lib/modules/{system.tree.kernel_release}/kernel/"
    listed = run(["unsquashfs", "-no-progress", "-d", "", "-l", str(system.squashfs)], timeout=60).stdout.splitlines()
    packed = {line.lstrip("/") for line in listed if line.lstrip("/").startswith(modules) and ".ko" in line}
    early = set((system.tree.boot / "modules").read_text().split())
    assert f"{modules}fs/ext4/ext4.ko.xz" in early and f"{modules}drivers/md/bcache/bcache.ko" in packed
    assert packed | early == {str(path.relative_to(tree)) for path in (tree / modules).rglob("*.ko*")}
    assert not {name.removesuffix(".xz") for name in early} & packed


@pytest.mark.parametrize("kind", [
    "mkfs.btrfs", "mkfs.ext4", "mkfs.f2fs", "mkfs.ntfs", "mkfs.vfat", "mkfs.xfs", "mkswap", "mdadm", "lvm",
    "cryptsetup", "make-bcache", "multipath", "thin_restore", "cache_restore", "sfdisk", "sgdisk", "parted",
    "kpartx", "nvme", "partclone.btrfs", "partclone.ext4", "partclone.ntfs", "ntfsclone", "restic", "borg", "rsync",
    "tar", "bsdtar", "ssh", "sshd", "udisksctl", "dbus-daemon", "age", "efibootmgr", "grub-install", "blkid",
    "udevadm", "zstd", "xz"])
def test_tools_of_every_kind_find_their_libraries(tree: Path, kind: str) -> None:
    path = run(["chroot", str(tree), "sh", "-c", f"command -v {kind}"], timeout=60).stdout.strip()
    said = run(["chroot", str(tree), "ldd", path], timeout=60, check=False)
    assert "not found" not in said.stdout + said.stderr


def test_a_set_in_borg_s_format_can_be_read_although_its_modules_have_no_sources(tree: Path) -> None:
    """Borg tests itself at each start, and Python's own modules are byte code alone."""
    script = ("cd /tmp && export HOME=/tmp BORG_PASSPHRASE=x && mkdir d && echo kept > d/file && "
              "borg init -e repokey r && borg create r::a d && rm -r d && borg extract r::a && cat d/file")
    done = run(["unshare", "--mount", "sh", "-c", 'mount -t tmpfs t "$1/tmp" && mount --bind /dev "$1/dev" && '
                'exec chroot "$1" sh -c "$2"', "sh", str(tree), script], timeout=300)
    assert done.stdout == "kept\n"


def test_the_image_is_as_small_as_it_has_to_be(tmp_path: Path) -> None:
    """The goals of docs/builder.md, with Debian's firmware packages: what a medium has, and what a client fetches."""
    assert build_iso(BuildOptions(output=tmp_path / "x.iso"), Progress()).stat().st_size <= 250 * MB
    assert fetched(build_pxe(BuildOptions(output=tmp_path / "pxe"), Progress())) <= 250 * MB


@pytest.mark.firmware
def test_without_firmware_packages_it_is_smaller_still(tmp_path: Path) -> None:
    image = WITHOUT_FIRMWARE.config
    assert build_iso(BuildOptions(output=tmp_path / "x.iso", config=image), Progress()).stat().st_size <= 150 * MB
    assert fetched(build_pxe(BuildOptions(output=tmp_path / "pxe", config=image), Progress())) <= 150 * MB


def fetched(pxe: Path) -> int:
    """Bytes that a client takes: with the largest of the boot loaders, of which it takes one or two."""
    assert not (pxe / "initrd.img").exists(), "it is in the image's file already"
    return sum(path.stat().st_size for path in pxe.rglob("*") if path.is_file())


@pytest.mark.firmware
def test_a_vendor_s_element_brings_its_program_and_what_it_needs() -> None:
    """The example of the documentation, built; curl needs libraries that go when nobody needs them."""
    example = PROJECT / "docs/examples/elements/acme-restore"
    built = rescue_system(BuildOptions(config=Config(image=Image(firmware=(), elements=(example,)))), Progress())
    chroot = ["chroot", str(built.tree.path)]
    assert run([*chroot, "acme-restore", "--version"], timeout=60).stdout == "acme-restore 1.0\n"
    assert "curl" in run([*chroot, "curl", "--version"], timeout=60).stdout
    assert (built.tree.path / "etc/acme/restore.conf").is_file()


# --- the start from the network

INIT = b"""#!/bin/sh
echo gone on with the initramfs proper: $*
cat /lifeboat/image.sha256
cd /lifeboat/boot
for f in *; do echo $f; done
"""


@pytest.fixture
def started(tree: Path, tmp_path: Path) -> Path:
    """What the kernel makes of image.cpio, of a stand-in system with the real first program in it."""
    boot = tmp_path / "tree/usr/lib/lifeboat/boot"
    boot.mkdir(parents=True)
    (boot / "network-start.img").write_bytes((tree / "usr/lib/lifeboat/boot/network-start.img").read_bytes())
    (tmp_path / "plain").write_bytes(archive((Entry("init", INIT, 0o755), Entry("usr/lib/dracut-lib.sh", b""))))
    run(["zstd", "-q", "-o", str(boot / "initrd.img"), str(tmp_path / "plain")], timeout=60)
    (tmp_path / "initrd").write_bytes(complete_initrd((boot / "initrd.img").read_bytes(), "ab" * 32, ()))
    (tmp_path / "kernel").write_bytes(b"kernel")
    (tmp_path / "squashfs").write_bytes(b"hsqs" * 1000)
    system = RescueSystem(tmp_path / "kernel", tmp_path / "initrd", tmp_path / "squashfs",
                          BaseTree(tmp_path / "tree", "k"), "k")
    (tmp_path / "image.cpio").write_bytes(image_archive(system))
    root = tmp_path / "root"
    root.mkdir()
    first = (boot / "network-start.img").stat().st_size
    run(["sh", "-c", f"head -c {first} ../image.cpio | zstd -dcq | cpio -id --quiet && "
         f"tail -c +{first + -first % 4 + 1} ../image.cpio | cpio -id --quiet"], timeout=60, cwd=str(root))
    return root


def test_the_initramfs_travels_once_and_goes_on_as_it_was(started: Path, tmp_path: Path) -> None:
    assert (started / "lifeboat.img").read_bytes() == (tmp_path / "squashfs").read_bytes()
    done = run(["chroot", str(started), "/init", "one", "two"], timeout=60)
    assert done.stdout == f"gone on with the initramfs proper: one two\n{'ab' * 32}\ninitrd.img\nvmlinuz\n"
    assert (started / "lifeboat/boot/initrd.img").read_bytes() == (tmp_path / "initrd").read_bytes()
    assert (started / "lifeboat/boot/vmlinuz").read_bytes() == b"kernel", "staging finds both, as they were"


def test_a_damaged_download_ends_with_a_message_and_a_shell(started: Path) -> None:
    file = started / "lifeboat/boot/initrd.img"
    file.write_bytes(file.read_bytes()[:50])
    done = run(["chroot", str(started), "/init"], timeout=60, check=False)
    assert "cannot be unpacked" in done.stdout and "gone on" not in done.stdout
    assert stat.S_ISREG(file.stat().st_mode)

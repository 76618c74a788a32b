"""Reading kernel modules and what depmod and modprobe know about them."""

from __future__ import annotations

import gzip

import pytest
from driver_machines import RELEASE, Machine, module, packed
from hypothesis import example, given, strategies as st

from sif.drivers.depmod import Aliases, Dep
from sif.drivers.firmware import find_firmware
from sif.drivers.modinfo import (
    NotAModule,
    Unreadable,
    facts_from,
    facts_of,
    module_name,
    parse_modinfo_zero,
)
from sif.drivers.modprobe import parse_rules, read_rules
from sif.drivers.tree import parse_builtin_modinfo, parse_softdep, read_tree

TG3 = module("tg3", depends=("libphy", "ptp-core"), firmware=("tigon/tg3.bin", "tigon/tg3.bin"), version="3.137")


@pytest.mark.parametrize(("name", "data"), [
    ("tg3.ko", TG3), ("tg3.ko.xz", packed(TG3)), ("tg3.ko.gz", gzip.compress(TG3))])
def test_a_module_says_what_it_needs_however_it_is_packed(name: str, data: bytes) -> None:
    facts = facts_of(data, f"kernel/{name}")
    assert (facts.name, facts.kernel, facts.version) == ("tg3", RELEASE, "3.137")
    assert facts.depends == ("libphy", "ptp_core")
    assert facts.firmware == ("tigon/tg3.bin",)
    assert facts.in_tree


def test_a_module_from_elsewhere_does_not_say_that_it_is_of_the_kernel() -> None:
    assert not facts_of(module("vendor", in_tree=False), "vendor.ko").in_tree


def test_what_modinfo_prints_gives_the_same_facts() -> None:
    text = "filename:       /lib/x/tg3.ko.zst\0firmware=tigon/tg3.bin\0depends=libphy,ptp-core\0intree=Y\0" \
        f"vermagic={RELEASE} SMP\0version=3.137\0name=tg3\0"
    assert facts_from(parse_modinfo_zero(text), "tg3") == facts_of(TG3, "tg3.ko")


def test_zstd_is_left_to_modinfo() -> None:
    with pytest.raises(Unreadable):
        facts_of(b"\x28\xb5\x2f\xfd", "tg3.ko.zst")


@given(cut=st.integers(0, len(TG3)), at=st.integers(0, len(TG3) - 1), byte=st.integers(0, 255))
@example(cut=0, at=47, byte=128)
def test_a_damaged_module_is_refused_or_read_and_nothing_else_happens(cut: int, at: int, byte: int) -> None:
    data = bytearray(TG3)
    data[at] = byte
    for name, content in (("x.ko", bytes(data[:cut])), ("x.ko.xz", packed(TG3)[:cut]), ("x.ko", bytes(data))):
        try:
            facts_of(content, name)
        except NotAModule as error:
            assert str(error)


def test_names_are_the_kernels() -> None:
    assert module_name("kernel/drivers/md/dm-mod.ko.zst") == "dm_mod"


def test_depmods_files_are_read() -> None:
    dep = Dep("kernel/fs/xfs/xfs.ko.xz: kernel/lib/libcrc32c.ko.xz kernel/x/my-raid.ko\nupdates/dkms/my-raid.ko:\n"
              "a/fs.ko.zst: kernel/fs/xfs/xfs.ko.xz\nlone.ko:\n")
    assert dict(dep.files) == {"xfs": "kernel/fs/xfs/xfs.ko.xz", "my_raid": "updates/dkms/my-raid.ko",
                               "fs": "a/fs.ko.zst", "lone": "lone.ko"}
    assert dict(dep.depends) == {"xfs": ("libcrc32c", "my_raid"), "my_raid": (), "fs": ("xfs",), "lone": ()}
    assert not {"libcrc32c", "s", "raid", "my-raid", "", "xf", "ko"} & {name for name in dep.files}
    assert not any(name in dep.files for name in ("libcrc32c", "s", "raid", "", "xf", "ko", "kernel/fs/xfs/xfs"))
    wishes = "softdep r8169 pre: realtek post: later\nsoftdep cifs gcm\nweakdep a b\n# softdep x pre: y\n"
    assert parse_softdep(wishes) == {"r8169": ("realtek",), "cifs": ("gcm",), "a": ("b",)}
    aliases = Aliases("alias fs-xfs xfs\nalias crypto-crc32c crc32c_generic\nalias crypto-crc32c "
                      "crc32c-intel\nalias pci:v*d* tg3\nalias block-major-7-* loop\n# alias fs-x y\nalias c d e\n")
    assert aliases.exact("fs_xfs") == aliases.exact("fs-xfs") == ("xfs",)
    assert aliases.exact("crypto_crc32c") == ("crc32c_generic", "crc32c_intel")
    assert [aliases.exact(name) for name in ("pci:v*d*", "block-major-7-*", "xfs", "fs-x", "c", "")] == [()] * 6
    assert aliases.patterns() == (("block_major_7_*", "loop"),)
    built, more = parse_builtin_modinfo("ext4.alias=fs-ext4\0ext4.firmware=a b\0broken\0")
    assert built == {"ext4": (("alias", "fs-ext4"), ("firmware", "a b"))}
    assert more == "alias fs-ext4 ext4\n"


def test_a_name_or_an_alias_leads_to_modules_loadable_or_built_in() -> None:
    machine = Machine().install(("kernel/xfs.ko", module("xfs")), builtin=("ext4",), aliases=("fs-xfs xfs",))
    machine.add({f"/usr/lib/modules/{RELEASE}/modules.builtin.modinfo": "ext4.alias=fs-ext4\0"})
    with machine.looked_at():
        tree = read_tree(RELEASE)
        assert tree is not None
        assert (tree.resolve("xfs"), tree.resolve("fs-xfs"), tree.resolve("fs-ext4")) == (("xfs",), ("xfs",), ("ext4",))
        assert tree.resolve("fs-ntfs") == ()
        assert read_tree("5.0-other") is None


def test_the_administrators_rules_are_read_in_their_order_of_precedence() -> None:
    machine = Machine().add({
        "/etc/modprobe.d/raid.conf": "options mega-raid msix=1 \\\n depth=8\nblacklist nouveau\n# options x y\n",
        "/usr/lib/modprobe.d/raid.conf": "options mega_raid hidden=1\n",
        "/usr/lib/modprobe.d/z.conf": "install floppy /bin/true\nsoftdep nic pre: phy\noptions mega_raid late=1\n",
        "/proc/cmdline": 'root=/dev/sda1 mega_raid.quiet modprobe.blacklist=a-b,c module_blacklist=d\n'})
    with machine.looked_at():
        rules = read_rules()
    assert rules.options["mega_raid"].split() == ["msix=1", "depth=8", "late=1", "quiet"]
    assert rules.blacklist == {"nouveau", "a_b", "c", "d"}
    assert rules.replaced == {"floppy"}
    assert rules.soft == {"nic": ("phy",)}


def test_a_command_line_with_an_open_quote_is_read_as_far_as_it_goes() -> None:
    assert parse_rules((), "dyndbg=\"file a nic.debug=1").options == {"nic": "debug=1"}


def test_firmware_is_found_as_the_kernel_finds_it() -> None:
    machine = Machine().add({
        "/usr/lib/firmware/a/plain.bin": "1", "/usr/lib/firmware/a/plain.bin.xz": "2",
        "/usr/lib/firmware/a/packed.bin.zst": "3", "/usr/lib/firmware/updates/a/newer.bin": "4",
        "/usr/lib/firmware/a/newer.bin": "5", "/usr/lib/firmware/a/old-7.bin": "6", "/usr/lib/firmware/b/x.bin": "7",
    }).link("/usr/lib/firmware/a/linked.bin", "/lib/firmware/a/plain.bin")
    with machine.looked_at():
        def found(asked: str) -> "list[tuple[str, str]]":
            return [(file.name, file.path) for file in find_firmware(asked, RELEASE)]
        assert found("a/plain.bin") == [("a/plain.bin", "/usr/lib/firmware/a/plain.bin")]
        assert found("a/packed.bin") == [("a/packed.bin.zst", "/usr/lib/firmware/a/packed.bin.zst")]
        assert found("a/newer.bin") == [("a/newer.bin", "/usr/lib/firmware/updates/a/newer.bin")]
        assert found("a/linked.bin") == [("a/linked.bin", "/usr/lib/firmware/a/plain.bin")]
        assert [name for name, _ in found("a/p*.bin")] == ["a/packed.bin.zst", "a/plain.bin"]
        assert [name for name, _ in found("*/x.bin")] == ["b/x.bin"]
        assert found("a/missing.bin") == found("../../etc/shadow") == found("/etc/shadow") == []

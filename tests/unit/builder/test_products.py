"""Site layer, initramfs, network boot, lock files, SBOM, sticks: what is decided before anything is made."""

from __future__ import annotations

import io
import json
import lzma
import re
from pathlib import Path
from typing import Any, Dict

import pytest

from builder_lib.config import Boot, Config, Driver, File, Image, Network, Pxe, Recovery, Ssh, Trust
from builder_lib.cpio import Entry, archive
from builder_lib.epoch import epoch
from builder_lib.errors import BuildFailed
from builder_lib.initrd import complete_initrd
from builder_lib.local_archive import local_archive, lock_text, parse_lock
from builder_lib.medium import grub_config, set_grafts
from builder_lib.options import BuildOptions
from builder_lib.progress import Progress
from builder_lib.pxe import configurations
from builder_lib.release import checksums
from builder_lib.sbom import spdx
from builder_lib.site import SiteFile, module_name, site_files, site_key, write_site
from builder_lib.summary import summary
from builder_lib.write_usb import Device, NotWritten, copy_image, look, objections, parse_device, verify_image
from sif.run import run


def options(**sections: Any) -> BuildOptions:
    return BuildOptions(config=Config(**sections))


# --- the site's layer

def test_nothing_of_a_site_is_in_a_plain_image() -> None:
    assert site_files(options(), "6.12") == ()


def test_everything_of_a_site_has_its_place(tmp_path: Path) -> None:
    for name, text in (("conf", "c"), ("a.ko", "m"), ("answers", "# all\nconfirm = yes\n"), ("keys", "ssh-ed25519 A\n"),
                       ("ca.pem", "-----BEGIN CERTIFICATE-----\nx\n")):
        (tmp_path / name).write_text(text)
    found = {file.path: file for file in site_files(options(
        file=(File(tmp_path / "conf", "/etc/acme/conf", "0600"),), driver=(Driver(tmp_path / "a.ko"),),
        recovery=Recovery(answers=tmp_path / "answers"), trust=Trust(ca_certificates=(tmp_path / "ca.pem",)),
        network=Network(mode="static", address="192.0.2.7/24", gateway="192.0.2.1", dns=("192.0.2.53",)),
        ssh=Ssh(authorized_keys=tmp_path / "keys")), "6.12")}
    assert found["etc/acme/conf"] == SiteFile("etc/acme/conf", b"c", 0o600)
    assert "usr/lib/modules/6.12/updates/a.ko" in found
    assert found["etc/modules-load.d/lifeboat-site.conf"].data == b"a\n"
    unit = found["etc/systemd/system/lifeboat.service.d/answers.conf"].data.decode()
    assert "--answers /etc/lifeboat/answers" in unit
    assert "usr/local/share/ca-certificates/ca.crt" in found and "etc/lifeboat/authorized_keys" in found
    assert found["etc/lifeboat/site.network"].data.decode().splitlines() == [
        "[Match]", "Name=en* eth*", "", "[Network]", "Address=192.0.2.7/24", "Gateway=192.0.2.1", "DNS=192.0.2.53"]


def test_settings_of_the_agent_are_beside_the_files_that_are_laid_over_the_image(tmp_path: Path) -> None:
    write_site((SiteFile("etc/lifeboat/answers", b"a", 0o600), SiteFile("etc/x", b"x")), tmp_path)
    assert (tmp_path / "settings/answers").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "site/etc/x").read_bytes() == b"x"
    assert not (tmp_path / "site/etc/lifeboat").exists()


def test_the_key_of_a_site_sees_content_place_and_permissions() -> None:
    files = [SiteFile("a", b"x"), SiteFile("a", b"y"), SiteFile("b", b"x"), SiteFile("a", b"x", 0o600)]
    assert len({site_key((file,)) for file in files}) == 4


@pytest.mark.parametrize(("section", "text", "what"), [
    ("answers", "confirm yes\n", "no answer"), ("ca", "no certificate", "not one certificate"),
    ("ca", "-----BEGIN CERTIFICATE-----\n" * 2, "not one certificate"),
    ("ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
])
def test_a_file_that_cannot_serve_ends_the_build(section: str, text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    choices: Dict[str, Dict[str, Any]] = {"answers": {"recovery": Recovery(answers=path)},
                                "ca": {"trust": Trust(ca_certificates=(path,))},
                                "ssh": {"ssh": Ssh(authorized_keys=path)}}
    with pytest.raises(BuildFailed, match=what):
        site_files(options(**choices[section]), "6.12")


@pytest.mark.parametrize(("name", "module"), [("a-b.ko", "a_b"), ("x.ko.xz", "x"), ("y.ko.zst", "y")])
def test_the_kernel_s_name_of_a_module(name: str, module: str) -> None:
    assert module_name(Path(name)) == module


def test_only_a_directory_with_a_sif_becomes_a_set_of_the_medium(tmp_path: Path) -> None:
    for name in ("web01", "boot", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "web01/dr_state.sif").write_text("x")
    (tmp_path / "boot/dr_state.sif").write_text("x")
    assert set_grafts(options(recovery=Recovery(sets=(tmp_path / "web01",)))) == (f"/web01={tmp_path / 'web01'}",)
    for name in ("boot", "empty"):
        with pytest.raises(BuildFailed, match="no SIF set"):
            set_grafts(options(recovery=Recovery(sets=(tmp_path / name,))))


# --- the initramfs

def test_the_digest_and_the_drivers_are_behind_the_initramfs(tmp_path: Path) -> None:
    (tmp_path / "b.ko.xz").write_bytes(lzma.compress(b"module b"))
    (tmp_path / "a.ko").write_bytes(b"module a")
    (tmp_path / "c.ko").write_bytes(b"module c")
    run(["zstd", "--quiet", str(tmp_path / "c.ko")], timeout=60)
    whole = complete_initrd(b"12345", "ab" * 32, (tmp_path / "b.ko.xz", tmp_path / "a.ko", tmp_path / "c.ko.zst"))
    assert whole.startswith(b"12345\x00\x00\x00" + b"070701"), "an archive begins at a border of four bytes"
    (tmp_path / "tail").write_bytes(whole[8:])
    (tmp_path / "out").mkdir()
    run(["sh", "-c", "cpio -id --quiet < ../tail"], timeout=60, cwd=str(tmp_path / "out"))
    out = tmp_path / "out/lifeboat"
    assert (out / "image.sha256").read_text() == "ab" * 32 + "\n"
    assert (tmp_path / "out/etc/cmdline.d/50-lifeboat.conf").read_text() == "rd.minmem=256\n"
    assert (out / "drivers/00-b.ko").read_bytes() == b"module b"
    assert (out / "drivers/01-a.ko").read_bytes() == b"module a"
    assert (out / "drivers/02-c.ko").read_bytes() == b"module c"


def test_an_archive_is_the_same_whenever_it_is_made() -> None:
    assert archive([Entry("d/f", b"x")]) == archive([Entry("d/f", b"x")])
    assert archive([Entry("d/f", b"x")]) != archive([Entry("d/f", b"x", 0o755)])


# --- network boot

def test_the_network_menus_start_the_image_from_the_initramfs() -> None:
    texts = configurations(options(boot=Boot(append="rescue.sif=auto quiet")))
    for name in ("grub/grub.cfg", "boot.ipxe"):
        assert "root=live:/lifeboat.img" in texts[name] and "rescue.sif=auto quiet" in texts[name]
        assert "image.cpio" in texts[name] and "rd.auto=0" in texts[name]
    assert texts["boot.ipxe"].startswith("#!ipxe\n")
    assert "$net_default_server" in texts["grub/grub.cfg"] and "${next-server}" in texts["boot.ipxe"]


@pytest.mark.parametrize(("boot", "recovery", "seconds"), [
    (Boot(), Recovery(), 5), (Boot(), Recovery(auto=True), 1), (Boot(timeout=30), Recovery(auto=True), 30)])
def test_the_network_s_menu_waits_as_long_as_the_medium_s(boot: Boot, recovery: Recovery, seconds: int) -> None:
    texts = configurations(options(boot=boot, recovery=recovery)), grub_config(options(boot=boot, recovery=recovery))
    assert f"set timeout={seconds}\n" in texts[0]["grub/grub.cfg"] and f"set timeout={seconds}\n" in texts[1]


def test_nothing_on_the_command_line_looks_like_a_limit_of_memory_to_ipxe() -> None:
    assert "mem=" not in configurations(options())["boot.ipxe"]


def test_a_configured_address_is_used_by_all_of_them() -> None:
    texts = configurations(options(pxe=Pxe(url="http://boot.example.org:8080/rescue/site")))
    assert "set root=(http,boot.example.org:8080)\nset base=/rescue/site\n" in texts["grub/grub.cfg"]
    assert "set base http://boot.example.org:8080/rescue/site\n" in texts["boot.ipxe"]
    assert "http://boot.example.org:8080/rescue/site/bootx64.efi" in texts["dnsmasq.conf.example"]


def test_another_architecture_is_one_key() -> None:
    arm = options(image=Image(architecture="arm64"))
    text = configurations(arm)["dnsmasq.conf.example"]
    assert re.findall(r"client-arch,(\d+)", text) == ["11", "19"], "its firmware's numbers"
    assert "lifeboat/bootaa64.efi" in text and "bios.pxe" not in text and "x64" not in text
    assert re.findall(r"client-arch,(\d+)", configurations(options())["dnsmasq.conf.example"]) == ["7", "9", "16"]
    names = (arm.architecture.shim, arm.architecture.mok_manager, arm.architecture.signed_grub("gcd"))
    assert names == ("usr/lib/shim/shimaa64.efi.signed", "usr/lib/shim/mmaa64.efi.signed",
                     "usr/lib/grub/arm64-efi-signed/gcdaa64.efi.signed")
    assert arm.consoles == ("tty0", "ttyAMA0") and options().consoles == ("tty0", "ttyS0,115200")
    assert "console=tty0 console=ttyAMA0" in configurations(arm)["grub/grub.cfg"]


# --- packages

def test_a_lock_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "a_1%3a2_all.deb").write_bytes(b"x")
    text = lock_text((("a", "1:2", "all"),), tmp_path)
    (locked,) = parse_lock(text, "lock")
    assert (locked.name, locked.version, locked.file) == ("a", "1:2", "a_1%3a2_all.deb")
    assert locked.sha256.startswith("2d711642")


@pytest.mark.parametrize("text", ["", "# nothing\n", "a 1 all\n", "a 1 all 12\n"])
def test_a_lock_file_that_locks_nothing_is_refused(text: str) -> None:
    with pytest.raises(BuildFailed):
        parse_lock(text, "lock")


def test_a_locked_package_must_be_there_and_be_that_one(tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="not in the cache"):
        lock_text((("a", "1", "all"),), tmp_path)
    locked = parse_lock("a 1 all " + "0" * 64 + "\n", "lock")
    with pytest.raises(BuildFailed, match="not in the cache"):
        local_archive(tmp_path, tmp_path / "one", locked)


def test_the_cache_becomes_an_archive_for_apt(tmp_path: Path) -> None:
    control = tmp_path / "p/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: a\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n")
    debs = tmp_path / "debs"
    debs.mkdir()
    run(["dpkg-deb", "--build", "--root-owner-group", str(tmp_path / "p"), str(debs / "a_1_all.deb")], timeout=60)
    locked = parse_lock(lock_text((("a", "1", "all"),), debs), "lock")
    (line,) = local_archive(debs, tmp_path / "archive", locked)
    assert line == f"deb [trusted=yes] copy:{tmp_path / 'archive'} ./"
    packages = (tmp_path / "archive/Packages").read_text()
    assert "Package: a\n" in packages and f"SHA256: {locked[0].sha256}\n" in packages
    (debs / "a_1_all.deb").write_bytes(b"other")
    with pytest.raises(BuildFailed, match="not the one that was locked"):
        local_archive(debs, tmp_path / "again", locked)


def test_the_sbom_names_every_package_once() -> None:
    document: Dict[str, Any] = spdx("lifeboat", "k", 0, (("a++", "1:2~x", "amd64"), ("b", "3", "all")))
    assert document["spdxVersion"] == "SPDX-2.3" and document["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
    assert [p["name"] for p in document["packages"]] == ["lifeboat", "a++", "b"]
    assert document["packages"][1]["externalRefs"][0]["referenceLocator"] == "pkg:deb/debian/a%2B%2B@1%3A2~x?arch=amd64"
    idents = [p["SPDXID"] for p in document["packages"]]
    assert len(set(idents)) == 3
    assert {r["relatedSpdxElement"] for r in document["relationships"]} == set(idents)
    assert spdx("lifeboat", "k", 0, ()) == spdx("lifeboat", "k", 0, ())


def test_checksums_are_those_sha256sum_reads(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    (tmp_path / "SHA256SUMS").write_text(checksums(
        {"f": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}))
    run(["sha256sum", "--check", "--strict", "SHA256SUMS"], timeout=60, cwd=str(tmp_path))


@pytest.mark.parametrize(("environ", "expected"), [({}, 1754697600), ({"SOURCE_DATE_EPOCH": "12"}, 12)])
def test_the_time_stamp_of_the_environment_goes_before(environ: Dict[str, str], expected: int) -> None:
    assert epoch(options(), environ) == expected


def test_a_time_stamp_that_is_none_is_refused() -> None:
    with pytest.raises(BuildFailed):
        epoch(options(), {"SOURCE_DATE_EPOCH": "now"})


def test_the_summary_shows_defaults_and_packages() -> None:
    text = summary(options(file=(File(Path("/a"), "/etc/a"),)))
    assert 'release = "trixie"' in text and "[[file]]" in text and 'target = "/etc/a"' in text
    assert " restic " in text and "linux-image-amd64" in text and "linux-image-arm64" not in text


# --- sticks

STICK: Dict[str, Any] = {"path": "/dev/sdz", "type": "disk", "size": 1 << 30, "ro": False, "rm": True, "hotplug": True,
                         "tran": "usb", "model": "Stick ", "serial": "1", "fstype": None, "label": None,
                         "mountpoints": [None]}
PART: Dict[str, Any] = {"path": "/dev/sdz1", "type": "part", "size": 1 << 29, "ro": False, "rm": True, "hotplug": True,
                        "tran": None, "fstype": "vfat", "label": "DATA", "mountpoints": [None]}


def device(**changes: Any) -> Device:
    return parse_device(json.dumps({"blockdevices": [{**STICK, **changes}]}))


def test_an_unused_stick_may_be_written_to_and_what_it_holds_is_known() -> None:
    stick = device(children=[PART])
    assert objections(stick, 1 << 20) == ()
    assert stick.holds == ("/dev/sdz1 vfat DATA",)


@pytest.mark.parametrize(("changes", "why"), [
    ({"rm": False, "hotplug": False, "tran": "sata"}, "neither removable nor on USB"),
    ({"type": "part"}, "no whole disk"), ({"type": "loop"}, "no whole disk"),
    ({"ro": True}, "write-protected"), ({"size": 1000}, "too small"),
    ({"mountpoints": ["/media/x"]}, "used as /media/x"),
    ({"children": [{**PART, "mountpoints": ["/"]}]}, "/dev/sdz1 is used as /"),
    ({"children": [{**PART, "mountpoints": ["[SWAP]"]}]}, "used as [SWAP]"),
    ({"children": [{**PART, "children": [{**PART, "path": "/dev/mapper/vg-root", "type": "lvm"}]}]}, "is part of lvm"),
])
def test_every_reason_not_to_write_is_said(changes: Dict[str, Any], why: str) -> None:
    assert why in "; ".join(objections(device(**changes), 1 << 20))


def test_a_file_is_no_stick(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="no block device"):
        look(tmp_path)


def test_what_was_written_is_read_back_and_compared(tmp_path: Path) -> None:
    image, target = tmp_path / "image", tmp_path / "target"
    image.write_bytes(bytes(range(256)) * 64)
    target.write_bytes(b"\xff" * 32768)
    copy_image(image, target)
    verify_image(image, target)
    assert target.read_bytes()[16384:] == b"\xff" * 16384, "nothing behind the image is touched"
    with target.open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"!")
    with pytest.raises(BuildFailed, match="does not hold what was written"):
        verify_image(image, target)


def test_progress_is_for_people_only() -> None:
    out = io.StringIO()
    with Progress(out=out).step("x"):
        pass
    assert "[finished] x" in out.getvalue()

"""Every way a machine can start: the combinations of firmware and medium that test_image.py leaves out.

One of network boot runs always; the others take minutes each and run with `make test-image`.
"""

from __future__ import annotations

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict

import pytest
from image_machine import Machine, probe
from image_observe import LOOK, OBSERVE

from builder_lib.config import Boot, Config, File, Network, Recovery, Ssh, Usb
from builder_lib.options import BuildOptions
from builder_lib.pipeline import build_iso, build_pxe, build_usb, rescue_system
from builder_lib.progress import Progress
from sif.run import run

pytestmark = pytest.mark.vm


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("products")


def usb_image(products: Path) -> Path:
    return build_usb(BuildOptions(output=products / "stick.img", config=Config(usb=Usb(size=64))), Progress())


def pxe_tree(products: Path) -> Path:
    return build_pxe(BuildOptions(output=products / "pxe"), Progress())


def plain_iso(products: Path) -> Path:
    return build_iso(BuildOptions(output=products / "lifeboat.iso"), Progress())


def well(seen: Dict[str, Any], firmware: str) -> None:
    """What must be so however the machine was started."""
    assert int(seen["lifeboat"]) > 0, "the agent was started"
    assert set(seen["failed"]) <= {"lifeboat.service"}
    assert seen["listening"] == [] and seen["imports"] == 0 and seen["places"] == "2"
    assert len(seen["checked"]) == 64, "the initramfs has checked the image"
    assert {"vmlinuz", "initrd.img"} <= set(seen["boot"]), "staging finds kernel and initramfs"
    assert seen["efi"] == (firmware != "bios") and seen["secure"] == (firmware == "secure")


def test_starts_from_the_network(products: Path, tmp_path: Path) -> None:
    """iPXE in the ROM of the network card, as in most virtual machines."""
    well(probe(Machine("bios", "pxe"), pxe_tree(products), OBSERVE, tmp_path), "bios")


@pytest.mark.firmware
@pytest.mark.parametrize(("firmware", "medium"), [("uefi", "pxe"), ("secure", "pxe"), ("secure", "http")])
def test_starts_from_the_network_under_uefi(products: Path, tmp_path: Path, firmware: str, medium: str) -> None:
    well(probe(Machine(firmware, medium), pxe_tree(products), OBSERVE, tmp_path), firmware)


@pytest.mark.firmware
@pytest.mark.parametrize(("firmware", "medium"), [("uefi", "cd"), ("secure", "usb")])
def test_starts_from_the_iso(products: Path, tmp_path: Path, firmware: str, medium: str) -> None:
    well(probe(Machine(firmware, medium), plain_iso(products), OBSERVE, tmp_path), firmware)


@pytest.mark.firmware
@pytest.mark.parametrize("firmware", ["bios", "secure"])
def test_starts_from_a_stick_whose_partition_for_sets_can_be_written(products: Path, tmp_path: Path,
                                                                     firmware: str) -> None:
    seen = probe(Machine(firmware, "usb"), usb_image(products), LOOK + WRITE, tmp_path)
    well(seen, firmware)
    assert seen["written"] == "kept", "the partition labelled SIF takes files"


WRITE = textwrap.dedent("""
    script = ("mount LABEL=SIF /mnt && echo kept > /mnt/file && umount /mnt && mount -o ro LABEL=SIF /mnt && "
              "cat /mnt/file")
    seen["written"] = out("sh", "-c", script).strip()
    answer(seen)
""")


@pytest.mark.firmware
def test_a_damaged_image_is_not_started(products: Path, tmp_path: Path) -> None:
    iso = plain_iso(products)
    system = rescue_system(BuildOptions(), Progress())
    damaged = tmp_path / "damaged.iso"
    data = bytearray(iso.read_bytes())
    squashfs = system.squashfs.read_bytes()
    place = bytes(data).index(squashfs[:4096]) + len(squashfs) // 2
    data[place] ^= 1
    damaged.write_bytes(data)
    with pytest.raises(AssertionError, match="is damaged or is not the one"):
        probe(replace(Machine("bios", "cd"), limit=300), damaged, OBSERVE, tmp_path)


@pytest.mark.firmware
def test_everything_of_a_site_is_there(products: Path, tmp_path: Path) -> None:
    """One image with a file, answers, a network, an SSH server, and a set on the medium itself."""
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], timeout=60)
    (tmp_path / "conf").write_text("acme\n")
    (tmp_path / "answers").write_text("nothing = here\n")
    machine = tmp_path / "web01"
    machine.mkdir()
    (machine / "dr_state.sif").write_text("[VERSION]\n")
    config = Config(
        file=(File(tmp_path / "conf", "/etc/acme/conf", "0600"),), boot=Boot(append="acme.argument=1"),
        recovery=Recovery(answers=tmp_path / "answers", sets=(machine,)),
        network=Network(mode="static", address="192.0.2.7/24"), ssh=Ssh(authorized_keys=tmp_path / "key.pub"))
    iso = build_iso(BuildOptions(output=products / "site.iso", config=config), Progress())
    seen = probe(Machine("bios", "cd", network=True), iso, SITE, tmp_path / "run")
    assert seen["conf"] == "acme\n" and seen["mode"] == 0o600
    assert "acme.argument=1" in seen["cmdline"]
    assert "--answers /etc/lifeboat/answers" in seen["unit"]
    assert "192.0.2.7/24" in seen["address"]
    assert any(":22" in line for line in seen["listening"])
    assert seen["login"] == "refused without the key"
    assert seen["sets"], "the set is on the medium"


SITE = textwrap.dedent("""
    import glob, os, subprocess
    def out(*argv):
        return subprocess.run(argv, capture_output=True, text=True).stdout
    subprocess.run(["systemctl", "start", "lifeboat-ssh.service"])
    for _ in range(50):
        if ":22 " in out("ss", "-Hltn"):
            break
        subprocess.run(["sleep", "0.2"])
    login = subprocess.run(["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "192.0.2.7", "true"],
                           capture_output=True, text=True)
    os.makedirs("/tmp/medium")
    subprocess.run(["mount", "-o", "ro", "LABEL=LIFEBOAT", "/tmp/medium"])
    answer({
        "conf": open("/etc/acme/conf").read(), "mode": os.stat("/etc/acme/conf").st_mode & 0o777,
        "cmdline": open("/proc/cmdline").read(), "unit": out("systemctl", "cat", "lifeboat.service"),
        "address": out("ip", "address"), "listening": out("ss", "-Hltn").splitlines(),
        "login": "refused without the key" if "Permission denied (publickey)" in login.stderr else login.stderr,
        "sets": glob.glob("/tmp/medium/web01/*.sif"),
    })
""")

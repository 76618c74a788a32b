"""Start the rescue image in QEMU with a probe in it that answers through a virtio-serial port.

The image is not changed for the test: systemd takes the probe's unit and script as credentials from the machine's
SMBIOS tables (systemd.system-credentials(7): `systemd.extra-unit.*`, `systemd.unit-dropin.*`), as a hypervisor would
give them.

A machine that starts from the network runs in a network namespace of its own with a boot server: dnsmasq and Python's
web server. Namespace and servers are gone when the machine is.
"""

from __future__ import annotations

import base64
import json
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from sif.removal import remove_tree
from sif.run import run

OVMF = Path("/usr/share/OVMF")
AAVMF = Path("/usr/share/AAVMF")
TIMEOUT = 900.0
UNIT = """\
[Unit]
Description=Test probe
After=lifeboat.service lifeboat-shell.target
[Service]
Type=oneshot
LoadCredential=probe.py
ExecStart=/usr/bin/python3 ${CREDENTIALS_DIRECTORY}/probe.py
ExecStopPost=/usr/bin/systemctl --no-block poweroff
"""
DROPIN = "[Unit]\nWants=lifeboat-probe.service\n"
ANSWER = """
import json
def answer(data):
    with open("/dev/virtio-ports/org.lifeboat.probe", "w") as port:
        port.write(json.dumps(data) + "\\n")
"""
NETWORK = ("pxe", "http")
SERVER = "192.0.2.1"
# Boot loaders by TFTP, all else by HTTP, from one directory; everything dies with the namespace.
BOOT_SERVER = """\
set -eu
ip link set lo up
ip tuntap add dev tap0 mode tap
ip address add 192.0.2.1/24 dev tap0
ip link set tap0 up
dnsmasq --conf-file=dnsmasq.conf --no-daemon > dnsmasq.log 2>&1 &
{python} -m http.server --directory tree --bind 192.0.2.1 80 > http.log 2>&1 &
{qemu}
"""


@dataclass(frozen=True)
class Machine:
    """A machine of the test: firmware (bios, uefi, secure, arm64), how the medium is attached, MiB of memory, disks.

    ``limit`` is how many seconds it may run; ``network`` gives it a network card that leads nowhere.
    ``medium`` is cd or usb, or pxe or http to start from the network. ``secure`` is UEFI that starts only what
    Microsoft's keys lead to. ``arm64`` is a machine of that architecture, with UEFI; its CD is on SCSI.
    """

    firmware: str
    medium: str
    memory: int = 1024
    disks: Tuple[Path, ...] = ()
    network: bool = False
    limit: float = TIMEOUT


def probe(machine: Machine, product: Path, script: str, work: Path) -> Dict[str, Any]:
    """Start the machine from the medium, run ``script`` in it, and return what it passed to ``answer``.

    ``product`` is the image of the medium, or the directory for network boot. The machine powers off when the script
    ends. Raises when it does not within 15 minutes, and when nothing was answered, with the end of the serial console.
    """
    work.mkdir(parents=True, exist_ok=True)
    report, console = work / "report.json", work / "console.log"
    report.unlink(missing_ok=True)
    command = [*command_of(machine, product, work), *_credentials(ANSWER + script),
               "-serial", f"file:{console}", "-device", "virtio-serial,max_ports=2",
               "-chardev", f"file,id=probe,path={report}",
               "-device", "virtserialport,chardev=probe,name=org.lifeboat.probe"]
    if machine.medium in NETWORK:
        command = _with_boot_server(command, machine, product, work)
    run(command, timeout=machine.limit, cwd=str(work))
    text = report.read_text() if report.exists() else ""
    assert text.strip(), f"the probe did not answer; console:\n{console.read_text(errors='replace')[-4000:]}"
    answered: Dict[str, Any] = json.loads(text)
    return answered


def command_of(machine: Machine, product: Path, work: Path) -> List[str]:
    """QEMU with the machine in it, without a console and without a probe."""
    arguments = [*_processor(machine.firmware), "-accel", "tcg", "-smp", "1", "-m", str(machine.memory),
                 "-display", "none", "-nodefaults", "-no-reboot",
                 *_firmware(machine.firmware, work), *_medium(machine, product),
                 # A card that leads nowhere, for what the system does with one.
                 *(("-nic", "user,restrict=on,model=virtio-net-pci") if machine.network else ())]
    for number, disk in enumerate(machine.disks):
        arguments += ["-drive", f"if=virtio,format=raw,file={disk},id=disk{number}"]
    return arguments


def _credentials(script: str) -> List[str]:
    """The probe, as the machine's firmware tables."""
    arguments: List[str] = []
    for name, value in (("systemd.extra-unit.lifeboat-probe.service", UNIT),
                        ("systemd.unit-dropin.multi-user.target", DROPIN), ("probe.py", script)):
        encoded = base64.b64encode(value.encode()).decode()
        arguments += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={encoded}"]
    return arguments


def _processor(firmware: str) -> List[str]:
    if firmware == "arm64":
        # Pointer authentication in QEMU's own way: the architected one takes half of the time of a start.
        return ["qemu-system-aarch64", "-cpu", "max,pauth-impdef=on"]
    return ["qemu-system-x86_64", "-cpu", "max,erms=off,fsrm=off", "-vga", "std"]


def _firmware(firmware: str, work: Path) -> List[str]:
    if firmware == "bios":
        # Without graphics SeaBIOS and iPXE speak on the serial console too.
        return ["-machine", "q35,graphics=off"]
    variables = work / "vars.fd"
    if firmware == "arm64":
        shutil.copyfile(AAVMF / "AAVMF_VARS.fd", variables)
        return ["-machine", "virt", "-drive", f"if=pflash,format=raw,readonly=on,file={AAVMF / 'AAVMF_CODE.fd'}",
                "-drive", f"if=pflash,format=raw,file={variables}"]
    kind = ".ms" if firmware == "secure" else ""
    shutil.copyfile(OVMF / f"OVMF_VARS_4M{kind}.fd", variables)
    # Only code in system management mode may change the keys, else Secure Boot would protect nothing.
    locked = ["-global", "driver=cfi.pflash01,property=secure,value=on", "-global", "ICH9-LPC.disable_s3=1"]
    return ["-machine", "q35,smm=on" if kind else "q35", *(locked if kind else []),
            "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / f'OVMF_CODE_4M{kind}.fd'}",
            "-drive", f"if=pflash,format=raw,file={variables}"]


def _medium(machine: Machine, product: Path) -> List[str]:
    medium = machine.medium
    if medium == "cd" and machine.firmware == "arm64":
        return ["-device", "virtio-scsi-pci", "-drive",
                f"if=none,id=medium,format=raw,media=cdrom,readonly=on,file={product}",
                "-device", "scsi-cd,drive=medium,bootindex=0"]
    if medium == "cd":
        return ["-drive", f"if=none,id=medium,format=raw,media=cdrom,readonly=on,file={product}",
                "-device", "ide-cd,drive=medium,bootindex=0"]
    if medium == "usb":
        return ["-device", "qemu-xhci", "-drive", f"if=none,id=medium,format=raw,snapshot=on,file={product}",
                "-device", "usb-storage,drive=medium,bootindex=0"]
    network = ["-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no",
               "-device", "virtio-net-pci,netdev=net,bootindex=0"]
    if medium == "http":
        # Only HTTP boot is tried, not PXE before it.
        network += ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n",
                    "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n"]
    return network


def _with_boot_server(command: List[str], machine: Machine, product: Path, work: Path) -> List[str]:
    """The command in a network namespace with dnsmasq, configured by the product's own example, and a web server."""
    tree = work / "tree"
    remove_tree(tree)
    tree.mkdir()
    (tree / "lifeboat").symlink_to(product)
    example = (product / "dnsmasq.conf.example").read_text()
    (work / "dnsmasq.conf").write_text(
        example.replace("#interface=eth1", "interface=tap0\nbind-interfaces\nport=0\nuser=root\nleasefile-ro")
        .replace("#dhcp-range", "dhcp-range").replace("/srv/tftp", str(tree)))
    script = BOOT_SERVER.format(python=shlex.quote(sys.executable), qemu=shlex.join(command))
    return ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script]

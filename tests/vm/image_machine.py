"""Start the rescue image in QEMU with a probe in it that answers through a virtio-serial port.

The image is not changed for the test: systemd takes the probe's unit and script as credentials from the machine's
SMBIOS tables (systemd.system-credentials(7): `systemd.extra-unit.*`, `systemd.unit-dropin.*`), as a hypervisor would
give them.
"""

from __future__ import annotations

import base64
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Tuple

from sif.run import run

OVMF = Path("/usr/share/OVMF")
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


@dataclass(frozen=True)
class Machine:
    """A machine of the test: firmware, how the medium is attached, memory in MiB, its own disks."""

    firmware: str
    medium: str
    memory: int = 1024
    disks: Tuple[Path, ...] = ()


def probe(machine: Machine, iso: Path, script: str, work: Path) -> Dict[str, Any]:
    """Start the machine from the medium, run ``script`` in it, and return what it passed to ``answer``.

    The machine powers off when the script ends. Raises when it does not within 15 minutes, and when nothing was
    answered, with the end of the serial console.
    """
    work.mkdir(parents=True, exist_ok=True)
    report, console = work / "report.json", work / "console.log"
    run(["qemu-system-x86_64", *_arguments(machine, iso, ANSWER + script, work),
         "-serial", f"file:{console}", "-device", "virtio-serial", "-chardev", f"file,id=probe,path={report}",
         "-device", "virtserialport,chardev=probe,name=org.lifeboat.probe"], timeout=TIMEOUT)
    text = report.read_text()
    assert text.strip(), f"the probe did not answer; console:\n{console.read_text(errors='replace')[-4000:]}"
    answered: Dict[str, Any] = json.loads(text)
    return answered


def _arguments(machine: Machine, iso: Path, script: str, work: Path) -> List[str]:
    arguments = ["-machine", "q35", "-accel", "tcg", "-cpu", "max,erms=off,fsrm=off", "-smp", "1",
                 "-m", str(machine.memory), "-display", "none", "-vga", "std", "-nodefaults", "-no-reboot",
                 "-net", "none"]
    if machine.firmware == "uefi":
        variables = work / "vars.fd"
        shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", variables)
        arguments += ["-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}",
                      "-drive", f"if=pflash,format=raw,file={variables}"]
    if machine.medium == "cd":
        arguments += ["-drive", f"if=none,id=medium,format=raw,media=cdrom,readonly=on,file={iso}",
                      "-device", "ide-cd,drive=medium,bootindex=0"]
    else:
        arguments += ["-device", "qemu-xhci", "-drive", f"if=none,id=medium,format=raw,snapshot=on,file={iso}",
                      "-device", "usb-storage,drive=medium,bootindex=0"]
    for number, disk in enumerate(machine.disks):
        arguments += ["-drive", f"if=virtio,format=raw,file={disk},id=disk{number}"]
    for name, value in (("systemd.extra-unit.lifeboat-probe.service", UNIT),
                        ("systemd.unit-dropin.multi-user.target", DROPIN), ("probe.py", script)):
        encoded = base64.b64encode(value.encode()).decode()
        arguments += ["-smbios", f"type=11,value=io.systemd.credential.binary:{name}={encoded}"]
    return arguments

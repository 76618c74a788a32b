"""The machine and its operating system: names, release, identity, processor, memory, DMI."""

from __future__ import annotations

import os
import re
from typing import Mapping, Optional

from sif import look
from sif.capture.boot import firmware
from sif.capture.bootconfig import parse_shell
from sif.capture.efi import secure_boot
from sif.capture.errors import CaptureFailed
from sif.capture.identity import (
    access_control,
    hostname,
    keymap,
    line_of,
    locale,
    machine_id,
    selinux_configured,
    selinux_running,
    ssh_host_keys,
    time_zone,
)
from sif.capture.trees import kernel_release, offline
from sif.later import regex
from sif.model import Boot, Ref, System
from sif.plain import replace
from sif.problems import printable

_CPU = regex(r"^(?:model name|cpu model|Processor|cpu|machine)\s*:\s*(\S.*)$", re.MULTILINE)
"""What /proc/cpuinfo calls it on x86, MIPS, old ARM, POWER, s390."""


def parse_os_release(text: str) -> Mapping[str, str]:
    """The variables of os-release. Source: os-release(5)."""
    return parse_shell(text)


def probe_system(boot_fs: str, root_fs: str, name: Optional[str] = None) -> System:
    """The SYSTEM record. ``boot_fs`` and ``root_fs`` are ids; ``name`` replaces the machine's own full name.

    Raises CaptureFailed for another tree that has no name of its own.
    """
    release = parse_os_release(look.text_or("/etc/os-release") or look.text_or("/usr/lib/os-release"))
    machine, kernel = look.ask("uname", (), lambda: (os.uname().machine, os.uname().release))
    pretty = release.get("PRETTY_NAME")
    return System(
        id="system", hostname=name or hostname() or _running_name(), firmware=firmware(), arch=machine,
        boot_fs=Ref(boot_fs), root_fs=Ref(root_fs), os=printable(pretty) if pretty else None,
        kernel=kernel_release() if offline() else kernel, secure_boot=secure_boot(), machine_id_value=machine_id(),
        time_zone=time_zone(), locale=locale(), keymap=keymap(), access_control=access_control(""),
        selinux=selinux_configured(), selinux_mode=selinux_running(), ssh_host_keys=ssh_host_keys(),
        ram_bytes=_ram_bytes(), cpu_threads=look.ask("cpu_count", (), os.cpu_count),
        cpu_model=cpu_model(look.text_or("/proc/cpuinfo")), dmi_vendor=line_of("/sys/class/dmi/id/sys_vendor"),
        dmi_product=line_of("/sys/class/dmi/id/product_name"), dmi_serial=line_of("/sys/class/dmi/id/product_serial"))


def with_boot(system: System, boot: Boot) -> System:
    """The record with what only the kernel's command line tells."""
    return replace(system, access_control=access_control(boot.cmdline or ""))


def _running_name() -> str:
    if offline():
        raise CaptureFailed("the tree has no host name", where="/etc/hostname", hint="give it one: --name HOSTNAME")
    return look.ask("hostname", (), lambda: os.uname().nodename)


def cpu_model(cpuinfo: str) -> Optional[str]:
    """The processor's name; where the kernel has none, the board's."""
    found = _CPU.search(cpuinfo)
    if found:
        return printable(" ".join(found.group(1).split()))
    return printable(look.text_or("/sys/firmware/devicetree/base/model").rstrip("\0").strip()) or None


def _ram_bytes() -> int:
    return look.ask("ram_bytes", (), lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))

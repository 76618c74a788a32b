"""The machine and its operating system: names, release, identity, memory, DMI."""

from __future__ import annotations

import os
import re
import shlex
import socket
from typing import Mapping, Optional

from sif import look
from sif.capture.boot import firmware, secure_boot
from sif.model import Ref, System
from sif.problems import printable


def parse_os_release(text: str) -> Mapping[str, str]:
    """The variables of os-release. Source: os-release(5)."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            words = shlex.split(value)
            found[name.strip()] = words[0] if words else ""
    return found


def _line(path: str) -> Optional[str]:
    """A one-line file that firmware or an administrator filled; what is not printable is escaped."""
    return printable(_read(path) or "") or None


def _machine_id() -> Optional[str]:
    """The machine id; an image that has not been started yet holds a word instead."""
    text = _read("/etc/machine-id") or ""
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else None


def _read(path: str) -> Optional[str]:
    try:
        return look.text(path).strip() or None
    except OSError:
        return None


def _locale() -> Optional[str]:
    for path in ("/etc/locale.conf", "/etc/default/locale"):
        text = _read(path)
        if text:
            lang = parse_os_release(text).get("LANG")
            if lang:
                return lang
    return None


def _time_zone() -> Optional[str]:
    target = look.real("/etc/localtime")
    _, found, zone = target.partition("/zoneinfo/")
    return zone if found else _read("/etc/timezone")


def _ram_bytes() -> int:
    return look.ask("ram_bytes", (), lambda: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def probe_system(boot_fs: str, root_fs: str, name: Optional[str] = None) -> System:
    """The SYSTEM record. ``boot_fs`` and ``root_fs`` are ids; ``name`` replaces the machine's own full name."""
    hostname = name or _line("/etc/hostname") or look.ask("hostname", (), socket.gethostname)
    release = _read("/etc/os-release") or _read("/usr/lib/os-release") or ""
    machine, kernel = look.ask("uname", (), lambda: (os.uname().machine, os.uname().release))
    return System(
        id="system", hostname=hostname, firmware=firmware(), arch=machine, boot_fs=Ref(boot_fs),
        root_fs=Ref(root_fs), os=parse_os_release(release).get("PRETTY_NAME"), kernel=kernel,
        secure_boot=secure_boot(), machine_id_value=_machine_id(), time_zone=_time_zone(),
        locale=_locale(), ram_bytes=_ram_bytes(), cpu_threads=look.ask("cpu_count", (), os.cpu_count),
        dmi_vendor=_line("/sys/class/dmi/id/sys_vendor"), dmi_product=_line("/sys/class/dmi/id/product_name"),
        dmi_serial=_line("/sys/class/dmi/id/product_serial"))

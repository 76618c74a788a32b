"""The hardware: every PCI and USB device, and what disks and interfaces hang on elsewhere.

Source: sysfs (Documentation/ABI/testing/sysfs-bus-*), modinfo(8).
"""

from __future__ import annotations

import posixpath
import re
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.lvm import identifier
from sif.capture.trees import kernel_release, offline, tree
from sif.later import regex
from sif.model import Device
from sif.plain import dataclass, replace
from sif.problems import printable

_BUS = "/sys/bus"
_WHOLE_BUSES = ("pci", "usb")
_ROOT_HUB = regex(r"[0-9]+-0:.*")
_FIRMWARE = "/lib/firmware"
_PACKED = ("", ".xz", ".zst")
_DISPLAY = "0x03"
_SECONDS = 120.0
_MAX_FIRMWARE_CHARS = 6000
"""A value is one line, and a line has 8 KiB; display drivers name hundreds of files."""


@dataclass(frozen=True)
class Module:
    """What modinfo says of a kernel module, as far as it matters here."""

    name: str
    version: str = ""
    source_version: str = ""
    firmware: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Hardware:
    """The DEVICE records, the display adapters of SYSTEM, and notes."""

    devices: Tuple[Device, ...]
    video: Tuple[str, ...]
    notes: Tuple[str, ...] = ()


def probe_hardware() -> Hardware:
    """Everything that has a modalias and matters, by bus and address."""
    found: Dict[str, Device] = {}
    modules: Dict[str, str] = {}
    for bus, name in (*_on_whole_buses(), *_below_disks_and_interfaces()):
        folder = f"{_BUS}/{bus}/devices/{name}"
        modalias = look.text_or(f"{folder}/modalias").strip()
        if not modalias:
            continue
        ident = identifier(f"{bus}-{name.replace(':', '-')}")
        found[ident] = Device(
            id=ident, modalias=printable(modalias, 1000), driver=driver_of(folder), bus=f"{bus} {name}",
            device_class=_class(folder) if bus == "pci" else None)
        module = look.link(f"{folder}/driver/module")
        if module:
            modules[ident] = posixpath.basename(module)
    known = _modules(tuple(sorted(set(modules.values()))))
    notes: List[str] = []
    devices = tuple(_with_module(device, known.get(modules.get(device.id, "")), notes) for device in found.values())
    return Hardware(devices, tuple(f"{d.modalias} {d.driver or '-'}" for d in devices
                                   if (d.device_class or "").startswith(_DISPLAY)), tuple(notes))


def _on_whole_buses() -> List[Tuple[str, str]]:
    return [(bus, name) for bus in _WHOLE_BUSES for name in look.entries(f"{_BUS}/{bus}/devices")
            if not _ROOT_HUB.fullmatch(name)]


def _below_disks_and_interfaces() -> List[Tuple[str, str]]:
    """Devices of other buses on the way to a disk or a network interface, as (bus, name), sorted."""
    above: Dict[str, None] = {}
    for group in ("/sys/class/block", "/sys/class/net"):
        for name in look.entries(group):
            path = posixpath.dirname(look.real(f"{group}/{name}"))
            while path.startswith("/sys/devices/") and path not in above:
                above[path] = None
                path = posixpath.dirname(path)
    found = []
    for path in sorted(above):
        bus = look.link(f"{path}/subsystem") or ""
        if "/bus/" in bus and posixpath.basename(bus) not in _WHOLE_BUSES and look.exists(f"{path}/modalias"):
            found.append((posixpath.basename(bus), posixpath.basename(path)))
    return found


def driver_of(folder: str) -> Optional[str]:
    """The kernel driver bound to a device of sysfs."""
    target = look.link(f"{folder}/driver")
    return posixpath.basename(target) if target else None


def _class(folder: str) -> Optional[str]:
    text = look.text_or(f"{folder}/class").strip()
    return text if re.fullmatch(r"0x[0-9a-f]{6}", text) else None


def _modules(names: Sequence[str]) -> Mapping[str, Module]:
    """What is known of modules by name, asked with one call; nothing without modinfo."""
    if not names or not look.have("modinfo"):
        return {}
    release = kernel_release() if offline() else None
    where = ("--basedir", tree(), "--set-version", release) if release else ()
    return parse_modinfo(look.run(["modinfo", *where, *names], timeout=_SECONDS, check=False).stdout)


def parse_modinfo(text: str) -> Mapping[str, Module]:
    """The output of ``modinfo`` for several modules: each begins with its ``filename``."""
    found: Dict[str, Module] = {}
    for block in re.split(r"^(?=filename:)", text, flags=re.MULTILINE):
        fields: Dict[str, List[str]] = {}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if colon:
                fields.setdefault(name, []).append(value.strip())
        name = (fields.get("name") or [""])[0].replace("-", "_")
        if name:
            found[name] = Module(name, (fields.get("version") or [""])[0], (fields.get("srcversion") or [""])[0],
                                 tuple(sorted(set(fields.get("firmware", ())))))
    return found


def _installed(names: Sequence[str]) -> Tuple[str, ...]:
    """Those of the firmware files that are there, packed or not."""
    there = {folder: set(look.entries(f"{_FIRMWARE}/{folder}".rstrip("/")))
             for folder in {posixpath.dirname(name) for name in names}}
    return tuple(name for name in names for files in (there[posixpath.dirname(name)],)
                 if any(posixpath.basename(name) + end in files for end in _PACKED))


def _with_module(device: Device, module: Optional[Module], notes: List[str]) -> Device:
    if module is None:
        return device
    version = " ".join(word for word in (module.version, module.source_version) if word)
    installed = _installed(module.firmware)
    kept: List[str] = []
    for name in installed:
        if sum(len(one) + 4 for one in (*kept, name)) > _MAX_FIRMWARE_CHARS:
            notes.append(f"{device.bus}: {len(installed)} firmware files of {module.name} are installed, "
                         f"{len(kept)} are listed")
            break
        kept.append(name)
    return replace(device, driver_version=printable(version) or None, firmware=tuple(kept))

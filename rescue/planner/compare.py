"""The difference between the saved and the present machine, before the plan that follows from it. Pure."""

from __future__ import annotations

import re
from typing import List, Tuple

from rescue.hardware import Hardware, PresentDisk
from rescue.plan import RestorePlan
from rescue.planner.words import human
from sif.model import Disk, DiskRole, SystemInformation

_NEEDS_MEMORY = re.compile(r"(?:^|\s)((?:crashkernel|hugepages|hugepagesz|default_hugepagesz|mem|memmap|cma)=\S+)")
_NEEDS_DISPLAY = re.compile(r"(?:^|\s)((?:video=|vga=|nomodeset|i915\.|amdgpu\.|nouveau\.|radeon\.)\S*)")
"""Words of a kernel's command line that speak to what the new machine may not have."""


def comparison(saved: SystemInformation, hardware: Hardware, plan: RestorePlan) -> Tuple[str, ...]:
    """What differs, a line for each thing; nothing to say: empty.

    A restore sets nothing for memory, processors and display: their settings are files, and come back with them.
    Where the new machine has less than the saved one, it is named with the settings that would have to change.
    """
    system, lines = saved.system, []
    if hardware.firmware is not system.firmware:
        lines.append(f"firmware: {system.firmware.value.upper()} then, {hardware.firmware.value.upper()} now")
    lines += _device_state(saved, hardware)
    here = {disk.name: disk for disk in hardware.disks}
    for match in plan.matches:
        disk = next((d for d in saved.disks if d.id == match.saved), None)
        present = here.get(match.name)
        if disk is not None and present is not None:
            lines += _disk(disk, present)
    placed = {match.saved for match in plan.matches}
    lines += [f"{disk.id}: {human(disk.size_bytes)} then, no disk of its own now" for disk in saved.disks
              if disk.role is DiskRole.CRITICAL and disk.id not in placed]
    return tuple(lines)


def _device_state(saved: SystemInformation, hardware: Hardware) -> List[str]:
    """Memory, processors and display, where there is less of them than there was; not what is not known."""
    system, words = saved.system, (saved.boot.cmdline or "") if saved.boot else ""
    found = []
    if system.ram_bytes and hardware.ram_bytes and hardware.ram_bytes < system.ram_bytes * 9 // 10:
        found.append(f"memory: {human(system.ram_bytes)} then, {human(hardware.ram_bytes)} now; not applied: "
                     + _settings(_NEEDS_MEMORY, words, "huge pages, a crash kernel, swap for hibernation"))
    if system.cpu_threads and hardware.cpu_threads and hardware.cpu_threads < system.cpu_threads:
        found.append(f"processors: {system.cpu_threads} then, {hardware.cpu_threads} now; not applied: numbers of "
                     "workers and pinned processors in the system's files come back as they were, look at them")
    gone = [name for name in (word.partition(" ")[0] for word in system.video) if name not in hardware.video]
    if gone and hardware.video:
        found.append(f"display: {', '.join(gone)} then, {', '.join(hardware.video)} now; not applied: "
                     + _settings(_NEEDS_DISPLAY, words, "drivers and resolutions"))
    return found


def _settings(pattern: "re.Pattern[str]", command_line: str, usual: str) -> str:
    named = pattern.findall(command_line)
    return (f"`{' '.join(named)}` of the kernel's command line" if named else usual) + \
        " in the system's files come back as they were, look at them"


def _disk(saved: Disk, present: PresentDisk) -> List[str]:
    found: List[Tuple[str, str, str]] = []
    if saved.size_bytes != present.size_bytes:
        found.append(("size", human(saved.size_bytes), human(present.size_bytes)))
    if saved.logical_sector != present.logical_sector:
        found.append(("sectors", str(saved.logical_sector), str(present.logical_sector)))
    for what, before, after in (("name", saved.device, present.name), ("bus", saved.bus, present.bus),
                                ("model", saved.model, present.model), ("serial number", saved.serial, present.serial),
                                ("slot", saved.by_path, present.by_path)):
        if before and after and before != after:
            found.append((what, before, after))
    return [f"{saved.id}: " + "; ".join(f"{what} {before} then, {after} now" for what, before, after in found)] \
        if found else []

"""Drivers: what the set brings along, and what udev did not load by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable, Sequence, Tuple

from rescue.console import Choice, Console, choose
from rescue.events import Step
from rescue.set_drivers import Decision, How, decide, load, loaded_modules
from rescue.set_files import media_files, place_from_set
from sif.drivers.tree import ModuleTree, read_tree
from sif.model import Device, SetFile, SystemInformation
from sif.run import run

SYSFS = Path("/sys/devices")
_SHOWN = 12


def bring_up(saved: SystemInformation, directory: Path, step: Step) -> None:
    """Put the set's files in place, load its modules, then those of the rescue system that devices still lack.

    ``directory`` holds the set. Comes before anything looks for disks, networks or stores. Raises
    :class:`rescue.set_files.FileNotPlaced`.
    """
    for target in place_from_set(saved.files, directory):
        step.info(f"put {target} into the rescue system")
    decisions = decisions_for(saved)
    report = load(decisions, directory)
    for line in told(decisions):
        step.info(line)
    for failure in report.failed:
        step.info(f"not loaded: {failure}")
    if report.loaded:
        step.info(f"loaded: {', '.join(report.loaded)}")
        settle()
    for alias in load_missing_drivers(saved.devices):
        step.info(f"loaded the driver of {alias}")


def decisions_for(saved: SystemInformation) -> Tuple[Decision, ...]:
    """What becomes of the set's drivers in the running rescue system."""
    kernel = os.uname().release
    own = read_tree(kernel) or ModuleTree(kernel, "")
    return decide(saved.drivers, kernel, loaded_modules(), own)


def may_bring_up(console: Console, saved: SystemInformation, decisions: Sequence[Decision]) -> bool:
    """Ask the operator about code that the set would have the rescue system run before its plan can be shown.

    True without a question when there is none.
    """
    modules = [d.driver.module for d in decisions if d.how is How.SET]
    files = media_files(saved.files)
    if not modules and not files:
        return True
    return choose(console, "drivers", code_text(modules, files), (
        Choice("load", "load them: they run as part of the rescue system"),
        Choice("skip", "go on without them; phase 2, which needs your consent, uses them"))) == "load"


def code_text(modules: Sequence[str], files: Sequence[SetFile]) -> str:
    """What of the set will run in the rescue system, for the operator to judge."""
    lines = ["This set brings its own code for the rescue system."]
    if modules:
        lines.append(f"Kernel modules: {', '.join(modules)}")
    if files:
        lines.append("Files: " + ", ".join(file.target for file in files[:_SHOWN])
                     + (f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""))
    return "\n".join(lines)


def told(decisions: Iterable[Decision]) -> Tuple[str, ...]:
    """What is worth telling: one line for each kernel that this is not, one for what has no file."""
    decisions = tuple(decisions)
    lines = []
    for kernel in dict.fromkeys(d.driver.kernel for d in decisions if d.how is How.OTHER_KERNEL):
        names = [d.driver.module for d in decisions if d.how is How.OTHER_KERNEL and d.driver.kernel == kernel]
        lines.append(f"skipped {len(names)} modules for the kernel {kernel}, which is not the running one: "
                     + ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else ""))
    lines.extend(f"skipped: {d}" for d in decisions if d.how is How.NO_FILE)
    return tuple(lines)


def settle() -> None:
    """Wait until udev has dealt with what new drivers found."""
    run(["udevadm", "settle", "--timeout=60"], timeout=70, check=False)


def load_missing_drivers(saved: Iterable[Device], sysfs: Path = SYSFS) -> Tuple[str, ...]:
    """Load modules for present devices without a driver that the SIF recorded with one; returns their modaliases."""
    had_driver = {device.modalias for device in saved if device.driver}
    loaded = []
    for alias in unbound(sysfs):
        if alias in had_driver and run(["modprobe", "--quiet", alias], timeout=60, check=False).ok:
            loaded.append(alias)
    if loaded:
        settle()
    return tuple(loaded)


def unbound(sysfs: Path) -> Tuple[str, ...]:
    """The modaliases of devices that no driver is bound to."""
    found = []
    for path in sorted(sysfs.rglob("modalias")):
        if not (path.parent / "driver").exists():
            try:
                alias = path.read_text(encoding="ascii", errors="replace").strip()
            except OSError:
                continue
            if alias:
                found.append(alias)
    return tuple(dict.fromkeys(found))

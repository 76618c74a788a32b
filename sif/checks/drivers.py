"""Drivers and files: the placement rule, complete closures, and targets that a set may write to.

A driver that is needed to reach the disk, the network or the store must be readable before any of them is.
"""

from __future__ import annotations

from typing import Dict, Iterator, Set, Tuple

from sif.checks.common import SHA256, bad, repeated
from sif.drivers.placement import (
    MODE,
    STORE_SCHEME,
    TARGET_ROOTS,
    Placed,
    needed_first,
    place_fault,
    real_target,
    store_path,
)
from sif.media import SCHEME
from sif.model import Driver, Need, SetFile, SystemInformation
from sif.problems import Problem


def check_drivers(info: SystemInformation) -> Iterator[Problem]:
    """Every rule about [DRIVER] and [FILE]."""
    drivers = {driver.id: driver for driver in info.drivers}
    files = {file.id: file for file in info.files}
    for driver in info.drivers:
        yield from _check_place(info, driver)
        yield from _check_closure(driver, drivers, files)
    for later, earlier in repeated((driver, f"{driver.module.replace('-', '_')} {driver.kernel}")
                                   for driver in info.drivers):
        yield bad(later, "module", f"the same module of the same kernel as {earlier.id}", found=later.module)
    for file in info.files:
        yield from _check_place(info, file)
        yield from _check_target(file)
    for second, first in repeated((file, real_target(file.target)) for file in info.files):
        yield bad(second, "target", f"the same target as {first.id}", found=second.target)


def _check_place(info: SystemInformation, record: Placed) -> Iterator[Problem]:
    """The file's place is one of the two kinds, and the medium if anything depends on it; the digest is one."""
    if record.path is None:
        if record.sha256 is not None:
            yield bad(record, "sha256", "a digest of no file", found=record.sha256, wanted="path, or no sha256")
        return
    fault = place_fault(record.path)
    if fault:
        yield bad(record, "path", f"not a file of the set: {fault}", found=record.path,
                  wanted="media:PATH below the SIF's directory, or store:NAME/PATH")
    if record.sha256 is None:
        yield bad(record, "sha256", "the file's digest is missing", wanted="64 hex digits")
    elif not SHA256.fullmatch(record.sha256):
        yield bad(record, "sha256", "not a SHA-256", found=record.sha256, wanted="64 hex digits")
    first = needed_first(record.needs)
    place = store_path(record.path)
    if first and record.path.startswith(STORE_SCHEME):
        yield bad(record, "path", f"needed to reach the {first[0].value}, so it must lie on the medium",
                  found=record.path, wanted=f"{SCHEME}PATH", hint="copy the file beside the SIF")
    elif place and not any(store.id == place[0] for store in info.stores):
        yield bad(record, "path", f"there is no store {place[0]}", found=record.path)


def _check_closure(driver: Driver, drivers: Dict[str, Driver], files: Dict[str, SetFile]) -> Iterator[Problem]:
    """What a driver needs is there, for the same kernel and at least for the same purposes."""
    first = set(needed_first(driver.needs))
    for ident in driver.depends:
        other = drivers.get(ident)
        if other is None:
            continue  # sif.checks.references says so
        if other.kernel != driver.kernel:
            yield bad(driver, "depends", f"{ident} is a module of another kernel", found=other.kernel,
                      wanted=driver.kernel)
        yield from _weaker(driver, "depends", ident, first, other.needs)
    for ident in driver.firmware:
        file = files.get(ident)
        if file is None:
            continue
        yield from _weaker(driver, "firmware", ident, first, file.needs)
        if not (real_target(file.target) or "").startswith("/usr/lib/firmware/"):
            yield bad(driver, "firmware", f"{ident} does not go where the kernel looks for firmware",
                      found=file.target, wanted="a target below /lib/firmware")


def _weaker(driver: Driver, key: str, ident: str, first: Set[Need], found: Tuple[Need, ...]) -> Iterator[Problem]:
    lacking = first.difference(found)
    if lacking:
        words = ", ".join(sorted(need.value for need in lacking))
        yield bad(driver, key, f"{ident} must be there for the same needs", wanted=f"needs = [..., {words}]",
                  found=", ".join(need.value for need in found) or "no needs",
                  hint=f"{driver.module} does not work without {ident}")


def _check_target(file: SetFile) -> Iterator[Problem]:
    if real_target(file.target) is None:
        yield bad(file, "target", "no place where a set may put a file", found=file.target,
                  wanted="an absolute path below " + ", ".join(("/lib/firmware", *TARGET_ROOTS[1:]))
                  + ", or /sbin/mount.TYPE")
    if not MODE.fullmatch(file.mode):
        yield bad(file, "mode", "not permissions that a file may get", found=file.mode,
                  wanted="3 octal digits, no setuid", hint="for example 0755")



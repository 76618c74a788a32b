"""The modules that a set brings along: which of them this kernel can take, in which order, and loading them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Callable, Dict, FrozenSet, List, Sequence, Tuple

from sif.drivers.placement import media_path
from sif.drivers.tree import ModuleTree
from sif.model import Driver
from sif.run import Result, run

MODULES = Path("/sys/module")

Run = Callable[[Sequence[str]], Result]


class How(str, Enum):
    """What becomes of a driver: OWN comes from the rescue system, SET from the set, the others are not loaded."""

    LOADED = "is loaded already"
    BUILT_IN = "is part of the kernel"
    OWN = "comes from the rescue system"
    SET = "comes from the set"
    OTHER_KERNEL = "is for another kernel"
    NO_FILE = "has no file on the medium"


@dataclass(frozen=True)
class Decision:
    """A driver, and what becomes of it."""

    driver: Driver
    how: How

    def __str__(self) -> str:
        kernel = f" ({self.driver.kernel})" if self.how is How.OTHER_KERNEL else ""
        return f"{self.driver.module} {self.how.value}{kernel}"


@dataclass(frozen=True)
class LoadReport:
    """What was loaded, and what refused to be, with the program's words."""

    loaded: Tuple[str, ...] = ()
    failed: Tuple[str, ...] = ()


def decide(drivers: Sequence[Driver], kernel: str, loaded: FrozenSet[str], own: ModuleTree) -> Tuple[Decision, ...]:
    """What becomes of every driver, in an order in which each comes after what it depends on.

    ``own`` are the rescue system's modules for the running kernel: they are preferred, except to a module that does
    not come with the kernel, which is in the set because the kernel's own would not do.
    """
    return tuple(Decision(driver, _how(driver, kernel, loaded, own)) for driver in in_order(drivers))


def _how(driver: Driver, kernel: str, loaded: FrozenSet[str], own: ModuleTree) -> How:
    name = driver.module.replace("-", "_")
    if name in own.builtin:
        return How.BUILT_IN
    if name in loaded:
        return How.LOADED
    if driver.kernel != kernel:
        return How.OTHER_KERNEL
    if name in own.files and not driver.out_of_tree:
        return How.OWN
    return How.SET if driver.path and media_path(driver.path) is not None else How.NO_FILE


def in_order(drivers: Sequence[Driver]) -> Tuple[Driver, ...]:
    """The drivers, each after those it depends on. A circle, which the checks refuse, is cut somewhere."""
    by_id = {driver.id: driver for driver in drivers}
    done: Dict[str, Driver] = {}
    seen = set()
    todo: List[Tuple[str, bool]] = [(driver.id, False) for driver in reversed(drivers)]
    while todo:
        ident, ready = todo.pop()
        if ready:
            done.setdefault(ident, by_id[ident])
        elif ident in by_id and ident not in seen:
            seen.add(ident)
            todo.append((ident, True))
            todo.extend((other, False) for other in reversed(by_id[ident].depends))
    return tuple(done.values())


def loaded_modules(where: Path = MODULES) -> FrozenSet[str]:
    """The modules in the running kernel, those it has a directory for being built in included."""
    return frozenset(path.name for path in where.iterdir()) if where.is_dir() else frozenset()


def load(decisions: Sequence[Decision], directory: Path, call: Run = lambda argv: run(argv, timeout=120, check=False),
         ) -> LoadReport:
    """Load what is to be loaded; ``directory`` holds the set. A module that refuses is reported, and the rest go on.

    Not every module finds its hardware here, so a refusal is no error: what then cannot be reached is found missing.
    """
    loaded: List[str] = []
    failed: List[str] = []
    plain = [d.driver.module for d in decisions if d.how is How.OWN and not d.driver.parameters]
    if plain:
        call(["modprobe", "--quiet", "--all", *plain])
    for decision in decisions:
        driver = decision.driver
        if decision.how is How.OWN and driver.parameters:
            done = call(["modprobe", "--quiet", driver.module, *words(driver.parameters)])
        elif decision.how is How.SET:
            path = directory / (media_path(driver.path or "") or "")
            done = call(["insmod", str(path), *words(driver.parameters or "")])
        else:
            continue
        if done.ok or "File exists" in done.stderr:
            loaded.append(driver.module)
        else:
            failed.append(f"{driver.module}: {(done.stderr or done.stdout).strip() or 'refused'}")
    return LoadReport(tuple(loaded), tuple(failed))


def words(parameters: str) -> Tuple[str, ...]:
    """The options of modprobe.d as arguments."""
    try:
        return tuple(shlex.split(parameters))
    except ValueError:
        return tuple(parameters.split())

"""Whether the drivers of a set are all in it: what the sections say, held against the files themselves. Pure.

The sections are one program's account of the closure; the modules' own statements are the truth.
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Mapping, Tuple

from sif.checks.common import bad
from sif.drivers.modinfo import ModuleFacts, NotAModule, Unreadable, facts_of
from sif.drivers.placement import media_path, needed_first, placed
from sif.media import sha256_hex
from sif.model import Driver, SystemInformation
from sif.problems import Problem


def missing_pieces(info: SystemInformation, content: Mapping[str, bytes]) -> Tuple[Problem, ...]:
    """Every file that a [DRIVER] or [FILE] names and the set lacks, and every dependency that no section has."""
    found: List[Problem] = []
    for record in placed(info):
        inside = media_path(record.path or "")
        if inside is None:
            continue
        data = content.get(inside)
        if data is None:
            found.append(bad(record, "path", "the file is not in the set", found=record.path,
                             hint="write the set together with its files"))
        elif sha256_hex(data) != record.sha256:
            found.append(bad(record, "sha256", "the file is another one", found=sha256_hex(data),
                             wanted=record.sha256))
        elif isinstance(record, Driver) and needed_first(record.needs):
            found.extend(_check_module(info, record, data))
    return tuple(found)


def _check_module(info: SystemInformation, driver: Driver, data: bytes) -> Iterator[Problem]:
    try:
        facts = facts_of(data, driver.path or "")
    except Unreadable:
        return  # packed by zstd, which the standard library does not know; the capture asked modinfo
    except NotAModule as error:
        yield bad(driver, "path", f"not a kernel module: {error}", found=driver.path)
        return
    if facts.kernel and facts.kernel != driver.kernel:
        yield bad(driver, "kernel", "the module was built for another kernel", found=facts.kernel,
                  wanted=driver.kernel)
    yield from _check_depends(info, driver, facts)


def _check_depends(info: SystemInformation, driver: Driver, facts: ModuleFacts) -> Iterator[Problem]:
    same = {other.module.replace("-", "_"): other.id for other in info.drivers if other.kernel == driver.kernel}
    reached = _reached(driver, {other.id: other for other in info.drivers})
    for name in facts.depends:
        if name not in same:
            yield bad(driver, "depends", f"{driver.module} does not work without {name}, which the set lacks",
                      wanted=f"[DRIVER {name}] with its file", hint=f"add the module {name} of {driver.kernel}")
        elif same[name] not in reached:
            yield bad(driver, "depends", f"{driver.module} is to be loaded after {name}",
                      found=", ".join(driver.depends) or "no depends", wanted=same[name])


def _reached(driver: Driver, drivers: Mapping[str, Driver]) -> Dict[str, None]:
    found: Dict[str, None] = {}
    todo = list(driver.depends)
    while todo:
        ident = todo.pop()
        if ident not in found and ident in drivers:
            found[ident] = None
            todo.extend(drivers[ident].depends)
    return found

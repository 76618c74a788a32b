"""The drivers of the captured machine: sections, and the files that go with them onto the medium."""

from __future__ import annotations

import posixpath
import re
from typing import Dict, FrozenSet, List, Mapping, Sequence, Tuple

from sif import look
from sif.drivers import Collect as Collect
from sif.drivers.closure import Closure, close
from sif.drivers.errors import DriverMissing, DriversTooLarge
from sif.drivers.firmware import FirmwareFile, find_firmware
from sif.drivers.hardware import disk_modules, network_modules
from sif.drivers.layers import layer_modules, recorded_modules
from sif.drivers.modinfo import (
    ModuleFacts,
    NotAModule,
    Unreadable,
    facts_from,
    facts_of,
    module_name,
    parse_modinfo_zero,
    parse_modinfos,
    remember,
)
from sif.drivers.modprobe import ModprobeRules, read_rules
from sif.drivers.placement import needed_first
from sif.drivers.stores import store_modules
from sif.drivers.tree import ModuleTree, read_tree
from sif.drivers.wanted import Wanted
from sif.media import MAX_SET_FILE_BYTES, SCHEME, sha256_hex
from sif.model import DiskRole, Driver, Need, Ref, SetFile, SystemInformation
from sif.plain import dataclass, field, replace
from sif.problems import printable
from sif.text import identifier

MAX_BYTES = 128 * 1024 * 1024
"""All files of drivers together: the rescue system keeps the set in memory, beside itself."""

_SECONDS = 60.0
_MAX_LIST_CHARS = 6000
_FOREIGN_PLACES = ("updates", "extra", "weak-updates", "dkms")
_LIST_ORDER = tuple(Need)


@dataclass(frozen=True)
class Drivers:
    """Sections, the medium's files by path, and notes for the administrator."""

    drivers: Tuple[Driver, ...] = ()
    files: Tuple[SetFile, ...] = ()
    content: Mapping[str, bytes] = field(default_factory=dict)
    notes: Tuple[str, ...] = ()


def collect_drivers(info: SystemInformation, which: Collect) -> Drivers:
    """The drivers that the machine of these records needs, for the kernel that SYSTEM names.

    Raises DriverMissing for a module that the kernel uses and whose file is not installed, DriversTooLarge.
    """
    release = info.system.kernel
    if which is Collect.NONE or not release:
        return Drivers()
    tree = read_tree(release)
    if tree is None:
        return Drivers(notes=(f"no modules of the kernel {release} are installed: no driver was collected",))
    rules = read_rules()
    closure = close(_wanted(info, which), tree, rules.soft)
    lost = [name for name in closure.missing if look.exists(f"/sys/module/{name}/initstate")]
    if lost:
        raise DriverMissing("a driver of this machine cannot be collected", where=tree.base,
                            found=f"{', '.join(sorted(lost))}: loaded, but not among the modules of {release}",
                            hint="install the module (make modules_install, dkms install) and run depmod, or leave "
                            "drivers out: --drivers none")
    return _Collector(tree, rules, closure, frozenset(device.id for device in info.devices)).collect()


def _wanted(info: SystemInformation, which: Collect) -> Tuple[Wanted, ...]:
    names = [disk.device for disk in info.disks if disk.role is DiskRole.CRITICAL and disk.device]
    found = [wanted for name in names for wanted in disk_modules(name)]
    found += [*layer_modules(names), *recorded_modules(info), *network_modules(), *store_modules(info.stores)]
    if which is Collect.ALL:
        found += [Wanted(line.split()[0], Need.OTHER, certain=True)
                  for line in look.text_or("/proc/modules").splitlines() if line.strip()]
    return tuple(dict.fromkeys(found))


class _Collector:
    """Turns a closure into sections and files, and counts the bytes."""

    def __init__(self, tree: ModuleTree, rules: ModprobeRules, closure: Closure, devices: FrozenSet[str]) -> None:
        self.tree = tree
        self.rules = rules
        self.closure = closure
        self.devices = devices
        self.content: Dict[str, bytes] = {}
        self.firmware: Dict[str, SetFile] = {}
        self.notes: List[str] = []
        self.bytes = 0
        self.told: Mapping[str, ModuleFacts] = {}

    def collect(self) -> Drivers:
        self._ask_modinfo([posixpath.join(self.tree.base, self.tree.files[name]) for name in self.closure.order
                           if name in self.tree.files])
        drivers = [self._driver(name) for name in self.closure.order]
        blocked = [name for name in self.closure.order if name in self.rules.blacklist and name in self.tree.files]
        replaced = [name for name in self.closure.order if name in self.rules.replaced]
        for names, what in ((blocked, "blacklisted in modprobe.d, but used"),
                            (replaced, "loaded by a command of its own in modprobe.d, which a restore does not run")):
            if names:
                self.notes.append(f"drivers {what}: {', '.join(names)}")
        foreign = [driver.module for driver in drivers if driver.out_of_tree]
        if foreign:
            self.notes.append(f"drivers that do not come with the kernel: {', '.join(foreign)}; they work in a rescue "
                              f"system with the kernel {self.tree.release} only")
        self.notes.append(f"{len(drivers)} drivers and {len(self.firmware)} firmware files of the kernel "
                          f"{self.tree.release}: {self.bytes / 1048576:.1f} MiB")
        return Drivers(tuple(drivers), tuple(self.firmware.values()), self.content, tuple(self.notes))

    def _ask_modinfo(self, installed: Sequence[str]) -> None:
        """Have kmod unpack all packed modules at once; what it says nothing of is read here, one by one."""
        places = {str(look.place(path)): path for path in installed if not path.endswith(".ko")}
        if not places or not look.have("modinfo"):
            return
        said = look.run(["modinfo", "-0", *places], timeout=_SECONDS, check=False).stdout
        self.told = {places[place]: facts_from(pairs, module_name(place))
                     for place, pairs in parse_modinfos(said).items() if place in places}

    def _driver(self, name: str) -> Driver:
        needs = tuple(need for need in _LIST_ORDER if need in self.closure.needs[name])
        driver = Driver(
            id=identifier(name), module=name, kernel=self.tree.release, needs=needs,
            depends=tuple(Ref(identifier(module)) for module in self.closure.before[name]),
            parameters=self.rules.options.get(name),
            devices=tuple(Ref(ident) for ident in self.closure.devices.get(name, ()) if ident in self.devices))
        if name not in self.tree.files:
            facts = facts_from(self.tree.builtin.get(name, ()), name)
            return replace(driver, version=facts.version, firmware=self._firmware(name, facts, needs))
        installed = posixpath.join(self.tree.base, self.tree.files[name])
        data = self._read(installed, f"the module {name}")
        facts = self._facts(name, installed, data)
        path = f"drivers/{self.tree.release}/{name}{_ending(installed)}"
        self._add(path, data)
        foreign = not facts.in_tree or any(part in _FOREIGN_PLACES for part in self.tree.files[name].split("/"))
        return replace(
            driver, path=SCHEME + path, sha256=sha256_hex(data), out_of_tree=foreign,
            version=printable(facts.version) if facts.version else None,
            source_version=facts.source_version if facts.source_version and facts.source_version.isalnum() else None,
            firmware=self._firmware(name, facts, needs))

    def _facts(self, name: str, installed: str, data: bytes) -> ModuleFacts:
        if installed in self.told:
            remember(data, installed, self.told[installed])
        try:
            return facts_of(data, installed)
        except Unreadable:
            place = str(look.place(installed))
            text = look.ask("modinfo", (installed,), lambda: look.run(
                ["modinfo", "-0", place], timeout=_SECONDS).stdout)
            return facts_from(parse_modinfo_zero(text), name)
        except NotAModule as error:
            raise DriverMissing("a driver of this machine cannot be read", where=installed, found=str(error),
                                hint="install the kernel's package again, or leave drivers out: --drivers none"
                                ) from error

    def _firmware(self, name: str, facts: ModuleFacts, needs: Tuple[Need, ...]) -> Tuple[Ref, ...]:
        """The ids of its firmware; a list that is too long for a line is left out where nothing waits for it."""
        found = [file for asked in facts.firmware for file in find_firmware(asked, self.tree.release)]
        if not needed_first(needs) and sum(len(file.name) + 5 for file in found) > _MAX_LIST_CHARS:
            self.notes.append(f"the {len(found)} firmware files of {name} were left out: nothing waits for them")
            return ()
        return tuple(dict.fromkeys(Ref(self._file(file, needs).id) for file in found))

    def _file(self, file: FirmwareFile, needs: Tuple[Need, ...]) -> SetFile:
        known = self.firmware.get(file.name)
        if known is None:
            data = self._read(file.path, f"the firmware {file.name}")
            path = "files/firmware/" + re.sub(r"[^A-Za-z0-9/_.,+-]", "_", file.name)
            while path in self.content:
                path += "_"
            self._add(path, data)
            known = SetFile(id=self._file_id(file.name), path=SCHEME + path, sha256=sha256_hex(data),
                            target=f"/lib/firmware/{file.name}")
        merged = tuple(need for need in _LIST_ORDER if need in {*known.needs, *needs})
        self.firmware[file.name] = replace(known, needs=merged)
        return self.firmware[file.name]

    def _file_id(self, name: str) -> str:
        ident = identifier("fw_" + name.replace("/", "-"))[:120]
        taken = {file.id.lower() for file in self.firmware.values()}
        number, found = 1, ident
        while found.lower() in taken:
            number += 1
            found = f"{ident}.{number}"
        return found

    def _read(self, path: str, what: str) -> bytes:
        try:
            data = look.data(path, MAX_SET_FILE_BYTES + 1)
        except OSError as error:
            raise DriverMissing(f"{what} cannot be read", where=path, found=str(error),
                                hint="install its package again, or leave drivers out: --drivers none") from error
        if len(data) > MAX_SET_FILE_BYTES:
            raise DriversTooLarge(f"{what} is too large for a set", where=path,
                                  wanted=f"at most {MAX_SET_FILE_BYTES} bytes",
                                  hint="leave drivers out: --drivers none")
        return data

    def _add(self, path: str, data: bytes) -> None:
        self.content[path] = data
        self.bytes += len(data)
        if self.bytes > MAX_BYTES:
            raise DriversTooLarge("the drivers are too large for a set", where=path,
                                  found=f"more than {MAX_BYTES // 1048576} MiB",
                                  hint="collect fewer (--drivers needed), or none (--drivers none)")


def _ending(path: str) -> str:
    name: str = posixpath.basename(path)
    return name[name.index(".ko"):]


def with_drivers(info: SystemInformation, found: Drivers) -> SystemInformation:
    """The records with the drivers in them, beside what providers brought."""
    ids = {driver.id.lower() for driver in info.drivers}
    return replace(info, drivers=(*info.drivers, *(d for d in found.drivers if d.id.lower() not in ids)),
                   files=(*info.files, *found.files))


"""What the administrator says about modules: options, blacklists, further dependencies. Source: modprobe.d(5)."""

from __future__ import annotations

import posixpath
import shlex
from typing import Dict, FrozenSet, List, Mapping, Sequence, Tuple

from sif import look
from sif.drivers.tree import parse_softdep
from sif.plain import dataclass, field

DIRECTORIES = ("/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
               "/lib/modprobe.d")
"""In the order of precedence: a file hides those of its name in later directories."""


@dataclass(frozen=True)
class ModprobeRules:
    """``options`` by module, as written; ``replaced`` are modules with an ``install`` command of their own."""

    options: Mapping[str, str] = field(default_factory=dict)
    blacklist: FrozenSet[str] = frozenset()
    replaced: FrozenSet[str] = frozenset()
    soft: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)


def read_rules() -> ModprobeRules:
    """The rules of the captured machine, and the module options on its kernel's command line."""
    found: Dict[str, str] = {}
    for directory in DIRECTORIES:
        for name in look.entries(directory):
            if name.endswith(".conf"):
                found.setdefault(name, look.text_or(posixpath.join(directory, name)))
    return parse_rules([found[name] for name in sorted(found)], look.text_or("/proc/cmdline"))


def parse_rules(texts: Sequence[str], command_line: str = "") -> ModprobeRules:
    """The rules in files of modprobe.d, in their order, then those on the kernel's command line."""
    options: Dict[str, List[str]] = {}
    blacklist, replaced, soft = set(), set(), []
    for text in texts:
        for line in text.replace("\\\n", " ").splitlines():
            words = line.split(None, 2)
            if len(words) < 2 or words[0].startswith("#"):
                continue
            name = words[1].replace("-", "_")
            if words[0] == "options" and len(words) == 3:
                options.setdefault(name, []).append(words[2].strip())
            elif words[0] == "blacklist":
                blacklist.add(name)
            elif words[0] == "install":
                replaced.add(name)
            elif words[0] == "softdep":
                soft.append(line)
    for word in _words(command_line):
        name, equals, value = word.partition("=")
        module, dot, parameter = name.partition(".")
        module = module.replace("-", "_")
        if name in ("modprobe.blacklist", "module_blacklist"):
            blacklist.update(entry.replace("-", "_") for entry in value.split(",") if entry)
        elif dot and parameter and module.isidentifier():
            options.setdefault(module, []).append(parameter + equals + value)
    return ModprobeRules({name: " ".join(dict.fromkeys(words)) for name, words in options.items()},
                         frozenset(blacklist), frozenset(replaced), parse_softdep("\n".join(soft)))


def _words(command_line: str) -> List[str]:
    try:
        return shlex.split(command_line)
    except ValueError:  # a quote without an end: the kernel takes it as it is
        return command_line.split()

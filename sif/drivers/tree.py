"""The modules of one kernel: files, dependencies, aliases, what is built in. Read from ``/lib/modules/RELEASE``.

Source: depmod(8), modules.dep(5), modprobe.d(5); the text files are used, because the ``.bin`` ones are kmod's own.
"""

from __future__ import annotations

import fnmatch
from typing import Dict, List, Mapping, Optional, Tuple

from sif import look
from sif.drivers.depmod import Aliases, Dep
from sif.drivers.modinfo import module_name
from sif.plain import dataclass, field


@dataclass(frozen=True)
class ModuleTree:
    """What ``depmod`` wrote down for one kernel. Names are the kernel's, with underscores.

    ``files`` maps a module to its file, relative to ``base``; ``depends`` to the modules that must be there before,
    nearest first; ``soft`` to what should be there too, as names or aliases.
    """

    release: str
    base: str
    files: Mapping[str, str] = field(default_factory=dict)
    depends: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    soft: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Aliases)
    builtin: Mapping[str, Tuple[Tuple[str, str], ...]] = field(default_factory=dict)

    def resolve(self, name: str) -> Tuple[str, ...]:
        """The modules that a name or an alias means, loadable and built in; none if nothing goes by it."""
        plain = name.replace("-", "_")
        if plain in self.files or plain in self.builtin:
            return (plain,)
        return self.aliases.exact(plain) or tuple(dict.fromkeys(
            module for pattern, module in self.aliases.patterns() if fnmatch.fnmatchcase(plain, pattern)))


def read_tree(release: str, base: Optional[str] = None) -> Optional[ModuleTree]:
    """The modules of the kernel ``release`` on the captured machine; None if none are installed."""
    for where in (base,) if base else (f"/lib/modules/{release}", f"/usr/lib/modules/{release}"):
        text = look.text_or(f"{where}/modules.dep")
        if text:
            dep = Dep(text)
            builtin = parse_builtin(look.text_or(f"{where}/modules.builtin"))
            more, built_aliases = parse_builtin_modinfo(look.text_or(f"{where}/modules.builtin.modinfo"))
            aliases = Aliases(look.text_or(f"{where}/modules.alias") + built_aliases)
            soft = parse_softdep(look.text_or(f"{where}/modules.softdep") + look.text_or(f"{where}/modules.weakdep"))
            return ModuleTree(release, where, dep.files, dep.depends, soft, aliases, {**builtin, **more})
    return None


def parse_softdep(text: str) -> Mapping[str, Tuple[str, ...]]:
    """``modules.softdep`` and ``modules.weakdep``: what is loaded before, or asked for later, by name or alias.

    A word outside ``pre:`` and ``post:`` counts too: modules state so what they request when they need it.
    """
    found: Dict[str, List[str]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or words[0] not in ("softdep", "weakdep"):
            continue
        kind = "pre:"
        for word in words[2:]:
            if word in ("pre:", "post:"):
                kind = word
            elif kind == "pre:":
                found.setdefault(words[1].replace("-", "_"), []).append(word)
    return {name: tuple(dict.fromkeys(words)) for name, words in found.items()}


def parse_builtin(text: str) -> Mapping[str, Tuple[Tuple[str, str], ...]]:
    """``modules.builtin``: the modules that are part of the kernel's own file."""
    return {module_name(line): () for line in text.splitlines() if line.strip()}


def parse_builtin_modinfo(text: str) -> Tuple[Mapping[str, Tuple[Tuple[str, str], ...]], str]:
    """``modules.builtin.modinfo``: module → its statements, and the aliases as ``modules.alias`` has them."""
    found: Dict[str, List[Tuple[str, str]]] = {}
    aliases = []
    for piece in text.split("\0"):
        module, dot, rest = piece.partition(".")
        name, equals, value = rest.partition("=")
        if not dot or not equals:
            continue
        found.setdefault(module.replace("-", "_"), []).append((name, value))
        if name == "alias":
            aliases.append(f"alias {value} {module}\n")
    return {module: tuple(pairs) for module, pairs in found.items()}, "".join(aliases)

"""The two long files of ``depmod``, in which a module or an alias is looked up when somebody asks for it.

``modules.dep`` has thousands of lines and ``modules.alias`` tens of thousands, of which a capture needs a few dozen. To
take them apart took as long as all else that a capture does about drivers, and most of its memory.

Source: modules.dep(5), modprobe(8): ``-`` and ``_`` are the same in names of modules and in aliases.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, Mapping, Optional, Tuple, TypeVar

from sif.drivers.modinfo import module_name

T = TypeVar("T")
_WILD = "*?["


class _ByModule(Mapping[str, T]):
    """One column of ``modules.dep``."""

    def __init__(self, dep: "Dep", column: Callable[[str, str], T]) -> None:
        self._dep, self._column = dep, column

    def __getitem__(self, name: str) -> T:
        found = self._dep.line(name)
        if found is None:
            raise KeyError(name)
        return self._column(*found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._dep.names())

    def __len__(self) -> int:
        return len(self._dep.names())


class Dep:
    """``modules.dep``: ``kernel/fs/xfs/xfs.ko.xz: kernel/lib/libcrc32c.ko.xz``, a line a module.

    ``files`` maps a module to its file, ``depends`` to the modules before it, nearest first.
    """

    def __init__(self, text: str) -> None:
        self._text, self._plain = text, text.replace("-", "_")
        self._lines: Dict[str, Optional[Tuple[str, str]]] = {}
        self.files: Mapping[str, str] = _ByModule(self, lambda path, _: path)
        self.depends: Mapping[str, Tuple[str, ...]] = _ByModule(
            self, lambda _, rest: tuple(map(module_name, rest.split())))

    def line(self, name: str) -> Optional[Tuple[str, str]]:
        """(file, what it depends on) as written; None if there is no such module."""
        if name not in self._lines:
            self._lines[name] = self._looked_up(name)
        return self._lines[name]

    def _looked_up(self, name: str) -> Optional[Tuple[str, str]]:
        word, at = f"{name}.ko", -1
        while name and "/" not in name:
            at = self._plain.find(word, at + 1)
            if at < 0:
                break
            # Its own line, not one that depends on it: the colon follows at once, behind how the file is packed.
            packed, colon, _ = self._text[at + len(word):at + len(word) + 8].partition(":")
            if colon and (packed == "" or packed[0] == "." and packed[1:].isalnum()) and self._begins(at):
                start, end = self._text.rfind("\n", 0, at) + 1, self._text.find("\n", at)
                path, _, rest = self._text[start:end if end >= 0 else None].partition(":")
                return path.strip(), rest
        return None

    def _begins(self, at: int) -> bool:
        return at == 0 or self._text[at - 1] in "/\n"

    def names(self) -> Tuple[str, ...]:
        """Every module of the file."""
        paths = (line.partition(":") for line in self._text.splitlines())
        return tuple(dict.fromkeys(module_name(path) for path, colon, _ in paths if colon))


class Aliases:
    """``modules.alias``: ``alias fs-xfs xfs``, a line an alias. Those of hardware are the kernel's own business."""

    def __init__(self, text: str = "") -> None:
        self._text = text.replace("-", "_")
        self._patterns: Optional[Tuple[Tuple[str, str], ...]] = None

    def exact(self, alias: str) -> Tuple[str, ...]:
        """The modules that an alias without wildcards means."""
        if any(sign in alias for sign in _WILD):
            return ()
        word, at = f"alias {alias.replace('-', '_')} ", -1
        found: Dict[str, None] = {}
        while True:
            at = self._text.find(word, at + 1)
            if at < 0:
                return tuple(found)
            end = self._text.find("\n", at)
            module = self._text[at + len(word):end if end >= 0 else None].strip()
            if (at == 0 or self._text[at - 1] == "\n") and module and " " not in module:
                found[module] = None

    def patterns(self) -> Tuple[Tuple[str, str], ...]:
        """(pattern, module) for aliases with wildcards that are not of hardware: those have a colon."""
        if self._patterns is None:
            lines = [line.split() for line in self._text.splitlines() if ":" not in line]
            self._patterns = tuple((words[1], words[2]) for words in lines if len(words) == 3 and words[0] == "alias"
                                   and any(sign in words[1] for sign in _WILD))
        return self._patterns

"""What ``${...}`` stands for in this restore."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Mapping, Tuple, Union

from rescue.stores import ReadyStore
from sif.errors import Exit, LifeboatError
from sif.model import Btrfs, Command, FileSystem, Subvolume, SystemInformation
from sif.substitution import BadPlaceholder, Placeholder, substitute


class NoValue(LifeboatError):
    """A ``${...}`` that has no value in this restore, or is not on the list."""

    code = Exit.SIF_INVALID


@dataclass(frozen=True)
class Values:
    """The value of every placeholder, by its text without ``${}``, for example ``store:s3``."""

    by_name: Mapping[str, str]

    def with_more(self, more: Mapping[str, str]) -> "Values":
        """The values, and ``more`` of them."""
        return Values({**self.by_name, **more})

    def fill(self, argument: str, where: str = "") -> str:
        """Replace the placeholders of one argument, once; values are never scanned again. Raises NoValue."""
        def value(placeholder: Placeholder) -> str:
            name = str(placeholder)[2:-1]
            if name not in self.by_name:
                raise NoValue("there is no value for this", where=where or None, found=str(placeholder),
                              wanted=", ".join("${" + known + "}" for known in sorted(self.by_name)))
            return self.by_name[name]
        try:
            return substitute(argument, value)
        except BadPlaceholder as error:
            raise NoValue("this is not on the list of substitutions", where=where or None,
                          found=str(error)) from error

    def fill_all(self, command: Command) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
        """A command's argv and env with everything replaced."""
        where = f"COMMAND {command.id}"
        return (tuple(self.fill(word, where) for word in command.argv),
                tuple(self.fill(pair, where) for pair in command.env))


def values_of(saved: SystemInformation, stores: Iterable[ReadyStore], target: Path, set_directory: Path,
              kernel: str) -> Values:
    """The values for a restore into ``target``. Paths are the rescue system's; :func:`inside` turns them around."""
    known: Dict[str, str] = {"target": str(target), "hostname": saved.system.hostname, "set": str(set_directory),
                             "kernel": kernel}
    known.update({f"store:{store.id}": store.location for store in stores})
    known.update({f"snapshot:{store.id}": store.snapshot for store in saved.stores if store.snapshot})
    mounted: Tuple[Union[FileSystem, Btrfs, Subvolume], ...] = (*saved.filesystems, *saved.btrfs, *saved.subvolumes)
    known.update({f"mount:{fs.id}": str(target / fs.mount.strip("/")) for fs in mounted if fs.mount})
    return Values(known)


def inside(values: Values, target: Path) -> Values:
    """The values as a command inside the restored system sees them: paths below the target lose its name.

    A store or the set outside the tree cannot be seen from there and has no value.
    """
    seen: Dict[str, str] = {}
    for name, value in values.by_name.items():
        if name == "target" or name.startswith("mount:"):
            below = Path(value).relative_to(target)
            seen[name] = "/" + str(below) if str(below) != "." else "/"
        elif name != "set" and not (name.startswith("store:") and value.startswith("/")):
            seen[name] = value
    return Values(seen)

"""Looking one thing up in a btrfs tree that is not mounted, a block at a time, so that a big tree costs no more."""

from __future__ import annotations

import re
from typing import Callable, Iterator, List, Optional, Tuple

ReadBlock = Callable[[int], str]
"""Block address → what ``btrfs inspect-internal dump-tree -b`` prints of it."""

FIRST_INODE = 256
"""The number of a subvolume's own directory in its tree."""

_DEEPEST = 8
"""btrfs' trees have at most that many levels."""

_NODATACOW = "NODATACOW"
_INFINITE = 1 << 64
_RANKS = {"INODE_ITEM": 1, "INODE_REF": 12}
"""btrfs' numbers of the kinds of key; every other kind that a file tree holds has a higher one."""

Key = Tuple[int, int]


def directory_path(read: ReadBlock, root: int, directory: int) -> Optional[str]:
    """The path of a directory inside its subvolume, whose tree begins at block ``root``; None if it is not found."""
    names: List[str] = []
    while directory != FIRST_INODE:
        item = next(_items(read, root, (directory, _RANKS["INODE_REF"])), None)
        found = item and re.search(r"INODE_REF ([0-9]+)\).*?name: ([^\n]*)", item, re.DOTALL)
        if not found or len(names) > 4096:
            return None
        directory = int(found.group(1))
        names.append(found.group(2))
    return "/".join(reversed(names))


def is_nocow(read: ReadBlock, root: int) -> bool:
    """Whether the subvolume's own directory has the attribute C."""
    return any(_NODATACOW in item for item in _items(read, root, (FIRST_INODE, _RANKS["INODE_ITEM"])))


def _items(read: ReadBlock, block: int, wanted: Key, depth: int = 0) -> Iterator[str]:
    """The leaf items with that inode number and kind of key, from the tree below a block."""
    text = read(block)
    children = [(_key(match), int(match.group(3))) for match in re.finditer(
        r"^\s*key \((\S+) (\S+) [^)]*\) block ([0-9]+)", text, re.MULTILINE)]
    if children and depth < _DEEPEST:
        for (first, below), (after, _) in zip(children, [*children[1:], ((_INFINITE, 0), 0)]):
            if first <= wanted <= after:
                yield from _items(read, below, wanted, depth + 1)
        return
    for item in re.split(r"^\titem [0-9]+ key ", text, flags=re.MULTILINE)[1:]:
        key = re.match(r"\((\S+) (\S+) ", item)
        if key and _key(key) == wanted:
            yield item


def _key(match: "re.Match[str]") -> Key:
    number, kind = match.group(1), match.group(2)
    return int(number) if number.isdigit() else _INFINITE, _RANKS.get(kind, 99)

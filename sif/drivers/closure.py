"""From what is wanted to everything that must be loaded, in an order that works. Pure."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Mapping, Set, Tuple

from sif.drivers.tree import ModuleTree
from sif.drivers.wanted import Wanted
from sif.model import Need
from sif.plain import dataclass, field


@dataclass(frozen=True)
class Closure:
    """``order`` holds every module, each after what it depends on; ``missing`` what the kernel named and is nowhere.

    ``before`` are the loadable modules that each one needs loaded first, ``devices`` the ids of those bound to it.
    """

    order: Tuple[str, ...] = ()
    needs: Mapping[str, FrozenSet[Need]] = field(default_factory=dict)
    before: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    devices: Mapping[str, Tuple[str, ...]] = field(default_factory=dict)
    missing: Tuple[str, ...] = ()


def close(wanted: Iterable[Wanted], tree: ModuleTree, soft: Mapping[str, Tuple[str, ...]]) -> Closure:
    """The closure over ``tree``; ``soft`` are dependencies of modprobe.d on top of the tree's own.

    A soft dependency that would lead back to where it started is dropped: it is a wish, and an order must exist.
    """
    needs: Dict[str, Set[Need]] = {}
    devices: Dict[str, Dict[str, None]] = {}
    missing: Dict[str, None] = {}
    walk = _Walk(tree, soft)
    for want in wanted:
        modules = tree.resolve(want.name)
        if not modules and want.certain:
            missing[want.name] = None
        for module in modules:
            for each in walk.reach(module):
                needs.setdefault(each, set()).add(want.need)
            if want.device:
                devices.setdefault(module, {})[want.device] = None
    return Closure(tuple(walk.order), {name: frozenset(found) for name, found in needs.items()},
                   {name: tuple(found) for name, found in walk.before.items()},
                   {name: tuple(found) for name, found in devices.items()}, tuple(missing))


class _Walk:
    """Depth first over dependencies; every module once."""

    def __init__(self, tree: ModuleTree, soft: Mapping[str, Tuple[str, ...]]) -> None:
        self.tree = tree
        self.soft = soft
        self.order: List[str] = []
        self.before: Dict[str, List[str]] = {}
        self._open: List[str] = []

    def reach(self, module: str) -> Tuple[str, ...]:
        """The module and everything under it, which are in ``order`` afterwards."""
        self._visit(module)
        found: Dict[str, None] = {}
        todo = [module]
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = None
                todo.extend(self.before[name])
        return tuple(found)

    def _visit(self, module: str) -> None:
        if module in self.before:
            return
        self._open.append(module)
        self.before[module] = []
        hard = [name for name in reversed(self.tree.depends.get(module, ())) if name in self.tree.files]
        wishes = [name for text in (*self.tree.soft.get(module, ()), *self.soft.get(module, ()))
                  for name in self.tree.resolve(text) if name in self.tree.files and not self._leads_back(name)]
        for name in dict.fromkeys((*hard, *wishes)):
            self._visit(name)
            self.before[module].append(name)
        self._open.pop()
        self.order.append(module)

    def _leads_back(self, name: str) -> bool:
        return not {name, *self.tree.depends.get(name, ())}.isdisjoint(self._open)

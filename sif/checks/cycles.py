"""What rests on what: references lead down to the disks and never back.

A reference says that its section needs the one it names, so following references must end. The exceptions only name
something: the default subvolume of a btrfs, and the error command of a command (which is kept one step deep).
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Set, Tuple

from sif.checks.common import bad
from sif.codec import schema_of
from sif.model import Record, SystemInformation
from sif.problems import Problem

NAMES_ONLY = frozenset({("BTRFS", "default"), ("COMMAND", "on_error")})
_MAX_SHOWN = 8

Node = Tuple[str, str]
Edge = Tuple[str, Node]
"""The key that holds the reference, and what it names."""


def check_cycles(info: SystemInformation) -> Iterator[Problem]:
    """No section rests on itself, through however many others; one problem for each reference that closes a ring."""
    graph = {_node(record): _edges(info, record) for record in info.records()}
    done: Set[Node] = set()
    for start in graph:
        for ring in _rings(start, graph, done):
            (kind, ident), key = ring[-1]
            record = info.find(kind, ident)
            if record is not None:
                shown = [f"[{kind} {ident}] {key}" for (kind, ident), key in ring[-_MAX_SHOWN:]]
                more = [f"... {len(ring) - _MAX_SHOWN} more"] if len(ring) > _MAX_SHOWN else []
                yield bad(record, key, "a section that rests on itself", found=" -> ".join([*more, *shown]),
                          wanted="references that end at a disk")


def _node(record: Record) -> Node:
    return record.KIND, str(getattr(record, "id", ""))


def rests_on(record: Record) -> Iterator[Tuple[str, Tuple[str, ...], str]]:
    """The references of a section to what it needs: (key, kinds it may be of, id)."""
    for key in schema_of(type(record)).keys:
        if key.is_ref and (record.KIND, key.name) not in NAMES_ONLY:
            value = getattr(record, key.name)
            targets = value if key.many else (value,) if value is not None else ()
            for target in dict.fromkeys(targets):
                yield key.name, key.info.refs, target


def _edges(info: SystemInformation, record: Record) -> List[Edge]:
    return [(key, (kind, target)) for key, kinds, target in rests_on(record)
            for kind in kinds if info.find(kind, target) is not None]


def _rings(start: Node, graph: Dict[Node, List[Edge]], done: Set[Node]) -> Iterator[List[Tuple[Node, str]]]:
    """The rings that a walk from ``start`` closes, each as (section, key to the next one).

    Sections that were walked are ``done``; each is walked once, so that the whole graph takes one pass. No recursion:
    a hostile set is thousands of sections deep.
    """
    if start in done:
        return
    done.add(start)
    path: List[Tuple[Node, str]] = []
    depth: Dict[Node, int] = {start: 0}
    waiting: List[Tuple[Node, Iterator[Edge]]] = [(start, iter(graph[start]))]
    while waiting:
        node, edges = waiting[-1]
        edge = next(edges, None)
        if edge is None:
            waiting.pop()
            del depth[node]
            del path[-1:]
            continue
        key, target = edge
        if target in depth:
            yield [*path[depth[target]:], (node, key)]
        elif target not in done:
            done.add(target)
            path.append((node, key))
            depth[target] = len(path)
            waiting.append((target, iter(graph[target])))

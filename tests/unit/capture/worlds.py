"""A running machine made of a directory: every look at the machine goes there, nothing of the test's host is seen.

``<folder>/running`` is the running system with its own /etc, /proc, /sys, /dev; a tree that is captured with
``look.rooted`` is ``<folder>/tree``. Programs answer what the test gives them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

import pytest

from sif import look, run as programs
from sif.errors import ToolMissing
from sif.run import Result

MOUNTED = "/mnt/lost"
"""Where the tree is mounted, as the running system sees it."""

Content = Union[str, bytes]


class World:
    """Files, links and programs of a machine; ``linked`` values are where links point, as the machine sees it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.running, self.tree = folder / "running", folder / "tree"
        self.programs: Dict[Tuple[str, ...], str] = {}
        self.asked: List[Tuple[str, ...]] = []
        self.answers: Dict[str, object] = {"uname": ("x86_64", "6.1.0-running"), "hostname": "running-host",
                                           "is_root": True, "cpu_count": 3, "ram_bytes": 1 << 30}
        self.running.mkdir()
        self.tree.mkdir()
        plain = look.ask

        def ask(what, arguments, answer):  # type: ignore[no-untyped-def]
            return self.answers[what] if what in self.answers else plain(what, arguments, answer)

        monkeypatch.setattr(look, "ask", ask)
        monkeypatch.setattr(look, "_resolved", lambda path: self._resolved(path)[0])
        monkeypatch.setattr(look, "_here", lambda path: self._resolved(path)[1])
        monkeypatch.setattr(programs, "have", lambda tool: any(argv[0] == tool for argv in self.programs))
        monkeypatch.setattr(programs, "run", self._run)

    def put(self, files: Mapping[str, Content], base: Optional[Path] = None) -> None:
        for name, content in files.items():
            path = self._under(base or self.running, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)

    def link(self, links: Mapping[str, str], base: Optional[Path] = None) -> None:
        for name, target in links.items():
            path = self._under(base or self.running, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)

    @staticmethod
    def _under(base: Path, name: str) -> Path:
        return base / name.lstrip("/")

    def _run(self, argv: Sequence[str], **_: object) -> Result:
        self.asked.append(tuple(argv))
        for known, output in self.programs.items():
            if tuple(argv[:len(known)]) == known:
                return Result(tuple(argv), 0, output, "", 0.0)
        raise ToolMissing(f"cannot start {argv[0]}")

    def _resolved(self, path: str) -> Tuple[str, str]:
        """The path with links resolved below the directory that stands for the machine's root."""
        live = look.root() == "/" or path.lstrip("/").split("/", 1)[0] in ("dev", "proc", "sys", "run")
        base = self.running if live else self.tree
        done: List[str] = []
        todo = [part for part in path.split("/") if part]
        while todo:
            part = todo.pop(0)
            if part == "..":
                del done[-1:]
                continue
            here = base.joinpath(*done, part)
            if here.is_symlink():
                target = str(here.readlink())
                done = [] if target.startswith("/") else done
                todo = [piece for piece in target.split("/") if piece] + todo
                if target.startswith(("/run/", "/proc/", "/sys/", "/dev/")) and not live:
                    return self._resolved(target)
            else:
                done.append(part)
        return "/" + "/".join(done), str(base.joinpath(*done))

"""A rebuild that is broken off, and the one after it: what each has made, what the second has kept, what differs."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Sequence, Tuple

from job_comes_back import differences, plan, secrets

from rescue.plan import Action
from rescue.storage.rebuild import rebuild
from sif.model import SystemInformation

LOG = Path("/run/rebuild-events")
"""In memory: it outlives a process."""

_SUBREAPER = 36
_ORPHANS_SECONDS = 60.0
"""Formats an encrypted volume, on a slow machine."""

OnEvent = Callable[[Action, str], None]


@dataclass(frozen=True)
class Events:
    """The ids of the actions that one rebuild has finished, has kept, and was in the middle of."""

    finished: Tuple[str, ...]
    kept: Tuple[str, ...]
    begun: Tuple[str, ...]

    @property
    def done(self) -> Tuple[str, ...]:
        """What need not be done again: finished, and not a wiped disk on which a table is half written by now."""
        return tuple(name for name in self.finished if name.replace("wipe:", "table:") not in self.begun)


def in_child(saved: SystemInformation, set_dir: Path, on_event: OnEvent) -> int:
    """Rebuild in a process of its own; returns how it ended, as ``waitpid`` says it."""
    LOG.write_text("")
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)  # what outlives its parent becomes ours
    child = os.fork()
    if child:
        status = os.waitpid(child, 0)[1]
        _await_orphans()
        return status
    status = 1
    try:
        rebuild(plan(saved), saved, set_dir, reporter(on_event), secrets=secrets)
        status = 0
    except BaseException:  # noqa: BLE001 - a child must not return into its parent's code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _await_orphans() -> None:
    """Wait for programs that a killed rebuild has left: a disk that still changes is refused, and rightly."""
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while time.monotonic() < deadline and any(_orphans()):
        time.sleep(0.2)


def _orphans() -> Iterator[str]:
    """The names of our children that run; LVM's daemon, which stays, is none."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = stat.read_text("utf-8", "replace").partition("(")[2].rpartition(")")
            state, parent = rest.split()[:2]
            if int(parent) == os.getpid() and state != "Z" and name != "dmeventd":
                yield name


def reporter(on_event: OnEvent) -> Callable[[Action, str, float], None]:
    """Keeps each event, then tells ``on_event``."""
    def report(action: Action, state: str, _seconds: float) -> None:
        with LOG.open("a", encoding="utf-8") as log:
            log.write(json.dumps([action.id, state]) + "\n")
        on_event(action, state)
    return report


def events() -> Events:
    """What the last rebuild has reported."""
    lines = [json.loads(line) for line in LOG.read_text("utf-8").splitlines()]
    finished, kept, started = (tuple(name for name, state in lines if state == wanted)
                               for wanted in ("finished", "kept", "started"))
    return Events(finished, kept, tuple(name for name in started if name not in finished))


def killed_at(cut: str) -> OnEvent:
    """Ends its own process by SIGKILL: ``after:ACTION`` when that is finished, ``in:ACTION`` while its first program
    runs, which goes on without its parent (at its end, if it starts none)."""
    where, _, ident = cut.partition(":")

    def on_event(action: Action, state: str) -> None:
        if action.id != ident:
            return
        if where == "in" and state == "started":
            _kill_with_next_program()
        elif state == "finished":
            os.kill(os.getpid(), signal.SIGKILL)
    return on_event


def _kill_with_next_program() -> None:
    start = subprocess.Popen.__init__

    def started(self: "subprocess.Popen[bytes]", *args: object, **options: object) -> None:
        start(self, *args, **options)  # type: ignore[call-overload]
        os.kill(os.getpid(), signal.SIGKILL)
    subprocess.Popen.__init__ = started  # type: ignore[method-assign,assignment]


def second_run(saved: SystemInformation, set_dir: Path, done: Sequence[str]) -> List[str]:
    """Rebuild what is left; says what is wrong: a difference, something made twice, something not kept."""
    if in_child(saved, set_dir, lambda action, state: None) != 0:
        said = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
        return ["the second run failed; the kernel said:", *said.splitlines()[-40:]]
    again = events()
    wrong = [f"{action} was finished, and made again" for action in done if action in again.finished]
    wrong += [f"{action} was finished, and is not kept" for action in done if action not in again.kept]
    with suppress(subprocess.SubprocessError):
        return [*wrong, *differences(saved, plan(saved))]
    return [*wrong, "the result cannot be compared"]

"""How long a capture takes, and how long the tools take that it calls.

    python3 measure.py OPTION... runs one capture in this process and prints the commands that it ran, as JSON.

``rounds`` times ``sif.pyz capture`` as people run it, from the start of Python to its end, and in turn with it those
commands, one after the other, as a shell script that throws their output away.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

LIMIT = 1.5
"""A capture may take this many times as long as its tools."""


def rounds(count: int, options: Sequence[str]) -> "Tuple[List[Tuple[float, float]], List[List[str]]]":
    """(seconds of a capture, seconds of its tools) of that many rounds, and the tools. A first round fills caches."""
    with tempfile.TemporaryDirectory(prefix="sif-bench-") as folder:
        pyz, script = f"{folder}/sif.pyz", Path(folder, "tools.sh")
        _done([sys.executable, "-m", "sif.pack", pyz])
        said = _done([sys.executable, __file__, "--output", f"{folder}/recorded", *options])
        tools: List[List[str]] = json.loads(said.splitlines()[-1])
        for place in (Path(argv[argv.index("--file") + 1]) for argv in tools if "--file" in argv):
            place.parent.mkdir(exist_ok=True)  # LVM writes there
        script.write_text("".join(f"{shlex.join(argv)} </dev/null >/dev/null 2>&1\n" for argv in tools), "utf-8")
        found = []
        for _ in range(count + 1):
            with tempfile.TemporaryDirectory(prefix="sif-bench-") as output:
                capture = _seconds([sys.executable, pyz, "capture", "--output", output, *options])
            found.append((capture, _seconds(["/bin/sh", str(script)])))
        return found[1:], tools


def _done(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shlex.join(argv)} failed: {done.stderr}")
    return done.stdout


def _seconds(argv: Sequence[str]) -> float:
    began = time.monotonic()
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode and argv[0] == sys.executable:
        raise SystemExit(f"the capture failed: {done.stderr}")
    return took


def report(measured: Sequence[Tuple[float, float]], tools: Sequence[Sequence[str]]) -> str:
    """The rounds and their ratios, and which tools were run, for people."""
    lines = [f"capture {capture:.3f} s, {len(tools)} tools {script:.3f} s: {capture / script:.2f} x"
             for capture, script in measured]
    ratios = sorted(capture / script for capture, script in measured)
    captures, scripts = sorted(one for one, _ in measured), sorted(one for _, one in measured)
    middle = len(ratios) // 2
    kept = sum(ratio <= LIMIT for ratio in ratios)
    lines.append(f"median {ratios[middle]:.2f} x the tools, least {ratios[0]:.2f}, most {ratios[-1]:.2f} "
                 f"(wanted: at most {LIMIT}: {kept} of {len(ratios)} rounds); fastest capture against fastest tools "
                 f"{captures[0] / scripts[0]:.2f}, medians {captures[middle] / scripts[middle]:.2f}")
    names: Dict[str, int] = {}
    for argv in tools:
        name = " ".join(argv[:2]) if argv[0] == "lvm" else argv[0]
        names[name] = names.get(name, 0) + 1
    return "\n".join([*lines, "  " + ", ".join(f"{calls} x {name}" for name, calls in names.items())])


@contextlib.contextmanager
def timed(each: Dict[str, List[float]]) -> Iterator[None]:
    """Inside, every program that is run by :mod:`sif.run` is counted and timed by its name and first word."""
    from sif import small as door
    doors = ((door, "heard"), (subprocess, "run"))
    real = [getattr(owner, name) for owner, name in doors]

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(argv: Sequence[str], *rest: Any, **options: Any) -> Any:
            began = time.monotonic()
            try:
                return call(argv, *rest, **options)
            finally:
                entry = each.setdefault(" ".join(argv[:2]) if argv[0] == "lvm" else argv[0], [0, 0.0])
                entry[0] += 1
                entry[1] += time.monotonic() - began
        return run

    for (owner, name), call in zip(doors, real):
        setattr(owner, name, counted(call))
    try:
        yield
    finally:
        for (owner, name), call in zip(doors, real):
            setattr(owner, name, call)


def main(options: Sequence[str]) -> int:
    from sif.start import main as sif
    ran: List[List[str]] = []
    from sif import small as door
    real = getattr(door, "heard")  # noqa: B009 - nothing else may

    def noted(argv: Sequence[str], *rest: Any) -> Any:
        ran.append([*argv])
        return real(argv, *rest)

    setattr(door, "heard", noted)  # noqa: B010 - nothing else may
    status = sif(["capture", *options])
    print(json.dumps(ran))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

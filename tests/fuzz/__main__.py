"""Fuzz one target, or all of them one after the other.

    python -m fuzz TARGET|all --seconds 3600 [--runs N] [--keep DIR]

Coverage-guided with atheris where there is a wheel of it for this interpreter, else by blind mutation; it says which.
An input that finds something is left in ``--keep`` (default: build/fuzz), the exit code is then not 0.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Optional, Sequence

RSS_MB = 1024
"""Memory that one target may take, the fuzzer and the coverage tables with it."""
INPUT_SECONDS = 10
"""Longer than this is a hang."""
MAX_INPUT_BYTES = 65536
SHORT_SECONDS = 4
"""For one target in continuous integration."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("target", help="a target's name, or all")
    parser.add_argument("--seconds", type=int, default=60, help="for all targets together (default: %(default)s)")
    parser.add_argument("--runs", type=int, help="end each target after so many inputs")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: %(default)s)")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), metavar="DIR",
                        help="grown corpora and findings (default: %(default)s)")
    parser.add_argument("--engine", choices=("atheris", "mutation"), help="not the one that fits this interpreter")
    arguments = parser.parse_args(argv)
    engine = arguments.engine or ("atheris" if importlib.util.find_spec("atheris") else "mutation")
    if arguments.target == "all":
        return _all(arguments, engine)
    run = _atheris if engine == "atheris" else _mutation
    return run(arguments)


def _all(arguments: argparse.Namespace, engine: str) -> int:
    """Each target in a process of its own: libFuzzer ends the process it runs in."""
    from fuzz.targets import names

    worst, targets = 0, list(names())
    for target in targets:
        command = [sys.executable, "-m", "fuzz", target, "--seconds", str(max(1, arguments.seconds // len(targets))),
                   "--seed", str(arguments.seed), "--keep", str(arguments.keep), "--engine", engine]
        if arguments.runs is not None:
            command += ["--runs", str(arguments.runs)]
        print(f"[started] fuzz {target}", flush=True)
        status = subprocess.run(command, check=False).returncode
        print(f"[{'failed' if status else 'finished'}] fuzz {target}", flush=True)
        worst = worst or status
    return worst


def _atheris(arguments: argparse.Namespace) -> int:
    import atheris

    with atheris.instrument_imports(include=["sif"]):
        from fuzz.targets import TARGETS
    from fuzz.seeds import dictionary, write_seeds

    target = arguments.target
    grown, findings = arguments.keep / "corpus" / target, arguments.keep / "findings" / target
    for directory in (grown, findings):
        directory.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="sif-fuzz-seeds-"))
    write_seeds(target, scratch / "seeds")
    (scratch / "words.dict").write_text(dictionary(), encoding="ascii")
    options: List[str] = [
        f"-max_total_time={arguments.seconds}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={RSS_MB}",
        f"-max_len={MAX_INPUT_BYTES}", f"-seed={arguments.seed}", f"-dict={scratch / 'words.dict'}",
        f"-artifact_prefix={findings}/", "-print_final_stats=1", "-verbosity=1"]
    if arguments.runs is not None:
        options.append(f"-runs={arguments.runs}")
    print(f"fuzz {target}: coverage-guided, atheris", flush=True)
    atheris.Setup([f"fuzz-{target}", *options, str(grown), str(scratch / "seeds")], TARGETS[target])
    atheris.Fuzz()
    return 0


def _mutation(arguments: argparse.Namespace) -> int:
    from fuzz import mutate
    from fuzz.seeds import seeds, words
    from fuzz.targets import TARGETS

    resource.setrlimit(resource.RLIMIT_DATA, (RSS_MB << 20, RSS_MB << 20))
    print(f"fuzz {arguments.target}: blind mutation, not guided by coverage: this interpreter has no atheris",
          flush=True)
    done = mutate.run(TARGETS[arguments.target], seeds(arguments.target), [word.encode() for word in words()],
                      seconds=arguments.seconds, runs=arguments.runs, limit=INPUT_SECONDS, seed=arguments.seed,
                      findings=arguments.keep / "findings" / arguments.target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"Done {done} runs, peak_rss_mb {peak}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

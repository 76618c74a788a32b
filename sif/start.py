"""The program's first moment: what a capture asks first is asked while Python still loads the rest."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from typing import NoReturn, Optional, Sequence

from sif import look, questions

_CAPTURES = ("capture", "drift")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """As :func:`sif.cli.main`."""
    gc.set_threshold(50_000)  # a short life with few cycles: looking for them took a tenth of a capture's start
    words = sys.argv[1:] if argv is None else list(argv)
    if words and words[0] in _CAPTURES and not {"-h", "--help"} & set(words):
        look.begin(questions.of_the_machine(), questions.SECONDS)
    from sif.cli import main as run
    return run(words)


def program() -> NoReturn:
    """The program to its very end. Python is left as it is: to take it apart, object by object, serves nobody."""
    status = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # nobody reads any more
            status = status or 1
    atexit._run_exitfuncs()
    os._exit(status)


if __name__ == "__main__":
    program()

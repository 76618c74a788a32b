"""For providers written in Python: reads the request, calls the method, writes the lines of the protocol.

    def backup(config, params, report):
        report.progress(0.5, "half of it")
        return {"snapshot": "7f3a9b21", "bytes": 123}

    if __name__ == "__main__":
        sys.exit(serve({"describe": describe, "backup": backup, ...}))
"""

from __future__ import annotations

import json
import sys
import traceback
from typing import Any, BinaryIO, Callable, Dict, Mapping, Optional

from sif.errors import LifeboatError
from sif.provider.protocol import PROTOCOL

MAX_REQUEST_BYTES = 16 * 1024 * 1024


class Failed(Exception):
    """What a method raises to fail: a code of the protocol, words for people, and what to do."""

    def __init__(self, code: str, text: str, hint: Optional[str] = None) -> None:
        super().__init__(text)
        self.code, self.text, self.hint = code, text, hint


class Reporter:
    """Writes progress and log lines while a method works."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def progress(self, fraction: Optional[float], text: str = "") -> None:
        """How far it is, from 0 to 1 (None: unknown)."""
        self.write({"type": "progress", "fraction": fraction, "text": text})

    def log(self, text: str, level: str = "info") -> None:
        """A line for the log; ``level`` is info or warning."""
        self.write({"type": "log", "level": level, "text": text})

    def write(self, message: Mapping[str, Any]) -> None:
        self._out.write(json.dumps(message, ensure_ascii=False).encode("utf-8") + b"\n")
        self._out.flush()


Method = Callable[[Mapping[str, Any], Mapping[str, Any], Reporter], Mapping[str, Any]]
"""(configuration, parameters, report) → result; raises :class:`Failed`."""


def serve(methods: Mapping[str, Method], source: Optional[BinaryIO] = None, out: Optional[BinaryIO] = None) -> int:
    """Answer the one request on standard input; the exit status to end with."""
    report = Reporter(out or sys.stdout.buffer)
    try:
        request = _request((source or sys.stdin.buffer).read(MAX_REQUEST_BYTES + 1))
        method = methods.get(request["method"])
        if method is None:
            raise Failed("usage", f"there is no method {request['method']}")
        report.write({"type": "result", "result": method(request["config"], request["params"], report)})
        return 0
    except Failed as error:
        report.write({"type": "error", "code": error.code, "text": error.text, "hint": error.hint})
    except LifeboatError as error:
        report.write({"type": "error", "code": "failed", "text": str(error), "hint": error.hint})
    except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked gets an answer in the protocol
        traceback.print_exc()
        report.write({"type": "error", "code": "failed", "text": f"{type(error).__name__}: {error}", "hint": None})
    return 1


def _request(data: bytes) -> Dict[str, Any]:
    try:
        request = json.loads(data.decode("utf-8"))
    except ValueError as error:
        raise Failed("protocol", "the request is not JSON") from error
    if not isinstance(request, dict) or request.get("protocol") != PROTOCOL:
        raise Failed("protocol", f"only protocol {PROTOCOL} is spoken here")
    for key, kind in (("method", str), ("config", dict), ("params", dict)):
        if not isinstance(request.get(key), kind):
            raise Failed("protocol", f"the request has no {key}")
    return request

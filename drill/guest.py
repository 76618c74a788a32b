"""Commands and files inside a running guest, through the QEMU guest agent's socket."""

from __future__ import annotations

import base64
import json
import shlex
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple

from drill.errors import GuestError

CHUNK = 3 << 20
"""Bytes a read or write moves at once; the agent allows 48 MB, its JSON parser is quick up to a few."""
ANSWER_SECONDS = 120.0
SYNC_SECONDS = 5.0
POLL_SECONDS = 0.5
OUTPUT_LIMIT = 16 << 20
"""The agent cuts a command's output there, silently; commands that say more write to a file."""


@dataclass(frozen=True)
class Output:
    """What a command in the guest left."""

    argv: Tuple[str, ...]
    status: int
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")


class Guest:
    """The client of one guest agent. ``on_life`` is called whenever the agent answers."""

    def __init__(self, path: Path, *, on_life: Callable[[], None] = lambda: None,
                 check: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._on_life = on_life
        self._check = check
        self._socket: Optional[socket.socket] = None
        self._buffer = b""
        self._next_sync = int(time.time()) & 0xFFFFFF

    def wait(self, timeout: float) -> float:
        """Wait until the agent answers; the seconds it took. ``check`` may raise in between.

        Raises :class:`GuestError` after ``timeout`` seconds.
        """
        began = time.monotonic()
        while True:
            try:
                self._synchronize()
                return time.monotonic() - began
            except (OSError, GuestError) as error:
                self.close()
                self._check()
                if time.monotonic() - began > timeout:
                    raise GuestError("the guest agent does not answer", where=str(self._path),
                                     found=f"nothing for {timeout:.0f} s ({error})",
                                     hint="the serial log shows how far the guest came") from error

    def _synchronize(self) -> None:
        """Connect if need be and throw away what an earlier client left in the channel."""
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.connect(str(self._path))
        self._next_sync += 1
        request = json.dumps({"execute": "guest-sync-delimited", "arguments": {"id": self._next_sync}})
        self._socket.sendall(b"\xff" + request.encode() + b"\n")
        deadline = time.monotonic() + SYNC_SECONDS
        while True:
            line = self._line(deadline)
            if b"\xff" in line:
                line = line.rsplit(b"\xff", 1)[1]
            try:
                if json.loads(line).get("return") == self._next_sync:
                    self._on_life()
                    return
            except ValueError:
                continue

    def _line(self, deadline: float) -> bytes:
        assert self._socket is not None
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0:
                raise GuestError("the guest agent does not answer", where=str(self._path))
            self._socket.settimeout(left)
            try:
                chunk = self._socket.recv(1 << 20)
            except socket.timeout:
                continue
            if not chunk:
                raise GuestError("the guest agent's channel closed", where=str(self._path))
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def call(self, command: str, arguments: Optional[Mapping[str, Any]] = None,
             timeout: float = ANSWER_SECONDS) -> Any:
        """One command of the guest agent and its return value. Raises :class:`GuestError`."""
        if self._socket is None:
            self.wait(timeout)
        assert self._socket is not None
        self._socket.settimeout(timeout)
        try:
            self._socket.sendall(json.dumps({"execute": command, "arguments": dict(arguments or {})}).encode() + b"\n")
            answer = json.loads(self._line(time.monotonic() + timeout))
        except (OSError, ValueError) as error:
            raise GuestError(f"{command} was not answered", where=str(self._path), found=str(error)) from error
        if "error" in answer:
            raise GuestError(f"the guest agent refused {command}", where=str(self._path),
                             found=str(answer["error"].get("desc")))
        self._on_life()
        return answer.get("return")

    def run(self, argv: Sequence[str], *, timeout: float, check: bool = True, input: Optional[bytes] = None) -> Output:
        """Run a program in the guest to its end; ``timeout`` in seconds.

        Raises :class:`GuestError` for an exit status other than 0 (unless ``check`` is false), and when the
        time is over.
        """
        began = time.monotonic()
        arguments: dict[str, Any] = {"path": argv[0], "arg": list(argv[1:]), "capture-output": True,
                                     "env": ["LC_ALL=C.UTF-8", "HOME=/root",
                                             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
        if input is not None:
            arguments["input-data"] = base64.b64encode(input).decode()
        pid = self.call("guest-exec", arguments)["pid"]
        while True:
            state = self.call("guest-exec-status", {"pid": pid})
            if state["exited"]:
                break
            self._check()
            if time.monotonic() - began > timeout:
                raise GuestError("a command in the guest did not finish", where=shlex.join(argv),
                                 found=f"still running after {timeout:.0f} s")
            time.sleep(POLL_SECONDS)  # the agent has no way to wait for a process
        output = Output(tuple(argv), int(state.get("exitcode", 128 + int(state.get("signal", 0)))),
                        base64.b64decode(state.get("out-data", "")), base64.b64decode(state.get("err-data", "")),
                        time.monotonic() - began)
        if check and output.status != 0:
            said = (output.stderr or output.stdout).decode("utf-8", "replace").strip()
            raise GuestError("a command in the guest failed", where=shlex.join(argv),
                             found=f"exit status {output.status}: {said[-2000:]}")
        return output

    def write(self, path: str, content: bytes) -> None:
        """Make or replace a file in the guest."""
        handle = self.call("guest-file-open", {"path": path, "mode": "wb"})
        try:
            for start in range(0, len(content), CHUNK):
                chunk = content[start:start + CHUNK]
                self.call("guest-file-write", {"handle": handle, "buf-b64": base64.b64encode(chunk).decode()})
        finally:
            self.call("guest-file-close", {"handle": handle})

    def read(self, path: str) -> bytes:
        """The content of a file in the guest."""
        handle = self.call("guest-file-open", {"path": path, "mode": "rb"})
        found = b""
        try:
            while True:
                part = self.call("guest-file-read", {"handle": handle, "count": CHUNK})
                found += base64.b64decode(part["buf-b64"])
                if part["eof"] or not part["count"]:
                    return found
        finally:
            self.call("guest-file-close", {"handle": handle})

    def power_off(self) -> None:
        """Ask the guest to shut down; returns at once. The agent does not answer this command when it works."""
        if self._socket is None:
            self.wait(ANSWER_SECONDS)
        assert self._socket is not None
        self._socket.sendall(b'{"execute": "guest-shutdown", "arguments": {"mode": "powerdown"}}\n')

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._buffer = b""

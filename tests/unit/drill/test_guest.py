"""The guest agent's client against an agent that answers as the real one does."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drill.errors import GuestError
from drill.guest import Guest


class Agent(threading.Thread):
    """Answers on a socket: sync with an 0xff byte before it, files in memory, commands by a table."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.files: dict[str, bytes] = {}
        self.commands: dict[str, dict[str, Any]] = {}
        self.started: list[dict[str, Any]] = []
        self._open: dict[int, tuple[str, int]] = {}
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()

    def run(self) -> None:
        while True:
            connection, _ = self._server.accept()
            connection.sendall(b'{"return": {}}\n')  # left over from an earlier client
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    request = json.loads(line.lstrip(b"\xff"))
                    name, given = request["execute"], request.get("arguments", {})
                    mark = b"\xff" if name == "guest-sync-delimited" else b""
                    try:
                        answer = {"return": getattr(self, name.replace("-", "_"))(given)}
                    except (AttributeError, KeyError) as error:
                        answer = {"error": {"class": "GenericError", "desc": str(error)}}
                    connection.sendall(mark + json.dumps(answer).encode() + b"\n")

    def guest_sync_delimited(self, given: dict[str, Any]) -> int:
        return int(given["id"])

    def guest_file_open(self, given: dict[str, Any]) -> int:
        if given["mode"] == "wb":
            self.files[given["path"]] = b""
        elif given["path"] not in self.files:
            raise KeyError("No such file or directory")
        self._open[len(self._open) + 1] = (given["path"], 0)
        return len(self._open)

    def guest_file_write(self, given: dict[str, Any]) -> dict[str, Any]:
        self.files[self._open[given["handle"]][0]] += base64.b64decode(given["buf-b64"])
        return {}

    def guest_file_read(self, given: dict[str, Any]) -> dict[str, Any]:
        path, at = self._open[given["handle"]]
        part = self.files[path][at:at + min(given["count"], 1000)]
        self._open[given["handle"]] = (path, at + len(part))
        return {"count": len(part), "buf-b64": base64.b64encode(part).decode(),
                "eof": at + len(part) >= len(self.files[path])}

    def guest_file_close(self, given: dict[str, Any]) -> dict[str, Any]:
        return {}

    def guest_exec(self, given: dict[str, Any]) -> dict[str, Any]:
        self.started.append(given)
        return {"pid": len(self.started)}

    def guest_exec_status(self, given: dict[str, Any]) -> dict[str, Any]:
        return self.commands[self.started[given["pid"] - 1]["path"]]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[Agent, Guest]]:
    server = Agent(tmp_path / "a")
    server.start()
    guest = Guest(tmp_path / "a")
    yield server, guest
    guest.close()


def test_files_come_and_go_whole(agent: tuple[Agent, Guest]) -> None:
    server, guest = agent
    content = bytes(range(256)) * 40
    guest.write("/x", content)
    assert server.files["/x"] == content
    assert guest.read("/x") == content


def test_a_command_returns_its_output(agent: tuple[Agent, Guest]) -> None:
    server, guest = agent
    server.commands["ls"] = {"exited": True, "exitcode": 0, "out-data": base64.b64encode(b"a\n").decode()}
    output = guest.run(("ls", "-l"), timeout=5)
    assert (output.text, output.status) == ("a\n", 0)
    assert server.started[0]["arg"] == ["-l"]


def test_a_failed_command_says_what_it_said(agent: tuple[Agent, Guest]) -> None:
    server, guest = agent
    server.commands["ls"] = {"exited": True, "exitcode": 2, "err-data": base64.b64encode(b"no such").decode()}
    with pytest.raises(GuestError) as failure:
        guest.run(("ls", "a b"), timeout=5)
    assert failure.value.where == "ls 'a b'" and "exit status 2: no such" in str(failure.value)
    assert guest.run(("ls",), timeout=5, check=False).status == 2


def test_a_killed_command_has_the_shells_status(agent: tuple[Agent, Guest]) -> None:
    server, guest = agent
    server.commands["x"] = {"exited": True, "signal": 9}
    assert guest.run(("x",), timeout=5, check=False).status == 137


def test_a_refusal_of_the_agent_is_an_error(agent: tuple[Agent, Guest]) -> None:
    with pytest.raises(GuestError, match="refused guest-file-open"):
        agent[1].read("/nothing")


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match="does not answer"):
        Guest(tmp_path / "none").wait(0.0)

"""The drill's second server: its mounts, its packages, and who types its passphrase."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from drill.cli import parser
from drill.server import facts
from drill.server.facts import Server
from drill.typist import PROMPT, prompts
from sif.model import Firmware

GUEST = Path(facts.__file__).parent


def test_a_prompt_is_answered_once_however_its_bytes_arrive() -> None:
    said = b"noise\r\n" + PROMPT + b" cryptroot: "
    for cut in range(len(said)):
        seen, first = prompts(said[:cut])
        seen, second = prompts(seen + said[cut:])
        assert (first + second, PROMPT in seen) == (1, False)
    assert prompts(said * 2)[1] == 2


@pytest.mark.parametrize(("server", "firmware", "more"), [
    (Server.PLAIN, Firmware.BIOS, []), (Server.PLAIN, Firmware.UEFI, ["/boot/efi"]),
    (Server.ROOMY, Firmware.UEFI, ["/boot/efi"]),
    (Server.LAYERS, Firmware.BIOS, ["/var/backups"]),
    (Server.LAYERS, Firmware.UEFI, ["/boot/efi", "/boot/efi2", "/var/backups"])])
def test_what_is_mounted_is_backed_up_and_compared(server: Server, firmware: Firmware, more: "list[str]") -> None:
    assert sorted(facts.mount_points(server, firmware)) == sorted(["/", "/boot", "/srv", *more])


def test_the_plain_server_stays_what_it_was() -> None:
    assert facts.packages(Server.PLAIN) == facts.PACKAGES
    assert {"mdadm", "cryptsetup-initramfs", "btrfs-progs"} <= set(facts.packages(Server.LAYERS))
    options = ("--iso", "x", "--evidence", "y")
    assert parser().parse_args(("run-all", *options)).server is Server.PLAIN
    assert parser().parse_args(("run", "--firmware", "bios", "--server", "layers", *options)).server is Server.LAYERS


def test_all_installers_know_the_same_steps() -> None:
    """The scripts run in a guest; here only their tables can be read."""
    steps = []
    for name in ("install.py", "install_layers.py", "install_roomy.py"):
        tree = ast.parse((GUEST / name).read_text("utf-8"))
        (table,) = [node.value for node in tree.body if isinstance(node, ast.AnnAssign)
                    and isinstance(node.target, ast.Name) and node.target.id == "STEPS"]
        assert isinstance(table, ast.Dict)
        steps.append({key.value for key in table.keys if isinstance(key, ast.Constant)})
    assert steps[0] == steps[1] == steps[2]

"""The boot menu: what it starts, what it never does, and when it hands over."""

from __future__ import annotations

import re
from typing import Any

import pytest

from builder_lib import medium
from builder_lib.config import Boot, Config, Recovery
from builder_lib.errors import BuildFailed
from builder_lib.options import BuildOptions


def grub_config(append: str = "", **boot: Any) -> str:
    """The menu with those extra arguments."""
    return medium.grub_config(BuildOptions(config=Config(boot=Boot(append=append, **boot))), memtest=True)


def entries(config: str) -> "dict[str, str]":
    """The menu entries by id."""
    return {m[1]: m[2] for m in re.finditer(r"menuentry .*? --id (\S+) \{\n(.*?)\n *\}\n", config, re.DOTALL)}


def test_the_recovery_copies_the_image_to_memory_and_gets_the_extra_arguments() -> None:
    config = grub_config("rescue.sif=LABEL=SIF")
    recovery = entries(config)["recovery"]
    assert "rd.live.ram=1" in recovery and "$user_args" in recovery
    assert 'set user_args="rescue.sif=LABEL=SIF"' in config
    assert "root=live:CDLABEL=LIFEBOAT" in config


def test_the_shell_entry_does_not_get_the_arguments_that_would_start_a_recovery() -> None:
    shell = entries(grub_config("rescue.auto"))["shell"]
    assert "$user_args" not in shell and "lifeboat-shell.target" in shell


@pytest.mark.parametrize("argument", ["rd.auto=0", "rd.md=0", "rd.luks=0", "systemd.gpt_auto=0", "noresume"])
def test_nothing_on_the_disks_is_activated(argument: str) -> None:
    live = next(line for line in grub_config("").splitlines() if line.startswith("set live_args="))
    words = live.rstrip('"').split()
    assert argument in words
    assert not [word for word in words if word.startswith("rd.lvm")]


@pytest.mark.parametrize(("append", "timeout"), [("", "5"), ("rescue.auto", "1"), ("quiet rescue.auto x=y", "1"),
                                                 ("rescue.automatic", "5")])
def test_only_an_unattended_recovery_shortens_the_wait(append: str, timeout: str) -> None:
    first = next(line for line in grub_config(append).splitlines() if line.startswith("set timeout="))
    assert first == f"set timeout={timeout}"


def test_the_guard_comes_before_the_menu_and_becomes_its_default() -> None:
    config = grub_config("")
    guard = config.index("search --no-floppy --file --set=stage /lifeboat/phase2.cfg")
    assert config.index("insmod lvm") < guard < config.index('menuentry "Lifeboat recovery" --id recovery')
    assert guard < config.index("set default=phase2")
    assert "configfile ($stage)/lifeboat/phase2.cfg" in entries(config)["phase2"]


@pytest.mark.parametrize("append", ['a="b"', "a=$root", "a\\b"])
def test_arguments_that_grub_would_change_are_refused(append: str) -> None:
    with pytest.raises(BuildFailed):
        grub_config(append)


def test_what_the_configuration_says_of_the_recovery_is_on_the_kernel_command_line() -> None:
    recovery = Recovery(sif="LABEL=SIF:/web01", auto=True)
    options = BuildOptions(config=Config(boot=Boot(append="quiet"), recovery=recovery))
    assert options.arguments == ("quiet", "rescue.auto", "rescue.sif=LABEL=SIF:/web01")
    assert 'set user_args="quiet rescue.auto rescue.sif=LABEL=SIF:/web01"' in medium.grub_config(options)


@pytest.mark.parametrize(("names", "kernel", "grub"), [
    (("tty0", "ttyS0,115200"), "console=tty0 console=ttyS0,115200", "serial --unit=0 --speed=115200"),
    (("ttyS1,9600n8", "tty0"), "console=ttyS1,9600n8 console=tty0", "serial --unit=1 --speed=9600"),
    (("tty0",), "console=tty0", None),
])
def test_kernel_and_grub_talk_to_the_same_consoles(names: "tuple[str, ...]", kernel: str, grub: "str | None") -> None:
    config = grub_config(consoles=names)
    assert kernel in entries(config)["recovery"]
    assert (grub in config) if grub else ("serial" not in config)


def test_a_waiting_time_of_ones_own_goes_before() -> None:
    assert "set timeout=30\n" in grub_config("rescue.auto", timeout=30)


def test_the_memory_test_is_an_entry_of_its_own_only_when_it_is_there() -> None:
    assert "memtest86+x64.bin" in entries(grub_config())["memtest"]
    assert "memtest" not in medium.grub_config(BuildOptions())

"""The boot menu: what it starts, what it never does, and when it hands over."""

from __future__ import annotations

import re

import pytest

from builder_lib.errors import BuildFailed
from builder_lib.medium import grub_config


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


@pytest.mark.parametrize("append", ['a="b"', "a=$root", "a\\b", "a\nb"])
def test_arguments_that_grub_would_change_are_refused(append: str) -> None:
    with pytest.raises(BuildFailed):
        grub_config(append)

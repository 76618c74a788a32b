"""The kernel command line becomes settings, and nothing ambiguous is guessed."""

import pytest

from rescue.settings import Address, AddressKind, parse_address, parse_command_line
from sif.errors import UsageError


@pytest.mark.parametrize(("text", "address"), [
    ("auto", Address()),
    ("LABEL=DR STICK", Address(AddressKind.LABEL, "DR STICK")),
    ("UUID=7A3C-91E2:/web01/dr_state.sif", Address(AddressKind.UUID, "7A3C-91E2", "/web01/dr_state.sif")),
])
def test_an_address_says_where_the_sif_is(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["LABEL=", "/dev/sda1", "UUID=a:b", "LABEL=x:/../etc", "label=x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text)


def test_the_defaults_are_an_attended_phase_1_on_any_removable_medium() -> None:
    settings = parse_command_line("BOOT_IMAGE=/live/vmlinuz root=live:CDLABEL=LIFEBOAT quiet")
    assert (settings.auto, settings.phase, settings.sif) == (False, 1, Address())
    assert settings.live_root == "CDLABEL=LIFEBOAT"


def test_phase_2_is_told_where_it_was_staged() -> None:
    settings = parse_command_line("rescue.auto rescue.phase=2 rescue.stage=UUID=ab-12 console=tty0 console=ttyS0,9600")
    assert (settings.auto, settings.phase, settings.stage_uuid) == (True, 2, "ab-12")
    assert settings.consoles == ("tty0", "ttyS0,9600")


@pytest.mark.parametrize("text", ["rescue.phase=2", "rescue.phase=3", "rescue.phase=2 rescue.stage=/dev/sda1"])
def test_a_broken_phase_or_stage_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_command_line(text)


def test_unattended_can_be_switched_off_by_a_later_argument() -> None:
    assert not parse_command_line("rescue.auto rescue.auto=0").auto


def test_a_quoted_value_keeps_its_blanks() -> None:
    assert parse_command_line('rescue.sif="LABEL=DR STICK"').sif.value == "DR STICK"

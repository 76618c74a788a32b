"""The configuration file: what it may say, and what is said of one that is wrong."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Tuple

import pytest

from builder_lib.config import Config, ConfigRefused, File, parse_config, read_config
from builder_lib.config.docs import PAGE, page
from builder_lib.config.model import REQUIRED, SECTIONS
from sif.errors import Exit, UsageError


def problems(text: str, base: Path) -> Tuple[str, ...]:
    """Each problem of a refused text: `line: what`."""
    with pytest.raises(ConfigRefused) as raised:
        parse_config(text, "site.toml", base)
    assert raised.value.code == Exit.USAGE
    assert all(problem.found and problem.wanted for problem in raised.value.problems)
    return tuple(f"{problem.where.split(': ')[0].removeprefix('site.toml:')}: {problem.what}"
                 for problem in raised.value.problems)


def test_without_a_file_and_with_an_empty_one_the_defaults_hold(tmp_path: Path) -> None:
    assert read_config(None) == Config() == parse_config("", "x", tmp_path)


def test_a_file_says_everything(tmp_path: Path) -> None:
    for name in ("signers", "ca.pem", "answers", "acme.conf", "a.ko"):
        (tmp_path / name).write_text("x")
    for name in ("web01", "element"):
        (tmp_path / name).mkdir()
    config = parse_config("""
        [image]
        packages = ["ipmitool"]
        elements = ["element"]
        firmware = []
        compression = "xz"
        [boot]
        consoles = ["ttyS1,9600n8"]
        timeout = 0
        [recovery]
        sif = "UUID=1234-ABCD:/web01"
        auto = true
        answers = "answers"
        sets = ["web01"]
        [trust]
        allowed_signers = "signers"
        ca_certificates = ["ca.pem"]
        [network]
        mode = "static"
        address = "192.0.2.7/24"
        dns = ["192.0.2.1", "2001:db8::1"]
        [[file]]
        source = "acme.conf"
        target = "/etc/acme.conf"
        mode = "0600"
        [[driver]]
        source = "a.ko"
        early = true
        """, "site.toml", tmp_path)
    assert config.image.packages == ("ipmitool",) and config.image.elements == (tmp_path / "element",)
    assert config.file == (File(tmp_path / "acme.conf", "/etc/acme.conf", "0600"),)
    assert config.driver[0].early and config.boot.timeout == 0 and config.recovery.sets == (tmp_path / "web01",)
    assert config.network.dns == ("192.0.2.1", "2001:db8::1") and config.image.release == "trixie"


@pytest.mark.parametrize(("text", "expected"), [
    ("[image\n", ("1:7: this is not TOML",)),
    ("[imgae]\n", ("1: there is no such section",)),
    ("image = 1\n", ("site.toml: this is a section, not a key",)),
    ("[image]\npackges = []\n", ("2: there is no such key",)),
    ("[image]\n\npackages = 'x'\n", ("3: this value is of the wrong type",)),
    ("[image]\npackages = ['a', 'UPPER']\n", ("2: this value is not of the wanted form",)),
    ("[image]\npackages = ['aa', 'aa']\n", ("2: a value is in the list twice",)),
    ("[image]\ncompression = 'lzma'\n", ("2: there is no such choice",)),
    ("[image]\nepoch = -1\n", ("2: this number is out of range",)),
    ("[image]\nepoch = true\n", ("2: this value is of the wrong type",)),
    ("[image]\nelements = ['nowhere']\n", ("2: this path does not exist",)),
    ("[trust]\nallowed_signers = '.'\n", ("2: this is the wrong kind of path",)),
    ("[boot]\nappend = 'a=\"b\"'\n", ("2: this value is not of the wanted form",)),
    ("[recovery]\nsif = 'LABEL='\n", ("2: this value is not of the wanted form",)),
    ("[network]\nmode = 'static'\n", ("2: a static network needs an address",)),
    ("[network]\ngateway = '192.0.2.1'\n", ("2: this key is for a static network only",)),
    ("[file]\nsource = 'x'\n", ("1: this section can be there several times",)),
    ("[[file]]\nsource = 'site.toml'\ntarget = 'relative'\n", ("3: this value is not of the wanted form",)),
    ("[[file]]\nsource = 'site.toml'\ntarget = '/etc/../x'\n", ("3: this value is not of the wanted form",)),
    ("[[file]]\nsource = 'site.toml'\n", ("1: a key is missing",)),
    ("[[file]]\nsource='site.toml'\ntarget='/a'\n[[file]]\nsource='site.toml'\ntarget='/a'\n",
     ("6: two files have one target",)),
    ("[[driver]]\nsource = 'site.toml'\n", ("2: this is no kernel module",)),
    ("[image]\nx = 1\n[boot]\ntimeout = 'long'\n",
     ("2: there is no such key", "4: this value is of the wrong type")),
])
def test_what_is_wrong_is_said_with_its_line(text: str, expected: Tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(text)
    assert tuple(found.replace("site.toml: site.toml", "site.toml") for found in problems(text, tmp_path)) == expected


def test_a_message_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigRefused) as raised:
        parse_config("[image]\ncompression = 'lzma'\n", "site.toml", tmp_path)
    assert str(raised.value).splitlines() == [
        "site.toml:2: image.compression: there is no such choice", "  found: 'lzma'",
        '  wanted: one of "zstd-fast", "zstd", "zstd-max", "xz"', "  what to do: every key is in docs/builder.md",
        "site.toml: 1 problem"]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_config(tmp_path / "nowhere.toml")


def test_every_key_is_documented_and_its_default_is_one_that_the_file_may_say() -> None:
    for name, section in SECTIONS.items():
        assert section.__doc__
        for key in fields(section):
            assert key.metadata["doc"], f"{name}.{key.name}"
            value = key.default
            if value is None or (name, key.name) in REQUIRED or isinstance(value, Path):
                continue
            plain = list(value) if isinstance(value, tuple) else value
            assert key.metadata["kind"].take(plain, Path("/")) == value, f"{name}.{key.name}"


def test_the_page_of_the_builder_is_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "python -m builder_lib.config.docs --write"


def test_the_example_in_the_documentation_is_valid(tmp_path: Path) -> None:
    example = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    for name in ("elements/acme-restore", "sets/web01", "sets/db01"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("allowed_signers", "acme-ca.pem", "acme.conf"):
        (tmp_path / name).write_text("x")
    assert parse_config(example, "example", tmp_path).network.mode == "dhcp"

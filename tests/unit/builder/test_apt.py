"""Mirrors of the target release come from whatever form of apt sources the host has."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder_lib.apt import Source, parse_deb822, parse_one_line, proxy_settings, read_host_sources, target_sources
from builder_lib.errors import BuildFailed

DEB822 = """\
Types: deb deb-src
# URIs: http://old.invalid/debian
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.invalid/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.invalid/debian
Suites: bookworm
Components: main
"""
KEYRING = (("signed-by", "/usr/share/keyrings/debian-archive-keyring.gpg"),)


def test_deb822_yields_enabled_binary_archives() -> None:
    assert parse_deb822(DEB822) == (
        Source("http://mirror.invalid/debian", "bookworm", KEYRING),
        Source("http://mirror.invalid/debian", "bookworm-updates", KEYRING),
        Source("http://mirror.invalid/debian-security", "bookworm-security"))


def test_a_key_given_inline_is_not_carried_to_a_line() -> None:
    text = "Types: deb\nURIs: http://m.invalid/debian\nSuites: trixie\nSigned-By:\n -----BEGIN PGP\n .\n abc\n"
    assert parse_deb822(text) == (Source("http://m.invalid/debian", "trixie"),)


@pytest.mark.parametrize(("line", "expected"), [
    ("deb http://m.invalid/debian bookworm main contrib", (Source("http://m.invalid/debian", "bookworm"),)),
    ("deb [arch=amd64 trusted=yes] file:/srv/debian sid main",
     (Source("file:/srv/debian", "sid", (("trusted", "yes"),)),)),
    ("deb-src http://m.invalid/debian bookworm main", ()),
    ("# deb http://m.invalid/debian bookworm main", ()),
    ("", ()),
])
def test_one_line_sources(line: str, expected: "tuple[Source, ...]") -> None:
    assert parse_one_line(line + "\n") == expected


def test_the_release_is_rewritten_pocket_by_pocket_and_others_are_left_out() -> None:
    host = (*parse_deb822(DEB822), Source("https://vendor.invalid/apt", "cloud-sdk-bookworm"),
            Source("https://node.invalid/", "nodistro"), Source("http://mirror.invalid/debian", "bookworm-backports"))
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
    assert target_sources(host, "trixie") == (
        f"deb {signed}http://mirror.invalid/debian trixie main",
        f"deb {signed}http://mirror.invalid/debian trixie-updates main",
        "deb http://mirror.invalid/debian-security trixie-security main")


def test_the_older_name_of_the_security_suite_is_understood() -> None:
    host = (Source("http://m.invalid/debian", "buster"), Source("http://s.invalid/", "buster/updates"))
    assert target_sources(host, "trixie")[1] == "deb http://s.invalid/ trixie-security main"


def test_a_host_without_debian_archive_is_told_about_the_option() -> None:
    with pytest.raises(BuildFailed) as raised:
        target_sources((Source("http://m.invalid/ubuntu", "noble"),), "trixie")
    assert "--mirror" in (raised.value.hint or "")


def test_a_given_mirror_stands_alone() -> None:
    assert target_sources((), "trixie", "http://here.invalid/debian") == ("deb http://here.invalid/debian trixie main",)


def test_both_forms_are_read_from_the_host(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://one.invalid/debian bookworm main\n")
    (tmp_path / "sources.list.d/two.sources").write_text(
        "Types: deb\nURIs: http://two.invalid/debian\nSuites: bookworm\n")
    (tmp_path / "sources.list.d/off.list.disabled").write_text("deb http://off.invalid/debian bookworm main\n")
    assert [source.uri for source in read_host_sources(tmp_path)] == ["http://one.invalid/debian", "http://two.invalid/debian"]


def test_only_settings_about_reaching_mirrors_are_taken() -> None:
    wanted = 'Acquire::http::Proxy "http://p.invalid:3142";\nAcquire::https::Verify-Peer "true";\n'
    assert proxy_settings('APT "";\n' + wanted + 'Dir::Cache "x";\nAcquire::Languages "none";\n') == wanted

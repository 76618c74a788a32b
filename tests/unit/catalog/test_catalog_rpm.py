"""What rpm answers is understood; ``recorded/rpm-qa.txt`` is the answer of rpm 4.18 for a package of every kind."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sif.catalog import collect as collecting
from sif.catalog.collect import collect
from sif.catalog.entry import Origin
from sif.catalog.owned import Claim
from sif.catalog.rpm import database_place, parse_dump
from sif.errors import CommandFailed

RECORDED = (Path(__file__).parent / "recorded/rpm-qa.txt").read_text(encoding="utf-8")
MD5 = hashlib.md5(b"old", usedforsecurity=False).hexdigest()


def line(path: str = "/usr/bin/x", *, flags: int = 0, mode: int = 0o100755, state: str = "0", algorithm: str = "8",
         digest: str = "ab" * 32, version: str = "0:1-1.x86_64") -> str:
    return f"x\t{version}\t{algorithm}\t{flags}\t{mode}\t{state}\t{digest}\t{path}\n"


def test_a_real_answer_gives_regular_files_without_configuration() -> None:
    found = parse_dump(RECORDED)
    assert set(found.claims) == {b"/usr/bin/sample", b"/usr/share/doc/sample/README",
                                 "/usr/share/doc/sample/caf\u00e9".encode()}
    digest = hashlib.sha256(b"program\n").hexdigest()
    assert found.claims[b"/usr/bin/sample"] == (Claim("sample", "4:1.2-3.noarch", "sha256", digest),)
    assert found.packages == 1


@pytest.mark.parametrize(("text", "listed"), [
    (line(), True),
    (line(flags=2), True),
    (line(flags=1), False),
    (line(flags=17), False),
    (line(flags=64), False),
    (line(state="(none)"), True),
    (line(state="1"), False),
    (line(state="2"), False),
    (line(mode=0o40755), False),
    (line(mode=0o120777), False),
])
def test_only_installed_regular_files_are_listed(text: str, listed: bool) -> None:
    assert bool(parse_dump(text).claims) is listed


@pytest.mark.parametrize(("text", "claim"), [
    (line(algorithm="(none)", digest=MD5), Claim("x", "1-1.x86_64", "md5", MD5)),
    (line(algorithm="1", digest=MD5, version="3:1-1.noarch"), Claim("x", "3:1-1.noarch", "md5", MD5)),
    (line(algorithm="99"), Claim("x", "1-1.x86_64", "", "")),
    (line(digest=""), Claim("x", "1-1.x86_64", "", "")),
])
def test_digests_of_every_age_are_known(text: str, claim: Claim) -> None:
    assert parse_dump(text).claims[b"/usr/bin/x"] == (claim,)


def test_a_file_that_is_configuration_for_one_package_is_left_out() -> None:
    assert parse_dump(line() + line(flags=1)).claims == {}


def test_a_name_that_is_not_utf8_keeps_its_bytes() -> None:
    assert list(parse_dump(line(path="/usr/caf\udce9")).claims) == [b"/usr/caf\xe9"]


@pytest.mark.parametrize("text", ["x\n", line(mode=0o100755).replace("\t0\t", "\tzero\t"), line(path="relative")])
def test_an_answer_that_is_not_understood_ends_the_collection(text: str) -> None:
    with pytest.raises(CommandFailed):
        parse_dump(line() + text)


@pytest.mark.parametrize("place", ["usr/lib/sysimage/rpm/rpmdb.sqlite", "var/lib/rpm/Packages"])
def test_the_database_is_found_where_distributions_keep_it(tmp_path: Path, place: str) -> None:
    assert database_place(tmp_path) is None
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).touch()
    assert database_place(tmp_path) == str(Path(place).parent)


def test_files_are_compared_with_the_package_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "var/lib/rpm").mkdir(parents=True)
    (tmp_path / "var/lib/rpm/rpmdb.sqlite").touch()
    (tmp_path / "usr").mkdir()
    for name in ("same", "differs", "old"):
        (tmp_path / "usr" / name).write_bytes(b"old")
    sha256 = hashlib.sha256(b"old").hexdigest()
    answer = (line("/usr/same", digest=sha256) + line("/usr/differs") + line("/usr/gone")
              + line("/usr/old", algorithm="(none)", digest=MD5))
    monkeypatch.setattr(collecting, "read_rpm", lambda root, packages: parse_dump(answer, packages))
    found = collect(tmp_path)
    assert [(entry.path, entry.origin) for entry in found.entries] == [
        (b"/usr/differs", Origin.DIFFERS), (b"/usr/old", Origin.SAME), (b"/usr/same", Origin.SAME)]
    assert found.absent == (b"/usr/gone",)

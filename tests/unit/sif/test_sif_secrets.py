"""Secrets are named in a SIF, lie in an age file, and show up nowhere else."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import os
import shutil
import stat
from pathlib import Path
from typing import Dict, Iterator, List

import pytest
from sif_samples import machine

from sif.cli import main
from sif.codec import Unwritable
from sif.errors import Exit, LifeboatError, UsageError
from sif.model import SecretSource, SystemInformation
from sif.parse import parse_text
from sif.problems import SifRejected
from sif.reader import load_set
from sif.run import run
from sif.secrets.age import Secrets, SecretUnavailable, decrypt, encrypt, obtain, open_secrets
from sif.secrets.files import IN_MEMORY, filesystem_type, memory_directory
from sif.secrets.names import declared_secrets
from sif.secrets.sets import with_secrets
from sif.writer import write_set, write_text

SECRET = b"correct horse \xff battery staple"
MORE = b"another one, 0123456789"
FORMS = tuple(form for value in (SECRET, MORE) for form in (
    value, base64.b64encode(value).rstrip(b"=")[:-1], value.hex().encode(), value.hex().upper().encode()))


def content() -> SystemInformation:
    """The sample with a store that has a password, and a command that uses it."""
    sample = machine()
    store = dataclasses.replace(sample.stores[0], password="secret:restic-web01")
    command = dataclasses.replace(sample.commands[0], env=("RESTIC_PASSWORD_FILE=${secretfile:restic-web01}",))
    return dataclasses.replace(sample, stores=(store,), commands=(command, *sample.commands[1:]))


@dataclasses.dataclass(frozen=True)
class Person:
    identity: Path
    recipient: str


@pytest.fixture
def people(tmp_path: Path) -> Dict[str, Person]:
    """Two who have an age key, one who has an SSH key, and a stranger."""
    found = {}
    (tmp_path / "keys").mkdir()
    for name in ("ann", "bob", "stranger"):
        path = tmp_path / "keys" / name
        run(["age-keygen", "-o", str(path)], timeout=60)
        found[name] = Person(path, run(["age-keygen", "-y", str(path)], timeout=60).stdout.strip())
    path = tmp_path / "keys" / "ssh"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], timeout=60)
    found["ssh"] = Person(path, path.with_suffix(".pub").read_text(encoding="utf-8").strip())
    return found


def typed(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Let the program find ``data`` in a pipe."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def leaks(directory: Path) -> List[str]:
    """Files below the directory that hold a secret in some form."""
    return [str(path) for path in directory.rglob("*") if path.is_file()
            if any(form in path.read_bytes() for form in FORMS)]


def test_every_recipient_can_read_and_nobody_else(people: Dict[str, Person]) -> None:
    blob = encrypt({"a": SECRET, "b": MORE}, [people[name].recipient for name in ("ann", "bob", "ssh")])
    for name in ("ann", "bob", "ssh"):
        with decrypt(blob, (people[name].identity,)) as found:
            assert (found.names, found.value("a"), found.value("b")) == (("a", "b"), SECRET, MORE)
    with pytest.raises(SecretUnavailable, match="cannot be opened"):
        decrypt(blob, (people["stranger"].identity,))
    with pytest.raises(SecretUnavailable, match="nothing to open"):
        decrypt(blob, ())


def test_a_binary_age_file_is_read_too(people: Dict[str, Person], tmp_path: Path) -> None:
    text = '{"a": "' + base64.b64encode(SECRET).decode() + '"}'
    run(["age", "-r", people["ann"].recipient, "-o", str(tmp_path / "x.age")], timeout=60, input=text)
    assert not (tmp_path / "x.age").read_bytes().startswith(b"-----")
    assert open_secrets(tmp_path / "x.age", (people["ann"].identity,)).value("a") == SECRET


@pytest.mark.parametrize("text", ['{"a": "%s!"}', '{"a": %s}', '["%s"]', '"%s"', "%s", '{"a": ["%s"]}'])
def test_what_is_no_list_of_secrets_is_refused_and_not_shown(people: Dict[str, Person], text: str) -> None:
    clear = text % base64.b64encode(SECRET).decode()
    blob = run(["age", "-a", "-r", people["ann"].recipient], timeout=60, input=clear).stdout.encode()
    with pytest.raises(SecretUnavailable) as raised:
        decrypt(blob, (people["ann"].identity,))
    error: BaseException | None = raised.value
    while error is not None:
        assert base64.b64encode(SECRET).decode()[:8] not in f"{error} {vars(error)}"
        error = error.__cause__ or error.__context__


def test_a_damaged_file_gives_nothing(people: Dict[str, Person]) -> None:
    blob = encrypt({"a": b"x" * 60000}, [people["ann"].recipient])
    lines = blob.splitlines()
    cut = b"\n".join([*lines[:-20], lines[-1], b""])
    with pytest.raises(SecretUnavailable) as raised:
        decrypt(cut, (people["ann"].identity,))
    assert base64.b64encode(b"x" * 30).decode() not in str(raised.value)


@pytest.mark.parametrize(("name", "value"), [("../x", b"v"), ("", b"v"), ("-x", b"v"), ("a/b", b"v"), ("a", b""),
                                             ("a", b"v" * 65537)])
def test_names_and_sizes_are_limited(people: Dict[str, Person], name: str, value: bytes) -> None:
    with pytest.raises(UsageError):
        encrypt({name: value}, [people["ann"].recipient])


def test_without_a_reader_nothing_is_encrypted() -> None:
    for recipients in ([], ["nobody"]):
        with pytest.raises(UsageError):
            encrypt({"a": SECRET}, recipients)


def test_secrets_do_not_show_their_values() -> None:
    secrets = Secrets({"a": SECRET})
    for shown in (repr(secrets), str(secrets), f"{secrets}", repr({"x": secrets})):
        assert "horse" not in shown
        assert "a" in shown
    with pytest.raises(TypeError):
        copy.deepcopy(secrets)
    with pytest.raises(SecretUnavailable) as raised:
        secrets.value("b")
    assert "horse" not in str(raised.value)
    secrets.wipe()
    assert secrets.names == ()


def test_a_secret_file_is_private_in_memory_and_wiped() -> None:
    with Secrets({"a": SECRET}) as secrets:
        with secrets.secret_file("a") as path:
            assert path.read_bytes() == SECRET
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
            assert filesystem_type(mounts, path) in IN_MEMORY
            os.link(path, path.parent.parent / f"{path.parent.name}.link")
        left = path.parent.parent / f"{path.parent.name}.link"
        assert left.read_bytes() == bytes(len(SECRET)), "the bytes are overwritten, not only the name removed"
        left.unlink()
        assert not path.parent.exists()
        with pytest.raises(RuntimeError), secrets.secret_file("a") as path:
            raise RuntimeError
        assert not path.parent.exists()


def test_no_disk_ever_gets_a_secret_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert memory_directory()
    assert filesystem_type("a / ext4 rw 0 0\nb /run tmpfs rw 0 0\nc /run/x ext4 rw 0 0\n", Path("/run/x/y")) == "ext4"
    assert filesystem_type("a / ext4 rw 0 0\nb /run tmpfs rw 0 0\n", Path("/runner")) == "ext4"
    monkeypatch.setattr("sif.secrets.files.CANDIDATES", (Path("/proc"),))
    with pytest.raises(LifeboatError) as raised, Secrets({"a": SECRET}).secret_file("a"):
        pass
    assert raised.value.code is Exit.SECRET_UNAVAILABLE


def test_the_order_says_where_a_secret_comes_from(people: Dict[str, Person], tmp_path: Path) -> None:
    info, files = with_secrets(content(), {}, _age_file(tmp_path, people))
    blob = next(iter(files.values()))
    ann, asked = people["ann"].identity, []

    def ask(name: str) -> str:
        asked.append(name)
        return "typed"

    assert obtain(info, blob, (ann,), ask).value("restic-web01") == SECRET
    assert asked == []
    assert obtain(info, blob, (), ask).value("restic-web01") == b"typed"
    assert info.secrets
    first = dataclasses.replace(info, secrets=dataclasses.replace(
        info.secrets, order=(SecretSource.PROMPT, SecretSource.IDENTITY)))
    assert obtain(first, blob, (ann,), ask).value("restic-web01") == b"typed"
    with pytest.raises(SecretUnavailable, match="not at hand") as raised:
        obtain(info, blob, (people["stranger"].identity,))
    assert "restic-web01" in str(raised.value)
    assert obtain(dataclasses.replace(content(), secrets=None), None, (), ask).value("restic-web01") == b"typed"


def _age_file(tmp_path: Path, people: Dict[str, Person]) -> Path:
    path = tmp_path / "secrets.age"
    path.write_bytes(encrypt({"restic-web01": SECRET}, [people["ann"].recipient]))
    return path


def test_a_set_carries_the_file_and_notices_another(people: Dict[str, Person], tmp_path: Path) -> None:
    info, files = with_secrets(content(), {}, _age_file(tmp_path, people))
    write_set(info, tmp_path / "set", files)
    loaded = load_set(tmp_path / "set")
    assert loaded.info.secrets and loaded.info.secrets.path == "media:secrets/web01.example.org.age"
    assert declared_secrets(loaded.info) == ("restic-web01",)
    assert "secrets" in loaded.info.version.requires
    assert loaded.file("secrets/web01.example.org.age") == (tmp_path / "secrets.age").read_bytes()
    with (tmp_path / "set/secrets/web01.example.org.age").open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(SifRejected, match="the secrets file was altered"):
        load_set(tmp_path / "set")


@pytest.mark.parametrize("line", [
    'password = "correct-horse"', "password = correct-horse", "password = secret:../correct-horse",
    "password = [correct-horse]", 'password = "correct-horse', "password correct-horse", "password = x correct-horse",
    "Password = correct-horse", "password = [secret:a, secret:correct-horse]"])
def test_a_secret_written_into_a_sif_is_refused_and_not_repeated(line: str) -> None:
    text = write_text(machine().records())
    _, problems = parse_text(text.replace('snapshot = "latest"', f'snapshot = "latest"\n{line}'), "t")
    assert problems
    assert "correct-horse" not in "\n".join(map(str, problems))


def test_a_secret_in_memory_is_not_written() -> None:
    store = dataclasses.replace(machine().stores[0], password="correct-horse")
    with pytest.raises(Unwritable) as raised:
        write_text([store])
    assert "correct-horse" not in str(raised.value)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A log of the arguments and environment of every age and ssh-keygen that runs."""
    log, bin_ = tmp_path / "argv.log", tmp_path / "bin"
    bin_.mkdir()
    for tool in ("age", "ssh-keygen"):
        script = bin_ / tool
        script.write_text(f'#!/bin/sh\n{{ echo {tool} "$@"; env; }} >>{log}\nexec {shutil.which(tool)} "$@"\n',
                          encoding="utf-8")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    yield log


def test_the_secret_is_in_no_artefact_and_no_log(tmp_path: Path, people: Dict[str, Person], watched: Path,
                                                 monkeypatch: pytest.MonkeyPatch,
                                                 capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Everything is done once with a secret, then every file, every output and every argument is searched for it."""
    directory = tmp_path / "set"
    write_set(content(), directory, {})
    file = directory / "secrets" / "web01.age"
    put = ["secrets", "set", "--file", str(file), "--recipient", people["ann"].recipient, "--recipient",
           people["ssh"].recipient]
    steps = [
        (SECRET + b"\n", [*put, "restic-web01"], Exit.OK),
        (MORE, [*put, "other"], Exit.USAGE),
        (MORE, [*put, "other", "--identity", str(people["stranger"].identity)], Exit.SECRET_UNAVAILABLE),
        (MORE, [*put, "other", "--identity", str(people["ssh"].identity)], Exit.OK),
        (SECRET, [*put, "bad/name", "--replace"], Exit.USAGE),
        (SECRET, [*put, "x", "--replace", "--recipient", "nobody"], Exit.USAGE),
        (b"", ["secrets", "list", "--file", str(file), "--identity", str(people["ann"].identity)], Exit.OK),
        (b"", ["sign", str(directory), "--key", str(people["ssh"].identity)], Exit.OK),
        (b"", ["show", str(directory)], Exit.OK),
        (b"", ["show", "--json", str(directory)], Exit.OK),
        (b"", ["check", str(directory)], Exit.OK),
        (b"", ["diff", str(directory), str(directory)], Exit.OK),
    ]
    output = b""
    for given, arguments, expected in steps:
        typed(monkeypatch, given)
        assert main(arguments) == int(expected), arguments
        captured = capfdbinary.readouterr()
        output += captured.out + captured.err
    with open_secrets(file, (people["ann"].identity,)) as opened:
        assert (opened.value("restic-web01"), opened.value("other")) == (SECRET, MORE)
        with opened.secret_file("other") as path:
            assert leaks(path.parent) == [str(path)], "the search itself must find what is there"
    (tmp_path / "output").write_bytes(output)
    assert b"age --encrypt" in watched.read_bytes() and b"other\nrestic-web01" in output
    assert leaks(tmp_path) == []
    assert not path.parent.exists()


def test_changing_a_secret_of_a_set_keeps_the_rest_of_it(tmp_path: Path, people: Dict[str, Person],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "set"
    write_set(content(), directory, {"notes/a.txt": b"kept"})
    before = (directory / "dr_state.sif").read_text(encoding="utf-8")
    file = directory / "secrets" / "web01.age"
    arguments = ["secrets", "set", "restic-web01", "--file", str(file), "--recipient", people["ann"].recipient]
    typed(monkeypatch, SECRET)
    assert main(arguments) == 0
    first = (directory / "dr_state.sif").read_text(encoding="utf-8")
    assert first.startswith(before) and first[len(before):].startswith("\n[SECRETS]\n")
    assert first == write_text(parse_text(first, "t")[0]), "still canonical"
    assert main(["sign", str(directory), "--key", str(people["ssh"].identity)]) == 0
    typed(monkeypatch, MORE)
    assert main([*arguments, "--replace"]) == 0
    second = (directory / "dr_state.sif").read_text(encoding="utf-8")
    changed = [line for line, other in zip(first.splitlines(), second.splitlines()) if line != other]
    assert len(changed) == 1 and changed[0].startswith("sha256 = ")
    assert not (directory / "manifest.sig").exists(), "the signature is not one over what is there now"
    assert load_set(directory).file("notes/a.txt") == b"kept"


def test_an_identity_that_age_refuses_does_not_spoil_the_others(people: Dict[str, Person], tmp_path: Path) -> None:
    run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(tmp_path / "ecdsa")], timeout=60)
    blob = encrypt({"a": SECRET}, [people["bob"].recipient])
    with decrypt(blob, (tmp_path / "ecdsa", people["stranger"].identity, people["bob"].identity)) as opened:
        assert opened.value("a") == SECRET
    with pytest.raises(SecretUnavailable):
        decrypt(blob, (tmp_path / "ecdsa", people["stranger"].identity))

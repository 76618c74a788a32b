"""The set's own drivers and files in the rescue system: what is loaded, in which order, and where files may go."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import pytest
from agent_machines import server

from rescue.drivers import code_text, may_bring_up, told
from rescue.set_drivers import How, decide, in_order, load
from rescue.set_files import FileNotPlaced, place_from_set, place_from_stores, write_below
from rescue.staging.early import HOOK, EarlyFile, appended, archive, early_files
from rescue.staging.sources import bytes_of_set
from sif.drivers.tree import ModuleTree
from sif.media import sha256_hex
from sif.model import Driver, Need, Ref, SetFile, SystemInformation
from sif.run import Result

KERNEL = "6.12.9-test"
OWN = ModuleTree(KERNEL, "/lib/modules", files={"raid1": "raid1.ko", "tg3": "tg3.ko"}, builtin={"ext4": ()})


def driver(name: str, *depends: str, path: "str | None" = "", **more: object) -> Driver:
    found = Driver(name, name, KERNEL, f"media:drivers/{name}.ko" if path == "" else path,
                   depends=tuple(Ref(other) for other in depends), needs=(Need.DISK,))
    return dataclasses.replace(found, **more)  # type: ignore[arg-type]


class Programs:
    """Remembers what was run; those named refuse."""

    def __init__(self, refuse: Sequence[str] = (), words: str = "No such device") -> None:
        self.ran: List[Tuple[str, ...]] = []
        self.refuse, self.words = refuse, words

    def __call__(self, argv: Sequence[str]) -> Result:
        self.ran.append(tuple(argv))
        refused = any(word in argv[-1] or word in argv[1] for word in self.refuse)
        return Result(tuple(argv), int(refused), "", self.words if refused else "", 0.0)


@pytest.mark.parametrize(("found", "how"), [
    (driver("ext4"), How.BUILT_IN), (driver("loop"), How.LOADED), (driver("raid1"), How.OWN),
    (driver("raid1", out_of_tree=True), How.SET), (driver("vendor"), How.SET),
    (driver("vendor", kernel="5.10"), How.OTHER_KERNEL), (driver("vendor", path=None), How.NO_FILE),
    (driver("vendor", path="store:s/vendor.ko"), How.NO_FILE), (driver("loop", kernel="5.10"), How.LOADED)])
def test_a_driver_comes_from_where_it_is_trusted_most(found: Driver, how: How) -> None:
    assert [decision.how for decision in decide((found,), KERNEL, frozenset({"loop"}), OWN)] == [how]


def test_modules_of_another_kernel_are_told_in_one_line_with_the_reason() -> None:
    decisions = decide((driver("a", kernel="5.10"), driver("b", kernel="5.10"), driver("c", path=None)), KERNEL,
                       frozenset(), OWN)
    assert told(decisions) == (
        "skipped 2 modules for the kernel 5.10, which is not the running one: a, b",
        "skipped: c has no file on the medium")


def test_each_module_is_loaded_after_what_it_depends_on() -> None:
    drivers = (driver("c", "b"), driver("b", "a"), driver("a"), driver("d", "a", "c"))
    assert [found.module for found in in_order(drivers)] == ["a", "b", "c", "d"]
    assert {found.module for found in in_order((driver("x", "y"), driver("y", "x")))} == {"x", "y"}


def test_modules_of_the_set_are_inserted_with_their_parameters_and_refusals_are_told(tmp_path: Path) -> None:
    programs = Programs(refuse=("padlock",))
    drivers = (driver("vendor", "scsi", parameters='msix=1 name="a b"'), driver("scsi"), driver("padlock"),
               driver("raid1"), driver("tg3", parameters="x=1"), driver("old", kernel="5.10"))
    report = load(decide(drivers, KERNEL, frozenset(), OWN), tmp_path, programs)
    assert programs.ran == [
        ("modprobe", "--quiet", "--all", "raid1"), ("insmod", f"{tmp_path}/drivers/scsi.ko"),
        ("insmod", f"{tmp_path}/drivers/vendor.ko", "msix=1", "name=a b"), ("insmod", f"{tmp_path}/drivers/padlock.ko"),
        ("modprobe", "--quiet", "tg3", "x=1")]
    assert report.loaded == ("scsi", "vendor", "tg3")
    assert report.failed == ("padlock: No such device",)


def test_a_module_that_is_there_by_now_is_no_failure(tmp_path: Path) -> None:
    report = load(decide((driver("vendor"),), KERNEL, frozenset(), OWN), tmp_path,
                  Programs(("vendor",), "insmod: could not insert module: File exists"))
    assert (report.loaded, report.failed) == (("vendor",), ())


def set_file(target: str, data: bytes = b"bytes", path: str = "media:files/x", mode: str = "0755") -> SetFile:
    return SetFile("x", path, sha256_hex(data), target, mode=mode, needs=(Need.DISK,))


@pytest.fixture
def places(tmp_path: Path) -> Tuple[Path, Path]:
    """A set with one file, and the tree of a rescue system with merged /usr."""
    (tmp_path / "set/files").mkdir(parents=True)
    (tmp_path / "set/files/x").write_bytes(b"bytes")
    (tmp_path / "root/usr/lib").mkdir(parents=True)
    (tmp_path / "root/lib").symlink_to("usr/lib")
    return tmp_path / "set", tmp_path / "root"


@pytest.mark.parametrize(("target", "where"), [
    ("/lib/firmware/a/b.bin", "usr/lib/firmware/a/b.bin"), ("/usr/local/bin/restore", "usr/local/bin/restore"),
    ("/opt/vendor/restore", "opt/vendor/restore"), ("/sbin/mount.nfs", "usr/sbin/mount.nfs")])
def test_files_go_to_their_targets_once(places: Tuple[Path, Path], target: str, where: str) -> None:
    directory, root = places
    assert place_from_set((set_file(target),), directory, root) == ("/" + where,)
    assert (root / where).read_bytes() == b"bytes"
    assert (root / where).stat().st_mode & 0o7777 == 0o755
    assert place_from_set((set_file(target),), directory, root) == ()


@pytest.mark.parametrize("target", ["/etc/passwd", "/usr/bin/sh", "/usr/local/../bin/sh", "/root/.ssh/authorized_keys",
                                    "/usr/sbin/mount.nfs/x", "relative", "/lib/systemd/system/x.service",
                                    "/opt/lifeboat/trust/allowed_signers", "/opt/lifeboat"])
def test_no_file_goes_anywhere_else(places: Tuple[Path, Path], target: str) -> None:
    with pytest.raises(FileNotPlaced, match="no place where a set may put a file"):
        place_from_set((set_file(target),), *places)


def test_no_link_is_followed_on_the_way_or_at_the_end(places: Tuple[Path, Path]) -> None:
    directory, root = places
    (root / "etc").mkdir()
    (root / "usr/local").symlink_to("../etc")
    with pytest.raises(FileNotPlaced, match="a link or a file is in the way"):
        place_from_set((set_file("/usr/local/passwd"),), directory, root)
    (root / "opt").mkdir()
    (root / "etc/passwd").write_text("root")
    (root / "opt/x").symlink_to("../etc/passwd")
    assert place_from_set((set_file("/opt/x"),), directory, root) == ("/opt/x",)
    assert (root / "etc/passwd").read_text() == "root"
    assert not (root / "opt/x").is_symlink()


def test_altered_and_missing_files_are_refused(places: Tuple[Path, Path]) -> None:
    directory, root = places
    with pytest.raises(FileNotPlaced, match="altered"):
        place_from_set((set_file("/opt/x", data=b"other"),), directory, root)
    with pytest.raises(FileNotPlaced, match="missing"):
        place_from_set((set_file("/opt/x", path="media:files/y"),), directory, root)
    assert not (root / "opt").exists()


def test_files_on_a_store_wait_for_it(places: Tuple[Path, Path]) -> None:
    directory, root = places
    files = (set_file("/opt/x", path="store:s/files/x"),)
    assert place_from_set(files, directory, root) == ()
    assert place_from_stores(files, lambda store: directory if store == "s" else None, root) == ("/opt/x",)
    with pytest.raises(FileNotPlaced, match="no directory"):
        place_from_stores(files, lambda store: None, root)


def test_a_file_in_place_of_a_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "opt").write_text("")
    with pytest.raises(FileNotPlaced, match="in the way"):
        write_below(tmp_path, "/opt/x", b"", 0o644)


def test_the_operator_sees_what_would_run() -> None:
    assert code_text(("vendor",), (set_file("/opt/x"),)) == (
        "This set brings its own code for the rescue system.\nKernel modules: vendor\nFiles: /opt/x")


class Answers:
    """An operator who gives one answer, and what they were shown."""

    def __init__(self, answer: str) -> None:
        self.answer = answer
        self.asked: List[Tuple[str, str]] = []

    def say(self, text: str) -> None:
        self.asked.append(("", text))

    def ask(self, ident: str, question: str) -> str:
        self.asked.append((ident, question))
        return self.answer

    def ask_secret(self, ident: str, question: str) -> str:
        raise AssertionError("no secret is asked for here")


@pytest.mark.parametrize(("answer", "wanted"), [("load", True), ("skip", False)])
def test_code_of_the_set_runs_only_if_the_operator_lets_it(answer: str, wanted: bool) -> None:
    operator = Answers(answer)
    decisions = decide((driver("vendor"), driver("raid1")), KERNEL, frozenset(), OWN)
    assert may_bring_up(operator, server(), decisions) is wanted
    assert [ident for ident, _ in operator.asked if ident] == ["drivers"]
    assert "vendor" in "".join(text for _, text in operator.asked)


def test_nobody_is_asked_about_modules_that_the_rescue_system_has_itself() -> None:
    operator = Answers("skip")
    assert may_bring_up(operator, server(), decide((driver("raid1"),), KERNEL, frozenset(), OWN))
    assert operator.asked == []


def with_drivers(directory: Path) -> SystemInformation:
    (directory / "drivers").mkdir(parents=True)
    for name in ("vendor", "scsi", "tg3"):
        (directory / f"drivers/{name}.ko").write_bytes(name.encode())
    (directory / "fw.bin").write_bytes(b"firmware")
    return dataclasses.replace(server(), drivers=(
        driver("vendor", "scsi", out_of_tree=True, firmware=(Ref("fw"),), parameters="name='a b'"), driver("scsi"),
        driver("tg3", needs=(Need.NETWORK,), out_of_tree=True)), files=(
            SetFile("fw", "media:fw.bin", sha256_hex(b"firmware"), "/lib/firmware/v/fw.bin", needs=(Need.DISK,)),))


def test_phase_2_gets_the_drivers_of_its_disk_early_and_only_those(tmp_path: Path) -> None:
    saved = with_drivers(tmp_path)
    files = {file.path: file for file in early_files(saved, tmp_path, KERNEL)}
    assert set(files) == {"lifeboat-drivers/scsi.ko", "lifeboat-drivers/vendor.ko", "usr/lib/firmware/v/fw.bin", HOOK}
    assert files[HOOK].data.decode().splitlines()[1:] == [
        "insmod /lifeboat-drivers/scsi.ko || :", "insmod /lifeboat-drivers/vendor.ko 'name=a b' || :"]
    assert early_files(saved, tmp_path, "5.10") == ()
    in_tree = tuple(dataclasses.replace(d, out_of_tree=False, firmware=()) for d in saved.drivers)
    assert early_files(dataclasses.replace(saved, drivers=in_tree), tmp_path, KERNEL) == ()


def unpacked(data: bytes) -> Dict[str, Tuple[int, bytes]]:
    """A newc archive by its definition: path → (mode, data)."""
    found: Dict[str, Tuple[int, bytes]] = {}
    at = 0
    while True:
        assert data[at:at + 6] == b"070701" and at % 4 == 0
        fields = [int(data[at + 6 + 8 * number:at + 14 + 8 * number], 16) for number in range(13)]
        name = data[at + 110:at + 110 + fields[11] - 1].decode()
        start = -(-(at + 110 + fields[11]) // 4) * 4
        if name == "TRAILER!!!":
            return found
        found[name] = (fields[1], data[start:start + fields[6]])
        at = -(-(start + fields[6]) // 4) * 4


def test_the_archive_is_one_that_the_kernel_unpacks() -> None:
    files = (EarlyFile("a/b/c.ko", 0o644, b"12345"), EarlyFile("a/d", 0o755, b""))
    content = unpacked(archive(files))
    assert content == {"a": (0o040755, b""), "a/b": (0o040755, b""), "a/b/c.ko": (0o100644, b"12345"),
                       "a/d": (0o100755, b"")}
    assert appended(b"12345", files) == b"12345\0\0\0" + archive(files)
    assert appended(b"12345", ()) == b"12345"


def test_the_set_counts_when_room_for_phase_2_is_looked_for(tmp_path: Path) -> None:
    with_drivers(tmp_path)
    assert bytes_of_set(tmp_path) == sum(map(len, ("vendor", "scsi", "tg3", "firmware")))

"""Images: taken and written back in constant memory, sparse, exact; and their way through a set."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from pathlib import Path
from typing import Dict, Tuple

import pytest
from sif_samples import machine

from rescue.images import ImageMissing, find_images
from rescue.storage.errors import RebuildFailed
from rescue.storage.raw import put_back, stretches
from rescue.stores import ReadyStore
from sif.check import check
from sif.cli import main
from sif.errors import Exit, UsageError
from sif.model import Compression, Partition, Raw, Ref, Store, StoreKind, SystemInformation
from sif.problems import SifSetBroken
from sif.raw.choose import KeptRaw
from sif.raw.image import BLOCK_BYTES, ImageFailed, read_content, take_image
from sif.raw.keep import Place, medium_place, store_place, with_images
from sif.reader import load_set, read_set
from sif.secrets.sets import store_blob
from sif.signature import complete_manifest
from sif.writer import WriteFailed, new_name, write_set

MIB = 1 << 20
SIZE = 8192 * 512
RESERVED = "e3c9e316-0b5c-4db8-817d-f92df00215ae"


def content() -> bytes:
    """4 MiB, most of it zeros, with data across the border of two blocks."""
    data = bytearray(SIZE)
    data[MIB - 5:MIB + 5] = b"0123456789"
    data[3 * MIB:3 * MIB + 70000] = random.Random(1).randbytes(70000)
    data[-1:] = b"x"
    return bytes(data)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "device"
    path.write_bytes(content())
    return path


def with_partition() -> SystemInformation:
    info = machine()
    part = Partition(id="d0p4", disk=Ref("d0"), number=4, start_sector=15181696, sectors=8192, type=RESERVED,
                     uuid="0f0e0d0c-0b0a-4908-8706-050403020104")
    return dataclasses.replace(info, partitions=(*info.partitions[:3], part, *info.partitions[3:]))


def written(device: Path, directory: Path, place: "Place | None" = None,
            info: "SystemInformation | None" = None) -> SystemInformation:
    kept = (KeptRaw("d0p4", str(device), "Microsoft reserved"),)
    with with_images(info or with_partition(), {}, kept, place or medium_place(directory), directory) as (found, files):
        write_set(found, directory, files)
    return found


def test_an_image_knows_its_content_and_its_zeros(device: Path, tmp_path: Path) -> None:
    image = take_image(str(device), SIZE, tmp_path / "x.zst")
    assert image.content.sha256 == hashlib.sha256(device.read_bytes()).hexdigest()
    # 2 blocks around the first MiB, 2 for 70000 bytes, and the last one
    assert (image.content.size, image.content.data_bytes) == (SIZE, 5 * BLOCK_BYTES)
    assert image.file.size == (tmp_path / "x.zst").stat().st_size < 90000
    assert image.content == read_content(str(device), SIZE)


def test_holes_of_a_file_are_zeros_that_nobody_reads(tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as stream:
        stream.truncate(1 << 40)
    # A TiB that were read would never end; the digest of its first GiB is that of zeros.
    found = read_content(str(sparse), 64 * MIB)
    assert (found.sha256, found.data_bytes) == (hashlib.sha256(bytes(64 * MIB)).hexdigest(), 0)


def test_a_device_that_is_too_short_leaves_no_image(device: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageFailed, match="shorter"):
        take_image(str(device), SIZE + 512, tmp_path / "x.zst")
    assert not (tmp_path / "x.zst").exists()


def test_an_image_that_the_file_system_cannot_hold_is_refused_with_advice(device: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageFailed) as caught:
        take_image(str(device), SIZE, tmp_path / "x.zst", limit=50000)
    assert "--raw-to" in str(caught.value)
    assert not (tmp_path / "x.zst").exists()


def test_the_set_names_the_image_and_verifies_it_without_loading_it(device: Path, tmp_path: Path) -> None:
    directory = tmp_path / "set"
    raw, = written(device, directory).raws
    assert (raw.path, raw.size_bytes, raw.compression) == ("media:raw/d0p4.zst", SIZE, Compression.ZSTD)
    loaded = load_set(directory)
    assert loaded.info.raws == (raw,)
    assert "raw" in loaded.info.version.requires
    assert [path for path, _ in loaded.images] == ["raw/d0p4.zst"]
    assert loaded.file("raw/d0p4.zst") is None
    assert f"{raw.file_sha256} " in (directory / "manifest").read_text()
    assert complete_manifest(loaded)
    assert sorted(path.name for path in directory.rglob("*.new")) == []


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_an_altered_or_missing_image_breaks_the_set_but_not_its_staged_copy(device: Path, tmp_path: Path) -> None:
    directory = tmp_path / "set"
    written(device, directory)
    damaged(directory / "raw/d0p4.zst")
    with pytest.raises(SifSetBroken, match="refused"):
        load_set(directory)
    (directory / "raw/d0p4.zst").unlink()
    with pytest.raises(SifSetBroken) as caught:
        load_set(directory)
    assert "the file is missing" in str(caught.value)
    assert read_set(directory, images=False).raws


def test_an_image_of_an_unchanged_partition_is_not_written_again(device: Path, tmp_path: Path) -> None:
    directory = tmp_path / "set"
    first = written(device, directory)
    before = (directory / "raw/d0p4.zst").stat()
    assert written(device, directory).raws == first.raws
    after = (directory / "raw/d0p4.zst").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    device.write_bytes(b"y" + content()[1:])
    assert written(device, directory).raws != first.raws
    assert load_set(directory).info.raws[0].sha256 == hashlib.sha256(device.read_bytes()).hexdigest()


def files_of(directory: Path) -> Dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes()
            for path in directory.rglob("*") if path.is_file()}


def test_a_capture_that_fails_leaves_the_old_set_as_it_was(device: Path, tmp_path: Path) -> None:
    directory = tmp_path / "set"
    written(device, directory)
    before = files_of(directory)
    device.write_bytes(bytes(SIZE - 512))  # changed, and now too short
    with pytest.raises(ImageFailed):
        written(device, directory)
    device.write_bytes(b"y" * SIZE)
    with pytest.raises(KeyError), with_images(with_partition(), {}, (KeptRaw("d0p4", str(device), "x"),),
                                              medium_place(directory), directory):
        raise KeyError("the power fails before the set is written")
    assert files_of(directory) == before


def test_a_set_that_cannot_be_written_takes_its_new_image_along(device: Path, tmp_path: Path) -> None:
    directory = tmp_path / "set"
    (directory / "commands.sif").mkdir(parents=True)  # in the way of the rename
    with pytest.raises(WriteFailed):
        written(device, directory)
    assert not new_name(directory / "raw/d0p4.zst").exists()
    assert not (directory / "manifest").exists()


def test_secrets_that_are_added_later_leave_the_image_in_the_manifest(device: Path, tmp_path: Path) -> None:
    directory = tmp_path / "set"
    written(device, directory)
    store_blob(directory / "secrets/web01.age", b"age-encryption.org/v1\n")
    assert [path for path, _ in load_set(directory).images] == ["raw/d0p4.zst"]


def on_store(tmp_path: Path, kind: StoreKind = StoreKind.DIRECTORY) -> SystemInformation:
    store = Store(id="nas", kind=kind, location=str(tmp_path / "nas"))
    return dataclasses.replace(with_partition(), stores=(*machine().stores, store))


def test_images_on_a_store_are_named_by_their_content(device: Path, tmp_path: Path) -> None:
    (tmp_path / "nas").mkdir()
    info = on_store(tmp_path)
    place = store_place(info.stores, "nas")
    first, = written(device, tmp_path / "a", place, info).raws
    device.write_bytes(b"y" + content()[1:])
    second, = written(device, tmp_path / "a", place, info).raws
    assert first.path != second.path
    assert first.path == f"store:nas/web01.example.org/raw/d0p4-{first.file_sha256[:16]}.zst"
    ready = (ReadyStore("nas", str(tmp_path / "nas")),)
    found = find_images(load_set(tmp_path / "a").info, tmp_path / "a", ready)
    assert hashlib.sha256(found["raw_d0p4"].read_bytes()).hexdigest() == second.file_sha256
    damaged(found["raw_d0p4"])
    with pytest.raises(ImageMissing, match="altered"):
        find_images(load_set(tmp_path / "a").info, tmp_path / "a", ready)
    with pytest.raises(ImageMissing, match="not there"):
        find_images(load_set(tmp_path / "a").info, tmp_path / "a", ())


@pytest.mark.parametrize(("name", "kind", "what"), [
    ("nas", StoreKind.DIRECTORY, "no directory of this machine"), ("none", StoreKind.DIRECTORY, "no such store"),
    ("nas", StoreKind.RESTIC, "repository"),
])
def test_a_store_that_cannot_take_images(name: str, kind: StoreKind, what: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=what):
        store_place(on_store(tmp_path, kind).stores, name)


def restored(device: Path, tmp_path: Path) -> Tuple[Raw, Path]:
    raw, = written(device, tmp_path / "set").raws
    return raw, tmp_path / "set/raw/d0p4.zst"


@pytest.mark.parametrize("before", [b"\xff", b"\0"], ids=["full", "empty"])
def test_an_image_is_written_back_over_anything(before: bytes, device: Path, tmp_path: Path) -> None:
    raw, image = restored(device, tmp_path)
    target = tmp_path / "target"
    target.write_bytes(before * SIZE)
    assert put_back(raw, str(target), image)
    assert target.read_bytes() == content()


def test_blocks_of_zeros_are_not_written_where_there_are_zeros(device: Path, tmp_path: Path) -> None:
    raw, image = restored(device, tmp_path)
    target = tmp_path / "target"
    with target.open("wb") as stream:
        stream.truncate(SIZE)
    assert put_back(raw, str(target), image)
    assert raw.data_bytes is not None and target.stat().st_blocks * 512 <= raw.data_bytes
    assert target.read_bytes() == content()


def test_identical_content_is_kept_and_needs_no_image(device: Path, tmp_path: Path) -> None:
    raw, _ = restored(device, tmp_path)
    before = device.stat()
    assert not put_back(raw, str(device), None)
    assert (device.stat().st_mtime_ns, device.stat().st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


def shorter(image: Path) -> None:
    take_image(str(image.parent.parent.parent / "device"), SIZE - 512, image)


def longer(image: Path) -> None:
    other = image.parent.parent.parent / "longer"
    other.write_bytes(content() + bytes(512))
    take_image(str(other), SIZE + 512, image)


def other_content(image: Path) -> None:
    other = image.parent.parent.parent / "other"
    other.write_bytes(bytes(SIZE))
    take_image(str(other), SIZE, image)


@pytest.mark.parametrize(("harm", "what"), [
    (shorter, "shorter than the partition"), (longer, "longer than the partition"),
    (other_content, "does not hold"), (damaged, "could not be written back"),
    (Path.unlink, "could not be written back"),
])
def test_an_image_that_is_not_the_saved_one_fails_the_rebuild(harm: object, what: str, device: Path,
                                                              tmp_path: Path) -> None:
    raw, image = restored(device, tmp_path)
    target = tmp_path / "target"
    target.write_bytes(b"\xff" * SIZE)
    assert callable(harm)
    harm(image)
    with pytest.raises(RebuildFailed, match=what):
        put_back(raw, str(target), image)


def test_stretches_say_what_the_wiping_of_a_disk_must_spare(device: Path, tmp_path: Path) -> None:
    info = written(device, tmp_path / "set")
    assert stretches(info, "d0") == {(15181696 * 512, SIZE)}
    assert stretches(info, "d1") == frozenset()


@pytest.mark.parametrize(("change", "where"), [
    ({"size_bytes": SIZE + 512}, "size_bytes"), ({"path": "media:../x"}, "path"), ({"path": "/x"}, "path"),
    ({"path": "store:nowhere/x"}, "path"), ({"path": "store:s3/../x"}, "path"), ({"sha256": "0"}, "sha256"),
    ({"file_sha256": "Z" * 64}, "file_sha256"), ({"data_bytes": SIZE + 1}, "data_bytes"),
    ({"device": Ref("d0p1")}, "device"),
])
def test_the_checks_refuse_an_image_that_cannot_be_written_back(change: Dict[str, object], where: str, device: Path,
                                                                tmp_path: Path) -> None:
    info = written(device, tmp_path / "set")
    assert check(info) == ()
    broken = dataclasses.replace(info, raws=(dataclasses.replace(info.raws[0], **change),))  # type: ignore[arg-type]
    assert where in {problem.where.split()[-1] for problem in check(broken)}


def test_the_checks_refuse_two_images_of_one_partition(device: Path, tmp_path: Path) -> None:
    info = written(device, tmp_path / "set")
    twice = dataclasses.replace(info, raws=(info.raws[0], dataclasses.replace(info.raws[0], id="again")))
    assert {problem.what for problem in check(twice)} == {
        "d0p4 already holds [RAW raw_d0p4]", "the same file as raw_d0p4"}


def test_a_request_without_a_partition_of_that_name_is_a_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["capture", "--raw"])
    assert caught.value.code == Exit.USAGE
    assert "--raw" in capsys.readouterr().err

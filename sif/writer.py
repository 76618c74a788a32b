"""The canonical text of a set, and writing it so that a power cut leaves the old set or the new one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Dict, Iterable, List, Mapping, Sequence, Tuple

from sif import media
from sif.codec import Unwritable, section_text
from sif.errors import Exit, LifeboatError
from sif.foreign import Foreign, keys_by_section, keys_only, sections
from sif.media import DEFAULT_NAME
from sif.merge import canonical, foreign_in_order, in_order
from sif.model import Include, Record, SystemInformation, Version
from sif.parse import FRAGMENT_KINDS, parse_text
from sif.plain import replace
from sif.problems import errors_of, rejection
from sif.text import MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_SECTIONS

COMMANDS_NAME = "commands.sif"

_NEW = ".new"


class WriteFailed(LifeboatError):
    """The set could not be written; the directory still holds what it held, or the set is complete."""

    code = Exit.CAPTURE_FAILED


def write_text(records: Iterable[Record], foreign: Iterable[Foreign] = ()) -> str:
    """The canonical text of one part: sections in order, one empty line between them, LF at the end.

    Unknown keys come behind the known ones of their section (they are left out where that is not among ``records``),
    unknown sections behind the known ones. Raises :class:`sif.codec.Unwritable` for a value or a size that the
    format does not allow.
    """
    foreign = foreign_in_order(foreign)
    unknown = keys_by_section(foreign)
    texts = [section_text(record) + unknown.get((record.KIND, str(getattr(record, "id", ""))), "")
             for record in in_order(records)]
    texts += [section.text() for section in sections(foreign)]
    text = "\n".join(texts)
    longest = max((len(line.encode("utf-8")) for line in text.split("\n")), default=0)
    for what, found, limit in (("sections", len(texts), MAX_SECTIONS), ("bytes", len(text.encode()), MAX_FILE_BYTES),
                               ("bytes in a line", longest, MAX_LINE_BYTES)):
        if found > limit:
            raise Unwritable(f"too many {what} for one part of a set", found=str(found), wanted=f"at most {limit}")
    return text


def render_set(info: SystemInformation, files: Mapping[str, media.Content]) -> Tuple[Tuple[str, media.Content], ...]:
    """Every file of the set as (path, content), the manifest last; ``files`` are those beside the SIF's parts.

    Raises :class:`sif.codec.Unwritable` or :class:`sif.problems.SifRejected` for what could not be read again.
    """
    info = canonical(info)
    body = [record for record in info.records() if not isinstance(record, (Version, Include))]
    second = [record for record in body if record.KIND in FRAGMENT_KINDS]
    version = replace(info.version, part=1, parts=2)
    part2 = Version(signature=version.signature, format=version.format, set_id=version.set_id, part=2, parts=2)
    commands = write_text([part2, *second], keys_only(info.foreign, Version.KIND)).encode()
    include = Include(id="2", path=COMMANDS_NAME, sha256=media.sha256_hex(commands))
    first = [record for record in body if record.KIND not in FRAGMENT_KINDS]
    state = write_text([version, include, *first], info.foreign).encode()
    content: Dict[str, media.Content] = {**files, COMMANDS_NAME: commands, DEFAULT_NAME: state}
    for path in content:
        fault = media.path_fault(path)
        if fault:
            raise Unwritable(f"a file cannot be part of a set: {fault}", found=path)
    for path, data in ((DEFAULT_NAME, state), (COMMANDS_NAME, commands)):
        problems = errors_of(parse_text(data.decode(), path)[1])
        if problems:
            raise rejection(path, problems)
    if info.drivers or info.files:
        from sif.drivers.complete import missing_pieces
        missing = missing_pieces(info, {path: data for path, data in content.items() if isinstance(data, bytes)})
        if missing:
            raise rejection(info.system.hostname, missing)
    return (*sorted(content.items()), (media.MANIFEST, media.manifest_text(content).encode()))


def write_set(info: SystemInformation, directory: Path, files: Mapping[str, media.Content]) -> None:
    """Write ``dr_state.sif``, ``commands.sif``, ``files`` and ``manifest`` into ``directory``.

    All files are first written beside their final names and forced to the medium, then renamed one after the
    other, the manifest last: a reader sees the old set, the new set, or (for the moment of the renames) a set
    whose digests disagree and which it refuses. A signature of the old
    set goes first. Needs no links, owners or permissions, so vfat will do.
    """
    write_files(directory, render_set(info, files))


def write_files(directory: Path, content: Sequence[Tuple[str, media.Content]]) -> None:
    """Write files of a set as :func:`write_set` does, in the order given, the manifest last. Raises WriteFailed.

    A large file (:class:`sif.media.Spooled`) that lies beside its final name, as :func:`new_name` says, is only
    renamed; one that lies there under its final name stays; any other is copied.
    """
    directories = sorted({(directory / path).parent for path, _ in content})
    try:
        for folder in directories:
            folder.mkdir(parents=True, exist_ok=True)
        made = [path for path, data in content if _write_new(directory / path, data)]
        drop_signature(directory)
        for path in made:
            new_name(directory / path).replace(directory / path)
        _sync_directories(directories)
    except OSError as error:
        _remove_new(directory, [path for path, _ in content])
        raise WriteFailed("the set could not be written", where=str(directory), found=str(error),
                          hint="check free space, and whether the medium is mounted read-write") from error


def replace_file(path: Path, data: bytes) -> None:
    """Write one file so that a power cut leaves the old one or the new one. Raises :class:`WriteFailed`."""
    try:
        _write_new(path, data)
        new_name(path).replace(path)
        _sync_directories([path.parent])
    except OSError as error:
        raise WriteFailed("the file could not be written", where=str(path), found=str(error),
                          hint="check free space, and whether the medium is mounted read-write") from error


def drop_signature(directory: Path) -> None:
    """Remove the signature of a set that is about to change: it would no longer be one over its manifest."""
    name = media.find_name(directory, media.SIGNATURE)
    if name is not None:
        (directory / name).unlink()


def new_name(path: Path) -> Path:
    """Where a file is written before it is renamed to ``path``."""
    return path.with_name(path.name + _NEW)


def _write_new(path: Path, data: media.Content) -> bool:
    """Put the content beside its final name, on the medium; False if it lies there under its final name already."""
    if isinstance(data, media.Spooled) and data.path == path:
        return False
    if isinstance(data, media.Spooled) and data.path == new_name(path):
        return True
    with new_name(path).open("wb") as stream:
        if isinstance(data, media.Spooled):
            with data.path.open("rb") as source:
                _copy(source, stream)
        else:
            stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    return True


def _sync_directories(directories: List[Path]) -> None:
    for folder in directories:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _remove_new(directory: Path, paths: List[str]) -> None:
    for path in paths:
        left = new_name(directory / path)
        if left.exists():
            left.unlink()


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    from shutil import copyfileobj  # for images of partitions only
    copyfileobj(source, target, media.CHUNK_BYTES)

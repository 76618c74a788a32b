"""What is fuzzed, and what must hold for any input: a typed error or a result that reads back as itself.

Each target takes one input and returns; any exception that leaves it is a finding. Time and memory are watched from
outside, by the program that runs it.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path
from typing import Callable, Dict, FrozenSet, Iterator, List, Mapping, Tuple

from fuzz import programs, provider
from fuzz.bundle import laid_out, unpacked
from sif.catalog.text import parse_catalog, write_catalog
from sif.check import check
from sif.codec import Unwritable
from sif.convert import Format, convert, write_conversion
from sif.edit import set_key, unset_key
from sif.errors import LifeboatError
from sif.jsonform import to_json
from sif.media import MANIFEST, SIGNATURE, manifest_text, parse_manifest
from sif.merge import canonical, foreign_in_order, merged
from sif.model import System
from sif.parse import Document, parse_document
from sif.problems import errors_of
from sif.reader import LoadedSet, load_set
from sif.substitution import BadPlaceholder, pieces
from sif.text import decode, lex, value_text
from sif.writer import write_set, write_text

Target = Callable[[bytes], None]


class Finding(AssertionError):
    """A promise of the format that does not hold for this input."""


def expect(holds: bool, promise: str) -> None:
    """Raise :class:`Finding` unless ``holds``."""
    if not holds:
        raise Finding(promise)


def part(data: bytes) -> None:
    """One part of a set, read as a set's and as a provider's fragment."""
    text, problems = decode(data, "f")
    if text is None:
        expect(bool(problems), "a text that is refused has a reason")
        return
    for fragment in (False, True):
        document = parse_document(text, "f", fragment=fragment)
        if not errors_of(document.problems):
            _reads_back(document, fragment)
    _described(document)
    _edits_back(text)


def _reads_back(document: Document, fragment: bool) -> None:
    try:
        written = write_text(document.records, document.foreign)
    except Unwritable:
        return  # longer in canonical form than a part may be
    again = parse_document(written, "f", fragment=fragment)
    expect(not errors_of(again.problems), "canonical text has no problems")
    expect(sorted(map(repr, again.records)) == sorted(map(repr, document.records)), "the content is the same")
    expect(foreign_in_order(again.foreign) == foreign_in_order(document.foreign), "what is unknown is the same")
    expect(write_text(again.records, again.foreign) == written, "canonical text is written again as the same bytes")


def _edits_back(text: str) -> None:
    """Setting a key to what it is changes no byte; taking it out and putting it back changes only its place."""
    sections, problems = lex(text, "f")
    if problems:
        return
    lines = text.split("\n")
    chosen = len(text) % len(sections) if sections else 0  # one of them: an edit reads the whole text several times
    for section in sections[chosen:chosen + 1]:
        for entry in section.entries[:2]:
            value = lines[entry.line - 1][entry.value_column - 1:entry.end_column - 1]
            place = (section.kind, section.ident)
            expect(set_key(text, *place, entry.key, value) == text, "an edit that changes nothing changes nothing")
            back = set_key(unset_key(text, *place, entry.key), *place, entry.key, value)
            expect(parsed(back) == parsed(text), "a key that is put back is there again")


def parsed(text: str) -> List[Tuple[str, str, FrozenSet[Tuple[str, str]]]]:
    """The content of a text, whatever it means."""
    return [(section.kind, section.ident, frozenset((entry.key, value_text(entry.atoms, entry.is_list))
                                                    for entry in section.entries)) for section in lex(text, "f")[0]]


def _described(document: Document) -> None:
    """The checks judge whatever parses, sound or not."""
    systems = [record for record in document.records if isinstance(record, System)]
    if document.version is None or len(systems) != 1:
        return
    info = merged(document.version, systems[0], document.records, document.foreign)
    for problem in check(info):
        str(problem)
    to_json(info)


def whole_set(data: bytes) -> None:
    """A directory with any files: refused, or read, and then written elsewhere and read again as the same content."""
    with scratch() as directory:
        source, copy = directory / "source", directory / "copy"
        source.mkdir()
        laid_out(unpacked(data), source)
        try:
            loaded = load_set(source)
        except LifeboatError as error:
            str(error)
            return
        _survives_writing(loaded, copy)


def _survives_writing(loaded: LoadedSet, copy: Path) -> None:
    parts = {"dr_state.sif", *(include.path.lower() for include in loaded.info.includes)}
    beside = {path: content for path, content in loaded.files
              if path.lower() not in (MANIFEST, SIGNATURE, *parts)}
    try:
        write_set(loaded.info, copy, beside)
    except Unwritable:
        return  # more than one part can hold
    again = load_set(copy)
    without = dataclasses.replace(loaded.info, includes=(), version=again.info.version)
    expect(dataclasses.replace(again.info, includes=()) == canonical(without), "a written set reads back as it was")
    before = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
    write_set(again.info, copy, beside)
    expect(before == {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()},
           "a set that was read is written again as the same bytes")


def catalog(data: bytes) -> None:
    """A catalog: what reads without problems is the one text of its entries."""
    entries, problems = parse_catalog(data, "f")
    if not problems:
        expect(write_catalog(entries) == data, "there is one text for one catalog")


def manifest(data: bytes) -> None:
    """A manifest, and ``${...}`` in the same words."""
    text = data.decode("utf-8", "replace")
    entries, problems = parse_manifest(text, "f")
    expect(bool(problems) or len(entries) == len([line for line in text.split("\n") if line]),
           "every line of a sound manifest is an entry")
    expect(manifest_text({}) == "", "no files, no lines")
    try:
        found = pieces(text)
    except BadPlaceholder:
        return
    expect("".join(map(str, found)) == text, "an argument is the sum of its pieces")


def asr(data: bytes) -> None:
    """A Windows ``asr.sif``."""
    _converted({"asr.sif": data}, Format.ASR)


def rear(data: bytes) -> None:
    """A ReaR layout and its side files."""
    files = unpacked(data)
    files.setdefault("layout/disklayout.conf", data)
    _converted(files, Format.REAR)


def _converted(files: Mapping[str, bytes], kind: Format) -> None:
    with scratch() as directory:
        source, output = directory / "source", directory / "output"
        source.mkdir()
        laid_out(files, source)
        try:
            made = convert(source, kind)
            write_conversion(made.info, made.files, made.report, output, partial=True)
        except LifeboatError as error:
            str(error)
            return
        load_set(output)


class scratch:
    """A directory in memory, gone afterwards."""

    def __enter__(self) -> Path:
        self.path = Path(tempfile.mkdtemp(prefix="sif-fuzz-", dir=_memory()))
        return self.path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path)


def _memory() -> str:
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else tempfile.gettempdir()


TARGETS: Dict[str, Target] = {
    "part": part, "set": whole_set, "catalog": catalog, "manifest": manifest, "asr": asr, "rear": rear,
    "signature": programs.signature, "secrets": programs.secrets,
    "provider": provider.answers,
}
"""Name → target. ``tests/fuzz/corpus/NAME`` holds inputs that once found something."""


def names() -> Iterator[str]:
    """The targets' names."""
    return iter(TARGETS)

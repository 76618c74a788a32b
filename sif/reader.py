"""A whole set from its directory: parts, digests, manifest, then the checks. Nothing in it is trusted.

Every file is read once; its digest is taken from the bytes that are then parsed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from sif import media
from sif.catalog.text import MAX_CATALOG_BYTES, parse_catalog
from sif.check import check
from sif.drivers.placement import media_path, placed
from sif.errors import Exit
from sif.foreign import Foreign
from sif.media import DEFAULT_NAME as DEFAULT_NAME
from sif.merge import duplicates, merged
from sif.model import Include, Record, System, SystemInformation, Version
from sif.parse import Document, parse_document, parse_text
from sif.plain import dataclass
from sif.problems import Problem, SifSetBroken, Subject, errors_of, in_order_of_appearance, located, rejection
from sif.text import MAX_FILE_BYTES, MAX_SECTIONS, decode

__all__ = ["DEFAULT_NAME", "LoadedSet", "find_sif", "load_set", "parse_text", "read_set"]


MAX_SET_TEXT_BYTES = 4 * MAX_FILE_BYTES
"""All parts of a set together."""
MAX_SET_SECTIONS = 2 * MAX_SECTIONS
"""Sections of all parts together."""
MAX_SET_BYTES = 256 * 1024 * 1024
"""What reading a set may keep in memory of all its files: a hostile manifest names as many as it likes."""


@dataclass(frozen=True)
class LoadedSet:
    """A set that was read: its content, its warnings, where it lies, and the bytes of all its files."""

    info: SystemInformation
    warnings: Tuple[Problem, ...]
    directory: Path
    files: Tuple[Tuple[str, bytes], ...]
    images: Tuple[Tuple[str, media.Spooled], ...] = ()
    """The images of partitions that lie in the set, verified; they are too large for memory."""

    def file(self, path: str) -> Optional[bytes]:
        """The bytes of the file whose path equals ``path``, exactly or else without regard to case, or None."""
        known = dict(self.files)
        return known.get(path, next((data for name, data in self.files if name.lower() == path.lower()), None))


def read_set(path: Path, *, images: bool = True) -> SystemInformation:
    """Read, verify and check the set at ``path``: a .sif file (its first part) or the set's directory.

    Without ``images`` the images of partitions are not looked at and may be missing: a staged copy of a set has none.
    Raises :class:`sif.problems.SifRejected` with every problem of the set.
    """
    return load_set(path, images=images).info


def load_set(path: Path, instead: Optional[Mapping[str, bytes]] = None, *, images: bool = True) -> LoadedSet:
    """Like :func:`read_set`, with the warnings and the files' bytes.

    ``instead`` (name → bytes) stands for files that are about to be written, so that a change is judged before it is
    made; a signature is not looked at then.
    """
    first = find_sif(path)
    loader = _Loader(first.parent, str(first), instead, images)
    info = loader.load(first.name)
    errors = errors_of(loader.problems)
    if errors or info is None:
        raise rejection(str(first), errors)
    problems = in_order_of_appearance(located(check(info), loader.places), str(first))
    if errors_of(problems):
        raise rejection(str(first), errors_of(problems))
    warnings = tuple(problem for problem in (*loader.problems, *problems) if problem.warning)
    return LoadedSet(info, warnings, first.parent, tuple(sorted(loader.files.items())),
                     tuple(sorted(loader.images.items())))


def find_sif(path: Path) -> Path:
    """The first part of the set at ``path``; names are compared without regard to case."""
    if not path.is_dir():
        return path
    try:
        name = media.find_name(path, DEFAULT_NAME)
        others = sorted(entry.name for entry in path.iterdir() if entry.name.lower().endswith(".sif"))
    except OSError as error:
        raise _broken_set(path, f"the directory cannot be read: {error.strerror}", None) from error
    if name is None and len(others) == 1:
        name = others[0]
    if name is None:
        raise _broken_set(path, f"no {DEFAULT_NAME} here",
                          ", ".join(others) if others else "no .sif file at all")
    return path / name


def _broken_set(path: Path, what: str, found: Optional[str]) -> SifSetBroken:
    return SifSetBroken(str(path), [Problem(what, str(path), found, code=Exit.SIF_SET_BROKEN,
                                            hint="give the SIF file's own path, or its directory")])


class _Loader:
    """Collects the parts of one set and their problems."""

    def __init__(self, directory: Path, title: str, instead: Optional[Mapping[str, bytes]], with_images: bool) -> None:
        self.directory = directory
        self.title = title
        self.instead = instead
        self.with_images = with_images
        self.image_paths: FrozenSet[str] = frozenset()
        self.images: Dict[str, media.Spooled] = {}
        self.room, self.text_room = MAX_SET_BYTES, MAX_SET_TEXT_BYTES
        self.problems: List[Problem] = []
        self.places: Dict[Subject, str] = {}
        self.files: Dict[str, bytes] = {}
        self.unreadable: Set[str] = set()

    def _broken(self, what: str, subject: Optional[Subject] = None, **more: Any) -> None:
        where = self.places.get(subject) if subject else None
        self.problems.append(Problem(what, where or self.title, code=Exit.SIF_SET_BROKEN, **more))

    def load(self, name: str) -> Optional[SystemInformation]:
        """The merged content, or None when ``problems`` says why there is none."""
        first = self._part(name, None)
        if first is None or first.version is None:
            return None
        records: List[Record] = list(first.records)
        foreign: List[Foreign] = list(first.foreign)
        for include in [record for record in records if isinstance(record, Include)]:
            part = self._included(include, first.version, name)
            if part is not None:
                records.extend(record for record in part.records if not isinstance(record, (Version, Include)))
                foreign.extend(found for found in part.foreign if found.kind not in (Version.KIND, Include.KIND))
        self._numbers(first.version, [record for record in records if isinstance(record, Include)])
        self.problems.extend(located(duplicates(records, foreign), self.places))
        systems = [record for record in records if isinstance(record, System)]
        if len(records) + len(foreign) > MAX_SET_SECTIONS:
            self._broken("too many sections in all parts", wanted=f"at most {MAX_SET_SECTIONS}")
        if len(systems) != 1 and not errors_of(self.problems):
            self._broken("a set describes exactly one machine", ("SYSTEM", systems[1].id, "") if systems else None,
                         found=f"{len(systems)} [SYSTEM] sections",
                         wanted="one [SYSTEM id]")
        if errors_of(self.problems):
            return None
        info = merged(first.version, systems[0], records, foreign)
        self._metadata(info)
        self._catalogs(info)
        self._secrets(info)
        self._drivers(info)
        self._images(info)
        self._manifest()
        return info

    def _part(self, name: str, include: Optional[Include]) -> Optional[Document]:
        subject = ("INCLUDE", include.id, "path") if include else None
        data = self._read(name, min(MAX_FILE_BYTES, self.text_room), subject)
        if data is None:
            return None
        self.text_room -= len(data)
        if include and media.sha256_hex(data) != include.sha256:
            self._broken(f"{name} was altered", ("INCLUDE", include.id, "sha256"), found=media.sha256_hex(data),
                         wanted=include.sha256, hint="copy the whole set again")
            return None
        shown = str(self.directory / name)
        text, problems = decode(data, shown)
        self.problems.extend(problems)
        if text is None:
            return None
        document = parse_document(text, shown)
        self.problems.extend(document.problems)
        self.places.update({subject: place for subject, place in document.places.items()
                            if include is None or subject[0] != "VERSION"})
        return document

    def _read(self, name: str, limit: int, subject: Optional[Subject]) -> Optional[bytes]:
        data = (self.instead or {}).get(name)
        if data is None:
            try:
                data = media.read_file(self.directory, name, min(limit, self.room))
            except media.BadFile as error:
                self.unreadable.add(name.lower())
                self._broken(error.what, subject, found=error.found or name, hint=error.hint)
                return None
        self.room -= len(data)
        self.files[name] = data
        return data

    def _included(self, include: Include, version: Version, first: str) -> Optional[Document]:
        place = ("INCLUDE", include.id, "path")
        if "/" in include.path:
            self._broken("a part lies in another directory", place, found=include.path,
                         wanted="a file name in the same directory")
            return None
        name = include.path
        if media.path_fault(name) is None:
            name = media.find_name(self.directory, name) or name
        if name.lower() in (first.lower(), *(known.lower() for known in self.files)):
            self._broken("a part includes itself or is included twice", place, found=include.path)
            return None
        document = self._part(name, include)
        if document is None or document.version is None:
            return None
        self._belongs(document, version, name, include)
        return document

    def _belongs(self, document: Document, version: Version, name: str, include: Include) -> None:
        part = document.version
        assert part is not None
        place = ("INCLUDE", include.id, "path")
        if part.set_id != version.set_id:
            self._broken(f"{name} belongs to another set", place, found=part.set_id, wanted=version.set_id,
                         hint="copy the whole set again")
        if part.parts != version.parts or part.format != version.format:
            self._broken(f"{name} does not agree with the first part",
                         place, found=f"format {part.format}, {part.parts} parts",
                         wanted=f"format {version.format}, {version.parts} parts")
        if str(part.part) != include.id:
            self._broken(f"{name} is another part than the INCLUDE says", place, found=f"part {part.part}",
                         wanted=f"part {include.id}", hint="an INCLUDE's id is the number of the part")
        if any(isinstance(record, Include) for record in document.records):
            self._broken(f"{name} includes another part", place, wanted="INCLUDE only in the first part")

    def _numbers(self, version: Version, includes: List[Include]) -> None:
        wanted = {str(number) for number in range(2, min(version.parts, 100) + 1)}
        found = {include.id for include in includes}
        if version.part != 1 or version.parts != len(wanted) + 1:
            self._broken("not the first part of a set", ("VERSION", "", "part"),
                         found=f"part {version.part} of {version.parts}", wanted="part 1 of 1 to 100")
        elif wanted != found:
            self._broken("the parts of the set are not complete", ("VERSION", "", "parts"),
                         found="INCLUDE " + (", ".join(sorted(found)) or "none"),
                         wanted=f"{version.parts} parts: INCLUDE " + (", ".join(sorted(wanted)) or "none"))

    def _metadata(self, info: SystemInformation) -> None:
        """The small files that storage's records name with their digests."""
        for group in info.vgs:
            self._named(("VG", group.id, "metadata"), group.metadata, group.metadata_sha256,
                        "the volume group's metadata was altered")
        for disk in info.disks:
            self._named(("DISK", disk.id, "boot_code"), disk.boot_code, disk.boot_code_sha256,
                        "the disk's boot code was altered")
            self._named(("DISK", disk.id, "boot_gap"), disk.boot_gap, disk.boot_gap_sha256,
                        "what lies behind the disk's MBR was altered")

    def _named(self, place: Tuple[str, str, str], path: Optional[str], digest: Optional[str], altered: str) -> None:
        if path is None or not path.startswith(media.SCHEME):
            return  # sif.check refuses another scheme
        data = self._read(path[len(media.SCHEME):], media.MAX_SET_FILE_BYTES, place)
        if data is not None and digest not in (None, media.sha256_hex(data)):
            self._broken(altered, place, found=media.sha256_hex(data), wanted=digest)

    def _catalogs(self, info: SystemInformation) -> None:
        """A catalog that cannot be read is found before anything is written, not after the restore."""
        for catalog in info.catalogs:
            place = ("CATALOG", catalog.id, "path")
            if not catalog.path.startswith(media.SCHEME):
                continue  # sif.check refuses another scheme
            data = self._read(catalog.path[len(media.SCHEME):], MAX_CATALOG_BYTES, place)
            if data is None:
                continue
            if media.sha256_hex(data) != catalog.sha256:
                self._broken("the catalog was altered", ("CATALOG", catalog.id, "sha256"),
                             found=media.sha256_hex(data), wanted=catalog.sha256, hint="copy the whole set again")
                continue
            entries, problems = parse_catalog(data, str(self.directory / catalog.path[len(media.SCHEME):]))
            self.problems.extend(problems)
            if not problems and len(entries) != catalog.entries:
                self._broken("the catalog has another number of entries", ("CATALOG", catalog.id, "entries"),
                             found=str(len(entries)), wanted=str(catalog.entries))

    def _secrets(self, info: SystemInformation) -> None:
        if info.secrets is None or not info.secrets.path.startswith(media.SCHEME):
            return  # sif.check refuses another scheme
        data = self._read(info.secrets.path[len(media.SCHEME):], media.MAX_SET_FILE_BYTES, ("SECRETS", "", "path"))
        if data is not None and info.secrets.sha256 != media.sha256_hex(data):
            self._broken("the secrets file was altered", ("SECRETS", "", "sha256"), found=media.sha256_hex(data),
                         wanted=info.secrets.sha256)

    def _drivers(self, info: SystemInformation) -> None:
        """Modules and files that are loaded into the rescue system are what the SIF says, or the set is refused."""
        for record in placed(info):
            inside = media_path(record.path or "")
            if inside is None:
                continue
            data = self._read(inside, media.MAX_SET_FILE_BYTES, (record.KIND, record.id, "path"))
            if data is not None and record.sha256 != media.sha256_hex(data):
                self._broken(f"{inside} was altered", (record.KIND, record.id, "sha256"),
                             found=media.sha256_hex(data), wanted=record.sha256, hint="copy the whole set again")
    def _images(self, info: SystemInformation) -> None:
        """Images are read through, not into memory."""
        mine = {raw.path[len(media.SCHEME):]: raw for raw in info.raws if raw.path.startswith(media.SCHEME)}
        self.image_paths = frozenset(mine)
        for path, raw in mine.items() if self.with_images else ():
            place = ("RAW", raw.id, "path")
            try:
                size, digest = media.file_digest(self.directory, path)
            except media.BadFile as error:
                self._broken(error.what, place, found=error.found or path, hint=error.hint)
                continue
            self.images[path] = media.Spooled(self.directory / path, size, digest)
            if digest != raw.file_sha256:
                self._broken("the image of a partition was altered", ("RAW", raw.id, "file_sha256"), found=digest,
                             wanted=raw.file_sha256, hint="copy the whole set again")

    def _manifest(self) -> None:
        name = media.find_name(self.directory, media.MANIFEST)
        if name is None:
            return
        used = dict(self.files)
        data = self._read(name, MAX_FILE_BYTES, None)
        if data is None:
            return
        shown = str(self.directory / name)
        text, problems = decode(data, shown)
        self.problems.extend(problems)
        entries, problems = media.parse_manifest(text or "", shown)
        self.problems.extend(problems)
        self.places[(media.MANIFEST, "", "")] = f"{shown}:1:1"
        self.places.update({(media.MANIFEST, entry.path, ""): f"{shown}:{entry.line}:1" for entry in entries})
        for entry in entries:
            place = (media.MANIFEST, entry.path, "")
            if entry.path in self.image_paths:
                self._manifest_image(entry)
                continue
            found = used.pop(media.find_name(self.directory, entry.path) or entry.path, None)
            if found is None and entry.path.lower() not in self.unreadable:
                found = self._read(entry.path, media.MAX_SET_FILE_BYTES, place)
            if found is not None and (len(found), media.sha256_hex(found)) != (entry.size, entry.sha256):
                self._broken(f"{entry.path} is not what the manifest says", place, found=f"{len(found)} bytes, "
                             f"{media.sha256_hex(found)}", wanted=f"{entry.size} bytes, {entry.sha256}",
                             hint="copy the whole set again")
        signature = media.find_name(self.directory, media.SIGNATURE)
        if signature is not None and self.instead is None:
            self._read(signature, media.MAX_SIGNATURE_BYTES, None)  # judged by sif.signature
        listed = {entry.path for entry in entries}
        for missing in sorted((*used, *(path for path in self.images if path not in listed))):
            self._broken(f"{missing} is not in the manifest", (media.MANIFEST, "", ""),
                         hint="write the set again with its own tool")

    def _manifest_image(self, entry: media.ManifestEntry) -> None:
        found = self.images.get(entry.path)
        if found is not None and (found.size, found.sha256) != (entry.size, entry.sha256):
            self._broken(f"{entry.path} is not what the manifest says", (media.MANIFEST, entry.path, ""),
                         found=f"{found.size} bytes, {found.sha256}", wanted=f"{entry.size} bytes, {entry.sha256}",
                         hint="copy the whole set again")

"""An edit of a whole set: the part that holds the section, the digests that cover it, all or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import media
from sif.edit.text import add_section, has_section, remove_section, set_key, unset_key
from sif.errors import Exit
from sif.model import Include
from sif.parse import FRAGMENT_KINDS, parse_document
from sif.plain import dataclass
from sif.problems import SifRejected
from sif.reader import LoadedSet, find_sif, load_set
from sif.text import MAX_FILE_BYTES, decode
from sif.writer import write_files


@dataclass(frozen=True)
class Change:
    """What is to become of one section: added or removed as a whole, keys set (to SIF text) and keys removed."""

    kind: str
    id: str
    values: Tuple[Tuple[str, str], ...] = ()
    unset: Tuple[str, ...] = ()
    add: bool = False
    remove: bool = False


def edit_set(path: Path, changes: Sequence[Change], files: Optional[Mapping[str, bytes]] = None) -> LoadedSet:
    """Change the set at ``path``, and return it as it is now.

    ``files`` (path in the set → bytes) are written with it. The INCLUDE digests and the manifest are brought up to
    date; a signature, which is no longer one over that manifest, is removed. Before anything is written the changed
    set is read as a restore would read it: raises SifRejected with every problem, :class:`sif.edit.EditRefused` when
    a section or key is not there, :class:`sif.writer.WriteFailed`. A set whose files are not those of its digests is
    not edited; one that only contradicts itself is, if it does not any more afterwards.
    """
    first = find_sif(path)
    directory = first.parent
    _sound(first)
    before = _parts(directory, first.name)
    after = dict(before)
    for change in changes:
        name = _part_of(change, after, first.name)
        after[name] = _changed(after[name], change, name)
    new: Dict[str, bytes] = {name: text.encode("utf-8") for name, text in after.items() if text != before[name]}
    new.update(_first_part(directory, first.name, after, new))
    new.update(files or {})
    manifest = _manifest(directory, new)
    load_set(first, instead={**new, **manifest})
    if new:
        write_files(directory, (*sorted(new.items()), *manifest.items()))
    return load_set(first)


def _sound(first: Path) -> None:
    try:
        load_set(first)
    except SifRejected as error:
        if error.code is not Exit.SIF_INVALID:
            raise


def _parts(directory: Path, first: str) -> Dict[str, str]:
    """The texts of all parts by the names they have on the medium, the first one first."""
    texts = {first: _text(directory, first)}
    for record in parse_document(texts[first], first).records:
        if isinstance(record, Include):
            name = media.find_name(directory, record.path) or record.path
            texts[name] = _text(directory, name)
    return texts


def _text(directory: Path, name: str) -> str:
    return decode(media.read_file(directory, name, MAX_FILE_BYTES), name)[0] or ""


def _part_of(change: Change, texts: Mapping[str, str], first: str) -> str:
    """The part that has the section; for a new one the part that a writer would put it into."""
    for name, text in texts.items():
        if has_section(text, change.kind, change.id):
            return name
    others = [name for name in texts if name != first]
    return others[0] if others and change.kind in FRAGMENT_KINDS else first


def _changed(text: str, change: Change, name: str) -> str:
    if change.remove:
        return remove_section(text, change.kind, change.id, name)
    if change.add:
        text = add_section(text, change.kind, change.id, name)
    for key in change.unset:
        text = unset_key(text, change.kind, change.id, key, name)
    for key, value in change.values:
        text = set_key(text, change.kind, change.id, key, value, name)
    return text


def _first_part(directory: Path, first: str, texts: Mapping[str, str], new: Mapping[str, bytes]) -> Dict[str, bytes]:
    """The first part with the digests of the other parts that changed; nothing when none did."""
    text = texts[first]
    for record in parse_document(text, first).records:
        if isinstance(record, Include):
            name = media.find_name(directory, record.path) or record.path
            if name in new:
                text = set_key(text, Include.KIND, record.id, "sha256", f'"{media.sha256_hex(new[name])}"', first)
    return {} if text == texts[first] else {first: text.encode("utf-8")}


def _manifest(directory: Path, new: Mapping[str, bytes]) -> Dict[str, bytes]:
    """The manifest with the new files' digests; nothing when the set has none, or when nothing changed."""
    name = media.find_name(directory, media.MANIFEST)
    if name is None or not new:
        return {}
    entries, _ = media.parse_manifest(_text(directory, name), name)
    lines: Dict[str, str] = {entry.path: f"{entry.sha256} {entry.size} {entry.path}\n" for entry in entries}
    spelled: Dict[str, str] = {path.lower(): path for path in lines}
    for path, data in new.items():
        known = spelled.get(path.lower(), path)
        lines[known] = f"{media.sha256_hex(data)} {len(data)} {known}\n"
    ordered: List[str] = [lines[path] for path in sorted(lines)]
    return {name: "".join(ordered).encode("utf-8")}

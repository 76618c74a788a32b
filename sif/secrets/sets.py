"""The secrets file as a file of a set: named by [SECRETS] with its digest."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

from sif import look, media
from sif.errors import UsageError
from sif.features import features_of
from sif.model import SecretsFile, SystemInformation
from sif.reader import DEFAULT_NAME, load_set
from sif.text import Section, lex
from sif.writer import replace_file, write_files

DEFAULT_SECRETS = Path("/etc/sif/secrets.age")
"""The file a capture takes into the set."""

_VALUE = re.compile(r'"[^"]*"|[^ ]+')


def with_secrets(info: SystemInformation, files: Mapping[str, bytes],
                 file: Optional[Path]) -> Tuple[SystemInformation, Mapping[str, bytes]]:
    """The set with the age file ``file``, or with the captured system's :data:`DEFAULT_SECRETS` if that is there.

    Raises UsageError.
    """
    path = look.place(str(DEFAULT_SECRETS)) if file is None else file
    if file is None and not path.exists():
        return info, files
    try:
        return attached(info, files, media.read_file(path.parent, path.name, media.MAX_SET_FILE_BYTES))
    except media.BadFile as error:
        raise UsageError(f"the secrets file: {error.what}", where=str(path), found=error.found) from None


def attached(info: SystemInformation, files: Mapping[str, bytes],
             blob: bytes) -> Tuple[SystemInformation, Mapping[str, bytes]]:
    """A captured set and its files, with the secrets file ``blob`` among them."""
    path = f"secrets/{info.system.hostname}.age"
    secrets = SecretsFile(path=media.SCHEME + path, sha256=media.sha256_hex(blob))
    info = dataclasses.replace(info, secrets=secrets)
    info = dataclasses.replace(info, version=dataclasses.replace(info.version, requires=features_of(info)))
    return info, {**files, path: blob}


def set_of(file: Path) -> Optional[Path]:
    """The directory of the set that ``file`` lies in, its own or the one above; None when there is none."""
    for directory in (file.absolute().parent, file.absolute().parent.parent):
        if directory.is_dir() and media.find_name(directory, DEFAULT_NAME):
            return directory
    return None


def store_blob(file: Path, blob: bytes) -> Optional[Path]:
    """Write the secrets file; if it lies in a set, make that set name it, and return the set's directory.

    The set's [SECRETS] and manifest get the new digest, nothing else in it changes; a signature it had is removed.
    Raises SifRejected, before anything is written, for a set that is not sound.
    """
    directory = set_of(file)
    if directory is None:
        file.absolute().parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, blob)
        return None
    loaded = load_set(directory)
    path = file.absolute().relative_to(directory).as_posix()
    fault = media.path_fault(path)
    if fault:
        raise UsageError(f"a file cannot be part of a set: {fault}", found=path)
    content = {name: data for name, data in loaded.files
               if name.lower() not in (media.MANIFEST, media.SIGNATURE)}
    first = media.find_name(directory, DEFAULT_NAME) or DEFAULT_NAME
    text = content[first].decode("utf-8")
    sections = [section for section in lex(text, first)[0] if section.kind == SecretsFile.KIND]
    if loaded.info.secrets is not None and not sections:
        raise UsageError("[SECRETS] is not in the first part of the set", where=str(directory),
                         hint="write the secrets to another file, and capture again with --secrets")
    values = {"path": media.SCHEME + path, "sha256": media.sha256_hex(blob)}
    changed = {path: blob, first: _edited(text, sections[0] if sections else None, values).encode("utf-8")}
    manifest = media.manifest_text({**content, **changed}).encode("utf-8")
    write_files(directory, (*sorted(changed.items()), (media.MANIFEST, manifest)))
    load_set(directory)
    return directory


def _edited(text: str, section: Optional[Section], values: Dict[str, str]) -> str:
    """The SIF with ``values`` in its [SECRETS]; every other line, and every comment, as it was."""
    lines: List[str] = text.split("\n")
    if section is None:
        body = "".join(f'{key} = "{value}"\n' for key, value in values.items())
        return text.rstrip("\n") + f"\n\n[{SecretsFile.KIND}]\n{body}"
    for entry in section.entries:
        if entry.key in values:
            line, at = lines[entry.line - 1], entry.value_column - 1
            lines[entry.line - 1] = line[:at] + _VALUE.sub(f'"{values[entry.key]}"', line[at:], count=1)
    return "\n".join(lines)

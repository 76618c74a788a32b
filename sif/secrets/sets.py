"""The secrets file as a file of a set: named by [SECRETS] with its digest."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Optional, Tuple

from sif import look, media
from sif.edit import Change, edit_set
from sif.errors import UsageError
from sif.features import features_of
from sif.model import SecretsFile, SystemInformation
from sif.plain import replace
from sif.reader import DEFAULT_NAME, load_set
from sif.secrets import DEFAULT_SECRETS
from sif.text import quoted
from sif.writer import replace_file


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
    info = replace(info, secrets=secrets)
    info = replace(info, version=replace(info.version, requires=features_of(info)))
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
    path = file.absolute().relative_to(directory).as_posix()
    fault = media.path_fault(path)
    if fault:
        raise UsageError(f"a file cannot be part of a set: {fault}", found=path)
    values = (("path", quoted(media.SCHEME + path)), ("sha256", quoted(media.sha256_hex(blob))))
    new = load_set(directory).info.secrets is None
    edit_set(directory, [Change(SecretsFile.KIND, "", values, add=new)], {path: blob})
    return directory

"""LUKS headers as secrets: whoever has one and a passphrase, even one that was changed since, can open the volume.

A header goes from cryptsetup through a file in memory into the age file, packed by gzip, and
never lies on a disk in clear.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple

from sif import media
from sif.capture.luks_header import MAGIC, header_secret
from sif.errors import UsageError
from sif.model import Luks, SystemInformation
from sif.plain import replace
from sif.run import run
from sif.secrets import DEFAULT_SECRETS
from sif.secrets.age import MAX_STORED_BYTES, SecretUnavailable, encrypt, open_secrets
from sif.secrets.files import private_place
from sif.secrets.names import SCHEME
from sif.secrets.sets import attached

_SECONDS = 120.0
_BINARY_BYTES = 4096
"""LUKS2's binary header, after which its JSON begins."""


def with_headers(info: SystemInformation, files: Mapping[str, bytes], *, recipients: Sequence[str],
                 secrets: Optional[Path] = None,
                 identities: Sequence[Path] = ()) -> Tuple[SystemInformation, Mapping[str, bytes]]:
    """The set with the header of every LUKS volume in its secrets file, for ``recipients``.

    The secrets of ``secrets`` (by default :data:`DEFAULT_SECRETS`) are kept; ``identities`` open it. Raises
    UsageError when that can't be done, CommandFailed when a header can't be read.
    """
    if not info.luks:
        raise UsageError("there is no LUKS volume whose header could be saved", hint="leave out --luks-headers")
    values: Dict[str, bytes] = {}
    known = secrets if secrets is not None else DEFAULT_SECRETS
    if secrets is not None or known.exists():
        if not identities:
            raise UsageError("the secrets file has to be opened to add the headers", where=str(known),
                             wanted="--secrets-identity FILE")
        with open_secrets(known, identities) as opened:
            values.update({name: opened.value(name) for name in opened.names})
    values.update({header_secret(luks.device): read_header(luks) for luks in info.luks})
    blob = encrypt(values, recipients, MAX_STORED_BYTES)
    if len(blob) > media.MAX_SET_FILE_BYTES:
        raise UsageError("the headers are too large for a secrets file", found=f"{len(blob)} bytes",
                         wanted=f"at most {media.MAX_SET_FILE_BYTES}")
    named = tuple(replace(luks, header=SCHEME + header_secret(luks.device)) for luks in info.luks)
    return attached(replace(info, luks=named), files, blob)


def read_header(luks: Luks) -> bytes:
    """The packed header of a volume of the running machine. Not through the capture's door: no tape may hold it."""
    device = f"/dev/disk/by-uuid/{luks.uuid}"
    with private_place("header") as place:
        run(["cryptsetup", "luksHeaderBackup", device, "--header-backup-file", str(place)], timeout=_SECONDS)
        return packed(blanked(place.read_bytes()))


def blanked(header: bytes) -> bytes:
    """The header with zeros where no keyslot lies.

    cryptsetup fills LUKS2's 16 MiB with random bytes, which no packing makes smaller; and where a keyslot was removed,
    what an old passphrase opened may still lie. LUKS1's header is small, and kept whole.
    """
    if header[6:8] != b"\0\2":
        return header
    size = int.from_bytes(header[8:16], "big")
    metadata = json.loads(header[_BINARY_BYTES:size].partition(b"\0")[0])
    kept = bytearray(len(header))
    kept[:2 * size] = header[:2 * size]  # both copies of the metadata
    for slot in metadata["keyslots"].values():
        begin, end = int(slot["area"]["offset"]), int(slot["area"]["offset"]) + int(slot["area"]["size"])
        kept[begin:end] = header[begin:end]
    return bytes(kept)


def packed(header: bytes) -> bytes:
    """A header as the secrets file holds it: gzip, without a time, so that the same header gives the same bytes."""
    return gzip.compress(header, mtime=0)


def unpacked(value: bytes) -> bytes:
    """What ``cryptsetup luksHeaderRestore`` takes. Raises SecretUnavailable for something else."""
    try:
        header = gzip.decompress(value)
    except (OSError, EOFError, zlib.error):
        header = b""
    if not header.startswith(MAGIC):
        raise SecretUnavailable("the secret is not a packed LUKS header", found=f"{len(value)} bytes")
    return header

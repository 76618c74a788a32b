"""The section of the secrets file, and no secret in the text."""

from __future__ import annotations

from typing import Iterator, Sequence, Tuple

from sif.checks.common import SHA256, bad
from sif.media import SCHEME, path_fault
from sif.model import Record, SystemInformation
from sif.problems import Problem
from sif.secrets.names import has_password


def check_secrets(info: SystemInformation) -> Iterator[Problem]:
    """The file is one of the set, and every place to look for a secret is named once."""
    section = info.secrets
    if section is None:
        return
    fault = path_fault(section.path[len(SCHEME):]) if section.path.startswith(SCHEME) else "no media: before it"
    if fault:
        yield bad(section, "path", f"not a file of the set: {fault}", found=section.path,
                  wanted="media:PATH below the SIF's directory")
    if not SHA256.fullmatch(section.sha256):
        yield bad(section, "sha256", "not a SHA-256", found=section.sha256, wanted="64 hex digits")
    if not section.order or len(set(section.order)) != len(section.order):
        yield bad(section, "order", "a secret must be looked for somewhere, and nowhere twice",
                  found=", ".join(source.value for source in section.order) or "nowhere")


def check_addresses(info: SystemInformation) -> Iterator[Problem]:
    """No address has a password in it; what is found is not repeated."""
    texts: Sequence[Tuple[Record, str, Sequence[str]]] = (
        *((store, "location", (store.location,)) for store in info.stores),
        *((command, "argv", command.argv) for command in info.commands),
        *((command, "env", command.env) for command in info.commands),
        *((mount, "what", (mount.what,)) for mount in info.mounts))
    for record, key, words in texts:
        if any(map(has_password, words)):
            yield bad(record, key, "an address with a password in it", wanted="no secret in the text of a set",
                      hint="keep it as secret:NAME and have the program read it from ${secretfile:NAME}")

"""The section of the secrets file."""

from __future__ import annotations

from typing import Iterator

from sif.checks.common import SHA256, bad
from sif.media import SCHEME, path_fault
from sif.model import SystemInformation
from sif.problems import Problem


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

"""A small machine's tree with a dpkg database, made of files: what the catalog's tests look at."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Dict, Sequence

CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
"""cap_net_raw+ep as the kernel stores it (version 2)."""


class DpkgTree:
    """Writes packages as dpkg leaves them: their files, and what dpkg notes of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.status = b""
        self.diversions = b""
        (root / "var/lib/dpkg/info").mkdir(parents=True)
        self.finish()

    def file(self, path: bytes, data: bytes, mode: int = 0o644) -> None:
        """A file of the tree; ``path`` is absolute in it."""
        place = os.fsencode(self.root) + path
        Path(os.fsdecode(place)).parent.mkdir(parents=True, exist_ok=True)
        with open(place, "wb") as stream:  # noqa: PTH123 - a path of bytes
            stream.write(data)
        os.chmod(place, mode)  # noqa: PTH101 - a path of bytes

    def package(self, name: str, files: Dict[bytes, bytes], *, version: str = "1.0-1", conffiles: Sequence[bytes] = (),
                others: Sequence[bytes] = (), state: str = "install ok installed", sums: bool = True,
                same: bool = False) -> None:
        """A package's records; ``files`` is what the archive held, whether the tree has it or not."""
        stem = f"{name}:amd64" if same else name
        info = self.root / "var/lib/dpkg/info"
        listed = [*others, *files, *conffiles]
        (info / f"{stem}.list").write_bytes(b"/.\n" + b"".join(path + b"\n" for path in listed))
        if sums:
            (info / f"{stem}.md5sums").write_bytes(b"".join(_sum(path, data) for path, data in files.items()))
        fields = [f"Package: {name}", f"Status: {state}", "Architecture: amd64", f"Version: {version}",
                  *(["Multi-Arch: same"] if same else []), "Description: a package", " more words", " ."]
        text = "\n".join(fields).encode()
        if conffiles:
            text += b"\nConffiles:" + b"".join(b"\n " + path + b" " + b"0" * 32 for path in conffiles)
        self.status += text + b"\n\n"
        self.finish()

    def divert(self, path: bytes, to: bytes, package: str) -> None:
        """As ``dpkg-divert --package PACKAGE --divert TO PATH`` notes it."""
        self.diversions += path + b"\n" + to + b"\n" + package.encode() + b"\n"
        self.finish()

    def finish(self) -> None:
        """Write the database's two files."""
        (self.root / "var/lib/dpkg/status").write_bytes(self.status)
        (self.root / "var/lib/dpkg/diversions").write_bytes(self.diversions)


def _sum(path: bytes, data: bytes) -> bytes:
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
    name = path.lstrip(b"/")
    if b"\\" in name:
        return b"\\" + digest + b"  " + name.replace(b"\\", b"\\\\") + b"\n"
    return digest + b"  " + name + b"\n"

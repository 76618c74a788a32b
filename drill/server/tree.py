"""The server's files before it has disks: one mmdebstrap run, packed as a tar and as an installer image."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

from drill.cache import cached, key_of
from drill.errors import ServerError
from drill.server import facts
from sif.removal import remove_tree
from sif.run import run

LAYOUT = "3"
"""Raised when the way the tree is packed changes, so that older cached trees are not used."""


@dataclass(frozen=True)
class Tree:
    """A cached tree. ``tar`` is what the installer unpacks, ``image`` is the ext4 the installer itself runs from."""

    folder: Path
    key: str

    @property
    def tar(self) -> Path:
        return self.folder / "tree.tar"

    @property
    def image(self) -> Path:
        return self.folder / "installer.ext4"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"


def server_tree(server: facts.Server = facts.Server.PLAIN) -> Tree:
    """The tree from the cache, or a new one (about a minute). Raises :class:`ServerError`."""
    packages = facts.packages(server)
    key = key_of((LAYOUT, facts.SUITE, *packages, *facts.PATH_EXCLUDES))
    return Tree(cached("tree", key, lambda folder: _make(folder, packages)), key)


def debian_mirror() -> str:
    """The Debian mirror that this host's apt is configured for (``$LIFEBOAT_MIRROR`` wins)."""
    chosen = os.environ.get("LIFEBOAT_MIRROR")
    if chosen:
        return chosen
    listed = run(("apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages"),
                 timeout=60).stdout
    for line in listed.splitlines():
        uri, _, component = line.partition(" ")
        if component == "main" and uri.rstrip("/").endswith("/debian"):
            return uri.rstrip("/")
    raise ServerError("apt on this host knows no Debian mirror", where="apt-get indextargets",
                      found=listed.strip()[:500] or "nothing", wanted="an archive whose path ends in /debian",
                      hint="set LIFEBOAT_MIRROR=URL")


def _make(folder: Path, packages: Tuple[str, ...]) -> None:
    root = folder / "root"
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in facts.PATH_EXCLUDES]
    run(("mmdebstrap", "--mode=root", "--variant=minbase", "--architectures=amd64",
         "--aptopt=Apt::Install-Recommends \"false\"", *options, f"--include={','.join(packages)}",
         facts.SUITE, str(root), debian_mirror()), timeout=1800)
    for name in ("vmlinuz", "initrd.img"):
        link = (root / name).readlink()
        shutil.copyfile(root / link.relative_to("/") if link.is_absolute() else root / link, folder / name)
    # The host gave its own name resolution to the chroot; the server has none, and its own identity comes later.
    (root / "etc/resolv.conf").write_text("nameserver 10.0.2.3\n")
    (root / "etc/machine-id").write_text("")
    run(("tar", "--create", f"--file={folder / 'tree.tar'}", "--acls", "--xattrs", "--xattrs-include=*",
         "--numeric-owner", "--sort=name", "-C", str(root), "."), timeout=600)
    image = folder / "installer.ext4"
    with image.open("wb") as file:
        file.truncate(1200 * facts.MIB)
    run(("mkfs.ext4", "-q", "-F", "-L", "installer", "-E", "lazy_itable_init=1", "-d", str(root), str(image)),
        timeout=600)
    remove_tree(root)

"""A file that the backup brings back no more: its package lies beside the set, and the catalog names its content."""

from __future__ import annotations

import json
import os
from pathlib import Path

from drill.errors import DrillFailed
from drill.guest import Guest
from sif.run import run

PACKAGE = "acl"
LOST = "/usr/bin/getfacl"
"""The restore command leaves this file out."""


def offer_package(guest: Guest, work: Path, directory: str) -> str:
    """Put a package with the file, as dpkg-deb builds it, into a directory of the guest; returns its name."""
    version = guest.run(("dpkg-query", "--show", "--showformat=${Version}", PACKAGE), timeout=60).text.strip()
    modified = int(guest.run(("stat", "--format=%Y", LOST), timeout=60).text)
    tree, name = work / "package", f"{PACKAGE}_{version.replace(':', '%3a')}_amd64.deb"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(f"Package: {PACKAGE}\nVersion: {version}\nArchitecture: amd64\n"
                                         "Maintainer: drill <root@localhost>\nDescription: one file of it\n")
    file = tree / LOST.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_bytes(guest.read(LOST))
    os.utime(file, (modified, modified))
    run(("dpkg-deb", "--root-owner-group", "--build", str(tree), str(work / name)), timeout=60)
    guest.run(("mkdir", "-p", directory), timeout=60)
    guest.write(f"{directory}/{name}", (work / name).read_bytes())
    return name


def require_put_back(logs: Path) -> None:
    """Raise :class:`DrillFailed` unless the recovery's report says that this file, and no other, was put back."""
    for report in logs.glob("*/report.json"):
        catalog = json.loads(report.read_text("utf-8"))["catalog"]
        found = [(finding["path"], finding["outcome"]) for finding in catalog["findings"]]
        if found == [(LOST, "put back")] and not catalog["unresolved"]:
            return
        raise DrillFailed("the recovery did not put back what the backup lacked, and nothing else", where=str(report),
                          found=str(found), wanted=f"{LOST}: put back")
    raise DrillFailed("the recovery left no report", where=str(logs))

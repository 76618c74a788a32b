"""What the server's administrator did before the disaster: two backup programs and their restore commands."""

from __future__ import annotations

from typing import Tuple

from drill.guest import Guest
from drill.secret import GUEST_PASSWORD

STORE_LABEL = "store"
STICK_LABEL = "SIF"
STORE_MOUNT = "/run/drill/store"
STICK_MOUNT = "/run/drill/stick"
"""Below /run, so that the mount points are no part of the backup."""
BACKUP_SECONDS = 3600.0

RESTIC = ("restic", "-r", f"{STORE_MOUNT}/restic", "--password-file", GUEST_PASSWORD, "--no-cache")

FILES_FRAGMENT = """[STORE files]
kind = restic
location = "/restic"
device = "LABEL=store"
snapshot = "latest"
password = secret:restic

[COMMAND 2000]
phase = 2
vendor = "restic"
title = "Restore the system's files"
argv = ["restic", "-r", "${store:files}", "--no-lock", "--no-cache", "restore", \
"${snapshot:files}", "--target", "${target}", "--exclude", "/usr/bin/getfacl", "--sparse", "--json"]
env = ["RESTIC_PASSWORD_FILE=${secretfile:restic}"]
timeout_s = 3600
progress = json-lines
"""
"""The provider fragment of the file-level backup program. It leaves out :data:`drill.package.LOST`.

`latest` keeps the file itself in the backup it names.
"""

DATA_FRAGMENT = """[STORE data]
kind = tar
location = "/tar"
device = "LABEL=store"
snapshot = "srv.tar"

[COMMAND 2100]
phase = 2
vendor = "tar"
title = "Unpack the data volume"
argv = ["tar", "--extract", "--file", "${store:data}/${snapshot:data}", "--acls", "--xattrs", \
"--xattrs-include=*", "--sparse", "--numeric-owner", "--same-owner", "--same-permissions", "-C", "${target}"]
timeout_s = 3600
progress = lines
"""
"""The provider fragment of the archive program."""


def install_fragments(guest: Guest) -> None:
    """Leave the restore commands where `sif capture` looks for them."""
    guest.run(("mkdir", "-p", "/etc/sif/providers.d"), timeout=60)
    guest.write("/etc/sif/providers.d/restic.sif", FILES_FRAGMENT.encode())
    guest.write("/etc/sif/providers.d/tar.sif", DATA_FRAGMENT.encode())


def mount(guest: Guest, label: str, where: str) -> None:
    """Mount the file system of that label."""
    guest.run(("udevadm", "settle"), timeout=120)
    guest.run(("mkdir", "-p", where), timeout=60)
    guest.run(("mount", f"LABEL={label}", where), timeout=60)


def back_up_files(guest: Guest, mounts: Tuple[str, ...]) -> str:
    """Everything mounted there but /srv into the restic repository; returns restic's summary line."""
    guest.run((*RESTIC, "init"), timeout=BACKUP_SECONDS)
    targets = tuple(place for place in mounts if place != "/srv")
    said = guest.run((*RESTIC, "backup", "--one-file-system", "--quiet", "--json", *targets), timeout=BACKUP_SECONDS)
    return said.text.strip().splitlines()[-1]


def back_up_data(guest: Guest) -> None:
    """/srv into a tar on the same store."""
    guest.run(("mkdir", "-p", f"{STORE_MOUNT}/tar"), timeout=60)
    guest.run(("tar", "--create", "--file", f"{STORE_MOUNT}/tar/srv.tar", "--acls", "--xattrs", "--xattrs-include=*",
               "--sparse", "--numeric-owner", "--one-file-system", "-C", "/", "srv"), timeout=BACKUP_SECONDS)


def unmount(guest: Guest, *places: str) -> None:
    """Unmount, so that everything is on the devices."""
    for place in places:
        guest.run(("umount", place), timeout=120)

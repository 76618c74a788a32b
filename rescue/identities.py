"""The keys that open a set's age file: on a stick of their own, never on the set's medium or the machine's disks."""

from __future__ import annotations

import base64
import binascii
import re
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Tuple

from rescue.blockdev import BlockDevice, BlockDevices, read_block_devices
from rescue.medium import find_sif_files
from rescue.readonly import looked_into
from rescue.workspace import Workspace
from sif.errors import CommandFailed
from sif.run import run
from sif.secrets.files import private_file

LABEL = "LIFEBOATKEY"
"""Label of the file system that holds identities; vfat has room for eleven characters."""
MAX_IDENTITY_BYTES = 64 * 1024
MAX_IDENTITIES = 16
SYSFS = Path("/sys/class/block")
_AGE = re.compile(rb"^AGE-(SECRET-KEY|PLUGIN)-", re.MULTILINE)
_PROTECTED_AGE = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")
_SSH = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", re.DOTALL)
_PEM = re.compile(rb"-----BEGIN (?:RSA |EC )?PRIVATE KEY-----")


@dataclass(frozen=True)
class Identities:
    """Files in memory, for ``age --identity``, and what was seen on the way, for the operator."""

    paths: Tuple[Path, ...]
    told: Tuple[str, ...]


def is_identity(data: bytes) -> bool:
    """Whether a file's content is some kind of private key that age takes."""
    return bool(_AGE.search(data) or _SSH.search(data) or _PEM.search(data) or data.startswith(_PROTECTED_AGE))


def why_unusable(data: bytes) -> Optional[str]:
    """Why an identity cannot be used here, or None: what asks for a passphrase asks on a terminal of its own."""
    if _AGE.search(data):
        return None
    ssh = _SSH.search(data)
    if data.startswith(_PROTECTED_AGE) or b"ENCRYPTED" in data[:200] or (ssh and _ssh_cipher(ssh.group(1)) != b"none"):
        return "it is protected by a passphrase: bring it without one, or type the secrets themselves"
    return None


def _ssh_cipher(body: bytes) -> bytes:
    """The cipher of an OpenSSH private key, see PROTOCOL.key of OpenSSH; empty when it cannot be read."""
    try:
        raw = base64.b64decode(b"".join(body.split()), validate=True)
    except binascii.Error:
        return b""
    magic = b"openssh-key-v1\0"
    size = int.from_bytes(raw[len(magic):len(magic) + 4], "big")
    return raw[len(magic) + 4:len(magic) + 4 + size] if raw.startswith(magic) else b""


def key_devices(devices: BlockDevices, removable: Callable[[str], bool]) -> Tuple[BlockDevice, ...]:
    """The file systems with our label on removable disks; one on a fixed disk of the machine is not believed."""
    return tuple(device for device in devices.by_label(LABEL)
                 if device.fstype and all(removable(disk) for disk in devices.disks_under(device)))


def is_removable(disk: str, sysfs: Path = SYSFS) -> bool:
    """Whether a disk (kernel name) is a stick, a card, a CD or anything on USB."""
    try:
        return (sysfs / disk / "removable").read_text(encoding="ascii").strip() == "1" or \
            "/usb" in str((sysfs / disk).resolve())
    except OSError:
        return False


def key_disks(devices: BlockDevices) -> Tuple[str, ...]:
    """Kernel names of the disks with identities: no restore may write to them."""
    return tuple(disk for device in key_devices(devices, is_removable) for disk in devices.disks_under(device))


@contextmanager
def identities_at_hand(workspace: Workspace, patience_s: float, *, clock: Callable[[], float] = time.monotonic,
                       sleep: Callable[[float], None] = time.sleep) -> Iterator[Identities]:
    """Copy the identities on removable media labelled :data:`LABEL` into memory; they are wiped at the end.

    Waits up to ``patience_s`` seconds for such a medium to be recognised; none at all is no error here. The
    medium is mounted read-only, and only while it is read.
    """
    with ExitStack() as wiped:
        paths: List[Path] = []
        told: List[str] = []
        for device in _wait(patience_s, clock, sleep):
            try:
                with looked_into(device.path, device.fstype or "auto", workspace.look(device.kname)) as root:
                    if find_sif_files(root, None):
                        told.append(f"{device.path} ({LABEL}) holds a SIF too: keys belong on a medium of their own")
                        continue
                    read = read_identities(root)
            except CommandFailed as error:
                told.append(f"{device.path} ({LABEL}) cannot be read: {error.found or error.what}")
                continue
            for name, data in read:
                reason = why_unusable(data)
                if reason is None:
                    paths.append(wiped.enter_context(private_file(f"identity-{len(paths)}", data)))
                told.append(f"identity {name} on {device.path}" + (f" cannot be used: {reason}" if reason else ""))
        yield Identities(tuple(paths), tuple(told))


def read_identities(root: Path) -> Tuple[Tuple[str, bytes], ...]:
    """Name and content of the identities in the root of a medium, in the order of their names."""
    found = []
    for path in sorted(root.iterdir()):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MAX_IDENTITY_BYTES:
            continue
        data = path.read_bytes()
        if is_identity(data):
            found.append((path.name, data))
    return tuple(found[:MAX_IDENTITIES])


def _wait(patience_s: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> Tuple[BlockDevice, ...]:
    deadline = clock() + patience_s
    while True:
        run(["udevadm", "settle", "--timeout=20"], timeout=30, check=False)
        found = key_devices(read_block_devices(), is_removable)
        if found or clock() >= deadline:
            return found
        # USB has no end-of-enumeration event to wait for: this is a poll with a deadline.
        sleep(1.0)

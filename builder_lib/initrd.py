"""Complete the base's initramfs for one image: what the image's digest is, and which drivers lead to its medium.

The kernel unpacks archives behind each other into one tree; ours is put behind dracut's. The digest binds the squashfs
to the initramfs: whoever can vouch for kernel and initramfs (a measured boot does) vouches for everything.
"""

from __future__ import annotations

import lzma
import tempfile
from pathlib import Path
from typing import List, Tuple

from builder_lib.cpio import Entry, archive, padded
from sif.run import run

DIGEST = "lifeboat/image.sha256"
ARGUMENTS = {"etc/cmdline.d/50-lifeboat.conf": b"rd.minmem=256\n"}
"""MiB that must be left beside the image (dracut's 1024 are too many). Not on the kernel's command line: iPXE takes the
first `mem=` anywhere in it for the kernel's limit of memory, and then finds no room for the image."""
MODULES = "lifeboat/drivers"
IMAGE = "lifeboat.img"
"""The squashfs, when a boot loader has brought it as a part of the initramfs."""


def complete_initrd(initrd: bytes, squashfs_sha256: str, modules: Tuple[Path, ...]) -> bytes:
    """The initramfs with our archive behind it. The hooks that read it are in elements/lifeboat-boot."""
    files: List[Entry] = [Entry(DIGEST, f"{squashfs_sha256}\n".encode())]
    files += [Entry(path, data) for path, data in ARGUMENTS.items()]
    # In the order in which they are to be loaded: one may need another.
    files += [Entry(f"{MODULES}/{number:02d}-{path.name.split('.ko')[0]}.ko", _plain(path))
              for number, path in enumerate(modules)]
    return padded(initrd) + archive(files)


def _plain(path: Path) -> bytes:
    """The module itself: insmod of busybox may not know compression."""
    if path.name.endswith(".zst"):
        with tempfile.TemporaryDirectory() as place:
            plain = Path(place) / "module.ko"
            run(["zstd", "--decompress", "--quiet", "-o", str(plain), str(path)], timeout=60)
            return plain.read_bytes()
    data = path.read_bytes()
    return lzma.decompress(data) if path.name.endswith(".xz") else data

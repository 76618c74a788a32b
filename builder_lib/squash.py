"""Pack the base tree, our own code and what is the site's into the squashfs from which the rescue system runs.

The base is packed once; code and site, which change often, are appended to a copy of it as /opt/lifeboat (the base has
symbolic links from /usr/lib/python3/dist-packages to it). So a change of them costs seconds, at any compression.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

from builder_lib.cache import Cache, digest, digest_of_files, sha256_of
from builder_lib.compression import COMPRESSIONS
from builder_lib.epoch import clamp, epoch, reproducible
from builder_lib.initrd import complete_initrd
from builder_lib.options import PROJECT, BuildOptions
from builder_lib.progress import Progress
from builder_lib.site import SiteFile, early_modules, finish, site_files, site_key, write_site
from builder_lib.tree import BaseTree
from sif.run import run

CODE_PACKAGES = ("sif", "rescue")
CODE_TARGET = Path("opt/lifeboat")
LEFT_OUT = (
    # On every medium beside the squashfs already; the initramfs brings them into the running system.
    "usr/lib/lifeboat/boot/vmlinuz", "usr/lib/lifeboat/boot/initrd.img", "usr/lib/lifeboat/boot/modules",
    # What only makes media. Staging takes i386-pc and the signed gcd.
    "usr/lib/lifeboat/boot/bios.img", "usr/lib/lifeboat/boot/bios.pxe", "usr/lib/lifeboat/boot/memtest86+x64.bin",
    "usr/lib/lifeboat/boot/memtest86+x64.efi", "usr/lib/lifeboat/boot/network-start.img",
)
"""Paths of the base tree that are not in the squashfs, nor is what only makes media of an architecture."""
PACK_TIMEOUT = 3600.0
SAME_EVERY_TIME = ("-no-duplicates",)
"""mksquashfs looks whether it has packed a file before while other threads still pack, and now and then misses it: two
images of the same files would differ (plougher/squashfs-tools, issue 362). Elements link equal files instead."""


@dataclass(frozen=True)
class RescueSystem:
    """What starts the rescue system, by whatever means: kernel, initramfs and squashfs, and the tree they came from."""

    kernel: Path
    initrd: Path
    squashfs: Path
    tree: BaseTree
    key: str


def code_files(project: Path = PROJECT) -> Tuple[Path, ...]:
    """The files of our packages that go into the image, without what Python leaves beside them."""
    return tuple(sorted(path for name in CODE_PACKAGES for path in (project / name).rglob("*")
                        if path.is_file() and "__pycache__" not in path.parts))


def left_out(options: BuildOptions, tree: BaseTree) -> Tuple[str, ...]:
    """Paths of the base tree that are not in the squashfs; modules that the initramfs brings are among them."""
    return (*_only_for_media(options), *(tree.boot / "modules").read_text("ascii").split())


def _only_for_media(options: BuildOptions) -> Tuple[str, ...]:
    return (*LEFT_OUT, *options.architecture.only_for_media)


def squash_key(tree: BaseTree, options: BuildOptions) -> str:
    """Names the packed base."""
    return digest([tree.key, *_squash_options(options), str(epoch(options)), *_only_for_media(options)])


def system_key(key_of_base: str, site: Tuple[SiteFile, ...]) -> str:
    """Names the packed base with our code and the site's files in it."""
    ours = [Path(__file__).with_name(name) for name in ("squash.py", "site.py", "initrd.py")]
    return digest([key_of_base, digest_of_files(code_files(), PROJECT), site_key(site),
                   digest_of_files(ours, Path(__file__).parent)])


def build_system(cache: Cache, options: BuildOptions, tree: BaseTree, progress: Progress) -> RescueSystem:
    """The squashfs with base, code and site, from the cache as far as its inputs are unchanged."""
    key_of_base = squash_key(tree, options)
    with progress.step(f"packing the base tree ({options.config.image.compression})") as step:
        base, cached = cache.layer("squash", key_of_base, lambda product: _pack_base(tree, options, product))
        step.note = "unchanged" if cached else "new"
    site = site_files(options, tree.kernel_release)
    key = digest([system_key(key_of_base, site), *(path.name for path in early_modules(options.config))])
    with progress.step("adding the agent's code and the site's files") as step:
        system, cached = cache.layer("system", key,
                                     lambda product: _add_code(cache, options, tree, base, site, product))
        step.note = "unchanged" if cached else "new"
    return RescueSystem(tree.boot / "vmlinuz", system / "initrd.img", system / "filesystem.squashfs", tree, key)


def _squash_options(options: BuildOptions) -> Tuple[str, ...]:
    return (*SAME_EVERY_TIME, *options.architecture.squash_options(COMPRESSIONS[options.config.image.compression]))


def _pack_base(tree: BaseTree, options: BuildOptions, product: Path) -> None:
    """Pack all of the tree except /opt, which is appended with the code in it."""
    present = tuple(path for path in left_out(options, tree) if (tree.path / path).exists())
    run(["mksquashfs", str(tree.path), str(product / "base.squashfs"), "-noappend", "-no-progress", "-quiet",
         *_squash_options(options), "-e", CODE_TARGET.parts[0], *present], timeout=PACK_TIMEOUT,
        env=reproducible(options))


def _add_code(cache: Cache, options: BuildOptions, tree: BaseTree, base: Path, site: Tuple[SiteFile, ...],
              product: Path) -> None:
    image = product / "filesystem.squashfs"
    shutil.copyfile(base / "base.squashfs", image)
    with cache.scratch("code") as work:
        root = work / "root"
        code = root / CODE_TARGET
        code.mkdir(parents=True)
        for path in code_files():
            target = code / path.relative_to(PROJECT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        _compile(tree, code)
        write_site(site, code)
        if (code / "site").is_dir():
            finish(tree, code / "site", work)
        root.chmod(0o755)
        # All of it was made this minute; the time is no part of the image.
        clamp(root, epoch(options))
        run(["mksquashfs", str(root), str(image), "-no-progress", "-quiet", "-all-root", "-no-recovery",
             *SAME_EVERY_TIME], timeout=PACK_TIMEOUT, env=reproducible(options))
    (product / "initrd.img").write_bytes(complete_initrd((tree.boot / "initrd.img").read_bytes(), sha256_of(image),
                                                         early_modules(options.config)))


def _compile(tree: BaseTree, code: Path) -> None:
    """Compile our packages with the image's own Python, so that the rescue system need not at every start.

    The code is bound into the tree in a mount namespace of its own, which ends with the command: the cached tree
    stays as it is. The byte code is unchecked: nothing in the image changes later.
    """
    script = 'mount --bind "$1" "$2/$3" && exec chroot "$2" python3 -m compileall -q -j 1 ' \
             '--invalidation-mode unchecked-hash "/$3"'
    run(["unshare", "--mount", "sh", "-c", script, "sh", str(code), str(tree.path), str(CODE_TARGET)],
        timeout=600, env={"PYTHONHASHSEED": "0"})

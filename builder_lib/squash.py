"""Pack the base tree and our own code into the squashfs from which the rescue system runs.

The base is packed once; the code, which changes often, is appended to a copy of it as /opt/lifeboat (the base has
symbolic links from /usr/lib/python3/dist-packages to it). So a change of the code costs a second, at any compression.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Tuple

from builder_lib.cache import Cache, digest, digest_of_files
from builder_lib.options import COMPRESSIONS, PROJECT, BuildOptions
from builder_lib.progress import Progress
from builder_lib.tree import BaseTree
from builder_lib.trust import trust_files
from sif.run import run

CODE_PACKAGES = ("sif", "rescue")
CODE_TARGET = Path("opt/lifeboat")
TRUST = "trust"
"""In there, what the base's link /etc/lifeboat leads to."""
PACK_TIMEOUT = 3600.0


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


def squash_key(tree: BaseTree, compression: str) -> str:
    """Names the packed base."""
    return digest([tree.key, *COMPRESSIONS[compression], digest_of_files([Path(__file__)], Path(__file__).parent)])


def system_key(key_of_base: str, trust: Mapping[str, bytes]) -> str:
    """Names the packed base with our code and the lists of signers in it."""
    return digest([key_of_base, digest_of_files(code_files(), PROJECT),
                   *(f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(trust.items()))])


def build_system(cache: Cache, options: BuildOptions, tree: BaseTree, progress: Progress) -> RescueSystem:
    """The squashfs with base and code, from the cache as far as its inputs are unchanged."""
    key_of_base = squash_key(tree, options.compression)
    with progress.step(f"packing the base tree ({options.compression})") as step:
        base, cached = cache.layer("squash", key_of_base, lambda product: _pack_base(tree, options, product))
        step.note = "unchanged" if cached else "new"
    trust = trust_files(options)
    key = system_key(key_of_base, trust)
    with progress.step("adding the agent's code") as step:
        system, cached = cache.layer("system", key, lambda product: _add_code(cache, tree, base, trust, product))
        step.note = "unchanged" if cached else "new"
    return RescueSystem(tree.boot / "vmlinuz", tree.boot / "initrd.img", system / "filesystem.squashfs", tree, key)


def _pack_base(tree: BaseTree, options: BuildOptions, product: Path) -> None:
    """Pack all of the tree except /opt, which is appended with the code in it."""
    run(["mksquashfs", str(tree.path), str(product / "base.squashfs"), "-noappend", "-no-progress", "-quiet",
         *COMPRESSIONS[options.compression], "-e", CODE_TARGET.parts[0]], timeout=PACK_TIMEOUT)


def _add_code(cache: Cache, tree: BaseTree, base: Path, trust: Mapping[str, bytes], product: Path) -> None:
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
        (code / TRUST).mkdir()
        for name, data in trust.items():
            (code / TRUST / name).write_bytes(data)
        root.chmod(0o755)
        run(["mksquashfs", str(root), str(image), "-no-progress", "-quiet", "-all-root", "-no-recovery"],
            timeout=PACK_TIMEOUT)


def _compile(tree: BaseTree, code: Path) -> None:
    """Compile our packages with the image's own Python, so that the rescue system need not at every start.

    The code is bound into the tree in a mount namespace of its own, which ends with the command: the cached tree
    stays as it is. The byte code is unchecked: nothing in the image changes later.
    """
    script = 'mount --bind "$1" "$2/$3" && exec chroot "$2" python3 -m compileall -q -j 1 ' \
             '--invalidation-mode unchecked-hash "/$3"'
    run(["unshare", "--mount", "sh", "-c", script, "sh", str(code), str(tree.path), str(CODE_TARGET)],
        timeout=600, env={"PYTHONHASHSEED": "0"})

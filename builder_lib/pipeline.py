"""The build as a list of stages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Callable, Tuple

from builder_lib.cache import Cache, cache_root
from builder_lib.local_archive import lock_text, read_lock
from builder_lib.manifest import is_current, manifest_path, product_files, product_key, write_manifest, write_whole
from builder_lib.medium import Stick, fat_image, grub_config, make_iso, set_grafts
from builder_lib.options import BuildOptions
from builder_lib.progress import Progress
from builder_lib.pxe import make_pxe
from builder_lib.release import release_files, write_release
from builder_lib.site import site_files
from builder_lib.squash import RescueSystem, build_system
from builder_lib.tools import check_host
from builder_lib.tree import WHEELS_LAYER, build_base_tree
from builder_lib.trust import warning
from sif.removal import remove_tree

Make = Callable[[Cache, BuildOptions, RescueSystem, Path], None]


def default_cache() -> Cache:
    """The cache this user's builds share."""
    return Cache(cache_root(os.environ))


def build_iso(options: BuildOptions, progress: Progress) -> Path:
    """Build the ISO with its manifest; returns its path. An ISO that is current already stays untouched."""
    return _build(options, progress, (("ISO", ".iso", _iso),))[0]


def build_usb(options: BuildOptions, progress: Progress) -> Path:
    """Build the image of a stick: the ISO with a writable partition for SIF sets behind it."""
    return _build(options, progress, (("USB image", "-usb.img", _usb),))[0]


def build_pxe(options: BuildOptions, progress: Progress) -> Path:
    """Build the directory that a TFTP and HTTP server offers to machines that start from the network."""
    return _build(options, progress, (("network boot directory", "-pxe", make_pxe),))[0]


def build_all(options: BuildOptions, progress: Progress) -> Tuple[Path, ...]:
    """Build every product, and the release's manifest, SBOM, checksums and signature."""
    return _build(options, progress, (("ISO", ".iso", _iso), ("USB image", "-usb.img", _usb),
                                      ("network boot directory", "-pxe", make_pxe)), release=True)


def rescue_system(options: BuildOptions, progress: Progress) -> RescueSystem:
    """Kernel, initramfs and squashfs of the current sources, built as far as they are not in the cache.

    For starting the rescue system without a medium (a kernel given to the virtual machine, network boot).
    """
    cache = default_cache()
    check(cache, options, progress)
    with cache.locked(progress):
        return _system(cache, options, progress)


def check(cache: Cache, options: BuildOptions, progress: Progress) -> None:
    """Look at tools and inputs before anything is made; raises with all that is missing."""
    with progress.step("checking this machine") as step:
        check_host(cache.root, options.config)
        # What is decided from the inputs is decided now: a wrong one is no reason to wait for a base tree.
        site_files(options, "any kernel")
        set_grafts(options)
        grub_config(options)
        if options.config.image.lock is not None:
            read_lock(options.config.image.lock)
        step.note = warning(options) or ""


def lock(options: BuildOptions, target: Path, progress: Progress) -> Path:
    """Write the lock file of the packages that an image of this configuration has."""
    cache = default_cache()
    check(cache, options, progress)
    with cache.locked(progress):
        tree = build_base_tree(cache, options, progress)
        with progress.step(f"lock file {target}"):
            write_whole(target, lock_text(tree.packages(), cache.debs))
    return target


def clean(options: BuildOptions, downloads: bool, progress: Progress) -> None:
    """Remove the cached layers, the products and a release's files; with ``downloads`` what was downloaded too."""
    cache = default_cache()
    with cache.locked(progress), progress.step(f"cleaning {cache.root}"):
        for layer in cache.layers.iterdir():
            # What was downloaded, so that a build without a network is possible.
            if downloads or not layer.name.startswith(f"{WHEELS_LAYER}-"):
                remove_file_or_tree(layer)
        for directory in (cache.logs, *((cache.debs,) if downloads else ())):
            remove_tree(directory)
        for product in {options.product(suffix) for suffix in (".iso", "-usb.img", "-pxe")}:
            manifest_path(product).unlink(missing_ok=True)
            remove_file_or_tree(product)
        for path in release_files(options):
            path.unlink(missing_ok=True)


def remove_file_or_tree(path: Path) -> None:
    """Remove what is there, if anything is."""
    if path.is_dir() and not path.is_symlink():
        remove_tree(path)
    else:
        path.unlink(missing_ok=True)


def _build(options: BuildOptions, progress: Progress, products: Tuple[Tuple[str, str, Make], ...],
           release: bool = False) -> Tuple[Path, ...]:
    cache = default_cache()
    check(cache, options, progress)
    with cache.locked(progress):
        system = _system(cache, options, progress)
        made = tuple(_product(cache, options, system, progress, *product) for product in products)
        if release:
            signed = ", signature" if options.config.release.signing_key else ""
            with progress.step(f"manifest, SBOM, checksums{signed}"):
                made += write_release(options, system, made)
    return made


def _product(cache: Cache, options: BuildOptions, system: RescueSystem, progress: Progress, title: str, suffix: str,
             make: Make) -> Path:
    path = options.product(suffix)
    key = product_key(title, system, options)
    with progress.step(f"{title} {path}") as step:
        if is_current(path, key):
            step.note = "unchanged"
            return path
        make(cache, options, system, path)
        step.note = f"{sum(file.stat().st_size for file in product_files(path)) >> 20} MiB"
    write_manifest(path, options, system, key, progress)
    return path


def _iso(cache: Cache, options: BuildOptions, system: RescueSystem, output: Path) -> None:
    make_iso(cache, options, system, output)


def _usb(cache: Cache, options: BuildOptions, system: RescueSystem, output: Path) -> None:
    usb = options.config.usb
    with cache.scratch("stick") as work:
        image = fat_image(work / "data.img", usb.size << 20, usb.label, {}, options)
        make_iso(cache, options, system, output, Stick(image))


def _system(cache: Cache, options: BuildOptions, progress: Progress) -> RescueSystem:
    tree = build_base_tree(cache, options, progress)
    return build_system(cache, options, tree, progress)

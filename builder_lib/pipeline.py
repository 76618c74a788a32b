"""The build as a list of stages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from builder_lib.cache import Cache, cache_root
from builder_lib.manifest import is_current, iso_key, write_manifest
from builder_lib.medium import make_iso
from builder_lib.options import BuildOptions
from builder_lib.progress import Progress
from builder_lib.squash import RescueSystem, build_system
from builder_lib.tools import check_host
from builder_lib.tree import build_base_tree
from builder_lib.trust import trust_files, warning


def default_cache() -> Cache:
    """The cache this user's builds share."""
    return Cache(cache_root(os.environ))


def build_iso(options: BuildOptions, progress: Progress) -> Path:
    """Build the ISO with its manifest; returns its path. An ISO that is current already stays untouched."""
    cache = default_cache()
    _check(cache, options, progress)
    with cache.locked(progress):
        system = _system(cache, options, progress)
        key = iso_key(system, options.append)
        with progress.step(f"ISO {options.output}") as step:
            if is_current(options.output, key):
                step.note = "unchanged"
                return options.output
            make_iso(cache, system, options.append, options.output)
            step.note = f"{options.output.stat().st_size >> 20} MiB"
        with progress.step("manifest"):
            write_manifest(options, system, key, progress)
    return options.output


def rescue_system(options: BuildOptions, progress: Progress) -> RescueSystem:
    """Kernel, initramfs and squashfs of the current sources, built as far as they are not in the cache.

    For starting the rescue system without a medium (a kernel given to the virtual machine, network boot).
    """
    cache = default_cache()
    _check(cache, options, progress)
    with cache.locked(progress):
        return _system(cache, options, progress)


def _check(cache: Cache, options: BuildOptions, progress: Progress) -> None:
    with progress.step("checking this machine") as step:
        check_host(cache.root)
        trust_files(options)
        step.note = warning(options) or ""


def _system(cache: Cache, options: BuildOptions, progress: Progress) -> RescueSystem:
    tree = build_base_tree(cache, options, progress)
    return build_system(cache, options, tree, progress)


def clean(output: Path, downloads: bool, progress: Progress) -> None:
    """Remove the cached layers and the ISO; with ``downloads`` the downloaded packages too."""
    cache = default_cache()
    with cache.locked(progress), progress.step(f"cleaning {cache.root}"):
        for directory in (cache.layers, cache.logs, *((cache.debs,) if downloads else ())):
            shutil.rmtree(directory, ignore_errors=True)
        for path in (output, output.with_name(output.name + ".json")):
            path.unlink(missing_ok=True)

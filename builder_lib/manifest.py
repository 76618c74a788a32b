"""Record beside a product what it was made of, and tell from the record whether it still is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple

from builder_lib.cache import digest, digest_of_files, sha256_of
from builder_lib.epoch import epoch
from builder_lib.medium import LABEL, medium_inputs
from builder_lib.options import BuildOptions
from builder_lib.progress import Progress
from builder_lib.squash import RescueSystem

FORMAT = 2


@dataclass(frozen=True)
class Recorded:
    """Of a manifest, what tells whether the product beside it can stay."""

    key: str
    files: Mapping[str, str]


def manifest_path(product: Path) -> Path:
    """Beside the product, `.json` after its name."""
    return product.with_name(product.name + ".json")


def product_key(kind: str, system: RescueSystem, options: BuildOptions) -> str:
    """Names everything a product is made of."""
    config = options.config
    sets = [digest_of_files([file for file in path.rglob("*") if file.is_file()], path.parent)
            for path in config.recovery.sets]
    ours = [digest_of_files([path], path.parent) for path in medium_inputs()]
    return digest([kind, system.key, str(epoch(options)), *options.arguments, repr(config.boot), repr(config.usb),
                   repr(config.pxe), "sets", *sets, "ours", *ours])


def product_files(product: Path) -> Tuple[Path, ...]:
    """The files of a product: itself, or everything below it."""
    return (product,) if not product.is_dir() else tuple(sorted(p for p in product.rglob("*") if p.is_file()))


def recorded(product: Path) -> Optional[Recorded]:
    """What the manifest says of the product, or None when there is none that can be read."""
    try:
        data = json.loads(manifest_path(product).read_text())
        return Recorded(str(data["key"]), {str(file["name"]): str(file["sha256"]) for file in data["product"]})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_current(product: Path, key: str) -> bool:
    """Whether the product is there, was made from ``key``, and is still what was made (hashes are computed)."""
    record = recorded(product)
    if record is None or record.key != key or not product.exists():
        return False
    return record.files == {_name(product, path): sha256_of(path) for path in product_files(product)}


def write_manifest(product: Path, options: BuildOptions, system: RescueSystem, key: str, progress: Progress) -> None:
    """Write the manifest of a product that was just made; it appears only when it is complete."""
    tree, image = system.tree, options.config.image
    data = {
        "format": FORMAT,
        "key": key,
        "label": LABEL,
        "release": image.release,
        "architecture": image.architecture,
        "kernel": tree.kernel_release,
        "epoch": epoch(options),
        "arguments": list(options.arguments),
        "compression": image.compression,
        "product": [{"name": _name(product, path), **_file(path)} for path in product_files(product)],
        "files": {"/live/vmlinuz": _file(system.kernel), "/live/initrd.img": _file(system.initrd),
                  "/live/filesystem.squashfs": _file(system.squashfs)},
        "packages": {name: version for name, version, _ in tree.packages()},
        "seconds": {title: round(seconds, 1) for title, seconds in progress.durations},
    }
    write_whole(manifest_path(product), json.dumps(data, indent=1) + "\n")


def write_whole(target: Path, text: str) -> None:
    """Write a file that appears only when it is complete."""
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(text)
    partial.replace(target)


def _name(product: Path, path: Path) -> str:
    return str(path.relative_to(product.parent))


def _file(path: Path) -> Dict[str, object]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}

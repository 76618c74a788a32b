"""Record beside the ISO what it was made of, and tell from the record whether it still is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional

from builder_lib.cache import digest, digest_of_files, sha256_of
from builder_lib.medium import LABEL, medium_inputs
from builder_lib.options import BuildOptions
from builder_lib.progress import Progress
from builder_lib.squash import RescueSystem


@dataclass(frozen=True)
class Recorded:
    """Of a manifest, what tells whether the ISO beside it can stay."""

    key: str
    sha256: str


def manifest_path(iso: Path) -> Path:
    """Beside the ISO, `.json` after its name."""
    return iso.with_name(iso.name + ".json")


def iso_key(system: RescueSystem, append: str) -> str:
    """Names everything an ISO is made of."""
    inputs = medium_inputs()
    return digest([system.key, append, *(digest_of_files([path], path.parent) for path in inputs)])


def recorded(iso: Path) -> Optional[Recorded]:
    """What the manifest says of the ISO, or None when there is none that can be read."""
    try:
        data = json.loads(manifest_path(iso).read_text())
        return Recorded(str(data["key"]), str(data["iso"]["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def is_current(iso: Path, key: str) -> bool:
    """Whether the ISO is there, was made from ``key``, and is still what was made (its hash is computed)."""
    record = recorded(iso)
    return record is not None and record.key == key and iso.is_file() and sha256_of(iso) == record.sha256


def write_manifest(options: BuildOptions, system: RescueSystem, key: str, progress: Progress) -> None:
    """Write the manifest of the ISO that was just made; it appears only when it is complete."""
    tree = system.tree
    data = {
        "format": 1,
        "key": key,
        "label": LABEL,
        "release": options.release,
        "kernel": tree.kernel_release,
        "append": options.append,
        "compression": options.compression,
        "iso": _file(options.output),
        "files": {"/live/vmlinuz": _file(system.kernel), "/live/initrd.img": _file(system.initrd),
                  "/live/filesystem.squashfs": _file(system.squashfs)},
        "packages": dict(tree.packages()),
        "seconds": {title: round(seconds, 1) for title, seconds in progress.durations},
    }
    target = manifest_path(options.output)
    partial = target.with_name(f".{target.name}.partial")
    partial.write_text(json.dumps(data, indent=1) + "\n")
    partial.replace(target)


def _file(path: Path) -> Dict[str, object]:
    return {"name": path.name, "size": path.stat().st_size, "sha256": sha256_of(path)}

"""What the shipped collectors share: files into the output directory, and the FILE sections for them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, List, Mapping

from sif.provider.serve import Failed


def output_of(params: Mapping[str, Any]) -> Path:
    """The directory that files go to. Raises :class:`Failed`."""
    found = params.get("output")
    if not isinstance(found, str) or not Path(found).is_dir():
        raise Failed("usage", "output is not a directory", "it is given with backup")
    return Path(found)


def copy_tree(source: Path, target: Path, limit: int = 8 << 20) -> int:
    """Copy the regular files below ``source`` that are not larger than ``limit`` bytes; how many bytes."""
    total = 0
    for path in sorted(source.rglob("*")) if source.is_dir() else []:
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= limit:
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
            total += path.stat().st_size
    return total


def put(output: Path, name: str, text: str) -> int:
    """Write one collected text; its length in bytes."""
    place = output / name
    place.parent.mkdir(parents=True, exist_ok=True)
    return place.write_bytes(text.encode("utf-8", "surrogateescape"))


def file_sections(params: Mapping[str, Any], vendor: str) -> List[Dict[str, Any]]:
    """A FILE section for each collected file; in the restore environment they lie below /var/lib/lifeboat/collected."""
    found = params.get("files", [])
    if not isinstance(found, list) or any(not isinstance(name, str) for name in found):
        raise Failed("usage", "files is not a list of paths")
    return [{"kind": "FILE", "id": f"{vendor}-{number}", "keys": {
        "path": f"output:{name}", "target": f"/var/lib/lifeboat/collected/{vendor}/{name}", "needs": ["other"],
        "vendor": vendor}} for number, name in enumerate(sorted(found), 1)]

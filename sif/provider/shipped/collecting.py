"""What the shipped collectors share: files into the output directory, and the FILE sections for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from sif.provider.serve import Failed, Reporter
from sif.provider.shipped.discreet import PRIVATE_KEY, without_secrets

MOST = 8 << 20
"""The largest file that is collected, in bytes."""


def output_of(params: Mapping[str, Any]) -> Path:
    """The directory that files go to. Raises :class:`Failed`."""
    found = params.get("output")
    if not isinstance(found, str) or not Path(found).is_dir():
        raise Failed("usage", "output is not a directory", "it is given with backup")
    return Path(found)


def copy_tree(source: Path, target: Path, report: Reporter, leave_out: Sequence[str] = ()) -> int:
    """Copy the text files below ``source``, without what may be a secret in them; how many bytes.

    Of ``leave_out`` (relative directories), of files that are larger than :data:`MOST` or no text, and of private keys,
    nothing is copied; what is left out is told.
    """
    total = 0
    for path in sorted(source.rglob("*")) if source.is_dir() else []:
        relative = path.relative_to(source)
        if path.is_symlink() or not path.is_file() or any(relative.parts[:1] == (name,) for name in leave_out):
            continue
        data = path.read_bytes() if path.stat().st_size <= MOST else b""
        if PRIVATE_KEY in data:
            report.log(f"{path} is left out: it is a private key")
            continue
        try:
            text, many = without_secrets(data.decode("utf-8"), path.suffix == ".xml")
        except UnicodeDecodeError:
            report.log(f"{path} is left out: it is no text")
            continue
        if many:
            report.log(f"{path}: {many} values that may be secrets are left out")
        if data or path.stat().st_size == 0:
            total += put(target, relative.as_posix(), text)
        else:
            report.log(f"{path} is left out: it is large")
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

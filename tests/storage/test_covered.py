"""A volume that survived, as a restore program sees it: everything can be done, and not a byte of it changes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

from sif.run import run

pytestmark = pytest.mark.storage
SCRIPT = r"""
import hashlib, json, os, pathlib, subprocess, sys
from rescue.storage.covered import discarded, forget, mount_covered
from rescue.storage.mounts import mount_points
image, kind, options, point, below = sys.argv[1], *sys.argv[2:4], pathlib.Path(sys.argv[4]), pathlib.Path(sys.argv[5])
def digest():
    return hashlib.sha256(pathlib.Path(image).read_bytes()).hexdigest()
before = digest()
mount_covered(kind, f"{options},loop", image, point, below)
seen = {"read": (point / "old").read_text(), "mode": oct(point.stat().st_mode), "owner": point.stat().st_uid,
        "quiet": discarded(below)}
os.chown(point, 7, 7); os.chmod(point, 0o700); os.utime(point, (1, 1))
seen["metadata"] = discarded(below)
(point / "new").write_text("x"); (point / "old").write_text("other"); (point / "folder").mkdir()
seen["written"] = discarded(below)
try:
    (point / "large").write_bytes(bytes(64 << 20))
    seen["large"] = "fits"
except OSError as error:
    seen["large"] = error.strerror
for tree in (point, below):
    for mounted in reversed(mount_points(pathlib.Path("/proc/self/mountinfo").read_text(), tree)):
        subprocess.run(["umount", mounted], check=True)
forget(below)
print(json.dumps({**seen, "same": digest() == before, "left": [str(path) for path in below.iterdir()]}))
"""


def covered(folder: Path) -> Dict[str, Any]:
    """What the script saw of an ext4, in a mount namespace of its own."""
    image, content, point, below = (folder / name for name in ("image", "content", "target", "below"))
    for path in (content, point, below):
        path.mkdir()
    (content / "old").write_text("data")
    with image.open("wb") as file:
        file.truncate(320 << 20)
    run(["mkfs.ext4", "-q", "-d", str(content), str(image)], timeout=60)
    run(["debugfs", "-w", "-R", "set_inode_field / mode 040750", str(image)], timeout=60)
    done = run(["unshare", "--mount", "--propagation", "private", sys.executable, "-c", SCRIPT, str(image), "ext4",
                "ro,noload", str(point), str(below)], timeout=120, cwd=str(Path(__file__).parents[2]))
    found: Dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_restore_may_do_everything_and_changes_nothing(tmp_path: Path) -> None:
    seen = covered(tmp_path)
    target = str(tmp_path / "target")
    assert (seen["read"], seen["mode"], seen["owner"]) == ("data", oct(0o40750), 0)
    assert seen["quiet"] == seen["metadata"] == [], "the directory itself is the programs' business"
    assert seen["written"] == [f"{target}/folder", f"{target}/new", f"{target}/old"]
    assert seen["large"] == "No space left on device", "nobody fills a kept volume, nor the memory"
    assert seen["same"] and seen["left"] == []

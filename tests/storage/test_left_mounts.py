"""What a killed build left mounted in the cache loses nothing when the next build tidies up. Needs root, no guest.

A build that was killed had left the host's /dev in its tree, and the next one's tidying removed the host's devices.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from sif.run import run

pytestmark = pytest.mark.storage
SCRIPT = """
mount --make-rshared / 2>/dev/null || mount --bind / / --make-rshared
mkdir -p "$1/devices/pts" "$1/cache/tmp-dib-x/built/dev"
mount -t tmpfs devices "$1/devices" && mount --make-shared "$1/devices"
mkdir "$1/devices/pts" && echo device > "$1/devices/null"
mount -t tmpfs pts "$1/devices/pts" && echo terminal > "$1/devices/pts/0"
mount --rbind "$1/devices" "$1/cache/tmp-dib-x/built/dev"
echo half > "$1/cache/tmp-dib-x/built/file"
"$2" -c "
import io, pathlib, sys
from builder_lib.cache import Cache
from builder_lib.progress import Progress
with Cache(pathlib.Path(sys.argv[1])).locked(Progress(io.StringIO())):
    pass
" "$1/cache"
cat "$1/devices/null" "$1/devices/pts/0"
ls "$1/cache"
"""


def test_devices_mounted_in_a_left_tree_survive_its_removal(tmp_path: Path) -> None:
    done = run(["unshare", "--mount", "--propagation", "private", "sh", "-eu", "-c", SCRIPT, "sh", str(tmp_path),
                sys.executable], timeout=60, cwd=str(Path(__file__).parents[2]))
    assert done.stdout.split() == ["device", "terminal", "layers", "lock"], shlex.join(done.argv)

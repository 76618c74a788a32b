"""Building twice gives the same bytes, and a lock file is what a build without mirrors needs."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Dict, List

import pytest

from builder_lib.cache import sha256_of
from builder_lib.config import Config, Image, Release
from builder_lib.manifest import manifest_path, product_files
from builder_lib.options import PROJECT, BuildOptions
from builder_lib.packages import ELEMENTS
from builder_lib.pipeline import build_all, build_iso, default_cache, lock, rescue_system
from builder_lib.progress import Progress
from builder_lib.tools import disk_image_create
from builder_lib.tree import ALONE, element_paths, packages_key
from sif.run import run, spawn

pytestmark = pytest.mark.vm


def hashes(product: Path) -> Dict[str, str]:
    return {str(path.relative_to(product.parent)): sha256_of(path) for path in product_files(product)}


def test_everything_beyond_the_base_is_the_same_when_it_is_made_again(tmp_path: Path) -> None:
    """Squashfs, initramfs, ISO, stick and network directory, from a base that is in the cache."""
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        system = rescue_system(BuildOptions(), Progress())
        default_cache().drop("system", system.key)
        options = BuildOptions(config=Config(release=Release(output=tmp_path / name)))
        products = build_all(options, Progress())
        made.append({key: value for path in products for key, value in hashes(path).items()})
    assert made[0] == made[1]
    assert {"lifeboat.iso", "lifeboat-usb.img", "lifeboat-pxe/image.cpio", "lifeboat.spdx.json",
            "SHA256SUMS"} <= set(made[0])
    run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], timeout=600, cwd=str(tmp_path / "two"))


@pytest.mark.firmware
def test_a_whole_build_from_a_lock_file_and_without_a_network_is_the_same(tmp_path: Path) -> None:
    """The base too: minutes. The second build has a cache of its own with only downloads in it, and no network."""
    cache = default_cache()
    locked = lock(BuildOptions(), tmp_path / "lock", Progress())
    options = BuildOptions(output=tmp_path / "one.iso", config=Config(image=Image(lock=locked)))
    first = build_iso(options, Progress())
    other = tmp_path / "cache/lifeboat"
    (other / "layers").mkdir(parents=True)
    (other / "debs").symlink_to(cache.debs)
    for wheels in cache.layers.glob("wheels-*"):
        (other / "layers" / wheels.name).symlink_to(wheels)
    (tmp_path / "site.toml").write_text(f'[image]\nlock = "{locked}"\n')
    second = tmp_path / "two.iso"
    run(["unshare", "--net", sys.executable, str(PROJECT / "builder.py"), "iso", "--offline", "--output", str(second),
         "--config", str(tmp_path / "site.toml")], timeout=1800, env={"LIFEBOAT_CACHE": str(tmp_path / "cache")})
    assert sha256_of(first) == sha256_of(second)
    files = [json.loads(manifest_path(path).read_text())["files"] for path in (first, second)]
    assert files[0] == files[1]


def processes_with(word: str) -> List[str]:
    """The command lines, of all processes, that hold the word."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line:
            found.append(line)
    return found


def test_a_killed_build_leaves_no_process_and_no_mount(tmp_path: Path) -> None:
    """As diskimage-builder does: a mount in the cache, and a process that a kill of its parent does not reach."""
    (tmp_path / "mounted").mkdir()
    inside = (f"mount -t tmpfs t {tmp_path}/mounted; setsid sh -c 'sleep 600; : {tmp_path}' & "
              f"touch {tmp_path}/mounted/inside {tmp_path}/up; sleep 600")
    script = ("import sys; from sif.run import run; from builder_lib.tree import ALONE; "
              "run([*ALONE, 'sh', '-c', sys.argv[1]], timeout=600)")
    with (tmp_path / "log").open("wb") as log:
        build = spawn([sys.executable, "-c", script, inside], log=log, env={"PYTHONPATH": str(PROJECT)})
        while not (tmp_path / "up").exists():
            assert build.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.1)
        assert len(processes_with(str(tmp_path))) > 1
        os.kill(build.pid, signal.SIGKILL)
        build.wait(10)
    deadline = time.monotonic() + 10
    while processes_with(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_with(str(tmp_path)) == []
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
    assert list((tmp_path / "mounted").iterdir()) == [], "nobody but the build has seen its mount"


@pytest.mark.firmware
def test_the_elements_work_with_plain_disk_image_create(tmp_path: Path) -> None:
    """As docs/elements.md says, without our builder. Packages come from the builder's cache, to spare the mirror."""
    options = BuildOptions(config=Config(image=Image(firmware=())))
    rescue_system(options, Progress())
    packages = default_cache().layers / f"packages-{packages_key(element_paths(options), options)}.tar"
    assert packages.is_file()
    command = disk_image_create()
    assert command is not None
    run([*ALONE, str(command), "-n", "-a", "amd64", "-t", "tar", "-o", str(tmp_path / "rescue"), *ELEMENTS],
        timeout=1800, cwd=str(tmp_path), env={
            "PATH": f"{command.parent}:/usr/sbin:/usr/bin:/sbin:/bin", "ELEMENTS_PATH": str(PROJECT / "elements"),
            "DIB_RELEASE": "trixie", "TMP_DIR": str(tmp_path), "LIFEBOAT_PACKAGE_LAYER": str(packages)})
    names = run(["tar", "-tf", str(tmp_path / "rescue.tar")], timeout=300).stdout.splitlines()
    assert {"./usr/lib/lifeboat/boot/vmlinuz", "./usr/lib/lifeboat/boot/initrd.img", "./usr/bin/restic",
            "./etc/systemd/system/lifeboat.service"} <= set(names)

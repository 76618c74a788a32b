"""What the image costs: time to build it, its size part by part, processor time until its agent is ready.

    python3 tests/bench/image.py build|boot|sizes [--config FILE] [--rounds N]

``build`` (root) makes the image in an empty cache, with the packages downloaded already, and beside it what nobody
could do without: mmdebstrap with the same packages and mksquashfs with the same options. ``boot`` counts the processor
seconds of QEMU, all threads, from its start to the agent's first line on the serial console, with a menu that does not
wait (a boot loader that waits for a key polls, and uses up all of that time). ``sizes`` prints the table of
docs/builder.md.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests/vm")]

from image_machine import Machine, command_of  # noqa: E402 - the path comes first, so that it runs from anywhere

from builder_lib.apt import read_host_sources, target_sources  # noqa: E402
from builder_lib.cache import Cache  # noqa: E402
from builder_lib.compression import COMPRESSIONS  # noqa: E402
from builder_lib.config import read_config  # noqa: E402
from builder_lib.medium import ESP_SPARE  # noqa: E402
from builder_lib.options import BuildOptions  # noqa: E402
from builder_lib.packages import components, listed_packages, site_packages  # noqa: E402
from builder_lib.pipeline import build_iso, default_cache, rescue_system  # noqa: E402
from builder_lib.progress import Progress  # noqa: E402
from builder_lib.squash import RescueSystem, left_out  # noqa: E402
from builder_lib.tree import element_paths  # noqa: E402

READY = re.compile(rb"\[started\] +Look for a restore that is half done")
"""The agent's first line: its modules are loaded, the devices are there, it begins to work."""
BOOTS = (("bios", "cd", 1024), ("uefi", "cd", 1024), ("secure", "cd", 1024), ("bios", "usb", 1024), ("bios", "cd", 512))


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


# --- build

def build(options: BuildOptions, place: Path) -> None:
    """Cold, warm and after a change of our code; and the plain tools."""
    downloads = default_cache().debs
    os.environ["LIFEBOAT_CACHE"] = str(place)
    cache = default_cache()
    cache.layers.mkdir(parents=True)
    subprocess.run(["cp", "-al", str(downloads), str(cache.debs)], check=True)
    cold = timed(lambda: rescue_system(options, Progress()))
    system = rescue_system(options, Progress())
    warm = timed(lambda: rescue_system(options, Progress()))
    cache.drop("system", system.key)
    code = timed(lambda: build_iso(BuildOptions(output=place / "x.iso", config=options.config), Progress()))
    install, pack = plain(options, place, cache)
    print(f"plain tools: mmdebstrap {install:.0f} s + mksquashfs {pack:.0f} s = {install + pack:.0f} s")
    print(f"cold: {cold:.0f} s, {cold / (install + pack):.2f} times that (the goal is 1.3)")
    print(f"nothing changed: {warm:.1f} s; our code changed, to the ISO: {code:.1f} s (the goal is 30)")


def plain(options: BuildOptions, place: Path, cache: Cache) -> Tuple[float, float]:
    """Seconds of mmdebstrap with the same packages, and of mksquashfs of all of it with the same options."""
    image = options.config.image
    names = {*listed_packages(element_paths(options), options.architecture), *site_packages(options.config)}
    lines = target_sources(read_host_sources(), image.release, image.mirror, components(options.config))
    (place / "sources.list").write_text("".join(f"{line}\n" for line in lines))
    tree, debs = place / "plain", cache.debs
    install = timed(lambda: subprocess.run(
        ["mmdebstrap", "--quiet", "--mode=root", "--format=directory", "--variant=minbase",
         f"--arch={image.architecture}", '--aptopt=Apt::Install-Recommends "false"',
         '--aptopt=Acquire::Languages "none"', "--dpkgopt=force-unsafe-io",
         "--skip=download/empty", "--skip=essential/unlink", '--setup-hook=mkdir -p "$1/var/cache/apt/archives"',
         f'--setup-hook=find {debs} -name "*.deb" -exec cp -t "$1/var/cache/apt/archives" {{}} +',
         f"--include={','.join(sorted(names))}", image.release, str(tree), str(place / "sources.list")], check=True))
    squash = options.architecture.squash_options(COMPRESSIONS[image.compression])
    pack = timed(lambda: subprocess.run(["mksquashfs", str(tree), str(place / "plain.squashfs"), "-noappend",
                                         "-no-progress", "-quiet", *squash], check=True))
    return install, pack


# --- boot

def boot(options: BuildOptions, rounds: int) -> None:
    """Processor and wall seconds of every kind of start, the median of the rounds."""
    config = replace(options.config, boot=replace(options.config.boot, timeout=0))
    with tempfile.TemporaryDirectory() as place:
        iso = build_iso(BuildOptions(output=Path(place) / "lifeboat.iso", config=config), Progress())
        for firmware, medium, memory in BOOTS:
            taken = [start(Machine(firmware, medium, memory), iso, Path(place)) for _ in range(rounds)]
            cpu, wall = (statistics.median(values) for values in zip(*taken))
            print(f"{firmware:6} {medium:3} {memory:4} MiB: {cpu:5.1f} CPU-s, {wall:5.1f} s", flush=True)


def start(machine: Machine, iso: Path, work: Path, limit: float = 600.0) -> Tuple[float, float]:
    """Processor and wall seconds from the start of QEMU until the agent says its first line."""
    console = work / "console.log"
    console.unlink(missing_ok=True)
    began = time.monotonic()
    with subprocess.Popen([*command_of(machine, iso, work), "-serial", f"file:{console}"]) as child:
        try:
            while time.monotonic() - began < limit:
                time.sleep(0.1)
                if console.exists() and READY.search(console.read_bytes()):
                    return processor_seconds(child.pid), time.monotonic() - began
            raise SystemExit(f"the agent did not start within {limit:.0f} s; console: {console.read_bytes()[-2000:]!r}")
        finally:
            child.kill()


def processor_seconds(pid: int) -> float:
    """User and system time of all threads of a process (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- sizes

@dataclass(frozen=True)
class Part:
    """A part of the squashfs: the files it has (pattern on their paths), and what they are for."""

    title: str
    pattern: str
    buys: str


PARTS = (
    Part("drivers of network cards", r"usr/lib/modules/[^/]+/kernel/drivers/net/", "every wired card Debian knows"),
    Part("other drivers of storage",
         r"usr/lib/modules/[^/]+/kernel/drivers/(scsi|ata|nvme|md|block|message|mmc|ufs|firewire|nvdimm)/",
         "FCoE and iSCSI adapters, bcache"),
    Part("other file systems of the kernel", r"usr/lib/modules/[^/]+/kernel/fs/",
         "exFAT, NTFS, F2FS, character sets of names"),
    Part("other modules of the kernel", r"usr/lib/modules/", "USB, keyboards, graphics of servers, hypervisors"),
    Part("firmware", r"usr/lib/firmware/", "network cards and host adapters that do not start without"),
    Part("restic, age", r"usr/bin/(restic|age)", "restores from restic; encrypted secrets of a set"),
    Part("Python, blivet, Borg", r"usr/(local/)?lib/python3|usr/bin/python3",
         "the agent's language, storage library, Borg"),
    Part("boot loaders", r"usr/lib/(grub|shim|systemd/boot)|usr/s?bin/grub|usr/share/grub",
         "phase 2 starts from the disk"),
    Part("systemd, udev", r"usr/lib/(systemd|udev)/|usr/lib/[^/]+/(systemd/|libsystemd|libudev)", "start, devices"),
    Part("libraries", r"usr/lib/[^/]+/", "of all of these"),
    Part("tools", r"usr/(s?bin|libexec)/", "LVM, mdadm, cryptsetup, file systems, partclone, rsync, SSH, shell"),
    Part("other", r"", "licences, dpkg's records, settings"),
)


def sizes(options: BuildOptions) -> None:
    """A table of the ISO's parts. Parts of the squashfs are packed each for itself, and scaled to its size."""
    system = rescue_system(options, Progress())
    with tempfile.TemporaryDirectory() as place:
        iso = build_iso(BuildOptions(output=Path(place) / "lifeboat.iso", config=options.config), Progress())
        total = iso.stat().st_size
    tree, packed = system.tree.path, packed_parts(options, system)
    scale = system.squashfs.stat().st_size / sum(packed.values())
    rows: List[Tuple[str, float, str]] = [(part.title, packed[part.title] * scale, part.buys) for part in PARTS]
    rows.append(("kernel", system.kernel.stat().st_size, "Debian's, signed"))
    rows.append(("initramfs", system.initrd.stat().st_size,
                 "finds the medium on any adapter, or phase 2 on any disk: drivers of storage and file systems"))
    loaders = ESP_SPARE + sum((tree / path).stat().st_size for path in (
        options.architecture.shim, options.architecture.mok_manager, options.architecture.signed_grub("gcd")))
    rows.append(("EFI partition", loaders, "shim, GRUB, key manager"))
    rows.append(("GRUB for BIOS, memory test, tables", total - sum(size for _, size, _ in rows), "start under BIOS"))
    print("| part | MB | what it buys |\n|---|---|---|")
    for title, size, buys in sorted(rows, key=lambda row: -row[1]):
        print(f"| {title} | {size / 1e6:.1f} | {buys} |")
    print(f"| **ISO** | **{total / 1e6:.1f}** | squashfs {system.squashfs.stat().st_size / 1e6:.1f} MB of it |")


def packed_parts(options: BuildOptions, system: RescueSystem) -> Dict[str, int]:
    """Bytes of each part of the squashfs, packed by zstd."""
    files: Dict[str, List[Path]] = {part.title: [] for part in PARTS}
    for path in contents(system.tree.path, left_out(options, system.tree)):
        inside = path.relative_to(system.tree.path).as_posix()
        files[next(part.title for part in PARTS if re.match(part.pattern, inside))].append(path)
    return {title: packed_size(paths) for title, paths in files.items()}


def contents(tree: Path, without: Tuple[str, ...]) -> Iterator[Path]:
    """The files of the tree that are in the squashfs, each once."""
    seen = set()
    for path in sorted(tree.rglob("*")):
        inside = path.relative_to(tree).as_posix()
        if path.is_symlink() or not path.is_file():
            continue
        if inside in without or any(inside.startswith(left + "/") for left in without):
            continue
        status = path.stat()
        if status.st_ino not in seen:
            seen.add(status.st_ino)
            yield path


def packed_size(paths: List[Path]) -> int:
    with tempfile.TemporaryFile() as joined:
        for path in paths:
            joined.write(path.read_bytes())
        joined.seek(0)
        done = subprocess.run(["zstd", "-q", "-6", "-c"], stdin=joined, stdout=subprocess.PIPE, check=True)
    return len(done.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description="What the image costs.")
    parser.add_argument("what", choices=("build", "boot", "sizes"))
    parser.add_argument("--config", type=Path, help="configuration of the image")
    parser.add_argument("--rounds", type=int, default=1, help="starts of each kind; the median is shown")
    arguments = parser.parse_args()
    options = BuildOptions(config=read_config(arguments.config))
    if arguments.what == "build":
        with tempfile.TemporaryDirectory(dir=PROJECT / "build") as place:
            build(options, Path(place))
    elif arguments.what == "boot":
        boot(options, arguments.rounds)
    else:
        sizes(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())

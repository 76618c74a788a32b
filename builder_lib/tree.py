"""Make the base tree: Debian, our elements' settings, kernel and initramfs; everything but the agent's own code."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Tuple

from builder_lib.apt import proxy_settings, read_host_sources, target_sources
from builder_lib.cache import Cache, digest, digest_of_files
from builder_lib.errors import BuildFailed
from builder_lib.options import PROJECT, BuildOptions
from builder_lib.progress import Progress
from builder_lib.tools import dib_version, disk_image_create
from sif.run import run, stream

ELEMENTS = ("lifeboat-nodisk", "lifeboat-root", "lifeboat-storage", "lifeboat-boot", "lifeboat-agent")
# Pure Python that Debian does not have; fetched on the build host, unpacked in the image.
WHEELS = ("blivet==3.14.2",)
BUILD_TIMEOUT = 3600.0


@dataclass(frozen=True)
class BaseTree:
    """The unpacked base tree in the cache; read only."""

    path: Path
    key: str

    @property
    def boot(self) -> Path:
        """Kernel, initramfs and GRUB's core image for BIOS."""
        return self.path / "usr/lib/lifeboat/boot"

    @property
    def kernel_release(self) -> str:
        return (self.boot / "release").read_text().strip()

    def packages(self) -> Tuple[Tuple[str, str], ...]:
        """Name and version of each installed Debian package, from dpkg's own record, sorted."""
        return parse_dpkg_status((self.path / "var/lib/dpkg/status").read_text())


def parse_dpkg_status(text: str) -> Tuple[Tuple[str, str], ...]:
    """Name and version of each package that dpkg's status file calls installed."""
    found = []
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))
        if fields.get("Status", "").endswith(" installed"):
            found.append((fields["Package"], fields["Version"]))
    return tuple(sorted(found))


def packages_key(elements: Path, release: str) -> str:
    """Names the layer of installed packages: the lists of all elements and how they are installed."""
    inputs = [*elements.glob("*/packages.d/*"), *elements.glob("lifeboat-root/root.d/*")]
    return digest([release, digest_of_files(inputs, elements)])


def base_key(elements: Path, release: str) -> str:
    """Names the base tree: all elements, the packages, the wheels and the programs that put them together."""
    files = [path for path in elements.rglob("*") if path.is_file() or path.is_symlink()]
    return digest([packages_key(elements, release), digest_of_files(files, elements), *WHEELS, dib_version(),
                   digest_of_files([Path(__file__)], Path(__file__).parent)])


def build_base_tree(cache: Cache, options: BuildOptions, progress: Progress) -> BaseTree:
    """The base tree, from the cache when nothing it is made of has changed.

    With ``options.refresh`` the packages are installed anew from the mirrors, whatever the cache holds.
    """
    elements = PROJECT / "elements"
    key = base_key(elements, options.release)
    package_layer = cache.layers / f"packages-{packages_key(elements, options.release)}.tar"
    if options.refresh:
        package_layer.unlink(missing_ok=True)
        cache.drop("base", key)
    with progress.step(f"base tree (Debian {options.release}, diskimage-builder)") as step:
        wheels = _wheels(cache)

        def make(product: Path) -> None:
            with cache.scratch("dib") as work:
                archive = _disk_image_create(cache, options, progress, work, package_layer, wheels)
                _unpack(archive, product)

        path, cached = cache.layer("base", key, make)
        cache.prune("packages")
        step.note = "unchanged" if cached else "new"
    return BaseTree(path, key)


def _wheels(cache: Cache) -> Path:
    """A directory with the wheels in it, downloaded once."""

    def make(product: Path) -> None:
        run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(product), *WHEELS],
            timeout=600)

    return cache.layer("wheels", digest(WHEELS), make)[0]


def _disk_image_create(cache: Cache, options: BuildOptions, progress: Progress, work: Path, package_layer: Path,
                       wheels: Path) -> Path:
    """Run diskimage-builder over our elements; returns the tar of the tree. Raises :class:`BuildFailed`."""
    sources = target_sources(read_host_sources(), options.release, options.mirror)
    (work / "sources.list").write_text("".join(line + "\n" for line in sources))
    (work / "apt.conf").write_text(proxy_settings(run(["apt-config", "dump"], timeout=60).stdout))
    (work / "tmp").mkdir()
    command = disk_image_create()
    if command is None:
        raise BuildFailed("disk-image-create is not installed", hint="pip install '.[build]'")
    environment = {
        "PATH": f"{command.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ELEMENTS_PATH": str(PROJECT / "elements"), "DIB_RELEASE": options.release,
        "DIB_IMAGE_CACHE": str(work / "cache"), "DIB_LOCKFILES": str(work / "locks"), "TMP_DIR": str(work / "tmp"),
        "DIB_NO_TIMESTAMP": "1", "PYTHONHASHSEED": "0", "TZ": "UTC",
        "LIFEBOAT_PACKAGE_LAYER": str(package_layer), "LIFEBOAT_APT_SOURCES": str(work / "sources.list"),
        "LIFEBOAT_APT_CONF": str(work / "apt.conf"), "LIFEBOAT_DEBS": str(cache.debs), "LIFEBOAT_WHEELS": str(wheels),
    }
    log = cache.logs / "disk-image-create.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        done = stream([str(command), "-n", "-a", "amd64", "-t", "tar", "-o", str(work / "tree"), *ELEMENTS],
                      timeout=BUILD_TIMEOUT, on_line=_tee(out.write, progress), env=environment, cwd=str(work))
    if not done.ok:
        raise BuildFailed("diskimage-builder failed", where=str(log), found="\n".join(done.stdout.splitlines()[-25:]),
                          hint="read the whole log; the element's hook that failed is the last one named in it")
    return work / "tree.tar"


def _tee(write: Callable[[str], object], progress: Progress) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        write(line + "\n")
        progress.detail(line)

    return on_line


def _unpack(archive: Path, tree: Path) -> None:
    run(["tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls", "-C", str(tree), "-xpf", str(archive)],
        timeout=600)
    # diskimage-builder leaves these out of its tar, and systemd does not start without the mount points.
    for name in ("proc", "sys"):
        (tree / name).mkdir(mode=0o555, exist_ok=True)

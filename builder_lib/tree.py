"""Make the base tree: Debian, our elements' settings, kernel and initramfs; everything but the agent's own code."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Optional, Tuple

from builder_lib.apt import proxy_settings, read_host_sources, target_sources
from builder_lib.cache import Cache, digest, digest_of_files
from builder_lib.epoch import reproducible
from builder_lib.errors import BuildFailed
from builder_lib.local_archive import local_archive, read_lock
from builder_lib.options import PROJECT, BuildOptions
from builder_lib.packages import ELEMENTS, components, site_packages
from builder_lib.progress import Progress
from builder_lib.tools import dib_version, disk_image_create
from sif.run import run, stream

WHEELS = tuple(line for line in (PROJECT / "elements/lifeboat-storage/wheels.txt").read_text().splitlines()
               if line and not line.startswith("#"))
WHEELS_LAYER = "wheels"
BUILD_TIMEOUT = 4 * 3600.0
"""Seconds. A build takes minutes; one for another architecture, whose programs are emulated, an hour or two."""
# diskimage-builder mounts this machine's /dev in the tree it fills. Here nobody else sees that mount, and it goes, as
# does every process in the tree, with the build, however that ends.
ALONE = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
         "--kill-child", "--mount-proc")


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

    def packages(self) -> Tuple[Tuple[str, str, str], ...]:
        """Name, version and architecture of each installed Debian package, from dpkg's own record, sorted."""
        return parse_dpkg_status((self.path / "var/lib/dpkg/status").read_text())


def parse_dpkg_status(text: str) -> Tuple[Tuple[str, str, str], ...]:
    """Name, version and architecture of each package that dpkg's status file calls installed."""
    found = []
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.splitlines() if ": " in line and not line.startswith(" "))
        if fields.get("Status", "").endswith(" installed"):
            found.append((fields["Package"], fields["Version"], fields.get("Architecture", "all")))
    return tuple(sorted(found))


def element_paths(options: BuildOptions) -> Tuple[Path, ...]:
    """The directories of all elements of the image, ours first."""
    return (*(PROJECT / "elements" / name for name in ELEMENTS), *options.config.image.elements)


def packages_key(elements: Tuple[Path, ...], options: BuildOptions) -> str:
    """Names the layer of installed packages: the lists of all elements and how they are installed."""
    image = options.config.image
    lists = [_digest(element, "packages.d/*") for element in elements]
    installers = [_digest(element, "root.d/*") for element in elements]
    lock = digest_of_files([image.lock], image.lock.parent) if image.lock else ""
    return digest([image.release, image.architecture, image.mirror or "", lock, *site_packages(options.config), "|",
                   *lists, *installers])


def base_key(elements: Tuple[Path, ...], options: BuildOptions) -> str:
    """Names the base tree: all elements, the packages, the wheels and the programs that put them together."""
    return digest([packages_key(elements, options), *(f"{e.name} {_digest(e, '**/*')}" for e in elements), *WHEELS,
                   dib_version(), *reproducible(options).values(),
                   digest_of_files([Path(__file__)], Path(__file__).parent)])


def _digest(element: Path, pattern: str) -> str:
    # What is written for people changes no image.
    return digest_of_files([path for path in element.glob(pattern)
                            if (path.is_file() or path.is_symlink()) and path.name != "README.md"], element)


def build_base_tree(cache: Cache, options: BuildOptions, progress: Progress) -> BaseTree:
    """The base tree, from the cache when nothing it is made of has changed.

    With ``options.refresh`` the packages are installed anew from the mirrors, whatever the cache holds.
    """
    image = options.config.image
    elements = element_paths(options)
    key = base_key(elements, options)
    package_layer = cache.layers / f"packages-{packages_key(elements, options)}.tar"
    if options.refresh:
        package_layer.unlink(missing_ok=True)
        cache.drop("base", key)
    with progress.step(f"base tree (Debian {image.release} for {image.architecture}, diskimage-builder)") as step:
        wheels = _wheels(cache, options.offline)

        def make(product: Path) -> None:
            with cache.scratch("dib") as work:
                archive = _disk_image_create(cache, options, progress, work, package_layer, wheels)
                _unpack(archive, product)

        path, cached = cache.layer("base", key, make)
        cache.prune("packages")
        step.note = "unchanged" if cached else "new"
    return BaseTree(path, key)


def _wheels(cache: Cache, offline: bool) -> Path:
    """A directory with the wheels in it, downloaded once."""

    def make(product: Path) -> None:
        if offline:
            raise BuildFailed("Python's wheels are not in the cache", where=str(cache.layers), wanted=", ".join(WHEELS),
                              hint="build once with a network; `builder.py clean` keeps them then")
        run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(product), *WHEELS],
            timeout=600)

    return cache.layer(WHEELS_LAYER, digest(WHEELS), make)[0]


def _disk_image_create(cache: Cache, options: BuildOptions, progress: Progress, work: Path, package_layer: Path,
                       wheels: Path) -> Path:
    """Run diskimage-builder over the elements; returns the tar of the tree. Raises :class:`BuildFailed`."""
    image = options.config.image
    sources = _sources(cache, options, work)
    (work / "sources.list").write_text("".join(line + "\n" for line in sources))
    (work / "apt.conf").write_text(proxy_settings(run(["apt-config", "dump"], timeout=60).stdout))
    (work / "tmp").mkdir()
    command = disk_image_create()
    if command is None:
        raise BuildFailed("disk-image-create is not installed", hint="pip install '.[build]'")
    site = _site_element(options, work)
    elements = [*ELEMENTS, *(path.name for path in image.elements), *([site.name] if site else [])]
    folders = [PROJECT / "elements", work / "elements", *dict.fromkeys(path.parent for path in image.elements)]
    environment = {
        "PATH": f"{command.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "ELEMENTS_PATH": ":".join(map(str, folders)), "DIB_RELEASE": image.release,
        "DIB_IMAGE_CACHE": str(work / "cache"), "DIB_LOCKFILES": str(work / "locks"), "TMP_DIR": str(work / "tmp"),
        "DIB_NO_TIMESTAMP": "1", **reproducible(options),
        "LIFEBOAT_PACKAGE_LAYER": str(package_layer), "LIFEBOAT_APT_SOURCES": str(work / "sources.list"),
        "LIFEBOAT_APT_CONF": str(work / "apt.conf"), "LIFEBOAT_DEBS": str(cache.debs), "LIFEBOAT_WHEELS": str(wheels),
    }
    log = cache.logs / "disk-image-create.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        done = stream([*ALONE, str(command), "-n", "-a", image.architecture, "-t", "tar", "-o", str(work / "tree"),
                       *elements], timeout=BUILD_TIMEOUT, on_line=_tee(out.write, progress),
                      env=environment, cwd=str(work))
    if not done.ok:
        raise BuildFailed("diskimage-builder failed", where=str(log), found="\n".join(done.stdout.splitlines()[-25:]),
                          hint="read the whole log; the element's hook that failed is the last one named in it")
    return work / "tree.tar"


def _sources(cache: Cache, options: BuildOptions, work: Path) -> Tuple[str, ...]:
    """Where apt takes packages from: mirrors, or the cache when they are locked or there is no network."""
    image = options.config.image
    if image.lock is not None:
        return local_archive(cache.debs, work / "archive", read_lock(image.lock))
    if options.offline:
        return local_archive(cache.debs, work / "archive")
    return target_sources(read_host_sources(), image.release, image.mirror, components(options.config))


def _site_element(options: BuildOptions, work: Path) -> Optional[Path]:
    """An element with the packages that the configuration adds, if it adds any."""
    packages = site_packages(options.config)
    element = work / "elements" / "lifeboat-site-packages"
    (element / "packages.d").mkdir(parents=True)
    (element / "element-deps").write_text("lifeboat-root\n")
    (element / "packages.d" / "90-site").write_text("".join(f"{name}\n" for name in packages))
    return element if packages else None


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

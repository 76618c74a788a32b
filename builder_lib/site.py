"""What makes an image that of a site: files, drivers, certificates, network, answers. A layer of its own.

Decided here as plain files, from the configuration alone; an initramfs hook lays them over the image before its init
starts (elements/lifeboat-boot). What only the image's own programs can make of them (a module index, a certificate
store) is added by :func:`finish`, with the base tree's programs.
"""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

from builder_lib.cache import digest
from builder_lib.config import Config, Network
from builder_lib.errors import BuildFailed
from builder_lib.options import BuildOptions
from builder_lib.tree import BaseTree
from builder_lib.trust import read_public, trust_files
from sif.run import run

SETTINGS = "etc/lifeboat"
ANSWERS = f"{SETTINGS}/answers"
CERTIFICATES = "usr/local/share/ca-certificates"
DROP_IN = "etc/systemd/system/lifeboat.service.d/answers.conf"
ANSWERS_UNIT = "[Service]\nExecStart=\nExecStart=/usr/bin/python3 -m rescue run --answers /etc/lifeboat/answers\n"


@dataclass(frozen=True)
class SiteFile:
    """A file of the image: its path without the slash at the start, permissions and content."""

    path: str
    data: bytes
    mode: int = 0o644


def site_files(options: BuildOptions, release: str) -> Tuple[SiteFile, ...]:
    """All files of the site for an image with that kernel, sorted. Raises :class:`BuildFailed`."""
    config = options.config
    found: List[SiteFile] = [SiteFile(f"{SETTINGS}/{name}", data) for name, data in trust_files(options).items()]
    found += [SiteFile(file.target[1:], _read(file.source), int(file.mode, 8)) for file in config.file]
    found += [SiteFile(f"{CERTIFICATES}/{path.stem}.crt", _certificate(path))
              for path in config.trust.ca_certificates]
    found += [SiteFile(f"usr/lib/modules/{release}/updates/{driver.source.name}", _read(driver.source))
              for driver in config.driver]
    if config.driver:
        names = [module_name(driver.source) for driver in config.driver]
        found.append(SiteFile("etc/modules-load.d/lifeboat-site.conf", "".join(f"{n}\n" for n in names).encode()))
    if config.recovery.answers is not None:
        found.append(SiteFile(ANSWERS, _answers(config.recovery.answers), 0o600))
        found.append(SiteFile(DROP_IN, ANSWERS_UNIT.encode()))
    if config.network.mode != "off":
        found.append(SiteFile(f"{SETTINGS}/site.network", network_unit(config.network).encode()))
    if config.ssh.authorized_keys is not None:
        keys = read_public(config.ssh.authorized_keys, "ssh.authorized_keys")
        found.append(SiteFile(f"{SETTINGS}/authorized_keys", keys))
    return tuple(sorted(found, key=lambda file: file.path))


def site_key(files: Tuple[SiteFile, ...]) -> str:
    """Names the layer of the site."""
    return digest(f"{file.path} {file.mode:o} {hashlib.sha256(file.data).hexdigest()}" for file in files)


def early_modules(config: Config) -> Tuple[Path, ...]:
    """The drivers that the initramfs loads, in the order of the configuration."""
    return tuple(driver.source for driver in config.driver if driver.early)


def module_name(path: Path) -> str:
    """The kernel's name of a module file."""
    return path.name.split(".ko")[0].replace("-", "_")


def network_unit(network: Network) -> str:
    """The systemd.network(5) file."""
    lines = ["[Match]", f"Name={network.interface}", "", "[Network]"]
    if network.mode == "dhcp":
        lines.append("DHCP=yes")
    else:
        lines.append(f"Address={network.address}")
        if network.gateway:
            lines.append(f"Gateway={network.gateway}")
    lines += [f"DNS={address}" for address in network.dns]
    return "\n".join(lines) + "\n"


def write_site(files: Tuple[SiteFile, ...], root: Path) -> None:
    """Write the files below ``root``, /opt/lifeboat of the image.

    Settings of the agent lie in ``settings``, to which /etc/lifeboat leads; all else is in ``site``.
    """
    (root / "settings").mkdir(parents=True)
    for file in files:
        inside = file.path[len(SETTINGS) + 1:] if file.path.startswith(SETTINGS + "/") else None
        target = root / "settings" / inside if inside else root / "site" / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.data)
        target.chmod(file.mode)


def finish(tree: BaseTree, root: Path, work: Path) -> None:
    """Let the image's own programs index the modules and certificates below ``root``, if there are any."""
    modules = root / "usr/lib/modules" / tree.kernel_release
    if modules.is_dir():
        _index_modules(tree, modules, work)
    if (root / CERTIFICATES).is_dir():
        _index_certificates(tree, root, work)


def _index_modules(tree: BaseTree, modules: Path, work: Path) -> None:
    """Add the indexes of all modules, the image's and the site's; a module of another kernel ends the build."""
    base = work / "depmod/lib/modules" / tree.kernel_release
    base.mkdir(parents=True)
    installed = tree.path / "usr/lib/modules" / tree.kernel_release
    (base / "kernel").symlink_to(installed / "kernel")
    for path in installed.glob("modules.*"):
        shutil.copy2(path, base / path.name)
    shutil.copytree(modules / "updates", base / "updates")
    for path in sorted((base / "updates").iterdir()):
        magic = run(["modinfo", "-F", "vermagic", str(path)], timeout=60).stdout.split(" ")[0].strip()
        if magic != tree.kernel_release:
            raise BuildFailed("this driver is for another kernel", where=str(path.name), found=magic or "no vermagic",
                              wanted=tree.kernel_release, hint="build it against linux-headers of that version")
    run(["depmod", "-b", str(work / "depmod"), tree.kernel_release], timeout=300)
    for path in sorted(base.glob("modules.*")):
        original = installed / path.name
        if not original.exists() or original.read_bytes() != path.read_bytes():
            shutil.copyfile(path, modules / path.name)


def _index_certificates(tree: BaseTree, root: Path, work: Path) -> None:
    """Add the image's certificate store with the site's in it, made by the image's update-ca-certificates."""
    store, etc = work / "certs", root / "etc/ssl/certs"
    shutil.copytree(tree.path / "etc/ssl/certs", store, symlinks=True)
    script = 'mount --bind "$1" "$3/etc/ssl/certs" && mount --bind "$2" "$3/usr/local/share/ca-certificates" && ' \
             'exec chroot "$3" update-ca-certificates'
    run(["unshare", "--mount", "sh", "-c", script, "sh", str(store), str(root / CERTIFICATES), str(tree.path)],
        timeout=300)
    etc.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(store, etc, symlinks=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BuildFailed("a file of the configuration cannot be read", where=str(path),
                          found=error.strerror) from error


def _certificate(path: Path) -> bytes:
    data = read_public(path, "trust.ca_certificates")
    if data.count(b"-----BEGIN CERTIFICATE-----") != 1:
        raise BuildFailed("this is not one certificate", where=str(path), wanted="a PEM file with one certificate",
                          hint="split a bundle into files of one certificate each")
    return data


def _answers(path: Path) -> bytes:
    data = _read(path)
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.strip() and line.strip()[0] not in "#;" and "=" not in line:
            raise BuildFailed("this is no answer", where=f"{path}:{number}", found=repr(line), wanted="id = answer")
    return data

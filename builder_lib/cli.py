"""The builder's command line."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, Optional, Sequence

from builder_lib import pipeline
from builder_lib.compression import COMPRESSIONS
from builder_lib.config import Config, read_config
from builder_lib.options import BuildOptions
from builder_lib.progress import Progress
from builder_lib.summary import summary
from builder_lib.write_usb import write_usb
from sif.errors import Exit, LifeboatError

DESCRIPTION = "Build the Lifeboat rescue image: CD, USB stick, network boot; BIOS, UEFI with Secure Boot."
EPILOG = """\
Layers (installed packages, base tree, packed base, system with code and site) are kept under the hash of their
inputs in $LIFEBOAT_CACHE/lifeboat, else $XDG_CACHE_HOME/lifeboat, else ~/.cache/lifeboat. Packages come from the
mirrors of this host's apt configuration. Every key of the configuration file is in docs/builder.md.

exit codes: 0 done, 2 wrong usage or configuration, 4 a tool is missing, 5 a command failed, 22 nobody agreed to write
to a device, 50 the build failed, 1 internal error
"""
Command = Callable[[argparse.Namespace, Progress], None]


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="builder.py", description=DESCRIPTION, epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("-v", "--verbose", action="store_true", help="show the output of diskimage-builder")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, title, text in (
            ("iso", "build the ISO and, beside it, a manifest (ISO.json)",
             "For CDs and virtual media, and as it is for sticks."),
            ("usb", "build the image of a stick with a writable partition",
             "The ISO, with a vfat partition for SIF sets behind it."),
            ("pxe", "build the directory for network boot",
             "Kernel, initramfs, image, signed boot loaders, and configurations of GRUB, iPXE and dnsmasq."),
            ("all", "build all of these, and manifest, SBOM, checksums, signature",
             "A release, in the directory of release.output."),
            ("system", "build kernel, initramfs and squashfs only; print their paths as JSON",
             "What a medium starts, without the medium: kernel, initrd, squashfs, tree, release."),
            ("check", "look at tools and inputs; build nothing",
             "Every missing tool is named with its reason and package."),
            ("summary", "show the resolved configuration and the list of packages", "Builds nothing.")):
        command = commands.add_parser(name, help=title, description=f"{title[0].upper()}{title[1:]}. {text} "
                                      "What has not changed since the last build is taken from the cache.")
        if name in ("iso", "usb", "pxe"):
            command.add_argument("-o", "--output", type=Path, metavar="PATH",
                                 help="what to make (default: NAME in release.output)")
        _add_inputs(command)
    lock = commands.add_parser("lock", help="write the packages of the image as a lock file",
                               description="Write every package with version and digest. With "
                                           "image.lock set to that file a later build installs exactly these.")
    lock.add_argument("file", type=Path, metavar="FILE", help="the lock file")
    _add_inputs(lock)
    writer = commands.add_parser("write-usb", help="write the image of a stick to a stick, and verify it",
                                 description="Write NAME-usb.img to a removable or USB disk that nothing uses. "
                                             "Shows what would be lost, asks for the device's name, writes, reads "
                                             "back, compares.")
    writer.add_argument("device", type=Path, metavar="DEVICE", help="the whole disk, such as /dev/sdX")
    writer.add_argument("--image", type=Path, metavar="FILE", help="image to write (default: NAME-usb.img)")
    writer.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    cleaner = commands.add_parser("clean", help="remove the products and the cached layers",
                                  description="Remove the products, their manifests and the cached layers. The "
                                              "next build takes minutes; downloaded packages are kept for it.")
    cleaner.add_argument("-o", "--output", type=Path, metavar="PATH", help="the product, if it is elsewhere")
    cleaner.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML)")
    cleaner.add_argument("--downloads", action="store_true", help="remove the downloaded Debian packages too")
    return top


def _add_inputs(command: argparse.ArgumentParser) -> None:
    command.add_argument("--config", type=Path, metavar="FILE", help="configuration (TOML); see docs/builder.md")
    command.add_argument("--append", metavar="ARGS",
                         help="boot.append: kernel arguments added to the recovery menu entries, such as "
                              "'rescue.auto rescue.sif=LABEL=SIF'; with rescue.auto the menu waits 1 s instead of 5")
    command.add_argument("--compression", choices=tuple(COMPRESSIONS), help="image.compression")
    command.add_argument("--mirror", metavar="URL", help="image.mirror: take Debian from this mirror alone")
    command.add_argument("--allowed-signers", type=Path, metavar="FILE",
                         help="trust.allowed_signers: who may sign a set (HOSTNAME KEY a line); without it unattended "
                              "runs of this image end with SIGNATURE_MISSING or SIGNER_REFUSED")
    command.add_argument("--revoked", type=Path, metavar="FILE",
                         help="trust.revoked: which keys are revoked: a KRL, or public keys one a line")
    command.add_argument("--refresh", action="store_true",
                         help="install the newest packages instead of using the cached layer of packages")
    command.add_argument("--offline", action="store_true", help="install from the packages in the cache; ask no mirror")


def options_of(arguments: argparse.Namespace) -> BuildOptions:
    """The configuration file with what the command line says on top of it. Raises :class:`LifeboatError`."""
    given = vars(arguments)
    config: Config = read_config(given.get("config"))
    image = {key: given[key] for key in ("compression", "mirror") if given.get(key) is not None}
    trust = {key: given[key].resolve() for key in ("allowed_signers", "revoked") if given.get(key) is not None}
    config = replace(config, image=replace(config.image, **image), trust=replace(config.trust, **trust))
    if given.get("append") is not None:
        config = replace(config, boot=replace(config.boot, append=given["append"].strip()))
    output: Optional[Path] = given.get("output")
    return BuildOptions(output=output.resolve() if output else None, config=config,
                        refresh=bool(given.get("refresh")), offline=bool(given.get("offline")))


def _one(build: str) -> Command:
    def command(arguments: argparse.Namespace, progress: Progress) -> None:
        print(getattr(pipeline, build)(options_of(arguments), progress))

    return command


def _all(arguments: argparse.Namespace, progress: Progress) -> None:
    for path in pipeline.build_all(options_of(arguments), progress):
        print(path)


def _system(arguments: argparse.Namespace, progress: Progress) -> None:
    system = pipeline.rescue_system(options_of(arguments), progress)
    print(json.dumps({"kernel": str(system.kernel), "initrd": str(system.initrd), "squashfs": str(system.squashfs),
                      "tree": str(system.tree.path), "release": system.tree.kernel_release}))


def _check(arguments: argparse.Namespace, progress: Progress) -> None:
    pipeline.check(pipeline.default_cache(), options_of(arguments), progress)


def _summary(arguments: argparse.Namespace, progress: Progress) -> None:
    print(summary(options_of(arguments)), end="")


def _lock(arguments: argparse.Namespace, progress: Progress) -> None:
    print(pipeline.lock(options_of(arguments), arguments.file.resolve(), progress))


def _write_usb(arguments: argparse.Namespace, progress: Progress) -> None:
    write_usb(arguments.image or options_of(arguments).product("-usb.img"), arguments.device, progress)


def _clean(arguments: argparse.Namespace, progress: Progress) -> None:
    pipeline.clean(options_of(arguments), arguments.downloads, progress)


COMMANDS: Dict[str, Command] = {
    "iso": _one("build_iso"), "usb": _one("build_usb"), "pxe": _one("build_pxe"), "all": _all, "system": _system,
    "check": _check, "summary": _summary, "lock": _lock, "write-usb": _write_usb, "clean": _clean,
}


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command; the result is an exit code of :class:`sif.errors.Exit`."""
    arguments = parser().parse_args(argv)
    try:
        COMMANDS[arguments.command](arguments, Progress(verbose=arguments.verbose))
    except LifeboatError as error:
        print(f"builder.py: {error}", file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"builder.py: {error}\n  what to do: look at the room and the rights where it happened", file=sys.stderr)
        return Exit.BUILD_FAILED
    except KeyboardInterrupt:
        print("builder.py: stopped", file=sys.stderr)
        return Exit.INTERNAL
    return Exit.OK

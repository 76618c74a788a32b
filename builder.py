#!/usr/bin/env python3
"""Build the Lifeboat rescue image: a hybrid ISO that starts from CD or USB, under BIOS or UEFI."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Optional, Sequence

from builder_lib.options import COMPRESSIONS, RELEASE, BuildOptions
from builder_lib.pipeline import build_iso, clean, rescue_system
from builder_lib.progress import Progress
from sif.errors import Exit, LifeboatError

EPILOG = """\
Layers (installed packages, base tree, packed base, system with our code) are kept under the hash of their inputs in
$LIFEBOAT_CACHE/lifeboat, else $XDG_CACHE_HOME/lifeboat, else ~/.cache/lifeboat. Debian packages come from the mirrors
of this host's apt configuration.

exit codes: 0 done, 2 wrong usage, 4 a tool is missing, 5 a command failed, 50 the build failed, 1 internal error
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="builder.py", description=__doc__, epilog=EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("-v", "--verbose", action="store_true", help="show the output of diskimage-builder")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    iso = commands.add_parser("iso", help="build the ISO and, beside it, a manifest (ISO.json)",
                              description="Build the ISO and, beside it, a manifest of what is in it (ISO.json). "
                                          "What has not changed since the last build is taken from the cache.")
    _add_output(iso)
    iso.add_argument("--append", default="", metavar="ARGS",
                     help="kernel arguments added to the recovery menu entries, such as "
                          "'rescue.auto rescue.sif=LABEL=SIF'; with rescue.auto the menu waits 1 s instead of 5")
    _add_inputs(iso)

    system = commands.add_parser("system", help="build kernel, initramfs and squashfs only; print their paths as JSON",
                                 description="Build what the ISO starts, without the ISO, and print the paths in the "
                                             "cache as one JSON object: kernel, initrd, squashfs, tree, release.")
    _add_inputs(system)

    cleaner = commands.add_parser("clean", help="remove the ISO and the cached layers",
                                  description="Remove the ISO, its manifest and the cached layers. The next build "
                                              "takes minutes; downloaded packages are kept for it.")
    _add_output(cleaner)
    cleaner.add_argument("--downloads", action="store_true", help="remove the downloaded Debian packages too")
    return top


def _add_output(command: argparse.ArgumentParser) -> None:
    command.add_argument("-o", "--output", type=Path, default=BuildOptions().output, metavar="FILE",
                         help="the ISO (default: %(default)s)")


def _add_inputs(command: argparse.ArgumentParser) -> None:
    command.add_argument("--compression", choices=tuple(COMPRESSIONS), default="zstd",
                         help="of the squashfs, from quick and large to slow and small (default: %(default)s)")
    command.add_argument("--mirror", metavar="URL",
                         help=f"take Debian {RELEASE} from this mirror alone instead of those of this host's apt")
    command.add_argument("--allowed-signers", type=Path, metavar="FILE",
                         help="bake in who may sign a set (ALLOWED SIGNERS of ssh-keygen(1): HOSTNAME KEY a line); "
                              "without it unattended runs of this image end with SIGNATURE_MISSING or SIGNER_REFUSED")
    command.add_argument("--revoked", type=Path, metavar="FILE",
                         help="bake in which keys are revoked: a KRL, or public keys one a line")
    command.add_argument("--refresh", action="store_true",
                         help="install the newest packages instead of using the cached layer of packages")


def run_command(arguments: argparse.Namespace, progress: Progress) -> None:
    """Do what the command line asks for; raises :class:`LifeboatError`."""
    if arguments.command == "clean":
        clean(arguments.output.resolve(), arguments.downloads, progress)
        return
    options = _options(arguments)
    if arguments.command == "system":
        system = rescue_system(options, progress)
        print(json.dumps({"kernel": str(system.kernel), "initrd": str(system.initrd), "squashfs": str(system.squashfs),
                          "tree": str(system.tree.path), "release": system.tree.kernel_release}))
    else:
        print(build_iso(options, progress))


def _options(arguments: argparse.Namespace) -> BuildOptions:
    options = BuildOptions(compression=arguments.compression, mirror=arguments.mirror, refresh=arguments.refresh,
                           allowed_signers=arguments.allowed_signers, revoked=arguments.revoked)
    if arguments.command == "iso":
        return replace(options, output=arguments.output.resolve(), append=arguments.append.strip())
    return options


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command; the result is an exit code of :class:`sif.errors.Exit`."""
    arguments = parser().parse_args(argv)
    try:
        run_command(arguments, Progress(verbose=arguments.verbose))
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


if __name__ == "__main__":
    sys.exit(main())

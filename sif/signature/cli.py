"""``sif sign`` and ``sif verify``."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from sif.errors import Exit
from sif.signature import NAMESPACE, sign_set, verify_set

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both subcommands to the ``sif`` command."""
    sign = commands.add_parser(
        "sign", help="sign a set", description="Verify a set, then sign its manifest with an SSH key: writes "
        "manifest.sig. Keys in an agent and hardware keys work; a hardware key may wait for a touch.")
    _add_path(sign)
    sign.add_argument("--key", type=Path, required=True, metavar="KEYFILE",
                      help="private key, or the public key of one that the agent holds")
    sign.set_defaults(command=_sign)
    verify = commands.add_parser(
        "verify", help="verify a set and its signature", description="Verify every file of a set, its manifest, and "
        f"the signature over the manifest (namespace {NAMESPACE}). Prints principal and key on success.")
    _add_path(verify)
    verify.add_argument("--allowed-signers", type=Path, required=True, metavar="FILE",
                        help="who may sign: ALLOWED SIGNERS of ssh-keygen(1)")
    verify.add_argument("--revoked", type=Path, metavar="FILE", help="revoked keys: a KRL, or public keys one a line")
    verify.add_argument("--principal", metavar="P", help="who must have signed (default: the host name in the set)")
    verify.add_argument("--at", type=_time, metavar="TIME",
                        help="the time at which the key must have been valid, YYYY-MM-DDTHH:MM:SSZ (default: now)")
    verify.set_defaults(command=_verify)


def _add_path(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("path", type=Path, metavar="PATH", help="a .sif file (the first part) or the set's directory")


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not YYYY-MM-DDTHH:MM:SSZ") from None


def _sign(arguments: argparse.Namespace) -> Exit:
    print(f"signing with {arguments.key}; a hardware key may wait for a touch", file=sys.stderr)
    print(sign_set(arguments.path, arguments.key))
    return Exit.OK


def _verify(arguments: argparse.Namespace) -> Exit:
    found = verify_set(arguments.path, arguments.allowed_signers, revoked=arguments.revoked,
                       principal=arguments.principal, at=arguments.at)
    print(f"{found.principal} {found.fingerprint} {found.namespace}")
    return Exit.OK

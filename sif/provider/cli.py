"""``sif provider``: list, describe, check and test providers, and run the shipped ones."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Mapping, Sequence

from sif.errors import Exit, UsageError
from sif.provider.client import Provider
from sif.provider.config import DEFAULT_CONFIG, command_of, read_config
from sif.provider.discover import entry_points
from sif.provider.kit import CHECKS, examine
from sif.provider.serve import serve
from sif.provider.shipped import SHIPPED


def add_provider(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    top = commands.add_parser("provider", help="backup programs and collectors that take part in captures",
                              description="Providers are programs that say how they back up and restore "
                              "(docs/provider-api.md). They are configured in " + DEFAULT_CONFIG + "/*.conf.")
    parts = top.add_subparsers(title="what to do", required=True, metavar="WHAT")
    every = parts.add_parser("list", help="the configured providers, and those that come with us")
    every.add_argument("--config-dir", type=Path, default=Path(DEFAULT_CONFIG), metavar="DIR")
    every.set_defaults(command=_list)
    for name, text, command in (("describe", "what a provider says it is", _describe),
                                ("check", "whether its store answers and has a backup", _check)):
        one = parts.add_parser(name, help=text, description=f"Ask {text}.")
        _named(one)
        one.set_defaults(command=command)
    test = parts.add_parser("test", help="hold a provider to the protocol", description="Run the conformance kit on a "
                            f"provider: {len(CHECKS)} checks, the last one a restore in a scratch directory. It makes "
                            "a backup in the store that the configuration names: give it one of its own. "
                            f"Exit code {int(Exit.PROVIDER_FAILED)} if a check does not hold.")
    _named(test)
    test.add_argument("--secret", action="append", default=[], metavar="NAME=FILE",
                      help="the file that ${secretfile:NAME} is; may be repeated (default for the configuration's "
                      "`secret`: its `password_file`, or its only key that ends in _file)")
    test.add_argument("--json", action="store_true", help="the outcome as JSON")
    test.set_defaults(command=_test)
    run = parts.add_parser("run", help="be one of the shipped providers, for one request on standard input")
    run.add_argument("name", choices=SHIPPED, metavar="NAME", help=", ".join(SHIPPED))
    run.set_defaults(command=_run)


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("provider", metavar="PROVIDER",
                        help="a configured name, a shipped one, or the path of a program")
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE",
                        help="a value of its configuration; may be repeated, a repeated key is a list")
    parser.add_argument("--config-dir", type=Path, default=Path(DEFAULT_CONFIG), metavar="DIR",
                        help="where providers are configured (default: %(default)s)")


def provider_of(word: str, pairs: Sequence[str], directory: Path) -> Provider:
    """The provider that a command line names. Raises UsageError."""
    values = config_of(pairs)
    configured = {provider.name: provider for provider in read_config(directory)}
    if word in configured:
        return Provider(word, configured[word].argv, {**configured[word].config, **values})
    installed = entry_points()
    if word in installed:
        return Provider(word, installed[word], values)
    program = str(Path(word).resolve()) if "/" in word else word
    try:
        return Provider(Path(word).stem if "/" in word else word, command_of(program), values)
    except ValueError:
        known = ", ".join((*configured, *installed, *SHIPPED))
        raise UsageError("no such provider", found=word, wanted=f"the path of a program, or one of {known}") from None


def config_of(pairs: Sequence[str]) -> Dict[str, Any]:
    """``KEY=VALUE`` words as a configuration. Raises UsageError."""
    values: Dict[str, List[str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError("this is not a value of a configuration", found=pair, wanted="KEY=VALUE")
        values.setdefault(key, []).append(value)
    return {key: found[0] if len(found) == 1 else found for key, found in values.items()}


def _list(arguments: argparse.Namespace) -> Exit:
    for provider in read_config(arguments.config_dir):
        about = provider.describe()
        print(f"{provider.name}\t{about.kind}\t{about.title} {about.version}")
    for name in entry_points():
        print(f"{name}\t(installed, not configured)")
    print("shipped: " + ", ".join(SHIPPED), file=sys.stderr)
    return Exit.OK


def _describe(arguments: argparse.Namespace) -> Exit:
    found = provider_of(arguments.provider, arguments.config, arguments.config_dir).describe()
    print(json.dumps(found.__dict__, indent=2, ensure_ascii=False))
    return Exit.OK


def _check(arguments: argparse.Namespace) -> Exit:
    found = provider_of(arguments.provider, arguments.config, arguments.config_dir).check(None)
    print(f"reachable; snapshot {found.snapshot}, made {found.newest}")
    return Exit.OK


def _test(arguments: argparse.Namespace) -> Exit:
    provider = provider_of(arguments.provider, arguments.config, arguments.config_dir)
    if not arguments.config and provider.config and provider.describe().kind == "backup":
        raise UsageError(f"the test would back up into the store of {provider.name}, and a capture would restore that",
                         wanted="a store of its own: --config location=...")
    secrets = {name: str(file) for name, file in config_of(arguments.secret).items()}
    with tempfile.TemporaryDirectory(prefix="sif-provider-test-") as scratch:
        outcomes = examine(provider, Path(scratch), secrets)
    if arguments.json:
        print(json.dumps([outcome.__dict__ for outcome in outcomes], indent=2, ensure_ascii=False))
    else:
        for outcome in outcomes:
            word = "PASS" if outcome.ok and not outcome.skipped else "n/a " if outcome.skipped else "FAIL"
            aside = outcome.skipped or outcome.note
            print(f"{outcome.number:3} {word} {outcome.title}" + (f" ({aside})" if aside else ""))
            if not outcome.ok:
                print(f"         expected: {outcome.expected}\n         found: {outcome.found}")
    failed = sum(not outcome.ok for outcome in outcomes)
    print(f"{len(outcomes) - failed} of {len(outcomes)} checks hold", file=sys.stderr)
    return Exit.PROVIDER_FAILED if failed else Exit.OK


def _run(arguments: argparse.Namespace) -> Exit:
    module: Any = importlib.import_module(f"sif.provider.shipped.{arguments.name.replace('-', '_')}")
    methods: Mapping[str, Any] = module.METHODS
    return Exit.OK if serve(methods) == 0 else Exit.INTERNAL

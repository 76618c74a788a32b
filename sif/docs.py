"""Keep the generated parts of ``docs/sif-format.md`` equal to the code.

    python3 -m sif.docs --write     put them in again
    python3 -m sif.docs --check     exit code 3 when they are not up to date
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Type

from sif.catalog import text as catalog
from sif.codec import KeySchema, KindSchema, schemas, to_text, type_name
from sif.errors import Exit, LifeboatError
from sif.features import FEATURES, REBUILT
from sif.fs_parameters import table as parameters
from sif.problems import MAX_SHOWN, SifInvalid, SifSetBroken, SifSyntaxError, SifUnsupported
from sif.reader import MAX_SET_BYTES, MAX_SET_SECTIONS, MAX_SET_TEXT_BYTES
from sif.secrets.age import SecretUnavailable
from sif.signature.errors import SignatureInvalid, SignatureMissing, SignerRefused
from sif.substitution import names
from sif.text import MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_PROBLEMS, MAX_SECTIONS

REFUSALS: Tuple[Type[LifeboatError], ...] = (
    SifSyntaxError, SifInvalid, SifSetBroken, SifUnsupported, SignatureInvalid, SignatureMissing, SignerRefused,
    SecretUnavailable,
)
"""Why a set, or what belongs to it, is refused."""

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sif-format.md"

_PART = re.compile(r"(<!-- generated: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def sections() -> str:
    """A table of keys per kind of section, in canonical order."""
    return "\n".join(_section(schema) for schema in schemas().values())


def _section(schema: KindSchema) -> str:
    header = f"{schema.kind} id" if schema.has_id else schema.kind
    summary = " ".join((schema.record.__doc__ or "").split())
    lines = [f"### `[{header}]`", ""]
    if summary and not summary.startswith(schema.record.__name__ + "("):
        lines += [summary, ""]
    lines += ["| key | type | default | identity | meaning | example |", "|---|---|---|---|---|---|"]
    lines += [_row(schema, key) for key in schema.keys]
    return "\n".join((*lines, ""))


def _row(schema: KindSchema, key: KeySchema) -> str:
    meaning = f"{key.info.doc} ({key.info.unit})" if key.info.unit else key.info.doc
    cells = (f"`{key.name}`", type_name(key), _default(schema, key), "yes" if key.info.identity else "", meaning,
             f"`{key.info.example}`")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(schema: KindSchema, key: KeySchema) -> str:
    if key.required:
        return "**required**"
    return "none" if key.default is None else f"`{to_text(key, key.default, schema.kind)}`"


def features() -> str:
    """The names that ``requires`` may hold."""
    lines = ["| feature | | rebuilt |", "|---|---|---|"]
    lines += [f"| `{name}` | {text} | {'yes' if name in REBUILT else ''} |" for name, text in FEATURES.items()]
    return "\n".join(lines) + "\n"


def codes() -> str:
    """What a reader answers a set that it refuses."""
    rows = [f"| {int(error.code)} | `{error.code.name}` | {_summary(error)} |" for error in REFUSALS]
    return "\n".join(["| code | name | why |", "|---|---|---|", *rows]) + "\n"


def _summary(error: Type[LifeboatError]) -> str:
    return (error.__doc__ or "").split("\n", maxsplit=1)[0]


def substitutions() -> str:
    """The closed list of ``${...}``."""
    return _pairs("name", {f"`{name}`": text for name, text in names().items()})


def limits() -> str:
    """The limits a reader enforces."""
    return _pairs("limit", {
        "bytes in a file": str(MAX_FILE_BYTES), "bytes in a line": str(MAX_LINE_BYTES),
        "sections in a file": str(MAX_SECTIONS), "bytes in all parts of a set": str(MAX_SET_TEXT_BYTES),
        "sections in all parts of a set": str(MAX_SET_SECTIONS), "bytes in all files of a set that are read whole":
        str(MAX_SET_BYTES), "problems of a file after which the rest is not read": str(MAX_PROBLEMS),
        "problems shown": str(MAX_SHOWN),
        "bytes in a catalog": str(catalog.MAX_CATALOG_BYTES), "bytes in a catalog's line": str(catalog.MAX_LINE_BYTES),
        "bytes in a catalog's path, before escaping": str(catalog.MAX_PATH_BYTES),
        "entries in a catalog": str(catalog.MAX_ENTRIES)})


def _pairs(title: str, rows: Dict[str, str]) -> str:
    lines: List[str] = [f"| {title} | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())]
    return "\n".join(lines) + "\n"


PARTS: Dict[str, Callable[[], str]] = {
    "sections": sections, "features": features, "substitutions": substitutions, "limits": limits,
    "codes": codes, "parameters": parameters,
}


def render(page: str) -> str:
    """The page with every generated part made again; KeyError for a part nobody generates."""
    return _PART.sub(lambda match: match.group(1) + "\n" + PARTS[match.group(2)]() + "\n" + match.group(3), page)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(prog="python3 -m sif.docs",
                                     description="Keep docs/sif-format.md equal to the code.")
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help="put the generated parts in again")
    choice.add_argument("--check", action="store_true", help="compare only; exit code 3 when they differ")
    arguments = parser.parse_args(argv)
    before = PAGE.read_text(encoding="utf-8")
    after = render(before)
    if arguments.write:
        PAGE.write_text(after, encoding="utf-8")
    elif before != after:
        print(f"{PAGE}: not up to date; run python3 -m sif.docs --write", file=sys.stderr)
        return int(Exit.DIFFERENT)
    return int(Exit.OK)


if __name__ == "__main__":
    sys.exit(main())

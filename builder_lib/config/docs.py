"""The part of docs/builder.md that says every key; `python -m builder_lib.config.docs --write` puts it there."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, List

from builder_lib.config.model import REPEATED, REQUIRED, SECTIONS
from builder_lib.summary import toml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "builder.md"
BEGIN, END = "<!-- keys: begin, generated -->\n", "<!-- keys: end -->\n"


def keys() -> str:
    """One table for each section."""
    lines: List[str] = []
    for name, section in SECTIONS.items():
        summary = (section.__doc__ or "").strip().splitlines()[0]
        heading = f"[[{name}]]" if name in REPEATED else f"[{name}]"
        lines += [f"#### `{heading}`", "", summary + (" Any number of times." if name in REPEATED else ""), "",
                  "| key | default | value | meaning |", "|---|---|---|---|"]
        for key in fields(section):
            kind = key.metadata["kind"].title.replace("|", "\\|")
            lines.append(f"| `{key.name}` | {_default(name, key.name, key.default)} | {kind} | {key.metadata['doc']} |")
        lines.append("")
    return "\n".join(lines)


def _default(section: str, key: str, value: Any) -> str:
    if (section, key) in REQUIRED:
        return "required"
    return "–" if value is None or value is MISSING else f"`{toml(value)}`"


def page(text: str) -> str:
    """The page with its generated part renewed."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + keys() + END + rest.split(END)[1]


def main() -> int:
    """Write the page, or with no argument tell whether it is current."""
    text = PAGE.read_text(encoding="utf-8")
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page(text), encoding="utf-8")
        return 0
    return 0 if page(text) == text else 3


if __name__ == "__main__":
    sys.exit(main())

"""Show what would be built: the resolved configuration, and every package that is asked for."""

from __future__ import annotations

import textwrap
from dataclasses import fields, is_dataclass
from typing import Any, List

from builder_lib.options import BuildOptions
from builder_lib.packages import listed_packages, site_packages
from builder_lib.tree import element_paths


def summary(options: BuildOptions) -> str:
    """The configuration with all defaults, in the form of its file, then elements and packages."""
    lines: List[str] = []
    for section in fields(options.config):
        value = getattr(options.config, section.name)
        for item in value if isinstance(value, tuple) else (value,):
            heading = f"[[{section.name}]]" if isinstance(value, tuple) else f"[{section.name}]"
            lines += [heading, *_keys(item), ""]
    elements = element_paths(options)
    packages = sorted({*listed_packages(elements, options.architecture), *site_packages(options.config)})
    lines.append(f"# elements: {', '.join(path.name for path in elements)}")
    lines.append(f"# kernel arguments: {' '.join(options.arguments) or 'none added'}")
    lines.append(f"# {len(packages)} packages are asked for; apt adds what they depend on:")
    lines += textwrap.wrap(" ".join(packages), 110, initial_indent="#   ", subsequent_indent="#   ",
                           break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines) + "\n"


def _keys(item: Any) -> List[str]:
    if not is_dataclass(item):
        return []
    values = {key.name: getattr(item, key.name) for key in fields(item)}
    return [f"# {name} is not set" if value is None else f"{name} = {toml(value)}" for name, value in values.items()]


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'

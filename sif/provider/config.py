"""Which providers a machine has: ``/etc/sif/providers/*.conf``, read by the lexer of SIF texts.

    [PROVIDER files]
    program = restic                 ; one that comes with us, or the absolute path of a program
    location = "/srv/backup/restic"  ; everything else is the provider's own

Values are text, numbers stay text; a list is a list of texts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from sif.media import BadFile, read_file
from sif.problems import Problem, errors_of, rejection
from sif.provider import DEFAULT_CONFIG as DEFAULT_CONFIG
from sif.provider.client import Provider, shipped
from sif.provider.protocol import NAME
from sif.provider.shipped import SHIPPED
from sif.text import MAX_FILE_BYTES, Section, decode, lex

KIND = "PROVIDER"
PROGRAM = "program"


def read_config(directory: Path) -> Tuple[Provider, ...]:
    """The providers of every ``*.conf`` in the directory, in the order of file names; none if it is not there.

    Raises SifRejected with everything that is wrong in any of the files.
    """
    problems: List[Problem] = []
    found: Dict[str, Provider] = {}
    paths = sorted(path for path in directory.iterdir() if path.name.endswith(".conf")) if directory.is_dir() else []
    for path in paths:
        try:
            data = read_file(directory, path.name, MAX_FILE_BYTES)
        except BadFile as error:
            problems.append(Problem(error.what, str(path), error.found, hint=error.hint))
            continue
        text, faults = decode(data, str(path))
        problems.extend(faults)
        sections, faults = lex(text or "", str(path))
        problems.extend(faults)
        for section in sections:
            provider = _provider(section, str(path), problems)
            if provider is None:
                continue
            if provider.name in found:
                problems.append(Problem("a provider of that name is configured already", f"{path}:{section.line}:1",
                                        found=provider.name))
            found[provider.name] = provider
    if errors_of(problems):
        raise rejection(str(directory), problems)
    return tuple(found.values())


def _provider(section: Section, name: str, problems: List[Problem]) -> "Provider | None":
    where = f"{name}:{section.line}:{section.column}"
    if section.kind != KIND or not NAME.fullmatch(section.ident):
        problems.append(Problem("not a provider's section", where, found=f"[{section.kind} {section.ident}]".strip(),
                                wanted=f"[{KIND} name], the name of a-z, 0-9 and -"))
        return None
    values: Dict[str, Any] = {
        entry.key: [atom.text for atom in entry.atoms] if entry.is_list else entry.atoms[0].text
        for entry in section.entries}
    program = values.pop(PROGRAM, section.ident)
    try:
        return Provider(section.ident, command_of(program), values)
    except ValueError as error:
        problems.append(Problem("no such provider", where, found=str(error), wanted="an absolute path, or one of "
                                + ", ".join((*SHIPPED, *_installed()))))
        return None


def command_of(program: Any) -> Tuple[str, ...]:
    """The command of a shipped provider, of the program at an absolute path, or of one that a Python package brings.

    Raises ValueError for others.
    """
    if program in SHIPPED:
        return shipped(str(program))
    if isinstance(program, str) and program.startswith("/"):
        return (program,)
    if isinstance(program, str) and program in _installed():
        return _installed()[program]
    raise ValueError(str(program))


def _installed() -> Mapping[str, Tuple[str, ...]]:
    from sif.provider.discover import entry_points  # slow: looks through all packages; seldom needed
    return entry_points()

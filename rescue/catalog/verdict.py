"""What the catalog check found and did, as data; and what is to be done with a file that differs. Pure."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import Enum
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from sif.catalog.entry import Entry, Origin
from sif.catalog.text import escape
from sif.catalog.verify import CatalogReport, Difference, Fact
from sif.errors import Exit, LifeboatError
from sif.model import Catalog, CatalogPolicy

KEPT_FINDINGS = 1000
"""How many findings a report names; the counts are of all of them."""
SHOWN = 20
_METADATA = frozenset((Fact.MODE, Fact.OWNER, Fact.CAPABILITIES))


class CatalogDifferent(LifeboatError):
    """Files of the restored system are not as captured, and the set says that this ends the restore."""

    code = Exit.CATALOG_DIFFERENT


class Remedy(Enum):
    """What can be done. SET_FACTS: the content is right, the catalog itself knows the rest."""

    SET_FACTS = "set facts"
    REPLACE = "replace"
    LEAVE = "leave"


class CatalogOutcome(str, Enum):
    """What became of a file. OTHER_VERSION: the restored system has another version of its package."""

    PUT_BACK = "put back"
    FACTS_SET = "facts set"
    OTHER_VERSION = "other version"
    LEFT = "left"


@dataclass(frozen=True)
class Damage:
    """A file of the catalog that is missing (no facts) or different."""

    entry: Entry
    differences: Tuple[Difference, ...] = ()

    def __str__(self) -> str:
        return "; ".join(f"{d.fact.value} {d.found}, wanted {d.wanted}" for d in self.differences) or "missing"


@dataclass(frozen=True)
class Finding:
    """One file: what was wrong, what became of it. ``kept``: where the old file is; ``source``: where the new one
    came from; ``reason``: why it is as it was."""

    path: str
    package: str
    version: str
    wrong: str
    outcome: CatalogOutcome
    source: str = ""
    kept: str = ""
    reason: str = ""

    def __str__(self) -> str:
        more = "; ".join(word for word in (self.source and f"from {self.source}", self.kept and f"kept as {self.kept}",
                                           self.reason) if word)
        return f"{self.path} ({self.package} {self.version}): {self.wrong} -> {self.outcome.value}" \
               + (f" ({more})" if more else "")


@dataclass(frozen=True)
class CatalogVerdict:
    """A whole check. ``excluded`` files differed from their packages when they were captured and are not judged."""

    checked: int
    bytes_read: int
    excluded: int
    put_back: int
    facts_set: int
    unresolved: int
    findings: Tuple[Finding, ...]

    def __str__(self) -> str:
        return f"{self.checked} files checked, {self.put_back} put back, {self.facts_set} with owner or mode set, " \
               f"{self.unresolved} different; {self.excluded} differed when they were captured"

    def to_json(self) -> str:
        """The verdict as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=1) + "\n"


def verdict_from_json(text: str) -> CatalogVerdict:
    """What :meth:`CatalogVerdict.to_json` wrote."""
    data = json.loads(text)
    data["findings"] = tuple(Finding(**{**finding, "outcome": CatalogOutcome(finding["outcome"])})
                             for finding in data["findings"])
    return CatalogVerdict(**data)


def make_verdict(checked: int, bytes_read: int, excluded: int, findings: Iterable[Finding]) -> CatalogVerdict:
    """Count the findings and keep the first of them, those that nothing was done about before the others."""
    known: List[Finding] = sorted(findings, key=lambda f: (f.outcome not in _UNRESOLVED, f.path))
    counts = {outcome: sum(f.outcome is outcome for f in known) for outcome in CatalogOutcome}
    return CatalogVerdict(checked, bytes_read, excluded, counts[CatalogOutcome.PUT_BACK],
                          counts[CatalogOutcome.FACTS_SET], sum(counts[outcome] for outcome in _UNRESOLVED),
                          tuple(known[:KEPT_FINDINGS]))


_UNRESOLVED = (CatalogOutcome.LEFT, CatalogOutcome.OTHER_VERSION)


def require_policy(catalogs: Iterable[Catalog], verdict: CatalogVerdict) -> None:
    """Raise :class:`CatalogDifferent` when files differ and a catalog of the set says that this ends the restore."""
    if not verdict.unresolved or all(catalog.policy is CatalogPolicy.REPORT for catalog in catalogs):
        return
    shown = [str(f) for f in verdict.findings if f.outcome in _UNRESOLVED][:SHOWN]
    if verdict.unresolved > len(shown):
        shown.append(f"... and {verdict.unresolved - len(shown)} more")
    raise CatalogDifferent(
        f"{verdict.unresolved} files of packages are not as they were captured; the machine stays in phase 2",
        where="CATALOG", found="\n    ".join(["", *shown]), wanted="every file as listed (policy = refuse-different)",
        hint="put their packages where they are looked for (`packages` beside the set or in a store's location, or the "
        "package manager's cache in the restored system), or repair the files in a shell, then start it again")


def judged(entries: Iterable[Entry]) -> Tuple[Entry, ...]:
    """The entries that say what a file must be: those that were their package's own at capture time."""
    return tuple(entry for entry in entries if entry.origin is not Origin.DIFFERS)


def damages(report: CatalogReport) -> Tuple[Damage, ...]:
    """The damaged files of a comparison, by path, each once."""
    found: Dict[bytes, Damage] = {entry.path: Damage(entry) for entry in report.missing}
    for difference in report.different:
        before = found.get(difference.entry.path, Damage(difference.entry))
        found[difference.entry.path] = Damage(difference.entry, (*before.differences, difference))
    return tuple(found[path] for path in sorted(found))


def remedy(damage: Damage, installed: Optional[Mapping[str, str]]) -> Tuple[Remedy, str]:
    """What to do with a damaged file, and the reason if nothing.

    ``installed`` is package → version in the restored system, None if unknown. Files of another version than the
    catalog's are not mixed into a system: what was backed up later than it was captured is no damage.
    """
    package, version = damage.entry.package, damage.entry.version
    if installed is not None and installed.get(package) != version:
        known = installed.get(package)
        return Remedy.LEAVE, f"the restored system has {package} {known}" if known else \
            f"the restored system does not have {package}"
    if damage.differences and all(difference.fact in _METADATA for difference in damage.differences):
        return Remedy.SET_FACTS, ""
    return Remedy.REPLACE, ""


def new_finding(damage: Damage, outcome: CatalogOutcome, *, source: str = "", kept: str = "",
                reason: str = "") -> Finding:
    """The record of what became of a damaged file."""
    entry = damage.entry
    return Finding(escape(entry.path), entry.package, entry.version, str(damage), outcome, source, kept, reason)

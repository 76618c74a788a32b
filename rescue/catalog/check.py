"""After the restore programs: every file of the catalog is checked, and what differs is put back if it can be."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from rescue.catalog.archives import Archive, by_package, find_archives, unpacked
from rescue.catalog.putback import make_quarantine, put_back, set_facts
from rescue.catalog.verdict import (
    CatalogOutcome,
    CatalogVerdict,
    Damage,
    Finding,
    Remedy,
    damages,
    judged,
    make_verdict,
    new_finding,
    remedy,
)
from rescue.durable import remove_tree
from rescue.journal import Journal
from sif import media
from sif.catalog.dpkg import ADMIN, have_dpkg, installed
from sif.catalog.entry import Entry
from sif.catalog.text import read_catalog
from sif.catalog.tree import Tree
from sif.catalog.verify import verify_catalog
from sif.reader import LoadedSet

QUARANTINE = "quarantine"
_KEY = "catalog:"


@dataclass(frozen=True)
class CatalogWork:
    """Where a check works: the restored tree, the places with packages, and this job's directory in the tree."""

    target: Path
    places: Tuple[Path, ...]
    evidence: Path
    journal: Journal


def catalog_entries(loaded: LoadedSet) -> Tuple[Entry, ...]:
    """The entries of all catalogs of a set that is in memory."""
    found: List[Entry] = []
    for catalog in loaded.info.catalogs:
        data = loaded.file(catalog.path[len(media.SCHEME):])
        found.extend(read_catalog(data or b"", catalog.path))
    return tuple(found)


def check_catalog(entries: Sequence[Entry], work: CatalogWork) -> CatalogVerdict:
    """Compare the restored tree with the catalog, and repair it as far as packages are at hand.

    May be cut off at any point and called again: what an earlier call repaired is in the journal and in the result.
    """
    wanted = judged(entries)
    report = verify_catalog(work.target, wanted)
    damaged = damages(report)
    repairs = _Repairs(work)
    if damaged:
        repairs.run(damaged, _installed(work.target))
    return make_verdict(report.checked, report.bytes_read, len(entries) - len(wanted),
                        {**_earlier(work.journal), **repairs.found}.values())


def _installed(target: Path) -> Optional[Mapping[str, str]]:
    """Package → version by dpkg's database in the restored tree; None where there is none that can be read."""
    if not have_dpkg(target):
        return None
    try:
        return {package.files: package.version for package in installed((target / ADMIN / "status").read_bytes())}
    except OSError:
        return None


def _earlier(journal: Journal) -> Dict[str, Finding]:
    """What was repaired before a power cut."""
    return {key[len(_KEY):]: Finding(path=key[len(_KEY):], package=known["package"], version=known["version"],
                                     wrong=known["wrong"], outcome=CatalogOutcome(known["outcome"]),
                                     source=known["source"], kept=known["kept"])
            for key, known in journal.beginning(_KEY).items()}


@dataclass
class _Repairs:
    """Does the work on damaged files and keeps what became of each, by path."""

    work: CatalogWork
    found: Dict[str, Finding] = field(default_factory=dict)

    def run(self, damaged: Sequence[Damage], versions: Optional[Mapping[str, str]]) -> None:
        to_replace: Dict[Tuple[str, str], List[Damage]] = {}
        with Tree(self.work.target) as tree:
            for damage in damaged:
                what, reason = remedy(damage, versions)
                if what is Remedy.LEAVE:
                    self._note(new_finding(damage, CatalogOutcome.OTHER_VERSION, reason=reason))
                elif what is Remedy.SET_FACTS:
                    self._facts(tree, damage)
                else:
                    to_replace.setdefault((damage.entry.package, damage.entry.version), []).append(damage)
            if to_replace:
                archives = by_package(find_archives(self.work.places), to_replace)
                for wanted, files in to_replace.items():
                    self._replace(tree, files, archives[wanted])

    def _facts(self, tree: Tree, damage: Damage) -> None:
        try:
            set_facts(tree, damage.entry)
        except OSError as error:
            self._note(new_finding(damage, CatalogOutcome.LEFT, reason=error.strerror or str(error)))
        else:
            self._done(new_finding(damage, CatalogOutcome.FACTS_SET, source="the catalog"))

    def _replace(self, tree: Tree, files: Sequence[Damage], archives: Sequence[Archive]) -> None:
        """Put the files of one package back from the first archive that has them as the catalog says."""
        left = {damage.entry.path: damage for damage in files}
        reasons = {path: "no package with it is at hand" for path in left}
        for archive in archives:
            if not left:
                break
            make_quarantine(self.work.target, self.work.evidence / QUARANTINE)
            with unpacked(archive, tuple(left), self.work.evidence / "unpacked") as content:
                for path, damage in tuple(left.items()):
                    source = content.open(path)
                    if source is None:
                        reasons[path] = f"{archive.path.name} does not have it"
                        continue
                    try:
                        kept = put_back(tree, damage.entry, source, self.work.evidence / QUARANTINE)
                    except ValueError:
                        reasons[path] = f"{archive.path.name} has another content for it"
                    except OSError as error:
                        reasons[path] = error.strerror or str(error)
                    else:
                        del left[path]
                        where = str(kept.relative_to(self.work.evidence)) if kept else ""
                        self._done(new_finding(damage, CatalogOutcome.PUT_BACK, source=archive.path.name, kept=where))
                    finally:
                        os.close(source)
        for path, damage in left.items():
            self._note(new_finding(damage, CatalogOutcome.LEFT, reason=reasons[path]))

    def _note(self, finding: Finding) -> None:
        self.found[finding.path] = finding

    def _done(self, finding: Finding) -> None:
        self._note(finding)
        self.work.journal.record(_KEY + finding.path, package=finding.package, version=finding.version,
                                 wrong=finding.wrong, outcome=finding.outcome.value, source=finding.source,
                                 kept=finding.kept)


def forget_empty(evidence: Path) -> None:
    """Remove a quarantine that holds nothing."""
    where = evidence / QUARANTINE
    if where.is_dir() and not any(where.iterdir()):
        remove_tree(where)

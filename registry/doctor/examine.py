"""From a catalog and a store to findings, to the files as they should be, and to those files.

Everything is read once, every check runs, and what can be mended is composed: several findings
about one file make one new text of it. A file is written only if it still is what was read.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from registry.catalog import files
from registry.catalog.edit import rewritten
from registry.catalog.folder import require_folder
from registry.catalog.models import Paper, Survey
from registry.core.atomic import write_atomic
from registry.core.errors import CatalogError, StoreError
from registry.core.settings import Settings
from registry.doctor import entry_checks, store_checks, upstream_checks
from registry.doctor.finding import CHECKS, Entry, Finding, Patient
from registry.doctor.upstream import upstream
from registry.store.engine import Store
from registry.store.sync import refresh

__all__ = ["CHECKS", "Mended", "Mending", "apply", "examine", "patient_of", "plan"]
_REGISTERED = (entry_checks, upstream_checks, store_checks)  # importing them fills the register

_MENDED_ELSEWHERE = (
    "not in the form",
    "is an older name",
    "which nobody sees",
    "has the same title",
    "stands twice",
    "the related paper",
    "related to itself",
    "leaf_sources names",
    "the schema is not",
)
"""What ``registry check`` says of a file that another check here reports with its remedy."""


@dataclass(frozen=True)
class Mending:
    """A file that is to change: its text now and then, and for which findings."""

    path: Path
    before: str
    after: str
    findings: tuple[Finding, ...]

    def diff(self, root: Path) -> str:
        """The change as a unified diff, with the path below ``root``."""
        inside = self.path.is_relative_to(root)
        name = self.path.relative_to(root).as_posix() if inside else str(self.path)
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.after.splitlines(keepends=True),
            f"a/{name}",
            f"b/{name}",
        )
        return "".join(lines)


@dataclass(frozen=True)
class Mended:
    """What was done: files written, files that changed meanwhile, deeds on the store."""

    written: tuple[Path, ...]
    changed_meanwhile: tuple[Path, ...]
    mirrored: bool  # False where there is no store, or another file keeps it from reading all


def patient_of(settings: Settings, store: Store | None) -> Patient:
    """Everything the checks look at. Raises UsageError where the catalog's folder is missing."""
    root = settings.catalog_dir
    require_folder(root)
    taxonomy, _ = files.read_taxonomy(root / "taxonomy.yaml")
    entries: dict[str, Entry] = {}
    unreadable: set[str] = set()
    for path in (*files.paper_paths(root), *files.survey_paths(root)):
        model: type[Paper] = Survey if path.parent.name == "surveys" else Paper
        paper, _ = files.read_entry(path, model)
        if paper is not None:
            entries.setdefault(paper.id, Entry(path, _text_of(path), paper))
        else:
            unreadable.add(path.stem.replace("_", "/", 1))
    evidence = [(path, files.read_evidence(path)[0]) for path in files.evidence_paths(root)]
    return Patient(
        settings=settings,
        taxonomy=taxonomy,
        entries=dict(sorted(entries.items())),
        unreadable=frozenset(unreadable),
        evidence=tuple((path, one) for path, one in evidence if one is not None),
        upstream=upstream(store, entries) if store is not None else {},
        store=store,
    )


def examine(patient: Patient, only: Collection[str] | None = None) -> list[Finding]:
    """The findings of every check, or of those named, in the order of the register."""
    found: list[Finding] = []
    for name, check in CHECKS.items():
        if only is not None and name not in only:
            continue
        try:
            found += check(patient)
        except StoreError as error:
            store = patient.store
            place = Path(str(store.engine.url.database)) if store else patient.settings.workspace
            found.append(Finding(name, place, str(error), "see the remedy it names"))
    told = {finding.path for finding in found if finding.check != "catalog"}
    return [one for one in found if not _told_elsewhere(one, told)]


def plan(patient: Patient, findings: Iterable[Finding]) -> list[Mending]:
    """The files that would change, each with one new text for all findings about it."""
    by_path: dict[Path, list[Finding]] = {}
    for finding in findings:
        if finding.change is not None or finding.text is not None:
            by_path.setdefault(finding.path, []).append(finding)
    entries = {entry.path: entry for entry in patient.entries.values()}
    mendings = []
    for path, about in sorted(by_path.items()):
        entry = entries.get(path)
        if entry is None:
            before = _text_of(path)
            after = next(one.text for one in about if one.text is not None)
        else:
            before, after = entry.text, _mended(entry, about)
        if after != before:
            mendings.append(Mending(path, before, after, tuple(about)))
    return mendings


def apply(patient: Patient, mendings: Iterable[Mending], findings: Iterable[Finding]) -> Mended:
    """Write the files, each only if it still is what was read, then see to the store."""
    written, changed = [], []
    for mending in mendings:
        if _text_of(mending.path) == mending.before:
            write_atomic(mending.path, mending.after)
            written.append(mending.path)
        else:
            changed.append(mending.path)
    try:
        for finding in findings:
            if finding.deed is not None:
                finding.deed()
        if patient.store is not None:
            refresh(patient.store, patient.settings)
    except CatalogError:
        return Mended(tuple(written), tuple(changed), mirrored=False)
    return Mended(tuple(written), tuple(changed), mirrored=patient.store is not None)


def _text_of(path: Path) -> str:
    """What the file holds, its line ends as they are; nothing where there is none."""
    return path.read_bytes().decode("utf-8") if path.is_file() else ""


def _mended(entry: Entry, findings: list[Finding]) -> str:
    text, paper = entry.text, entry.paper
    for finding in findings:
        if finding.text is not None:
            text = finding.text
    for finding in findings:
        if finding.change is not None:
            changed = finding.change(paper)
            # A change is made on trust; the model has the last word before it reaches a file.
            valid = type(paper).model_validate(changed.model_dump(exclude_defaults=True))
            text, paper = rewritten(text, paper, valid), valid
    return text


def _told_elsewhere(finding: Finding, told: set[Path]) -> bool:
    return (
        finding.check == "catalog"
        and finding.path in told
        and any(phrase in finding.what for phrase in _MENDED_ELSEWHERE)
    )

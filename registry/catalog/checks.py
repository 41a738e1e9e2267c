"""Everything that must hold in the catalog, checked at once.

A file is checked against its model, and what the files say of each other and of the register of
methods is checked in both directions. An outline may name papers the catalog does not have: they
are counted, not reported.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from methods.experiments import EXPERIMENTS
from methods.experiments.protocol import Experiment
from methods.index import METHODS, MethodInfo
from registry.catalog import files
from registry.catalog.criteria import check_criteria
from registry.catalog.entry_checks import check_paper
from registry.catalog.folder import require_folder
from registry.catalog.link_checks import (
    check_evidence,
    check_experiments,
    check_methods,
    check_papers_together,
    check_survey,
)
from registry.catalog.models import Evidence, Paper, Record, Survey, Taxonomy
from registry.catalog.places import Places
from registry.catalog.problems import Problem
from registry.catalog.schema import schema_path, stale_schemas
from registry.catalog.taxonomy_checks import check_taxonomy

__all__ = ["Problem", "Report", "check_catalog", "inspect_catalog", "unformatted"]


@dataclass(frozen=True)
class Report:
    """What was looked at, and what is wrong with it, in the order of the files."""

    problems: tuple[Problem, ...]
    counts: dict[str, int]


@dataclass
class _Read:
    """What could be read, so that one bad file does not hide the faults of the others."""

    taxonomy: Taxonomy | None = None
    papers: dict[str, tuple[Path, Paper]] = field(default_factory=dict)
    evidence: list[tuple[Path, Evidence]] = field(default_factory=list)
    unreadable: set[str] = field(default_factory=set)  # slugs of papers whose file is wrong
    problems: list[Problem] = field(default_factory=list)


def check_catalog(
    root: Path,
    methods: tuple[MethodInfo, ...] = METHODS,
    experiments: tuple[Experiment, ...] = EXPERIMENTS,
) -> list[Problem]:
    """Every problem of the catalog at ``root``; empty where all is well.

    Raises UsageError where ``root`` is not there.
    """
    return list(inspect_catalog(root, methods, experiments).problems)


def inspect_catalog(
    root: Path,
    methods: tuple[MethodInfo, ...] = METHODS,
    experiments: tuple[Experiment, ...] = EXPERIMENTS,
) -> Report:
    """What was checked and what is wrong."""
    read = _read(root)
    problems = read.problems
    places = Places()
    if read.taxonomy is not None:
        problems += check_taxonomy(root / "taxonomy.yaml", read.taxonomy, places)
    known = {id_: paper for id_, (_, paper) in read.papers.items()}
    for path, paper in read.papers.values():
        problems += check_paper(path, paper, read.taxonomy, methods, experiments, places)
        if isinstance(paper, Survey):
            problems += check_survey(path, paper, read.taxonomy, methods, places)
    problems += check_papers_together(read.papers, read.unreadable, places)
    problems += check_methods(root, known, read.unreadable, methods)
    for path, evidence in read.evidence:
        problems += check_evidence(path, evidence, known, read.unreadable, methods, places)
    problems += check_experiments(root, known, experiments)
    problems += check_criteria(root)
    problems += _check_files(root, read)
    return Report(tuple(sorted(problems)), _counts(read, known))


def unformatted(root: Path) -> list[tuple[Path, str]]:
    """The readable files that are not in the form we write, each with the text it should have."""
    return _unformatted(root, _read(root))


def _unformatted(root: Path, read: _Read) -> list[tuple[Path, str]]:
    entries: list[tuple[Path, Record]] = [*read.papers.values(), *read.evidence]
    if read.taxonomy is not None:
        entries.append((root / "taxonomy.yaml", read.taxonomy))
    texts = [(path, files.dump_entry(entry)) for path, entry in entries]
    return [(path, text) for path, text in texts if path.read_bytes() != text.encode()]


def _read(root: Path) -> _Read:
    require_folder(root)
    read = _Read()
    read.taxonomy, found = files.read_taxonomy(root / "taxonomy.yaml")
    read.problems += found
    papers = [(path, files.read_entry(path, Paper)) for path in files.paper_paths(root)]
    surveys = [(path, files.read_entry(path, Survey)) for path in files.survey_paths(root)]
    for path, (paper, found) in (*papers, *surveys):
        read.problems += found
        if paper is None:
            read.unreadable.add(path.stem)
        elif paper.id in read.papers:
            other = read.papers[paper.id][0]
            what = f"{paper.id} stands in {other.parent.name}/ too"
            read.problems.append(Problem(path, 1, what, "one file a paper", "remove one"))
        else:
            read.papers[paper.id] = (path, paper)
    for path in files.evidence_paths(root):
        evidence, found = files.read_evidence(path)
        read.problems += found
        if evidence is not None:
            read.evidence.append((path, evidence))
    return read


def _check_files(root: Path, read: _Read) -> list[Problem]:
    problems = [
        Problem(path, 1, "not in the form the registry writes", fix="registry check --fix")
        for path, _ in _unformatted(root, read)
    ]
    problems += [
        Problem(
            schema_path(root, model),
            1,
            "the schema is not what the model says",
            fix="registry check --write-schema",
        )
        for model in stale_schemas(root)
    ]
    return problems + _unused(root)


def _unused(root: Path) -> list[Problem]:
    used = {
        *files.paper_paths(root),
        *files.survey_paths(root),
        *files.evidence_paths(root),
        *(root / "schema").glob("*.json"),
    }
    allowed = {
        "papers": "papers/<id>.yaml",
        "surveys": "surveys/<id>.yaml",
        "evidence": "evidence/<method>/<claim or experiment>-<scale>.json",
        "schema": "schema/<Model>.json",
    }
    return [
        Problem(path, 1, "nothing reads this file", form, "move or remove it")
        for folder, form in allowed.items()
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and path not in used and path.name != ".gitkeep"
    ]


def _counts(read: _Read, known: dict[str, Paper]) -> dict[str, int]:
    surveys = [paper for paper in known.values() if isinstance(paper, Survey)]
    named = Counter(id_ for survey in surveys for id_ in files.outline_papers(survey))
    return {
        "papers": len(known),
        "facts_only": sum(paper.facts_only for paper in known.values()),
        "surveys": len(surveys),
        "claims": sum(len(paper.claims) for paper in known.values()),
        "evidence": len(read.evidence),
        "leaves": len(read.taxonomy.leaf_slugs) if read.taxonomy is not None else 0,
        "outline_papers": len(named),
        "outline_papers_absent": sum(id_ not in known for id_ in named),
        "outline_papers_facts_only": sum(id_ in known and known[id_].facts_only for id_ in named),
    }

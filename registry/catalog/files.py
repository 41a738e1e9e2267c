"""Catalog files to records and back.

    papers/<slug of id>.yaml      Paper
    surveys/<slug of id>.yaml     Survey, which is a paper too
    taxonomy.yaml                 Taxonomy
    evidence/<method>/<claim or experiment>-<scale>.json    Evidence

Loading and dumping an unchanged file gives the same bytes. A file that is wrong raises
CatalogError with the line; ``registry.catalog.checks`` collects all problems instead.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

from registry.catalog import reader
from registry.catalog.fingerprint import catalog_fingerprint
from registry.catalog.folder import require_folder
from registry.catalog.models import Evidence, MethodLink, Paper, Record, Survey, Taxonomy
from registry.catalog.problems import Problem
from registry.catalog.reader import Lines
from registry.catalog.validation import validate
from registry.catalog.writer import to_yaml
from registry.core.atomic import write_if_changed
from registry.core.errors import CatalogError, UsageError
from registry.core.ids import ArxivId

__all__ = [
    "Catalog",
    "catalog_fingerprint",
    "dump_entry",
    "entry_path",
    "evidence_paths",
    "find_entry",
    "load_catalog",
    "load_evidence",
    "load_paper",
    "load_papers",
    "load_survey",
    "load_taxonomy",
    "outline_papers",
    "paper_paths",
    "read_entry",
    "read_evidence",
    "read_taxonomy",
    "save_entry",
    "survey_paths",
]

LARGE: Final = 2 * 1024 * 1024  # the taxonomy, and evidence with its curves
R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Catalog:
    """Everything in the catalog's folder, read once."""

    root: Path
    papers: dict[str, Paper]  # by id, surveys included, in the order of the ids
    surveys: dict[str, Survey]
    taxonomy: Taxonomy
    evidence: tuple[Evidence, ...]

    def paper(self, text: str) -> Paper | None:
        """The entry of an identifier in any form, or None; None too for what is no identifier."""
        try:
            return self.papers.get(ArxivId.parse(text).base)
        except UsageError:
            return None

    def papers_of(self, method: str) -> tuple[tuple[Paper, MethodLink], ...]:
        """The entries that name ``method``, each with its link; who introduces it first."""
        order = ("introduces", "uses", "analyses")
        found = [
            (p, link) for p in self.papers.values() for link in p.methods if link.slug == method
        ]
        return tuple(sorted(found, key=lambda pair: order.index(pair[1].relation)))

    def papers_in(self, leaf: str) -> tuple[Paper, ...]:
        """The entries of a leaf, primary and secondary."""
        return tuple(p for p in self.papers.values() if leaf in p.leaves)

    def surveys_naming(self, paper: str) -> tuple[Survey, ...]:
        """The surveys whose outline names the paper ``paper``."""
        return self._naming.get(paper, ())

    @cached_property
    def _naming(self) -> dict[str, tuple[Survey, ...]]:
        found: dict[str, tuple[Survey, ...]] = {}
        for survey in self.surveys.values():
            for id_ in outline_papers(survey):
                found[id_] = (*found.get(id_, ()), survey)
        return found

    def evidence_of(
        self, *, method: str | None = None, paper: str | None = None, claim: str | None = None
    ) -> tuple[Evidence, ...]:
        """The evidence that matches everything given."""
        return tuple(
            e
            for e in self.evidence
            if method in (None, e.method) and paper in (None, e.paper) and claim in (None, e.claim)
        )


def outline_papers(survey: Survey) -> tuple[str, ...]:
    """Every paper the outline names, once, in its order."""
    found: dict[str, None] = {}
    waiting = list(reversed(survey.outline))
    while waiting:
        section = waiting.pop()
        found.update(dict.fromkeys(section.papers))
        waiting.extend(reversed(section.sections))
    return tuple(found)


def load_catalog(root: Path) -> Catalog:
    """Everything below ``root``. Raises CatalogError at the first bad file, UsageError where
    ``root`` is not there."""
    papers = load_papers(root)
    surveys = {id_: p for id_, p in papers.items() if isinstance(p, Survey)}
    evidence = tuple(load_evidence(path) for path in evidence_paths(root))
    return Catalog(root, papers, surveys, load_taxonomy(root), evidence)


def load_papers(root: Path) -> dict[str, Paper]:
    """Papers and surveys by id, sorted; the quick part of ``load_catalog``."""
    require_folder(root)
    found: dict[str, Paper] = {}
    for path in (*paper_paths(root), *survey_paths(root)):
        entry = load_survey(path) if path.parent.name == "surveys" else load_paper(path)
        if entry.id in found:
            _fail(path, f"{entry.id} stands in papers/ and in surveys/", "one file a paper")
        found[entry.id] = entry
    return dict(sorted(found.items()))


def load_paper(path: Path) -> Paper:
    """The paper in ``path``. Raises CatalogError."""
    return _first(read_entry(path, Paper))


def load_survey(path: Path) -> Survey:
    """The survey in ``path``. Raises CatalogError."""
    return _first(read_entry(path, Survey))


def load_taxonomy(root: Path) -> Taxonomy:
    """The taxonomy of the catalog at ``root``. Raises CatalogError."""
    return _first(read_taxonomy(root / "taxonomy.yaml"))


def load_evidence(path: Path) -> Evidence:
    """The evidence in ``path``. Raises CatalogError."""
    return _first(read_evidence(path))


def find_entry(root: Path, id_: ArxivId) -> Path | None:
    """The file of a paper or survey, or None where the catalog has none."""
    for folder in ("papers", "surveys"):
        path = root / folder / f"{id_.slug}.yaml"
        if path.is_file():
            return path
    return None


def read_entry(path: Path, model: type[R]) -> tuple[R | None, list[Problem]]:
    """The entry in ``path``, or all that is wrong with it."""
    record, problems = _read_yaml(path, model, reader.MAX_BYTES)
    if isinstance(record, Paper) and path.stem != ArxivId(record.id).slug:
        allowed = f"{ArxivId(record.id).slug}.yaml for the id {record.id}"
        return None, [Problem(path, 1, "the file's name is not its id", allowed, "rename the file")]
    return record, problems


def read_taxonomy(path: Path) -> tuple[Taxonomy | None, list[Problem]]:
    """The taxonomy in ``path``, or all that is wrong with it."""
    return _read_yaml(path, Taxonomy, LARGE)


def read_evidence(path: Path) -> tuple[Evidence | None, list[Problem]]:
    """The evidence in ``path``, or all that is wrong with it."""
    try:
        text = reader.read_text(path, LARGE)
        tree = _parse_json(path, text)
    except CatalogError as error:
        return None, [Problem.of(error)]
    except FileNotFoundError:
        return None, [_absent(path)]
    record, problems = validate(path, Evidence, tree, lambda: _lines(path, text))
    if record is not None and path != entry_path(path.parent.parent.parent, record):
        allowed = f"evidence/{record.method}/{record.name}.json"
        return None, [
            Problem(path, 1, "the file's place is not its content's", allowed, "move the file")
        ]
    return record, problems


def dump_entry(entry: Record) -> str:
    """The one text of a record: YAML, or JSON for evidence. Fields at their default are left out
    of YAML."""
    if isinstance(entry, Evidence):
        unsaid = {name for name in ("experiment", "options") if not getattr(entry, name)}
        return entry.model_dump_json(indent=2, exclude=unsaid) + "\n"
    return to_yaml(entry.model_dump(exclude_defaults=True))


def entry_path(root: Path, entry: Record) -> Path:
    """Where a record belongs below ``root``."""
    if isinstance(entry, Evidence):
        return root / "evidence" / entry.method / f"{entry.name}.json"
    if isinstance(entry, Taxonomy):
        return root / "taxonomy.yaml"
    if isinstance(entry, Paper):
        folder = "surveys" if isinstance(entry, Survey) else "papers"
        return root / folder / f"{ArxivId(entry.id).slug}.yaml"
    raise TypeError(f"{type(entry).__name__} has no file of its own")


def save_entry(root: Path, entry: Record) -> bool:
    """Write a record to its place, atomically; False where the file already says the same."""
    return write_if_changed(entry_path(root, entry), dump_entry(entry))


def paper_paths(root: Path) -> list[Path]:
    """The files of the papers, sorted."""
    return sorted((root / "papers").glob("*.yaml"))


def survey_paths(root: Path) -> list[Path]:
    """The files of the surveys, sorted."""
    return sorted((root / "surveys").glob("*.yaml"))


def evidence_paths(root: Path) -> list[Path]:
    """The files of the evidence, sorted."""
    return sorted((root / "evidence").glob("*/*.json"))


def _read_yaml(path: Path, model: type[R], max_bytes: int) -> tuple[R | None, list[Problem]]:
    try:
        text = reader.read_text(path, max_bytes)
        tree = reader.parse(path, text)
    except CatalogError as error:
        return None, [Problem.of(error)]
    except FileNotFoundError:
        return None, [_absent(path)]
    return validate(path, model, tree, lambda: _lines(path, text))


def _lines(path: Path, text: str) -> Lines:
    lines: Lines = {}
    try:
        reader.parse(path, text, lines)
    except CatalogError:
        # JSON that YAML's parser cannot read: what was located so far has to do.
        return lines
    return lines


def _parse_json(path: Path, text: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        tree = dict(pairs)
        if len(tree) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            _fail(path, f"the key {twice!r} stands twice", "each key once")
        return tree

    def refuse(constant: str) -> NoReturn:
        _fail(path, f"{constant} is not a number", "finite numbers")

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=refuse)
    except json.JSONDecodeError as error:
        raise Problem(path, error.lineno, f"not JSON: {error.msg}").error from None
    except RecursionError:
        raise Problem(path, 1, "too many levels", fix="flatten it").error from None


def _absent(path: Path) -> Problem:
    return Problem(path, 1, "the file is missing", fix="restore it")


def _fail(path: Path, what: str, allowed: str) -> NoReturn:
    raise Problem(path, 1, what, allowed, "keep one").error


def _first(result: tuple[R | None, list[Problem]]) -> R:
    record, problems = result
    if record is None:
        raise problems[0].error
    return record

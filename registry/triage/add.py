"""A paper named by a curator, or many from files of facts, becomes files of the catalog.

A title is taken from arXiv alone: from the store, where a source of arXiv gave it, or from files of
facts whose title an index of real titles, the taxonomy or arXiv's own metadata confirms.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.catalog.edit import rewritten
from registry.catalog.facts import Facts, arxiv_categories
from registry.catalog.files import (
    Catalog,
    dump_entry,
    entry_path,
    find_entry,
    load_catalog,
    load_paper,
    load_survey,
    load_taxonomy,
    outline_papers,
    save_entry,
)
from registry.catalog.from_facts import (
    Known,
    LeftOut,
    checked_titles,
    entries,
    make_entry,
)
from registry.catalog.gists import check_gist
from registry.catalog.method_links import method_links
from registry.catalog.models import Paper, Taxonomy
from registry.catalog.one_entry import entry_problems
from registry.catalog.taxonomy import canonical_titles, find_leaves
from registry.catalog.titles import folded
from registry.core.atomic import write_atomic
from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.store.queries import Candidate
from registry.triage.filing import require_writable

CURATOR = "curator"
Titles = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Choice:
    """What the curator says of the paper; ``methods`` are written ``slug:relation``."""

    leaf: str
    secondary: tuple[str, ...] = ()
    gist: str | None = None
    methods: tuple[str, ...] = ()


@dataclass(frozen=True)
class Added:
    """The entry, where it belongs, its text and the one before; ``written`` after no dry run."""

    paper: Paper
    path: Path
    text: str
    written: bool
    before: str = ""

    @property
    def diff(self) -> str:
        """The change as a unified diff; a new file against nothing."""
        name = f"{self.path.parent.name}/{self.path.name}"
        lines = difflib.unified_diff(
            self.before.splitlines(keepends=True),
            self.text.splitlines(keepends=True),
            name if self.before else "/dev/null",
            name,
        )
        return "".join(lines)


@dataclass(frozen=True)
class Gathered:
    """What a file of facts gave: the entries made and who was left out."""

    added: tuple[Added, ...]
    left_out: tuple[LeftOut, ...]
    there_already: int

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> how many papers were left out for it, the most common first."""
        return dict(Counter(one.reason for one in self.left_out).most_common())


def add_one(
    settings: Settings, facts: Facts, choice: Choice, titles: Titles, *, dry_run: bool = False
) -> Added:
    """Write the entry of ``facts`` with the curator's ``choice``.

    Raises UsageError where the paper is in the catalog already, its title is not sure or the
    choice will not do; CatalogError where ``registry check`` would object.
    """
    root = settings.catalog_dir
    require_writable(settings)
    if path := find_entry(root, ArxivId(facts.id)):
        raise UsageError(
            f"{facts.id} is in the catalog already: {path}. Edit that file instead; a gist that "
            "it lacks is added with --gist and without --leaf."
        )
    catalog = load_catalog(root)
    canonical = canonical_titles(catalog.taxonomy).get(facts.id)
    sure = checked_titles(facts, titles.get(facts.id, ()), canonical)
    if isinstance(sure, LeftOut):
        raise UsageError(
            f"{facts.id}: {sure.reason} ({'; '.join(facts.listed) or 'none given'}). Allowed: a "
            "title that arXiv gives. Look at "
            f"https://arxiv.org/abs/{facts.id}, or run `registry ingest --ids {facts.id}` first."
        )
    paper = make_entry(
        facts,
        sure,
        _leaves(choice, facts, catalog.taxonomy),
        check_gist(choice.gist, facts.abstract) if choice.gist is not None else None,
        method_links(choice.methods),
    )
    if isinstance(paper, LeftOut):
        raise UsageError(f"{facts.id} makes no entry of the catalog: {paper.reason}.")
    alike = [p for p in catalog.papers.values() if folded(p.title) == folded(paper.title)]
    if problems := entry_problems(root, paper, catalog.taxonomy, alike):
        raise problems[0].error
    return _keep(root, paper, dry_run)


def add_gist(
    settings: Settings, id_: str, gist: str, facts: Facts | None, *, dry_run: bool = False
) -> Added:
    """Write ``gist`` into an entry that holds facts only, and the facts it lacks from ``facts``.

    Raises UsageError where there is no such entry, it has a gist, or this one will not do.
    """
    root = settings.catalog_dir
    require_writable(settings)
    path = find_entry(root, ArxivId(id_))
    if path is None:
        raise UsageError(f"{id_} has no entry yet. Add it with --leaf GROUP/LEAF.")
    entry = load_survey(path) if path.parent.name == "surveys" else load_paper(path)
    if not entry.facts_only:
        raise UsageError(f"{id_} has a gist already: {path}. Edit that file instead.")
    changes: dict[str, object] = {"gist": check_gist(gist, facts.abstract if facts else None)}
    for name in ("authors", "submitted", "categories", "doi"):
        if facts is not None and not getattr(entry, name) and getattr(facts, name):
            changes[name] = getattr(facts, name)
    if "submitted" in changes:
        changes["announced"] = None  # the day of submission says more
    paper = entry.model_copy(update=changes)
    if problems := entry_problems(root, paper, load_taxonomy(root)):
        raise problems[0].error
    before = path.read_text(encoding="utf-8")
    text = rewritten(before, entry, paper)
    if not dry_run:
        write_atomic(path, text)
    return Added(paper, path, text, written=not dry_run, before=before)


def add_all(
    settings: Settings, facts: Mapping[str, Facts], titles: Titles, *, dry_run: bool = False
) -> Gathered:
    """Write an entry for each paper of ``facts`` that ``registry.catalog.from_facts`` lets in.

    What is there already stays as it is, so that a second run adds nothing.
    """
    root = settings.catalog_dir
    require_writable(settings)
    catalog = load_catalog(root)
    there = {folded(paper.title): paper.id for paper in catalog.papers.values()}
    added, left_out = [], []
    for made in entries(facts, _known(catalog, titles)):
        if isinstance(made, LeftOut):
            left_out.append(made)
        elif folded(made.title) in there:
            left_out.append(LeftOut(made.id, "an entry has the same title"))
        elif problems := entry_problems(root, made, catalog.taxonomy):
            left_out.append(LeftOut(made.id, problems[0].what))
        else:
            added.append(_keep(root, made, dry_run))
    return Gathered(tuple(added), tuple(left_out), sum(id_ in catalog.papers for id_ in facts))


def facts_of(found: Candidate) -> Facts:
    """What the store has of a preprint, as facts; its title came from arXiv.

    Its former titles are real titles: they belong to the ``titles`` of ``add_one``.
    """
    return Facts(
        id=found.id,
        title=found.title,
        authors=found.authors,
        categories=arxiv_categories(found.categories),
        submitted=found.published.date(),
        updated=found.updated.date() if found.version > 1 else None,
        doi=found.doi,
        abstract=found.abstract,
    )


def _leaves(choice: Choice, facts: Facts, taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    slugs = find_leaves(taxonomy, (choice.leaf, *choice.secondary))
    return {slug: tuple(sorted({CURATOR} | facts.leaves.get(slug, set()))) for slug in slugs}


def _known(catalog: Catalog, titles: Titles) -> Known:
    outlines: Iterable[tuple[str, ...]] = map(outline_papers, catalog.surveys.values())
    outlined = {id_ for outline in outlines for id_ in outline}
    return Known(catalog.taxonomy, titles, catalog.papers.keys(), outlined)


def _keep(root: Path, paper: Paper, dry_run: bool) -> Added:
    if not dry_run:
        save_entry(root, paper)
    return Added(paper, entry_path(root, paper), dump_entry(paper), written=not dry_run)

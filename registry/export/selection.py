"""Which papers an export holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from registry.catalog.files import outline_papers
from registry.catalog.models import Group, Leaf, Paper, Survey, Taxonomy
from registry.catalog.taxonomy import find_leaf
from registry.core.errors import UnknownNameError
from registry.core.ids import ArxivId


@dataclass(frozen=True)
class Filters:
    """What a person asked for; a paper passes all that are given."""

    ids: tuple[str, ...] = ()  # in any form of an identifier; their order is kept
    leaves: tuple[str, ...] = ()  # one of these is among the paper's; older names too
    since: date | None = None  # submitted on this day or later
    survey: str | None = None  # named by this survey's outline
    limit: int | None = None  # the newest so many


@dataclass(frozen=True)
class Selection:
    """The papers to write, and the taxonomy that orders and names their leaves."""

    papers: tuple[Paper, ...]
    taxonomy: Taxonomy

    @property
    def newest_first(self) -> tuple[Paper, ...]:
        """The papers, the newest submission first."""
        return tuple(sorted(self.papers, key=lambda p: (p.since, p.id), reverse=True))

    def by_leaf(self) -> Iterator[tuple[Group, Leaf, tuple[Paper, ...]]]:
        """The papers under their primary leaf, in the order of the taxonomy, the newest first.

        Leaves without papers are left out. A leaf the taxonomy has not is not shown: ``registry
        check`` refuses a paper with such a one.
        """
        held: dict[str, list[Paper]] = {}
        for paper in self.newest_first:
            held.setdefault(paper.leaf, []).append(paper)
        for group in self.taxonomy.groups:
            for leaf in group.leaves:
                if leaf.slug in held:
                    yield group, leaf, tuple(held[leaf.slug])


def select(papers: Mapping[str, Paper], taxonomy: Taxonomy, filters: Filters) -> Selection:
    """The papers of the catalog that pass, in the order of the ids asked for, else by id.

    Raises UnknownNameError for a paper, a leaf or a survey that is not there.
    """
    wanted: Sequence[str] = _ids(papers, filters.ids) or tuple(papers)
    slugs = {find_leaf(taxonomy, name).slug for name in filters.leaves}
    covered = None if filters.survey is None else outline_papers(_survey(papers, filters.survey))
    named = None if covered is None else frozenset(covered)
    chosen = [
        paper
        for paper in (papers[id_] for id_ in wanted)
        if (not slugs or not slugs.isdisjoint(paper.leaves))
        and (filters.since is None or paper.since >= filters.since)
        and (named is None or paper.id in named)
    ]
    if filters.limit is not None:
        newest = Selection(tuple(chosen), taxonomy).newest_first[: filters.limit]
        kept = {paper.id for paper in newest}
        chosen = [paper for paper in chosen if paper.id in kept]
    return Selection(tuple(chosen), taxonomy)


def _ids(papers: Mapping[str, Paper], texts: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(ArxivId.parse(text).base for text in texts))
    for id_ in wanted:
        if id_ not in papers:
            raise UnknownNameError("paper", id_, papers, "registry list papers")
    return wanted


def _survey(papers: Mapping[str, Paper], text: str) -> Survey:
    paper = papers.get(ArxivId.parse(text).base)
    if not isinstance(paper, Survey):
        surveys = [one.id for one in papers.values() if isinstance(one, Survey)]
        raise UnknownNameError("survey", text, surveys, "registry survey")
    return paper

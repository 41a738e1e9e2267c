"""A survey held against the catalog: what it covers, what runs here, what came after it.

A section's leaves say where a new paper would go, so a paper that appeared after the survey stands
under every section that has one of its leaves. A count of a whole survey counts a paper once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from methods.index import MethodInfo
from registry.catalog.files import outline_papers
from registry.catalog.models import Paper, Section, Survey

T = TypeVar("T")


@dataclass(frozen=True)
class Newer:
    """A paper that appeared after a survey and that its outline does not name."""

    id: str
    title: str
    day: str  # of submission, or the month where no more is known
    since: date  # to sort by
    leaves: tuple[str, ...]
    reasons: tuple[str, ...] = ()  # of a candidate, one for each leaf: why it would go there

    def reason_for(self, leaves: Iterable[str]) -> str | None:
        """Why it stands under ``leaves``; None for an entry, which somebody put there."""
        wanted = set(leaves)
        pairs = zip(self.leaves, self.reasons, strict=False)
        return next((reason for leaf, reason in pairs if leaf in wanted), None)


@dataclass(frozen=True)
class TrackedSection:
    """A heading, and what of it stands here; sections below it have their own."""

    title: str
    leaves: tuple[str, ...]
    papers_here: tuple[str, ...]
    papers_lacking: tuple[str, ...]
    methods_here: tuple[str, ...]  # named by the section, or read from a paper it names
    methods_lacking: tuple[str, ...]  # names
    also_run: tuple[str, ...]  # introduced by a paper of the leaves, not named here or below
    newer: tuple[Newer, ...]  # papers of the catalog, the newest first
    candidates: tuple[Newer, ...]  # that wait for a decision, the newest first
    sections: tuple[TrackedSection, ...]

    def walk(self) -> Iterator[TrackedSection]:
        """This section and every one below it, in the order of the outline."""
        yield self
        for section in self.sections:
            yield from section.walk()


@dataclass(frozen=True)
class Tracked:
    """A survey's outline with its state, and the counts of the whole, each paper once."""

    survey: Survey
    since: date  # what came after this day is newer
    sections: tuple[TrackedSection, ...]
    linked: tuple[str, ...]  # methods that run here and that the survey's entry names
    outside: tuple[tuple[str, int], ...]  # leaves under no heading, with their newer papers

    def walk(self) -> Iterator[TrackedSection]:
        """Every section, in the order of the outline."""
        for section in self.sections:
            yield from section.walk()

    @property
    def papers_here(self) -> tuple[str, ...]:
        """The papers it names that have an entry."""
        return _once(id_ for section in self.walk() for id_ in section.papers_here)

    @property
    def papers_lacking(self) -> tuple[str, ...]:
        """The papers it names that have none."""
        return _once(id_ for section in self.walk() for id_ in section.papers_lacking)

    @property
    def methods_here(self) -> tuple[str, ...]:
        """The methods it names, or whose paper it names, that run here."""
        below = [slug for section in self.walk() for slug in section.methods_here]
        return _once([*below, *self.linked])

    @property
    def methods_lacking(self) -> tuple[str, ...]:
        """The names of methods that do not."""
        return _once(name for section in self.walk() for name in section.methods_lacking)

    @property
    def newer(self) -> tuple[Newer, ...]:
        """What the catalog has of its topics that appeared after it, the newest first."""
        return _newest(_once(one for section in self.walk() for one in section.newer))

    @property
    def candidates(self) -> tuple[Newer, ...]:
        """What waits for a decision on its topics, the newest first."""
        return _newest(_once(one for section in self.walk() for one in section.candidates))


def track(
    survey: Survey,
    papers: Mapping[str, Paper],
    methods: Iterable[MethodInfo],
    candidates: Sequence[Newer] = (),
    since: date | None = None,
) -> Tracked:
    """``survey`` held against the catalog's ``papers`` and against ``candidates``.

    Newer is what was submitted after ``since``, the survey's own first day where none is given.
    """
    after = since or survey.since
    named = {*outline_papers(survey), survey.id}
    newer = [
        Newer(paper.id, paper.title, paper.day, paper.since, paper.leaves)
        for paper in papers.values()
        if paper.since > after and paper.id not in named and paper.status == "active"
    ]
    waiting = [one for one in candidates if one.since > after and one.id not in named]
    known = {info.slug: info for info in methods}
    look = _Look(papers, known, _ByLeaf.of(newer), _ByLeaf.of(waiting))
    sections = tuple(look.at(section) for section in survey.outline)
    mapped = {leaf for section in sections for below in section.walk() for leaf in below.leaves}
    counts = Counter(paper.leaves[0] for paper in newer if mapped.isdisjoint(paper.leaves))
    linked = tuple(link.slug for link in survey.methods if link.slug in look.methods)
    return Tracked(survey, after, sections, linked, tuple(counts.most_common()))


@dataclass(frozen=True)
class _ByLeaf:
    """Papers in their order, and where those of a leaf stand in it."""

    found: tuple[Newer, ...]
    places: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, found: Iterable[Newer]) -> _ByLeaf:
        ordered = _newest(found)
        places: dict[str, list[int]] = {}
        for place, one in enumerate(ordered):
            for leaf in one.leaves:
                places.setdefault(leaf, []).append(place)
        return cls(ordered, places)

    def under(self, leaves: Iterable[str]) -> tuple[Newer, ...]:
        places = {place for leaf in leaves for place in self.places.get(leaf, ())}
        return tuple(self.found[place] for place in sorted(places))


@dataclass(frozen=True)
class _Look:
    papers: Mapping[str, Paper]
    methods: Mapping[str, MethodInfo]
    newer: _ByLeaf
    candidates: _ByLeaf

    def at(self, section: Section) -> TrackedSection:
        named = [name for name in section.methods if name in self.methods]
        read = [slug for slug, info in self.methods.items() if info.paper in section.papers]
        here = _once([*named, *read])
        below = tuple(self.at(one) for one in section.sections)
        told = {
            *here,
            *(slug for one in below for part in one.walk() for slug in part.methods_here),
        }
        return TrackedSection(
            title=section.title,
            leaves=section.leaves,
            papers_here=tuple(id_ for id_ in section.papers if id_ in self.papers),
            papers_lacking=tuple(id_ for id_ in section.papers if id_ not in self.papers),
            methods_here=here,
            methods_lacking=tuple(name for name in section.methods if name not in self.methods),
            also_run=tuple(slug for slug in self._of(section.leaves) if slug not in told),
            newer=self.newer.under(section.leaves),
            candidates=self.candidates.under(section.leaves),
            sections=below,
        )

    def _of(self, leaves: tuple[str, ...]) -> Iterator[str]:
        for slug, info in self.methods.items():
            paper = self.papers.get(info.paper)
            if paper is not None and paper.leaf in leaves and _introduces(paper, slug):
                yield slug


def _introduces(paper: Paper, slug: str) -> bool:
    return any(link.slug == slug and link.relation == "introduces" for link in paper.methods)


def _newest(found: Iterable[Newer]) -> tuple[Newer, ...]:
    return tuple(sorted(found, key=lambda one: (one.since, one.id), reverse=True))


def _once(found: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(found))

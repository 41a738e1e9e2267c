"""Which gathered facts make an entry of the catalog, and the entry they make.

A paper enters where its title is sure and enough is known of it:

- The title must be one that arXiv's metadata, the table of known titles or the taxonomy gives for
  the identifier. Where a list writes another, the paper is left out: it may be a renamed paper or a
  wrong identifier, which a person has to say. Two real titles of one identifier are a rename: the
  metadata's is the present one, the other a former title.
- Somebody must vouch for it: its authors are known, or it shows what a leaf means (canonical), or
  the outline of a tracked survey names it, or two lists that are no copies of each other have it.

The leaves: a canonical one first, then the one that most lists name (a list that copies another
adds no vote), then the order of the taxonomy; the first is the primary leaf, at most two follow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from pydantic import ValidationError

from registry.catalog.facts import Facts
from registry.catalog.models import MethodLink, Paper, Taxonomy
from registry.catalog.taxonomy import aliases, canonical_titles
from registry.catalog.titles import folded, holds_markup
from registry.core.ids import ArxivId

CANONICAL: Final = "canonical"
COPIES: Final = {"mbzuai": "system2"}
"""A list -> the one that it repeats, wrong rows included: 105 of its 137 papers in 2025."""
MOST_LEAVES: Final = 3
FEWEST_LISTS: Final = 2
_DAYS_LATE: Final = 5  # a paper of the month's last days is announced at the start of the next


@dataclass(frozen=True)
class LeftOut:
    """A paper that makes no entry, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class Known:
    """What is known beside the facts: the taxonomy, real titles, who is there already."""

    taxonomy: Taxonomy
    titles: Mapping[str, tuple[str, ...]]  # identifier -> every real title
    catalogued: Collection[str]
    outlined: Collection[str]  # named by the outline of a survey


def entries(facts: Mapping[str, Facts], known: Known) -> Iterator[Paper | LeftOut]:
    """For each paper of ``facts`` that is not catalogued its entry or why it makes none."""
    canonical = canonical_titles(known.taxonomy)
    taken: dict[str, str] = {}
    for id_, one in facts.items():
        if id_ in known.catalogued or one.negative:
            continue
        made = _entry(one, known, canonical.get(id_))
        if isinstance(made, Paper):
            other = taken.setdefault(folded(made.title), id_)
            if other != id_:
                made = LeftOut(id_, "another identifier has the same title")
        yield made


def checked_titles(
    facts: Facts, titles: Collection[str], canonical: str | None = None
) -> tuple[str, ...] | LeftOut:
    """The real titles of the paper, the present one first, or why none is sure."""
    real = [facts.title, canonical, *titles]
    different: dict[str, str] = {}
    for title in real:
        if title and (title == facts.title or not holds_markup(title)):
            different.setdefault(folded(title), title)
    if not different:
        return LeftOut(facts.id, "no index knows the title")
    if any(folded(title) not in different for title in facts.listed):
        return LeftOut(facts.id, "a list gives another title")
    return tuple(different.values())


def chosen_leaves(facts: Facts, taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """At most three leaves, the primary one first, each with who put the paper there."""
    former = aliases(taxonomy)
    order = {slug: n for n, slug in enumerate(taxonomy.leaf_slugs)}
    sources: dict[str, set[str]] = {}
    for leaf, named in facts.leaves.items():
        slug = former.get(leaf, leaf)
        if slug in order:
            sources.setdefault(slug, set()).update(named)
    ranked = sorted(
        sources, key=lambda s: (CANONICAL not in sources[s], -_votes(sources[s]), order[s])
    )
    return {slug: tuple(sorted(sources[slug])) for slug in ranked[:MOST_LEAVES]}


def make_entry(
    facts: Facts,
    titles: tuple[str, ...],
    leaves: Mapping[str, tuple[str, ...]],
    gist: str | None = None,
    methods: tuple[MethodLink, ...] = (),
) -> Paper | LeftOut:
    """The entry of ``facts``; ``leaves`` are leaf -> sources, the primary one first."""
    primary, *others = leaves
    try:
        return Paper(
            id=facts.id,
            title=titles[0],
            former_titles=titles[1:],
            authors=facts.authors,
            submitted=facts.submitted,
            announced=None if facts.submitted else _announced(facts),
            updated=facts.updated,
            categories=facts.categories,
            doi=facts.doi,
            leaf=primary,
            secondary=tuple(others),
            leaf_sources={leaf: sources for leaf, sources in leaves.items() if sources},
            gist=gist,
            methods=methods,
        )
    except ValidationError as error:
        first = error.errors()[0]
        return LeftOut(facts.id, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _entry(facts: Facts, known: Known, canonical: str | None) -> Paper | LeftOut:
    titles = checked_titles(facts, known.titles.get(facts.id, ()), canonical)
    if isinstance(titles, LeftOut):
        return titles
    leaves = chosen_leaves(facts, known.taxonomy)
    if not leaves:
        return LeftOut(facts.id, "no leaf is known")
    named = _votes({name for sources in leaves.values() for name in sources})
    vouched = facts.authors or canonical or facts.id in known.outlined or named >= FEWEST_LISTS
    if not vouched:
        return LeftOut(facts.id, "one list names it and nothing else is known")
    return make_entry(facts, titles, leaves)


def _votes(sources: Collection[str]) -> int:
    return len({COPIES.get(name, name) for name in sources} - {CANONICAL})


def _announced(facts: Facts) -> date | None:
    # A day long after the identifier's month is when somebody else first saw it; nothing is
    # announced on a Saturday or a Sunday.
    month = ArxivId(facts.id).month
    end = (month + timedelta(days=31)).replace(day=1) + timedelta(days=_DAYS_LATE)
    day = facts.announced
    return day if day is not None and month <= day < end and day.weekday() < 5 else None

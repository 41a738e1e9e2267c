"""The papers of ``registry list papers``, filtered, sorted and a page at a time.

Catalogued papers are read from their files; candidates, and whatever is asked by its words, from
the store.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any, get_args

from registry.cli.output import talk
from registry.core.errors import UnknownNameError, UsageError
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.catalog.models import Paper

SORTS = ("newest", "oldest", "updated")
PAGE = 100  # candidates shown unless another --limit is given: there may be a hundred thousand
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    """The options of one listing of papers, as given."""

    status: str | None = None
    category: str | None = None
    leaf: str | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None
    sort: str | None = None
    limit: int | None = None
    offset: int = 0

    @property
    def given(self) -> str | None:
        """The first option that is only for papers, or None."""
        options = ("category", "leaf", "since", "until", "text", "sort", "limit")
        name = next((n for n in options if getattr(self, n) is not None), None)
        return f"--{name}" if name else "--offset" if self.offset else None


def paper_rows(asked: Asked, settings: Settings, *, surveys: bool = False) -> Rows:
    """The papers that pass; says on stderr where more follow than are given.

    Raises UsageError for a date, a sort or a leaf that is none.
    """
    since, until = _day("--since", asked.since), _day("--until", asked.until)
    if since and until and since > until:
        raise UsageError(f"--since {since} is after --until {until}. Exchange them.")
    if asked.sort is not None and asked.sort not in SORTS:
        raise UnknownNameError("sort", asked.sort, SORTS, "registry list --help")
    asked = _with_leaf(asked, settings)
    if not surveys and (asked.status == "candidate" or asked.text is not None):
        return _from_store(asked, settings, since, until)
    return _from_files(asked, settings, since, until, surveys)


def _from_files(
    asked: Asked, settings: Settings, since: date | None, until: date | None, surveys: bool
) -> Rows:
    from registry.catalog.files import load_papers
    from registry.catalog.models import Survey

    found = [
        paper
        for paper in load_papers(settings.catalog_dir).values()
        if asked.status in (None, paper.status)
        and (not surveys or isinstance(paper, Survey))
        and (asked.category is None or asked.category in paper.categories)
        and (asked.leaf is None or asked.leaf in paper.leaves)
        and (since is None or paper.since >= since)
        and (until is None or paper.since <= until)
    ]
    if asked.sort == "updated":
        found.sort(key=lambda paper: (paper.updated or paper.since, paper.id), reverse=True)
    elif asked.sort is not None:
        newest = asked.sort == "newest"
        found.sort(key=lambda paper: (paper.since, paper.id), reverse=newest)
    end = None if not asked.limit else asked.offset + asked.limit
    _say_more(asked, end is not None and len(found) > end, end or 0)
    return [_row(paper) for paper in found[asked.offset : end]]


def _row(paper: Paper) -> dict[str, Any]:
    return {
        "id": paper.id,
        "title": paper.title,
        "status": paper.status,
        "submitted": paper.day,
        "leaves": list(paper.leaves),
        "methods": [link.slug for link in paper.methods],
    }


def _from_store(asked: Asked, settings: Settings, since: date | None, until: date | None) -> Rows:
    from registry.store.engine import open_store
    from registry.store.listing import CATALOGUED, Filter, Sort, listing
    from registry.store.sync import refresh

    statuses = (asked.status,) if asked.status else CATALOGUED
    wanted = Filter(statuses, asked.category, asked.leaf, since, until, asked.text)
    sort: Sort = next((s for s in get_args(Sort) if s == asked.sort), "newest")
    limit = PAGE if asked.limit is None else asked.limit or None
    with open_store(settings) as store:
        refresh(store, settings)  # what was accepted since is no candidate any more
        page = listing(store, wanted, sort=sort, limit=limit, offset=asked.offset)
    _say_more(asked, page.more, asked.offset + len(page.entries))
    return [
        {
            "id": entry.id,
            "title": entry.title,
            "status": entry.status,
            "submitted": entry.submitted,
            "leaves": list(entry.leaves),
            "methods": list(entry.methods),
        }
        for entry in page.entries
    ]


def _say_more(asked: Asked, more: bool, end: int) -> None:
    if more:
        talk(f"more follow: --offset {end} gives the next, --limit 0 all")


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is no day. Write it as 2026-03-31.") from None


def _with_leaf(asked: Asked, settings: Settings) -> Asked:
    """``asked`` with the present name of its leaf, which may be given by an older one."""
    if asked.leaf is None:
        return asked
    from registry.catalog.files import load_taxonomy
    from registry.catalog.taxonomy import find_leaf

    return replace(asked, leaf=find_leaf(load_taxonomy(settings.catalog_dir), asked.leaf).slug)

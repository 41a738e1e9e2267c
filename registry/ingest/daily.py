"""A day's ingest, as a scheduled job runs it: every source in turn, whatever becomes of the others.

The feed hints first, since it is quick; OAI-PMH reconciles; the queries reopen the last weeks;
then what was announced and has not come is asked for by id, and so are the accepted papers that
were not looked at for a week. A source that fails leaves the others alone; a service that asks us
to wait ends the asking, since all of them share one turn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from registry.core.clock import now
from registry.core.errors import ArxivError, PartialError, RateLimitedError, UsageError
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.ingest import ledger
from registry.ingest.harvest_rss import hinted_ids
from registry.ingest.http import BudgetError, RefusedError
from registry.ingest.source_list import SourceList, TopicQuery
from registry.ingest.sources import (
    ANNOUNCED,
    IdsSource,
    OaiSource,
    QuerySource,
    RssSource,
    Services,
    Source,
)
from registry.ingest.summary import Report, Summary, silent
from registry.store.duplicates import Suggestion, suggest_duplicates, suggestions
from registry.store.engine import Store
from registry.store.index import rejected_ids
from registry.store.notices import begin_day, new_events, note_told, told_papers
from registry.store.preprints import Counts
from registry.store.queries import Event
from registry.store.schema import papers, preprints, sightings, sources, versions

log = logging.getLogger(__name__)
ACCEPTED = "accepted papers"
_MOST_HINTED = 2000  # ids asked for in one day; the rest comes by OAI-PMH, or tomorrow


@dataclass(frozen=True)
class Found:
    """A preprint that is new today."""

    id: str
    title: str
    authors: tuple[str, ...]
    primary: str
    published: datetime
    by_query: bool  # a topic query found it, not only a whole category


@dataclass
class DayReport:
    """What a day's ingest did."""

    began: datetime
    results: list[tuple[Source, Summary]] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    duplicates: list[Suggestion] = field(default_factory=list)
    queue: int = 0  # candidates that wait for a decision
    requests: int = 0
    waited_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def counts(self) -> Counts:
        """Of all sources together. A paper counts once for each source that brought it."""
        return sum((summary.counts for _, summary in self.results), Counts())

    @property
    def failure(self) -> ArxivError | None:
        """What to raise when the report has been shown; None where every source was whole."""
        failures = [error for _, summary in self.results if (error := summary.failure)]
        limited = [error for error in failures if isinstance(error, RateLimitedError)]
        if limited or not failures:
            return limited[0] if limited else None
        if len(failures) == len(self.results) and not any(s.done for _, s in self.results):
            return next((e for e in failures if e.exit_code == 1), failures[0])
        return PartialError(
            f"{plural(len(failures), 'source')} of {len(self.results)} not whole. What came is "
            "stored; run the same command again for the rest, `registry ingest --status` shows it."
        )


def ingest_day(
    store: Store, services: Services, listed: SourceList, *, report: Report = silent
) -> DayReport:
    """Ask every source of ``listed`` what is new, and say what came of it.

    What it says is told again by the next day, until ``end_day`` notes that it was told.
    """
    began = time.monotonic()
    day = DayReport(now())
    with store.write() as connection:
        since = begin_day(connection, day.began)
    halted: ArxivError | None = None
    for source in _sources(store, services, listed, day):
        if halted is not None:
            day.results.append((source, Summary(source.name, left=1, stopped=halted)))
            continue
        summary = _ingested(store, source, report)
        day.results.append((source, summary))
        if isinstance(summary.stopped, (RateLimitedError, BudgetError)):
            halted = summary.stopped
    with store.write() as connection:
        day.duplicates = _duplicates(connection, since, day.began)
        day.events = new_events(connection)
        day.found = _found(connection, since)
        day.queue = _queue(connection)
    fetcher = services.fetcher
    day.requests = fetcher.requests
    day.waited_seconds = round(fetcher.limiter.waited + fetcher.waited, 1)
    day.seconds = round(time.monotonic() - began, 1)
    return day


def end_day(store: Store, day: DayReport) -> None:
    """Note that ``day`` was told, when its report is where it is read."""
    with store.write() as connection:
        note_told(connection, day.events, [found.id for found in day.found])


def _ingested(store: Store, source: Source, report: Report) -> Summary:
    try:
        return source.ingest(store, report)
    except (ArxivError, UsageError) as error:  # one source must not cost the others their day
        log.info("%s %s: %s", source.kind, source.name, error)
        stopped = error if isinstance(error, ArxivError) else RefusedError(str(error))
        return Summary(source.name, left=1, stopped=stopped)


def _sources(
    store: Store, services: Services, listed: SourceList, day: DayReport
) -> Iterator[Source]:
    """The sources in order, each made when it is its turn: the last ones hang on the others."""
    today = day.began.date()
    for feed in listed.rss:
        yield RssSource(services, feed.split("+"))
    for item in listed.oai:
        yield _oai(store, services, item.set, item.format, listed, today)
    for query in listed.queries:
        yield _query(services, query, today)
    for late in (_hinted(store, services), _accepted(store, services, listed, day.began)):
        if late is not None:
            yield late


def _oai(
    store: Store, services: Services, set_: str, prefix: str, listed: SourceList, today: date
) -> OaiSource:
    made = OaiSource(services, set_, None, prefix)
    with store.write() as connection:
        source_id = ledger.source_of(connection, "oai", made.name)
        known = ledger.latest_done(connection, source_id) or ledger.unfinished(
            connection, source_id
        )
    since = None if known else today - timedelta(days=listed.first_days)
    return OaiSource(services, set_, since, prefix)


def _query(services: Services, query: TopicQuery, today: date) -> QuerySource:
    # Whole weeks, so that every day of a week meets the same slices.
    first = today - timedelta(days=query.look_back_days)
    since, until = first, today
    if query.step == "week":
        since = first - timedelta(days=first.weekday())
        until = today + timedelta(days=6 - today.weekday())
    # What a limit on requests leaves for tomorrow is then the old, not what came today.
    return QuerySource(
        services, query.query, since, until, query.step, label=query.label, newest_first=True
    )


def _hinted(store: Store, services: Services) -> IdsSource | None:
    with store.read() as connection:
        ids = hinted_ids(connection)[:_MOST_HINTED]
    return _Hinted(services, ids, ANNOUNCED) if ids else None


class _Hinted(IdsSource):
    """Papers a feed announced: the API knows some of them days later, which is no fault."""

    def ingest(self, store: Store, report: Report = silent) -> Summary:
        """Ask for them; those that are not there yet are hinted still."""
        summary = super().ingest(store, report)
        summary.hinted, summary.missing = summary.missing, []
        if summary.hinted:
            summary.notes.append(f"{plural(len(summary.hinted), 'paper')} not served yet")
        return summary


def _accepted(
    store: Store, services: Services, listed: SourceList, moment: datetime
) -> IdsSource | None:
    with store.read() as connection:
        ids = accepted_due(connection, moment - timedelta(days=listed.refresh_days))
    return IdsSource(services, ids, ACCEPTED, watched=True) if ids else None


def accepted_due(connection: Connection, since: datetime) -> list[ArxivId]:
    """The catalog's papers that were not asked for by id since then, by id."""
    refreshed = (
        select(sightings.c.preprint_id)
        .join(sources, sources.c.id == sightings.c.source_id)
        .where(sources.c.kind == "ids", sources.c.query == ACCEPTED)
        .where(sightings.c.last_seen >= since)
    )
    query = select(papers.c.id).where(papers.c.id.not_in(refreshed)).order_by(papers.c.id)
    return [ArxivId(id_) for id_ in connection.execute(query).scalars()]


def _duplicates(connection: Connection, since: datetime, began: datetime) -> list[Suggestion]:
    """The pairs that are new, and those of a day that ended before it was told."""
    new = suggest_duplicates(connection)
    untold = suggestions(connection) if since < began else []
    return new + [pair for pair in untold if pair.found_at >= since and pair not in new]


def _found(connection: Connection, since: datetime) -> list[Found]:
    """The preprints first seen since then that are no papers of the catalog, and were not told."""
    newest = (versions.c.preprint_id == preprints.c.id) & (versions.c.version == preprints.c.newest)
    asked = (
        select(sightings.c.preprint_id)
        .join(sources, sources.c.id == sightings.c.source_id)
        .where(sources.c.kind == "query")
    )
    by_query = preprints.c.id.in_(asked).label("by_query")
    query = (
        select(versions, by_query)
        .join(preprints, newest)
        .where(preprints.c.first_seen >= since)
        .where(preprints.c.id.not_in(told_papers()))
        .where(preprints.c.id.not_in(select(papers.c.id)))
        .order_by(by_query.desc(), versions.c.published.desc(), preprints.c.id)
    )
    return [
        Found(
            row.preprint_id,
            row.title,
            tuple(row.authors),
            row.categories[0] if row.categories else "",
            row.published,
            bool(row.by_query),
        )
        for row in connection.execute(query)
    ]


def _queue(connection: Connection) -> int:
    here = select(preprints.c.id).where(preprints.c.id.not_in(select(papers.c.id)))
    waiting = set(connection.execute(here).scalars())
    return len(waiting - rejected_ids(connection))

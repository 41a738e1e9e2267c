"""One walk for each protocol, and what must be in the store when it says that all is well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

from registry.ingest.arxiv_api import Client
from registry.ingest.harvest import harvest_query
from registry.ingest.harvest_oai import harvest_oai
from registry.ingest.harvest_rss import harvest_rss
from registry.ingest.http import Fetcher, Limits
from registry.ingest.limiter import Limiter
from registry.ingest.oai import OaiClient
from registry.ingest.rss import RssClient
from registry.ingest.summary import Summary
from registry.store.engine import Store
from registry.store.queries import candidates
from tests.fake_arxiv import FakeArxiv, Work
from tests.fake_arxiv.works import newest

QUERY = "cat:cs.LG OR cat:cs.CL OR cat:stat.ML"
SINCE, UNTIL = date(2026, 3, 2), date(2026, 3, 29)  # four whole weeks
_QUICK = Limits(tries=2, backoff_seconds=0.0, read_seconds=0.5, total_seconds=0.5, page_size=10)


def client(service: FakeArxiv, limiter: Limiter, **limits: Any) -> Client:
    """A client of the query API that gives up quickly."""
    return Client(service.url, limiter, replace(_QUICK, **limits), sleep=lambda _: None)


def by_query(store: Store, service: FakeArxiv, limiter: Limiter, **limits: Any) -> Summary:
    """Four weeks of the query API, week by week, suspect ones again."""
    asked = client(service, limiter, **limits)
    return harvest_query(store, asked, QUERY, SINCE, UNTIL, retry=True)


def oai_client(service: FakeArxiv, limiter: Limiter, **limits: Any) -> OaiClient:
    """A client of OAI-PMH that gives up quickly."""
    fetcher = Fetcher(limiter, replace(_QUICK, **limits), sleep=lambda _: None)
    return OaiClient(service.oai_url, fetcher)


def by_oai(
    store: Store,
    service: FakeArxiv,
    limiter: Limiter,
    since: date | None = SINCE,
    prefix: str = "arXivRaw",
    **limits: Any,
) -> Summary:
    """Everything in OAI-PMH's set of computer science, three pages."""
    asked = oai_client(service, limiter, **limits)
    return harvest_oai(store, asked, "cs", since, prefix, retry=True)


def by_rss(store: Store, service: FakeArxiv, limiter: Limiter, **limits: Any) -> Summary:
    """The announcements of the day in two categories."""
    fetcher = Fetcher(limiter, replace(_QUICK, **limits), sleep=lambda _: None)
    return harvest_rss(store, RssClient(service.rss_url, fetcher), ("cs.LG", "cs.CL"))


def truth(works: Iterable[Work]) -> dict[str, tuple[Any, ...]]:
    """What a whole walk leaves in the store."""
    return {
        w.id: (w.version, w.title, w.authors, w.categories, w.published, w.updated)
        for w in newest(list(works))
    }


def stored(store: Store) -> dict[str, tuple[Any, ...]]:
    """What there is."""
    return {
        c.id: (c.version, c.title, c.authors, c.categories, c.published, c.updated)
        for c in candidates(store)
    }

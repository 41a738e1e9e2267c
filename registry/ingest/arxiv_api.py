"""arXiv's query API through the `arxiv` package, with everything it takes on trust checked.

``Client`` is the package's client with one method replaced: the one that fetches a page. A page
counts only when the whole answer came in time, is one well-formed feed, echoes the query that was
sent and has as many entries as its total says it should. Everything else is a typed error. The
private names of ``arxiv`` 4.0 are used in this file and nowhere else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, unquote_plus, urlsplit

import arxiv
from arxiv._feed import FeedHeader, ParsedFeed

from registry.core.clock import now
from registry.core.errors import ArxivError, UsageError
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.core.settings import Settings
from registry.ingest.feed import Feed, Unread, described, read_feed
from registry.ingest.http import (
    Body,
    FeedError,
    Fetch,
    Fetcher,
    Heard,
    Limits,
    RefusedError,
    not_ok,
    open_fetcher,
)
from registry.ingest.limiter import Limiter
from registry.store.preprints import Preprint

IDS_A_REQUEST = 100
MOST_A_QUERY = 1000  # arXiv: "refine queries which return more"
AGENT = f"arxiv.py/{arxiv.__version__}"
VARIABLE = "REGISTRY_ARXIV_URL"


class TooManyError(ArxivError):
    """A query has more results than it may; carries how many."""

    def __init__(self, total: int) -> None:
        self.total = total
        super().__init__(f"the query has {total} results, more than {MOST_A_QUERY} at once")


class RewrittenError(RefusedError):
    """arXiv ran another query than the one sent."""


class UnreadError(FeedError):
    """The page is whole but for entries that nobody can read; carries it."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed
        super().__init__(feed.unread[0].reason)


@dataclass(frozen=True)
class Answer:
    """Everything a query found; ``missing`` are the ids asked for and not returned.

    ``unread`` are the entries that came in every try and that nobody can read.
    """

    records: tuple[Preprint, ...]
    total: int
    missing: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()


@dataclass
class _Expected:
    """What the pages of the running query must agree on."""

    most: int | None = None
    total: int | None = None


class Client(arxiv.Client):  # type: ignore[misc]
    """The package's client, hardened. ``fetcher`` asks, and logs every request made."""

    def __init__(
        self,
        endpoint: str,
        limiter: Limiter,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._take(endpoint, Fetcher(limiter, limits, sleep, AGENT))

    @classmethod
    def over(cls, endpoint: str, fetcher: Fetcher) -> Client:
        """A client that asks through ``fetcher``, which other services may share."""
        made = cls.__new__(cls)
        made._take(endpoint, fetcher)
        return made

    def _take(self, endpoint: str, fetcher: Fetcher) -> None:
        # The limiter keeps the distance, for all processes; the package's own would only add.
        super().__init__(fetcher.limits.page_size, delay_seconds=0, num_retries=0)
        self.query_url_format = endpoint + "?{}"
        self.fetcher, self._expected = fetcher, _Expected()

    @property
    def limiter(self) -> Limiter:
        """Who keeps the requests apart."""
        return self.fetcher.limiter

    @property
    def requests(self) -> int:
        """How many requests were made, of every service that shares the fetcher."""
        return self.fetcher.requests

    @property
    def waited(self) -> float:
        """Seconds slept between tries."""
        return self.fetcher.waited

    def search(self, query: str, most: int = MOST_A_QUERY) -> Answer:
        """Every result of ``query``, the first submitted first.

        Raises TooManyError after one request where there are more than ``most``.
        """
        self._expected = _Expected(most=most)
        found = arxiv.Search(
            query,
            max_results=None,
            sort_by=arxiv.SortCriterion.SubmittedDate,
            sort_order=arxiv.SortOrder.Ascending,
        )
        records, unread = self._read(found)
        return Answer(records, self._expected.total or 0, unread=unread)

    def by_ids(self, ids: Sequence[ArxivId]) -> Answer:
        """The preprints named, newest version or the one named; what did not come is ``missing``.

        At most 100 ids. The feed's own total says nothing for a list of ids: arXiv counts those
        it does not know.
        """
        if len(ids) > IDS_A_REQUEST:
            raise UsageError(f"{len(ids)} ids in one request; at most {IDS_A_REQUEST}")
        self._expected = _Expected()
        named = arxiv.Search(id_list=[str(id_) for id_ in ids], max_results=None)
        records, unread = self._read(named)
        asked = {id_.base for id_ in ids}
        if strange := sorted({r.id for r in records} - asked):
            raise FeedError(f"arXiv returned {strange[0]}, which was not asked for")
        here = {r.id for r in records} | {f"{r.id}v{r.version}" for r in records}
        here |= {name for entry in unread for name in _names(entry)}
        missing = tuple(str(id_) for id_ in ids if str(id_) not in here)
        return Answer(records, len(ids), missing, unread)

    def take_fetches(self) -> list[Fetch]:
        """The log of requests since the last time it was taken."""
        return self.fetcher.take_fetches()

    def _read(self, search: arxiv.Search) -> tuple[tuple[Preprint, ...], tuple[Unread, ...]]:
        seen_at = now()
        read = [described(entry, seen_at) for entry in self.results(search)]
        return (
            tuple(one for one in read if not isinstance(one, Unread)),
            tuple(one for one in read if isinstance(one, Unread)),
        )

    def _parse_feed(self, url: str, first_page: bool = True, _try_index: int = 0) -> ParsedFeed:
        """The page at ``url``, tried again where that may help. Replaces the package's method."""

        def read(body: Body, heard: Heard) -> Feed:
            feed = _feed_in(body)
            heard.feed_title, heard.total = feed.title, feed.total
            heard.entries, heard.whole = len(feed.entries), True
            self._check(feed, url)
            return feed

        try:
            feed = self.fetcher.get(url, read)
        except UnreadError as error:  # in every try: the other entries are as good as ever
            feed = error.feed
        if parse_qs(urlsplit(url).query).get("id_list"):
            # The package pages on until the total: for a list of ids there is one page.
            feed = replace(feed, total=len(feed.entries))
        header = FeedHeader(feed.total, feed.per_page, feed.start)
        return ParsedFeed(header, list(feed.entries))

    def _check(self, feed: Feed, url: str) -> None:
        asked = {k: v[0] for k, v in parse_qs(urlsplit(url).query).items()}
        _compare_echo(asked.get("search_query", ""), feed.title)
        if not asked.get("id_list"):
            self._check_counts(feed, asked)
        if feed.unread:
            raise UnreadError(feed)

    def _check_counts(self, feed: Feed, asked: Mapping[str, str]) -> None:
        expected, start = self._expected, int(asked["start"])
        if expected.most is not None and feed.total > expected.most:
            raise TooManyError(feed.total)
        if feed.start != start:
            raise FeedError(f"arXiv sent the page from {feed.start}, not from {start}")
        due = max(0, min(int(asked["max_results"]), feed.total - start))
        if len(feed.entries) != due:
            raise FeedError(
                f"arXiv sent {plural(len(feed.entries), 'entry', 'entries')} where {due} "
                f"{'was' if due == 1 else 'were'} due (from {start} of {feed.total})"
            )
        if start and feed.total != expected.total:
            raise FeedError(f"the total moved from {expected.total} to {feed.total} between pages")
        expected.total = feed.total


def open_client(settings: Settings, limits: Limits | None = None) -> Client:
    """A client for ``settings.arxiv_url``. Raises ArxivError in offline mode."""
    fetcher = open_fetcher(settings, {VARIABLE: settings.arxiv_url}, limits, AGENT)
    return Client.over(settings.arxiv_url, fetcher)


def _names(entry: Unread) -> tuple[str, ...]:
    try:
        id_ = ArxivId.parse(entry.name)
    except UsageError:
        return ()
    return id_.base, str(id_)


def _feed_in(body: Body) -> Feed:
    if body.status != 200:
        if body.status == 400 and "xml" in body.kind:
            read_feed(body.content)
        raise not_ok(body, VARIABLE)
    feed_like = body.kind in ("application/atom+xml", "application/xml", "text/xml", "")
    if body.content.strip() and not feed_like:
        raise FeedError(f"arXiv answered with {body.kind!r} where an Atom feed was expected")
    return read_feed(body.content)


def _compare_echo(sent: str, title: str) -> None:
    match = re.search(r"search_query=(.*?)(?:&(?:id_list|start|max_results|sortBy)=|$)", title)
    if match is None:
        return
    understood = unquote_plus(match[1])
    if _squeezed(understood) not in (_squeezed(sent), _squeezed(unquote_plus(sent))):
        raise RewrittenError(
            f"arXiv ran another query than the one sent. Sent: {sent} Understood: {understood} "
            "Write it in the documented syntax: fields, quoted phrases, AND, OR, ANDNOT."
        )


def _squeezed(query: str) -> str:
    # Blanks around brackets mean nothing.
    return re.sub(r"\s*([()\[\]])\s*", r"\1", " ".join(query.split()))

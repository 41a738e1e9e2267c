"""arXiv's RSS feeds: what was announced today, as hints.

A feed tells ids, versions and how each was announced, hours before the other services know them.
It may be a day old, or yesterday's under a new date, so nothing else in it is kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from lxml import etree

from registry.core.errors import UsageError
from registry.core.escape import one_line
from registry.core.ids import ArxivId
from registry.ingest.http import (
    Body,
    FeedError,
    Fetcher,
    Heard,
    not_ok,
)
from registry.ingest.strict_xml import child_of, local_name, parse_xml, text_of

VARIABLE = "REGISTRY_RSS_URL"
MOST_ITEMS = 2000  # arXiv cuts a feed there
ANNOUNCE_TYPES = ("new", "cross", "replace", "replace-cross", "absonly")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# A feed is of midnight in New York, and is not there at once.
_NEW_YORK = timezone(timedelta(hours=-5))
_LATE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Hint:
    """One announcement. ``version`` is 0 where the feed does not say it."""

    id: str
    version: int
    announce_type: str


@dataclass(frozen=True)
class RssFeed:
    """One day's feed; ``etag`` asks for it again only where it has changed."""

    title: str
    announced: date  # the day in New York
    hints: tuple[Hint, ...]
    skip_days: frozenset[str] = frozenset({"Saturday", "Sunday"})
    etag: str | None = None
    flawed: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same for the same announcements, whatever the feed says of its date."""
        lines = sorted(f"{h.id}v{h.version} {h.announce_type}" for h in self.hints)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class RssClient:
    """arXiv's feeds at ``endpoint``, asked through ``fetcher``."""

    def __init__(self, endpoint: str, fetcher: Fetcher) -> None:
        self.endpoint, self.fetcher = endpoint.rstrip("/"), fetcher

    def feed(self, categories: Sequence[str], etag: str | None = None) -> RssFeed | None:
        """The feed of ``categories`` together; None where it is the one that ``etag`` names."""

        def read(body: Body, heard: Heard) -> RssFeed | None:
            if body.status == 304 and etag is not None:
                return None
            if body.status != 200:
                raise not_ok(body, VARIABLE)
            if body.content.strip() and body.kind and "xml" not in body.kind:
                raise FeedError(f"arXiv answered with {body.kind!r} where RSS was expected")
            feed = read_rss(body.content, body.headers.get("ETag"))
            heard.feed_title, heard.entries = feed.title, len(feed.hints)
            return feed

        asked = {"If-None-Match": etag} if etag else {}
        return self.fetcher.get(f"{self.endpoint}/{'+'.join(categories)}", read, asked)


def categories_of(text: str) -> tuple[str, ...]:
    """The categories in ``text``, separated by commas, blanks or plus signs. Raises UsageError.

    >>> categories_of("cs.LG, cs.CL")
    ('cs.LG', 'cs.CL')
    """
    found = tuple(dict.fromkeys(part for part in re.split(r"[,+\s]+", text) if part))
    wrong = [c for c in found if not re.fullmatch(r"[a-z]+(-[a-z]+)*(\.[A-Za-z-]+)?", c)]
    if wrong or not found:
        raise UsageError(
            f"--rss {text!r} names no category of arXiv's. Allowed: categories such as cs.LG, "
            "several with plus signs: cs.LG+cs.CL."
        )
    return found


def expected_day(moment: datetime, skip_days: frozenset[str]) -> date:
    """The day of the newest feed that should be there at ``moment``."""
    day = (moment.astimezone(_NEW_YORK) - _LATE).date()
    for _ in range(7):
        if _DAYS[day.weekday()] not in skip_days:
            return day
        day -= timedelta(days=1)
    return day


def read_rss(content: bytes, etag: str | None = None) -> RssFeed:
    """The feed in ``content``. Raises FeedError for anything but one whole RSS document of arXiv's.

    Items that name no paper are listed in ``flawed``; where no item does, the feed is refused.
    """
    root = parse_xml(content)
    channel = child_of(root, "channel")
    if local_name(root) != "rss" or channel is None:
        raise FeedError(f"arXiv's answer is a <{local_name(root)}>, not an RSS feed")
    title = one_line(text_of(channel, "title"))
    if title.startswith("Feed error"):
        raise FeedError(f"arXiv's feed is an error: {one_line(text_of(channel, 'description'))}")
    announced = _announced(text_of(channel, "pubDate") or text_of(channel, "lastBuildDate"))
    hints: dict[Hint, None] = {}
    flawed: list[str] = []
    for item in channel.iterchildren("{*}item"):
        hint = _hint(item)
        if isinstance(hint, Hint):
            hints[hint] = None
        else:
            flawed.append(hint)
    if flawed and not hints:
        raise FeedError(f"no item of arXiv's feed names a paper; the first is {flawed[0]!r}")
    skipped = child_of(channel, "skipDays")
    days = [] if skipped is None else [(day.text or "").strip() for day in skipped]
    return RssFeed(
        title, announced, tuple(hints), frozenset(days) & frozenset(_DAYS), etag, tuple(flawed)
    )


def _announced(text: str) -> date:
    try:
        # In the feed's own zone: midnight there is another day in UTC's evening.
        return parsedate_to_datetime(text.strip()).date()
    except (ValueError, TypeError, OverflowError):
        raise FeedError("arXiv's feed does not say its date (<pubDate>)") from None


def _hint(item: etree._Element) -> Hint | str:
    named = text_of(item, "guid") or text_of(item, "link")
    told = re.match(r"\s*arXiv:(\S+)\s+Announce Type:\s*(\S+)", text_of(item, "description"))
    kind = text_of(item, "announce_type").strip() or (told[2] if told else "")
    try:
        id_ = ArxivId.parse(named)
        if id_.version is None and told:
            id_ = ArxivId.parse(told[1])
    except UsageError:
        return one_line(named)[:80]
    if kind not in ANNOUNCE_TYPES:
        return one_line(f"{named} {kind}")[:80]
    return Hint(id_.base, id_.version or 0, kind)


def utc_midnight(day: date) -> datetime:
    """The beginning of ``day`` in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)

"""Every way papers come in, behind one interface: a source is ingested, and says what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.ingest import arxiv_api, oai, rss
from registry.ingest.arxiv_api import Client
from registry.ingest.harvest import NAMED, harvest_ids, harvest_query
from registry.ingest.harvest_files import harvest_files
from registry.ingest.harvest_oai import harvest_oai
from registry.ingest.harvest_rss import harvest_rss
from registry.ingest.http import Fetcher, Limits, open_fetcher
from registry.ingest.oai import OaiClient
from registry.ingest.rss import RssClient
from registry.ingest.summary import Report, Summary, silent
from registry.ingest.windows import Step
from registry.store.engine import Store

ANNOUNCED = "announced by a feed"


class Source(Protocol):
    """Where papers come from. What stops it is in the summary; only wrong use raises."""

    @property
    def kind(self) -> str:
        """``query``, ``ids``, ``oai``, ``rss`` or ``file``."""

    @property
    def name(self) -> str:
        """What tells it from others of its kind."""

    def ingest(self, store: Store, report: Report = silent) -> Summary:
        """Bring what is new into ``store``; safe to stop and to repeat."""


@dataclass(frozen=True)
class Services:
    """arXiv's three services, asked in turn through one fetcher."""

    api: Client
    oai: OaiClient
    rss: RssClient
    fetcher: Fetcher


def open_services(settings: Settings, limits: Limits | None = None) -> Services:
    """The services that ``settings`` name. Raises ArxivError in offline mode."""
    places = {
        arxiv_api.VARIABLE: settings.arxiv_url,
        oai.VARIABLE: settings.oai_url,
        rss.VARIABLE: settings.rss_url,
    }
    fetcher = open_fetcher(settings, places, limits, arxiv_api.AGENT)
    return Services(
        api=Client.over(settings.arxiv_url, fetcher),
        oai=OaiClient(settings.oai_url, fetcher),
        rss=RssClient(settings.rss_url, fetcher),
        fetcher=fetcher,
    )


@dataclass(frozen=True)
class QuerySource:
    """What a query of the API finds, by day of submission."""

    services: Services
    query: str
    since: date
    until: date
    step: Step = "week"
    retry: bool = False
    label: str = ""
    newest_first: bool = False
    kind = "query"

    @property
    def name(self) -> str:
        """Its label, or the query."""
        return self.label or self.query

    def ingest(self, store: Store, report: Report = silent) -> Summary:
        """Fetch the slices that are due."""
        return harvest_query(
            store,
            self.services.api,
            self.query,
            self.since,
            self.until,
            self.step,
            retry=self.retry,
            newest_first=self.newest_first,
            report=report,
        )


@dataclass(frozen=True)
class IdsSource:
    """Preprints by id. With ``watched``, those not returned are marked as unseen."""

    services: Services
    ids: Sequence[ArxivId]
    name: str = NAMED
    watched: bool = False
    kind = "ids"

    def ingest(self, store: Store, report: Report = silent) -> Summary:
        """Fetch them, a hundred a request."""
        return harvest_ids(
            store,
            self.services.api,
            self.ids,
            name=self.name,
            watched=self.watched,
            report=report,
        )


@dataclass(frozen=True)
class OaiSource:
    """What changed in a set of arXiv's OAI-PMH since the last harvest, or since a day."""

    services: Services
    set_: str
    since: date | None = None
    prefix: str = "arXivRaw"
    retry: bool = False
    kind = "oai"

    @property
    def name(self) -> str:
        """The set and the format."""
        return f"{oai.set_of(self.set_)} {self.prefix}"

    def ingest(self, store: Store, report: Report = silent) -> Summary:
        """Harvest it, or go on with the harvest left off."""
        return harvest_oai(
            store,
            self.services.oai,
            self.set_,
            self.since,
            self.prefix,
            retry=self.retry,
            report=report,
        )


@dataclass(frozen=True)
class RssSource:
    """Today's announcements in some categories; with ``fetch`` also what they announce."""

    services: Services
    categories: Sequence[str]
    fetch: bool = False
    kind = "rss"

    @property
    def name(self) -> str:
        """The categories."""
        return "+".join(self.categories)

    def ingest(self, store: Store, report: Report = silent) -> Summary:
        """Read the feed; what it announces and is not here is in ``Summary.hinted``."""
        summary = harvest_rss(store, self.services.rss, self.categories, report=report)
        if not self.fetch or not summary.hinted or summary.stopped:
            return summary
        wanted = [ArxivId(id_) for id_ in summary.hinted]
        return summary.with_fetched(
            IdsSource(self.services, wanted, ANNOUNCED).ingest(store, report)
        )


@dataclass(frozen=True)
class FileSource:
    """Recorded metadata of any kind."""

    paths: Sequence[Path]
    dry_run: bool = False
    kind = "file"

    @property
    def name(self) -> str:
        """The files' names."""
        return " ".join(path.name for path in self.paths)

    def ingest(self, store: Store, report: Report = silent) -> Summary:
        """Read them, batch by batch."""
        return harvest_files(store, self.paths, dry_run=self.dry_run, report=report)

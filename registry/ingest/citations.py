"""Citations from Semantic Scholar and OpenAlex: optional sources, each with a key of its own.

No other command waits for them. A source that cannot be asked says why: no key, offline, refused.
Environment variables: ``REGISTRY_SEMANTIC_SCHOLAR_KEY``, ``REGISTRY_OPENALEX_KEY``, and for another
address ``REGISTRY_SEMANTIC_SCHOLAR_URL``, ``REGISTRY_OPENALEX_URL``.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from registry import __version__
from registry.core.clock import now
from registry.core.errors import RateLimitedError, RegistryError, UsageError
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.ingest.limiter import retry_after
from registry.store.citations import papers_to_ask, put_citations
from registry.store.engine import Store
from registry.store.rows import pieces

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 10.0, 30.0, 120.0
MOST_BYTES = 20 * 1024 * 1024
PAUSE = 1.1  # seconds between requests: both services allow one a second with a key
FRESH = timedelta(days=30)  # a paper is asked about again after that
_AGENT = f"posttrain-registry/{__version__}"
_ARXIV_DOI = "10.48550/arxiv."
_ARXIV_LINK = re.compile(r"arxiv\.org/(?:abs|pdf)/([^?#]+)", re.IGNORECASE)
Answers = dict[str, set[str] | None]
Report = Callable[[int, int, str], None]


class SourceError(RegistryError):
    """An optional source cannot be asked, or answered with something else."""


@dataclass(frozen=True)
class Source:
    """An optional source and how it is reached."""

    name: str
    key_variable: str
    key: str
    url: str
    offline: bool
    batch: int  # papers a request

    @property
    def why_off(self) -> str | None:
        """Why it cannot be asked, or None where it can."""
        if self.offline:
            return "REGISTRY_OFFLINE is set"
        return None if self.key else f"no key: set {self.key_variable}"


def known_sources(settings: Settings, env: Mapping[str, str] = os.environ) -> dict[str, Source]:
    """The sources by name, on or off."""
    places = (
        ("semantic-scholar", "SEMANTIC_SCHOLAR", "https://api.semanticscholar.org/graph/v1", 100),
        ("openalex", "OPENALEX", "https://api.openalex.org", 50),
    )
    return {
        name: Source(
            name,
            f"REGISTRY_{part}_KEY",
            env.get(f"REGISTRY_{part}_KEY", "").strip(),
            env.get(f"REGISTRY_{part}_URL", "").rstrip("/") or url,
            settings.offline,
            batch,
        )
        for name, part, url, batch in places
    }


@dataclass
class Refreshed:
    """What asking one source gave. ``stopped`` is why it ended early, None where it did not."""

    source: str
    asked: int = 0
    unknown: int = 0
    citations: int = 0
    left: int = 0
    stopped: RegistryError | None = None


@dataclass
class Client:
    """Requests to one source, one a second, each of bounded time and size."""

    source: Source
    pause: float = PAUSE
    total_seconds: float = TOTAL_SECONDS
    most_bytes: int = MOST_BYTES
    made: int = 0  # requests
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # The environment's proxy is for the network, not for a server on this machine.
        host = urlsplit(self.source.url).hostname
        self._session.trust_env = host not in ("localhost", "127.0.0.1", "::1")

    def references(self, ids: Sequence[str]) -> Answers:
        """For each of ``ids`` the arXiv papers it cites; None where the source lacks the paper.

        Raises RateLimitedError where it asks us to wait, SourceError for any other failure.
        """
        if self.source.why_off:
            raise SourceError(f"{self.source.name} is off: {self.source.why_off}")
        asked = _openalex if self.source.name == "openalex" else _semantic_scholar
        return asked(self, ids)

    def call(self, method: str, path: str, query: dict[str, str], body: Any = None) -> Any:
        """The JSON of one answer."""
        if self.made:
            time.sleep(self.pause)
        self.made += 1
        name, key = self.source.name, self.source.key
        headers = {"User-Agent": _AGENT, "Accept": "application/json"}
        if name == "openalex":
            query = {**query, "api_key": key}
        else:
            headers["x-api-key"] = key
        try:
            with self._session.request(
                method, self.source.url + path, params=query, json=body, headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS), stream=True, allow_redirects=False,
            ) as answer:  # fmt: skip
                self._check(answer)
                return json.loads(self._read(answer))
        except requests.RequestException as error:
            # Its text may repeat the address and what was sent.
            raise SourceError(f"{name} cannot be reached: {type(error).__name__}") from None
        except (ValueError, RecursionError):
            raise SourceError(f"{name} answered with something that is no JSON") from None

    def _check(self, answer: requests.Response) -> None:
        name, status = self.source.name, answer.status_code
        if status == 429:
            seconds = retry_after(answer.headers.get("Retry-After"), now()) or 60.0
            until = now() + timedelta(seconds=seconds)
            raise RateLimitedError(
                f"{name} asks us to wait {seconds:.0f} seconds. What came is stored; run the same "
                "command after that for the rest.",
                until,
            )
        if status in (401, 403):
            raise SourceError(f"{name} refuses the key in {self.source.key_variable} ({status})")
        if status != 200:
            raise SourceError(f"{name} answered {status}; try again later")

    def _read(self, answer: requests.Response) -> bytes:
        began, found = time.monotonic(), bytearray()
        for part in answer.iter_content(65536):
            found += part
            if len(found) > self.most_bytes:
                raise SourceError(f"{self.source.name} sent more than {self.most_bytes} bytes")
            if time.monotonic() - began > self.total_seconds:
                raise SourceError(f"{self.source.name} took over {self.total_seconds:.0f} seconds")
        return bytes(found)


def refresh_citations(
    store: Store, client: Client, *, limit: int | None = None, report: Report | None = None
) -> Refreshed:
    """Ask the source about the catalogued papers it was not asked about in the last month.

    Each request is stored before the next; what fails ends the walk and is told, not raised.
    """
    name = client.source.name
    todo = papers_to_ask(store, name, now() - FRESH)[:limit]
    done = Refreshed(name)
    for piece in pieces(todo, client.source.batch):
        if report:
            report(done.asked, len(todo), name)
        try:
            found = client.references(piece)
        except RegistryError as error:
            done.stopped = error
            break
        _store(store, name, found, now(), done)
    done.left = len(todo) - done.asked
    return done


def _store(store: Store, name: str, found: Answers, at: datetime, done: Refreshed) -> None:
    with store.write() as connection:
        done.citations += put_citations(connection, name, found, at)
    done.asked += len(found)
    done.unknown += sum(cited is None for cited in found.values())


# -- what each source says -----------------------------------------------------------------------


def _semantic_scholar(client: Client, ids: Sequence[str]) -> Answers:
    body = {"ids": [f"ARXIV:{id_}" for id_ in ids]}
    rows = client.call("POST", "/paper/batch", {"fields": "references.externalIds"}, body)
    if not isinstance(rows, list) or len(rows) != len(ids):
        raise SourceError("semantic-scholar did not answer for each paper asked about")
    found: Answers = {}
    for id_, row in zip(ids, rows, strict=True):
        others = (_field(one, "externalIds", "ArXiv") for one in _list(row, "references"))
        found[id_] = None if row is None else _ids(others)
    return found


def _openalex(client: Client, ids: Sequence[str]) -> Answers:
    dois = "|".join(f"{_ARXIV_DOI}{id_}" for id_ in ids)
    works = [(work, _arxiv_ids(work)) for work in _works(client, f"doi:{dois}", len(ids))]
    cited = {id_: set[str]() for work, names in works for id_ in names if id_ in ids}
    references: dict[str, set[str]] = {}
    for work, names in works:
        for id_ in names & cited.keys():
            references.setdefault(id_, set()).update(
                str(one).rpartition("/")[2] for one in _list(work, "referenced_works")
            )
    wanted = sorted({number for numbers in references.values() for number in numbers})
    named: dict[str, set[str]] = {}
    for piece in pieces(wanted, client.source.batch):
        for work in _works(client, f"openalex:{'|'.join(piece)}", len(piece)):
            named[str(_field(work, "id")).rpartition("/")[2]] = _arxiv_ids(work)
    for id_, numbers in references.items():
        cited[id_] = {other for number in numbers for other in named.get(number, ())}
    return {id_: cited.get(id_) for id_ in ids}


def _works(client: Client, condition: str, count: int) -> list[Any]:
    query = {
        "filter": condition,
        "select": "id,doi,locations,referenced_works",
        "per-page": str(max(25, 2 * count)),  # two works may share an identifier
    }
    answer = client.call("GET", "/works", query)
    if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
        raise SourceError("openalex answered without results")
    return list(answer["results"])


def _arxiv_ids(work: Any) -> set[str]:
    doi = str(_field(work, "doi") or "").lower()
    _, _, from_doi = doi.partition(_ARXIV_DOI)
    links = (str(_field(one, "landing_page_url") or "") for one in _list(work, "locations"))
    return _ids([from_doi, *(m[1] for link in links if (m := _ARXIV_LINK.search(link)))])


def _ids(texts: Iterable[Any]) -> set[str]:
    """The identifiers among ``texts``: what is none is left out, it is someone else's data."""
    found = set()
    for text in texts:
        try:
            found.add(ArxivId.parse(str(text or "")).base)
        except UsageError:
            continue
    return found


def _list(row: Any, name: str) -> list[Any]:
    value = _field(row, name)
    return value if isinstance(value, list) else []


def _field(row: Any, *names: str) -> Any:
    for name in names:
        row = row.get(name) if isinstance(row, dict) else None
    return row

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from registry.core.clock import now
from registry.core.errors import RateLimitedError
from registry.core.settings import Settings
from registry.ingest.citations import (
    Client,
    Source,
    SourceError,
    known_sources,
    refresh_citations,
)
from registry.store.citations import known_citations, missing, papers_to_ask
from registry.store.engine import Store, open_store
from registry.store.schema import papers

REFERENCES = {  # made up: who cites whom
    "2601.00001": ["2601.00002", "2512.00009"],
    "2601.00002": ["2512.00009"],
    "2601.00003": [],
}
WORKS = {id_: f"https://openalex.org/W{n}" for n, id_ in enumerate([*REFERENCES, "2512.00009"])}


@dataclass
class FakeSources:
    """Both services on one loopback address. ``fault`` is what happens to every request."""

    fault: str = ""
    asked: list[tuple[str, dict[str, list[str]], dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, query: dict[str, list[str]], body: Any) -> Any:
        if path == "/paper/batch":
            return [self._paper(id_.removeprefix("ARXIV:")) for id_ in body["ids"]]
        kind, _, names = query["filter"][0].partition(":")
        wanted = set(names.split("|"))
        found = {
            id_: place
            for id_, place in WORKS.items()
            if (f"10.48550/arxiv.{id_}" if kind == "doi" else place.rpartition("/")[2]) in wanted
        }
        return {"results": [self._work(id_, place) for id_, place in found.items()]}

    @staticmethod
    def _paper(id_: str) -> Any:
        if id_ not in REFERENCES:
            return None
        named = [{"externalIds": {"ArXiv": other}} for other in REFERENCES[id_]]
        return {"references": [*named, {"externalIds": {"DOI": "10.1/made-up"}}, {}]}

    @staticmethod
    def _work(id_: str, place: str) -> Any:
        link = {"landing_page_url": f"https://arxiv.org/abs/{id_}v2"}
        cited = [WORKS[other] for other in REFERENCES.get(id_, ())]
        return {"id": place, "doi": "https://doi.org/10.1/x", "locations": [link, None],
                "referenced_works": [*cited, "https://openalex.org/W999"]}  # fmt: skip


@pytest.fixture
def service() -> Iterator[FakeSources]:
    fake = FakeSources()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._serve(None)

        def _serve(self, body: Any) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            fake.asked.append((parts.path, query, dict(self.headers.items()), body))
            status = int(fake.fault) if fake.fault.isdecimal() else 200
            sent = json.dumps(fake.answer(parts.path, query, body)).encode()
            sent = {
                "html": b"<html>", "other": b"{}", "large": sent + b" " * 5000,
                "deep": b"[" * 3900,
            }.get(fake.fault, sent)  # fmt: skip
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            if status == 429:
                self.send_header("Retry-After", "17")
            self.end_headers()
            self.wfile.write(sent)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    from dataclasses import replace

    settings = replace(Settings.load(tmp_path), database_url=f"sqlite:///{tmp_path}/x.db")
    with open_store(settings) as opened:
        with opened.write() as connection:
            for n, id_ in enumerate((*REFERENCES, "2601.00004")):
                row = {"id": id_, "kind": "paper", "title": "Made up", "former_titles": [],
                       "authors": [], "submitted": date(2026, 1, 9 - n), "categories": [],
                       "gist": "g", "claims": [], "status": "active"}  # fmt: skip
                connection.execute(papers.insert(), row)
        yield opened


@pytest.fixture
def client(service: FakeSources) -> Callable[..., Client]:
    def make(name: str = "semantic-scholar", batch: int = 2, **limits: Any) -> Client:
        source = Source(name, "THE_KEY", "secret", service.url, False, batch)
        return Client(source, pause=0.0, **limits)

    return make


@pytest.mark.parametrize("name", ["semantic-scholar", "openalex"])
def test_both_sources_say_the_same_citations(
    store: Store, client: Callable[..., Client], name: str
) -> None:
    done = refresh_citations(store, client(name))

    assert (done.asked, done.unknown, done.citations, done.left) == (4, 1, 3, 0)
    assert done.stopped is None
    assert [(one.id, one.cited_by) for one in missing(store, 2)] == [("2512.00009", 2)]
    assert known_citations(store, name).citations == 3


def test_a_paper_is_asked_about_once_a_month(store: Store, client: Callable[..., Client]) -> None:
    refresh_citations(store, client())

    again = refresh_citations(store, client())

    assert (again.asked, again.citations) == (0, 0)
    assert len(papers_to_ask(store, "semantic-scholar", now() + timedelta(days=31))) == 4
    assert len(papers_to_ask(store, "openalex", now() - timedelta(days=30))) == 4


def test_a_later_answer_takes_the_place_of_the_earlier(
    store: Store, client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.ingest import citations as module

    refresh_citations(store, client())
    monkeypatch.setitem(REFERENCES, "2601.00001", [])
    monkeypatch.setattr(module, "FRESH", -timedelta(days=1))
    refresh_citations(store, client())

    assert known_citations(store, "semantic-scholar").citations == 1


def test_the_key_goes_where_each_service_wants_it(
    service: FakeSources, client: Callable[..., Client]
) -> None:
    client().references(["2601.00001"])
    client("openalex").references(["2601.00001"])

    assert service.asked[0][2]["x-api-key"] == "secret"
    assert all(query["api_key"] == ["secret"] for _, query, _, _ in service.asked[1:])


FAULTS = {
    "500": "answered 500",
    "401": r"refuses the key in THE_KEY \(401\)",
    "301": "answered 301",
    "html": "no JSON",
    "deep": "no JSON",
    "other": "did not answer for each paper",
    "large": "more than 4000 bytes",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_answer_is_an_error_and_stores_nothing(
    store: Store, service: FakeSources, client: Callable[..., Client], fault: str
) -> None:
    service.fault = fault
    asked = client(most_bytes=4000)

    with pytest.raises(SourceError, match=FAULTS[fault]) as caught:
        asked.references(["2601.00001"])
    done = refresh_citations(store, asked)

    assert "secret" not in str(caught.value)
    assert (done.asked, done.left) == (0, 4)
    assert str(done.stopped) == str(caught.value)
    assert known_citations(store, "semantic-scholar").asked == 0


def test_a_limit_keeps_what_came_and_says_how_long_to_wait(
    store: Store, service: FakeSources, client: Callable[..., Client]
) -> None:
    asked = client()
    answer = service.answer

    def once(*given: Any) -> Any:
        service.fault = "429"
        return answer(*given)

    service.answer = once  # type: ignore[method-assign]
    done = refresh_citations(store, asked)

    assert isinstance(done.stopped, RateLimitedError)
    assert "17 seconds" in str(done.stopped)
    assert (done.asked, done.left) == (2, 2)
    assert known_citations(store, "semantic-scholar").asked == 2


def test_a_service_that_is_down_is_an_error(client: Callable[..., Client]) -> None:
    source = Source("openalex", "THE_KEY", "secret", "http://127.0.0.1:9", False, 2)

    with pytest.raises(SourceError, match="openalex cannot be reached: ConnectionError") as caught:
        Client(source).references(["2601.00001"])
    assert "secret" not in str(caught.value)


def test_a_source_says_why_it_is_off(tmp_path: Path) -> None:
    from dataclasses import replace

    settings = replace(Settings.load(tmp_path), offline=False)
    key = {"REGISTRY_OPENALEX_KEY": "k", "REGISTRY_OPENALEX_URL": "http://127.0.0.1:1/"}

    found = known_sources(settings, key)
    offline = known_sources(replace(settings, offline=True), key)

    assert found["openalex"].why_off is None
    assert found["openalex"].url == "http://127.0.0.1:1"
    assert found["semantic-scholar"].why_off == "no key: set REGISTRY_SEMANTIC_SCHOLAR_KEY"
    assert offline["openalex"].why_off == "REGISTRY_OFFLINE is set"
    with pytest.raises(SourceError, match="semantic-scholar is off: no key"):
        Client(found["semantic-scholar"]).references(["2601.00001"])

"""The server: three protocols under one address, one fault at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fake_arxiv import atom, faults, oai, rss
from tests.fake_arxiv.query import BadQuery, found
from tests.fake_arxiv.works import CLOCK, Work


@dataclass(frozen=True)
class Visit:
    """One request received."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


class FakeArxiv:
    """The service. ``requests`` are the queries received; ``faults`` are used up in order,
    ``fault`` stands for every request after them. ``clock`` is the time at the service, which
    passes by a second with each request, and ``page_size`` how many records OAI-PMH sends at once.
    With ``certificate``, a file with a key and a certificate, it speaks TLS."""

    def __init__(
        self, works: list[Work], *, clock: datetime = CLOCK, certificate: Path | None = None
    ) -> None:
        self.works, self.clock, self.page_size = works, clock, 50
        self.faults: list[str | None] = []
        self.fault: str | None = None
        self.requests: list[dict[str, str]] = []
        self.visits: list[Visit] = []
        self.agents: set[str] = set()
        self.sent: dict[str, bytes] = {}  # what was last sent for an address
        self.closing = threading.Event()
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._scheme = "http"
        if certificate is not None:
            _wrap(self._server, certificate)
            self._scheme = "https"
        serve = self._server.serve_forever
        self._thread = threading.Thread(target=serve, args=(0.02,), daemon=True)

    @property
    def base(self) -> str:
        """The address of the server."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """The query API's endpoint, for REGISTRY_ARXIV_URL."""
        return f"{self.base}/api/query"

    @property
    def oai_url(self) -> str:
        """The endpoint of OAI-PMH."""
        return f"{self.base}/oai"

    @property
    def rss_url(self) -> str:
        """Where the announcements lie; a category follows: ``/cs.LG``."""
        return f"{self.base}/rss"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, visit: Visit) -> str:
        """Note a request and give the fault it meets."""
        with self._lock:
            self.requests.append(visit.query)
            self.visits.append(visit)
            self.clock += timedelta(seconds=1)  # no two answers are made at one moment
            fault = (self.faults.pop(0) if self.faults else self.fault) or ""
            if fault == "midnight":
                day = self.clock.replace(hour=0, minute=0, second=0) + timedelta(days=1)
                self.clock = max(self.clock, day)
            return fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no news."""


def _wrap(server: ThreadingHTTPServer, certificate: Path) -> None:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # The handshake in the thread of the request, so that one that fails stops nobody else.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )


class _Handler(BaseHTTPRequestHandler):
    service: FakeArxiv
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        named = parse_qs(parts.query, keep_blank_values=True)
        query = {name: values[0] for name, values in named.items()}
        self.service.agents.add(self.headers.get("User-Agent", ""))
        fault = self.service.take(Visit(parts.path, query, dict(self.headers.items())))
        if faults.misbehave(self, fault, self.service.closing):
            return
        if parts.path == "/api/query":
            self._answer_query(query, fault)
        elif parts.path == "/oai":
            service = self.service
            body = oai.answer(service.works, query, fault, service.clock, service.page_size)
            self._send(body, oai.KIND, fault)
        elif parts.path.startswith("/rss/"):
            self._answer_rss(unquote(parts.path.removeprefix("/rss/")), fault)
        else:
            faults.send(self, b"Not found.", "text/plain", 404)

    def _answer_query(self, query: dict[str, str], fault: str) -> None:
        works = self.service.works
        try:
            hits = found(works, query, ignore_dates=fault == "ignores-dates")
        except BadQuery as error:
            faults.send(self, atom.error_feed(str(error)), atom.KIND, 400)
            return
        if fault == "other-id":
            hits = [w for w in works if w not in hits][:1]
        self._send(atom.page(query, hits, fault, self.service.clock), atom.KIND, fault)

    def _answer_rss(self, name: str, fault: str) -> None:
        body, tag = rss.answer(self.service.works, name, fault, self.service.clock)
        if self.headers.get("If-None-Match") == tag:
            faults.send(self, b"", rss.KIND, 304, {"ETag": tag})
            return
        self._send(body, rss.KIND, fault, {"ETag": tag})

    def _send(
        self, body: bytes, kind: str, fault: str, headers: dict[str, str] | None = None
    ) -> None:
        if fault == "stale":
            body = self.service.sent.get(self.path, body)
        self.service.sent[self.path] = body
        faults.answer(self, body, kind, fault, self.service.closing, headers or {})

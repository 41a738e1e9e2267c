"""Lines that break: no name, no server, no trust, no end; and what a refusal says about when."""

from __future__ import annotations

import socket
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme

from registry.core.errors import ArxivError, RateLimitedError
from registry.ingest.limiter import Limiter
from registry.store.engine import Store
from tests.fake_arxiv import FakeArxiv, corpus
from tests.faults.ingest.walks import QUERY, by_query, client, stored, truth


def failure(service: FakeArxiv, limiter: Limiter, endpoint: str) -> str:
    """What is said of an endpoint that cannot be used."""
    asked = client(service, limiter)
    asked.query_url_format = endpoint + "?{}"
    with pytest.raises(ArxivError) as caught:
        asked.search(QUERY)
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_a_name_that_is_not_found_says_so(
    service: FakeArxiv, limiter: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", down)

    said = failure(service, limiter, "http://arxiv.invalid/api/query")

    assert said.startswith("arxiv.invalid cannot be found: no address for this name")
    assert "Check the network" in said


def test_nobody_at_the_port_says_so(service: FakeArxiv, limiter: Limiter) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        place = f"127.0.0.1:{held.getsockname()[1]}"

        assert f"{place} cannot be reached" in failure(service, limiter, f"http://{place}/api")


def test_a_server_without_tls_is_not_called_untrusted(service: FakeArxiv, limiter: Limiter) -> None:
    said = failure(service, limiter, service.url.replace("http:", "https:"))

    assert "does not speak TLS" in said


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate of an authority that nobody trusts."""
    path = tmp_path / "server.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(path)
    return path


def test_a_certificate_that_cannot_be_verified_is_not_taken(
    certificate: Path, limiter: Limiter
) -> None:
    with FakeArxiv(corpus(3), certificate=certificate) as service:
        said = failure(service, limiter, service.url)

        assert "has a certificate that cannot be verified" in said
        assert service.requests == []  # nothing was told to a server that is not who it should be


def test_fifty_megabytes_are_not_read(service: FakeArxiv, limiter: Limiter) -> None:
    service.fault = "big:50000000"
    asked = client(service, limiter, tries=1, total_seconds=20.0, most_bytes=2_000_000)

    tracemalloc.start()
    with pytest.raises(ArxivError, match="larger than 2000000 bytes"):
        asked.search(QUERY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 10_000_000


@pytest.mark.parametrize("status", ["403", "429", "503"])
@pytest.mark.parametrize("as_date", [False, True])
def test_the_time_asked_for_is_kept_by_every_later_command(
    service: FakeArxiv, store: Store, limiter: Limiter, status: str, as_date: bool
) -> None:
    moment = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=40)
    words = format_datetime(moment, usegmt=True) if as_date else "2400"
    service.faults = [None, f"{status}:{words}"]

    first = by_query(store, service, limiter)
    asked = len(service.requests)
    second = by_query(store, service, Limiter(limiter._lock_path.parent, interval=0.0))

    for summary in (first, second):
        assert isinstance(summary.failure, RateLimitedError)
        assert abs(summary.failure.until - moment) < timedelta(seconds=60)
    assert (first.done, first.left, len(service.requests)) == (1, 3, asked)
    week_one = [w for w in service.works if w.published.day < 9]
    assert stored(store) == truth(week_one)


def test_a_time_that_makes_no_sense_is_a_guess_and_never_for_ever(
    service: FakeArxiv, store: Store, limiter: Limiter
) -> None:
    for words in ("soon", "-1", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 30, "1e400"):
        limiter._state_path.unlink(missing_ok=True)
        service.faults = [f"429:{words}"]
        began = datetime.now(UTC)

        failure = by_query(store, service, limiter, tries=1).failure

        assert failure is not None, words
        until = getattr(failure, "until", None) or began
        assert until <= began + timedelta(days=1, minutes=1), words

"""One polite way to ask arXiv: a whole answer in time, or a typed error.

``Fetcher`` is shared by all services of one command. It waits for its turn, asks, keeps to limits
of size and time, follows no redirect, tries again where that may help, remembers a refusal for
every process of the user, and logs each request. What an answer says is for its caller to read.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from registry import __version__
from registry.core.clock import now
from registry.core.errors import ArxivError, PartialError, RateLimitedError, UsageError
from registry.core.plural import plural
from registry.core.settings import Settings
from registry.ingest.kept import KeptError
from registry.ingest.limiter import INTERVAL, Limiter, TurnError, retry_after, state_folder

log = logging.getLogger(__name__)
T = TypeVar("T")

PAGE = 200  # entries; about half a megabyte
_REFUSALS = (403, 429, 503)
_NETWORK = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    TimeoutError,
)


class FeedError(ArxivError):
    """The answer is not whole, or not what was asked for; another try may bring it."""


class RefusedError(ArxivError):
    """arXiv understood the request and refuses it; asking again would not help."""


class BudgetError(PartialError):
    """The requests allowed are used up."""


@dataclass(frozen=True)
class Fetch:
    """One request and what came back: a line for the log of fetches."""

    url: str
    at: datetime
    status: int | None = None
    bytes: int = 0
    sha256: str | None = None
    feed_title: str | None = None
    total: int | None = None
    entries: int | None = None
    error: str | None = None


@dataclass
class Limits:
    """How long and how often a client tries. Seconds, bytes, requests."""

    tries: int = 3
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    total_seconds: float = 90.0
    backoff_seconds: float = 5.0
    most_bytes: int = 20 * 1024 * 1024
    most_requests: int | None = None
    page_size: int = PAGE


@dataclass(frozen=True)
class Body:
    """An answer as it came."""

    status: int
    kind: str  # the content type without its parameters
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Heard:
    """What a reader understood of an answer, for the log.

    ``whole`` where it describes papers and can be read again from a file.
    """

    feed_title: str | None = None
    total: int | None = None
    entries: int | None = None
    whole: bool = False


class Fetcher:
    """Asks one server, politely. ``fetches`` logs every request made.

    ``keep``, where it is set, gets every whole answer with its hash.
    """

    def __init__(
        self,
        limiter: Limiter,
        limits: Limits | None = None,
        sleep: Callable[[float], None] = time.sleep,
        agent: str = "",
    ) -> None:
        self.limiter, self.limits = limiter, limits or Limits()
        self.fetches = list[Fetch]()
        self.requests = 0
        self.waited = 0.0  # seconds slept between tries; the limiter counts its own
        self.keep: Callable[[bytes, str], None] | None = None
        self._sleep = sleep
        self._session = requests.Session()
        name = f"posttrain-registry/{__version__}"
        self._session.headers["User-Agent"] = f"{name} {agent}".strip()

    def get(
        self,
        url: str,
        read: Callable[[Body, Heard], T],
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """What ``read`` makes of the answer at ``url``, asked again where that may help.

        ``read`` raises FeedError for what another try may mend. Raises ArxivError.
        """
        for last in range(self.limits.tries):
            try:
                return self._once(url, read, headers or {})
            except (TurnError, KeptError) as error:
                raise RefusedError(str(error)) from error
            except (FeedError, *_NETWORK) as error:
                if last == self.limits.tries - 1:
                    raise _spoken(error, url) from error
                log.info("try %d of %s: %s", last + 1, url, error)
                # Spread out, so that several users do not come back in step.
                seconds = self.limits.backoff_seconds * 2**last * random.uniform(0.5, 1.5)  # noqa: S311
                self._sleep(seconds)
                self.waited += seconds
        raise AssertionError("a client tries at least once")

    def take_fetches(self) -> list[Fetch]:
        """The log of requests since the last time it was taken."""
        taken, self.fetches = self.fetches, []
        return taken

    def _once(self, url: str, read: Callable[[Body, Heard], T], headers: Mapping[str, str]) -> T:
        if self.limits.most_requests is not None and self.requests >= self.limits.most_requests:
            raise BudgetError(
                f"--max-requests allows {plural(self.limits.most_requests, 'request')}, and no "
                "more are left. What is stored stays; run the same command again for the rest."
            )
        heard = Heard()
        with self.limiter.turn():
            self.requests += 1
            line = Fetch(url, now())
            try:
                body = self._fetch(url, headers)
                digest = hashlib.sha256(body.content).hexdigest()
                line = replace(line, status=body.status, bytes=len(body.content), sha256=digest)
                self._refuse(body)
                found = self._read(body, digest, read, heard)
                self.limiter.succeeded()
            except (ArxivError, *_NETWORK) as error:
                self.fetches.append(_line(line, heard, str(error)[:500]))
                raise
        self.fetches.append(_line(line, heard))
        return found

    def _read(self, body: Body, digest: str, read: Callable[[Body, Heard], T], heard: Heard) -> T:
        try:
            return read(body, heard)
        finally:
            if self.keep is not None and heard.whole:
                self.keep(body.content, digest)

    def _fetch(self, url: str, headers: Mapping[str, str]) -> Body:
        limits = self.limits
        self._session.trust_env = not _is_loopback(url)
        timeouts = (limits.connect_seconds, limits.read_seconds)
        ends = time.monotonic() + limits.total_seconds
        with self._session.get(
            url, timeout=timeouts, stream=True, allow_redirects=False, headers=dict(headers)
        ) as got:
            chunks: list[bytes] = []
            size = 0
            # read1 gives what has arrived, so that a slow drip meets the clock below.
            while chunk := got.raw.read1(65536, decode_content=True):
                chunks.append(chunk)
                size += len(chunk)
                if size > limits.most_bytes:
                    raise FeedError(f"arXiv's answer is larger than {limits.most_bytes} bytes")
                if time.monotonic() > ends:
                    raise FeedError(f"arXiv's answer took over {limits.total_seconds:.0f} seconds")
            kind = got.headers.get("Content-Type", "").split(";")[0].strip().lower()
            return Body(got.status_code, kind, b"".join(chunks), got.headers)

    def _refuse(self, body: Body) -> None:
        told_to_wait = body.content[:200].strip().lower().startswith(b"rate exceeded")
        if body.status in _REFUSALS or told_to_wait:
            raise self._cool_down(body)
        if body.status >= 500:
            raise FeedError(f"arXiv answered HTTP {body.status}")

    def _cool_down(self, body: Body) -> ArxivError:
        seconds = retry_after(body.headers.get("Retry-After"), datetime.now(UTC))
        until = self.limiter.cool_down(f"HTTP {body.status}", seconds)
        if seconds is not None and seconds <= self.limiter.patience:
            # Short enough to sit out: the next turn waits for it.
            return FeedError(f"arXiv answered HTTP {body.status} and asks for {seconds:.0f} s")
        return RateLimitedError(
            f"arXiv asked us to wait (HTTP {body.status}) until {until:%Y-%m-%d %H:%M:%S} UTC. "
            "What is stored stays; run the same command again after that.",
            until,
        )


def _line(line: Fetch, heard: Heard, error: str | None = None) -> Fetch:
    return replace(
        line, feed_title=heard.feed_title, total=heard.total, entries=heard.entries, error=error
    )


def not_ok(body: Body, variable: str) -> RefusedError:
    """The error for an answer with a status that no other try would change."""
    location = body.headers.get("Location", "")
    where = f" to {location}" if location else ""
    return RefusedError(
        f"arXiv answered HTTP {body.status}{where}. Check the query, or the address in {variable}."
    )


def open_fetcher(
    settings: Settings,
    services: Mapping[str, str],
    limits: Limits | None = None,
    agent: str = "",
) -> Fetcher:
    """A fetcher for ``services``: addresses by the variable of the environment that names each.

    All of arXiv's hosts take turns together. Away from them (a loopback server, a mirror) the
    distance between requests can be set by ``REGISTRY_ARXIV_INTERVAL``, in seconds.
    ``REGISTRY_CONTACT`` says whom to write to, with every request. Raises ArxivError in offline
    mode and UsageError where an address is none.
    """
    if settings.offline:
        raise ArxivError(
            "REGISTRY_OFFLINE is set, so arXiv is not asked. Unset it, or read a recorded feed "
            "with --from-file."
        )
    agent = " ".join(part for part in (agent, _contact()) if part)
    hosts = [_host(variable, address) for variable, address in services.items()]
    if any(name == "arxiv.org" or name.endswith(".arxiv.org") for name, _ in hosts):
        return Fetcher(Limiter(state_folder()), limits, agent=agent)
    name, port = hosts[0]
    place = re.sub(r"[^A-Za-z0-9.-]", "-", name) + (f"-{port}" if port else "")
    text = os.environ.get("REGISTRY_ARXIV_INTERVAL", str(INTERVAL))
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise UsageError(f"REGISTRY_ARXIV_INTERVAL {text!r} is not a number of seconds, like 0.5.")
    return Fetcher(Limiter(state_folder(), place, interval=float(text)), limits, agent=agent)


def _host(variable: str, address: str) -> tuple[str, int | None]:
    """The host and the port in ``address``. Raises UsageError where it is none."""
    try:
        parts = urlsplit(address)
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    fits = re.fullmatch(r"https?://[^\s?#@]+", address)
    if name is None or not fits:
        shown = "with a name or a password" if "@" in address else repr(address)
        raise UsageError(
            f"{variable} {shown} is not an address. Allowed: http(s)://host/path without a query "
            "and without a name, for example https://export.arxiv.org/api/query."
        )
    return name, port


def _contact() -> str:
    said = os.environ.get("REGISTRY_CONTACT", "")
    if said and not re.fullmatch(r"[!-~]{3,100}", said):
        raise UsageError(
            f"REGISTRY_CONTACT {said!r} is no contact. Allowed: a mail address or a page, without "
            "blanks, for example curator@example.org."
        )
    return f"({said})" if said else ""


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _spoken(error: BaseException, url: str) -> ArxivError:
    if isinstance(error, ArxivError):
        return error
    host = urlsplit(url).netloc
    if isinstance(error, (requests.Timeout, urllib3.exceptions.TimeoutError)):
        what = "did not answer in time"
    elif isinstance(error, requests.exceptions.SSLError):
        distrusted = "CERTIFICATE_VERIFY_FAILED" in str(error)
        what = (
            "has a certificate that cannot be verified"
            if distrusted
            else "does not speak TLS as it should"
        )
    elif "NameResolutionError" in str(error):
        what = "cannot be found: no address for this name"
    else:
        what = f"cannot be reached or broke off ({type(error).__name__})"
    return ArxivError(
        f"{host} {what}. Check the network, or the address of the service in the environment, "
        "and run the same command again."
    )

"""Files of recorded metadata, whatever their kind, read as a stream of arrivals.

Atom answers of the query API, OAI-PMH in any of its formats, JSON lines, and arXiv's own ``.abs``
files; each plain or compressed with gzip. The kind is told by how a file begins, not by its name.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Literal

from lxml import etree

from registry.core.clock import now
from registry.core.errors import ArxivError, UsageError
from registry.core.plural import plural
from registry.ingest.abs_file import abs_record, looks_like_abs
from registry.ingest.feed import read_feed
from registry.ingest.http import FeedError, RefusedError
from registry.ingest.json_lines import json_record
from registry.ingest.moments import iso_moment
from registry.ingest.oai_records import Gone, oai_record
from registry.ingest.record import preprint_of
from registry.ingest.strict_xml import local_name, stream_xml
from registry.store.arrivals import Arrival

FileKind = Literal["atom", "oai", "json", "abs"]
MAX_BYTES = 50 * 1024 * 1024  # of a file that is read as a whole
_LONGEST_LINE = 4 * 1024 * 1024
_TOLD = ("record", "responseDate", "error")
_OAI_ROOTS = ("OAI-PMH", "ListRecords", "GetRecord", "record")


@dataclass(frozen=True)
class Recorded:
    """What one file says of itself. ``note`` says what the file leaves out, where it does."""

    path: Path
    kind: FileKind
    size: int
    sha256: str
    seen_at: datetime
    title: str = ""
    total: int | None = None
    records: tuple[Arrival, ...] = ()
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record nobody can read: where it is, and why."""

    where: str
    reason: str


def check_readable(path: Path) -> None:
    """Raises UsageError where ``path`` is no file."""
    if not path.is_file():
        raise UsageError(
            f"--from-file {path}: no such file. Give recorded metadata of arXiv: an answer of its "
            "API or of its OAI-PMH, JSON lines, or its own .abs files; .gz is fine."
        )


def read_recorded(path: Path) -> Recorded:
    """What ``path`` is and, of an Atom answer, all its records, seen when it was recorded.

    Raises UsageError where there is no such file, ArxivError where an Atom answer is not whole.
    """
    check_readable(path)
    size, sha256 = path.stat().st_size, _sha256(path)
    with _opened(path) as file:
        kind = _kind(file.read(4096))
    written = min(datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0), now())
    if kind != "atom":
        return Recorded(path, kind, size, sha256, written)
    try:
        with _opened(path) as file:
            content = _whole(file)
        return _atom(path, content, size, sha256)
    except ArxivError as error:
        raise type(error)(f"{path}: {error}") from None


def stream_recorded(recorded: Recorded) -> Iterator[Arrival | Gone | Flaw]:
    """The records of a file, one by one. Raises ArxivError where the file itself breaks off."""
    if recorded.kind == "atom":
        yield from recorded.records
        return
    try:
        with _opened(recorded.path) as file:
            if recorded.kind == "json":
                yield from _json_records(file, recorded.seen_at)
            elif recorded.kind == "oai":
                yield from _oai_records(file, recorded.seen_at)
            else:
                yield abs_record(_whole(file), recorded.seen_at)
    except ArxivError as error:
        raise type(error)(f"{recorded.path}: {error}") from None
    except (EOFError, OSError) as error:  # gzip's, too
        raise FeedError(f"{recorded.path}: the file breaks off: {error}") from None


def _atom(path: Path, content: bytes, size: int, sha256: str) -> Recorded:
    feed = read_feed(content)
    seen_at = min(feed.updated or now(), now())
    records = tuple(Arrival(preprint_of(entry, seen_at)) for entry in feed.entries)
    expected = max(0, min(feed.per_page, feed.total - feed.start))
    note = None
    if len(records) < expected:
        note = f"{plural(len(records), 'entry', 'entries')} where the page should have {expected}"
    elif len(records) < feed.total:
        found = plural(feed.total, "result")
        note = f"{len(records)} of {found}: the other pages are not in this file"
    return Recorded(path, "atom", size, sha256, seen_at, feed.title, feed.total, records, note)


def _json_records(file: IO[bytes], seen_at: datetime) -> Iterator[Arrival | Flaw]:
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            raise FeedError(f"line {number} is longer than {_LONGEST_LINE // 2**20} MiB")
        if line.isspace():
            continue
        try:
            yield json_record(line, seen_at)
        except FeedError as error:
            yield Flaw(f"line {number}", str(error))


def _oai_records(file: IO[bytes], seen_at: datetime) -> Iterator[Arrival | Gone | Flaw]:
    for number, element in enumerate(stream_xml(file, _TOLD), start=1):
        name = local_name(element)
        if name == "responseDate":
            seen_at = min(_moment(element) or seen_at, seen_at)
        elif name == "error":
            if element.get("code") != "noRecordsMatch":
                raise RefusedError(f"the answer is an error: {element.get('code')}")
        else:
            try:
                yield oai_record(element, seen_at)
            except FeedError as error:
                yield Flaw(f"record {number}", str(error))


def _moment(element: etree._Element) -> datetime | None:
    try:
        return iso_moment(element.text or "")
    except ValueError:
        return None


def _kind(head: bytes) -> FileKind:
    begin = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if begin.startswith(b"{"):
        return "json"
    if looks_like_abs(begin):
        return "abs"
    return "oai" if _root(begin) in _OAI_ROOTS else "atom"  # whose reader says what is wrong


def _root(head: bytes) -> str:
    """The name of the first element in the beginning of a document; empty where there is none."""
    parser = etree.XMLPullParser(events=("start",), resolve_entities=False, no_network=True)
    try:
        parser.feed(head)
        for _, element in parser.read_events():
            return local_name(element)
    except etree.XMLSyntaxError:
        pass
    return ""


def _opened(path: Path) -> IO[bytes]:
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return io.BufferedReader(gzip.GzipFile(fileobj=file)) if packed else file


def _whole(file: IO[bytes]) -> bytes:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"--from-file: larger than {MAX_BYTES // 2**20} MiB, the most read of such a file."
        )
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

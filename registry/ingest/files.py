"""Files of recorded metadata, whatever their kind, read as a stream of arrivals.

Atom answers of the query API, OAI-PMH in any of its formats, JSON lines or one JSON array, and
arXiv's own ``.abs`` files; each plain or compressed with gzip. The kind is told by how a file
begins, not by its name.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from lxml import etree

from registry.core.clock import now
from registry.core.errors import ArxivError, UsageError
from registry.core.plural import plural
from registry.ingest.abs_file import abs_record, looks_like_abs
from registry.ingest.feed import Feed, Unread, described, read_feed
from registry.ingest.http import FeedError, RefusedError
from registry.ingest.json_lines import json_array, json_record
from registry.ingest.moments import iso_moment
from registry.ingest.oai_records import Gone, oai_record
from registry.ingest.strict_xml import local_name, stream_xml
from registry.store.arrivals import Arrival

FileKind = Literal["atom", "oai", "json", "abs"]
MAX_BYTES = 50 * 1024 * 1024  # of a file that is read as a whole
_LONGEST_LINE = 4 * 1024 * 1024
_HEAD = 64 * 1024  # a comment or a licence may stand before the first element
_TOLD = ("record", "responseDate", "error", "resumptionToken")
_BLANK = b"\xef\xbb\xbf \t\r\n"  # and the mark before UTF-8
_OAI_ROOTS = ("OAI-PMH", "ListRecords", "GetRecord", "record")


@dataclass(frozen=True)
class Recorded:
    """What one file says of itself; of an Atom answer, whose pages are small, all of it."""

    path: Path
    kind: FileKind
    size: int
    sha256: str
    seen_at: datetime
    title: str = ""
    total: int | None = None
    records: tuple[Arrival | Flaw | Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Flaw:
    """A record nobody can read: where it is, and why."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What a file leaves out, as it may."""

    text: str


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
    with _named(path):
        size, sha256 = path.stat().st_size, _sha256(path)
        with _opened(path) as file:
            kind = _kind(file.read1(_HEAD))  # what stands first, whatever is wrong behind it
        moment = datetime.fromtimestamp(path.stat().st_mtime, UTC).replace(microsecond=0)
        if kind != "atom":
            return Recorded(path, kind, size, sha256, min(moment, now()))
        with _opened(path) as file:
            feed = read_feed(_whole(file))
        seen_at = min(feed.updated or now(), now())
        records = tuple(_atom_records(feed, seen_at))
        return Recorded(path, "atom", size, sha256, seen_at, feed.title, feed.total, records)


def stream_recorded(recorded: Recorded) -> Iterator[Arrival | Gone | Flaw | Remark]:
    """The records of a file, one by one. Raises ArxivError where the file itself breaks off."""
    if recorded.kind == "atom":
        yield from recorded.records
        return
    with _named(recorded.path), _opened(recorded.path) as file:
        if recorded.kind == "json":
            yield from _json_records(file, recorded.seen_at)
        elif recorded.kind == "oai":
            yield from _oai_records(file, recorded.seen_at)
        else:
            yield abs_record(_whole(file), recorded.seen_at)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let every error of reading ``path`` be one of ours that names it."""
    try:
        yield
    except ArxivError as error:
        raise type(error)(f"{path}: {error}") from None
    except (EOFError, OSError, zlib.error) as error:  # gzip's, too
        raise FeedError(f"{path}: the file cannot be read to its end: {error}") from None


def _atom_records(feed: Feed, seen_at: datetime) -> Iterator[Arrival | Flaw | Remark]:
    for number, entry in enumerate(feed.entries, start=1):
        found = described(entry, seen_at)
        if isinstance(found, Unread):
            yield Flaw(f"entry {number}", found.reason)
        else:
            yield Arrival(found)
    if re.search(r"id_list=[^&\s]", feed.title):
        return  # the total counts ids that arXiv does not know
    came, due = len(feed.entries), max(0, min(feed.per_page, feed.total - feed.start))
    if came < due:
        yield Flaw("page", f"{plural(came, 'entry', 'entries')} where {due} should be")
    elif came < feed.total:
        results = plural(feed.total, "result")
        yield Remark(f"{came} of {results}: the other pages are not in this file")


def _json_records(file: io.BufferedIOBase, seen_at: datetime) -> Iterator[Arrival | Flaw]:
    start = file.read1(_HEAD).lstrip(_BLANK)[:1]
    file.seek(0)
    if start == b"[":
        for number, said in enumerate(json_array(_whole(file)), start=1):
            yield _json_record(f"record {number}", said, seen_at)
        return
    number = 0
    while line := file.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(_LONGEST_LINE)
            yield Flaw(f"line {number}", f"longer than {_LONGEST_LINE // 2**20} MiB")
        elif not line.isspace():
            yield _json_record(f"line {number}", line, seen_at)


def _json_record(where: str, said: object, seen_at: datetime) -> Arrival | Flaw:
    try:
        return json_record(said, seen_at)
    except FeedError as error:
        return Flaw(where, str(error))


def _oai_records(
    file: io.BufferedIOBase, seen_at: datetime
) -> Iterator[Arrival | Gone | Flaw | Remark]:
    number, said_none, more = 0, False, False
    for element in stream_xml(file, _TOLD):
        name = local_name(element)
        if name == "responseDate":
            seen_at = min(_moment(element) or seen_at, seen_at)
        elif name == "error":
            if element.get("code") != "noRecordsMatch":
                raise RefusedError(f"the answer is an error: {element.get('code')}")
            said_none = True
        elif name == "resumptionToken":
            more = bool((element.text or "").strip())
        else:
            number, more = number + 1, False
            try:
                yield oai_record(element, seen_at)
            except FeedError as error:
                yield Flaw(f"record {number}", str(error))
    if not number and not said_none:
        raise FeedError("the document has no record in it, and does not say that there is none")
    if more:
        yield Remark("a list that goes on: the other pages are not in this file")


def _moment(element: etree._Element) -> datetime | None:
    try:
        return iso_moment(element.text or "")
    except ValueError:
        return None


def _kind(head: bytes) -> FileKind:
    begin = head.lstrip(_BLANK)
    if not begin:
        raise FeedError("the file is empty")
    if begin.startswith((b"{", b"[")):
        return "json"
    if looks_like_abs(begin):
        return "abs"
    return "oai" if _root(begin) in _OAI_ROOTS else "atom"  # whose reader says what is wrong


def _root(head: bytes) -> str:
    """The name of the first element in the beginning of a document; empty where there is none."""
    parser = etree.XMLPullParser(events=("start",), resolve_entities=False, no_network=True)
    with suppress(etree.XMLSyntaxError):
        parser.feed(head)
    with suppress(etree.XMLSyntaxError):
        for _, element in parser.read_events():
            return local_name(element)
    return ""


def _opened(path: Path) -> io.BufferedIOBase:
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    # As it is: one more buffer would lose what stands before the place where the file breaks off.
    return gzip.GzipFile(fileobj=file) if packed else file


def _whole(file: io.BufferedIOBase) -> bytes:
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"--from-file: larger than {MAX_BYTES // 2**20} MiB, the most read of such a file."
        )
    return content


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""The inverted index: for each term the documents that hold it, in blocks of ordinary rows.

Documents have rising numbers and come in segments, each written once and never changed; segments
of a kind (methods, papers, candidates) cover ranges of numbers that do not meet. A document that
goes is *buried*: its number is noted in its segment until a merge leaves it out. Small segments
are merged into larger ones, so that there are few to read.

A block holds postings of consecutive terms: per term its number and how many postings it has, then
for all of them the document and a value, as little-endian arrays. A term is filed twice: under
``key`` with how much it says about the document (see ``weigh``), and under ``~key`` with its place
in the heading, once for each time it stands there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import BigInteger, Connection, TextClause, bindparam, delete, select, text, update

from registry.store.among import Listed
from registry.store.schema import postings, segments

Array = npt.NDArray[Any]

_BLOCK = 2048  # postings of a block, unless one term has more
_FAN = 8  # so many segments of a size become one of the next
_SMALLEST = 64  # documents; smaller segments count as this size
_CHUNK = 64  # blocks of the largest segment that a merge holds in memory at a time


_ALL = select(segments).order_by(segments.c.low)


@dataclass(frozen=True)
class Segment:
    """Where a segment's documents lie: ``low <= number < high``."""

    id: int
    kind: str
    low: int
    high: int
    documents: int
    buried: Array = field(repr=False)

    @property
    def living(self) -> int:
        """How many documents are neither buried nor gone."""
        return self.documents - len(self.buried)

    def alive(self, documents: Array) -> Array:
        """For each of ``documents`` whether it is not buried."""
        gone = np.zeros(self.high - self.low, dtype=bool)
        gone[self.buried - self.low] = True
        found: Array = ~gone[documents - self.low]
        return found


@dataclass(frozen=True)
class Postings:
    """Triples in the order of (key, document): arrays of one length."""

    keys: Array  # int64
    documents: Array  # uint32
    values: Array  # uint16

    @staticmethod
    def joined(parts: Sequence[Postings]) -> Postings:
        """``parts`` as one, sorted by key; of one key the parts' order is kept."""
        keys = np.concatenate([part.keys for part in parts])
        order = np.argsort(keys, kind="stable")
        return Postings(
            keys[order],
            np.concatenate([part.documents for part in parts])[order],
            np.concatenate([part.values for part in parts])[order],
        )

    def where(self, mask: Array) -> Postings:
        """Those for which ``mask`` is true."""
        return Postings(self.keys[mask], self.documents[mask], self.values[mask])


def read_segments(connection: Connection) -> list[Segment]:
    """All segments, in the order of their documents."""
    return [
        Segment(
            row.id, row.kind, row.low, row.high, row.documents, np.frombuffer(row.buried, "<u4")
        )
        for row in connection.execute(_ALL)
    ]


def add_segment(
    connection: Connection, kind: str, low: int, high: int, documents: int, found: Postings
) -> None:
    """Store the postings of ``documents`` documents numbered from ``low``; merge what is due."""
    _write(connection, _new(connection, kind, low, high, documents), [found])
    _merge_due(connection, kind)


def bury(connection: Connection, kind: str, numbers: Sequence[int]) -> None:
    """Note that the documents of ``numbers``, all of one kind, are gone."""
    gone = np.sort(np.asarray(numbers, dtype="<u4"))
    for segment in read_segments(connection) if len(gone) else ():
        mine = gone[(gone >= segment.low) & (gone < segment.high)]
        if segment.kind == kind and len(mine):
            noted = np.union1d(segment.buried, mine).astype("<u4")
            connection.execute(
                update(segments).where(segments.c.id == segment.id).values(buried=noted.tobytes())
            )


def lookup(
    connection: Connection, asked: Sequence[int], found: Sequence[Segment]
) -> dict[str, dict[int, tuple[Array, Array]]]:
    """By kind, for each of the keys ``asked`` its documents in rising order and their values."""
    if not asked or not found:
        return {}
    by_id = {segment.id: segment for segment in found}
    parts: dict[str, dict[int, list[tuple[int, Array, Array]]]] = {}
    for key, id_, data in _blocks_of(connection, sorted(set(asked))):
        if (segment := by_id.get(id_)) is None:
            continue
        documents, values_ = _find(data, key)
        if len(segment.buried) and len(documents):
            alive = segment.alive(documents)
            documents, values_ = documents[alive], values_[alive]
        if len(documents):
            mine = parts.setdefault(segment.kind, {}).setdefault(key, [])
            mine.append((segment.low, documents, values_))
    return {kind: {key: _chained(p) for key, p in of.items()} for kind, of in parts.items()}


def lengths(
    connection: Connection, asked: Sequence[int], found: Sequence[Segment]
) -> dict[int, int]:
    """How many postings the keys ``asked`` have in lists that lie alone; none of them is read.

    About the number of documents for a common term, and nought for a rare one.
    """
    mine = {segment.id for segment in found}
    query = _blocks_query(connection.dialect.name, "length(postings.data)")
    total: dict[int, int] = {}
    for row in connection.execute(query, {"keys": sorted(set(asked))}):
        if row.id in mine and row.data > 18 * _BLOCK + 4:  # no block of several
            total[row.key] = total.get(row.key, 0) + row.data // 6
    return total


def _blocks_of(connection: Connection, asked: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    """Of each segment the block in which a key is, if it is there at all."""
    for row in connection.execute(_blocks_query(connection.dialect.name), {"keys": asked}):
        yield row.key, row.id, bytes(row.data)


@cache
def _blocks_query(dialect: str, what: str = "postings.data") -> TextClause:
    wanted = "SELECT value FROM json_each(:keys)"
    block = (
        "postings.segment_id = segments.id AND postings.first = "
        "(SELECT max(within.first) FROM postings AS within "
        "WHERE within.segment_id = segments.id AND within.first <= wanted.key)"
    )
    joined = f"CROSS JOIN postings WHERE {block}"  # SQLite takes the tables in this order
    if dialect == "postgresql":
        wanted = "SELECT unnest(:keys)"
        joined = (
            "CROSS JOIN LATERAL (SELECT * FROM postings AS within WHERE within.segment_id = "
            "segments.id AND within.first <= wanted.key ORDER BY within.first DESC LIMIT 1) "
            "AS postings"
        )
    query = (
        f"WITH wanted (key) AS ({wanted}) "  # noqa: S608  no value in it
        f"SELECT wanted.key, segments.id, {what} AS data FROM wanted CROSS JOIN segments {joined}"
    )
    asked = text(query).bindparams(bindparam("keys", type_=Listed(BigInteger())))
    return asked.execution_options(binary=True)


def _chained(parts: list[tuple[int, Array, Array]]) -> tuple[Array, Array]:
    if len(parts) == 1:
        return parts[0][1:]
    parts.sort(key=lambda part: part[0])
    return np.concatenate([p[1] for p in parts]), np.concatenate([p[2] for p in parts])


# -- blocks --------------------------------------------------------------------------------------


def _new(connection: Connection, kind: str, low: int, high: int, documents: int) -> int:
    row = {"kind": kind, "low": low, "high": high, "documents": documents, "buried": b""}
    key = connection.execute(segments.insert().returning(segments.c.id), row).scalar_one()
    return int(key)


def _write(connection: Connection, id_: int, found: Iterator[Postings] | list[Postings]) -> None:
    for part in found:
        rows = [
            {"segment_id": id_, "first": int(first), "data": data} for first, data in _blocks(part)
        ]
        if rows:
            connection.execute(postings.insert(), rows)


def _blocks(found: Postings) -> Iterator[tuple[int, bytes]]:
    if not len(found.keys):
        return
    starts = np.flatnonzero(np.diff(found.keys, prepend=found.keys[0] - 1))
    ends = np.append(starts[1:], len(found.keys))
    term = 0
    while term < len(starts):
        begin = int(starts[term])
        last = max(term + 1, int(np.searchsorted(ends, begin + _BLOCK, side="right")))
        end = int(ends[last - 1])
        yield (
            int(found.keys[begin]),
            b"".join(
                (
                    np.uint32(last - term).tobytes(),
                    found.keys[starts[term:last]].astype("<i8").tobytes(),
                    (ends[term:last] - starts[term:last]).astype("<u4").tobytes(),
                    found.documents[begin:end].astype("<u4").tobytes(),
                    found.values[begin:end].astype("<u2").tobytes(),
                )
            ),
        )
        term = last


def _header(data: bytes) -> tuple[Array, Array, int, int]:
    terms = int(np.frombuffer(data, "<u4", 1)[0])
    keys = np.frombuffer(data, "<i8", terms, 4)
    counts = np.frombuffer(data, "<u4", terms, 4 + 8 * terms)
    body = 4 + 12 * terms
    return keys, counts, body, (len(data) - body) // 6


def _find(data: bytes, key: int) -> tuple[Array, Array]:
    keys, counts, body, total = _header(data)
    place = int(np.searchsorted(keys, key))
    if place == len(keys) or keys[place] != key:
        return np.empty(0, "<u4"), np.empty(0, "<u2")
    begin, count = int(counts[:place].sum()), int(counts[place])
    return (
        np.frombuffer(data, "<u4", count, body + 4 * begin),
        np.frombuffer(data, "<u2", count, body + 4 * total + 2 * begin),
    )


def _unpacked(data: bytes) -> Postings:
    keys, counts, body, total = _header(data)
    return Postings(
        np.repeat(keys, counts),
        np.frombuffer(data, "<u4", total, body),
        np.frombuffer(data, "<u2", total, body + 4 * total),
    )


# -- merging -------------------------------------------------------------------------------------


def _level(segment: Segment) -> int:
    size, level = max(segment.living, _SMALLEST), 0
    while size >= _SMALLEST * _FAN:
        size, level = size // _FAN, level + 1
    return level


def _merge_due(connection: Connection, kind: str) -> None:
    """Merge the newest segments while enough of them are of one size or smaller."""
    while True:
        mine = [segment for segment in read_segments(connection) if segment.kind == kind]
        for segment in [s for s in mine if not s.living]:
            _drop(connection, segment.id)
            mine.remove(segment)
        levels = [_level(segment) for segment in mine]
        due = None
        for start in range(len(mine)):
            if len(mine) - start >= _FAN and max(levels[start:]) <= levels[-1]:
                due = mine[start:]
                break
        if due is None:
            return
        _merge(connection, due)


def _merge(connection: Connection, due: Sequence[Segment]) -> None:
    living = sum(segment.living for segment in due)
    id_ = _new(connection, due[0].kind, due[0].low, due[-1].high, living)
    _write(connection, id_, _merged(connection, due))
    for segment in due:
        _drop(connection, segment.id)


def _merged(connection: Connection, due: Sequence[Segment]) -> Iterator[Postings]:
    firsts = {
        segment.id: connection.execute(
            select(postings.c.first)
            .where(postings.c.segment_id == segment.id)
            .order_by(postings.c.first)
        )
        .scalars()
        .all()
        for segment in due
    }
    cuts = sorted(max(firsts.values(), key=len)[_CHUNK::_CHUNK])
    for low, high in zip([None, *cuts], [*cuts, None], strict=True):
        parts = [_range(connection, segment, firsts[segment.id], low, high) for segment in due]
        yield Postings.joined(parts)


def _range(
    connection: Connection,
    segment: Segment,
    firsts: Sequence[int],
    low: int | None,
    high: int | None,
) -> Postings:
    """The postings of living documents under keys from ``low`` to below ``high``."""
    query = select(postings.c.data).where(postings.c.segment_id == segment.id)
    if low is not None:
        # The block that begins before the range may reach into it.
        before = int(np.searchsorted(np.asarray(firsts), low, side="right")) - 1
        query = query.where(postings.c.first >= (firsts[before] if before >= 0 else low))
    if high is not None:
        query = query.where(postings.c.first < high)
    blocks = connection.execute(query.order_by(postings.c.first)).scalars()
    parts = [_unpacked(data) for data in blocks]
    if not parts:
        return Postings(np.empty(0, "<i8"), np.empty(0, "<u4"), np.empty(0, "<u2"))
    found = Postings(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in ("keys", "documents", "values"))
    )
    keep = np.ones(len(found.keys), dtype=bool)
    if low is not None:
        keep &= found.keys >= low
    if high is not None:
        keep &= found.keys < high
    if len(segment.buried):
        keep &= segment.alive(found.documents)
    return found.where(keep)


def _drop(connection: Connection, id_: int) -> None:
    connection.execute(delete(postings).where(postings.c.segment_id == id_))
    connection.execute(delete(segments).where(segments.c.id == id_))


def totals(found: Sequence[Segment]) -> Mapping[str, int]:
    """How many living documents each kind has."""
    count: dict[str, int] = {}
    for segment in found:
        count[segment.kind] = count.get(segment.kind, 0) + segment.living
    return count

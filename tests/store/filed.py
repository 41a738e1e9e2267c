"""The whole inverted index as plain values, whatever its segments and numbers."""

from __future__ import annotations

from sqlalchemy import Connection, select

from registry.store.schema import document_tags, documents, postings, segments, unindexed
from registry.store.segments import _unpacked, read_segments

DERIVED = (document_tags, documents, unindexed, postings, segments)


def filed(connection: Connection) -> list[tuple[int, str, str, int]]:
    """(term, kind, id, value) of every posting of a living document, sorted."""
    known = {
        row.id: (row.kind, row.ref)
        for row in connection.execute(select(documents.c.id, documents.c.kind, documents.c.ref))
    }
    found = []
    for segment in read_segments(connection):
        query = select(postings.c.data).where(postings.c.segment_id == segment.id)
        for data in connection.execute(query).scalars():
            part = _unpacked(bytes(data))
            part = part.where(segment.alive(part.documents))
            triples = zip(
                part.keys.tolist(), part.documents.tolist(), part.values.tolist(), strict=True
            )
            found += [(key, *known[number], value) for key, number, value in triples]
    return sorted(found)

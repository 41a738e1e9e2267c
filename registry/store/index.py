"""What a search can find, as folded text: one row of ``documents`` for each thing.

A document is derived and can be made again at any time: a catalogued paper (title; authors, id,
leaves; gist; claims and cached abstract), a method, or a candidate. Text is folded here, in one
place, so that both databases see the same words whatever their tokenizers think.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from registry.store.rows import pieces
from registry.store.schema import (
    documents,
    methods,
    paper_leaves,
    paper_methods,
    papers,
    preprints,
    versions,
)
from registry.store.standing import standings

# Raise it when a document is composed otherwise: every store then derives its documents anew.
COMPOSITION = 1

_WORD = re.compile(r"[^\W_]+")
# Our gists are written in one spelling, many titles in the other; stemmers keep them apart.
_BRITISH = re.compile(r"is(ations?|ers?|ed|es|ing|e)$")


def words(text: str) -> list[str]:
    """The words of ``text``, folded: no case, no accents, nothing but letters and digits.

    >>> words('"W\\u00fcbben" NEAR(2305.18290) best-of-n*')
    ['wubben', 'near', '2305', '18290', 'best', 'of', 'n']
    """
    spread = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in spread if not unicodedata.combining(c))
    return [_BRITISH.sub(r"iz\1", word) for word in _WORD.findall(plain.casefold())]


def rejected_ids(connection: Connection, ids: Sequence[str] | None = None) -> set[str]:
    """The preprints that stand as rejected, or as duplicates of others."""
    found = standings(connection, ids)
    return {id_ for id_, standing in found.items() if standing.state in ("rejected", "duplicate")}


def index_papers(connection: Connection, ids: Iterable[str]) -> None:
    """Derive the documents of ``ids`` again: a paper's, a candidate's, or none."""
    for piece in pieces(sorted(set(ids))):
        connection.execute(
            delete(documents).where(
                documents.c.ref.in_(piece), documents.c.kind.in_(("paper", "candidate"))
            )
        )
        upstream = _newest(connection, piece)
        curated = _paper_documents(connection, piece, upstream)
        catalogued = {row["ref"] for row in curated}
        hidden = catalogued | rejected_ids(connection, piece)
        waiting = [_candidate_document(row) for id_, row in upstream.items() if id_ not in hidden]
        if rows := curated + waiting:
            connection.execute(documents.insert(), rows)


def index_methods(connection: Connection) -> None:
    """Derive the documents of all methods again."""
    connection.execute(delete(documents).where(documents.c.kind == "method"))
    rows = [
        _document(
            "method",
            row.slug,
            heading=[row.slug, row.name],
            names=[row.family, row.paper_id],
            summary=[row.summary],
            body=[],
        )
        for row in connection.execute(select(methods).order_by(methods.c.slug))
    ]
    if rows:
        connection.execute(documents.insert(), rows)


def _newest(connection: Connection, ids: Sequence[str]) -> dict[str, Any]:
    query = (
        select(versions)
        .join(
            preprints,
            (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version),
        )
        .where(preprints.c.id.in_(ids))
        .order_by(preprints.c.id)
    )
    return {row.preprint_id: row for row in connection.execute(query)}


def _paper_documents(
    connection: Connection, ids: Sequence[str], upstream: dict[str, Any]
) -> list[dict[str, Any]]:
    leaves = _grouped(connection, paper_leaves.c.paper_id, paper_leaves.c.leaf, ids)
    linked = _grouped(connection, paper_methods.c.paper_id, paper_methods.c.method, ids)
    query = select(papers).where(papers.c.id.in_(ids)).order_by(papers.c.id)
    return [
        _document(
            "paper",
            row.id,
            heading=[row.title],
            names=[
                row.id,
                *row.authors,
                *row.former_titles,
                *leaves.get(row.id, ()),
                *linked.get(row.id, ()),
            ],
            summary=[row.gist],
            body=[*row.claims, upstream[row.id].abstract if row.id in upstream else ""],
        )
        for row in connection.execute(query)
    ]


def _candidate_document(row: Any) -> dict[str, Any]:
    return _document(
        "candidate",
        row.preprint_id,
        heading=[row.title],
        names=[row.preprint_id, *row.authors, *row.categories],
        summary=[],
        body=[row.abstract],
    )


def _document(
    kind: str,
    ref: str,
    *,
    heading: list[str],
    names: list[str],
    summary: list[str],
    body: list[str],
) -> dict[str, Any]:
    def fold(texts: list[str]) -> str:
        return " ".join(word for text in texts for word in words(text))

    return {
        "kind": kind,
        "ref": ref,
        "heading": fold(heading),
        "names": fold(names),
        "summary": fold(summary),
        "body": fold(body),
    }


def _grouped(
    connection: Connection, key: Any, value: Any, ids: Sequence[str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for id_, item in connection.execute(
        select(key, value).where(key.in_(ids)).order_by(key, value)
    ):
        found.setdefault(id_, []).append(item)
    return found

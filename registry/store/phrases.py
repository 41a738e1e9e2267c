"""Whether words stand side by side in a text; the index knows places in headings only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, Text, bindparam, select, type_coerce

from registry.store.among import among
from registry.store.index import method_documents, paper_documents
from registry.store.schema import preprints, versions
from registry.store.terms import KEYS, keys, plain, stem

Place = tuple[str, str]  # the kind of a document, and its id or slug


def with_phrase(
    connection: Connection, places: Sequence[Place], asked: Sequence[str]
) -> frozenset[Place]:
    """Those of ``places`` in one of whose texts the words asked stand side by side.

    A single word is a phrase wherever it stands.
    """
    if not places or len(asked) == 1:
        return frozenset(places)
    terms, likely = [KEYS[word] for word in asked], _likely(asked)
    return frozenset(
        place
        for place, texts in _texts(connection, places)
        if any(likely.search(plain(text)) and _holds(keys(text), terms) for text in texts)
    )


def _likely(asked: Sequence[str]) -> re.Pattern[str]:
    """Finds every text with the phrase, and a few others: it looks at how the words begin."""
    return re.compile(r"[^\W_]*[\W_]+".join(map(_start, asked)))


def _start(word: str) -> str:
    """Letters with which all words of the same stem begin."""
    shared = next((n for n, (a, b) in enumerate(zip(word, stem(word), strict=False)) if a != b), 0)
    shared = shared or min(len(word), len(stem(word)))
    # "Policy" and "policies" have the stem "polici": its last letters may be in neither.
    return word[: max(1, shared - 2)]


def _holds(text: Sequence[int], terms: Sequence[int]) -> bool:
    length = len(terms)
    starts = (n for n, term in enumerate(text) if term == terms[0])
    return any(list(text[n : n + length]) == list(terms) for n in starts)


_CANDIDATES = (
    select(
        versions.c.preprint_id,
        versions.c.abstract,
        type_coerce(versions.c.authors, Text).label("names"),
    )
    .join(
        preprints,
        (preprints.c.id == versions.c.preprint_id) & (preprints.c.newest == versions.c.version),
    )
    .where(among(preprints.c.id, bindparam("refs")))
)


def _texts(
    connection: Connection, places: Sequence[Place]
) -> Iterator[tuple[Place, Iterable[str]]]:
    refs = {kind: [ref for k, ref in places if k == kind] for kind, _ in places}
    if waiting := refs.get("candidate"):
        for row in connection.execute(_CANDIDATES, {"refs": waiting}):
            yield ("candidate", row.preprint_id), (row.abstract, row.names)
    if curated := refs.get("paper"):
        for one in paper_documents(connection, curated):
            yield (one.kind, one.ref), one.texts[1:]
    if slugs := refs.get("method"):
        for one in method_documents(connection, slugs):
            yield (one.kind, one.ref), one.texts[1:]

"""Related papers by their text: the cosine of TF-IDF vectors over title, gist and abstract.

Only papers of the same corpus are compared, so a score says how near two papers are among these,
and changes a little when the corpus grows. Scores lie between 0 and 1; ties go by identifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from registry.store.engine import Store
from registry.store.queries import abstracts
from registry.store.schema import papers

Ranked = list[tuple[str, float]]


class Neighbours:
    """The nearest documents of each document of a corpus; fitted once, asked often."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self.ids = sorted(documents)
        self._place = {id_: n for n, id_ in enumerate(self.ids)}
        self._matrix = _vectors([documents[id_] for id_ in self.ids])

    def nearest(self, id_: str, limit: int = 5) -> Ranked:
        """At most ``limit`` other documents that share a word with ``id_``, with their scores.

        Empty for an identifier that is not in the corpus.
        """
        if id_ not in self._place or self._matrix is None:
            return []
        import numpy as np

        place = self._place[id_]
        scores = self._scores(place, self._matrix)
        scores[place] = 0.0
        # A stable sort of what lies in the order of the identifiers: ties go by them.
        best = np.argsort(-scores, kind="stable")[:limit]
        return [(self.ids[n], float(scores[n])) for n in best if scores[n] > 0]

    def likeness(self, id_: str, other: str) -> float:
        """The score of one pair; 0 where one of them is not in the corpus."""
        if id_ not in self._place or other not in self._place or self._matrix is None:
            return 0.0
        return float(self._scores(self._place[id_], self._matrix[self._place[other]])[0])

    def _scores(self, place: int, matrix: Any) -> Any:
        # Rounded before anybody sorts: the last bits differ between machines, the order must not.
        return (matrix @ self._matrix[place].T).toarray().ravel().round(4).clip(max=1.0)


def related(source: Store | Mapping[str, str], id_: str, limit: int = 5) -> Ranked:
    """The papers nearest to ``id_`` with their scores, best first.

    ``source`` is a store, whose catalogued papers are then the corpus, or texts by identifier.
    For many papers of one corpus make one ``Neighbours`` and ask it.
    """
    documents = corpus(source) if isinstance(source, Store) else source
    return Neighbours(documents).nearest(id_, limit)


def corpus(store: Store) -> dict[str, str]:
    """The text of each catalogued paper: its title twice, the gist, the cached abstract."""
    with store.read() as connection:
        rows = connection.execute(select(papers.c.id, papers.c.title, papers.c.gist)).all()
    cached = abstracts(store, [row.id for row in rows])
    return {
        row.id: "\n".join((row.title, row.title, row.gist, cached.get(row.id, ""))) for row in rows
    }


def _vectors(texts: list[str]) -> Any:
    # Two seconds to import: only for those who ask.
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        stop_words="english", ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode"
    )
    try:
        return vectorizer.fit_transform(texts)
    except ValueError:
        # Nothing but stop words anywhere, or no text at all.
        return None

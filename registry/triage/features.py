"""Text as numbers: words and pairs of words, weighted by how rare they are, in rows of length 1.

A title's words count three times. Vectors are sparse; the same examples give the same vocabulary in
the same order, so a model is the same wherever it is trained.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.triage.documents import Document

Floats = NDArray[np.float64]

TITLE = 3.0
"""How often a word of the title counts."""
_MOST_COMMON = 0.4  # a word in more texts than this share of them tells nothing
_RAREST = 3  # texts that a word must stand in, where there are many texts
_MANY = 200  # texts from which on a rare word is left out
_MOST_TERMS = 60_000
# A hyphen inside a word stays: best-of-n and post-training are words of the field.
_TOKEN = r"(?u)\b\w[\w\-]*\w\b|\b\w\b"  # noqa: S105  no password: the form of a word
_FUNCTION_WORDS = frozenset(
    re.findall(
        "[a-z]+",
        "a an and are as at be been by can for from has have in into is it its not of on or our "
        "such than that the their these they this to via was we were which while with",
    )
)


@dataclass(frozen=True)
class Vectoriser:
    """The terms that are counted, and what each weighs."""

    terms: tuple[str, ...]
    weights: Floats  # (V,) inverse document frequency, 1 or more

    @classmethod
    def fit(cls, documents: Sequence[Document]) -> Vectoriser:
        """The terms of ``documents``; no term where no word stands in two of many texts."""
        from sklearn.feature_extraction.text import CountVectorizer

        counter = CountVectorizer(
            **_READING,
            min_df=_RAREST if len(documents) >= _MANY else 1,
            max_df=_MOST_COMMON if len(documents) >= _MANY else 1.0,
            max_features=_MOST_TERMS,
            dtype=np.float64,
        )
        try:
            counts = counter.fit_transform([document.text for document in documents])
        except ValueError:  # nothing but function words, or no text
            return cls((), np.zeros(0))
        found = np.bincount(counts.indices, minlength=counts.shape[1])
        weights = np.log((1 + counts.shape[0]) / (1 + found)) + 1
        return cls(tuple(map(str, counter.get_feature_names_out())), weights)

    def rows(self, documents: Sequence[Document]) -> Any:
        """(N, V) sparse float64 of N texts; a row has length 1, or 0 where no term is known."""
        from scipy import sparse
        from sklearn.feature_extraction.text import CountVectorizer

        if not self.terms or not documents:
            return sparse.csr_array((len(documents), len(self.terms)))
        counter = CountVectorizer(**_READING, vocabulary=self.terms, dtype=np.float64)
        counts = counter.transform([document.title for document in documents]) * TITLE
        counts += counter.transform([document.abstract for document in documents])
        counts = sparse.csr_array(counts)
        counts.data = (1 + np.log(counts.data)) * self.weights[counts.indices]
        counts.sort_indices()
        return _of_length_one(counts)


def titles_alone(documents: Iterable[Document]) -> list[Document]:
    """The same papers without their abstracts."""
    return [replace(document, abstract="") for document in documents]


def _of_length_one(rows: Any) -> Any:
    lengths = np.sqrt(np.bincount(_row_numbers(rows), rows.data**2, minlength=rows.shape[0]))
    lengths[lengths == 0] = 1
    rows.data /= lengths[_row_numbers(rows)]
    return rows


def _row_numbers(rows: Any) -> NDArray[np.int64]:
    return np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if word not in _FUNCTION_WORDS]


_WORD = re.compile(_TOKEN)
_READING: dict[str, Any] = {
    "ngram_range": (1, 2),
    "strip_accents": "unicode",
    "tokenizer": _words,
    "token_pattern": None,
}

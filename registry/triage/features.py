"""Text as numbers: words and pairs of words, weighted by how rare they are, in rows of length 1.

A title's words count three times. Rows are sparse. The same documents give the same terms in the
same order, so a model is the same wherever it is trained. Counting is done here rather than by
scikit-learn, whose import alone takes longer than a thousand candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.triage.documents import Document
from registry.triage.terms import Codes, codes_of, counted, spelt

Floats = NDArray[np.float64]

TITLE = 3
"""How often a word of the title counts."""
_MOST_COMMON = 0.4  # a term in a larger share of the texts than this tells nothing
_RAREST = 3  # texts that a term must stand in, where there are many texts
_MANY = 200  # texts from which on rare and common terms are left out
_MOST_TERMS = 60_000
_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Vectoriser:
    """The terms that are counted, and what each weighs."""

    terms: tuple[str, ...]
    weights: Floats  # (V,) inverse document frequency, 1 or more

    @classmethod
    def fit(cls, documents: Sequence[Document]) -> Vectoriser:
        """The terms of ``documents``: of many texts, those neither rare nor everywhere."""
        each = [
            np.union1d(counted(document.title)[0], counted(document.abstract)[0])
            for document in documents
        ]
        codes, found = np.unique(np.concatenate([_NONE, *each]), return_counts=True)
        many = len(documents) >= _MANY
        least, most = (_RAREST, _MOST_COMMON * len(documents)) if many else (1, len(documents))
        kept = (found >= least) & (found <= most)
        terms = sorted(zip(spelt(codes[kept]), found[kept].tolist(), strict=True))
        if len(terms) > _MOST_TERMS:
            terms = sorted(sorted(terms, key=lambda term: -term[1])[:_MOST_TERMS])
        counts = np.array([times for _, times in terms], dtype=np.float64)
        idf = np.log((1 + len(documents)) / (1 + counts)) + 1
        return cls(tuple(term for term, _ in terms), idf)

    def rows(self, documents: Sequence[Document]) -> Any:
        """(N, V) sparse float64 of N texts; a row has length 1, or 0 where no term is known."""
        from scipy import sparse

        parts = [
            (counted(text), times)
            for document in documents
            for text, times in ((document.title, TITLE), (document.abstract, 1))
        ]
        codes = np.concatenate([_NONE, *(codes for (codes, _), _ in parts)])
        counts = np.concatenate([_NONE, *(counts * times for (_, counts), times in parts)])
        # A row is two parts, the title's terms and then the abstract's; csr adds what both have.
        ends = np.cumsum([0, *(len(codes) for (codes, _), _ in parts)])[::2]
        places = self._places(codes)
        known = places >= 0
        ends = np.concatenate([[0], np.cumsum(known)])[ends]
        rows = sparse.csr_array(
            (counts[known].astype(np.float64), places[known], ends.astype(np.int32)),
            shape=(len(documents), len(self.terms)),
        )
        rows.sum_duplicates()
        rows.data = (1 + np.log(rows.data)) * self.weights[rows.indices]
        return _of_length_one(rows)

    def _places(self, codes: Codes) -> NDArray[np.int32]:
        """(T,) the column of each code, -1 where it has none."""
        known, columns = self._columns
        if len(known) == 0:
            return np.full(len(codes), -1, dtype=np.int32)
        at = np.minimum(np.searchsorted(known, codes), len(known) - 1)
        return np.where(known[at] == codes, columns[at], -1).astype(np.int32)

    @cached_property
    def _columns(self) -> tuple[Codes, NDArray[np.int64]]:
        """The codes of the terms, ascending, and the column of each."""
        codes = codes_of(self.terms)
        order = np.argsort(codes)
        return codes[order], order


def titles_alone(documents: Iterable[Document]) -> list[Document]:
    """The same papers without their abstracts."""
    return [replace(document, abstract="") for document in documents]


def _of_length_one(rows: Any) -> Any:
    of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    lengths = np.sqrt(np.bincount(of, rows.data**2, minlength=rows.shape[0]))
    lengths[lengths == 0] = 1
    rows.data /= lengths[of]
    return rows

"""Text as numbers: words and pairs of words, weighted by how rare they are, in rows of length 1.

A title's words count three times. Rows are sparse. The same documents give the same terms in the
same order, so a model is the same wherever it is trained. Counting is done here rather than by
scikit-learn, whose import alone takes longer than a thousand candidates.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.triage.documents import Document

Floats = NDArray[np.float64]

TITLE = 3
"""How often a word of the title counts."""
_MOST_COMMON = 0.4  # a term in a larger share of the texts than this tells nothing
_RAREST = 3  # texts that a term must stand in, where there are many texts
_MANY = 200  # texts from which on rare and common terms are left out
_MOST_TERMS = 60_000
# A hyphen inside a word stays: best-of-n and post-training are words of the field.
_WORD = re.compile(r"\w(?:[\w-]*\w)?")
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
        """The terms of ``documents``: of many texts, those neither rare nor everywhere."""
        found: Counter[str] = Counter()
        for document in documents:
            found.update(set(terms_in(document.text)))
        many = len(documents) >= _MANY
        least, most = (_RAREST, _MOST_COMMON * len(documents)) if many else (1, len(documents))
        kept = [term for term, count in found.items() if least <= count <= most]
        if len(kept) > _MOST_TERMS:
            kept = sorted(kept, key=lambda term: (-found[term], term))[:_MOST_TERMS]
        kept.sort()
        counts = np.array([found[term] for term in kept], dtype=np.float64)
        return cls(tuple(kept), np.log((1 + len(documents)) / (1 + counts)) + 1)

    def rows(self, documents: Sequence[Document]) -> Any:
        """(N, V) sparse float64 of N texts; a row has length 1, or 0 where no term is known."""
        from scipy import sparse

        places: list[int] = []
        counts: list[int] = []
        ends = [0]
        for document in documents:
            found = self._counts(document)
            places += found
            counts += found.values()
            ends.append(len(places))
        at, ends_at = np.array(places, dtype=np.int32), np.array(ends, dtype=np.int32)
        values = (1 + np.log(np.array(counts, dtype=np.float64))) * self.weights[at]
        rows = sparse.csr_array((values, at, ends_at), shape=(len(documents), len(self.terms)))
        rows.sort_indices()
        return _of_length_one(rows)

    def _counts(self, document: Document) -> Counter[int]:
        place = self._places.get
        found: Counter[int] = Counter()
        for text, times in ((document.title, TITLE), (document.abstract, 1)):
            for term in terms_in(text):
                if (at := place(term)) is not None:
                    found[at] += times
        return found

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: place for place, term in enumerate(self.terms)}


def terms_in(text: str) -> list[str]:
    """The words of ``text`` without function words, then each two that follow one another.

    >>> terms_in("The merging of language-models")
    ['merging', 'language-models', 'merging language-models']
    """
    if not text.isascii():
        spread = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in spread if not unicodedata.combining(letter))
    found = [word for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS]
    pairs = [f"{one} {two}" for one, two in pairwise(found)]
    return found + pairs


def titles_alone(documents: Iterable[Document]) -> list[Document]:
    """The same papers without their abstracts."""
    return [replace(document, abstract="") for document in documents]


def _of_length_one(rows: Any) -> Any:
    of = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    lengths = np.sqrt(np.bincount(of, rows.data**2, minlength=rows.shape[0]))
    lengths[lengths == 0] = 1
    rows.data /= lengths[of]
    return rows

"""Which documents answer a question, and how well: sets and sums over the inverted index.

A question is asked strictest first: the words as a phrase in the heading, all of them in the
heading, all anywhere, any. Ranking touches only the documents of the first question that has
enough of them, and only arrays: a common word costs the reading of its list.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from sqlalchemy import Connection

from registry.store.draft import FULL, K1
from registry.store.segments import Array, Segment, lookup, read_segments, totals

KINDS = ("method", "paper", "candidate")
_NONE = np.empty(0, "<u4")
_TIES = 40  # more of one score than a page holds: their ids decide
_SPARSE = 32  # where one list is so many times longer than the other, look up instead of scanning


class Match(NamedTuple):
    """A document that answers. ``score`` is BM25's, without a unit."""

    kind: str
    number: int
    score: float


class Question:
    """The words asked, as terms in their order; ``weak`` ones are looked for in headings only."""

    def __init__(
        self, connection: Connection, asked: Sequence[int], weak: frozenset[int] = frozenset()
    ) -> None:
        self.asked = list(asked)
        self.terms = list(dict.fromkeys(asked))
        self.strong = [term for term in self.terms if term not in weak] or self.terms
        segments = read_segments(connection)
        self._of = lookup(connection, [*self.strong, *(~term for term in self.terms)], segments)
        self._shelves = {kind: _Shelf(self, kind, segments) for kind in KINDS if kind in self._of}
        self._count = sum(totals(segments).values())

    @cached_property
    def idf(self) -> dict[int, float]:
        """How much each term tells, as BM25 has it; nothing much where half the texts hold it."""
        found = {}
        for term in self.strong:
            n = sum(len(lists[term][0]) for lists in self._of.values() if term in lists)
            found[term] = max(1e-6, math.log((self._count - n + 0.5) / (n + 0.5)))
        return found

    def phrase_in_heading(self, limit: int) -> list[Match]:
        """The best documents whose heading holds the words in this order, side by side."""
        return self._best(limit, lambda shelf: shelf.phrases)

    def all_in_heading(self, limit: int) -> list[Match]:
        """The best documents whose heading holds all the words, and not as a phrase."""
        return self._best(limit, lambda shelf: _without(shelf.headings, shelf.phrases))

    def all_anywhere(self, limit: int) -> list[Match]:
        """The best documents that hold all the words, and not all of them in the heading."""
        return self._best(limit, lambda shelf: _without(shelf.holding, shelf.headings))

    def anything(self, limit: int) -> list[Match]:
        """The best documents that hold any of the words."""
        return self._best(limit, lambda shelf: shelf.touched)

    def holding(self) -> dict[str, Array]:
        """By kind, the numbers of all documents that hold all the words, rising."""
        return {kind: shelf.holding for kind, shelf in self._shelves.items()}

    def _best(self, limit: int, choose: Callable[[_Shelf], Array]) -> list[Match]:
        found: list[Match] = []
        for kind, shelf in self._shelves.items():
            if len(found) >= limit:
                break
            documents = choose(shelf)
            found += shelf.top(kind, documents, limit - len(found))
        return found


class _Shelf:
    """The documents of one kind."""

    def __init__(self, question: Question, kind: str, segments: Sequence[Segment]) -> None:
        mine = [segment for segment in segments if segment.kind == kind]
        self.low, self.high = mine[0].low, mine[-1].high
        self.question = question
        self.lists = question._of[kind]

    @cached_property
    def headings(self) -> Array:
        """Documents with every term in the heading, rising."""
        return self._intersection([~term for term in self.question.terms])

    @cached_property
    def holding(self) -> Array:
        """Documents with every term that counts anywhere, rising."""
        return self._intersection(self.question.strong)

    @cached_property
    def touched(self) -> Array:
        """Documents with any term that counts, rising."""
        there = np.zeros(self.high - self.low, dtype=bool)
        for term in self.question.strong:
            if term in self.lists:
                there[self.lists[term][0] - self.low] = True
        return (np.flatnonzero(there) + self.low).astype("<u4")

    @cached_property
    def phrases(self) -> Array:
        """Documents whose heading has the terms side by side, rising."""
        chosen = self.headings
        if not len(chosen):
            return chosen
        inside = self._marked(chosen)
        places: dict[int, Array] = {}
        for term in self.question.terms:
            documents, values = self.lists[~term]
            mine = inside[documents - self.low]
            documents, values = documents[mine], values[mine]
            # A bit for each place; the documents are those chosen, some of them several times.
            bits = np.left_shift(np.uint64(1), np.minimum(values, 63).astype(np.uint64))
            starts = np.flatnonzero(np.diff(documents.astype(np.int64), prepend=-1))
            places[term] = np.bitwise_or.reduceat(bits, starts)
        here = np.full(len(chosen), np.iinfo(np.uint64).max, dtype=np.uint64)
        for after, term in enumerate(self.question.asked[:64]):
            here &= places[term] >> np.uint64(after)
        found: Array = chosen[here != 0]
        return found

    def scores(self, documents: Array) -> Array:
        """What each of ``documents``, rising, scores."""
        total = np.zeros(len(documents))
        for term, idf in self.question.idf.items():
            if term in self.lists:
                total += idf * (K1 + 1) / FULL * self._values_at(documents, *self.lists[term])
        return total

    def top(self, kind: str, documents: Array, limit: int) -> list[Match]:
        """The best ``limit`` of ``documents``; all that tie with the last one are weighed too."""
        if not len(documents):
            return []
        scores = self.scores(documents)
        if len(documents) > limit:
            bound = np.partition(scores, len(scores) - limit)[len(scores) - limit]
            chosen = np.flatnonzero(scores >= bound)
            documents, scores = documents[chosen], scores[chosen]
        order = np.argsort(-scores, kind="stable")[: limit + _TIES]
        return [Match(kind, int(documents[n]), float(scores[n])) for n in order]

    def _intersection(self, keys: Sequence[int]) -> Array:
        if any(key not in self.lists for key in keys):
            return _NONE
        lists = sorted((self.lists[key][0] for key in keys), key=len)
        found = _distinct(lists[0])  # a heading may hold a word twice
        for documents in lists[1:]:
            if len(found) * _SPARSE < len(documents):
                at = np.minimum(np.searchsorted(documents, found), len(documents) - 1)
                found = found[documents[at] == found]
            else:
                found = found[self._marked(documents)[found - self.low]]
        return found

    def _marked(self, documents: Array) -> Array:
        there: Array = np.zeros(self.high - self.low, dtype=bool)
        there[documents - self.low] = True
        return there

    def _values_at(self, wanted: Array, documents: Array, values: Array) -> Array:
        """The values of ``wanted`` in a list, nought where it does not hold them."""
        if len(wanted) * _SPARSE < len(documents):
            at = np.minimum(np.searchsorted(documents, wanted), len(documents) - 1)
            there: Array = np.where(documents[at] == wanted, values[at], 0)
            return there
        dense = np.zeros(self.high - self.low, dtype=values.dtype)
        dense[documents - self.low] = values
        found: Array = dense[wanted - self.low]
        return found


def _distinct(documents: Array) -> Array:
    if len(documents) < 2:
        return documents
    found: Array = documents[np.append(True, documents[1:] != documents[:-1])]
    return found


def _without(documents: Array, others: Array) -> Array:
    if not len(others):
        return documents
    found: Array = np.setdiff1d(documents, others, assume_unique=True)
    return found

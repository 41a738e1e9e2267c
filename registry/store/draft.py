"""Documents on their way into the index: how much each term says about each, computed in bulk.

The weight is BM25's (k1 = 1.2, b = 0.75) with a count that depends on the place, a word of the
heading counting ten times. A document's length is taken against a fixed ordinary length, not the
mean of the day: what is computed once then holds for ever, and a rebuild gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from registry.store.segments import Array, Postings
from registry.store.terms import KEYS
from registry.store.vocabulary import Vocabulary

WEIGHTS = (10, 4, 3, 1)  # of a word in the heading, the names, the summary and the body
K1, B = 1.2, 0.75
ORDINARY_LENGTH = 200  # words: a title, its authors and an abstract
FULL = 65535  # the impact of a term that fills its document
_AT_ONCE = 256  # texts cut into words at once: their letters stay in the processor's cache
_LAST_PLACE = 4095  # no heading has more words


class Draft:
    """Documents numbered from ``low`` in the order they are added."""

    def __init__(self, low: int) -> None:
        self.low = low
        self._documents = 0
        self._texts: list[str] = []  # of the documents added last
        self._vocabulary = Vocabulary()
        self._words: list[Array] = []
        self._lengths: list[Array] = []

    def __len__(self) -> int:
        return self._documents

    def add(self, texts: Sequence[str]) -> int:
        """Add a document: its heading, names, summary and body. Gives its number."""
        self._documents += 1
        self._texts += texts
        if len(self._texts) >= _AT_ONCE:
            self._take()
        return self.low + self._documents - 1

    def postings(self) -> Postings:
        """The postings of all documents added."""
        self._take()
        distinct = self._vocabulary.words
        found = np.fromiter(map(KEYS.__getitem__, distinct), "<i8", len(distinct))
        keys, rank_of = np.unique(found, return_inverse=True)
        words = rank_of.astype("<u4")[np.concatenate(self._words)]
        lengths = np.concatenate(self._lengths)
        fields = np.repeat(np.arange(len(lengths), dtype="<u4"), lengths)
        return Postings.joined([self._headings(keys, words, fields, lengths),
                                self._impacts(keys, words, fields, lengths)])  # fmt: skip

    def _take(self) -> None:
        words, lengths = self._vocabulary.numbers(self._texts)
        self._words.append(words)
        self._lengths.append(lengths)
        self._texts.clear()

    def _impacts(self, keys: Array, words: Array, fields: Array, lengths: Array) -> Postings:
        # The documents come one after the other, and a stable sort leaves them so within a term.
        order = _order(words)
        words, fields = words[order], fields[order]
        documents = fields // len(WEIGHTS)
        weights = np.asarray(WEIGHTS, "<u4")[fields % len(WEIGHTS)]
        another = (np.diff(words) != 0) | (np.diff(documents) != 0)
        starts = np.flatnonzero(np.append(True, another)) if len(words) else order
        frequency = np.add.reduceat(weights, starts) if len(words) else weights
        documents = documents[starts]
        length = lengths.reshape(-1, len(WEIGHTS)).sum(axis=1)[documents]
        impact = frequency / (frequency + K1 * (1 - B + B * length / ORDINARY_LENGTH))
        return Postings(
            keys[words[starts]],
            documents + np.uint32(self.low),
            np.maximum(1, np.rint(impact * FULL)).astype("<u2"),
        )

    def _headings(self, keys: Array, words: Array, fields: Array, lengths: Array) -> Postings:
        mine = np.flatnonzero(fields % len(WEIGHTS) == 0)
        words, fields = words[mine], fields[mine]
        place = mine - (np.cumsum(lengths) - lengths)[fields]
        # Filed under ~key, whose order is the reverse of the key's.
        order = _order(words.max(initial=0) - words)
        return Postings(
            ~keys[words[order]],
            fields[order] // len(WEIGHTS) + np.uint32(self.low),
            np.minimum(place, _LAST_PLACE)[order].astype("<u2"),
        )


def _order(ranks: Array) -> Array:
    """The places of ``ranks`` as they rise, of equal ones in the order they stand."""
    # NumPy sorts 16 bits in linear time, several times as fast as anything wider.
    narrow = ranks.astype("<u2") if ranks.max(initial=0) < 1 << 16 else ranks
    found: Array = np.argsort(narrow, kind="stable")
    return found

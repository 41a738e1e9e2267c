"""Documents on their way into the index: how much each term says about each, computed in bulk.

The weight is BM25's (k1 = 1.2, b = 0.75) with a count that depends on the place, a word of the
heading counting ten times. A document's length is taken against a fixed ordinary length, not the
mean of the day: what is computed once then holds for ever, and a rebuild gives the same numbers.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from registry.store.segments import Array, Postings
from registry.store.terms import KEYS, split

WEIGHTS = (10, 4, 3, 1)  # of a word in the heading, the names, the summary and the body
K1, B = 1.2, 0.75
ORDINARY_LENGTH = 200  # words: a title, its authors and an abstract
FULL = 65535  # the impact of a term that fills its document
_PLACES = 12  # bits: no heading has 4,096 words


class _Numbers(dict[str, int]):
    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


class Draft:
    """Documents numbered from ``low`` in the order they are added."""

    def __init__(self, low: int) -> None:
        self.low = low
        self._numbers = _Numbers()
        self._words = array("i")
        self._lengths = array("i")

    def __len__(self) -> int:
        return len(self._lengths) // len(WEIGHTS)

    def add(self, texts: Sequence[str]) -> int:
        """Add a document: its heading, names, summary and body. Gives its number."""
        for text in texts:
            before = len(self._words)
            self._words.extend(map(self._numbers.__getitem__, split(text)))
            self._lengths.append(len(self._words) - before)
        return self.low + len(self) - 1

    def postings(self) -> Postings:
        """The postings of all documents added."""
        found = np.fromiter((KEYS[word] for word in self._numbers), "<i8", len(self._numbers))
        keys, rank_of = np.unique(found, return_inverse=True)
        words = rank_of.astype(np.int64)[np.frombuffer(self._words, "<i4")]
        lengths = np.frombuffer(self._lengths, "<i4")
        fields = np.repeat(np.arange(len(lengths)), lengths)
        return Postings.joined([self._headings(keys, words, fields, lengths),
                                self._impacts(keys, words, fields, lengths)])  # fmt: skip

    def _impacts(self, keys: Array, words: Array, fields: Array, lengths: Array) -> Postings:
        # One integer for (term, document, field), so that a plain sort brings equal ones together.
        bits = len(lengths).bit_length()
        places, counts = _runs(np.sort((words << bits) | fields))
        weighted = counts * np.asarray(WEIGHTS)[places % len(WEIGHTS)]
        # Fields are four a document and adjacent: without two bits the document is left.
        starts = np.flatnonzero(np.diff(places >> 2, prepend=-1))
        frequency = np.add.reduceat(weighted, starts) if len(starts) else weighted
        places = places[starts]
        documents = (places & ((1 << bits) - 1)) >> 2
        length = lengths.reshape(-1, len(WEIGHTS)).sum(axis=1)[documents]
        impact = frequency / (frequency + K1 * (1 - B + B * length / ORDINARY_LENGTH))
        return Postings(
            keys[places >> bits],
            (documents + self.low).astype("<u4"),
            np.maximum(1, np.rint(impact * FULL)).astype("<u2"),
        )

    def _headings(self, keys: Array, words: Array, fields: Array, lengths: Array) -> Postings:
        starts = np.cumsum(lengths) - lengths
        mine = np.flatnonzero(fields % len(WEIGHTS) == 0)
        place = np.minimum(mine - starts[fields[mine]], (1 << _PLACES) - 1)
        bits = len(lengths).bit_length()
        # Filed under ~key, whose order is the reverse of the key's.
        backwards = len(keys) - 1 - words[mine]
        sorted_ = np.sort((((backwards << bits) | (fields[mine] >> 2)) << _PLACES) | place)
        documents = (sorted_ >> _PLACES) & ((1 << bits) - 1)
        return Postings(
            ~keys[len(keys) - 1 - (sorted_ >> (bits + _PLACES))],
            (documents + self.low).astype("<u4"),
            (sorted_ & ((1 << _PLACES) - 1)).astype("<u2"),
        )


def _runs(sorted_: Array) -> tuple[Array, Array]:
    """The distinct values of a sorted array, and how often each stands there."""
    starts = np.flatnonzero(np.diff(sorted_, prepend=-1))
    return sorted_[starts], np.diff(np.append(starts, len(sorted_)))

"""The words of many texts at once, as numbers: worked out on whole arrays of letters.

Cutting texts into words one by one and looking each word up takes twice as long, and that is the
largest part of indexing. A word is known by a hash of its letters, a polynomial modulo 2**64: the
sum of letter times power over a word is the difference of two running sums, moved to where the word
begins by the inverse of a power.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from registry.store.terms import split

Array = npt.NDArray[Any]

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse; else any number
_BITS = 20  # of a hash, by which a word's number is looked up before anything else
_REST = np.uint64(64 - _BITS)
_BLANK = 32
_FOLD = bytes(
    [ord(chr(n).lower()) if chr(n).isalnum() else _BLANK for n in range(128)] + [*range(128, 256)]
)


class Vocabulary:
    """Words and the numbers given to them, which rise from nought in the order words come."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._numbers: dict[int, int] = {}  # by hash: of all words
        self._slots = np.zeros(1 << _BITS, "<u4")  # numbers by part of the hash: of nearly all
        self._hashes = np.zeros(1 << 10, "<u8")  # by number

    def numbers(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """The numbers of the words of ``texts``, one text after the other, as uint32.

        And how many words each of the texts has. The words are those of ``terms.split``.
        """
        parts = [_bytes(text) for text in texts]
        # With a blank before, between and after: every word has two edges.
        letters = b" ".join((b"", *parts, b"")).translate(_FOLD)
        starts, ends, hashes = _cut(np.frombuffer(letters, "u1"))
        numbers = self._slots[hashes >> _REST]
        others = np.flatnonzero(self._hashes[numbers] != hashes)
        if len(others):
            distinct, first, back = np.unique(
                hashes[others], return_index=True, return_inverse=True
            )
            places = others[first]
            found = self._look_up(distinct, letters, starts[places], ends[places])
            numbers[others] = found[back]
        # Where the texts begin, and where the last one ends.
        bounds = np.cumsum([0, *(len(part) + 1 for part in parts)])
        return numbers, np.diff(np.searchsorted(starts, bounds, side="right"))

    def _look_up(self, hashes: Array, letters: bytes, starts: Array, ends: Array) -> Array:
        """The numbers of words by their ``hashes``, which differ; new ones are given to the new."""
        before, known = len(self.words), self._numbers
        listed = [known.setdefault(hash_, len(known)) for hash_ in hashes.tolist()]
        numbers = np.array(listed, "<u4")
        new = np.flatnonzero(numbers >= before)
        places = zip(starts[new].tolist(), ends[new].tolist(), strict=True)
        self.words += [letters[start:end].decode() for start, end in places]
        while len(self.words) > len(self._hashes):
            self._hashes = np.append(self._hashes, np.zeros_like(self._hashes))
        self._hashes[before : len(self.words)] = hashes[new]
        slots = hashes[new] >> _REST
        free = self._slots[slots] == 0  # who comes first, comes most often
        self._slots[slots[free]] = numbers[new[free]]
        return numbers


def _bytes(text: str) -> bytes:
    return text.encode() if text.isascii() else " ".join(split(text)).encode()


def _cut(letters: Array) -> tuple[Array, Array, Array]:
    """Where the words of folded ``letters`` begin, where they end, and their hashes."""
    inside = letters != _BLANK
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    powers, inverses = _powers(len(letters).bit_length())
    sums = np.cumsum(letters * powers[: len(letters)])
    return starts, ends, (sums[ends - 1] - sums[starts - 1]) * inverses[starts]


@cache
def _powers(bits: int) -> tuple[Array, Array]:
    """The powers of the base, and of its inverse, from nought to below ``2**bits``."""
    found = []
    for base in (_BASE, pow(_BASE, -1, 1 << 64)):
        factors = np.full(1 << bits, base, "<u8")
        factors[0] = 1
        found.append(np.cumprod(factors))
    return found[0], found[1]

"""The terms of a text: its words and each two that follow one another, counted once a process.

The queue learns again after every few decisions, from thousands of texts that hardly change, so
what was counted is kept. In memory a term is a number, its code; which word has which number
differs from process to process, and nothing that is kept or shown depends on it.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import count, pairwise

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int64]

_REMEMBERED = 20_000  # texts, some kilobytes each
# A hyphen ends a word: chain-of-thought and chain of thought are the same.
_WORD = re.compile(r"\w+")
_FUNCTION_WORDS = frozenset(
    re.findall(
        "[a-z]+",
        "a an and are as at be been by can for from has have in into is it its not of on or our "
        "such than that the their these they this to via was we were which while with",
    )
)
_NUMBERS: defaultdict[str, int] = defaultdict(count().__next__)
_FIRST = 32  # bits by which the first word of a pair, its number plus one, is moved


def terms_in(text: str) -> list[str]:
    """The words of ``text`` without function words, then each two that follow one another.

    >>> terms_in("The merging of language-models")
    ['merging', 'language', 'models', 'merging language', 'language models']
    """
    found = _words_in(text)
    return found + [f"{one} {two}" for one, two in pairwise(found)]


@lru_cache(maxsize=_REMEMBERED)
def counted(text: str) -> tuple[Codes, NDArray[np.int64]]:
    """The codes (T,) of the terms of ``text``, each once and ascending, and how often each is."""
    words = np.array([_NUMBERS[word] for word in _words_in(text)], dtype=np.int64)
    codes = np.concatenate([words, _pairs(words[:-1], words[1:])])
    return np.unique(codes, return_counts=True)


def codes_of(terms: Iterable[str]) -> Codes:
    """The code of each term, a word or a pair."""
    found = []
    for term in terms:
        first, _, second = term.rpartition(" ")
        code = _NUMBERS[second]
        found.append((_NUMBERS[first] + 1 << _FIRST) + code if first else code)
    return np.array(found, dtype=np.int64)


def spelt(codes: Codes) -> Sequence[str]:
    """The terms that have these codes."""
    known = list(_NUMBERS.items())  # at once: the queue learns while a page is made
    words = {number: word for word, number in known}
    firsts, seconds = (codes >> _FIRST).tolist(), (codes & (1 << _FIRST) - 1).tolist()
    return [
        f"{words[first - 1]} {words[second]}" if first else words[second]
        for first, second in zip(firsts, seconds, strict=True)
    ]


def _words_in(text: str) -> list[str]:
    if not text.isascii():
        spread = unicodedata.normalize("NFKD", text)
        text = "".join(letter for letter in spread if not unicodedata.combining(letter))
    return [word for word in _WORD.findall(text.lower()) if word not in _FUNCTION_WORDS]


def _pairs(firsts: Codes, seconds: Codes) -> Codes:
    return np.asarray((firsts + 1 << _FIRST) + seconds)

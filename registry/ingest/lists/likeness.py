"""Whether two titles are one paper's, and by which sign.

Lists shorten titles, add names and venues, and mistype; authors rename papers. So titles are one
paper's where the words agree, where one is the beginning or a part of the other, or where both
begin with the same coined name ("MadeUpNet: ..."). What is left is either a new title of the same
work, which shares its rare words, or another paper, which shares none: ``closeness`` weighs the
words shared by how rare they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

SAME = 0.8  # words or letters in common from which titles are one paper's
NEAR = 0.6  # from which they are, where the closeness bears it out
_PART_WORDS = 3  # a part of a title that has fewer words says too little
_TEX = re.compile(r"\\[A-Za-z]+|[${}^_~\\]")
_WORD = re.compile(r"[^\W_]+")
_COINED = re.compile(r"^\s*([^\s:,]*(?:[A-Z].*[A-Z]|[0-9]|-)[^\s:,]*|[A-Z][a-z]+)\s*[:\u2014]")


Weight = Callable[[str], float]  # from 0, tells nothing, to 1


@dataclass(frozen=True)
class Likeness:
    """How like two titles are. ``score`` and ``closeness`` are shares from 0 to 1."""

    score: float
    closeness: float
    same: bool
    sign: str


@lru_cache(maxsize=16384)
def words_of(title: str) -> tuple[str, ...]:
    """The words of a title without case, accents, TeX and punctuation.

    >>> words_of("LR${}^{2}$-Bench: A Made-up Test")
    ('lr2', 'bench', 'a', 'made', 'up', 'test')
    """
    plain = _TEX.sub("", title)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain.replace("\u2019", ""))
        plain = "".join(c for c in plain if not unicodedata.combining(c))
    return tuple(_WORD.findall(plain.casefold().replace("'", "")))


def key_of(title: str) -> str:
    """A form that is equal for titles that differ in case, blanks and punctuation only."""
    return "".join(words_of(title))


def likeness(one: str, other: str, weight: Weight | None = None) -> Likeness:
    """How like two titles are; ``weight`` says how much a word tells.

    Without it every word tells the same, and titles are held to be unlike where that decides.
    """
    a, b = words_of(one), words_of(other)
    close = closeness(a, b, weight or _alike)
    if "".join(a) == "".join(b):
        return Likeness(1.0, 1.0, True, "the same letters")
    if part := _part(a, b):
        return Likeness(0.95, close, True, part)
    if key_of(one) in _names(other) or key_of(other) in _names(one):
        return Likeness(0.9, close, True, "one is the name that the other begins with")
    score = _score(a, b)
    if score >= SAME:
        return Likeness(score, close, True, f"{score:.0%} of the words or letters agree")
    coined = _coined(one), _coined(other)
    if coined[0] and coined[0] == coined[1]:
        return Likeness(score, close, True, f"both are called {coined[0]}")
    if weight is not None and score >= NEAR and close >= NEAR:
        return Likeness(score, close, True, f"{close:.0%} of what the words tell agrees")
    return Likeness(score, close, False, f"{score:.0%} of the words or letters agree")


def best_likeness(
    title: str, titles: Sequence[str], weight: Weight | None = None
) -> tuple[str, Likeness]:
    """The most like of ``titles``, at least one, and how like it is."""
    rated = [(other, likeness(title, other, weight)) for other in titles]
    return max(rated, key=lambda pair: (pair[1].same, pair[1].score))


def closeness(a: Sequence[str], b: Sequence[str], weight: Weight) -> float:
    """The share of the words of both titles, weighed, that stand in both."""
    ours, theirs = Counter(a), Counter(b)
    shared = sum(weight(word) * count for word, count in (ours & theirs).items())
    total = sum(weight(w) * n for side in (ours, theirs) for w, n in side.items())
    return 2 * shared / total if total else 0.0


def _alike(word: str) -> float:
    return 1.0


def _score(a: Sequence[str], b: Sequence[str]) -> float:
    shared = sum((Counter(a) & Counter(b)).values())
    overlap = 2 * shared / max(1, len(a) + len(b))
    letters = SequenceMatcher(None, " ".join(a), " ".join(b), autojunk=False)
    if letters.quick_ratio() <= overlap:
        return overlap
    return max(overlap, letters.ratio())


def _part(a: Sequence[str], b: Sequence[str]) -> str | None:
    short, long = sorted((tuple(a), tuple(b)), key=len)
    if len(short) < _PART_WORDS or sum(map(len, short)) < 12:
        return None
    if long[: len(short)] == short:
        return "one is the beginning of the other"
    at = range(1, len(long) - len(short) + 1)
    whole = any(long[n : n + len(short)] == short for n in at)
    return "one is a part of the other" if whole and len(short) * 2 >= len(long) else None


def _names(title: str) -> tuple[str, ...]:
    head, mark, _ = title.partition(":")
    return (key_of(head),) if mark and len(head.strip()) > 2 else ()


def _coined(title: str) -> str | None:
    match = _COINED.match(title)
    return key_of(match[1]) if match and len(match[1]) > 2 else None

"""How near domains are to one another: TF-IDF of their words, and a chain of nearest neighbours."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

_WORD = re.compile(r"[a-z]{3,}")
Vector = dict[str, float]


def words(text: str) -> Counter[str]:
    """How often each word of at least three letters stands in ``text``, in lower case."""
    return Counter(_WORD.findall(text.lower()))


def tf_idf(counts: Sequence[Mapping[str, int]]) -> list[Vector]:
    """A vector of length one for each text: tf * (1 + ln(N / n_w)), n_w of N texts hold the word.

    A text without words has an empty vector.
    """
    holding = Counter(word for count in counts for word in count)
    found = []
    for count in counts:
        vector = {w: n * (1 + math.log(len(counts) / holding[w])) for w, n in count.items()}
        length = math.sqrt(math.fsum(v * v for v in vector.values()))
        found.append({w: v / length for w, v in vector.items()} if length else {})
    return found


def cosine(a: Vector, b: Vector) -> float:
    """The inner product of two vectors of length one, from 0 to 1 where none is negative."""
    return math.fsum(value * b[word] for word, value in a.items() if word in b)


def chain(start: Vector, vectors: Sequence[Vector]) -> list[int]:
    """All places of ``vectors``: first the one nearest ``start``, then always the nearest left.

    Of two that are as near, the earlier one.

    >>> chain({"x": 1.0}, [{"y": 1.0}, {"x": 0.8, "y": 0.6}, {"x": 0.6, "y": 0.8}])
    [1, 2, 0]
    """
    left, at, order = list(range(len(vectors))), start, []
    while left:
        nearest = max(left, key=lambda i: (cosine(at, vectors[i]), -i))
        left.remove(nearest)
        order.append(nearest)
        at = vectors[nearest]
    return order

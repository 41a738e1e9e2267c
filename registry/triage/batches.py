"""How many papers are shown before the order is learned anew."""

from __future__ import annotations

FIRST = 2
GROWTH = 0.1


def batch_size(judged: int, first: int = FIRST, growth: float = GROWTH) -> int:
    """A share of what was judged before, and at least ``first``: early decisions teach most.

    >>> batch_size(0), batch_size(25), batch_size(200)
    (2, 2, 20)
    """
    return max(first, int(growth * judged))

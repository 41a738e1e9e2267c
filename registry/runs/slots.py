"""How many decoding passes answers take that share a number of places, as when sampling."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

# Held against the engine by tests/runs/test_estimate.py.
REFILL = 4  # waiting answers come in when one slot in this many is free


def decoding(lengths: Sequence[int], slots: int) -> tuple[int, int]:
    """(steps of decoding, times that waiting answers come in) for answers of ``lengths`` tokens.

    As the engine does it: answers that end leave their slots, and others come in when one slot in
    ``REFILL`` is free.
    """
    going: list[int] = []
    waiting = iter(lengths)
    left, clock, fills = len(lengths), 0, 0
    while left or going:
        if left and (not going or (slots - len(going)) * REFILL >= slots):
            fills += 1
            for _ in range(min(left, slots - len(going))):
                heapq.heappush(going, clock + next(waiting))
                left -= 1
        clock = heapq.heappop(going)
        while going and going[0] <= clock:
            heapq.heappop(going)
    return max(1, clock), max(1, fills)

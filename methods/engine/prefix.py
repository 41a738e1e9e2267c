"""Token sequences as a tree: a beginning that several of them have in common stands there once.

Under causal attention a token's state follows from the tokens before it alone, so a state computed
once serves every sequence that begins so: the answers of a group share their prompt, the two
answers of a pair theirs, chats the system's message. Gradients add up by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise, takewhile

import torch
from torch import Tensor

from methods.engine.attention import Segment

SHORTEST = 8  # tokens; a shorter common run costs more in pieces than it saves


def order(sequences: Sequence[Sequence[int]]) -> list[int]:
    """Indices in lexicographic order: whatever begins alike stands together."""
    return sorted(range(len(sequences)), key=lambda i: sequences[i])


def common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of what ``a`` and ``b`` begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def tree(
    sequences: Sequence[Sequence[int]], shortest: int = SHORTEST
) -> tuple[list[Segment], list[list[int]]]:
    """(segments of the tree in the order of a flat row, flat place of each sequence's tokens).

    Place j of a sequence is where its token j stands in the flat row that the segments make one
    after another. Common runs below ``shortest`` tokens are not shared.
    """
    ranked = order(sequences)
    alike = [common(sequences[a], sequences[b]) for a, b in pairwise(ranked)]
    segments: list[Segment] = []
    places: list[list[int]] = [[] for _ in sequences]
    flat = 0

    def put(rows: Sequence[int], start: int, end: int) -> None:
        """One segment: tokens ``start`` to ``end`` of every one of ``rows``, which agree there."""
        nonlocal flat
        new = range(flat, flat + end - start)
        flat += end - start
        segments.append(Segment((*places[rows[0]], *new), end - start))
        for row in rows:
            places[row].extend(new)

    # (first and last rank, tokens already placed); rows of one entry agree that far.
    waiting = [(0, len(ranked), 0)] if ranked else []
    while waiting:
        first, last, start = waiting.pop()
        cuts = [r for r in range(first + 1, last) if alike[r - 1] < start + shortest]
        for a, b in zip([first, *cuts], [*cuts, last], strict=True):
            end = len(sequences[ranked[a]]) if b - a == 1 else min(alike[a : b - 1])
            if end > start:
                put(ranked[a:b], start, end)
            if b - a > 1:
                waiting.append((a, b, end))
    return segments, places


def flat_row(
    sequences: Sequence[Sequence[int]], places: Sequence[Sequence[int]], device: torch.device | str
) -> tuple[Tensor, Tensor]:
    """(token ids, positions) of the flat row of ``tree``, both (1, S) int64."""
    size = 1 + max(place[-1] for place in places)
    ids, positions = (
        torch.empty(1, size, dtype=torch.int64),
        torch.empty(1, size, dtype=torch.int64),
    )
    at = torch.tensor(list(chain.from_iterable(places)))
    ids[0, at] = torch.tensor(list(chain.from_iterable(sequences)))
    positions[0, at] = torch.tensor([p for place in places for p in range(len(place))])
    return ids.to(device), positions.to(device)

"""From token sequences to micro-batches without padding, and an order of examples without state."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import TypeVar

import torch
from torch import Tensor

from methods.engine import distributed
from methods.engine.attention import Packed, Segment
from methods.engine.prefix import SHORTEST, common, flat_row, order, tree

T = TypeVar("T")
MEASURED_AT_ONCE = 16384  # tokens of a pass without a gradient, so larger than training's


@dataclass(frozen=True)
class Tokens:
    """One training row: a prompt, then the completion whose tokens carry the loss.

    The completion holds its end token, once, where the text really ended; a sample cut off at the
    length limit holds none.
    """

    ids: tuple[int, ...]
    prompt_length: int

    def __post_init__(self) -> None:
        if not 1 <= self.prompt_length < len(self.ids):
            raise ValueError(
                f"a row of {len(self.ids)} tokens needs a prompt of 1 to {len(self.ids) - 1} "
                f"tokens, not {self.prompt_length}: nothing would be predicted or learned"
            )

    @property
    def completion(self) -> tuple[int, ...]:
        """The tokens that carry the loss."""
        return self.ids[self.prompt_length :]

    @property
    def completion_length(self) -> int:
        """Number of tokens that carry the loss."""
        return len(self.ids) - self.prompt_length


@dataclass(frozen=True)
class TokenBatch:
    """Rows of one forward pass as one flat row of S tokens, without padding.

    What rows have in common at their beginning stands there once. The last token of a row predicts
    nothing and is left out. B rows, N completion tokens in all, C in the longest row.
    """

    rows: tuple[int, ...]  # place of each row in the list the batch was made from
    input_ids: Tensor  # (1, S) int64
    position_ids: Tensor  # (1, S) int64, place of each token in its own sequence
    layout: Packed  # which of the S tokens each of them sees
    predictors: Tensor  # (N,) int64, where in S the state stands that predicts each label
    labels: Tensor  # (N,) int64, completion tokens, row after row
    completion_mask: Tensor  # (B, C) bool, True on real completion tokens

    @property
    def loss_tokens(self) -> int:
        """Completion tokens in the batch."""
        return len(self.labels)

    def by_row(self, flat: Tensor) -> Tensor:
        """One value a completion token, (N,), as (B, C); zero where the mask is False."""
        out = torch.zeros(self.completion_mask.shape, dtype=flat.dtype, device=flat.device)
        # The labels list the rows' completions in order, so they drop into place.
        return out.masked_scatter(self.completion_mask, flat)


def pack(
    rows: Sequence[Tokens],
    indices: Sequence[int],
    device: torch.device | str = "cpu",
    *,
    share: bool = True,
) -> TokenBatch:
    """The rows named by ``indices`` as one batch; ``share`` False repeats common beginnings.

    Which tokens carry a loss is a matter of position, never of id: padding may equal the end token,
    as there is no padding.
    """
    picked = [rows[i] for i in indices]
    read = [row.ids[:-1] for row in picked]
    if share:
        segments, places = tree(read)
    else:
        cuts = [0, *accumulate(map(len, read))]
        places = [list(range(a, b)) for a, b in pairwise(cuts)]
        segments = [Segment(tuple(p), len(p)) for p in places]
    input_ids, position_ids = flat_row(read, places, device)
    predictors = [p for r, place in zip(picked, places, strict=True)
                  for p in place[r.prompt_length - 1 :]]  # fmt: skip
    labels = [t for r in picked for t in r.completion]
    lengths = torch.tensor([r.completion_length for r in picked])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    return TokenBatch(
        tuple(indices),
        input_ids,
        position_ids,
        Packed(segments, device),
        torch.tensor(predictors).to(device),
        torch.tensor(labels).to(device),
        mask.to(device),
    )


def micro_batches(
    rows: Sequence[Tokens], token_budget: int, together: int = 1
) -> Iterator[list[int]]:
    """Indices of ``rows`` in groups of about ``token_budget`` tokens, shared ones counted once.

    ``together`` consecutive rows are never parted (2 for the answers of a pair). Rows that begin
    alike come one after another, so that one group holds them. A unit longer than the budget
    stands alone. Every index appears exactly once.
    """
    units = [list(range(i, i + together)) for i in range(0, len(rows), together)]
    group: list[int] = []
    used = 0
    for u in order([rows[unit[0]].ids for unit in units]):
        last = [rows[i].ids for i in group[-1:]]
        unit = [rows[i].ids for i in units[u]]
        added = _distinct(last + unit) - _distinct(last)
        if group and used + added > token_budget:
            yield group
            group, used, added = [], 0, _distinct(unit)
        group.extend(units[u])
        used += added
    if group:
        yield group


def own_batches(rows: Sequence[Tokens], token_budget: int, together: int = 1) -> list[list[int]]:
    """The micro-batches of a step that this process computes, all of them where it is alone.

    They are cut to like size, as many for each process.
    """
    processes = distributed.size()
    tokens = _distinct([rows[i].ids for i in order([row.ids for row in rows])])
    passes = -(-tokens // (token_budget * processes)) * processes
    groups = list(micro_batches(rows, -(-tokens // max(1, passes)), together))
    return distributed.share(groups)


def each_row(
    rows: Sequence[Tokens],
    of_group: Callable[[list[int]], list[T]],
    token_budget: int | None = None,
) -> list[T]:
    """One value for each of ``rows``, in their order; ``of_group`` gives those of a micro-batch.

    The micro-batches are shared among processes, and every process has all values in the end.
    """
    found: dict[int, T] = {}
    for group in own_batches(rows, token_budget or MEASURED_AT_ONCE) if rows else []:
        found |= dict(zip(group, of_group(group), strict=True))
    for others in distributed.gather(found):
        found |= others
    return [found[i] for i in range(len(rows))]


def _distinct(sequences: Sequence[Sequence[int]]) -> int:
    """Tokens of ``sequences``, less what each has in common with the one before it."""
    return sum(map(len, sequences)) - sum(
        alike for a, b in pairwise(sequences) if (alike := common(a, b)) >= SHORTEST
    )


class Order:
    """An endless shuffled pass over ``count`` examples: epoch by epoch, each example once an epoch.

    Where a step begins follows from its number alone, so that a resumed run needs no saved state.
    """

    def __init__(self, count: int, seed: int) -> None:
        if count < 1:
            raise ValueError("no examples to draw from")
        self.count, self.seed = count, seed

    def batch(self, step: int, size: int) -> list[int]:
        """Indices of optimiser step ``step`` (from 1), ``size`` of them."""
        start = (step - 1) * size
        return [self._at(place) for place in range(start, start + size)]

    def _at(self, place: int) -> int:
        epoch, offset = divmod(place, self.count)
        return _permutation(self.count, self.seed, epoch)[offset]


@lru_cache(maxsize=8)
def _permutation(count: int, seed: int, epoch: int) -> list[int]:
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(count, generator=generator).tolist()

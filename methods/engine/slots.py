"""The key-value cache of decoding: one slot a sequence, filled from packed prompts, never copied.

Slots are taken and given back one by one. Those in use are always the first ones, so that a step
reads them as a view; when a sequence ends, the last slot in use moves into its place.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from methods.engine.attention import Packed


class Prefill(Packed):
    """``Packed`` that keeps each layer's keys and values, (S, KV, D), for ``Slots.fill``."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int
    ) -> Tensor:
        """See ``Layout``. Raises NotImplementedError where a layer attends twice."""
        if layer in self.kept:
            raise NotImplementedError("a layer that attends more than once has no place in a slot")
        self.kept[layer] = key, value
        return super().attend(layer, query, key, value, scale, window)


class Slots:
    """Room for ``capacity`` sequences of up to ``width`` tokens; the layout of one decoding step.

    A step reads one new token of every slot in use: its keys and values are written behind the
    slot's own, and it sees all of them.
    """

    def __init__(self, capacity: int, width: int, device: torch.device) -> None:
        self.capacity, self.width, self.used = capacity, width, 0
        self.lengths = torch.zeros(capacity, dtype=torch.int64, device=device)
        self._keys: dict[int, Tensor] = {}  # layer -> (capacity, width, KV, D)
        self._values: dict[int, Tensor] = {}
        self._longest = 0
        self._biases: dict[int, Tensor] = {}

    def fill(self, prefill: Prefill, paths: Sequence[Sequence[int]]) -> None:
        """Take a slot for each of ``paths``: flat places of a sequence's tokens in ``prefill``."""
        first, last = self.used, self.used + len(paths)
        longest = max(map(len, paths))
        rows = torch.tensor([[*p, *[p[-1]] * (longest - len(p))] for p in paths])
        rows = rows.to(self.lengths.device)
        for layer, pair in prefill.kept.items():
            for kept, cache in zip(pair, (self._keys, self._values), strict=True):
                if layer not in cache:
                    shape = (self.capacity, self.width, *kept.shape[1:])
                    cache[layer] = kept.new_zeros(shape)
                cache[layer][first:last, :longest] = kept[rows]
        self.lengths[first:last] = torch.tensor([len(p) for p in paths]).to(self.lengths.device)
        self.used = last

    def keep(self, going: Sequence[bool]) -> list[int]:
        """Give back the slots where ``going`` is False.

        Gives, for each slot then in use, which of the old ones it is.
        """
        left = sum(going)
        origin = list(range(left))
        holes = [i for i in range(left) if not going[i]]
        movers = [i for i in range(left, self.used) if going[i]]
        for hole, mover in zip(holes, movers, strict=True):
            origin[hole] = mover
        if holes:
            width = int(self.lengths[: self.used].max())
            for cache in (*self._keys.values(), *self._values.values()):
                cache[holes, :width] = cache[movers, :width]
            self.lengths[holes] = self.lengths[movers]
        self.used = left
        return origin

    def begin(self) -> Tensor:
        """Make room for one token a slot; its positions, (1, used) int64."""
        positions = self.lengths[: self.used].clone()
        self.lengths[: self.used] += 1
        self._longest = int(positions.max()) + 1
        self._biases.clear()
        return positions[None]

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int
    ) -> Tensor:
        """See ``Layout``; T is the number of slots in use."""
        n, heads, size = query.shape
        rows, last = torch.arange(n, device=query.device), self.lengths[:n] - 1
        keys, values = self._keys[layer], self._values[layer]
        keys[rows, last], values[rows, last] = key.to(keys.dtype), value.to(values.dtype)
        # Query heads that share a key head stand where a sequence's queries usually do: no copies.
        folded = query.view(n, keys.shape[2], -1, size).to(keys.dtype)
        out = scaled_dot_product_attention(
            folded,
            keys[:n, : self._longest].transpose(1, 2),
            values[:n, : self._longest].transpose(1, 2),
            attn_mask=self._bias(window, keys.dtype),
            scale=scale,
        )
        return out.reshape(n, heads, -1)

    def _bias(self, window: int, dtype: torch.dtype) -> Tensor:
        """(used, 1, 1, longest) of 0 and -inf."""
        if window not in self._biases:
            place = torch.arange(self._longest, device=self.lengths.device)
            length = self.lengths[: self.used, None]
            hidden = place >= length
            if window:
                hidden |= place < length - window
            bias = torch.zeros(hidden.shape, dtype=dtype, device=place.device)
            self._biases[window] = bias.masked_fill(hidden, float("-inf"))[:, None, None]
        return self._biases[window]

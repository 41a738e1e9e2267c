"""Attention over ragged sequences without padding, in any model of transformers that lets us.

A model runs on one flat row of tokens; where each of them looks is said by a *layout* that travels
beside it. ``Packed`` is for whole sequences whose common beginnings are present once;
``methods.engine.slots`` has the one for decoding. Everything but attention (most of the work at
the lengths of post-training) then runs on real tokens only, each once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AttentionInterface

NAME = "ragged"  # what a model's config calls this attention
_WASTE = 1.25  # a block may compute this many times its real query-key products


class Layout(Protocol):
    """Where each query of a flat row of tokens looks."""

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int
    ) -> Tensor:
        """(T, H, D) queries, (T, KV, D) keys, (T, KV, E) values -> (T, H, E).

        ``window`` is how many tokens back a query looks, itself counted; 0: all before.
        """
        ...


@dataclass(frozen=True)
class Segment:
    """A run of tokens that follow one another, behind the runs of its ancestors.

    ``path`` lists the flat places of all tokens it may look at, its own last; ``length`` are its.
    """

    path: tuple[int, ...]
    length: int


@dataclass(frozen=True)
class _Block:
    """Segments of like length, padded to one rectangle for a dense kernel."""

    queries: Tensor  # (n * L,) int64, flat places; a segment's last place fills the rest
    keys: Tensor  # (n * S,) int64
    query_at: Tensor  # (n, L) int64, position of each query in its path
    size: tuple[int, int, int]  # n, L, S
    _biases: dict[tuple[int, torch.dtype], Tensor | None] = field(default_factory=dict)

    def bias(self, window: int, dtype: torch.dtype) -> Tensor | None:
        """(n, 1, L, S) of 0 and -inf; None where the plain causal triangle says it all."""
        if (window, dtype) not in self._biases:
            n, longest, width = self.size
            place = torch.arange(width, device=self.keys.device)
            reach = self.query_at[:, :, None]  # (n, L, 1)
            seen = place <= reach
            if window:
                seen &= place > reach - window
            triangle = torch.ones(longest, width, dtype=torch.bool, device=seen.device).tril()
            plain = longest == width and bool((seen == triangle).all())
            self._biases[window, dtype] = (
                None
                if plain
                else torch.zeros(n, 1, longest, width, dtype=dtype, device=seen.device).masked_fill(
                    ~seen[:, None], float("-inf")
                )
            )
        return self._biases[window, dtype]


class Packed:
    """Whole sequences side by side; what they have in common stands there once."""

    def __init__(self, segments: Sequence[Segment], device: torch.device | str = "cpu") -> None:
        self.tokens = sum(s.length for s in segments)
        self.segments = segments
        self._device = torch.device(device)
        self._dense: tuple[list[_Block], Tensor] | None = None
        self._varlen: tuple[Tensor, Tensor, Tensor, int, int] | None = None

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int
    ) -> Tensor:
        """See ``Layout``."""
        if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
            return self._on_cuda(query, key, value, scale, window)
        blocks, places = self._dense or self._make_dense()
        out = []
        for block in blocks:
            n, longest, width = block.size
            q = query.index_select(0, block.queries).view(n, longest, *query.shape[1:])
            k = key.index_select(0, block.keys).view(n, width, *key.shape[1:])
            v = value.index_select(0, block.keys).view(n, width, *value.shape[1:])
            bias = block.bias(window, query.dtype)
            mixed = scaled_dot_product_attention(
                q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), attn_mask=bias,
                is_causal=bias is None, scale=scale, enable_gqa=query.shape[1] != key.shape[1],
            )  # fmt: skip
            out.append(mixed.transpose(1, 2).flatten(0, 1))
        return torch.cat(out).index_select(0, places)

    def _make_dense(self) -> tuple[list[_Block], Tensor]:
        order = sorted(
            range(len(self.segments)),
            key=lambda i: (len(self.segments[i].path), self.segments[i].length),
        )
        starts = _starts([s.length for s in self.segments])
        places = torch.empty(self.tokens, dtype=torch.int64)
        blocks, done = [], 0
        for group in _alike([self.segments[i] for i in order]):
            members, order = order[: len(group)], order[len(group) :]
            longest, width = max(s.length for s in group), max(len(s.path) for s in group)
            for place, (i, s) in enumerate(zip(members, group, strict=True)):
                first = done + place * longest
                places[starts[i] : starts[i] + s.length] = torch.arange(first, first + s.length)
            done += len(group) * longest
            blocks.append(_block(group, longest, width, self._device))
        self._dense = blocks, places.to(self._device)
        return self._dense

    def _on_cuda(
        self, query: Tensor, key: Tensor, value: Tensor, scale: float, window: int
    ) -> Tensor:
        """The kernel for ragged rows: no padding in attention either."""
        from torch.nn.attention.varlen import varlen_attn

        if self._varlen is None:
            lengths = [s.length for s in self.segments]
            widths = [len(s.path) for s in self.segments]
            flat = [place for s in self.segments for place in s.path]
            cut_q, cut_k = (
                torch.tensor([*_starts(x), sum(x)], dtype=torch.int32).to(self._device)
                for x in (lengths, widths)
            )
            keys = torch.tensor(flat).to(self._device)
            self._varlen = keys, cut_q, cut_k, max(lengths), max(widths)
        keys, cut_q, cut_k, max_q, max_k = self._varlen
        size = value.shape[-1]
        if size < key.shape[-1]:  # of latent attention; the kernel wants them equally wide
            value = pad(value, (0, key.shape[-1] - size))
        # The last query of a segment is aligned with the last key of its path.
        mixed = varlen_attn(
            query, key.index_select(0, keys), value.index_select(0, keys), cut_q, cut_k, max_q,
            max_k, scale=scale, window_size=(window - 1 if window else -1, 0),
            enable_gqa=query.shape[1] != key.shape[1],
        )  # fmt: skip
        return mixed[..., :size]


def _starts(lengths: Sequence[int]) -> list[int]:
    starts, place = [], 0
    for length in lengths:
        starts.append(place)
        place += length
    return starts


def _alike(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Runs of the sorted segments that fit one rectangle without much waste."""
    groups: list[list[Segment]] = []
    real = longest = 0
    for s in segments:
        work = s.length * len(s.path)
        width = len(s.path)  # the longest path so far: they come sorted
        if groups:
            whole = (len(groups[-1]) + 1) * max(longest, s.length) * width
            if whole <= _WASTE * (real + work):
                groups[-1].append(s)
                real, longest = real + work, max(longest, s.length)
                continue
        groups.append([s])
        real, longest = work, s.length
    return groups


def _block(group: Sequence[Segment], longest: int, width: int, device: torch.device) -> _Block:
    queries, keys, first = [], [], []
    for s in group:
        own = s.path[-s.length :]
        queries.extend((*own, *own[-1:] * (longest - s.length)))
        keys.extend((*s.path, *own[-1:] * (width - len(s.path))))
        first.append(len(s.path) - s.length)
    lengths = torch.tensor([len(s.path) for s in group])[:, None]
    query_at = torch.tensor(first)[:, None] + torch.arange(longest)
    query_at = torch.minimum(query_at, lengths - 1)
    return _Block(
        torch.tensor(queries).to(device),
        torch.tensor(keys).to(device),
        query_at.to(device),
        (len(group), longest, width),
    )


def _attention(module, query, key, value, attention_mask, scaling=None, layout=None, **kwargs):
    """What a model calls: (1, H, T, D) queries -> (1, T, H, D), as ``layout`` says."""
    foreign = [
        name for name in ("softcap", "s_aux", "position_bias") if kwargs.get(name) is not None
    ]
    if layout is None or foreign:
        raise NotImplementedError(f"attention without a layout, or with {', '.join(foreign)}")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    window = kwargs.get("sliding_window") or 0
    flat = [x.transpose(1, 2).flatten(0, 1) for x in (query, key, value)]  # (T, heads, D)
    out = layout.attend(module.layer_idx, *flat, scale, window)
    return out.unflatten(0, (query.shape[0], -1)), None


AttentionInterface.register(NAME, _attention)
# No mask is registered under that name: transformers then makes none. The layout says where to
# look; a mask would be T x T for nothing, and finding out about one a wait for the GPU.


def keep_out_of_compiler() -> None:
    """Let torch.compile pass our attention by: its shapes and lists change with every batch."""
    AttentionInterface.register(NAME, torch.compiler.disable(_attention))

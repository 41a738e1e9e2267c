"""Attention over packed rows against a dense mask built by hand, for any tree of sequences."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from methods.engine import attention
from methods.engine.attention import Packed, Segment
from methods.engine.prefix import tree

F64 = torch.float64
SEQUENCES = st.lists(
    st.lists(st.integers(0, 1), min_size=1, max_size=20), min_size=1, max_size=9
) | st.builds(
    lambda stem, lengths: [stem[: 1 + a % 30] + [9] * b for a, b in lengths],
    st.lists(st.integers(0, 1), min_size=30, max_size=30),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 6)), min_size=1, max_size=9),
)
HEADS = st.sampled_from([(1, 1), (2, 2), (4, 2), (6, 1), (6, 3)])
WINDOW = st.sampled_from([0, 1, 2, 5, 40])


def by_hand(
    segments: list[Segment], q: Tensor, k: Tensor, v: Tensor, scale: float, window: int
) -> Tensor:
    """(T, H, D), (T, KV, D), (T, KV, E) -> (T, H, E), by one T x T matrix a head."""
    seen = torch.zeros(len(q), len(q), dtype=torch.bool)
    for s in segments:
        for i in range(len(s.path) - s.length, len(s.path)):
            first = max(0, i + 1 - window) if window else 0
            seen[s.path[i], list(s.path[first : i + 1])] = True
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = torch.einsum("ihd,jhd->hij", q, k) * scale
    weights = scores.masked_fill(~seen, float("-inf")).softmax(-1)
    return torch.einsum("hij,jhe->ihe", weights, v)


def drawn(tokens: int, heads: tuple[int, int], width: int, seed: int) -> list[Tensor]:
    """Queries, keys and values; the values may be narrower than the keys."""
    g = torch.Generator().manual_seed(seed)
    shapes = [(tokens, heads[0], 4), (tokens, heads[1], 4), (tokens, heads[1], width)]
    return [torch.randn(s, generator=g, dtype=F64).requires_grad_() for s in shapes]


@settings(max_examples=150)
@given(SEQUENCES, HEADS, WINDOW, st.sampled_from([0.5, 1.7]), st.sampled_from([2, 4, 6]),
       st.sampled_from([1, 4, 8]), st.integers(0, 9))  # fmt: skip
def test_outputs_and_gradients_are_those_of_a_dense_mask(
    sequences, heads, window, scale, width, shortest, seed
) -> None:
    segments, _ = tree(sequences, shortest)
    layout = Packed(segments)
    inputs = drawn(layout.tokens, heads, width, seed)
    weights = torch.randn(
        layout.tokens, heads[0], width, dtype=F64, generator=torch.Generator().manual_seed(seed + 1)
    )
    expected = by_hand(segments, *inputs, scale, window)
    wanted = torch.autograd.grad((expected * weights).sum(), inputs)
    for _ in range(2):  # the second layer finds the blocks of the first
        found = layout.attend(0, *inputs, scale, window)
        assert found.shape == expected.shape
        assert torch.allclose(found, expected, rtol=0, atol=1e-12)
        for ours, theirs in zip(
            torch.autograd.grad((found * weights).sum(), inputs), wanted, strict=True
        ):
            assert torch.allclose(ours, theirs, rtol=0, atol=1e-12)


@settings(max_examples=30)
@given(SEQUENCES, st.integers(0, 9))
def test_layers_of_one_model_may_have_different_windows_and_precisions(sequences, seed) -> None:
    segments, _ = tree(sequences)
    layout = Packed(segments)
    inputs = drawn(layout.tokens, (2, 2), 4, seed)
    for window, dtype in ((3, F64), (0, F64), (3, torch.float32), (7, F64), (0, torch.float32)):
        cast = [x.detach().to(dtype) for x in inputs]
        found = layout.attend(0, *cast, 0.5, window)
        assert found.dtype == dtype
        assert torch.allclose(
            found.double(), by_hand(segments, *inputs, 0.5, window), rtol=0, atol=1e-5
        )


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 60)), min_size=1, max_size=40))
def test_blocks_hold_every_segment_once_and_waste_no_more_than_they_promise(shapes) -> None:
    segments = []
    for length, past in shapes:  # ancestors need not exist to be counted
        segments.append(Segment(tuple(range(past + length)), length))
    ranked = sorted(segments, key=lambda s: (len(s.path), s.length))
    groups = attention._alike(ranked)
    assert [s for group in groups for s in group] == ranked
    for group in groups:
        real = sum(s.length * len(s.path) for s in group)
        whole = len(group) * max(s.length for s in group) * max(len(s.path) for s in group)
        assert whole <= attention._WASTE * real


def test_rows_of_one_length_make_one_block_and_need_no_mask() -> None:
    segments, _ = tree([[i] * 12 for i in range(8)])
    layout = Packed(segments)
    inputs = drawn(layout.tokens, (2, 1), 4, 0)
    layout.attend(0, *inputs, 1.0, 0)
    blocks, _ = layout._make_dense()
    assert [block.size for block in blocks] == [(8, 12, 12)]
    assert blocks[0].bias(0, F64) is None
    assert blocks[0].bias(5, F64) is not None


def test_blocks_are_few_where_lengths_are_alike() -> None:
    lengths = [100 + i for i in range(32)]
    segments, _ = tree([[i] * n for i, n in enumerate(lengths)])
    assert len(attention._alike(sorted(segments, key=lambda s: s.length))) <= 3


class _Layer(torch.nn.Module):
    layer_idx = 3


@pytest.mark.parametrize("option", ["softcap", "s_aux", "position_bias"])
def test_what_the_layout_cannot_do_is_never_left_out_in_silence(option: str) -> None:
    x = torch.zeros(1, 2, 3, 4)
    layout = Packed(tree([[1, 2, 3]])[0])
    with pytest.raises(NotImplementedError, match=option):
        attention._attention(_Layer(), x, x, x, None, layout=layout, **{option: 1.0})
    with pytest.raises(NotImplementedError, match="without a layout"):
        attention._attention(_Layer(), x, x, x, None)
    out, weights = attention._attention(_Layer(), x, x, x, None, layout=layout, **{option: None})
    assert out.shape == (1, 3, 2, 4) and weights is None


def test_the_model_s_scale_and_window_reach_the_layout() -> None:
    said = []

    class Layout:
        def attend(self, layer, query, key, value, scale, window):
            said.append((layer, tuple(query.shape), tuple(key.shape), scale, window))
            return query

    q, k = torch.zeros(1, 4, 3, 16), torch.zeros(1, 2, 3, 16)
    attention._attention(_Layer(), q, k, k, None, layout=Layout())
    attention._attention(
        _Layer(), q, k, k, None, scaling=0.1, layout=Layout(), sliding_window=7, dropout=0.0
    )
    assert said == [(3, (3, 4, 16), (3, 2, 16), 0.25, 0), (3, (3, 4, 16), (3, 2, 16), 0.1, 7)]


def test_a_sequence_is_blind_to_the_others_in_its_row() -> None:
    """Packing that leaks shows nowhere but in numbers: here other rows are noise."""
    sequences = [[1] * 10 + [2] * 3, [1] * 10 + [3] * 5, [4] * 7]
    segments, places = tree(sequences)
    inputs = [x.detach() for x in drawn(sum(s.length for s in segments), (2, 2), 4, 0)]
    layout = Packed(segments)
    before = layout.attend(0, *inputs, 1.0, 0)
    for a, place in enumerate(places):
        others = sorted({at for b, p in enumerate(places) if b != a for at in p} - set(place))
        noisy = [x.clone() for x in inputs]
        for x in noisy:
            x[others] = 1e3
        after = layout.attend(0, *noisy, 1.0, 0)
        assert torch.equal(after[place], before[place])
        assert all(p < q for p, q in pairwise(place))

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from methods.engine.batch import Order, Tokens, micro_batches, pack
from methods.engine.prefix import SHORTEST

BEGINNINGS = st.lists(st.integers(0, 1), min_size=1, max_size=30)


@given(st.lists(BEGINNINGS, min_size=1, max_size=12), st.integers(1, 200), st.sampled_from([1, 2]))
def test_micro_batches_hold_every_row_once_and_stay_within_the_budget(
    beginnings: list[list[int]], budget: int, together: int
) -> None:
    rows = [Tokens((*ids, 5, 6, 7), len(ids)) for ids in beginnings * together]
    groups = list(micro_batches(rows, budget, together))
    assert sorted(i for g in groups for i in g) == list(range(len(rows)))
    for group in groups:
        # What a tree of short common runs shares less than neighbours do is not foreseen.
        slack = SHORTEST * len(group)
        assert len(group) == together or pack(rows, group).layout.tokens <= budget + slack
        units = [group[i : i + together] for i in range(0, len(group), together)]
        assert all(u[0] % together == 0 and u == list(range(u[0], u[0] + together)) for u in units)


def test_rows_that_begin_alike_share_a_micro_batch() -> None:
    prompts = [tuple(range(n, n + 20)) for n in (100, 300, 200)]
    rows = [Tokens((*prompts[i % 3], 1, 2, 3, i), 20) for i in range(9)]
    groups = list(micro_batches(rows, 32))
    assert sorted(map(sorted, groups)) == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]


@given(st.integers(1, 30), st.integers(0, 5), st.integers(1, 12))
def test_an_epoch_shows_each_example_once(count: int, seed: int, size: int) -> None:
    order = Order(count, seed)
    drawn = [i for step in range(1, 3 * count + 1) for i in order.batch(step, size)]
    for epoch in range(len(drawn) // count):
        assert sorted(drawn[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_a_step_draws_the_same_rows_whoever_asks_first() -> None:
    first, second = Order(100, 3), Order(100, 3)
    assert first.batch(40, 8) == [second.batch(s, 8) for s in range(1, 41)][-1]
    assert first.batch(1, 8) != Order(100, 4).batch(1, 8)


def test_a_batch_is_one_row_without_padding_and_without_last_tokens() -> None:
    rows = [Tokens((5, 6, 7), 1), Tokens((8, 9, 10, 11, 2), 3)]
    batch = pack(rows, [1, 0])
    at = {token: place for place, token in enumerate(batch.input_ids[0].tolist())}
    assert sorted(at) == [5, 6, 8, 9, 10, 11]
    assert batch.position_ids[0, [at[8], at[9], at[10], at[11]]].tolist() == [0, 1, 2, 3]
    assert batch.labels.tolist() == [11, 2, 6, 7]
    assert batch.predictors.tolist() == [at[10], at[11], at[5], at[6]]
    assert batch.completion_mask.tolist() == [[True, True], [True, True]]
    assert batch.loss_tokens == 4


def test_a_common_beginning_stands_in_a_batch_once_unless_it_is_short() -> None:
    prompt = tuple(range(100, 110))
    rows = [Tokens((*prompt, i, i, i), 10) for i in range(4)]
    assert pack(rows, range(4)).layout.tokens == 10 + 4 * 2
    assert pack(rows, range(4), share=False).layout.tokens == 4 * 12
    short = [Tokens((100, 101, i, i), 2) for i in range(4)]
    assert pack(short, range(4)).layout.tokens == 4 * 3


@pytest.mark.parametrize("prompt", [0, 3, 4])
def test_a_row_without_prompt_or_completion_is_refused(prompt: int) -> None:
    with pytest.raises(ValueError, match="nothing would be predicted"):
        Tokens((1, 2, 3), prompt)


def test_the_end_token_is_a_label_once_whatever_padding_is() -> None:
    end = 2
    batch = pack([Tokens((5, 6, end), 1), Tokens((5, 6, 7, 8, end), 1)], [0, 1])
    assert batch.labels.tolist() == [6, end, 6, 7, 8, end]
    assert end not in batch.input_ids

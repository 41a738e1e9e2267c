"""Pairs from rewards, what the controls do to them, and pairs as a loss reads them."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.engine.batch import Tokens, pack
from methods.preference.loop import (
    Pairs,
    controlled,
    log_ratio_margin,
    noisy,
    ranked_pairs,
    won,
)

REWARDS = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.1, 0.3, 1.0]), min_size=2, max_size=8)


def test_answers_are_ranked_better_first_and_ties_dropped():
    assert ranked_pairs([0.1, 0.5, 0.5, -1.0]) == [(1, 0), (2, 0), (0, 3), (1, 3), (2, 3)]


def test_four_different_answers_make_the_six_pairs_of_the_paper():
    assert len(ranked_pairs([0.3, -0.2, 0.9, 0.0])) == 6


def test_equal_answers_make_no_pair():
    assert ranked_pairs([0.1, 0.1, 0.1]) == []
    assert ranked_pairs([]) == ranked_pairs([1.0]) == []


@given(REWARDS)
def test_every_two_answers_that_differ_make_one_pair(rewards):
    pairs = ranked_pairs(rewards)
    assert all(rewards[win] > rewards[lose] for win, lose in pairs)
    differing = [
        {i, j}
        for i, j in itertools.combinations(range(len(rewards)), 2)
        if rewards[i] != rewards[j]
    ]
    assert sorted(map(sorted, pairs)) == sorted(map(sorted, differing))


def a_pair(i: int) -> tuple[Tokens, Tokens]:
    return Tokens((1, 10 + i, 2), 1), Tokens((1, 50 + i, 60 + i, 2), 1)


def test_the_flipped_control_swaps_every_pair_and_the_random_one_some():
    pairs = [a_pair(i) for i in range(30)]
    coin = torch.Generator
    assert controlled(pairs, "reward", coin().manual_seed(0)) == pairs
    assert controlled(pairs, "flipped", coin().manual_seed(0)) == [(b, a) for a, b in pairs]
    mixed = controlled(pairs, "random", coin().manual_seed(0))
    assert mixed == controlled(pairs, "random", coin().manual_seed(0))
    kept = sum(a == b for a, b in zip(mixed, pairs, strict=True))
    assert 0 < kept < 30
    assert all(set(a) == set(b) for a, b in zip(mixed, pairs, strict=True))


def test_noise_swaps_about_its_share_of_the_pairs_the_same_ones_each_time():
    pairs = [a_pair(i) for i in range(400)]
    coin = torch.Generator
    assert noisy(pairs, 0.0, coin().manual_seed(0)) == pairs
    assert noisy(pairs, 1.0, coin().manual_seed(0)) == [(b, a) for a, b in pairs]
    mixed = noisy(pairs, 0.2, coin().manual_seed(0))
    assert mixed == noisy(pairs, 0.2, coin().manual_seed(0))
    assert 40 < sum(a != b for a, b in zip(mixed, pairs, strict=True)) < 120


def test_a_loss_reads_chosen_and_rejected_of_each_pair_whatever_rows_are_picked():
    rows = [row for i in range(3) for row in a_pair(i)]
    draw = torch.Generator().manual_seed(0)
    known = [-5 * torch.rand(row.completion_length, generator=draw) for row in rows]
    for picked in ([0, 1, 2, 3, 4, 5], [4, 5, 0, 1], [2, 3]):
        batch = pack(rows, picked)
        logp = torch.zeros(batch.completion_mask.shape).masked_scatter(
            batch.completion_mask, torch.cat([known[i] for i in picked])
        )
        pairs = Pairs.of(logp, batch.completion_mask, batch.rows, known)
        assert pairs.logp.shape == pairs.mask.shape == (len(picked) // 2, 2, 3)
        chosen, rejected, ref_chosen, ref_rejected = pairs.summed()
        sums = [float(known[i].sum()) for i in picked]
        assert ref_chosen.tolist() == sums[::2] and ref_rejected.tolist() == sums[1::2]
        assert chosen.tolist() == pytest.approx(sums[::2])
        assert rejected.tolist() == pytest.approx(sums[1::2])
        mean = [float(known[i].mean()) for i in picked]
        assert torch.cat(pairs.averaged()).tolist() == pytest.approx(mean[::2] + mean[1::2])
        assert log_ratio_margin(pairs).abs().max() < 1e-5


def test_without_a_reference_no_log_ratio_is_made_up():
    pairs = Pairs(torch.zeros(1, 2, 3), torch.ones(1, 2, 3, dtype=torch.bool))
    for read in (pairs.summed, pairs.sequential_kl):
        with pytest.raises(ValueError, match="no numbers of a reference"):
            read()


def test_a_margin_of_exactly_zero_says_nothing_and_counts_half():
    assert won(torch.tensor([0.0, -1.0, 2.0, 0.0])) == 2.0

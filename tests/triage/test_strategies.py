"""The strategies on arrays are the register's own on tensors: the same scores, the same choices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from methods.active import badge, coreset, entropy, least_confidence, margin
from methods.index import find
from registry.core.errors import UnknownNameError
from registry.triage import strategies


@pytest.fixture
def probabilities() -> np.ndarray:
    drawn = np.random.default_rng(1).dirichlet((0.5, 0.5, 0.5), 40)
    return np.concatenate([drawn, [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3]])


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(2).random((43, 7)) * (
        np.random.default_rng(3).random((43, 7)) < 0.5
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (strategies.unconfidence, least_confidence.unconfidence),
        (strategies.margin, margin.margin),
        (strategies.entropy, entropy.entropy),
        (strategies.errors, badge.errors),
    ],
)
def test_each_score_is_the_method_s(ours, theirs, probabilities: np.ndarray) -> None:
    expected = theirs(torch.from_numpy(probabilities)).numpy()
    np.testing.assert_allclose(ours(probabilities), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_badge_s_distances_are_those_of_the_gradients_written_out(
    make, probabilities: np.ndarray, rows: np.ndarray
) -> None:
    tensors = torch.from_numpy(probabilities), torch.from_numpy(rows)
    written = badge.gradient_embeddings(*tensors).flatten(1)
    away = strategies.gradient_distances(probabilities, make(rows))
    for place in (0, 5, 42):
        expected = (written - written[place]).square().sum(1).numpy()
        np.testing.assert_allclose(away(place), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("nearest", [[0.5, 1.5, 0.0, -1.0], [0.0, -1.0, 0.0, 0.0]])
def test_badge_draws_with_the_method_s_chances(nearest: list[float]) -> None:
    expected = badge.seeding_weights(torch.tensor(nearest, dtype=torch.float64)).numpy()
    assert strategies.seeding_weights(np.array(nearest)).tolist() == expected.tolist()


def test_badge_takes_different_places(probabilities: np.ndarray, rows: np.ndarray) -> None:
    chosen = strategies.diverse_gradients(probabilities, rows, 12, np.random.default_rng(0))
    assert len(set(chosen)) == 12


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_the_core_set_is_the_method_s_text_for_text(make, rows: np.ndarray) -> None:
    points, centres = rows[:30], rows[30:]
    theirs = coreset.k_center_greedy(
        torch.from_numpy(points), torch.from_numpy(centres), 8, torch.Generator().manual_seed(0)
    )
    ours = strategies.k_center_greedy(make(points), make(centres), 8, np.random.default_rng(0))
    assert ours == theirs


def test_ties_are_broken_by_the_seed_and_nothing_else() -> None:
    scores = np.array([1.0, 2.0, 1.0, 1.0])
    taken = [strategies.highest(scores, 4, np.random.default_rng(seed)) for seed in range(8)]
    assert all(order[0] == 1 for order in taken)
    assert len({tuple(order) for order in taken}) > 1
    assert taken[0] == strategies.highest(scores, 4, np.random.default_rng(0))


def test_every_strategy_that_is_no_plain_order_is_a_method_of_the_register() -> None:
    plain = {"relevance", "random"}
    assert all(find(name) is not None for name in set(strategies.CHOOSERS) - plain)
    assert strategies.chooser("uncertainty") is strategies.chooser("least-confidence")


def test_an_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="entropy"):
        strategies.chooser("entrpy")

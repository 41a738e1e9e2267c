"""The three scores of uncertainty: closed forms, limits, and where they are one rule."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.active.entropy import entropy, most_uncertain
from methods.active.least_confidence import least_confident, unconfidence
from methods.active.loop import View, at_random, highest
from methods.active.margin import margin, smallest_margin
from methods.engine.classifier import Classifier

F64 = torch.float64
ROWS = torch.tensor([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [1.0, 0.0, 0.0], [1 / 3] * 3], dtype=F64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def view_of(logits: list[list[float]]) -> View:
    """A learner that gives text i these logits."""
    table = torch.tensor(logits, dtype=F64)
    weight = torch.cat([table.T, torch.zeros(table.shape[1], 1, dtype=F64)], 1)
    return View(Classifier(weight), torch.eye(len(table), dtype=F64), torch.zeros(1, len(table)))


def test_the_scores_of_four_rows_worked_by_hand() -> None:
    assert torch.allclose(unconfidence(ROWS), torch.tensor([0.5, 0.6, 0.0, 2 / 3], dtype=F64))
    assert torch.allclose(margin(ROWS), torch.tensor([0.2, 0.0, 1.0, 0.0], dtype=F64))
    by_hand = [
        -(0.5 * math.log(0.5) + 0.3 * math.log(0.3) + 0.2 * math.log(0.2)),
        -(0.8 * math.log(0.4) + 0.2 * math.log(0.2)),
        0.0,
        math.log(3),
    ]
    assert entropy(ROWS).tolist() == pytest.approx(by_hand, abs=1e-15)


def test_entropy_is_that_of_torch_s_categorical() -> None:
    p = torch.softmax(3 * torch.randn(50, 7, dtype=F64, generator=seeded()), -1)
    expected = torch.distributions.Categorical(probs=p).entropy()
    assert torch.allclose(entropy(p), expected, rtol=0, atol=1e-13)


def test_with_two_classes_each_score_is_a_function_of_the_distance_from_one_half() -> None:
    """Lewis and Gale's own rule: the texts whose probability is closest to one half."""
    p = torch.rand(200, dtype=F64, generator=seeded(1))
    both = torch.stack([p, 1 - p], 1)
    away = (p - 0.5).abs()
    assert torch.allclose(unconfidence(both), 0.5 - away)
    assert torch.allclose(margin(both), 2 * away)
    order = away.argsort().tolist()
    assert (-unconfidence(both)).argsort().tolist() == order
    assert margin(both).argsort().tolist() == order
    assert (-entropy(both)).argsort().tolist() == order


@given(st.lists(st.floats(-8, 8), min_size=6, max_size=40, unique=True), st.integers(1, 5))
def test_with_two_classes_the_three_rules_ask_for_the_same_texts(
    logits: list[float], count: int
) -> None:
    # Logits of one distance from zero would be a tie, which each rule breaks at random.
    apart = sorted({round(abs(x), 3): x for x in logits}.values())
    view = view_of([[0.0, x] for x in apart])
    count = min(count, len(apart))
    asked = [
        rule(view, count, seeded()) for rule in (least_confident, smallest_margin, most_uncertain)
    ]
    assert asked[0] == asked[1] == asked[2]
    assert asked[0] == sorted(range(len(apart)), key=lambda i: abs(apart[i]))[:count]


def test_with_three_classes_they_differ() -> None:
    """Row 0: two classes nearly alike; row 1: no likely class; row 2: spread over all but one."""
    p = torch.tensor([[0.49, 0.48, 0.03], [0.45, 0.30, 0.25], [0.50, 0.26, 0.24]], dtype=F64)
    assert int(margin(p).argmin()) == 0
    assert int(unconfidence(p).argmax()) == 1
    assert int(entropy(p).argmax()) == 1
    assert entropy(p)[2] > entropy(p)[0] and unconfidence(p)[2] < unconfidence(p)[0]


def test_scores_do_not_depend_on_the_order_of_classes_or_texts() -> None:
    p = torch.softmax(torch.randn(30, 5, dtype=F64, generator=seeded(2)), -1)
    classes, texts = torch.randperm(5), torch.randperm(30)
    for score in (unconfidence, margin, entropy):
        assert torch.allclose(score(p[:, classes]), score(p), rtol=0, atol=1e-15)
        assert torch.equal(score(p[texts]), score(p)[texts])


def test_extreme_log_odds_stay_finite_and_are_the_most_certain() -> None:
    view = view_of([[0.0, 800.0], [0.0, 1.0], [0.0, -800.0]])
    for score in (unconfidence, margin, entropy):
        assert torch.isfinite(score(view.probabilities)).all()
    for rule in (least_confident, smallest_margin, most_uncertain):
        assert rule(view, 1, seeded()) == [1]


def test_the_highest_come_first_and_ties_are_broken_by_the_seed_alone() -> None:
    scores = torch.tensor([1.0, 3.0, 2.0, 3.0, 3.0, 0.0], dtype=F64)
    drawn = [highest(scores, 4, seeded(seed)) for seed in range(60)]
    assert all(set(d[:3]) == {1, 3, 4} and d[3] == 2 for d in drawn)
    assert {d[0] for d in drawn} == {1, 3, 4}
    assert highest(scores, 4, seeded(7)) == drawn[7]


def test_random_choice_takes_different_texts_each_as_often() -> None:
    view = view_of([[0.0, float(x)] for x in range(10)])
    counts = torch.zeros(10)
    for seed in range(2000):
        chosen = at_random(view, 3, seeded(seed))
        assert len(set(chosen)) == 3
        counts[chosen] += 1
    assert ((counts / 2000 - 0.3).abs() < 0.05).all()  # five standard deviations


def test_the_probabilities_of_a_view_add_up_to_one() -> None:
    view = view_of([[0.3, -2.0, 5.0], [1.0, 1.0, 1.0]])
    assert torch.allclose(view.probabilities.sum(-1), torch.ones(2, dtype=F64))
    assert torch.allclose(view.probabilities[1], torch.full((3,), 1 / 3, dtype=F64))

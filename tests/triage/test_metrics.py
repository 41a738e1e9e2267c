"""The measures of screening, worked by hand and by their limits."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.triage import metrics

# Twenty papers, four of them relevant, at places 1, 2, 5 and 11.
FOUND = [place in (1, 2, 5, 11) for place in range(1, 21)]
orders = st.lists(st.booleans(), min_size=1, max_size=60).filter(any)


def test_every_measure_of_twenty_papers_worked_by_hand() -> None:
    assert metrics.screened_at(FOUND, 0.95) == 11  # 3.8 of 4 is all four
    assert metrics.screened_at(FOUND, 0.75) == 5
    assert metrics.wss(FOUND, 0.95) == pytest.approx((20 - 11) / 20 - 0.05)
    assert metrics.best_wss(FOUND, 0.95) == pytest.approx((20 - 4) / 20 - 0.05)
    assert metrics.rrf(FOUND, 0.1) == 2 / 4
    assert metrics.atd(FOUND) == pytest.approx((1 + 2 + 5 + 11) / 4 / 20)
    by_hand = (1 / 1 + 2 / 2 + 3 / 5 + 4 / 11) / 4
    assert metrics.average_precision(FOUND) == pytest.approx(by_hand)
    assert metrics.recall_curve(FOUND)[:6] == [0.25, 0.5, 0.5, 0.5, 0.75, 0.75]


def test_95_per_cent_of_twenty_relevant_papers_is_nineteen_of_them() -> None:
    assert metrics.screened_at([True] * 20, 0.95) == 19


@given(orders)
def test_no_order_beats_relevant_papers_first(found: list[bool]) -> None:
    best = sorted(found, reverse=True)
    assert metrics.wss(found) <= metrics.best_wss(found) == metrics.wss(best)
    assert metrics.average_precision(best) == pytest.approx(1.0)
    assert metrics.average_precision(found) <= 1 + 1e-12
    assert metrics.atd(best) <= metrics.atd(found) <= metrics.atd(sorted(found))
    assert metrics.rrf(found) <= metrics.rrf(best)


@given(orders)
def test_recall_only_rises_and_ends_at_one(found: list[bool]) -> None:
    curve = metrics.recall_curve(found)
    assert curve == sorted(curve)
    assert curve[-1] == 1.0
    assert curve[metrics.screened_at(found, 0.95) - 1] >= 0.95 - 1e-9


def test_average_precision_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score

    scores = [-place for place in range(len(FOUND))]
    assert metrics.average_precision(FOUND) == pytest.approx(average_precision_score(FOUND, scores))


def test_a_random_order_saves_nothing_on_average_and_finds_papers_half_way() -> None:
    draw = random.Random(3)
    found = [place < 40 for place in range(400)]
    saved, times = [], []
    for _ in range(200):
        draw.shuffle(found)
        saved.append(metrics.wss(found))
        times.append(metrics.atd(found))
    assert statistics.mean(saved) == pytest.approx(0, abs=0.04)
    assert statistics.mean(times) == pytest.approx(0.5, abs=0.02)


def test_nothing_relevant_is_no_order_to_measure() -> None:
    with pytest.raises(ValueError, match="nothing to find"):
        metrics.atd([False, False])
    with pytest.raises(ValueError, match="above 0"):
        metrics.wss(FOUND, 0)

"""The small classifier: its words by hand, its minimum by its gradient, the same bits each time."""

from __future__ import annotations

import doctest
import math

import pytest
import torch

from methods.engine import classifier
from methods.engine.classifier import Classifier, count_words, fit, objective, words_of

F64 = torch.float64
TEXTS = ["good good film", "bad film !", "good film !"]


def some(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def test_the_example_in_the_docstring_holds() -> None:
    assert doctest.testmod(classifier).failed == 0


def test_words_are_weighed_by_how_few_texts_have_them_worked_by_hand() -> None:
    words = count_words(TEXTS)
    # "bad" stands in one text alone; "film" in all, and tells nothing.
    assert list(words.places) == ["!", "film", "good"]
    weight = math.log(3 / 2)
    assert words.weights.tolist() == pytest.approx([weight, 0, weight])
    found = words.features([*TEXTS, "film", "unheard of"])
    assert found[0].tolist() == pytest.approx([0, 0, 1])
    assert found[2].tolist() == pytest.approx([math.sqrt(0.5), 0, math.sqrt(0.5)])
    assert not found[3:].any()
    twice = words.features(["good good !"])[0]
    ratio = 1 + math.log(2)
    assert float(twice[2] / twice[0]) == pytest.approx(ratio)
    assert float(twice.norm()) == pytest.approx(1)


def test_words_are_split_alike_whatever_their_case_and_marks_stand_alone() -> None:
    assert words_of("GREAT, great") == ["great", ",", "great"]


def test_the_fit_is_where_the_gradient_of_the_objective_vanishes() -> None:
    x, y = some(40, 6), torch.arange(40) % 3
    found = fit(x, y, 3, 0.5)
    weight = found.weight.clone().requires_grad_(True)
    value = objective(weight, x, y, 0.5)
    value.backward()
    assert float(weight.grad.abs().max()) < 1e-6
    for seed in range(5):
        other = found.weight + 1e-3 * some(3, 7, seed=seed)
        assert float(objective(other, x, y, 0.5)) > value.item()


def test_with_a_strong_penalty_the_weights_are_the_closed_form_of_one_newton_step() -> None:
    """At W = 0 the gradient is sum_i (1/K - e_y) x_i; a ridge far above the data divides it."""
    x, y, ridge = some(10, 3), torch.tensor([0, 1] * 5), 1e6
    ones = torch.cat([x, torch.ones(10, 1, dtype=F64)], 1)
    gradient = (0.5 - torch.nn.functional.one_hot(y, 2).double()).T @ ones
    assert torch.allclose(fit(x, y, 2, ridge).weight, -gradient / ridge, rtol=1e-4, atol=1e-12)


def test_two_classes_are_sklearn_s_logistic_regression() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    x, y = some(60, 4), (some(60, seed=2) > 0).long()
    # Of two classes, ours spends the penalty on a weight each: half of one weight's.
    ones = torch.cat([x, torch.ones(60, 1, dtype=F64)], 1).numpy()
    peer = linear.LogisticRegression(C=2.0, fit_intercept=False, tol=1e-10, max_iter=5000)
    expected = torch.from_numpy(peer.fit(ones, y.numpy()).predict_proba(ones))
    found = fit(x, y, 2, 1.0).probabilities(x)
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)


def test_labels_of_one_class_alone_have_a_finite_fit_that_says_that_class() -> None:
    x = some(5, 3)
    found = fit(x, torch.ones(5, dtype=torch.int64), 3, 0.1)
    assert torch.isfinite(found.weight).all()
    assert found.predicted(x).tolist() == [1] * 5


def test_a_second_fit_is_the_same_to_the_bit() -> None:
    x, y = some(30, 8), torch.arange(30) % 2
    assert torch.equal(fit(x, y, 2, 0.1).weight, fit(x, y, 2, 0.1).weight)


def test_extreme_features_give_finite_probabilities_that_add_up_to_one() -> None:
    p = Classifier(1e3 * some(3, 5)).probabilities(1e3 * some(7, 4))
    assert torch.isfinite(p).all()
    assert torch.allclose(p.sum(-1), torch.ones(7, dtype=F64))

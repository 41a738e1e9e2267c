"""Laws by simulation, and what a small model learns from."""

from __future__ import annotations

import itertools
import math
import typing

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from methods.engine import tiny
from methods.incontext import measures
from methods.incontext.digits import Scale
from methods.incontext.laws import Lessons, _chained, draw, gaussian_masses, lessons, point_masses
from methods.incontext.learner import RECIPES, learner_task
from methods.incontext.options import LawName

F64 = torch.float64
LAWS = typing.get_args(LawName)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_masses_of_a_normal_law_are_differences_of_its_distribution_function() -> None:
    scale = Scale(-3.5, 3.5, 1)  # bins of width 1 from -5 to 5
    masses = gaussian_masses(torch.tensor([0.0, 1.0], dtype=F64), 2.0, scale)
    below = [0.0, *(0.5 * (1 + math.erf(e / 2 / math.sqrt(2))) for e in range(-4, 5)), 1.0]
    expected = [high - low for low, high in itertools.pairwise(below)]
    assert masses[0].tolist() == pytest.approx(expected, abs=1e-14)
    assert masses.sum(1).tolist() == pytest.approx([1.0, 1.0], abs=1e-14)


def test_a_law_without_noise_is_a_point_in_the_bin_that_a_value_is_written_in() -> None:
    scale = Scale(0.0, 1.0, 2)
    points = torch.tensor([0.0, 0.31, 1.0], dtype=F64)
    masses = gaussian_masses(points, 0.0, scale)
    assert masses.argmax(1).tolist() == scale.codes(points).tolist()
    assert masses.max(1).values.tolist() == [1.0] * 3
    chances = torch.tensor([[0.2, 0.3, 0.5]], dtype=F64)
    spread = point_masses(chances, points, scale)[0]
    assert spread[scale.codes(points)].tolist() == [0.2, 0.3, 0.5]


@pytest.mark.parametrize("digits", [1, 2, 3])
@given(st.integers(-9, 9), st.integers(1, 9), st.sampled_from([1.0, 0.1, 1 / 3, 1e-6, 1e6]))
def test_a_state_has_its_mass_in_the_bin_that_it_is_written_in(
    digits: int, low: int, span: int, unit: float
) -> None:
    """Also where it falls on an edge, as the smallest and the largest state do."""
    states = torch.arange(low, low + span + 1, dtype=F64) * unit
    scale, eye = Scale.of(states, digits), torch.eye(len(states), dtype=F64)
    assert point_masses(eye, states, scale).argmax(1).equal(scale.codes(states))
    assert gaussian_masses(states, 0.0, scale).argmax(1).equal(scale.codes(states))


@pytest.mark.parametrize("digits", [1, 2, 3])
def test_the_law_of_a_constant_series_is_all_in_the_bin_that_it_is_written_in(digits: int) -> None:
    constant = torch.full((4,), 2.5, dtype=F64)
    scale = Scale.of(constant, digits)
    written = torch.zeros(scale.bins, dtype=F64)
    written[scale.codes(constant)[0]] = 1.0
    chances, states = torch.tensor([[0.9, 0.1]], dtype=F64), torch.tensor([2.5, 4.0], dtype=F64)
    assert point_masses(chances, states, scale).equal(written[None])
    for spread in (0.0, 0.3):
        assert gaussian_masses(constant[:1], spread, scale).equal(written[None])
    for forecast in (measures.naive_gaussian, measures.persistence):
        assert forecast(constant, scale).equal(written)


@pytest.mark.parametrize("name", LAWS)
def test_series_follow_the_law_that_comes_with_them(name: LawName) -> None:
    """The law's bins as often as it says, over many steps: each is a chance of its own."""
    series = draw(name, generator(3), 3000)
    assert series.values.shape == (3000,) and torch.isfinite(series.values).all()
    scale = Scale.of(series.values, 2)
    masses = series.law(series.values[:-1], scale)
    came = scale.codes(series.values)[1:]
    given = masses.gather(1, came[:, None])[:, 0]
    # What comes is as likely as its law expects of itself, within 5 standard errors.
    expected = masses.square().sum(1)
    spread = (masses.pow(3).sum(1) - expected.square()).clamp(min=0).sum().sqrt()
    assert abs(float((given - expected).sum())) <= 5 * float(spread) + 1e-9
    assert masses.sum(1).sub(1).abs().max() < 1e-12


@pytest.mark.parametrize("name", LAWS)
def test_a_series_follows_from_its_seed_and_another_seed_gives_another(name: LawName) -> None:
    one, same, other = (draw(name, generator(s), 30).values for s in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize("mostly", typing.get_args(Lessons))
def test_lessons_stay_finite_and_hardly_any_two_are_one(mostly: Lessons) -> None:
    found = lessons(generator(), 400, 64, mostly)
    assert found.shape == (400, 64) and torch.isfinite(found).all()
    # Chains of two states may come out alike; hardly any others.
    assert len({tuple(row.tolist()) for row in found}) > 350


def test_in_half_of_the_chains_only_the_order_tells_what_follows() -> None:
    paths = _chained(generator(), 60, 2000).long()
    ordered, random = ([_told(path) for path in half] for half in (paths[:30], paths[30:]))
    even = [often for often, _ in ordered if often < 1.2]
    assert len(even) >= 20  # the others hardly leave one circle of the permutation
    assert sum(follows for _, follows in ordered) / 30 > 0.7
    assert sum(often < 1.2 for often, _ in random) <= 10


def _told(path: torch.Tensor) -> tuple[float, float]:
    """The commonest state's count by an even share, and the share of steps to the usual next."""
    counts = torch.bincount(path)
    pairs = torch.bincount(path[:-1] * 7 + path[1:], minlength=49).view(7, 7)
    usual = float(pairs.max(1).values.sum()) / (len(path) - 1)
    return float(counts.max()) * int((counts > 0).sum()) / len(path), usual


def test_the_lessons_are_a_task_that_says_how_its_tiny_start_is_trained() -> None:
    task = learner_task(2, ",", 8, "chains")
    recipe = RECIPES["chains"]
    assert tiny.recipe(task) == recipe and len(task.train) == recipe.labels
    assert tiny.recipe(learner_task(2, ",", 8, "waves")) == RECIPES["waves"]
    assert all(len(p.answer or "") == 24 and p.prompt == "" for p in task.train[:50])
    assert task.fingerprint == learner_task(2, ",", 8, "chains").fingerprint
    assert task.fingerprint != learner_task(2, " ", 8, "chains").fingerprint
    assert task.fingerprint != learner_task(2, ",", 8, "waves").fingerprint

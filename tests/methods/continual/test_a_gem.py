"""A-GEM: the projection worked by hand and its properties, and what a step of it does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from methods.continual.a_gem import dot, project
from tests.guards.small import play

F64 = torch.float64


def flat(*values: float) -> dict[str, Tensor]:
    """A gradient over two parameters of different shapes."""
    whole = torch.tensor(values, dtype=F64)
    return {"a": whole[:2].view(1, 2), "b": whole[2:]}


def drawn(seed: int) -> dict[str, Tensor]:
    return flat(*torch.randn(5, generator=torch.Generator().manual_seed(seed)).tolist())


def test_a_gradient_that_opposes_the_reference_loses_its_part_along_it() -> None:
    found = project(flat(1, 2, -3), flat(0, 1, 1))  # g . ref = -1, ref . ref = 2
    assert found["a"].tolist() == [[1, 2.5]]
    assert found["b"].tolist() == [-2.5]


def test_a_gradient_that_does_not_oppose_it_is_untouched() -> None:
    g = flat(1, 2, -1)
    for reference in (flat(0, 1, 1), flat(1, 0, 1), flat(0, 0, 0)):
        assert all(torch.equal(a, g[n]) for n, a in project(g, reference).items())


def test_what_is_projected_is_orthogonal_to_the_reference_over_all_parameters_at_once() -> None:
    opposed = 0
    for seed in range(40):
        g, reference = drawn(seed), drawn(seed + 100)
        found = project(g, reference)
        along = float(dot(g, reference))
        if along < 0:
            opposed += 1
            assert float(dot(found, reference)) == pytest.approx(0, abs=1e-12)
            again = project(found, reference)
            assert all(torch.allclose(again[n], found[n], atol=1e-12) for n in found)
        else:
            assert float(dot(found, reference)) == along
    assert 5 < opposed < 35


def test_it_is_the_nearest_gradient_that_does_not_oppose_the_reference() -> None:
    g, reference = flat(1, 2, -3, 0.5), flat(0.3, -1, 1, 2)
    g = {n: -t for n, t in g.items()} if float(dot(g, reference)) > 0 else g
    found = project(g, reference)

    def distance(other: dict[str, Tensor]) -> float:
        gap = {n: other[n] - g[n] for n in g}
        return float(dot(gap, gap))

    for seed in range(200):
        step = drawn(seed)
        other = {n: found[n] + 0.1 * step[n][..., : found[n].shape[-1]] for n in found}
        if float(dot(other, reference)) >= 0:
            assert distance(other) >= distance(found)


def test_an_opposite_gradient_leaves_nothing() -> None:
    g = flat(1, -2, 3)
    found = project(g, {n: -2 * t for n, t in g.items()})
    assert float(dot(found, found)) == pytest.approx(0, abs=1e-20)


def test_float32_gradients_keep_their_type() -> None:
    g, reference = ({n: t.float() for n, t in x.items()} for x in (flat(1, 2, -3), flat(0, 1, 1)))
    assert {t.dtype for t in project(g, reference).values()} == {torch.float32}


def test_plain_descent_by_projected_gradients_does_not_raise_the_reference_s_loss_at_first_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step's gradient, as the optimiser gets it, makes no obtuse angle with the reference."""
    from methods.continual import a_gem

    pairs: list[tuple[dict, dict]] = []
    true = a_gem.project

    def kept(g: dict, reference: dict) -> dict:
        pairs.append((true(g, reference), reference))
        return pairs[-1][0]

    monkeypatch.setattr(a_gem, "project", kept)
    run = play("a-gem", tmp_path / "run", monkeypatch, dtype=F64, steps=40, learning_rate=0.03)
    after = run.steps[20:]
    assert len(pairs) == 20
    assert all(float(dot(g, ref)) > -1e-9 for g, ref in pairs)
    shares = [s["projected"] for s in after]
    assert {s["reference_cosine"] < 0 for s in after if s["projected"]} <= {True}
    assert set(shares) <= {0.0, 1.0}
    assert sum(shares) > 0
    assert "projected" not in run.steps[0]

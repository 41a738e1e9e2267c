"""DICL's projection, its rollouts one step at a time, and how its forecasts are judged."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from methods.engine.run import Run, Stopped
from methods.incontext import dicl
from methods.incontext.dicl import Config, Projection, point_of, sampled
from methods.incontext.digits import Scale, alphabet, next_log_masses
from methods.incontext.pendulum import energy, moved, play
from methods.incontext.rollout import (
    Forecast,
    kolmogorov_smirnov,
    mlp,
    naive_gaussian,
    persistence,
    quantiles,
    reliability,
    squared_error,
)
from tests.guards import small
from tests.guards.test_options import left_behind
from tests.methods.incontext.test_digits import reader

F64 = torch.float64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=F64)


# --- the projection -------------------------------------------------------------------------------


@pytest.mark.parametrize("components", [None, 4])
def test_all_components_there_and_back_are_the_features_in_units_of_the_context(components) -> None:
    features = noise(50, 4) * torch.tensor([1.0, 30.0, 0.01, 5.0]) + 7
    fitted = Projection.of(features, components)
    units = (features - features.mean(0)) / features.std(0, correction=0)
    assert torch.allclose(fitted.back(fitted.to(features)), units, atol=1e-12)


def test_components_are_orthonormal_uncorrelated_and_ordered_by_what_they_explain() -> None:
    features = noise(80, 5) @ noise(5, 5, seed=1)
    fitted = Projection.of(features, 3)
    assert torch.allclose(fitted.axes @ fitted.axes.T, torch.eye(3, dtype=F64), atol=1e-12)
    z = fitted.to(features)
    covariance = z.T @ z / len(z)
    assert (covariance - covariance.diag().diag()).abs().max() < 1e-12
    units = (features - fitted.mean) / fitted.spread
    largest = torch.linalg.eigvalsh(units.T @ units / len(units)).flip(0)[:3]
    assert torch.allclose(covariance.diag(), largest, atol=1e-10)
    # What three components give back is the nearest of rank three.
    left = (fitted.back(z) - units).square().sum()
    expected = torch.linalg.svdvals(units)[3:].square().sum()
    assert float(left) == pytest.approx(float(expected), rel=1e-10)


def test_two_features_that_move_as_one_are_one_component_by_hand() -> None:
    x = torch.arange(5, dtype=F64)
    fitted = Projection.of(torch.stack([x, 3 * x + 1], 1), 1)
    assert fitted.axes[0].tolist() == pytest.approx([math.sqrt(0.5)] * 2, abs=1e-12)
    spread = math.sqrt(2.0)  # of 0 to 4
    expected = ((x - 2) / spread * math.sqrt(2.0)).tolist()
    assert fitted.to(torch.stack([x, 3 * x + 1], 1))[:, 0].tolist() == pytest.approx(expected)


def test_a_feature_that_never_moves_is_no_division_by_nothing() -> None:
    features = torch.cat([noise(20, 2), torch.full((20, 1), 3.0, dtype=F64)], 1)
    for components in (None, 2):
        fitted = Projection.of(features, components)
        assert torch.isfinite(fitted.to(features)).all()
        assert torch.isfinite(fitted.back(fitted.to(features))).all()


# --- predicted laws -------------------------------------------------------------------------------


def test_mean_mode_and_samples_of_a_law_by_hand() -> None:
    scale = Scale(0.0, 7.0, 1)  # bins of width 1 from -1.5
    masses = torch.zeros(1, 10, dtype=F64)
    masses[0, 2], masses[0, 4] = 0.75, 0.25
    assert float(point_of(masses, scale, "mean")) == pytest.approx(0.75 * 1.0 + 0.25 * 3.0)
    assert float(point_of(masses, scale, "mode")) == pytest.approx(1.0)
    drawn = sampled(masses, scale, 4000, generator())[0]
    low = drawn[drawn < 2]
    assert len(low) / 4000 == pytest.approx(0.75, abs=0.03)
    assert float(low.min()) >= 0.5 and float(low.max()) <= 1.5
    assert float(drawn.mean()) == pytest.approx(1.5, abs=0.05)


@torch.no_grad()
def test_a_rollout_is_one_step_after_another_with_the_context_s_scale(tmp_path: Path) -> None:
    model = reader()
    written = alphabet(model, 2, ",")
    series = [noise(9), noise(12, seed=1).cumsum(0)]  # ragged
    scales = [Scale.of(values, 2) for values in series]
    spec = {"seed": 0, "device": "cpu", "cache_dir": str(tmp_path)}
    run = Run(tmp_path, spec)
    for point in ("mean", "mode"):
        config = Config(digits=2, horizon=4, point=point)
        found = dicl._continued(run, model, written, series, scales, config)
        for values, scale, laws in zip(series, scales, found, strict=True):
            codes = scale.codes(values).tolist()
            for law in laws:
                (alone,) = next_log_masses(model, written, [codes], [[len(codes)]])
                assert torch.allclose(law, alone[0].exp(), atol=1e-9)
                codes.append(int(scale.codes(point_of(law, scale, point))))


# --- the measures ---------------------------------------------------------------------------------


def test_squared_error_scaled_by_hand() -> None:
    truth = torch.tensor([[0.0, 1.0], [2.0, 3.0]], dtype=F64)
    forecast = Forecast(truth + torch.tensor([[1.0, 0.0], [0.0, 2.0]]), truth[:, None])
    assert squared_error(forecast, truth) == pytest.approx((1 + 4) / 4)


def test_the_kolmogorov_smirnov_distance_by_hand() -> None:
    assert kolmogorov_smirnov(torch.tensor([0.125, 0.375, 0.625, 0.875])) == pytest.approx(0.125)
    assert kolmogorov_smirnov(torch.full((9,), 0.5)) == pytest.approx(0.5)
    assert kolmogorov_smirnov(torch.ones(9)) == pytest.approx(1.0)
    assert kolmogorov_smirnov(torch.zeros(9)) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("spread", "shift", "least", "most"),
    [(1.0, 0.0, 0.0, 0.06), (0.2, 0.0, 0.25, 0.5), (5.0, 0.0, 0.25, 0.5), (1.0, 3.0, 0.8, 1.0)],
)
def test_a_calibrated_forecaster_has_a_small_distance_and_a_wrong_one_a_large_one(
    spread: float, shift: float, least: float, most: float
) -> None:
    """Right; far too sure; far too unsure; too high."""
    truth = noise(1500, 1)
    samples = shift + spread * noise(1500, 400, 1, seed=1)
    found = quantiles(Forecast(truth, samples), truth)
    assert least <= kolmogorov_smirnov(found[:, 0]) <= most


def test_equal_samples_count_half() -> None:
    truth = torch.zeros(1, 1, dtype=F64)
    samples = torch.tensor([[[-1.0], [0.0], [0.0], [1.0]]], dtype=F64)
    assert float(quantiles(Forecast(truth, samples), truth)) == pytest.approx(0.5)


def test_the_reliability_of_even_quantiles_is_the_diagonal() -> None:
    x, y = reliability((torch.arange(1000, dtype=F64) + 0.5) / 1000)
    assert x == pytest.approx(y, abs=1e-3) and x[0] == 0 and x[-1] == 1 and len(x) == 11


# --- baselines and pendulum -----------------------------------------------------------------------


def test_persistence_keeps_the_last_state_and_widens_like_a_random_walk() -> None:
    found = persistence(noise(200, 2).cumsum(0), 16, 4000, generator())
    assert torch.equal(found.mean[0], found.mean[-1])
    spread = found.samples.std(1)
    assert (spread[15] / spread[0]).tolist() == pytest.approx([4.0, 4.0], rel=0.1)


def test_the_naive_gaussian_is_calibrated_on_noise() -> None:
    states = noise(1500, 1)
    found = naive_gaussian(states[:500], 1000, 400, generator(2))
    assert kolmogorov_smirnov(quantiles(found, states[500:])[:, 0]) < 0.08


def test_the_perceptron_learns_linear_dynamics_that_persistence_cannot() -> None:
    turn = torch.tensor([[0.9, -0.4], [0.4, 0.9]], dtype=F64)
    states, actions = [torch.tensor([1.0, 0.0], dtype=F64)], noise(125, 1)
    for action in actions:
        states.append(turn @ states[-1] + 0.3 * action)
    path = torch.stack(states)
    truth = path[120:125]
    forecast = mlp(path[:120], actions[:120], actions[119:124], 10, generator())
    still = persistence(path[:120], 5, 10, generator())
    assert squared_error(forecast, truth) < 0.3 * squared_error(still, truth)


def test_a_pendulum_left_alone_keeps_its_energy_and_hangs_still_at_the_bottom() -> None:
    angle, speed = 2.0, 0.5
    start = energy(angle, speed)
    for _ in range(100):
        angle, speed = moved(angle, speed, 0.0)
        assert energy(angle, speed) == pytest.approx(start, abs=1.0)  # a first-order integrator
    assert moved(math.pi, 0.0, 0.0) == pytest.approx((math.pi, 0.0), abs=1e-12)
    assert energy(0.0, 0.0) == 5.0


def test_the_controller_brings_the_swing_to_a_height_and_never_lets_it_rest() -> None:
    episodes = [play(generator(s), 120) for s in range(6)]
    for e in episodes:
        assert e.states.shape == (120, 3) and e.actions.abs().max() <= 2.0
        assert torch.allclose(e.states[:, :2].square().sum(1), torch.ones(120, dtype=F64))
        assert float(e.states[60:, 2].std()) > 0.5
    assert torch.equal(episodes[0].states, play(generator(0), 120).states)


# --- whole runs -----------------------------------------------------------------------------------


def measures(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "results.json").read_text())["measures"]
    return {m["name"]: m for m in found}


def test_a_run_measures_vicl_dicl_and_baselines_and_pairs_them_by_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = measures(small.play("dicl", tmp_path / "one", monkeypatch).folder)
    other = measures(
        small.play("dicl", tmp_path / "other", monkeypatch, projection="states").folder
    )
    for name in ("mse", "ks", "one_step_mse"):
        assert one[name]["before"] == other[name]["before"]  # vICL is in every run
        assert one[name]["after"] != other[name]["after"]
    for name in ("persistence", "gaussian", "mlp"):
        assert one[f"{name}_mse"] == other[f"{name}_mse"]
        gain = one[f"{name}_mse"]["after"] - one["mse"]["after"]
        assert one[f"mse_gain_over_{name}"]["after"] == pytest.approx(gain, abs=1e-12)
    gain = one["ks"]["before"] - one["ks"]["after"]
    assert one["ks_gain_over_vicl"]["after"] == pytest.approx(gain, abs=1e-12)


def test_as_many_components_as_features_of_the_states_still_turn_the_axes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"projection": "states", "components": 3}
    found = measures(small.play("dicl", tmp_path / "run", monkeypatch, **options).folder)
    assert found["mse"]["before"] != found["mse"]["after"]


def test_a_run_stopped_between_two_rollouts_ends_with_the_bytes_of_the_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = left_behind(small.play("dicl", tmp_path / "whole", monkeypatch).folder)
    checks = 0

    def stop(run: Run) -> None:
        nonlocal checks
        checks += 1
        if checks == 4:  # vICL took three
            raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(Run, "check", stop)
        small.play("dicl", tmp_path / "broken", monkeypatch)
    assert (tmp_path / "broken" / "vicl.json").exists()
    assert not (tmp_path / "broken" / "dicl.json").exists()
    monkeypatch.setattr("tests.guards.small._write_spec", lambda *args: None)  # it is there
    assert left_behind(small.play("dicl", tmp_path / "broken", monkeypatch).folder) == whole

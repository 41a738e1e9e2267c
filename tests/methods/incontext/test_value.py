"""The value of a policy by hand, and a run that forecasts its rewards."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from methods.incontext.pendulum import play
from methods.incontext.rollout import Forecast
from methods.incontext.value import judged, relative_errors, values, with_rewards
from tests.guards import small

F64 = torch.float64


def test_values_are_discounted_sums_of_one_two_and_more_steps_by_hand() -> None:
    found = values(torch.tensor([1.0, 2.0, -4.0], dtype=F64))
    assert found.tolist() == pytest.approx([1.0, 1 + 1.98, 2.98 - 4 * 0.9801])


def test_relative_errors_are_by_the_size_of_the_true_value_whatever_its_sign() -> None:
    true = torch.tensor([-2.0, 0.0], dtype=F64)
    assert relative_errors(true, true).tolist() == [0.0, 0.0]
    off = torch.tensor([-1.0, 1.0], dtype=F64)
    assert relative_errors(off, true).tolist() == pytest.approx([0.5, 1.99 / 2])


def test_the_reward_is_the_last_entry_of_a_state_and_that_of_the_step() -> None:
    episode = play(torch.Generator().manual_seed(0), 30)
    both = with_rewards(episode)
    angle = torch.atan2(episode.states[:, 1], episode.states[:, 0])
    cost = angle**2 + 0.1 * episode.states[:, 2] ** 2 + 0.001 * episode.actions[:, 0] ** 2
    assert torch.equal(both.states[:, :3], episode.states)
    assert torch.allclose(both.states[:, 3], -cost)


def test_a_forecast_in_units_of_the_context_is_put_back_before_it_is_summed() -> None:
    episode = with_rewards(play(torch.Generator().manual_seed(0), 30))
    known, coming = episode.states[:20], episode.states[20:]
    units = (coming - known.mean(0)) / known.std(0, correction=0)
    (right,) = judged([Forecast(units, units[:, None])], [episode], 20)
    assert right == pytest.approx([0.0] * 10, abs=1e-12)
    (still,) = judged([Forecast(0 * units, units[:, None])], [episode], 20)
    mean = known[:, 3].mean().expand(10)
    assert still == pytest.approx(relative_errors(mean, coming[:, 3]).tolist())


def test_a_run_with_rewards_measures_the_value_of_every_forecaster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = small.play("dicl", tmp_path / "run", monkeypatch, rewards=True)
    results = json.loads((done.folder / "results.json").read_text())
    found = {m["name"]: m for m in results["measures"]}
    for name in ("persistence", "gaussian", "mlp"):
        gain = found[f"{name}_value_error"]["after"] - found["value_error"]["after"]
        assert found[f"value_gain_over_{name}"]["after"] == pytest.approx(gain, abs=1e-12)
    gain = found["value_error"]["before"] - found["value_error"]["after"]
    assert found["value_gain_over_vicl"]["after"] == pytest.approx(gain, abs=1e-12)
    curve = next(c for c in results["curves"] if c["name"] == "value")
    assert len(curve["series"]) == 5 and len(curve["series"][0]["x"]) == 3

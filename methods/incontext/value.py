"""Policy evaluation in context: the value of a policy from rewards that are forecast like states.

The reward of each step stands among the states, so that it is projected, read and continued with
them. What is compared is the discounted sum of the k steps behind the context, for every k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from methods.engine.results import Estimate, Measure
from methods.incontext.pendulum import Episode, rewards
from methods.incontext.rollout import BASELINES, Forecast

DISCOUNT = 0.99


def with_rewards(episode: Episode) -> Episode:
    """The same episode, the reward of each step as a further entry of its state."""
    found = rewards(episode.states, episode.actions)
    return Episode(torch.cat([episode.states, found[:, None]], 1), episode.actions)


def values(found: Tensor) -> Tensor:
    """(H,) rewards -> (H,) discounted sums of the first 1, 2, ... H of them."""
    return (found * DISCOUNT ** torch.arange(len(found), dtype=torch.float64)).cumsum(0)


def relative_errors(predicted: Tensor, true: Tensor) -> Tensor:
    """(H,) |V - V^| / |V| of the values of (H,) predicted and true rewards."""
    right = values(true)
    return (values(predicted) - right).abs() / right.abs().clamp(min=1e-12)


def judged(
    forecasts: Sequence[Forecast], episodes: Sequence[Episode], context: int
) -> list[list[float]]:
    """By episode, the relative error of the value of each number of steps.

    Forecasts stand in units of the context; the last entry of a state is the reward.
    """
    found = []
    for forecast, episode in zip(forecasts, episodes, strict=True):
        known, coming = episode.states[:context, -1], episode.states[context:, -1]
        predicted = forecast.mean[:, -1] * known.std(correction=0) + known.mean()
        found.append(relative_errors(predicted, coming).tolist())
    return found


def measures(label: str, horizon: int, found: Mapping[str, dict[str, Any]]) -> list[Measure]:
    """The value's error of vICL (before) and of ``label``, beside the baselines'."""

    def last(name: str) -> list[float]:
        return [errors[-1] for errors in found[name]["value"]]

    def estimate(name: str) -> Estimate:
        return Estimate.of_values(last(name))

    title = f"Relative error of the value of {horizon} steps"
    made = [
        Measure("value_error", f"{title}, vICL and {label}", "", False, estimate("vicl"),
                estimate("dicl"))
    ]  # fmt: skip
    for name, said in {"vicl": "vICL", **BASELINES}.items():
        gain = [b - a for b, a in zip(last(name), last("dicl"), strict=True)]
        made.append(
            Measure(f"value_gain_over_{name}", f"{said}: its error less that of {label}", "", True,
                    None, Estimate.of_values(gain))
        )  # fmt: skip
        if name in BASELINES:
            text = f"{said}: relative error of the value"
            made.append(Measure(f"{name}_value_error", text, "", False, None, estimate(name)))
    return made


def curve(lines: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The relative error over the steps that are summed, one line a forecaster."""
    series = []
    for label, found in lines.items():
        points = [Estimate.of_values(column) for column in zip(*found["value"], strict=True)]
        series.append(
            {
                "label": label,
                "x": [float(k + 1) for k in range(len(points))],
                "y": [p.mean for p in points],
                "low": [p.interval[0] for p in points],
                "high": [p.interval[1] for p in points],
            }
        )
    return {
        "name": "value", "title": "Error of the value", "x_label": "steps summed",
        "y_label": "relative error", "x_log": False, "series": series,
    }  # fmt: skip

"""Multi-step forecasts: the baselines, and how errors and calibration are measured.

States stand in units of the context: its mean is 0 and its spread 1 in each dimension. A forecast
of H steps is the expected states (H, D) and samples of each step (H, S, D), float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from methods.engine.results import Estimate, Measure, Results


@dataclass(frozen=True)
class Forecast:
    """``mean`` (H, D) and ``samples`` (H, S, D) of the H next states."""

    mean: Tensor
    samples: Tensor


def squared_error(forecast: Forecast, truth: Tensor) -> float:
    """Mean over steps and dimensions of the squared distance to ``truth``, (H, D)."""
    return float((forecast.mean - truth).square().mean())


def quantiles(forecast: Forecast, truth: Tensor) -> Tensor:
    """(H, D): the share of samples below the truth, equal ones counted half."""
    below = (forecast.samples < truth[:, None]).double()
    equal = (forecast.samples == truth[:, None]).double()
    return (below + equal / 2).mean(1)


def kolmogorov_smirnov(found: Tensor) -> float:
    """Largest distance of the distribution of ``found``, (N,) in [0, 1], to the uniform one.

    Nothing for a forecaster whose quantiles are uniform; about 0.5 where the truth always lies
    in the middle, or always beyond one end or the other; 1 where it always lies beyond one end.
    """
    ranked, n = found.double().sort().values, len(found)
    steps = torch.arange(n + 1, dtype=torch.float64) / n
    return float(torch.maximum(steps[1:] - ranked, ranked - steps[:-1]).max())


def reliability(found: Tensor, levels: int = 11) -> tuple[list[float], list[float]]:
    """(levels, share of ``found`` at or below each): the diagonal for a calibrated forecaster."""
    at = torch.linspace(0, 1, levels, dtype=torch.float64)
    return at.tolist(), [float((found <= level).double().mean()) for level in at]


def judged(forecasts: Sequence[Forecast], truths: Sequence[Tensor]) -> dict[str, Any]:
    """By episode: error of the rollout and of each step, KS (mean over dimensions), quantiles."""
    found: dict[str, Any] = {"mse": [], "first": [], "steps": [], "ks": [], "quantiles": []}
    for forecast, truth in zip(forecasts, truths, strict=True):
        steps = (forecast.mean - truth).square().mean(1).tolist()
        places = quantiles(forecast, truth)
        found["mse"].append(squared_error(forecast, truth))
        found["first"].append(steps[0])
        found["steps"].append(steps)
        found["ks"].append(sum(map(kolmogorov_smirnov, places.T)) / truth.shape[1])
        found["quantiles"] += places.flatten().tolist()
    return found


def error_curve(lines: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Squared error over the step predicted, one line a forecaster."""
    series = []
    for label, found in lines.items():
        points = [Estimate.of_values(column) for column in zip(*found["steps"], strict=True)]
        series.append(
            {
                "label": label,
                "x": [float(h + 1) for h in range(len(points))],
                "y": [p.mean for p in points],
                "low": [p.interval[0] for p in points],
                "high": [p.interval[1] for p in points],
            }
        )
    return {
        "name": "error", "title": "Error of a rollout", "x_label": "steps ahead",
        "y_label": "squared error (context variances)", "x_log": False, "series": series,
    }  # fmt: skip


def reliability_curve(lines: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Share of the truth below each predicted quantile; the diagonal is calibration."""
    series = []
    for label, found in lines.items():
        x, y = reliability(torch.tensor(found["quantiles"], dtype=torch.float64))
        series.append({"label": label, "x": x, "y": y})
    series.append({"label": "calibrated", "x": series[0]["x"], "y": series[0]["x"]})
    return {
        "name": "reliability", "title": "Reliability", "x_label": "predicted quantile",
        "y_label": "share of what came below it", "x_log": False, "series": series,
    }  # fmt: skip


# --- results ------------------------------------------------------------------------------------

BASELINES = {
    "persistence": "Last state kept, spread like a random walk",
    "gaussian": "Normal law of the context's moments",
    "mlp": "Multilayer perceptron that is told the actions",
}


def lines_of(label: str, found: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What ``found`` has by slug, by the names that a curve shows."""
    shown = {"vICL": found["vicl"], label: found["dicl"]}
    return shown | {said: found[name] for name, said in BASELINES.items()}


def results(label: str, horizon: int, found: Mapping[str, dict[str, Any]]) -> Results:
    """What a run found: vICL (before) and DICL, called ``label``, beside the baselines."""
    ours, plain = found["dicl"], found["vicl"]

    def measure(name: str, title: str, part: str, unit: str) -> Measure:
        before, after = (Estimate.of_values(f[part]) for f in (plain, ours))
        return Measure(name, f"{title}, vICL and {label}", unit, False, before, after)

    def against(name: str, title: str, base: dict[str, Any], part: str, unit: str) -> Measure:
        gain = [b - a for b, a in zip(base[part], ours[part], strict=True)]
        return Measure(name, title, unit, True, None, Estimate.of_values(gain))

    squared = "context variances"
    measures = [
        measure("mse", f"Squared error over {horizon} steps", "mse", squared),
        measure("ks", "Distance of the quantiles to uniform (KS)", "ks", ""),
        measure("one_step_mse", "Squared error of the first step", "first", squared),
        against("mse_gain_over_vicl", f"Error of vICL less that of {label}", plain, "mse", squared),
        against("ks_gain_over_vicl", f"KS of vICL less that of {label}", plain, "ks", ""),
    ]
    for name, said in BASELINES.items():
        base = found[name]
        for part, what in (("mse", "squared error"), ("ks", "KS"), ("first", "first step's error")):
            key = "one_step_mse" if part == "first" else part
            unit = "" if part == "ks" else squared
            measures.append(
                Measure(f"{name}_{key}", f"{said}: {what}", unit, False, None,
                        Estimate.of_values(base[part]))
            )  # fmt: skip
        measures.append(
            against(f"mse_gain_over_{name}", f"{said}: error less that of {label}", base, "mse",
                    squared)
        )  # fmt: skip
    lines = lines_of(label, found)
    note = (
        f"A perfectly calibrated forecaster has a KS of about {0.87 / horizon**0.5:.2f} on "
        f"{horizon} independent steps, not 0."
    )
    return Results(tuple(measures), (error_curve(lines), reliability_curve(lines)),
                   (note,))  # fmt: skip


# --- baselines ------------------------------------------------------------------------------------


def persistence(context: Tensor, steps: int, samples: int, generator: torch.Generator) -> Forecast:
    """The last state for ever, spread like a random walk with the context's steps; (T, D)."""
    spread = context.diff(dim=0).square().mean(0).sqrt()
    wider = torch.arange(1, steps + 1, dtype=torch.float64).sqrt()[:, None] * spread
    return _normal(context[-1].expand(steps, -1), wider, samples, generator)


def naive_gaussian(
    context: Tensor, steps: int, samples: int, generator: torch.Generator
) -> Forecast:
    """The context's mean and spread at every step; (T, D)."""
    spread = context.std(0, correction=1).expand(steps, -1)
    return _normal(context.mean(0).expand(steps, -1), spread, samples, generator)


def _normal(mean: Tensor, spread: Tensor, samples: int, generator: torch.Generator) -> Forecast:
    shape = (len(mean), samples, mean.shape[1])
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return Forecast(mean, mean[:, None] + spread[:, None] * noise)


def mlp(
    states: Tensor, actions: Tensor, coming: Tensor, samples: int, generator: torch.Generator,
    epochs: int = 300, width: int = 64,
) -> Forecast:  # fmt: skip
    """A small network of (state, action) -> step, fitted on the context; actions (T, A).

    Adam on the first four fifths of the transitions, stopped where the last fifth says; it is told
    the actions ``coming`` (H, A), the first of which is that of the last state. Its residuals on
    the last fifth are its spread at every step.
    """
    x = torch.cat([states[:-1], actions[:-1]], 1)
    y = states.diff(dim=0)
    cut = max(1, 4 * len(x) // 5)
    sizes = [(x.shape[1], width), (width, width), (width, y.shape[1])]
    layers = [
        (torch.randn(o, i, generator=generator, dtype=torch.float64) / i**0.5, torch.zeros(o))
        for i, o in sizes
    ]
    weights = [p.double().requires_grad_() for layer in layers for p in layer]
    optimiser = torch.optim.Adam(weights, lr=3e-3)
    best, kept = float("inf"), [w.detach().clone() for w in weights]
    with torch.enable_grad():
        for _ in range(epochs):
            held = float((_through(weights, x[cut:]) - y[cut:]).square().mean().detach())
            if held < best:
                best, kept = held, [w.detach().clone() for w in weights]
            optimiser.zero_grad()
            (_through(weights, x[:cut]) - y[:cut]).square().mean().backward()
            optimiser.step()
    state, path = states[-1], []
    for action in coming:
        state = state + _through(kept, torch.cat([state, action])[None])[0]
        path.append(state)
    mean = torch.stack(path)
    spread = (_through(kept, x[cut:]) - y[cut:]).square().mean(0).sqrt().expand(len(mean), -1)
    return _normal(mean, spread, samples, generator)


def _through(weights: list[Tensor], x: Tensor) -> Tensor:
    *inner, last, bias = weights
    for weight, offset in zip(inner[::2], inner[1::2], strict=True):
        x = torch.relu(x @ weight.T + offset)
    return x @ last.T + bias

"""In-context learning of a law: what a language model makes of a series of numbers.

Paper: arXiv 2402.00795 (Liu et al., *LLMs learn governing principles of dynamical systems,
revealing an in-context neural scaling law*). A series of numbers is written as text, and the law
the model gives the next number is read off its softmax over digits, digit after digit (the paper
calls it Hierarchy-PDF):

    P(x_{t+1} | x_0..x_t) = prod_k P(d_k | x_0..x_t, d_1..d_{k-1})

It is held against the law the series was drawn from, by the Bhattacharyya distance

    D_B(p, q) = -ln sum_x sqrt(p(x) q(x))

as a function of the number t of numbers read. Where the model learns in context, D_B falls, and the
paper finds that it falls as a power of t.

Departures from the paper
1. The law is exact over all bins: every digit is branched on at every level. The official code
   refines along the numbers that occur and their neighbours, and leaves the rest coarse.
2. A bin's value is its middle and not its left edge.
3. D_B is measured at a few context lengths spaced evenly in their logarithm, on many short series;
   the paper has every position of longer series.
4. The states of a Markov chain are written as numbers like all others, so that they are point
   masses among many bins; the paper writes each as one digit.
5. The noisy logistic map has r = 3.7, at which its noise does not throw it out of the unit
   interval.
6. Beside the model stand forecasters that know the context alone: a normal law of its moments, one
   about the last value, a histogram. The paper compares with other learners.

Checked against: brute force over every string of digits, closed forms of the distance for normal
and discrete laws, laws by simulation, and power laws made by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from methods.engine.errors import MethodError
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.incontext import measures
from methods.incontext.digits import Alphabet, Scale, all_log_masses, alphabet, text
from methods.incontext.laws import Series, draw
from methods.incontext.learner import numeric_policy
from methods.incontext.options import LawName, NumericOptions

SHORTEST = 2  # numbers; fewer have no spread, which the simple forecasters need


class Config(NumericOptions):
    """Options of a run on series with a known law."""

    law: LawName = option(
        "markov-chain", "what the series are drawn from", source="2402.00795: among its systems"
    )
    length: int = option(
        100, "numbers of a series", source="ours", unit="numbers", ge=8, le=1000
    )  # fmt: skip
    series: int = option(
        32, "series drawn, each by itself; all have parameters or noise of their own",
        source="ours", unit="series", ge=2, le=1000,
    )  # fmt: skip
    points: int = option(
        10, "context lengths measured at, from 2 to all but one number, even in their logarithm",
        source="ours", unit="lengths", ge=3, le=100,
    )  # fmt: skip
    control: Literal["none", "shuffled", "untrained"] = option(
        "none",
        "shuffled puts the numbers of each series in a random order, so that nothing of the "
        "dynamics is left to be learned; untrained draws the model's weights anew",
        source="ours",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"digits": 1, "length": 64, "series": 100},
    "smollm2-135m": {"series": 8, "precision": "bfloat16"},
}

Forecaster = Callable[[Tensor, Scale], Tensor]
SIMPLE: dict[str, tuple[str, Forecaster]] = {
    "gaussian": ("Normal law of the context's moments", measures.naive_gaussian),
    "persistence": ("Normal law about the last value", measures.persistence),
    "unigram": ("Histogram of the context", measures.unigram),
}


def context_lengths(length: int, points: int) -> list[int]:
    """About ``points`` whole numbers from 2 to ``length - 1``, even in their logarithm, each once.

    >>> context_lengths(64, 6)
    [2, 4, 8, 16, 32, 63]
    """
    last = length - 1
    exact = [SHORTEST * (last / SHORTEST) ** (i / (points - 1)) for i in range(points)]
    return sorted({round(n) for n in exact})


def shuffled(series: Series, generator: torch.Generator) -> Series:
    """The same numbers in a random order, with the law that each follows the one before it."""
    order = torch.randperm(len(series.values), generator=generator, device=generator.device).cpu()
    return Series(series.values[order], series.law)


def run(run: Run, config: Config) -> None:
    """The distance between predicted and true law as the context grows, and its power law."""
    untrained = config.control == "untrained"
    policy = numeric_policy(run, config, config.length, "chains", untrained=untrained)
    written = alphabet(policy, config.digits, config.separator)
    generator = run.generator("series")
    if generator.device.type != "cpu":  # the same series on every device
        generator = torch.Generator().manual_seed(generator.initial_seed())
    drawn = [draw(config.law, generator, config.length) for _ in range(config.series)]
    if config.control == "shuffled":
        drawn = [shuffled(series, generator) for series in drawn]
    scales = [Scale.of(series.values, config.digits) for series in drawn]
    codes = [
        scale.codes(series.values).tolist() for scale, series in zip(scales, drawn, strict=True)
    ]
    run.data(
        f"{config.law}, {config.series} series", hashlib.sha256(repr(codes).encode()).hexdigest(),
        0, config.series,
    )  # fmt: skip
    lengths = context_lengths(config.length, config.points)

    def forecasts() -> dict[str, list[list[float]]]:
        laws = _predicted(run, policy, written, codes, lengths)
        return _distances(drawn, scales, laws, lengths)

    found = run.once("distances", forecasts)
    table = {name: torch.tensor(rows, dtype=torch.float64) for name, rows in found.items()}
    shown = [(text(c[:-1], config.digits, config.separator), str(c[-1]), None) for c in codes[:4]]
    run.samples("series", shown)
    run.finish(_results(lengths, table, run.generator("bootstrap")))


@torch.no_grad()
def _predicted(
    run: Run,
    policy: LanguageModel,
    written: Alphabet,
    codes: Sequence[list[int]],
    lengths: Sequence[int],
) -> list[Tensor]:
    """(lengths, bins) log masses of each series; as many series at once as sample_batch has
    branches."""
    branches = len(written.symbols) ** (written.levels - 1)
    at_once = max(1, 8 * policy.sample_batch // (branches * len(lengths)))
    with run.stage("reading series", len(codes)) as bar:
        found = all_log_masses(
            policy, written, codes, [lengths] * len(codes), at_once,
            lambda count: (run.check(), bar.advance(count)),
        )  # fmt: skip
    if not all(torch.isfinite(law).all() for law in found):
        raise MethodError(f"model {policy.name!r} gives numbers no finite log-probability")
    return found


def _distances(
    drawn: Sequence[Series], scales: Sequence[Scale], laws: Sequence[Tensor], lengths: Sequence[int]
) -> dict[str, list[list[float]]]:
    """By forecaster, (series, lengths): distances to the true law, and the model's nats."""
    last = torch.tensor([n - 1 for n in lengths])
    found: dict[str, list[list[float]]] = {name: [] for name in ("model", "nats", *SIMPLE)}
    for series, scale, law in zip(drawn, scales, laws, strict=True):
        true = series.law(series.values[last], scale)
        found["model"].append(measures.bhattacharyya(law.exp(), true).tolist())
        came = scale.codes(series.values)[torch.tensor(lengths)]
        found["nats"].append((-law.gather(1, came[:, None])[:, 0]).tolist())
        for name, (_, forecast) in SIMPLE.items():
            masses = torch.stack([forecast(series.values[:n], scale) for n in lengths])
            found[name].append(measures.bhattacharyya(masses, true).clamp(max=20.0).tolist())
    return found


def _results(
    lengths: Sequence[int], table: dict[str, Tensor], generator: torch.Generator
) -> Results:
    def measure(name: str, title: str, values: Tensor, unit: str = "nats") -> Measure:
        first, final = (Estimate.of_values(values[:, i].tolist()) for i in (0, -1))
        return Measure(name, title, unit, False, first, final)

    model, span = table["model"], f"from {lengths[0]} numbers read to {lengths[-1]}"
    found = [measure("distance", f"Bhattacharyya distance to the true law, {span}", model)]
    for name, (title, _) in SIMPLE.items():
        found.append(measure(f"{name}_distance", f"{title}: its distance", table[name]))
    for name, (title, _) in SIMPLE.items():
        gain = Estimate.of_values((table[name] - model)[:, -1].tolist())
        what = f"{title}: by how much it is further off at {lengths[-1]} numbers"
        found.append(Measure(f"gain_over_{name}", what, "nats", True, None, gain))
    fall = Estimate.of_values((model[:, 0] - model[:, -1]).tolist())
    found += [
        Measure("fall", f"By how much the distance falls {span}", "nats", True, None, fall),
        Measure("exponent", "Exponent of the distance's power law in numbers read", "", True, None,
                measures.exponent(lengths, model, generator)),
        measure("nats", f"Negative log-likelihood of the next number's bin, {span}",
                table["nats"], "nats a number"),
    ]  # fmt: skip
    scale, alpha = measures.power_law(lengths, model.mean(0))
    fitted = [scale * n**-alpha for n in lengths]
    lines = [_line("model", lengths, model)]
    lines.append({"label": "fitted power law", "x": [float(n) for n in lengths], "y": fitted})
    lines += [_line(title, lengths, table[name]) for name, (title, _) in SIMPLE.items()]
    curve = {
        "name": "distance", "title": "Distance to the true law", "x_label": "numbers read",
        "y_label": "Bhattacharyya distance (nats)", "x_log": True, "series": lines,
    }  # fmt: skip
    return Results(tuple(found), (curve,))


def _line(label: str, lengths: Sequence[int], values: Tensor) -> dict[str, Any]:
    points = [Estimate.of_values(column) for column in values.T.tolist()]
    return {
        "label": label,
        "x": [float(n) for n in lengths],
        "y": [p.mean for p in points],
        "low": [p.interval[0] for p in points],
        "high": [p.interval[1] for p in points],
    }

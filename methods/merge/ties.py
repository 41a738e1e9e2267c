"""TIES-Merging: trim each task vector, elect a sign for each weight, average those that agree.

Paper: arXiv 2306.01708 (Yadav et al., *TIES-Merging: Resolving Interference When Merging Models*),
Section 4 and Algorithm 1. Of each task vector tau_t = theta_t - theta_0 only the largest k % of
the values are kept (the others are zero: tau^_t); then, for each weight p,

    gamma^p = sgn( sum_t tau^_t^p ),      A^p = { t : sgn(tau^_t^p) = gamma^p },
    tau_m^p = 1/|A^p| sum_{t in A^p} tau^_t^p,      theta = theta_0 + lambda tau_m

With no models given it first trains one on each of two tasks, from one start.

Departures from the paper
1. Values as large as the last one kept are kept too, so that what is kept does not depend on how
   tensors are stored; the paper does not say.
2. Where the trimmed values cancel exactly, sgn is 0, nobody is elected, and the start's weight
   stays: Algorithm 1 read to the letter. The authors' code gives such weights the majority's sign.
3. Magnitudes are compared in float32, and the threshold over a whole model is found exactly in two
   passes over its tensors, so that no task vector need be in memory.

Checked against: hand-worked tensors, equal vectors (they come out trimmed and unchanged), density 1
and one model (that model), the threshold against a sort, mergekit's ties and peft's, value and
gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.merge.loop import Rule, Sources, run_merge
from methods.merge.options import SMOLLM2, MergeOptions
from methods.merge.task_arithmetic import task_vector


class Config(MergeOptions):
    """Options of TIES-Merging."""

    rule_only: ClassVar[tuple[str, ...]] = ("density", "scale", "trim")

    density: float = option(
        0.2,
        "share of each task vector that is kept, the largest values: the paper's k",
        source="paper, without a validation set; the authors' code (K = 20)",
        gt=0,
        le=1,
    )
    scale: float = option(
        1.0,
        "lambda, the weight of the merged task vector",
        source="paper, without a validation set; the authors' code (lamda = 1)",
        ge=-10,
        le=10,
    )
    trim: Literal["model", "tensor"] = option(
        "model",
        "among which values the largest are kept: all of a model, or each tensor's own",
        source="paper, Algorithm 1; the authors' code (all values as one vector)",
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def kept_count(density: float, size: int) -> int:
    """How many of ``size`` values are kept: ``density`` of them rounded down, and at least one."""
    # 0.29 * 100 is 28.999999999999996: one more is meant.
    return min(size, max(1, math.floor(density * size * (1 + 1e-12))))


def largest(parts: Callable[[], Iterable[Tensor]], count: int) -> float:
    """The ``count``-th largest magnitude among all values of ``parts()``, in float32, exactly.

    ``parts`` is called twice and gives the same tensors in any order. Magnitudes of float32 order
    as the integers of their bits do: the first pass finds the upper 16 of them, the second those
    below.
    """
    upper = _histogram(bits >> 16 for bits in _bits(parts()))
    high, above = _bin_of(upper, count)
    lower = _histogram(bits[bits >> 16 == high] & 0xFFFF for bits in _bits(parts()))
    low, _ = _bin_of(lower, count - above)
    return torch.tensor((high << 16) | low, dtype=torch.int32).view(torch.float32).item()


def _bits(parts: Iterable[Tensor]) -> Iterator[Tensor]:
    for part in parts:
        yield part.detach().abs().float().flatten().contiguous().view(torch.int32)


def _histogram(parts: Iterable[Tensor]) -> Tensor:
    return sum((torch.bincount(p, minlength=1 << 16) for p in parts), torch.zeros(1 << 16).long())


def _bin_of(histogram: Tensor, count: int) -> tuple[int, int]:
    """(the bin that holds the ``count``-th value from above, how many lie in the bins above it)."""
    above = histogram.flip(0).cumsum(0)
    place = int((above < count).sum())
    return len(histogram) - 1 - place, int(above[place - 1]) if place else 0


def trim(vector: Tensor, threshold: float) -> Tensor:
    """``vector`` with everything smaller than ``threshold`` (in float32) set to zero."""
    return torch.where(vector.detach().abs().float() >= threshold, vector, 0)


def elect_sign(vectors: Tensor) -> Tensor:
    """The sign of the sum over the models, of (models, ...) trimmed task vectors: -1, 0 or 1."""
    return vectors.double().sum(0).sign().to(vectors.dtype)


def disjoint_mean(vectors: Tensor, signs: Tensor) -> Tensor:
    """For each weight the mean over those models whose value has the elected sign; 0 if none has.

    ``vectors`` (models, ...) and ``signs`` (...). A value that was trimmed has no sign and does not
    count.
    """
    agree = (vectors.sign() == signs) & (signs != 0)
    total = torch.where(agree, vectors, 0).double().sum(0)
    return (total / agree.sum(0).clamp(min=1)).to(vectors.dtype)


def ties(base: Tensor, trimmed: Tensor, scale: float) -> Tensor:
    """theta_0 + lambda tau_m from (models, ...) trimmed task vectors, elementwise."""
    return base + scale * disjoint_mean(trimmed, elect_sign(trimmed))


def run(run: Run, config: Config) -> None:
    """Trim, elect, merge; held-out accuracy and loss on both tasks."""

    def prepare(sources: Sources) -> Rule:
        whole = {model: math.nan for model in sources.models}
        if config.trim == "model":
            size = sum(sources.read(name)[0].numel() for name in sources.names)
            count = kept_count(config.density, size)
            whole = {m: largest(lambda m=m: sources.deltas(m), count) for m in sources.models}

        def rule(name: str, base: Tensor, models: Mapping[str, Tensor]) -> Tensor:
            trimmed = []
            for model, tensor in models.items():
                vector, limit = task_vector(tensor, base), whole[model]
                if config.trim == "tensor":
                    limit = largest(
                        lambda v=vector: [v], kept_count(config.density, vector.numel())
                    )
                trimmed.append(trim(vector, limit))
            return ties(base, torch.stack(trimmed), config.scale)

        return rule

    run_merge(run, config, prepare)

"""DARE: drop most of what fine-tuning changed at random, rescale the rest, then merge.

Paper: arXiv 2311.03099 (Yu et al., *Language Models are Super Mario: Absorbing Abilities from
Homologous Models as a Free Lunch*), Section 3: each value of a model's delta parameters
delta_t = theta_t - theta_0 is dropped with probability p, and those that stay are divided by 1 - p,
so that the expectation is that of delta_t; what comes out is merged, here by task arithmetic:

    m_t ~ Bernoulli(p),      delta^_t = (1 - m_t) * delta_t / (1 - p),
    theta = theta_0 + lambda sum_t delta^_t

With no models given it first trains one on each of two tasks, from one start.

Departures from the paper
1. Of the ways to combine that the paper tries (averaging, task arithmetic, TIES and others) this is
   task arithmetic, with lambda 0.5 for two models, untuned; the paper searches it.
2. A mask follows from the seed, the model's name and the tensor's name: neither the order of models
   nor that of tensors changes it. The paper does not say.

Checked against: hand-worked masks, p = 0 (task arithmetic), the expectation over many masks within
its interval, mergekit's and peft's random pruning under the same mask, value and gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from pydantic import model_validator
from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.merge.loop import Rule, generator, run_merge
from methods.merge.options import SMOLLM2, MergeOptions
from methods.merge.task_arithmetic import add_task_vectors, task_vector


class Config(MergeOptions):
    """Options of DARE."""

    rule_only: ClassVar[tuple[str, ...]] = ("scale",)

    drop_rate: float = option(
        0.9,
        "p, the chance of each value of a task vector to be dropped; with control=joint "
        "only in the experts that are measured thinned out",
        source="paper, abstract (90 % can be dropped)",
        ge=0,
        lt=1,
    )
    rescale: bool = option(
        True,
        "divide what stays by 1 - p; false only drops, a control of the paper (DropOnly)",
        source="paper, Section 3",
    )
    scale: float = option(
        0.5,
        "lambda, the weight of the sum of task vectors; 1/n averages n models",
        source="ours; the paper searches it",
        ge=-10,
        le=10,
    )

    @model_validator(mode="after")
    def _something_is_thinned(self) -> Self:
        if self.control == "joint" and self.models is not None:
            self.refuse_idle(
                ("drop_rate", "rescale"), "control=joint and models given", "take control=none"
            )
        return self


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def keep_mask(shape: torch.Size, drop_rate: float, draw: torch.Generator) -> Tensor:
    """True where a value stays, each with chance 1 - p by itself; bool, on the CPU."""
    return torch.rand(shape, generator=draw, dtype=torch.float64) >= drop_rate


def drop_and_rescale(
    vector: Tensor, keep: Tensor, drop_rate: float, *, rescale: bool = True
) -> Tensor:
    """``vector`` where ``keep`` is set, divided by 1 - p, and zero elsewhere; elementwise."""
    kept = torch.where(keep, vector, 0)
    return kept / (1 - drop_rate) if rescale else kept


def run(run: Run, config: Config) -> None:
    """Drop, rescale, add; held-out accuracy and loss on both tasks."""

    def dropped(model: str, name: str, base: Tensor, tensor: Tensor) -> Tensor:
        vector, draw = task_vector(tensor, base), generator(run.seed, "dare", model, name)
        keep = keep_mask(vector.shape, config.drop_rate, draw)
        return drop_and_rescale(vector, keep, config.drop_rate, rescale=config.rescale)

    def rule(name: str, base: Tensor, models: Mapping[str, Tensor]) -> Tensor:
        vectors = [dropped(model, name, base, tensor) for model, tensor in models.items()]
        return add_task_vectors(base, vectors, config.scale)

    def thinned(model: str) -> Rule:
        return lambda name, base, models: base + dropped(model, name, base, models[model])

    run_merge(run, config, lambda sources: rule, thinned)

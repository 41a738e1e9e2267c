"""Task arithmetic: what fine-tuning changed is a vector, and vectors of several tasks can be added.

Paper: arXiv 2212.04089 (Ilharco et al., *Editing Models with Task Arithmetic*), Section 2: the
task vector of a model is its weights less those of the start they were fine-tuned from, and
learning by addition (Section 4) takes

    tau_t = theta_t - theta_0,        theta = theta_0 + lambda sum_t tau_t

With no models given it first trains one on each of two tasks, from one start.

Departures from the paper
1. lambda is given, 0.5 by default, where the paper chooses it on held-out data: with two models
   0.5 is their average, which no data was looked at for.
2. Decoder-only language models and arithmetic tasks (tiny) instead of CLIP and T5; one lambda for
   all tasks, as the paper has it for addition.
3. Of the paper's operations only addition of several vectors is offered here, with a lambda that
   may be negative (forgetting, Section 3); analogies (Section 5) are not.

Checked against: hand-worked tensors, lambda 0 (the start) and one model with lambda 1 (that model)
in float64, mergekit's task_arithmetic and peft's, value and gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.merge.loop import run_merge
from methods.merge.options import SMOLLM2, MergeOptions


class Config(MergeOptions):
    """Options of task arithmetic."""

    rule_only: ClassVar[tuple[str, ...]] = ("scale",)

    scale: float = option(
        0.5,
        "lambda, the weight of the sum of task vectors; 1/n averages n models",
        source="ours; the paper chooses it on held-out data",
        ge=-10,
        le=10,
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def task_vector(model: Tensor, base: Tensor) -> Tensor:
    """What fine-tuning changed, tau = theta_t - theta_0, elementwise; both of one shape."""
    return model - base


def add_task_vectors(base: Tensor, vectors: Sequence[Tensor], scale: float) -> Tensor:
    """theta_0 + lambda sum_t tau_t, elementwise; all of one shape.

    The sum runs in float64 and is rounded once, so that the order of the models does not matter.
    """
    total = torch.stack([vector.double() for vector in vectors]).sum(0)
    return (base.double() + scale * total).to(base.dtype)


def run(run: Run, config: Config) -> None:
    """Merge by adding task vectors; held-out accuracy and loss on both tasks."""

    def rule(name: str, base: Tensor, models: Mapping[str, Tensor]) -> Tensor:
        vectors = [task_vector(model, base) for model in models.values()]
        return add_task_vectors(base, vectors, config.scale)

    run_merge(run, config, lambda sources: rule)

"""Learning without forgetting (LwF): on the new task's rows, stay close to the model before it.

Paper: arXiv 1606.09282 (Li and Hoiem, *Learning without Forgetting*), Section 3. Before a task
begins, the old model's softened distributions on the new task's inputs are recorded; then

    L = L_new + lambda_o L_old,    L_old = - sum_v y'_v log yhat'_v,    y'_v ~ y_v^(1/T)

with y the old model's probabilities, yhat the new one's, both softened by T = 2. No row of an
earlier task is needed.

Departures from the paper
1. L_old is the divergence KL(old || new) at each answer token, in nats: the cross-entropy less the
   old model's entropy, a constant, so that its gradient is the paper's and zero is equality.
2. There is one head of next tokens for all tasks, where the paper adds one for each; the old
   model's distributions are read behind the demonstrated answers and computed as they are needed.
3. From the second task on: the start is not distilled. No warm-up with frozen shared weights.

Checked against: the divergence's gradient by the logits in closed form (softened probabilities less
the old ones, over T), zero at equality, and lambda_o = 0 as the limit of plain fine-tuning.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from methods.continual.loop import Stream
from methods.continual.options import SMOLLM2, TINY, StreamOptions
from methods.engine.batch import TokenBatch
from methods.engine.divergence import compare, forward_kl
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run


class Config(StreamOptions):
    """Options of learning without forgetting."""

    method_only: ClassVar[tuple[str, ...]] = ("weight", "temperature")

    weight: float = option(
        1.0, "lambda_o, the weight of staying close to the old model", source="paper, Section 3",
        gt=0,
    )  # fmt: skip
    temperature: float = option(
        2.0, "T, what both models' logits are divided by", source="paper, Section 3", gt=0
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def lwf_loss(
    logp: Tensor, divergence: Tensor, mask: Tensor, total_tokens: int, weight: float
) -> Tensor:
    """One micro-batch's part of the loss, in nats per token.

    ``logp`` (B, C): log pi of each answer token at temperature 1; ``divergence`` (B, C): KL(old ||
    new) there, both softened; ``mask`` (B, C) bool; ``total_tokens``: of the *whole* step.
    """
    return ((weight * divergence - logp) * mask).sum() / total_tokens


def twin(policy: LanguageModel) -> LanguageModel:
    """A model of its own with the policy's weights, adapter included, that is never trained."""
    module = copy.deepcopy(policy.module).eval().requires_grad_(False)
    return replace(policy, module=module, adapter=None)


@torch.no_grad()
def become(old: LanguageModel, weights: Mapping[str, Tensor]) -> None:
    """Put ``weights`` into ``old``."""
    for name, p in old.module.named_parameters():
        if name in weights:
            p.copy_(weights[name])


def run(run: Run, config: Config) -> None:
    """Train on the tasks in turn beside the model before each; every task after each."""
    olds: list[LanguageModel] = []

    def remember(policy: LanguageModel) -> None:
        if config.control == "none":
            olds.append(twin(policy))

    stream = Stream(run, config, remember)
    current = 0

    def loss(batch: TokenBatch, tokens: int) -> Tensor:
        found = compare(stream.policy, olds[0], batch, forward_kl, temperature=config.temperature)
        return lwf_loss(found.logp, found.divergence, batch.completion_mask, tokens, config.weight)

    for step, task in stream.steps():
        if not (task and stream.helps):
            stream.learn(step, stream.rows(step))
            continue
        if task != current:
            become(olds[0], stream.kept(f"old-{task}", stream.weights))
            current = task
        stream.learn(step, stream.rows(step), loss)
    stream.finish()

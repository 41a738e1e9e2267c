"""One optimiser step has one gradient, however it is cut into micro-batches."""

from __future__ import annotations

import pytest
import torch

from methods.engine.batch import Tokens, micro_batches, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.finetune.sft import sft_loss
from methods.preference.dpo import dpo_loss
from methods.rl.grpo import group_advantages, grpo_loss
from tests.engine.conftest import gradients, relative

WHOLE = 10**6


def sft_gradient(model: LanguageModel, rows: list[Tokens], budget: int) -> torch.Tensor:
    total = sum(r.completion_length for r in rows)

    def run() -> None:
        for group in micro_batches(rows, budget):
            batch = pack(rows, group)
            sft_loss(completion_logprobs(model, batch), batch.completion_mask, total).backward()

    return gradients(model, run)


def dpo_gradient(model: LanguageModel, rows: list[Tokens], budget: int) -> torch.Tensor:
    def run() -> None:
        for group in micro_batches(rows[:8], budget, together=2):
            logp = completion_logprobs(model, pack(rows, group)).sum(-1).view(-1, 2)
            zero = torch.zeros(len(logp), dtype=logp.dtype)
            (dpo_loss(logp[:, 0], logp[:, 1], zero, zero, 0.1).sum() / 4).backward()

    return gradients(model, run)


def grpo_gradient(model: LanguageModel, rows: list[Tokens], budget: int) -> torch.Tensor:
    rewards = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.2, 0.2, 0.9]]).double()
    advantages = group_advantages(rewards).flatten()

    def run() -> None:
        for group in micro_batches(rows, budget):
            batch = pack(rows, group)
            logp = completion_logprobs(model, batch)
            old, ref = logp.detach() - 0.05, logp.detach() + 0.1
            grpo_loss(
                logp, old, batch.completion_mask, advantages[list(batch.rows)], len(rows), 0.2,
                0.04, ref,
            ).backward()  # fmt: skip

    return gradients(model, run)


@pytest.mark.parametrize("budget", [1, 40, 75])
@pytest.mark.parametrize("method", [sft_gradient, dpo_gradient, grpo_gradient])
def test_the_gradient_of_a_step_is_the_same_for_every_micro_batch_size(
    model64: LanguageModel, rows: list[Tokens], method, budget: int
) -> None:
    whole = method(model64, rows, WHOLE)
    assert whole.norm() > 0
    assert relative(method(model64, rows, budget), whole) < 1e-10

"""Supervised fine-tuning (SFT): raise the likelihood of demonstrated answers.

Paper: arXiv 2203.02155 (Ouyang et al., *Training language models to follow instructions with human
feedback*), Section 3.5, the first of its three steps. The paper prints no equation; what it
minimises is, over demonstrations (x_i, y_i),

    L(theta) = - sum_i sum_t log pi_theta(y_it | x_i, y_i<t)  /  sum_i |y_i|

Departures from the paper
1. AdamW with torch's moments, an optional warm-up and a cosine to zero, where the paper uses Adam
   and a cosine to 10 %; no residual dropout (the paper: 0.2): what is trained is what is sampled.
2. Steps are counted, not epochs (the paper trains 16 epochs and selects on a reward model's score).
3. The mean runs over all answer tokens of an optimiser step; the paper does not say.

Checked against: the hand-worked loss and its gradient (softmax minus one-hot) in float64, and
torch's cross-entropy over the answer tokens (as TRL's SFTTrainer computes it), value and gradient.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Order, Tokens, own_batches, pack
from methods.engine.distributed import total
from methods.engine.errors import MethodError
from methods.engine.examples import demonstrations
from methods.engine.logprobs import completion_logprobs
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions, option
from methods.engine.results import Measure, Results
from methods.engine.run import Run


class Config(TrainingOptions):
    """Options of supervised fine-tuning."""

    task: str = option(
        "chain-sum:digits=2,held_out=1000",
        "a built-in task that demonstrates its answers",
        source="ours",
    )
    data: str | None = option(
        None,
        "instead of a task: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt and "
        "completion, or of messages",
        source="ours",
    )
    demonstrations: int | None = option(
        None, "labelled examples used, the first ones; none takes all", source="ours", ge=1
    )
    labels: Literal["true", "shuffled"] = option(
        "true",
        "shuffled gives every prompt another one's answer: a control that must not learn which "
        "answer belongs to which prompt",
        source="ours",
    )
    batch_size: int = option(
        32, "demonstrations of one optimiser step", source="paper, Appendix C.1", unit="rows", ge=1
    )
    steps: int = option(300, "optimiser steps", source="ours", unit="steps", ge=1)
    learning_rate: float = option(
        9.65e-6,
        "peak learning rate of AdamW",
        source="paper, Appendix C.1 (1.3B and 6B)",
        gt=0,
        lt=1,
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "cosine", "after the warm-up: kept, or falling to zero", source="paper, Section 3.5"
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "demonstrations": 4000,
        "learning_rate": 1e-3,
        "batch_size": 64,
        "steps": 300,
        "warmup_steps": 15,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3",
        "precision": "bfloat16",
        "learning_rate": 2e-5,
        "batch_size": 16,
        "steps": 20,
    },
}


def sft_loss(logp: Tensor, mask: Tensor, total_tokens: int) -> Tensor:
    """One micro-batch's part of the loss, in nats per token.

    ``logp`` (B, C) float: log pi of each answer token; ``mask`` (B, C) bool: which are real;
    ``total_tokens``: answer tokens of the *whole* optimiser step, so that parts add up.
    """
    return -(logp * mask).sum() / total_tokens


def run(run: Run, config: Config) -> None:
    """Train on demonstrations; held-out loss and, where answers are checked, accuracy."""
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, task)
    train, held_out = demonstrations(
        run, config.data, task, config.demonstrations, policy, skip_bad_rows=config.skip_bad_rows
    )
    if config.labels == "shuffled":
        train = _shuffled(train, run.generator("shuffle"))
    optimiser, order = Optimiser(policy, config), Order(len(train), run.seed)

    def evaluate() -> dict[str, Any]:
        found = {"held_out_loss": measure.token_loss(policy, held_out).to_json()}
        if task is not None and task.kind == "verifiable":
            longest = task.max_new_tokens(policy.tokenizer)
            scores = measure.greedy_scores(policy, task, task.held_out, longest, run.check)
            found["held_out_accuracy"] = measure.fraction_right(scores).to_json()
        return found

    before = run.once("before", evaluate)
    for step in run.steps(policy, optimiser, config):
        rows = [train[i] for i in order.batch(step, config.batch_size)]
        tokens, loss = sum(row.completion_length for row in rows), 0.0
        for group in own_batches(rows, config.micro_batch_tokens):
            batch = pack(rows, group, policy.device)
            part = sft_loss(completion_logprobs(policy, batch), batch.completion_mask, tokens)
            optimiser.backward(part)
            loss += part.item()
        run.log(
            step, sum(len(r.ids) for r in rows), **total({"loss": loss}), **optimiser.step(step)
        )
    run.finish(_results(before, evaluate()), policy if config.save_model else None)


def _shuffled(rows: list[Tokens], generator: torch.Generator) -> list[Tokens]:
    """Every prompt with the answer of another row: a rotation of a shuffled order."""
    if len(rows) < 2:
        raise MethodError("labels=shuffled needs at least two demonstrations")
    order = torch.randperm(len(rows), generator=generator, device=generator.device).tolist()
    other = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [
        Tokens((*row.ids[: row.prompt_length], *rows[other[i]].completion), row.prompt_length)
        for i, row in enumerate(rows)
    ]


def _results(before: dict[str, Any], after: dict[str, Any]) -> Results:
    facts = {
        "held_out_loss": ("Held-out loss", "nats per token", False),
        "held_out_accuracy": ("Held-out greedy accuracy", "fraction", True),
    }
    return Results(
        tuple(Measure.between(name, *facts[name], before[name], after[name]) for name in after)
    )

"""The supervised loop: rows of demonstrated answers, a loss over their tokens, held-out measures.

A method is the loss it hands in and, where that is not enough, how log-probs are computed
(``Forward``) or what is done to the policy before training (``adapt``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Order, Tokens, own_batches, pack
from methods.engine.distributed import total
from methods.engine.errors import MethodError
from methods.engine.examples import demonstrations, row
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.results import Measure, Results
from methods.engine.run import Run
from methods.engine.tasks.task import Task
from methods.finetune.options import SupervisedOptions

# (log-probs, mask, answer tokens of the whole step) -> this micro-batch's part of the loss
Loss = Callable[[Tensor, Tensor, int], Tensor]
# (policy, step, its rows, which of them) -> log-probs and mask, both (B, C)
Forward = Callable[[LanguageModel, int, Sequence[Tokens], Sequence[int]], tuple[Tensor, Tensor]]
Adapt = Callable[[LanguageModel], None]

_SHOWN = 500  # demonstrations, at most, that the loss on what was trained on is measured on
_FACTS = {
    "held_out_loss": ("Held-out loss", "nats per token", False),
    "held_out_accuracy": ("Held-out greedy accuracy", "fraction", True),
    "trained_loss": ("Loss on the demonstrations trained on", "nats per token", False),
    "old_task_loss": ("Held-out loss on the task learned before", "nats per token", False),
    "old_task_accuracy": ("Greedy accuracy on the task learned before", "fraction", True),
}


def supervised(
    run: Run,
    config: SupervisedOptions,
    loss: Loss,
    *,
    forward: Forward | None = None,
    adapt: Adapt | None = None,
) -> None:
    """Train on demonstrations; held-out loss and, where answers are checked, accuracy."""
    forward = forward or plain
    old_task = run.task(config.old_task) if config.old_task else None
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, old_task or task)
    if adapt is not None:
        adapt(policy)
        run.facts["model"]["trained"] = policy.parameter_count(trained=True)
    train, held_out = demonstrations(
        run, config.data, task, config.demonstrations, policy, skip_bad_rows=config.skip_bad_rows
    )
    if config.labels == "shuffled":
        train = shuffled(train, run.generator("shuffle"))
    old = OldTask.of(old_task, policy) if old_task else None
    if old is not None:
        _require_readable(policy, [*train, *held_out])
    optimiser = Optimiser(policy, config)
    rows_of = _drawn(train, old, config, run.seed)

    def evaluate() -> dict[str, Any]:
        found = _measured(run, policy, task, held_out)
        # Spread over all of them: the first are those that the built-in start was trained on.
        shown = train[:: -(-len(train) // _SHOWN)]
        found["trained_loss"] = measure.token_loss(policy, shown).to_json()
        if old is not None:
            again = _measured(run, policy, old.task, old.held_out)
            found |= {k.replace("held_out", "old_task"): v for k, v in again.items()}
        return found

    before = run.once("before", evaluate)
    for step in run.steps(policy, optimiser, config):
        rows = rows_of(step)
        tokens, summed = sum(r.completion_length for r in rows), 0.0
        for group in own_batches(rows, config.micro_batch_tokens):
            part = loss(*forward(policy, step, rows, group), tokens)
            optimiser.backward(part)
            summed += part.item()
        run.log(
            step, sum(len(r.ids) for r in rows), **total({"loss": summed}), **optimiser.step(step)
        )
    after = evaluate()
    run.finish(
        Results(tuple(Measure.between(n, *_FACTS[n], before[n], after[n]) for n in after)),
        policy if config.save_model else None,
    )


def plain(
    policy: LanguageModel, step: int, rows: Sequence[Tokens], group: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Log-probs (B, C) in nats of the answers of ``group``, and which of them are real."""
    batch = pack(rows, group, policy.device)
    return completion_logprobs(policy, batch), batch.completion_mask


@dataclass(frozen=True)
class OldTask:
    """A task learned before: the labels its start was trained on, and its held-out rows."""

    task: Task
    labels: list[Tokens]
    held_out: list[Tokens]

    @classmethod
    def of(cls, task: Task, policy: LanguageModel) -> OldTask:
        """Raises MethodError where the task demonstrates no answers."""
        from methods.engine import tiny

        labels = task.train[: tiny.recipe(task).labels]
        if any(p.answer is None for p in (*labels, *task.held_out)):
            raise MethodError(
                f"old_task {task.name} demonstrates no answers, so no loss on them can be "
                "measured; use one that does"
            )
        return cls(
            task,
            [row(policy, p.prompt, p.answer or "") for p in labels],
            [row(policy, p.prompt, p.answer or "") for p in task.held_out],
        )


def shuffled(rows: list[Tokens], generator: torch.Generator) -> list[Tokens]:
    """Every prompt with the answer of another row: a rotation of a shuffled order."""
    if len(rows) < 2:
        raise MethodError("labels=shuffled needs at least two demonstrations")
    order = torch.randperm(len(rows), generator=generator, device=generator.device).tolist()
    other = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [
        Tokens((*row.ids[: row.prompt_length], *rows[other[i]].completion), row.prompt_length)
        for i, row in enumerate(rows)
    ]


def _drawn(
    train: list[Tokens], old: OldTask | None, config: SupervisedOptions, seed: int
) -> Callable[[int], list[Tokens]]:
    """The rows of a step, from its number: new ones, then those that are replayed."""
    replayed = round(config.replay * config.batch_size) if old else 0
    new = Order(len(train), seed)
    again = Order(len(old.labels), seed) if old else None

    def rows(step: int) -> list[Tokens]:
        picked = [train[i] for i in new.batch(step, config.batch_size - replayed)]
        if old and again and replayed:
            picked += [old.labels[i] for i in again.batch(step, replayed)]
        return picked

    return rows


def _require_readable(policy: LanguageModel, rows: Sequence[Tokens]) -> None:
    """The built-in start knows the characters of the task it was trained on and no others."""
    unknown = policy.tokenizer.unk_token_id
    if unknown is None or unknown == policy.eos_id:
        return
    if any(unknown in r.ids for r in rows):
        raise MethodError(
            f"the start on the old task does not know every character of the new one (model "
            f"{policy.name!r}); choose two tasks that are written alike, or another model"
        )


def _measured(
    run: Run, policy: LanguageModel, task: Task | None, held_out: list[Tokens]
) -> dict[str, Any]:
    found = {"held_out_loss": measure.token_loss(policy, held_out).to_json()}
    if task is not None and task.kind == "verifiable":
        longest = task.max_new_tokens(policy.tokenizer)
        scores = measure.greedy_scores(policy, task, task.held_out, longest, run.check)
        found["held_out_accuracy"] = measure.fraction_right(scores).to_json()
    return found

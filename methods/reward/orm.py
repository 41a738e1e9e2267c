"""Outcome reward model, or verifier: will this answer turn out right?

Paper: arXiv 2110.14168 (Cobbe et al., *Training Verifiers to Solve Math Word Problems*), Section
4.2, Appendices B and E. The generator's own answers to the training problems are labelled by their
final result alone; a model learns to predict that label y in {0, 1} after every token of the
answer, with the language-modelling loss beside it:

    loss = mean over tokens (v(x, y_1..t) - y)^2  +  mean over tokens of demonstrations -log pi

At test time many answers are sampled and the one with the highest value at its end is taken.

Departures from the paper
1. The scalar head is a linear map of the last hidden state; the paper's is a gain and a bias on the
   logit of a token kept for it.
2. 4 answers to a problem at temperature 1; the paper samples 100 at 0.7, and finds no difference.
3. The labelled problems are the task's last ones: the built-in tiny generator knows its own 400 by
   heart, where the paper's is trained for two epochs only, so that its answers still differ.
4. Both losses are means over the tokens of the optimiser step; the paper adds the two unweighted
   and does not say over what they are averaged.
5. Of a task with a score between right and wrong the label is that score, scaled to 0..1.

Checked against: the hand-worked loss of a ragged batch, the closed-form gradient of both losses,
and the joint loss's language part against that of supervised fine-tuning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from methods.engine.batch import Order, Tokens
from methods.engine.data import load_labelled
from methods.engine.examples import row
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.results import Estimate, Results
from methods.engine.run import Run
from methods.engine.scalar import WholeBatch, logprobs_and_values, row_scores, values_after
from methods.engine.tasks.task import Task
from methods.reward import loop
from methods.reward.loop import Answer, Part
from methods.reward.options import RewardOptions


class Config(RewardOptions):
    """Options of the outcome reward model."""

    task: str = option("running-sum", "a built-in task that scores answers", source="ours")
    data: str | None = option(
        None,
        "instead of sampled answers: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of "
        "prompt, completion, label",
        source="ours",
    )
    batch_size: int = option(
        64, "answers of one optimiser step", source="ours", unit="answers", ge=1
    )
    learning_rate: float = option(
        1e-5, "peak learning rate of AdamW", source="paper, Appendix B", gt=0, lt=1
    )
    steps: int = option(200, "optimiser steps", source="ours", unit="steps", ge=1)
    level: Literal["token", "sequence"] = option(
        "token",
        "where the label is predicted: after every token of the answer, or at its end alone",
        source="paper, Section 4.3",
    )
    value_loss: Literal["mse", "bce"] = option(
        "mse", "squared error, or cross-entropy of the sigmoid", source="paper, Appendix B"
    )
    language_weight: float = option(
        1.0,
        "weight of the language-modelling loss on as many demonstrations; 0 leaves it out",
        source="paper, Appendix E (added unweighted)",
        ge=0,
        le=10,
    )
    labels: Literal["outcome", "shuffled"] = option(
        "outcome",
        "what an answer is labelled with: its own outcome, or another's, as a control",
        source="ours",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 1e-3, "schedule": "cosine", "warmup_steps": 10, "steps": 300,
        "prompts": 3000,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16",
        "learning_rate": 3e-5, "batch_size": 16, "steps": 40, "warmup_steps": 4, "prompts": 100,
        "held_out_prompts": 50, "held_out_samples": 8,
    },
}  # fmt: skip


def value_loss(values: Tensor, targets: Tensor, kind: str = "mse") -> Tensor:
    """The cost of each prediction, elementwise: (v - y)^2, or cross-entropy of sigma(v) in nats.

    ``values`` and ``targets`` of one shape; targets in [0, 1].
    """
    if kind == "mse":
        return (values - targets).square()
    return torch.nn.functional.binary_cross_entropy_with_logits(values, targets, reduction="none")


def judged_tokens(mask: Tensor, level: str) -> Tensor:
    """Where a label is predicted, (B, C) bool: on every token of ``mask``, or on its last."""
    if level == "token":
        return mask
    last = mask.sum(-1, keepdim=True) - 1
    return mask & (torch.arange(mask.shape[1], device=mask.device) == last)


def run(run: Run, config: Config) -> None:
    """Train on labelled answers; how well right and wrong are told, and the answer ranked first."""
    task = None if config.data else run.task(config.task)
    policy = loop.start(run, config, task)
    answers: list[Answer] = []
    demos: list[Tokens] = []
    if task is None:
        (rows, labels), (tested, truth), prompts = labelled_rows(run, config, policy)
        demos = [r for r, label in zip(rows, labels, strict=True) if label == 1.0]
    else:
        train, held_out = loop.problems_of(config, task)
        drawn = loop.sampled_answers(
            run, config, policy, task, "answers", train, config.samples_per_prompt
        )
        answers = loop.sampled_answers(
            run, config, policy, task, "held out", held_out, config.held_out_samples
        )
        rows, labels = loop.answer_rows(policy, drawn), [loop.share(task, a.gold) for a in drawn]
        tested, truth = (
            loop.answer_rows(policy, answers),
            [loop.share(task, a.gold) for a in answers],
        )
        prompts = [a.problem.prompt for a in answers]
        demos = [row(policy, p.prompt, p.answer) for p in train if p.answer is not None]
    if config.language_weight == 0:
        demos = []
    if config.labels == "shuffled":
        places = torch.randperm(len(labels), generator=run.generator("shuffle"), device=run.device)
        labels = [labels[i] for i in places.tolist()]
    turn = Order(max(1, len(demos)), run.seed + 1)

    def begin(step: int, taken: list[int]) -> tuple[list[Tokens], Part]:
        # An equal mix, as in Appendix E: one demonstration beside each answer.
        places = turn.batch(step, len(taken)) if demos else []
        batch = [rows[i] for i in taken] + [demos[i] for i in places]
        return batch, part_of(policy, config, batch, [labels[i] for i in taken])

    before, after = loop.train(
        run, config, policy, len(rows), config.batch_size, begin,
        lambda: held_out_measures(config, policy, task, tested, truth, prompts, answers),
    )  # fmt: skip
    beside = () if task is None else loop.without_judge(task, answers, config.held_out_samples)
    if task is not None:
        loop.show(run, answers, row_scores(policy, tested), config.held_out_samples)
    measures = (*loop.between(FACTS, before, after), *beside)
    loop.finish(run, config, Results(measures), policy)


FACTS = {
    "best_of_n": ("Gold score of the answer ranked first", "fraction", True),
    "auc": ("Right answers ranked above wrong ones to the same prompt", "fraction", True),
    "outcome_accuracy": ("Outcomes of held-out answers told right", "fraction", True),
    "value_loss": ("Held-out loss at the end of the answer", "per answer", False),
}
Labelled = tuple[list[Tokens], list[float]]


def part_of(
    policy: LanguageModel, config: Config, rows: Sequence[Tokens], labels: Sequence[float]
) -> Part:
    """The joint loss of some of ``rows``: first an answer for each label, then demonstrations."""
    count = len(labels)
    ends = config.level == "sequence"
    judged = count if ends else sum(r.completion_length for r in rows[:count])
    spoken = sum(r.completion_length for r in rows[count:])

    def part(batch: WholeBatch) -> tuple[Tensor, dict[str, float]]:
        if spoken:
            logps, values = logprobs_and_values(policy, batch, after=True)
        else:
            values, logps = values_after(policy, batch), None
        is_answer = torch.tensor([i < count for i in batch.rows], device=values.device)
        targets = torch.tensor(
            [labels[i] if i < count else 0.0 for i in batch.rows],
            device=values.device, dtype=values.dtype,
        )[:, None].expand_as(values)  # fmt: skip
        where = judged_tokens(batch.completion_mask, config.level) & is_answer[:, None]
        cost = value_loss(values, targets, config.value_loss)[where].sum() / judged
        found = {"value_loss": cost.item()}
        if logps is None:
            return cost, found
        nats = -(logps * ~is_answer[:, None]).sum() / spoken
        return cost + config.language_weight * nats, found | {"language_loss": nats.item()}

    return part


def held_out_measures(
    config: Config,
    policy: LanguageModel,
    task: Task | None,
    rows: Sequence[Tokens],
    truth: Sequence[float],
    prompts: Sequence[str],
    answers: Sequence[Answer],
) -> dict[str, Any]:
    """Outcomes told right, their loss, and with a task what the judge's ranking is worth.

    Prompts are the independent units: what is said of answers is averaged over a prompt's first.
    """
    scores = row_scores(policy, rows)
    cut = 0.5 if config.value_loss == "mse" else 0.0
    cost = value_loss(torch.tensor(scores), torch.tensor(truth), config.value_loss)
    right = [t == 1.0 for t in truth]
    if task is not None:
        found = loop.ranking(task, answers, scores, config.held_out_samples)
    elif (area := loop.auc(scores, right)) is not None:
        independent = len(set(prompts))
        found = {"auc": Estimate.of_fraction(area * independent, independent).to_json()}
    else:
        found = {}
    return found | {
        "outcome_accuracy": loop.told(scores, cut, right, prompts).to_json(),
        "value_loss": Estimate.of_values(loop.means(cost.tolist(), prompts)).to_json(),
    }


def labelled_rows(
    run: Run, config: Config, policy: LanguageModel
) -> tuple[Labelled, Labelled, list[str]]:
    """(training, held-out) rows and labels from a user's file, and the held-out prompts."""
    train, held = loop.user_rows(run, config, str(config.data), load_labelled, policy)
    known, tested = (
        ([row(policy, r.prompt, r.completion) for r in side], [float(r.label) for r in side])
        for side in (train, held)
    )
    return known, tested, [r.prompt for r in held]

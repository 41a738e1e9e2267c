"""Held-out measurement, the same for every method: greedy score, sampled scores, likelihood, KL."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import chain

import torch
from torch import Tensor

from methods.engine.batch import TokenBatch, Tokens, each_row, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.results import Estimate
from methods.engine.sample import Sample, sample
from methods.engine.tasks.task import Problem, Task


def greedy_answers(
    policy: LanguageModel,
    task: Task,
    problems: Sequence[Problem],
    max_new_tokens: int,
    check: Callable[[], None] = lambda: None,
) -> list[Sample]:
    """The likeliest answer to each problem; ``check`` may raise between batches."""
    return sample(
        policy,
        [p.prompt for p in problems],
        max_new_tokens=max_new_tokens,
        temperature=0.0,
        stop=task.stop,
        on_progress=lambda _: check(),
    )


def greedy_scores(
    policy: LanguageModel,
    task: Task,
    problems: Sequence[Problem],
    max_new_tokens: int,
    check: Callable[[], None] = lambda: None,
) -> list[float]:
    """The score of the likeliest answer to each problem; ``check`` may raise between batches."""
    drawn = greedy_answers(policy, task, problems, max_new_tokens, check)
    return [task.score(p, s.text) for p, s in zip(problems, drawn, strict=True)]


def sampled_scores(
    policy: LanguageModel,
    task: Task,
    problems: Sequence[Problem],
    *,
    per_prompt: int,
    max_new_tokens: int,
    generator: torch.Generator,
    temperature: float = 1.0,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[Tensor, list[Sample]]:
    """Scores (problems, per_prompt) float64 of sampled answers, and the answers."""
    drawn = sample(
        policy,
        [p.prompt for p in problems],
        per_prompt=per_prompt,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        stop=task.stop,
        generator=generator,
        on_progress=on_progress,
    )
    scores = [task.score(problems[s.prompt_index], s.text) for s in drawn]
    return torch.tensor(scores, dtype=torch.float64).view(len(problems), per_prompt), drawn


def fraction_right(scores: Sequence[float]) -> Estimate:
    """Accuracy with Wilson's interval; a score of 1 is right, anything less is not."""
    return Estimate.of_fraction(sum(s >= 1.0 for s in scores), len(scores))


@torch.no_grad()
def row_logprobs(
    policy: LanguageModel, rows: Sequence[Tokens], temperature: float = 1.0
) -> list[Tensor]:
    """Each row's completion log-probs in nats, float32 on the CPU, in the order of ``rows``."""

    def values(group: list[int]) -> list[Tensor]:
        batch = pack(rows, group, policy.device)
        table = completion_logprobs(policy, batch, temperature=temperature).cpu()
        return [
            line[: rows[i].completion_length].clone() for i, line in zip(group, table, strict=True)
        ]

    return each_row(rows, values)


def token_loss(policy: LanguageModel, rows: Sequence[Tokens]) -> Estimate:
    """Negative log-likelihood per completion token, in nats; rows are the independent units.

    The interval is that of a ratio of means (delta method), since rows differ in length.
    """
    sums = [-float(lp.double().sum()) for lp in row_logprobs(policy, rows)]
    lengths = [row.completion_length for row in rows]
    n, mean_length = len(rows), sum(lengths) / len(rows)
    ratio = math.fsum(sums) / sum(lengths)
    residual = math.fsum((s - ratio * t) ** 2 for s, t in zip(sums, lengths, strict=True))
    half = 1.959964 * math.sqrt(residual / max(1, n - 1) / n) / mean_length
    return Estimate(ratio, (ratio - half, ratio + half), n)


def kl_to(reference: LanguageModel, policy: LanguageModel, drawn: Sequence[Sample]) -> Estimate:
    """KL(policy || reference) in nats per answer, from answers drawn from the policy at T = 1.

    The mean of log pi(y) - log ref(y): unbiased, and so it may come out slightly below zero.
    Prompts are the independent units: answers to one prompt are averaged first.
    """
    rows = [s.tokens for s in drawn]
    ours, theirs = row_logprobs(policy, rows), row_logprobs(reference, rows)
    by_prompt: dict[int, list[float]] = {}
    for s, a, b in zip(drawn, ours, theirs, strict=True):
        by_prompt.setdefault(s.prompt_index, []).append(float((a.double() - b.double()).sum()))
    return Estimate.of_values([math.fsum(v) / len(v) for v in by_prompt.values()])


def padded(
    values: Sequence[Tensor] | Sequence[Sequence[float]], batch: TokenBatch, device: torch.device
) -> Tensor:
    """Per-row values, one a completion token, as (B, C) float32 beside ``batch``; else zero."""
    picked = [values[index] for index in batch.rows]
    if isinstance(picked[0], Tensor):
        flat = torch.cat(picked).float().to(device)
    else:
        flat = torch.tensor(list(chain.from_iterable(picked)), device=device)
    return batch.by_row(flat)

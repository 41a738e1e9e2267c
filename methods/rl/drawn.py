"""What the loop hands to a method: the answers of a step, and micro-batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.engine.sample import Sample
from methods.engine.tasks.task import Problem


@dataclass(frozen=True)
class Drawn:
    """The answers of one step: P prompts with G answers each, prompt after prompt."""

    problems: tuple[Problem, ...]  # P
    answers: tuple[Sample, ...]  # P * G
    scores: Tensor  # (P, G) float64, the task's
    rewards: Tensor  # (P, G) float64, what the method is told

    def __post_init__(self) -> None:
        size = self.group_size
        if len(self.answers) != len(self.problems) * size:
            raise ValueError(f"{len(self.answers)} answers are not {size} to each prompt")
        for place, answer in enumerate(self.answers):
            first = self.answers[place - place % size]
            if _prompt(answer) != _prompt(first):
                raise ValueError(f"answer {place} stands in a group of answers to another prompt")

    @property
    def group_size(self) -> int:
        """Answers to each prompt."""
        return self.scores.shape[-1]

    @property
    def lengths(self) -> Tensor:
        """(P, G) float64: tokens of each answer, its end included."""
        counts = [float(a.tokens.completion_length) for a in self.answers]
        return torch.tensor(counts, dtype=torch.float64).view_as(self.rewards)

    @property
    def with_spread(self) -> Tensor:
        """(P,) bool: groups whose rewards are not all equal."""
        return self.rewards.amax(-1) > self.rewards.amin(-1)

    def of(self, groups: Sequence[int]) -> Drawn:
        """These groups alone, in this order."""
        size = self.group_size
        return Drawn(
            tuple(self.problems[g] for g in groups),
            tuple(a for g in groups for a in self.answers[g * size : (g + 1) * size]),
            self.scores[list(groups)],
            self.rewards[list(groups)],
        )

    def __add__(self, other: Drawn) -> Drawn:
        return Drawn(
            self.problems + other.problems,
            self.answers + other.answers,
            torch.cat([self.scores, other.scores]),
            torch.cat([self.rewards, other.rewards]),
        )


@dataclass(frozen=True)
class Part:
    """One micro-batch of an update, B answers of at most C tokens, and totals of the whole update.

    Log-probs are in nats, zero where ``mask`` is False. Answers that carry no gradient may be
    missing from the part; the totals count them.
    """

    logp: Tensor  # (B, C), differentiable
    old_logp: Tensor  # (B, C), of the policy that wrote the answers
    ref_logp: Tensor | None  # (B, C), of the reference, where the loss reads one
    mask: Tensor  # (B, C) bool
    advantages: Tensor  # (B,), or (B, C) where each token has its own
    answers: int
    tokens: int
    # Of a policy with a value head, each (B, C): now (differentiable), when sampled, and aimed at.
    values: Tensor | None = None
    old_values: Tensor | None = None
    returns: Tensor | None = None


@dataclass(frozen=True)
class Critic:
    """What a policy with a value head said of the answers before any update, one a token each."""

    logprobs: Sequence[Tensor]
    values: Sequence[Tensor]
    returns: Sequence[Tensor]  # what the values are trained towards


def outside_ratio(part: Part, low: float, high: float) -> Tensor:
    """(B, C) bool: tokens whose ratio of new to old probability is not within low to high."""
    ratio = (part.logp.detach() - part.old_logp).exp()
    return (ratio < low) | (ratio > high)


def _prompt(answer: Sample) -> tuple[int, ...]:
    return answer.tokens.ids[: answer.tokens.prompt_length]

"""Bradley-Terry reward model: a number for each answer, such that the preferred one has the higher.

Paper: arXiv 2203.02155 (Ouyang et al., *Training language models to follow instructions with human
feedback*), Eq. 1, over all pairs of the K answers that one prompt's labeler ranked:

    loss = -1/C(K,2)  E  log sigma( r(x, y_w) - r(x, y_l) )

Two terms that later papers add are options, off by default. ``margin`` asks for a larger
difference where the labeler was surer (arXiv 2307.09288, Eq. 2): log sigma(r_w - r_l - m).
``centering`` adds a small multiple of (r_w + r_l)^2, which fixes the level that differences leave
open (arXiv 2312.09244).

With no pairs given, the policy continues a review's first words K times and the sentiment score
says which of two continuations is preferred.

Departures from the paper
1. A labeler is the task's score; the paper's people rank 4 to 9 answers. Ties are dropped in both,
   and a prompt's pairs share its weight evenly, however many of the C(K,2) are left.
2. The head is zero at the start, so that training begins at ln 2; the paper does not say.
3. The paper trains a 6B model for one epoch at 9e-6, the rate falling to a tenth along a cosine;
   ours falls to zero, and rate and batch are scaled to the model (PRESETS).
4. The level of rewards is left as training leaves it, unless ``centering`` is set; the paper
   shifts it so that demonstrations have mean 0.
5. The margin is ``margin`` times the difference of gold scores, where Llama 2 has a number for
   each of four degrees of preference.

Checked against: ln 2 at the start, antisymmetry, the closed-form gradient, TRL's RewardTrainer
(loss, margin, centering; value and gradient), OpenRLHF's PairWiseLoss, and transformers'
AutoModelForSequenceClassification reading the saved model.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.engine.examples import preference_pairs
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.results import Estimate, Results
from methods.engine.run import Run
from methods.engine.scalar import WholeBatch, row_scores, text_scores
from methods.preference.loop import won
from methods.reward import loop
from methods.reward.loop import Answer, Part
from methods.reward.options import RewardOptions


class Config(RewardOptions):
    """Options of the Bradley-Terry reward model."""

    task_only: ClassVar[tuple[str, ...]] = (*RewardOptions.task_only, "margin")

    task: str = option(
        "movie-reviews", "a built-in task whose score ranks sampled answers", source="ours"
    )
    data: str | None = option(
        None,
        "instead of sampled answers: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of "
        "prompt, chosen, rejected",
        source="ours",
    )
    batch_size: int = option(
        64,
        "prompts of one optimiser step, each with all pairs of its answers",
        source="paper, Appendix C.2",
        unit="prompts",
        ge=1,
    )
    learning_rate: float = option(
        9e-6, "peak learning rate of AdamW", source="paper, Appendix C.2", gt=0, lt=1
    )
    schedule: Literal["constant", "linear", "cosine"] = option(
        "cosine", "learning rate after the warm-up", source="paper, Appendix C.2 (cosine)"
    )
    steps: int = option(200, "optimiser steps", source="ours", unit="steps", ge=1)
    margin: float = option(
        0.0,
        "gold difference that an unsure pair lacks: m = margin x (gold_w - gold_l) in Eq. 2 of "
        "2307.09288",
        source="ours; 0 is Eq. 1 of the paper",
        ge=0,
        le=100,
    )
    centering: float = option(
        0.0,
        "weight of (r_w + r_l)^2, which keeps rewards around zero (2312.09244)",
        source="ours; 0 is Eq. 1 of the paper",
        ge=0,
        le=10,
    )
    preference: Literal["reward", "flipped", "random"] = option(
        "reward",
        "who is preferred: the higher score; flipped and random are controls",
        source="ours",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 5e-4, "batch_size": 16, "steps": 100, "warmup_steps": 10, "prompts": 500,
        "held_out_prompts": 100, "held_out_samples": 4,
    },
    "smollm2-135m": {
        "precision": "bfloat16", "learning_rate": 3e-5, "batch_size": 8, "steps": 40,
        "warmup_steps": 4, "prompts": 100, "max_new_tokens": 16, "held_out_prompts": 60,
        "held_out_samples": 4,
    },
}  # fmt: skip


def preference_loss(
    better: Tensor, worse: Tensor, margin: Tensor | float = 0.0, centering: float = 0.0
) -> Tensor:
    """-log sigma(r_w - r_l - m) + centering (r_w + r_l)^2 of each pair, in nats, (P,).

    ``better`` and ``worse`` (P,): the rewards of the preferred answer and of the other.
    """
    loss = -torch.nn.functional.logsigmoid(better - worse - margin)
    return loss + centering * (better + worse).square() if centering else loss


def pair_weights(pairs: Tensor, prompts: int) -> Tensor:
    """Each pair's share of a step's loss, (P,) float64, as Eq. 1 has it.

    ``pairs`` (P,): how many pairs its prompt has; every one of the ``prompts`` weighs the same.
    """
    return 1.0 / (pairs.double() * prompts)


@dataclass(frozen=True)
class Comparison:
    """The answers to one prompt and every (better, worse, gold difference) among them."""

    rows: tuple[Tokens, ...]
    pairs: tuple[tuple[int, int, float], ...]


def compared(gold: Sequence[float]) -> list[tuple[int, int, float]]:
    """(better, worse, difference) for every two answers of different gold score.

    >>> compared([1.0, 0.0, 1.0])
    [(0, 1, 1.0), (2, 1, 1.0)]
    """
    pairs = [(i, j) for i, j in itertools.combinations(range(len(gold)), 2) if gold[i] != gold[j]]
    ordered = [(i, j) if gold[i] > gold[j] else (j, i) for i, j in pairs]
    return [(win, lose, gold[win] - gold[lose]) for win, lose in ordered]


def run(run: Run, config: Config) -> None:
    """Train on comparisons; held-out pairs ranked right, and agreement with the gold reward."""
    task = None if config.data else run.task(config.task)
    policy = loop.start(run, config, task)
    answers: list[Answer] = []
    if task is None:
        pairs, judged = preference_pairs(run, str(config.data), policy, config.skip_bad_rows)
        known = [Comparison(pair, ((0, 1, 1.0),)) for pair in pairs]
        tested = [(prompt, Comparison(pair, ((0, 1, 1.0),))) for prompt, pair in judged]
        together = 2
    else:
        train, held_out = loop.problems_of(config, task)
        drawn = loop.sampled_answers(
            run, config, policy, task, "answers", train, config.samples_per_prompt
        )
        answers = loop.sampled_answers(
            run, config, policy, task, "held out", held_out, config.held_out_samples
        )
        known = [c for c in comparisons(policy, drawn, config.samples_per_prompt) if c.pairs]
        groups = comparisons(policy, answers, config.held_out_samples)
        tested = [(p.prompt, c) for p, c in zip(held_out, groups, strict=True)]
        together = config.samples_per_prompt
        if not known:
            raise MethodError(f"no two answers to a prompt of {task.name} differ: no pairs")
    known = controlled(known, config.preference, run.generator("preference"))

    def begin(step: int, taken: list[int]) -> tuple[list[Tokens], Part]:
        chosen = [known[i] for i in taken]
        return [r for c in chosen for r in c.rows], part_of(policy, config, chosen, together)

    before, after = loop.train(
        run, config, policy, len(known), config.batch_size, begin,
        lambda: held_out_measures(policy, tested, [a.gold for a in answers]), together=together,
    )  # fmt: skip
    if task is not None:
        scores = row_scores(policy, [r for _, c in tested for r in c.rows])
        loop.show(run, answers, scores, config.held_out_samples)
    loop.finish(run, config, Results(loop.between(FACTS, before, after)), policy)


FACTS = {
    "pair_accuracy": ("Held-out pairs ranked right", "fraction", True),
    "pair_loss": ("Held-out loss", "nats per pair", False),
    "correlation": ("Correlation with the gold reward", "r", True),
    "reward_level": ("Mean learned reward of held-out answers", "reward", False),
}


def comparisons(
    policy: LanguageModel, answers: Sequence[Answer], per_prompt: int
) -> list[Comparison]:
    """The answers prompt by prompt, with every pair that their gold scores order."""
    rows = loop.answer_rows(policy, answers)
    return [
        Comparison(
            tuple(rows[i : i + per_prompt]),
            tuple(compared([a.gold for a in answers[i : i + per_prompt]])),
        )
        for i in range(0, len(answers), per_prompt)
    ]


def part_of(
    policy: LanguageModel, config: Config, chosen: Sequence[Comparison], together: int
) -> Part:
    """The loss of whole comparisons among ``chosen``, whose rows stand one after another."""

    def part(batch: WholeBatch) -> tuple[Tensor, dict[str, float]]:
        scores = text_scores(policy, batch)
        place = {row: i for i, row in enumerate(batch.rows)}
        found = [
            (place[c * together + win], place[c * together + lose], gap, len(chosen[c].pairs))
            for c in sorted({row // together for row in batch.rows})
            for win, lose, gap in chosen[c].pairs
        ]
        win, lose, gap, count = (
            torch.tensor(v, device=policy.device) for v in zip(*found, strict=True)
        )
        better, worse = scores[win], scores[lose]
        weight = pair_weights(count, len(chosen)).to(scores.dtype)
        margin = config.margin * gap.to(scores.dtype)
        loss = (weight * preference_loss(better, worse, margin, config.centering)).sum()
        right = ((better > worse) + 0.5 * (better == worse)) * weight
        return loss, {
            "accuracy": right.sum().item(),
            "margin": ((better - worse) * weight).sum().item(),
        }

    return part


def controlled(
    known: list[Comparison], preference: str, generator: torch.Generator
) -> list[Comparison]:
    """``known`` as it is, with every preference swapped (``flipped``), or a coin for each."""
    if preference == "reward":
        return known
    count = sum(len(c.pairs) for c in known)
    if preference == "flipped":
        coins = [1] * count
    else:
        drawn = torch.randint(2, (count,), generator=generator, device=generator.device)
        coins = drawn.tolist()
    swap = iter(coins)

    def mixed(comparison: Comparison) -> Comparison:
        pairs = ((j, i, gap) if next(swap) else (i, j, gap) for i, j, gap in comparison.pairs)
        return Comparison(comparison.rows, tuple(pairs))

    return [mixed(c) for c in known]


def held_out_measures(
    policy: LanguageModel, tested: Sequence[tuple[str, Comparison]], gold: Sequence[float]
) -> dict[str, Any]:
    """Pairs ranked right, their loss and the level of rewards, by prompt first; agreement."""
    scores = row_scores(policy, [r for _, c in tested for r in c.rows])
    asked = [prompt for prompt, c in tested for _ in c.rows]
    paired = [prompt for prompt, c in tested for _ in c.pairs]
    wins: list[float] = []
    losses: list[float] = []
    start = 0
    for _, comparison in tested:
        values = torch.tensor(scores[start : start + len(comparison.rows)], dtype=torch.float64)
        start += len(comparison.rows)
        for win, lose, _ in comparison.pairs:
            wins.append(won(values[win] - values[lose]))
            losses.append(float(preference_loss(values[win], values[lose])))
    if not wins:
        raise MethodError("no two held-out answers to one prompt differ: nothing to measure")
    found = {
        "pair_accuracy": Estimate.of_fractions(loop.means(wins, paired)).to_json(),
        "pair_loss": Estimate.of_values(loop.means(losses, paired)).to_json(),
        "reward_level": Estimate.of_values(loop.means(scores, asked)).to_json(),
    }
    if gold:
        found["correlation"] = loop.correlation(scores, gold, len(tested)).to_json()
    return found

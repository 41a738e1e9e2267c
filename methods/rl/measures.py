"""What the loop measures of answers: at every step, and held out before and after.

Lengths, by outcome, and entropy stand beside the scores, since a policy that is rewarded for the
one can pay with the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from methods.engine import measure
from methods.engine.model import LanguageModel
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.sample import Sample
from methods.engine.scalar import text_rewards
from methods.engine.tasks.task import Task
from methods.inference.best_of_n import pass_at_k
from methods.rl.options import RlOptions


def entropy_estimate(answers: Sequence[Sample]) -> float:
    """Minus the mean log-prob of the sampled tokens, in nats a token.

    Unbiased for the sampler's mean entropy over the places that the answers visit.
    """
    count = sum(len(s.logprobs) for s in answers)
    return -math.fsum(math.fsum(s.logprobs) for s in answers) / count


def evaluate(
    run: Run,
    config: RlOptions,
    policy: LanguageModel,
    task: Task,
    longest: int,
    start: LanguageModel | None = None,
    judge: LanguageModel | None = None,
) -> dict[str, Any]:
    """Held-out measures, plain JSON: greedy and sampled score, answer lengths, entropy.

    ``start``: the model that the KL is measured to; ``judge``: the reward model trained on.
    """
    greedy = measure.greedy_scores(policy, task, task.held_out, longest, run.check)
    scores, drawn = measure.sampled_scores(
        policy, task, task.held_out, per_prompt=config.pass_k, max_new_tokens=longest,
        generator=run.generator("held out"), on_progress=lambda _: run.check(),
    )  # fmt: skip
    k = config.pass_k
    run.samples(
        "held out",
        [(task.held_out[s.prompt_index].prompt, s.text, None) for s in drawn[: 8 * k : k]],
    )
    if task.kind == "scored":
        found = {
            "held_out_score": Estimate.of_values(greedy).to_json(),
            "reward": Estimate.of_values(scores.mean(-1).tolist()).to_json(),
        }
    else:
        right = (scores >= 1).sum(-1).tolist()
        found = {"held_out_accuracy": measure.fraction_right(greedy).to_json()}
        for n in (1, k):
            values = [pass_at_k(k, int(c), n) for c in right]
            found[f"pass_at_{n}"] = Estimate.of_fractions(values).to_json()
    if judge is not None:
        told = text_rewards(judge, [(task.held_out[s.prompt_index].prompt, s.text) for s in drawn])
        means = torch.tensor(told, dtype=torch.float64).view_as(scores).mean(-1)
        found["proxy_reward"] = Estimate.of_values(means.tolist()).to_json()
    if start is not None:
        found["kl"] = measure.kl_to(start, policy, drawn).to_json()
    return found | _written(drawn, scores, task)


def _written(drawn: Sequence[Sample], scores: Tensor, task: Task) -> dict[str, Any]:
    """How long and how certain sampled answers are; prompts are the independent units."""
    lengths = torch.tensor([float(s.tokens.completion_length) for s in drawn], dtype=torch.float64)
    lengths = lengths.view_as(scores)
    sure = torch.tensor([math.fsum(s.logprobs) / len(s.logprobs) for s in drawn])
    found: dict[str, Any] = {
        "answer_tokens": Estimate.of_values(lengths.mean(-1).tolist()).to_json(),
        "entropy": Estimate.of_values((-sure.view_as(scores).mean(-1)).tolist()).to_json(),
    }
    for name, which in _by_outcome(scores, task).items():
        pairs = zip((lengths * which).sum(-1).tolist(), which.sum(-1).tolist(), strict=True)
        found[name] = [total / count if count else None for total, count in pairs]
    return found


def _by_outcome(scores: Tensor, task: Task) -> dict[str, Tensor]:
    """Which answers are right and which are wrong, under the measure's name; none if scored."""
    if task.kind != "verifiable":
        return {}
    return {"right_answer_tokens": scores >= 1, "wrong_answer_tokens": scores < 1}


def results(before: dict[str, Any], after: dict[str, Any], k: int) -> Results:
    """The measures that both have, before and after; of a scored task the greedy score first.

    Lengths by outcome are over problems with such answers both times, and left out where none is.
    """
    before, after = _same_problems(before, after)
    both_times = " to held-out problems that have some before and after"
    facts = {
        "held_out_accuracy": ("Held-out greedy accuracy", "fraction", True),
        "pass_at_1": ("Held-out pass@1, sampled at T = 1", "fraction", True),
        f"pass_at_{k}": (f"Held-out pass@{k}, sampled at T = 1", "fraction", True),
        "held_out_score": ("Held-out score, greedy", "score", True),
        "reward": ("Held-out score, sampled at T = 1", "score", True),
        "proxy_reward": ("Reward by the model trained on, sampled", "score", True),
        "kl": ("KL to the start", "nats per answer", False),
        "answer_tokens": ("Length of held-out answers", "tokens", False),
        "right_answer_tokens": (f"Length of right answers{both_times}", "tokens", False),
        "wrong_answer_tokens": (f"Length of wrong answers{both_times}", "tokens", False),
        "entropy": ("Entropy of held-out answers, estimated", "nats per token", False),
    }
    both = [name for name in facts if name in before and name in after]
    return Results(
        tuple(Measure.between(name, *facts[name], before[name], after[name]) for name in both)
    )


def _same_problems(
    before: dict[str, Any], after: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both with estimates for the lists of one value (or None) a problem, over those with two.

    Over all that have one, a mean would move with which problems are solved and no answer change.
    """
    then, now = dict(before), dict(after)
    for name in [name for name in then if isinstance(then[name], list)]:
        values = zip(then.pop(name), now.pop(name), strict=True)
        pairs = [(a, b) for a, b in values if a is not None and b is not None]
        if pairs:
            then[name], now[name] = (
                Estimate.of_values(side).to_json() for side in zip(*pairs, strict=True)
            )
    return then, now


def lengths_by_outcome(lengths: Tensor, scores: Tensor, task: Task) -> dict[str, float]:
    """Mean tokens of right and of wrong answers, where there are any and the task tells."""
    found = _by_outcome(scores, task)
    return {k: lengths[which].mean().item() for k, which in found.items() if which.any()}

"""Online DPO (OAIF): two fresh answers, an annotator that prefers one, one DPO step.

Paper: arXiv 2402.04792 (Guo et al., *Direct Language Model Alignment from Online AI Feedback*),
Algorithm 1. Offline DPO learns from answers that another model wrote long ago. Here the pairs of a
step come from the policy as it is, and an annotator says which answer is better:

    y1, y2 ~ pi_theta_t(.|x),    (y+, y-) = the annotator's order,
    L(theta) = -log sigma( beta log[pi(y+|x) / ref(y+|x)] - beta log[pi(y-|x) / ref(y-|x)] )

The gradient treats the answers as given: nothing flows through sampling or annotator.

Departures from the paper
1. The annotator is the task's score or a reward model; the paper prompts a large language model.
2. Answers that the annotator finds equal carry no preference and are dropped; the paper does not
   say. A step where all are equal changes nothing.
3. DPO's loss alone; the paper's algorithm also takes IPO's and SLiC's.
4. The presets are far smaller than the paper's and use a larger learning rate.

Checked against: hand-worked orders, the DPO gradient of preference/dpo.py on the step's own pairs,
and a coin as annotator (nothing learned).
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from methods.engine import measure
from methods.engine.batch import Tokens
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.dpo import dpo_loss
from methods.preference.loop import Pairs, update
from methods.rl.drawn import Drawn
from methods.rl.loop import Loop
from methods.rl.options import RlOptions


class Config(RlOptions):
    """Options of online DPO."""

    task: str = option(
        "movie-reviews", "a built-in task whose score ranks two answers", source="ours"
    )
    prompts_per_step: int = option(
        128, "prompts of one step, each a pair of answers", source="ours", unit="prompts", ge=1
    )
    group_size: int = option(
        2, "answers sampled to each prompt; the best and the worst are the pair",
        source="paper, Algorithm 1", unit="samples", ge=2,
    )  # fmt: skip
    temperature: float = option(
        1.0, "of sampling; the loss reads log-probs at 1", source="ours", gt=0, le=5
    )
    beta: float = option(
        0.1, "strength of the pull to the reference", source="paper, Section 4", gt=0, le=10
    )
    learning_rate: float = option(
        5e-7, "peak learning rate of AdamW", source="paper, Section 4", gt=0, lt=1
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 1e-4, "warmup_steps": 5, "prompts_per_step": 32, "steps": 50, "pass_k": 2,
    },
    "smollm2-135m": {
        "precision": "bfloat16", "learning_rate": 1e-5, "prompts_per_step": 8, "steps": 12,
        "max_new_tokens": 16, "pass_k": 2,
    },
}  # fmt: skip


def best_and_worst(rewards: Tensor) -> list[tuple[int, int, int]]:
    """(prompt, better, worse) for every prompt whose answers differ in reward, (P, K).

    Of equal rewards the first stands for all.
    """
    found = []
    for prompt, row in enumerate(rewards.tolist()):
        best, worst = row.index(max(row)), row.index(min(row))
        if row[best] > row[worst]:
            found.append((prompt, best, worst))
    return found


def ordered_pairs(drawn: Drawn) -> list[tuple[Tokens, Tokens]]:
    """The step's pairs, preferred answer first."""
    size = drawn.group_size
    return [
        (drawn.answers[p * size + i].tokens, drawn.answers[p * size + j].tokens)
        for p, i, j in best_and_worst(drawn.rewards)
    ]


def run(run: Run, config: Config) -> None:
    """Sample pairs, order them, one DPO step; held-out score and KL before and after."""
    references: list[LanguageModel] = []
    # Before the policy may be cut among processes: the reference is whole in each of them.
    loop = Loop(run, config, lambda policy: references.append(policy.frozen_copy()))

    def loss(pairs: Pairs) -> Tensor:
        return dpo_loss(*pairs.summed(), config.beta)

    for step in loop.steps():
        drawn = loop.sample(step)
        pairs = ordered_pairs(drawn)
        ref = measure.row_logprobs(references[0], [row for pair in pairs for row in pair])
        done = update(loop.policy, loop.optimiser, step, config, pairs, ref, loss)
        loop.log(step, drawn, done | {"pairs": float(len(pairs))})
    loop.finish()

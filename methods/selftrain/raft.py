"""Reward rAnked FineTuning (RAFT): write several answers, keep the best one, imitate it.

Paper: arXiv 2304.06767 (Dong et al., *RAFT: Reward rAnked FineTuning for Generative Foundation
Model Alignment*), Algorithm 1. In every round the current model writes K answers to each of a batch
of prompts, a reward ranks them, and the model is fine-tuned on the best one of each prompt:

    y*_i = argmax_{y_i1..y_iK ~ pi(.|x_i)} r(x_i, y)         L(theta) = - sum_i log pi(y*_i | x_i)

Departures from the paper
1. The loss is the mean over all answer tokens of an optimiser step.
2. The reward is a verifier or the task's score; the paper's is a trained reward model.
3. Of a prompt without an answer of at least ``threshold`` none is kept; by default there is no
   threshold. Of equally good answers the first written is kept; the paper does not say.
4. AdamW keeps its moments from round to round; the presets are far smaller than the paper's.

Checked against: hand-worked rankings, the expected best of K under a coin (no gain), and the
supervised gradient of finetune/sft.py, whose loss this is.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.selftrain.loop import Rounds, plain_row, tokens_of
from methods.selftrain.options import FilterOptions


class Config(FilterOptions):
    """Options of RAFT."""

    task: str = option("movie-reviews", "a built-in task whose score ranks answers", source="ours")
    rounds: int = option(
        6, "times that answers are written anew", source="ours", unit="rounds", ge=1, le=100
    )
    samples_per_prompt: int = option(
        8, "K: answers written to each prompt, of which the best is kept", source="ours",
        unit="samples", ge=1, le=256,
    )  # fmt: skip
    threshold: float = option(
        -1e9, "a prompt whose best answer scores less keeps none", source="ours"
    )
    learning_rate: float = option(2e-5, "peak learning rate of AdamW", source="ours", gt=0, lt=1)
    reward: Literal["task", "random"] = option(
        "task", "who ranks the answers; random is a coin for each, a control that must not learn",
        source="ours",
    )  # fmt: skip


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 3e-4, "batch_size": 64, "steps": 40, "rounds": 4, "prompts_per_round": 100,
        "pass_k": 2,
    },
    "smollm2-135m": {
        "precision": "bfloat16", "learning_rate": 3e-5, "batch_size": 16, "steps": 16, "rounds": 2,
        "prompts_per_round": 60, "max_new_tokens": 16, "pass_k": 2,
    },
}  # fmt: skip


def best_of_each(rewards: Tensor, threshold: float) -> list[tuple[int, int]]:
    """(prompt, answer) of the best answer to each prompt that has one of at least ``threshold``.

    ``rewards`` (P, K). Of equal ones the first.
    """
    rows: list[list[float]] = rewards.tolist()
    return [(i, row.index(max(row))) for i, row in enumerate(rows) if max(row) >= threshold]


def run(run: Run, config: Config) -> None:
    """Write, rank, imitate the best, round after round; held-out score before and after."""
    loop = Rounds(run, config)

    def collect(number: int) -> dict[str, Any]:
        written = loop.write(number, loop.problems(number), config.samples_per_prompt)
        ranked = written.scores if config.reward == "task" else loop.coins(number, written)
        best = best_of_each(ranked, config.threshold)
        answers = [written.answers[p * config.samples_per_prompt + k] for p, k in best]
        return {
            "rows": [plain_row(answer.tokens) for answer in answers],
            "written_score": float(written.scores.mean()),
            "kept_score": sum(float(written.scores[place]) for place in best) / max(1, len(best)),
        }

    for step, number in loop.steps():
        kept = loop.kept(step, number, lambda number=number: collect(number))
        loop.learn(
            step, number, tokens_of(kept["rows"]),
            written_score=kept["written_score"], kept_score=kept["kept_score"],
        )  # fmt: skip
    loop.finish()

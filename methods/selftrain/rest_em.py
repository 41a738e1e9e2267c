"""ReST-EM: write many answers, keep the right ones, train the start on them, and again.

Paper: arXiv 2312.06585 (Singh et al., *Beyond Human Data: Scaling Self-Training for Problem-Solving
with Language Models*), Algorithm 1. Expectation-maximisation on the probability of a reward:

    E-step   D_k = { (x_i, y_ij) : y_ij ~ pi_k(.|x_i), j = 1..N,  r(x_i, y_ij) = 1 },  at most 10
             answers of a problem
    M-step   theta_{k+1} = argmax_theta  E_{(x, y) ~ D_k} [ r(x, y) log pi_theta(y | x) ]
             from the pretrained model, not from theta_k

Departures from the paper
1. Equal answers to a problem are kept once. The paper samples long programs and proofs, of which no
   two are alike; ours are short, and ten copies of one answer would be one example weighed tenfold.
2. Which of a problem's right answers stay under the cap is not stated; here the first written.
3. The mean over all answer tokens of an optimiser step is the loss; the number of steps is given,
   where the paper stops an M-step on a validation set.
4. Sampling is from the whole distribution at temperature 1; the paper cuts it to the 40 likeliest
   tokens at temperature 0.7.
5. The presets are far smaller: the paper writes 32 answers (MATH) or 64 (APPS) to each problem.

Checked against: hand-worked filtering, caps and duplicates, a round begun twice from the same start
(bit for bit), and the supervised gradient of finetune/sft.py, whose loss this is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from methods.engine.batch import Tokens
from methods.engine.options import option
from methods.engine.run import Run
from methods.selftrain.loop import Rounds, ended, plain_row, tokens_of
from methods.selftrain.options import FilterOptions


class Config(FilterOptions):
    """Options of ReST-EM."""

    samples_per_prompt: int = option(
        32, "N: answers written to each problem", source="paper, implementation details, MATH",
        unit="samples", ge=1, le=256,
    )  # fmt: skip
    most_per_prompt: int = option(
        10, "answers of one problem that are kept, at most", source="paper, implementation details",
        unit="answers", ge=1,
    )  # fmt: skip
    learning_rate: float = option(2e-5, "peak learning rate of AdamW", source="ours", gt=0, lt=1)


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 1e-3, "batch_size": 64, "steps": 300, "rounds": 3,
        "prompts_per_round": 2000, "samples_per_prompt": 4,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 2e-5,
        "batch_size": 16, "steps": 20, "rounds": 2, "samples_per_prompt": 4,
        "prompts_per_round": 60,
    },
}  # fmt: skip


def right_answers(
    answers: Sequence[Tokens], rewards: Tensor, threshold: float, most: int
) -> list[int]:
    """Places of the answers that are kept: right ones, each once, at most ``most`` of a problem.

    ``answers`` holds P * K of them, ``ended`` alike, problem after problem; ``rewards`` (P, K).
    """
    size = rewards.shape[-1]
    kept: list[int] = []
    for problem, row in enumerate(rewards.tolist()):
        seen: set[tuple[int, ...]] = set()
        for k, reward in enumerate(row):
            answer = answers[problem * size + k].completion
            if reward >= threshold and answer not in seen and len(seen) < most:
                seen.add(answer)
                kept.append(problem * size + k)
    return kept


def run(run: Run, config: Config) -> None:
    """Write, filter, train the start; held-out accuracy before and after."""
    loop = Rounds(run, config, from_start=True)

    def collect(number: int) -> dict[str, Any]:
        written = loop.write(number, loop.problems(number), config.samples_per_prompt)
        rewards = written.scores if config.reward == "task" else loop.coins(number, written)
        alike = [ended(loop.policy, answer) for answer in written.answers]
        kept = right_answers(alike, rewards, config.threshold, config.most_per_prompt)
        return {
            "rows": [plain_row(written.answers[i].tokens) for i in kept],
            "written_score": float(written.scores.mean()),
        }

    for step, number in loop.steps():
        kept = loop.kept(step, number, lambda number=number: collect(number))
        loop.learn(step, number, tokens_of(kept["rows"]), written_score=kept["written_score"])
    loop.finish()

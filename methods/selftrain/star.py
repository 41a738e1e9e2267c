"""Self-Taught Reasoner (STaR): learn from one's own reasoning where it led to the right answer.

Paper: arXiv 2203.14465 (Zelikman et al., *STaR: Bootstrapping Reasoning With Reasoning*),
Algorithm 1. In every round the model writes a rationale and an answer to each problem; those with
the right answer are kept. To a problem it failed it writes again, with the answer as a hint
(rationalisation); those that then end in the right answer are kept as if there had been no hint:

    D_n = { (x_i, r_i, y_i) : y_i right }  +  { (x_i, r'_i, y'_i) : y'_i right, y_i wrong }
    M_n = train(M, D_n)         from the original model M in every round

Departures from the paper
1. A rationale is the steps of a task that is worked out in steps; the filter looks at the last one
   alone, as in the paper. There are no few-shot rationales in the prompt: the start was trained on
   a few hundred worked examples instead.
2. The hint is the right answer, written after the prompt ("3+5+2=" becomes "3+5+2=10="). The start
   has never seen such a prompt; the paper shows hinted examples in the prompt. So rationalisation
   brings less here, and how much it brings is logged.
3. The number of steps is the same in every round; the paper's grows by a fifth a round.
4. One rationale to a problem, sampled at temperature 1; the paper decodes greedily (Section 3.1).

Checked against: hand-worked choices of what is kept, the hint and its removal, and the supervised
gradient of finetune/sft.py, whose loss this is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from methods.engine.batch import Tokens
from methods.engine.errors import MethodError
from methods.engine.options import option
from methods.engine.run import Run
from methods.engine.sample import Sample
from methods.engine.tasks.task import Problem, Task
from methods.selftrain.loop import Rounds, plain_row, tokens_of
from methods.selftrain.options import FilterOptions


class Config(FilterOptions):
    """Options of the Self-Taught Reasoner."""

    task: str = option(
        "running-sum:terms=6", "a built-in task that is worked out in steps", source="ours"
    )
    samples_per_prompt: int = option(
        1, "rationales written to each problem", source="paper, Algorithm 1", unit="samples",
        ge=1, le=256,
    )  # fmt: skip
    rationalise: bool = option(
        True, "write again, with the answer as a hint, where no rationale was right",
        source="paper, Section 3.2",
    )  # fmt: skip
    learning_rate: float = option(1e-6, "peak learning rate of AdamW", source="ours", gt=0, lt=1)


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 2e-4, "batch_size": 64, "steps": 300, "rounds": 3,
        "prompts_per_round": 4000,
    },
    "smollm2-135m": {
        "precision": "bfloat16", "learning_rate": 2e-5, "batch_size": 16, "steps": 20, "rounds": 2,
        "prompts_per_round": 60,
    },
}  # fmt: skip


def hinted(problem: Problem, task: Task) -> Problem:
    """The problem with its right answer behind the prompt; the answer is judged as before."""
    answer = problem.answer or ""
    result = task.steps(answer)[-1] if task.step_end else answer
    return replace(problem, prompt=f"{problem.prompt}{result}=")


def without_hint(prompt: Sequence[int], answer: Sample) -> Tokens:
    """The answer behind ``prompt``, the ids of the prompt as it was before the hint."""
    return Tokens((*prompt, *answer.tokens.completion), len(prompt))


def run(run: Run, config: Config) -> None:
    """Write, rationalise, train the start; held-out accuracy before and after."""
    loop = Rounds(run, config, from_start=True)
    if config.rationalise and any(p.answer is None for p in loop.task.train):
        raise MethodError(
            f"task {loop.task.name} has problems without an answer, so there is no hint to give; "
            "use rationalise=false or a task that demonstrates its answers"
        )

    def collect(number: int) -> dict[str, Any]:
        problems = loop.problems(number)
        written = loop.write(number, problems, config.samples_per_prompt)
        rewards = written.scores if config.reward == "task" else loop.coins(number, written)
        right = rewards >= config.threshold
        rows = [
            written.answers[p * config.samples_per_prompt + k].tokens
            for p, k in right.nonzero().tolist()
        ]
        failed = [problems[i] for i in (~right.any(-1)).nonzero().flatten().tolist()]
        again: list[Tokens] = []
        if config.rationalise and failed:
            hints = [hinted(p, loop.task) for p in failed]
            told = loop.write(number, hints, 1, "rationalise")
            passed = (
                told.scores if config.reward == "task" else loop.coins(number, told, "hint coins")
            )
            again = [
                without_hint(loop.policy.encode_prompt(p.prompt), answer)
                for p, answer, good in zip(failed, told.answers, passed[:, 0], strict=True)
                if good >= config.threshold
            ]
        return {
            "rows": [plain_row(row) for row in (*rows, *again)],
            "written_score": float(written.scores.mean()),
            "rationalised": len(again),
        }

    for step, number in loop.steps():
        kept = loop.kept(step, number, lambda number=number: collect(number))
        loop.learn(
            step, number, tokens_of(kept["rows"]), written_score=kept["written_score"],
            rationalised=float(kept["rationalised"]),
        )  # fmt: skip
    loop.finish()

"""Escaping collapse: filter one's own answers, and spend weak labels where none was let through.

Paper: arXiv 2502.08924 (Amin et al., *Escaping Collapse: The Strength of Weak Data for Large
Language Model Training*). Repeated training on one's own answers is read as boosting. Round t draws
prompts, the model g writes K answers to each, a filter F judges them, and where it let none through
a weak labeller W is asked, which is right with probability beta on *whatever* it is asked:

    S_t = { (x, y) : y ~ g_{t-1}(.|x), F(x, y) = 1 }        W_t = { (x, W(x)) : no y of x in S_t }
    g_t = train on S_t and W_t

Version 1 has an exact filter; version 2 one that errs with probability gamma. Arms are the method
(boost) and what it is held against: weak-random spends as many labels on random prompts,
filter-only asks nobody (STaR and ReST-EM, without rationales), unfiltered learns all it wrote.

**What comes from outside.** The loop alone holds no information: F and W are where it gets in, and
both are read off the task's true answers here. Of the labels that a run asks for a share beta are
true answers, shown to the model; and the filter says of every answer whether it is the true one.

For a learner that is a table (K = 1) the error is known in closed form, by our own derivation:

    gamma = 0:  e_t = e_0 (1 - beta)^t
    gamma > 0:  e_t -> gamma (1 - beta) / (gamma (1 - beta) + beta (1 - gamma)),  not to 0
    B labels a round for N prompts, gamma = 0:  boost e_0 - t beta B / N, as long as B are hard;
                                                weak-random e_0 (1 - beta B / N)^t

Departures from the paper
1. The labeller is simulated: the task's answer with probability beta, else the answer of another
   training problem. Errors that agree with one another would be learned; these do not agree.
2. The filter errs anew for each answer it judges, so that K answers give K chances.
3. Equal answers to a prompt that were let through are kept once; unfiltered keeps its copies, since
   to drop them would be a filter.
4. The share of fresh data, alpha in version 2, is no option: it follows from how many prompts the
   model fails, or from label_budget.
5. By default a round goes on from where the last one ended; with restart it trains the start again.
6. The presets are far smaller: the paper trains Gemma 2 2B on GSM8K and MBPP. The tiny one writes
   at temperature 0.5, since at 1 the model repeats the labels' noise as it learned it.

Checked against: the closed forms above by simulation of a learner that is a table, over the same
functions as the run; hand-worked rounds; and rest_em.py, which filter-only is, step by step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self, TypeVar

import torch
from pydantic import model_validator
from torch import Tensor

from methods.engine.errors import MethodError
from methods.engine.examples import row
from methods.engine.options import option
from methods.engine.run import Run
from methods.engine.tasks.task import Problem
from methods.selftrain.loop import Rounds, ended, plain_row, tokens_of
from methods.selftrain.measures import ByHardness
from methods.selftrain.options import RoundOptions
from methods.selftrain.rest_em import right_answers

T = TypeVar("T")


class Config(RoundOptions):
    """Options of the boosting loop and of what it is held against."""

    arm: Literal["boost", "weak-random", "filter-only", "unfiltered"] = option(
        "boost",
        "boost asks the weak labeller where the filter let nothing through; weak-random as often, "
        "at random; filter-only never; unfiltered learns from every answer it wrote",
        source="paper: boosting against filter-only; the others ours",
    )
    beta: float = option(
        0.25, "chance that a weak label is right; 0 is a control that must not help",
        source="ours", ge=0, le=1,
    )  # fmt: skip
    gamma: float = option(
        0.0, "chance that the filter errs about an answer", source="ours; version 1 has 0",
        ge=0, le=1,
    )  # fmt: skip
    label_budget: int | None = option(
        None, "weak labels of a round, at most; none asks about every prompt that was failed",
        source="ours", unit="labels", ge=1,
    )  # fmt: skip
    restart: bool = option(
        False, "every round trains the start again, and not what the last one left", source="ours"
    )
    rounds: int = option(
        6, "T: times that answers are written anew", source="ours", unit="rounds", ge=1, le=100
    )
    samples_per_prompt: int = option(
        4, "K: answers written to each prompt", source="ours", unit="samples", ge=1, le=256
    )
    threshold: float = option(
        1.0,
        "an answer is right where its score is at least this; 1 is what a verifier says",
        source="ours",
    )
    learning_rate: float = option(2e-5, "peak learning rate of AdamW", source="ours", gt=0, lt=1)

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        idle = {
            "filter-only": ("beta", "label_budget"),
            "unfiltered": ("beta", "gamma", "label_budget"),
        }
        self.refuse_idle(idle.get(self.arm, ()), f"arm={self.arm}", "take arm=boost")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "learning_rate": 3e-4, "batch_size": 64, "steps": 300, "rounds": 6,
        "prompts_per_round": 1000, "temperature": 0.5,
    },
    "smollm2-135m": {
        "task": "chain-sum:operations=+-,shots=3", "precision": "bfloat16", "learning_rate": 2e-5,
        "batch_size": 16, "steps": 20, "rounds": 2, "prompts_per_round": 60,
    },
}  # fmt: skip


def let_through(right: Tensor, gamma: float, uniform: Tensor) -> Tensor:
    """What a filter lets through that errs about each answer with probability ``gamma``.

    ``right`` (P, K) bool and ``uniform`` (P, K) in [0, 1) to a bool of the same shape.
    """
    return right ^ (uniform < gamma)


def asked(arm: str, passed: Tensor, budget: int | None, uniform: Tensor) -> list[int]:
    """Prompts that the weak labeller is asked about, in rising order.

    ``boost`` asks about the failed ones, those without any True in ``passed`` (P, K), and
    ``weak-random`` about as many of all. Where the budget cuts, the least of ``uniform`` (P,) stay.
    """
    failed = ~passed.any(-1)
    if arm not in ("boost", "weak-random"):
        return []
    count = int(failed.sum()) if budget is None else min(budget, int(failed.sum()))
    open_to_all = failed if arm == "boost" else torch.ones_like(failed)
    order = torch.where(open_to_all, uniform, torch.inf).argsort(stable=True)
    return sorted(order[:count].tolist())


def weak_labels(true: Sequence[T], wrong: Sequence[T], beta: float, uniform: Tensor) -> list[T]:
    """One label for each question: the true one with probability ``beta``, else the wrong one."""
    told = (uniform < beta).tolist()
    return [a if good else b for a, b, good in zip(true, wrong, told, strict=True)]


def wrong_answer(problem: Problem, others: Sequence[Problem], place: int) -> str:
    """The answer of another problem, ``others[place]`` or the next whose answer differs.

    Raises MethodError where all answers are one.
    """
    for i in range(len(others)):
        found = others[(place + i) % len(others)].answer or ""
        if found.strip() != (problem.answer or "").strip():
            return found
    raise MethodError(
        f"all {len(others)} training problems have the answer {problem.answer!r}, so a weak "
        "labeller cannot be wrong; use a task with more answers, or arm=filter-only"
    )


def run(run: Run, config: Config) -> None:
    """Write, filter, ask, learn; held-out accuracy by hardness after every round."""
    loop = Rounds(run, config, from_start=config.restart)
    asks = config.arm in ("boost", "weak-random")
    if asks and any(p.answer is None for p in loop.task.train):
        raise MethodError(
            f"task {loop.task.name} has problems without an answer, so there is nothing for the "
            "weak labeller to know; use arm=filter-only or a task that demonstrates its answers"
        )
    held_out = ByHardness(loop, config.threshold)

    def drawn(purpose: str, number: int, *shape: int) -> Tensor:
        g = run.generator(purpose, number)
        return torch.rand(shape, generator=g, device=g.device, dtype=torch.float64).cpu()

    def labelled(number: int, problems: Sequence[Problem]) -> list[Any]:
        """Rows of what the weak labeller says of ``problems``, and how many it got right."""
        train = loop.task.train
        places = (drawn("wrong", number, len(problems)) * len(train)).long().tolist()
        wrong = [wrong_answer(p, train, i) for p, i in zip(problems, places, strict=True)]
        true = [p.answer or "" for p in problems]
        said = weak_labels(true, wrong, config.beta, drawn("labeller", number, len(problems)))
        rows = [row(loop.policy, p.prompt, text) for p, text in zip(problems, said, strict=True)]
        return [rows, sum(a == b for a, b in zip(true, said, strict=True))]

    def collect(number: int) -> dict[str, Any]:
        held_out.after(number - 1)
        problems = loop.problems(number)
        written = loop.write(number, problems, config.samples_per_prompt)
        answers, right = [a.tokens for a in written.answers], written.scores >= config.threshold
        if config.arm == "unfiltered":
            passed, kept = torch.ones_like(right), list(range(len(answers)))
        else:
            passed = let_through(right, config.gamma, drawn("filter", number, *right.shape))
            alike = [ended(loop.policy, answer) for answer in written.answers]
            kept = right_answers(alike, passed.double(), 0.5, config.samples_per_prompt)
        places = asked(config.arm, passed, config.label_budget,
                       drawn("asked", number, len(problems)))  # fmt: skip
        rows, true = labelled(number, [problems[i] for i in places])
        return {
            "rows": [plain_row(r) for r in (*(answers[i] for i in kept), *rows)],
            "written_score": float(written.scores.mean()),
            "failed": float((~passed.any(-1)).double().mean()),
            "labels": len(rows),
            "right_rows": int(right.flatten()[kept].sum()) + true,
        }

    for step, number in loop.steps():
        found = loop.kept(step, number, lambda number=number: collect(number))
        loop.learn(
            step, number, tokens_of(found["rows"]), written_score=found["written_score"],
            failed=found["failed"], labels=float(found["labels"]),
            right_rows=found["right_rows"] / max(1, len(found["rows"])),
        )  # fmt: skip
    spent = f", beta = {config.beta:g}" if asks else ""
    noise = "" if config.arm == "unfiltered" else f", gamma = {config.gamma:g}"
    curve = held_out.curve(config.rounds, f"{config.arm}{spent}{noise}")
    loop.finish(*held_out.measures(config.rounds), curves=(curve,))

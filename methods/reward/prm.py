"""Process reward model: is this step of the answer a good one? Labels by trying, not by people.

Paper: arXiv 2312.08935 (Wang et al., *Math-Shepherd: Verify and Reinforce LLMs Step-by-step without
Human Annotations*), Section 3. From the end of a step s_i a completer finishes the answer N times;
the step is as good as what comes of it:

    hard estimation (Eq. 3)    y_i = 1 where any of the N results is right, else 0
    soft estimation (Eq. 4)    y_i = the share of the N results that are right

The model is trained by cross-entropy on these labels, at the end of each step (Eq. 2), and an
answer of several steps is worth what its worst step is worth.

    loss = - mean over steps  y_i log sigma(r_i) + (1 - y_i) log(1 - sigma(r_i))

Departures from the paper
1. The completer is the generator itself; the paper's is a 7B model for all generators.
2. A step is read at its own last token, and the last step at the end token; the paper puts a token
   of its own behind each step and trains two of the vocabulary's logits.
3. The loss is a mean over all steps of the batch, where Eq. 2 sums over those of an answer.
4. 2 answers to a problem and 4 completions of each step; the paper has 15 of each of two
   generators, and 8.
5. The labelled problems are the task's last ones, since the built-in tiny generator knows the first
   400 by heart.

Checked against: the hand-worked loss of a ragged batch and its closed-form gradient, both
estimations on counted completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from methods.engine.batch import Tokens
from methods.engine.data import load_steps
from methods.engine.errors import MethodError
from methods.engine.examples import stepped_row
from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.results import Estimate, Results
from methods.engine.run import Run
from methods.engine.scalar import WholeBatch, row_values, values_after
from methods.engine.tasks.task import Task
from methods.reward import loop
from methods.reward.loop import Answer, Part
from methods.reward.options import RewardOptions


class Config(RewardOptions):
    """Options of the process reward model."""

    task_only: ClassVar[tuple[str, ...]] = (
        *RewardOptions.task_only, "completions", "estimation", "labels",
    )  # fmt: skip

    task: str = option("running-sum", "a built-in task whose answers have steps", source="ours")
    data: str | None = option(
        None,
        "instead of tried steps: a file (JSONL, JSON, CSV, Parquet) or hub:org/name of prompt, "
        "completions, labels",
        source="ours",
    )
    batch_size: int = option(
        64, "answers of one optimiser step", source="ours", unit="answers", ge=1
    )
    learning_rate: float = option(1e-5, "peak learning rate of AdamW", source="ours", gt=0, lt=1)
    steps: int = option(200, "optimiser steps", source="ours", unit="steps", ge=1)
    samples_per_prompt: int = option(
        2, "answers sampled to each training prompt", source="ours; the paper 15", unit="samples",
        ge=2, le=128,
    )  # fmt: skip
    completions: int = option(
        4,
        "completions tried from the end of each step",
        source="ours; the paper 8",
        unit="completions",
        ge=1,
        le=128,
    )
    estimation: Literal["hard", "soft"] = option(
        "hard",
        "a step's label: whether any completion is right, or how many are",
        source="paper, Section 4 (its models learn from hard ones)",
    )
    labels: Literal["rollouts", "shuffled"] = option(
        "rollouts",
        "what a step is labelled with: its own completions, or another step's, as a control",
        source="ours",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"learning_rate": 1e-3, "schedule": "cosine", "warmup_steps": 10, "prompts": 600},
    "smollm2-135m": {
        "task": "running-sum:terms=3", "precision": "bfloat16", "learning_rate": 3e-5,
        "batch_size": 16, "steps": 40, "warmup_steps": 4, "prompts": 40, "completions": 2,
        "max_new_tokens": 16, "held_out_prompts": 40, "held_out_samples": 8,
    },
}  # fmt: skip


def step_loss(values: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of each step in nats, (N,), from its number and its label in [0, 1]."""
    return torch.nn.functional.binary_cross_entropy_with_logits(values, labels, reduction="none")


def step_label(results: Sequence[float], estimation: str) -> float:
    """A step's label from how its completions ended, each from 0 (wrong) to 1 (right).

    >>> step_label([0.0, 1.0, 0.0, 0.0], "hard"), step_label([0.0, 1.0, 0.0, 0.0], "soft")
    (1.0, 0.25)
    """
    return max(results) if estimation == "hard" else sum(results) / len(results)


SEPARATOR = "\n"  # behind each step of a user's file, as in TRL's default


@dataclass(frozen=True)
class Stepped:
    """An answer whose steps are judged: where each ends among its completion tokens."""

    tokens: Tokens
    ends: tuple[int, ...]  # place of each step's last token in the completion
    labels: tuple[float, ...]  # in [0, 1], one a step

    @classmethod
    def of(
        cls, policy: LanguageModel, prompt: str, steps: Sequence[str], labels: Sequence[float]
    ) -> Stepped:
        """The row of ``steps``, each with its label."""
        return cls(*stepped_row(policy, prompt, steps), tuple(labels))


def run(run: Run, config: Config) -> None:
    """Train on judged steps; how well steps are told, and the answer whose worst step is best."""
    task = None if config.data else run.task(config.task)
    policy = loop.start(run, config, task)
    answers: list[Answer] = []
    if task is None:
        known, tested = labelled_steps(run, config, policy)
    elif not task.step_end:
        raise MethodError(f"task {task.name} has no steps; use running-sum, or give --data")
    else:
        train, held_out = loop.problems_of(config, task)
        drawn = loop.sampled_answers(
            run, config, policy, task, "answers", train, config.samples_per_prompt
        )
        answers = loop.sampled_answers(
            run, config, policy, task, "held out", held_out, config.held_out_samples
        )
        known = tried_steps(run, config, policy, task, drawn)
        tested = [
            Stepped.of(policy, a.problem.prompt, steps_of(task, a),
                       [float(right) for right in task.step_scores(a.problem, a.text)] or [0.0])
            for a in answers
        ]  # fmt: skip
    if config.labels == "shuffled":
        known = shuffled(known, run.generator("shuffle"))

    def begin(step: int, taken: list[int]) -> tuple[list[Tokens], Part]:
        chosen = [known[i] for i in taken]
        return [s.tokens for s in chosen], part_of(policy, chosen)

    before, after = loop.train(
        run, config, policy, len(known), config.batch_size, begin,
        lambda: held_out_measures(config, policy, task, tested, answers),
    )  # fmt: skip
    beside = () if task is None else loop.without_judge(task, answers, config.held_out_samples)
    if task is not None:
        worst = [min(v) for v in step_values(policy, tested)]
        loop.show(run, answers, worst, config.held_out_samples)
    measures = (*loop.between(FACTS, before, after), *beside)
    step_end = SEPARATOR if task is None else task.step_end
    loop.finish(run, config, Results(measures), policy, step_end)


FACTS = {
    "step_auc": ("Right steps ranked above wrong ones", "fraction", True),
    "step_accuracy": ("Held-out steps told right", "fraction", True),
    "best_of_n": ("Gold score of the answer ranked first by its worst step", "fraction", True),
    "auc": ("Right answers ranked above wrong ones to the same prompt", "fraction", True),
}


def part_of(policy: LanguageModel, chosen: Sequence[Stepped]) -> Part:
    """The loss of some of the answers in ``chosen``; every step of all of them weighs the same."""
    total = sum(len(s.ends) for s in chosen)

    def part(batch: WholeBatch) -> tuple[Tensor, dict[str, float]]:
        values = values_after(policy, batch)
        picked = [chosen[i] for i in batch.rows]
        lines = torch.tensor([i for i, s in enumerate(picked) for _ in s.ends])
        places = torch.tensor([end for s in picked for end in s.ends])
        labels = torch.tensor([y for s in picked for y in s.labels], dtype=values.dtype)
        found = values[lines, places]
        labels = labels.to(values.device)
        loss = step_loss(found, labels).sum() / total
        right = ((found > 0) == (labels >= 0.5)).sum().item() / total
        return loss, {"accuracy": right}

    return part


def steps_of(task: Task, answer: Answer) -> list[str]:
    """The steps of an answer; one that says nothing is one empty step, read at its end token."""
    return task.steps(answer.text) or [""]


def tried_steps(
    run: Run, config: Config, policy: LanguageModel, task: Task, answers: Sequence[Answer]
) -> list[Stepped]:
    """``answers`` with a label for each step, from completions that are kept in the folder.

    The last step leaves nothing to complete: its label is the answer's own outcome.
    """
    begun = [
        (a.problem, "".join(steps[: place + 1]))
        for a in answers
        for steps in [steps_of(task, a)]
        for place in range(len(steps) - 1)
    ]
    results = run.once(
        "completions",
        lambda: loop.completed(run, config, policy, task, begun, config.completions),
    )
    tried = iter(results)
    known = []
    for a in answers:
        steps = steps_of(task, a)
        labels = [step_label(next(tried), config.estimation) for _ in steps[:-1]]
        known.append(
            Stepped.of(policy, a.problem.prompt, steps, [*labels, loop.share(task, a.gold)])
        )
    return known


def shuffled(known: Sequence[Stepped], generator: torch.Generator) -> list[Stepped]:
    """The same steps, each with the label of a step drawn from all of them without repetition."""
    labels = [y for s in known for y in s.labels]
    places = torch.randperm(len(labels), generator=generator, device=generator.device).tolist()
    mixed = iter([labels[i] for i in places])
    return [Stepped(s.tokens, s.ends, tuple(next(mixed) for _ in s.labels)) for s in known]


def step_values(policy: LanguageModel, answers: Sequence[Stepped]) -> list[list[float]]:
    """The number of each step of each answer, before the sigmoid."""
    found = row_values(policy, [s.tokens for s in answers])
    return [[line[end] for end in s.ends] for line, s in zip(found, answers, strict=True)]


def held_out_measures(
    config: Config,
    policy: LanguageModel,
    task: Task | None,
    tested: Sequence[Stepped],
    answers: Sequence[Answer],
) -> dict[str, Any]:
    """Steps told right against their exact labels, and what ranking by the worst step is worth."""
    values = step_values(policy, tested)
    flat = [v for line in values for v in line]
    right = [y >= 0.5 for s in tested for y in s.labels]
    groups = [str(s.tokens.ids[: s.tokens.prompt_length]) for s in tested for _ in s.labels]
    found = {"step_accuracy": loop.told(flat, 0.0, right, groups).to_json()}
    if (area := loop.auc(flat, right)) is not None:
        independent = len(set(groups))
        found["step_auc"] = Estimate.of_fraction(area * independent, independent).to_json()
    if task is None:
        return found
    worst = [min(line) for line in values]
    return found | loop.ranking(task, answers, worst, config.held_out_samples)


def labelled_steps(
    run: Run, config: Config, policy: LanguageModel
) -> tuple[list[Stepped], list[Stepped]]:
    """(training, held-out) answers in judged steps from a user's file."""
    train, held = loop.user_rows(run, config, str(config.data), load_steps, policy)
    known, tested = (
        [
            Stepped.of(policy, r.prompt, [c + SEPARATOR for c in r.completions],
                       [float(y) for y in r.labels])
            for r in side
        ]
        for side in (train, held)
    )  # fmt: skip
    return known, tested

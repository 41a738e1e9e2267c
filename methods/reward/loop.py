"""What the reward methods share: sampled answers with their gold scores, the steps, the ranking.

The policy that is sampled becomes the judge: its trunk is trained with a scalar head, so all that
is sampled is drawn before the first step and kept in the run's folder. A method says which rows a
step reads and what their numbers cost (``Begin``); the loop is ``train``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor

from methods.engine import distributed, measure
from methods.engine.batch import Order, Tokens, own_batches
from methods.engine.data import Labelled, Loaded, Steps
from methods.engine.examples import row, split
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.sample import sample
from methods.engine.scalar import (
    WholeBatch,
    add_scalar_head,
    as_reward_model,
    pack_whole,
    require_reward_class,
)
from methods.engine.tasks.task import Problem, Task
from methods.inference.best_of_n import expected_best_of
from methods.inference.loop import result_of
from methods.reward.options import RewardOptions

R = TypeVar("R", Labelled, Steps)
Measured = dict[str, Any]
# The part of a step's loss that a batch of its rows makes, and numbers to log; both add up.
Part = Callable[[WholeBatch], tuple[Tensor, dict[str, float]]]
Begin = Callable[[int, list[int]], tuple[list[Tokens], Part]]


@dataclass(frozen=True)
class Answer:
    """A sampled answer to ``problem`` and how good it really is, in the task's own score."""

    problem: Problem
    text: str
    gold: float


def start(run: Run, config: RewardOptions, task: Task | None) -> LanguageModel:
    """The policy that is sampled first and then becomes the judge."""
    policy = run.policy(config, task)
    if config.save_model:
        require_reward_class(policy)
    return policy


def sampled_answers(
    run: Run,
    config: RewardOptions,
    policy: LanguageModel,
    task: Task,
    name: str,
    problems: Sequence[Problem],
    per_prompt: int,
) -> list[Answer]:
    """``per_prompt`` answers of the policy to each problem, kept under ``name``."""
    longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)

    def draw() -> list[list[Any]]:
        with run.stage(f"sampling {name}", len(problems) * per_prompt) as bar:
            scores, drawn = measure.sampled_scores(
                policy, task, problems, per_prompt=per_prompt, max_new_tokens=longest,
                generator=run.generator(name),
                on_progress=lambda count: (run.check(), bar.advance(count)),
            )  # fmt: skip
        return [[s.text, gold] for s, gold in zip(drawn, scores.flatten().tolist(), strict=True)]

    kept = run.once(name, draw)
    return [Answer(problems[i // per_prompt], text, gold) for i, (text, gold) in enumerate(kept)]


def completed(
    run: Run,
    config: RewardOptions,
    policy: LanguageModel,
    task: Task,
    begun: Sequence[tuple[Problem, str]],
    per_prompt: int,
) -> list[list[float]]:
    """How ``per_prompt`` completions of each begun answer end, from 0 (worst) to 1 (best)."""
    longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)
    with run.stage("completing steps", len(begun) * per_prompt) as bar:
        drawn = sample(
            policy, [p.prompt + text for p, text in begun], per_prompt=per_prompt,
            max_new_tokens=longest, stop=task.stop, generator=run.generator("completions"),
            on_progress=lambda count: (run.check(), bar.advance(count)),
        )  # fmt: skip
    found: list[list[float]] = [[] for _ in begun]
    for s in drawn:
        problem, text = begun[s.prompt_index]
        found[s.prompt_index].append(share(task, task.score(problem, text + s.text)))
    return found


def user_rows(
    run: Run,
    config: RewardOptions,
    source: str,
    read: Callable[..., Loaded[R]],
    policy: LanguageModel,
) -> tuple[list[R], list[R]]:
    """(training rows, held-out rows) of a user's file; the manifest says which."""
    from methods.engine.data import fingerprint

    rows = read(source, policy.tokenizer, skip_bad_rows=config.skip_bad_rows)
    train, held = split(rows, source)
    run.data(source, fingerprint(rows), len(train), len(held), rows.skipped, rows.reasons)
    return train, held


def problems_of(config: RewardOptions, task: Task) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """(to train on, held out)."""
    return task.train[-config.prompts :], task.held_out[: config.held_out_prompts]


def share(task: Task, score: float) -> float:
    """A task's score on the scale from 0, the worst, to 1, the best: what a judge predicts."""
    low, high = task.score_range
    return (score - low) / (high - low)


def train(
    run: Run,
    config: RewardOptions,
    policy: LanguageModel,
    count: int,
    batch_size: int,
    begin: Begin,
    evaluate: Callable[[], Measured],
    *,
    together: int = 1,
) -> tuple[Measured, Measured]:
    """Train the policy's trunk and a scalar head; gives what was measured before and after.

    ``count`` units are drawn ``batch_size`` a step; ``begin``, given the step and their numbers,
    makes rows of them, of which ``together`` consecutive ones are never parted, and the loss of
    any part of those rows.
    """
    add_scalar_head(policy)
    optimiser, order = Optimiser(policy, config), Order(count, run.seed)
    before: Measured = run.once("before", evaluate)
    for step in run.steps(policy, optimiser, config):
        rows, part = begin(step, order.batch(step, batch_size))
        metrics: dict[str, float] = {}
        for group in own_batches(rows, config.micro_batch_tokens, together):
            loss, found = part(pack_whole(rows, group, policy.device))
            optimiser.backward(loss)
            for name, value in {"loss": loss.item(), **found}.items():
                metrics[name] = metrics.get(name, 0.0) + value
        run.log(
            step,
            sum(len(r.ids) for r in rows),
            **distributed.total(metrics),
            **optimiser.step(step),
        )
    return before, evaluate()


def finish(
    run: Run, config: RewardOptions, results: Results, policy: LanguageModel, step_end: str = ""
) -> None:
    """Write the results and, where asked for, the judge as a model for sequence classification.

    ``step_end``: what ends the steps that it judges, for a judge of steps.
    """
    run.finish(results, as_reward_model(policy, step_end) if config.save_model else None)


def answer_rows(policy: LanguageModel, answers: Sequence[Answer]) -> list[Tokens]:
    """Each answer as a finished text: its end token stands behind it, and is where it is read."""
    return [row(policy, a.problem.prompt, a.text) for a in answers]


# --- what a judge is worth --------------------------------------------------------------------


def ranking(
    task: Task, answers: Sequence[Answer], scores: Sequence[float], per_prompt: int
) -> Measured:
    """Of the answers to each prompt the one ranked first, and how well right and wrong are told.

    ``auc``: the chance that a right answer is above a wrong one to the same prompt, over prompts
    that have both; of equal scores half. Where nothing can be compared it is left out.
    """
    chosen, areas = [], []
    for place in range(0, len(answers), per_prompt):
        gold = [a.gold for a in answers[place : place + per_prompt]]
        judged = list(scores[place : place + per_prompt])
        chosen.append(expected_best_of(judged, gold, per_prompt))
        if (area := auc(judged, [g >= task.score_range[1] for g in gold])) is not None:
            areas.append(area)
    found = {"best_of_n": _of(task, chosen).to_json()}
    return found | ({"auc": Estimate.of_fractions(areas).to_json()} if areas else {})


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The share of (true, false) pairs whose true one has the higher score, ties half.

    >>> auc([0.9, 0.2, 0.5], [True, False, True]), auc([1.0], [True])
    (1.0, None)
    """
    right = [s for s, label in zip(scores, labels, strict=True) if label]
    wrong = [s for s, label in zip(scores, labels, strict=True) if not label]
    if not right or not wrong:
        return None
    wins = sum((a > b) + 0.5 * (a == b) for a in right for b in wrong)
    return wins / (len(right) * len(wrong))


def without_judge(task: Task, answers: Sequence[Answer], per_prompt: int) -> tuple[Measure, ...]:
    """What the same answers are worth without a judge: one of them, the vote, the best of them."""
    first, voted, best = [], [], []
    for place in range(0, len(answers), per_prompt):
        group = answers[place : place + per_prompt]
        gold = [a.gold for a in group]
        first.append(math.fsum(gold) / len(gold))
        voted.append(vote([result_of(task, a.text) for a in group], gold))
        best.append(max(gold))
    unit = "fraction" if task.kind == "verifiable" else "score"
    return tuple(
        Measure(name, title, unit, True, None, _of(task, values))
        for name, title, values in (
            ("one_sample", "One sampled answer", first),
            ("majority", f"The commonest result of {per_prompt}", voted),
            ("best_possible", f"The best of {per_prompt} by the gold score", best),
        )
    )


def vote(results: Sequence[str], gold: Sequence[float]) -> float:
    """Gold score of the commonest result; ties are shared evenly, and so are equal results.

    >>> vote(["4", "5", "4"], [0.0, 1.0, 0.0]), vote(["4", "5"], [0.0, 1.0])
    (0.0, 0.5)
    """
    counts = Counter(results)
    most = max(counts.values())
    picked = [g for r, g in zip(results, gold, strict=True) if counts[r] == most]
    return math.fsum(picked) / len(picked)


def correlation(xs: Sequence[float], ys: Sequence[float], independent: int) -> Estimate:
    """Pearson's, with Fisher's interval for ``independent`` units; 0 where one does not vary."""
    x, y = (torch.tensor(v, dtype=torch.float64) for v in (xs, ys))
    x, y = x - x.mean(), y - y.mean()
    norm = float(x.norm() * y.norm())
    r = float(x @ y) / norm if norm > 0 else 0.0
    z = math.atanh(max(-0.999999, min(0.999999, r)))
    half = 1.959964 / math.sqrt(max(1, independent - 3))
    return Estimate(r, (math.tanh(z - half), math.tanh(z + half)), independent)


def between(
    facts: dict[str, tuple[str, str, bool]], before: Measured, after: Measured
) -> tuple[Measure, ...]:
    """A measure for each of ``facts`` (title, unit, higher is better) that was measured."""
    return tuple(
        Measure.between(name, *fact, before[name], after[name])
        for name, fact in facts.items()
        if name in after
    )


def told(
    scores: Sequence[float], cut: float, truth: Sequence[bool], groups: Sequence[str]
) -> Estimate:
    """The share of ``truth`` that ``scores`` above ``cut`` tell, a group's averaged first."""
    found = [
        0.5 if score == cut else float((score > cut) == right)
        for score, right in zip(scores, truth, strict=True)
    ]
    return Estimate.of_fractions(means(found, groups))


def means(values: Sequence[float], groups: Sequence[str]) -> list[float]:
    """The mean of each group's values, in the order that the groups come in.

    >>> means([1.0, 2.0, 4.0], ["a", "b", "a"])
    [2.5, 2.0]
    """
    found: dict[str, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        found.setdefault(group, []).append(value)
    return [math.fsum(v) / len(v) for v in found.values()]


def show(run: Run, answers: Sequence[Answer], scores: Sequence[float], per_prompt: int) -> None:
    """Keep the judge's numbers of a few prompts' answers for a reader."""
    few = range(0, min(len(answers), 8 * per_prompt), max(1, per_prompt // 2))
    run.samples("judged", [(answers[i].problem.prompt, answers[i].text, scores[i]) for i in few])


def _of(task: Task, values: Sequence[float]) -> Estimate:
    kind = Estimate.of_fractions if task.kind == "verifiable" else Estimate.of_values
    return kind(values)

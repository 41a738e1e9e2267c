"""The loop of distillation: a teacher, rows to be taught on, a loss; measured before and after.

A method writes the loop out and calls these pieces; what differs are its functions:

    loop = Loop(run, config)
    for step in loop.steps():
        rows = loop.student_rows(step)
        metrics = loop.update(rows, divergence, loss)
        loop.log(step, rows, {**metrics, **loop.optimiser.step(step)})
    loop.finish()

Every gradient is a sum over the answers of one update, divided by totals of that whole update: it
is the same however the update is cut into micro-batches or shared among processes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from methods.distill.options import DistillOptions, SampledOptions
from methods.engine import distributed, measure
from methods.engine.batch import Order, TokenBatch, Tokens, each_row, own_batches, pack
from methods.engine.cache import build_once
from methods.engine.distributed import total
from methods.engine.divergence import Comparison, Divergence, compare, forward_kl, reverse_kl
from methods.engine.errors import MethodError
from methods.engine.examples import row, split
from methods.engine.load import load
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.options import TrainingOptions
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.engine.sample import sample
from methods.engine.tasks.task import Task
from methods.engine.teach import teach

TEACHER_LABELS, TEACHER_STEPS, TEACHER_BATCH = 4000, 300, 64
MEASURED = 200  # held-out rows whose whole distributions are compared

Example = tuple[str, str]  # prompt, completion


@dataclass(frozen=True)
class Part:
    """One micro-batch of an update, B answers of at most C tokens, and totals of the whole update.

    What is compared is in nats, zero where ``batch.completion_mask`` is False.
    """

    found: Comparison
    batch: TokenBatch
    answers: int
    tokens: int

    @property
    def mask(self) -> Tensor:
        """(B, C) bool."""
        return self.batch.completion_mask


Loss = Callable[[Part], Tensor]  # to a scalar, the part's share of the update's loss


class Loop:
    """What the steps of one run share: student, teacher, examples, optimiser."""

    def __init__(self, run: Run, config: DistillOptions) -> None:
        self.run, self.config = run, config
        self.task: Task | None = None if config.data else run.task(config.task)
        self.policy = run.policy(config, self.task)
        self.examples, self.held_out_examples = _examples(run, config, self.task, self.policy)
        self.train = [row(self.policy, *e) for e in self.examples]
        self.held_out = [row(self.policy, *e) for e in self.held_out_examples]
        self.teacher = find_teacher(run, config, self.policy, self.task)
        self.optimiser = Optimiser(self.policy, config)
        self.order = Order(len(self.train), run.seed)
        self._before: dict[str, Any] = run.once("before", self.measured)
        self._teacher_scores: dict[str, Any] = run.once("teacher", self._of_teacher)

    @property
    def longest(self) -> int:
        """Most tokens of a sampled answer."""
        given = self.config.max_new_tokens if isinstance(self.config, SampledOptions) else None
        if given is None and self.task is not None:
            given = self.task.max_new_tokens(self.policy.tokenizer)
        return given or max(r.completion_length for r in self.train)

    def steps(self) -> Iterator[int]:
        """Step numbers, each to be closed by ``log``."""
        return self.run.steps(self.policy, self.optimiser, self.config)

    def chosen(self, step: int) -> list[int]:
        """Which examples the step is about."""
        return self.order.batch(step, self.config.batch_size)

    def sampled(
        self, model: LanguageModel, places: Sequence[int], *purpose: str | int
    ) -> list[Tokens]:
        """An answer of ``model`` at temperature 1 to the prompt of each example in ``places``."""
        drawn = sample(
            model, [self.examples[i][0] for i in places], max_new_tokens=self.longest,
            stop=self.task.stop if self.task else "", generator=self.run.generator(*purpose),
        )  # fmt: skip
        return [s.tokens for s in drawn]

    def student_rows(self, step: int) -> list[Tokens]:
        """What the student now answers to the prompts of the step; no gradient follows from it."""
        return self.sampled(self.policy, self.chosen(step), "sample", step)

    def update(
        self,
        rows: Sequence[Tokens],
        divergence: Divergence,
        loss: Loss,
        *,
        temperature: float = 1.0,
        beside: Callable[[], float] = lambda: 0.0,
    ) -> dict[str, float]:
        """Gradients of ``loss`` over all ``rows``; the optimiser's step is the caller's to make.

        Gives the loss and the mean divergence a token. ``beside`` adds the gradient of a further
        loss and gives this process's part of its value.
        """
        tokens = sum(r.completion_length for r in rows)
        metrics = {"loss": 0.0, "divergence": 0.0}
        for group in own_batches(rows, self.config.micro_batch_tokens):
            batch = pack(rows, group, self.policy.device)
            found = compare(self.policy, self.teacher, batch, divergence, temperature=temperature)
            value = loss(Part(found, batch, len(rows), tokens))
            self.optimiser.backward(value)
            metrics["loss"] += value.item()
            metrics["divergence"] += found.divergence.detach().sum().item() / tokens
        metrics["loss"] += beside()
        return total(metrics)

    def log(self, step: int, rows: Sequence[Tokens], metrics: dict[str, float]) -> None:
        """Close the step; a few of its answers are kept where they were sampled."""
        if isinstance(self.config, SampledOptions) and (step == 1 or step % 10 == 0):
            texts = [
                (self.policy.decode(r.ids[: r.prompt_length]), self.policy.decode(r.completion))
                for r in rows[:4]
            ]
            self.run.samples(step, [(prompt, answer, None) for prompt, answer in texts])
        answered = sum(r.completion_length for r in rows) / len(rows)
        self.run.log(step, sum(len(r.ids) for r in rows), answer_tokens=answered, **metrics)

    def finish(self) -> None:
        """Measure again, write the results and, where asked, the model."""
        found = _results(self._before, self.measured(), self._teacher_scores)
        self.run.finish(found, self.policy if self.config.save_model else None)

    def measured(self) -> dict[str, Any]:
        """The held-out measures of the student as it is."""
        rows = self.held_out[:MEASURED]
        found = self._scores(self.policy)
        for name, fn in (("forward_kl", forward_kl), ("reverse_kl", reverse_kl)):
            found[name] = mean_divergence(self.policy, self.teacher, rows, fn).to_json()
        return found

    def _of_teacher(self) -> dict[str, Any]:
        return self._scores(self.teacher)

    def _scores(self, model: LanguageModel) -> dict[str, Any]:
        found = {"held_out_loss": measure.token_loss(model, self.held_out).to_json()}
        if self.task is not None and self.task.kind == "verifiable":
            scores = measure.greedy_scores(
                model, self.task, self.task.held_out, self.longest, self.run.check
            )
            found["held_out_accuracy"] = measure.fraction_right(scores).to_json()
        return found


@torch.no_grad()
def mean_divergence(
    policy: LanguageModel, other: LanguageModel, rows: Sequence[Tokens], fn: Divergence
) -> Estimate:
    """The mean over rows of ``fn`` averaged over each row's completion tokens, in nats."""

    def means(group: list[int]) -> list[float]:
        batch = pack(rows, group, policy.device)
        sums = compare(policy, other, batch, fn).divergence.double().sum(-1).tolist()
        return [v / rows[i].completion_length for i, v in zip(group, sums, strict=True)]

    return Estimate.of_values(each_row(rows, means, 8192))


def _examples(
    run: Run, config: DistillOptions, task: Task | None, policy: LanguageModel
) -> tuple[list[Example], list[Example]]:
    """(training examples, held-out ones) of the task or of the user's file."""
    if task is None:
        from methods.engine.data import fingerprint, load_demonstrations

        data = str(config.data)
        rows = load_demonstrations(data, policy.tokenizer, skip_bad_rows=config.skip_bad_rows)
        train, held_out = split(rows, data)
        train = train[: config.demonstrations]
        run.data(data, fingerprint(rows), len(train), len(held_out), rows.skipped, rows.reasons)
        return [(r.prompt, r.completion) for r in train], [
            (r.prompt, r.completion) for r in held_out
        ]
    if any(p.answer is None for p in (*task.train, *task.held_out)):
        raise MethodError(f"task {task.name} demonstrates no answers; use one that does, or --data")
    problems = task.train[: config.demonstrations]
    run.data(task.name, task.fingerprint, len(problems), len(task.held_out))
    return [(p.prompt, p.answer or "") for p in problems], [
        (p.prompt, p.answer or "") for p in task.held_out
    ]


# --- the teacher ------------------------------------------------------------------------------


def find_teacher(
    run: Run, config: DistillOptions, policy: LanguageModel, task: Task | None
) -> LanguageModel:
    """The teacher that ``config`` names; raises MethodError where there is none that fits."""
    if config.teacher == "shuffled":
        teacher = shuffled(policy, seed=run.seed)
    elif config.teacher == "auto":
        if config.model != "tiny" or task is None:
            raise MethodError(
                f"teacher=auto is made for model tiny on a built-in task; for model "
                f"{config.model!r}{' on your data' if task is None else ''} name one: --teacher "
                "with a path or a hub id of a model with the same tokenizer"
            )
        folder = prepare_teacher(task, run.cache_dir, run.check)
        teacher = run.second_model("teacher", str(folder), config, task)
    else:
        teacher = run.second_model("teacher", config.teacher, config, task)
    require_one_tokenizer(policy, teacher)
    kept = run.once("taught_by", teacher.fingerprint)
    if kept != teacher.fingerprint():
        raise MethodError(
            "the teacher is no longer the one this run began with, so it cannot go on; put that "
            "back, or start a new run"
        )
    return teacher


def require_one_tokenizer(policy: LanguageModel, teacher: LanguageModel) -> None:
    """Raise MethodError where token ids mean other texts to the teacher than to the student."""
    ours, theirs = policy.tokenizer.get_vocab(), teacher.tokenizer.get_vocab()
    if ours == theirs and policy.eos_id == teacher.eos_id:
        return
    apart = sorted(set(ours.items()) ^ set(theirs.items()), key=lambda item: item[1])
    shown = f" (first difference: token {apart[0][1]}, {apart[0][0]!r})" if apart else ""
    raise MethodError(
        f"teacher {teacher.name!r} has another tokenizer than student {policy.name!r}: "
        f"{len(theirs)} against {len(ours)} tokens{shown}. Distributions are compared token by "
        "token, so the two must share one: use a teacher of the student's family"
    )


def shuffled(policy: LanguageModel, seed: int) -> LanguageModel:
    """The model as it is with the entries of every weight in another order: it knows nothing."""
    module = copy.deepcopy(policy.module).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            order = torch.randperm(p.numel(), generator=generator).to(p.device)
            p.copy_(p.flatten()[order].view_as(p))
    return replace(policy, module=module, name="shuffled", source="the start, weights shuffled")


def prepare_teacher(task: Task, cache_dir: Path, check: Callable[[], None] = lambda: None) -> Path:
    """The folder of ``tiny``'s teacher for ``task``: its start, trained further on more labels.

    Kept in the cache, trained first if it is not there; by one process, whoever asks.
    """
    name = f"{task.name.split(':')[0]}-teacher-{task.fingerprint[:16]}"
    with distributed.alone():
        start = load("tiny", task=task, cache_dir=cache_dir, check=check)
        name = f"{name}-{start.fingerprint()[:8]}-{TEACHER_LABELS}-{TEACHER_STEPS}"
        return build_once(
            cache_dir / "tiny" / name, lambda folder: _taught(start, task, check).save(folder)
        )


def _taught(model: LanguageModel, task: Task, check: Callable[[], None]) -> LanguageModel:
    """Supervised training on the first labels, the learning rate annealed to zero."""
    rows = [row(model, *pair) for pair in task.corpus(min(TEACHER_LABELS, len(task.train)))]
    options = TrainingOptions(
        steps=TEACHER_STEPS, learning_rate=1e-3, schedule="cosine", warmup_steps=15
    )
    return teach(
        model, rows, options, batch_size=TEACHER_BATCH, title="training the teacher", check=check
    )


def _results(before: dict[str, Any], after: dict[str, Any], teacher: dict[str, Any]) -> Results:
    facts = {
        "held_out_loss": ("Held-out loss", "nats per token", False),
        "held_out_accuracy": ("Held-out greedy accuracy", "fraction", True),
        "forward_kl": ("KL(teacher || student) on held-out answers", "nats per token", False),
        "reverse_kl": ("KL(student || teacher) on held-out answers", "nats per token", False),
    }
    measures = [Measure.between(n, *facts[n], before[n], after[n]) for n in after]
    for name in teacher:
        title, unit, higher = facts[name]
        title, value = f"{title} of the teacher", Estimate.from_json(teacher[name])
        measures.append(Measure(f"teacher_{name}", title, unit, higher, None, value))
    return Results(tuple(measures))

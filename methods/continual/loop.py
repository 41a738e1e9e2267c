"""The loop of continual learning: tasks in turn from one start, all of them measured after each.

A method writes its steps out; what differs is what it adds to the loss or does to the gradient:

    stream = Stream(run, config)
    for step, task in stream.steps():
        stream.learn(step, stream.rows(step), own_loss)
    stream.finish()

Tensors that a method keeps of a finished task go through ``kept``, into the run folder, so that a
resumed run has them. With control=joint there is one task, of which every task's rows are a part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from methods.continual.deltas import curves_of_deltas, deltas_of, probes_of, shape, shapes_of
from methods.continual.measures import Measured, curve_of, of_stream
from methods.continual.options import StreamOptions, names_of
from methods.engine import distributed, measure, sharding
from methods.engine.batch import Order, TokenBatch, Tokens, own_batches, pack
from methods.engine.cache import build_once
from methods.engine.distributed import total
from methods.engine.errors import MethodError
from methods.engine.examples import demonstrations
from methods.engine.files import writing
from methods.engine.logprobs import completion_logprobs
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.results import Results
from methods.engine.run import Run
from methods.engine.tasks.task import Task
from methods.finetune.sft import sft_loss

# (one micro-batch, answer tokens of the whole step) -> its part of the loss
Loss = Callable[[TokenBatch, int], Tensor]
Gradient = dict[str, Tensor]  # by the parameter's name


@dataclass
class Prefixed(LanguageModel):
    """A model that reads tokens of its own before every prompt that it answers."""

    before: tuple[int, ...] = ()

    def encode_prompt(self, text: str) -> list[int]:
        """Token ids of a prompt, behind those tokens."""
        return [*self.before, *super().encode_prompt(text)]


@dataclass(frozen=True)
class Held:
    """One task of the stream in the model's tokens."""

    name: str
    task: Task | None  # None: a user's file
    train: list[Tokens]
    held_out: list[Tokens]


def places(step: int, replayed: int, tasks: int) -> list[tuple[int, int]]:
    """(earlier task, which draw from it) of each row that ``step`` (from 1) of a task replays.

    Draws of a task count from 1; the tasks take turns, on through the steps.

    >>> places(2, 3, 2)
    [(1, 2), (0, 3), (1, 3)]
    """
    first = (step - 1) * replayed
    return [(place % tasks, place // tasks + 1) for place in range(first, first + replayed)]


@dataclass(frozen=True)
class Memory:
    """Rows of a task that are kept when it has ended."""

    rows: list[Tokens]
    order: Order

    def draw(self, number: int) -> Tokens:
        """The ``number``-th row drawn, from 1: every row once before any comes again."""
        return self.rows[self.order.batch(number, 1)[0]]


def ends(steps: int, tasks: int) -> tuple[int, ...]:
    """The last step of each task, where ``steps`` are shared equally in order.

    >>> ends(5, 3)
    (2, 4, 5)
    """
    each, more = divmod(steps, tasks)  # too few steps leave the last tasks without one
    return tuple(each * (i + 1) + min(i + 1, more) for i in range(tasks))


def trained(policy: LanguageModel) -> dict[str, torch.nn.Parameter]:
    """What is trained of ``policy``, by name."""
    return {n: p for n, p in policy.module.named_parameters() if p.requires_grad}


def assign(policy: LanguageModel, values: Mapping[str, Tensor]) -> None:
    """Put whole tensors in the place of the trained parameters they are named after."""
    with torch.no_grad(), sharding.apart(policy.sharded):
        for name, p in trained(policy).items():
            if name in values:
                getattr(p, "_local_tensor", p).copy_(sharding.part_like(p, values[name]))


def likelihood(policy: LanguageModel, batch: TokenBatch, tokens: int) -> Tensor:
    """The supervised loss of one micro-batch of a step that has so many ``tokens``."""
    return sft_loss(completion_logprobs(policy, batch), batch.completion_mask, tokens)


def backward(optimiser: Optimiser, rows: Sequence[Tokens], loss: Loss) -> float:
    """Add the gradient of the loss over ``rows``, this process's share; gives its loss."""
    tokens, summed = sum(r.completion_length for r in rows), 0.0
    for group in own_batches(rows, optimiser.config.micro_batch_tokens):
        part = loss(pack(rows, group, optimiser.policy.device), tokens)
        optimiser.backward(part)
        summed += part.item()
    return summed


class Stream:
    """What one run shares: the policy, the tasks, which of them a step belongs to, the matrix R."""

    def __init__(
        self,
        run: Run,
        config: StreamOptions,
        adapt: Callable[[LanguageModel], LanguageModel | None] = lambda policy: None,
        prefix: Callable[[int, int], tuple[int, ...]] | None = None,
    ) -> None:
        """``adapt`` changes the policy before training, or gives another to train in its place.

        ``prefix`` gives the tokens that a ``Prefixed`` model reads before texts of a task, from 0,
        when so many tasks are learned or being learned; -1 is the general task.
        """
        self.run, self.config = run, config
        self.policy, self.general, self.tasks = _start(run, config)
        self.policy = adapt(self.policy) or self.policy
        run.facts["model"]["trained"] = self.policy.parameter_count(trained=True)
        self.prefix = prefix
        count = 1 if config.control == "joint" else len(self.tasks)
        self.ends = ends(config.steps, count)
        self.optimiser = Optimiser(self.policy, config)
        self._memories: list[Memory] = []
        self._orders = [Order(len(held.train), run.seed) for held in self.tasks]

    @property
    def helps(self) -> bool:
        """Whether the method does what it is for: neither control is asked for."""
        return self.config.control == "none"

    # --- steps ----------------------------------------------------------------------------------

    def steps(
        self, recall: Callable[[int, bool], None] = lambda task, opening: None
    ) -> Iterator[tuple[int, int]]:
        """(step, task), from 1 and from 0; each step is to be closed by ``learn``.

        Before the first step of a task all tasks are measured, AdamW forgets its moments, and the
        learning rate begins anew. ``recall`` puts in place what tasks before the given one left,
        from the run folder after a resume; where it is opening, the task begins now.
        """
        for step in self.run.steps(self.policy, self.optimiser, self.config):
            task = self.task_of(step)
            begin = self.begin(task)
            if step == begin:
                recall(task - 1, False)  # what is measured is the model that the last task left
                self.measured(task)
                self.optimiser.adamw.state.clear()
            recall(task, step == begin)
            length = self.ends[task] - begin + 1
            self.optimiser.config = self.config.model_copy(update={"steps": length})
            yield step, task

    def task_of(self, step: int) -> int:
        """The task, from 0, that ``step`` trains."""
        return next(i for i, last in enumerate(self.ends) if step <= last)

    def begin(self, task: int) -> int:
        """The first step of ``task``."""
        return 1 + (self.ends[task - 1] if task else 0)

    def rows(self, step: int, size: int | None = None) -> list[Tokens]:
        """The new demonstrations of ``step``, ``batch_size`` of them unless ``size`` says."""
        size = size or self.config.batch_size
        task = self.task_of(step)
        if self.config.control != "joint":
            return self.drawn(task, step - self.begin(task) + 1, size)
        count = len(self.tasks)
        places = range((step - 1) * size, step * size)  # every task in turn
        return [self.drawn(p % count, p // count + 1, 1)[0] for p in places]

    def drawn(self, task: int, step: int, size: int) -> list[Tokens]:
        """Rows of ``task`` in a shuffled order; ``step`` counts within the task, from 1."""
        return [self.tasks[task].train[i] for i in self._orders[task].batch(step, size)]

    def memory(self, task: int, count: int) -> Memory:
        """``count`` rows of ``task`` (all, where it has fewer), drawn at random once."""
        g = self.run.generator("memory", task)
        rows = self.tasks[task].train
        chosen = torch.randperm(len(rows), generator=g, device=g.device).tolist()[:count]
        return Memory([rows[i] for i in chosen], Order(len(chosen), self.run.seed))

    def remembered(self, step: int, size: int, memory: int) -> list[Tokens]:
        """``size`` rows for ``step`` from the memories, of ``memory`` rows, of the tasks before."""
        task = self.task_of(step)
        for earlier in range(len(self._memories), task):
            self._memories.append(self.memory(earlier, memory))
        turns = places(step - self.begin(task) + 1, size, task)
        return [self._memories[earlier].draw(number) for earlier, number in turns]

    def learn(
        self,
        step: int,
        rows: Sequence[Tokens],
        loss: Loss | None = None,
        change: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        """One update on ``rows``; ``change`` may alter the gradient and gives metrics to log.

        Without ``loss`` it is the mean negative log-likelihood of the answers' tokens.
        """
        task = self.task_of(step)
        seen = self.seen(rows, task, task + 1)
        summed = self.backward(seen, loss)
        metrics = dict(change())
        moved = self.optimiser.step(step - self.begin(task) + 1)
        tokens = sum(len(r.ids) for r in seen)
        self.run.log(step, tokens, **total({"loss": summed}), **metrics, **moved)

    def backward(self, rows: Sequence[Tokens], loss: Loss | None = None) -> float:
        """Add the gradient of the loss over ``rows``, this process's share; gives its loss."""
        return backward(self.optimiser, rows, loss or self.likelihood)

    def likelihood(self, batch: TokenBatch, tokens: int) -> Tensor:
        """The supervised loss of one micro-batch."""
        return likelihood(self.policy, batch, tokens)

    def seen(self, rows: Sequence[Tokens], task: int, begun: int) -> list[Tokens]:
        """``rows`` as the model reads them: behind the prefix of ``task`` where there is one."""
        before = self.prefix(task, begun) if self.prefix else ()
        return [Tokens((*before, *r.ids), len(before) + r.prompt_length) for r in rows]

    # --- what is kept of a task -----------------------------------------------------------------

    def kept(self, name: str, compute: Callable[[], Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """``compute()``, whole tensors, kept in the run folder: a resumed run reads them back.

        All processes must call it, at a step that follows from nothing but its number.
        """
        path = self.run.folder / f"{name}.safetensors"
        there = distributed.of_first(path.is_file())
        found = {} if there else {n: t.detach().cpu().contiguous() for n, t in compute().items()}

        def build(part: Any) -> None:
            with writing(part):
                save_file(found, part)

        with distributed.alone():
            build_once(path, build)
        return {n: t.to(self.policy.device) for n, t in load_file(path).items()}

    def trained(self) -> dict[str, Tensor]:
        """What is trained, by name, as it is computed with."""
        return trained(self.policy)

    def weights(self) -> dict[str, Tensor]:
        """A copy of what is trained, whole."""
        return {n: p.detach().clone() for n, p in self.trained().items()}

    def own_gradient(self) -> Gradient:
        """The gradient so far, this process's part; the parameters hold none afterwards."""
        found = {}
        for name, p in self.trained().items():
            found[name] = torch.zeros_like(p) if p.grad is None else p.grad
            p.grad = None
        return found

    def taken(self) -> Gradient:
        """The same, summed over processes."""
        return self.over_processes(self.own_gradient())

    def over_processes(self, parts: Gradient) -> Gradient:
        """The sums over processes. All must call it."""
        found = {
            n: parts[n] if n in parts else torch.zeros_like(p) for n, p in self.trained().items()
        }
        if distributed.size() > 1:
            for value in found.values():
                torch.distributed.all_reduce(value)
        return found

    def add(self, gradient: Mapping[str, Tensor]) -> None:
        """Add a whole gradient, which every process has: counted once."""
        for name, p in self.trained().items():
            if name in gradient:
                part = gradient[name] if distributed.rank() == 0 else torch.zeros_like(p)
                p.grad = part.clone() if p.grad is None else p.grad + part

    def assign(self, values: Mapping[str, Tensor]) -> None:
        """Put whole tensors in the place of the trained parameters they are named after."""
        assign(self.policy, values)

    # --- measuring ------------------------------------------------------------------------------

    def measured(self, done: int) -> list[Measured]:
        """Row ``done`` of R: every task, and last the general one, after so many tasks."""
        return self.run.once(f"after-{done}", lambda: self._measure(done))

    def _measure(self, done: int) -> list[Measured]:
        return [self._of_task(held, i, done) for i, held in enumerate(self.tasks)] + [
            self._of_task(self.general, -1, done)
        ]

    def _of_task(self, held: Held, task: int, done: int) -> Measured:
        rows = self.seen(held.held_out, task, done)
        sums = [-float(lp.double().sum()) for lp in measure.row_logprobs(self.policy, rows)]
        found = {"loss": [sums, [float(r.completion_length) for r in rows]]}
        if held.task is not None and held.task.kind == "verifiable":
            longest = held.task.max_new_tokens(self.policy.tokenizer)
            if self.prefix and isinstance(self.policy, Prefixed):
                self.policy.before = self.prefix(task, done)
            problems = held.task.held_out
            answers = measure.greedy_answers(
                self.policy, held.task, problems, longest, self.run.check
            )
            scores = [held.task.score(p, a.text) for p, a in zip(problems, answers, strict=True)]
            found["accuracy"] = [[float(s >= 1.0) for s in scores], [1.0] * len(scores)]
            if task < 0:  # it was never trained on: whether its form is still kept
                known = shapes_of(str(p.answer) for p in held.task.train)
                kept = [float(a.finished and shape(a.text) in known) for a in answers]
                found["form"] = [kept, [1.0] * len(kept)]
        return found

    def finish(self) -> None:
        """Measure after the last task and write what the stream has come to."""
        rows = [self.measured(done) for done in range(len(self.ends) + 1)]
        matrix, names = [row[:-1] for row in rows], [held.name for held in self.tasks]
        beside = [row[-1] for row in rows]
        changes = deltas_of(probes_of(beside))
        self.run.finish(
            Results(
                (*of_stream(matrix, [beside[0], beside[-1]]), *(d[-1] for d in changes)),
                (curve_of(matrix, names), *curves_of_deltas(changes)),
            ),
            self.policy if self.config.save_model else None,
        )


# --- the start and the tasks ----------------------------------------------------------------------


def _start(run: Run, config: StreamOptions) -> tuple[LanguageModel, Held, list[Held]]:
    """The policy, what stands for its general ability, and the stream."""
    general = run.task(config.general)
    names = (*(() if config.data else (config.task,)), *names_of(config.later_tasks))
    tasks = [run.task(name) for name in names]
    prints = [task.fingerprint for task in (general, *tasks)]
    if len(set(prints)) < len(prints):
        raise MethodError(
            f"two of general={config.general} and the stream {'; '.join(names)} are one task: "
            "nothing would be forgotten or kept. Give each another name or other options"
        )
    letters = "".join(sorted({*general.alphabet, *(c for t in tasks for c in t.alphabet)}))
    # The start is cached by its name, and the characters that it knows are part of it.
    known = replace(general, name=f"{general.name} in {letters}", alphabet=letters)
    policy = run.policy(config, None if config.data else known)
    places = [(config.data, None)] if config.data else []
    places += [(None, task) for task in tasks]
    stream, facts = [], []
    for data, task in places:
        rows = demonstrations(
            run, data, task, config.demonstrations, policy, skip_bad_rows=config.skip_bad_rows
        )
        facts.append(dict(run.facts["data"]))
        stream.append(Held(str(facts[-1]["name"]), task, *rows))
    beside = Held(general.name, general, *demonstrations(run, None, general, 1, policy))
    seal = " ".join([general.fingerprint, *(fact["fingerprint"] for fact in facts)])
    run.data(
        "; ".join(fact["name"] for fact in facts), hashlib.sha256(seal.encode()).hexdigest(),
        sum(fact["train"] for fact in facts), sum(fact["held_out"] for fact in facts),
        sum(fact["skipped"] for fact in facts),
        [reason for fact in facts for reason in fact["skipped_reasons"]],
    )  # fmt: skip
    return policy, beside, stream

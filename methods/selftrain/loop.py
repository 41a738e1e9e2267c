"""The loop of self-training: rounds of writing answers, keeping some, and learning from them.

A method writes its rounds out; what differs is what it keeps and where a round begins:

    loop = Rounds(run, config)
    for step, number in loop.steps():
        kept = loop.kept(step, number, lambda: right_ones(loop.write(number)))
        loop.learn(step, number, kept)
    loop.finish()

What a round wrote is kept in the run folder, so that a resumed run learns from the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from methods.engine import measure, sharding
from methods.engine.batch import Order, Tokens, own_batches
from methods.engine.distributed import total
from methods.engine.errors import MethodError
from methods.engine.examples import answered_prompts
from methods.engine.model import LanguageModel
from methods.engine.optimise import Optimiser
from methods.engine.results import Measure
from methods.engine.run import Run
from methods.engine.sample import Sample
from methods.engine.tasks.task import Problem, Task
from methods.finetune.loop import plain
from methods.finetune.sft import sft_loss
from methods.rl.measures import evaluate, results
from methods.selftrain.options import RoundOptions

_Said = tuple[str, list[tuple[str, str, float]]]  # a title; prompt, answer and score of each


@dataclass(frozen=True)
class Written:
    """The answers of a round: P problems with K answers each, problem after problem."""

    problems: tuple[Problem, ...]  # P
    answers: tuple[Sample, ...]  # P * K
    scores: Tensor  # (P, K) float64, the task's


class Rounds:
    """What the rounds of one run share: policy, task, optimiser, the order of prompts."""

    def __init__(self, run: Run, config: RoundOptions, *, from_start: bool = False) -> None:
        """``from_start``: every round trains the start again, and not what the last one left.

        Then each has a learning-rate schedule of its own, warm-up included.
        """
        task = None if config.data else run.task(config.task)
        self.run, self.config = run, config
        self.policy = run.policy(config, task)
        self.task: Task = task or answered_prompts(
            run, str(config.data), self.policy, config.skip_bad_rows
        )
        # Of a scored task the score says little without the distance it was bought with.
        self.start = self.policy.frozen_copy() if self.task.kind == "scored" else None
        self.longest = config.max_new_tokens or self.task.max_new_tokens(self.policy.tokenizer)
        self.optimiser = Optimiser(self.policy, config)
        self.prompts = Order(len(self.task.train), run.seed)
        self._begin = self._weights() if from_start else None
        self._kept: tuple[int, Any] = (0, None)
        self._said: list[_Said] = []
        self._before: dict[str, Any] = run.once("before", self._measured)

    def steps(self) -> Iterator[tuple[int, int]]:
        """(step, round), both from 1; each step is to be closed by ``learn`` or ``run.log``."""
        for step in self.run.steps(self.policy, self.optimiser, self.config):
            yield step, self.round_of(step)

    def round_of(self, step: int) -> int:
        """The round that ``step`` belongs to; rounds are of like length.

        >>> class Config: steps, rounds = 5, 2
        >>> loop = Rounds.__new__(Rounds); loop.config = Config
        >>> [loop.round_of(step) for step in range(1, 6)]
        [1, 1, 1, 2, 2]
        """
        return 1 + (step - 1) * self.config.rounds // self.config.steps

    def opens(self, step: int) -> bool:
        """Whether ``step`` is the first of its round."""
        return step == 1 or self.round_of(step - 1) < self.round_of(step)

    def kept(self, step: int, number: int, collect: Callable[[], Any]) -> Any:
        """What round ``number`` learns from, plain JSON: ``collect()``, once and for all."""

        def collected() -> dict[str, Any]:
            self._said = []
            return {"found": collect(), "samples": self._said}

        if self._kept[0] != number:
            kept = self.run.once(f"round-{number}", collected)
            self._kept = (number, kept["found"])
            # At the first step of a round, and whether its answers are new or read back: a log
            # that was cut to the checkpoint before it has lost them.
            for title, said in kept["samples"] if self.opens(step) else []:
                self.run.samples(title, [(prompt, text, score) for prompt, text, score in said])
        return self._kept[1]

    def problems(self, number: int) -> list[Problem]:
        """The training problems of round ``number``."""
        count = min(self.config.prompts_per_round, len(self.task.train))
        return [self.task.train[i] for i in self.prompts.batch(number, count)]

    def write(
        self, number: int, problems: Sequence[Problem], per_prompt: int, purpose: str = "write"
    ) -> Written:
        """Answers of the policy as it is, ``per_prompt`` to each of ``problems``, scored."""
        title = f"round {number}: writing"
        with self.run.stage(title, len(problems) * per_prompt) as bar:
            scores, drawn = measure.sampled_scores(
                self.policy, self.task, problems, per_prompt=per_prompt,
                max_new_tokens=self.longest, temperature=self.config.temperature,
                generator=self.run.generator(purpose, number),
                on_progress=lambda count: (self.run.check(), bar.advance(count)),
            )  # fmt: skip
        shown = drawn[: 4 * per_prompt : per_prompt]
        said = [(problems[s.prompt_index].prompt, s.text, float(scores[i, 0]))
                for i, s in enumerate(shown)]  # fmt: skip
        self._said.append((f"{purpose} {number}", said))
        return Written(tuple(problems), tuple(drawn), scores)

    def coins(self, number: int, written: Written, purpose: str = "coins") -> Tensor:
        """(P, K) float64 of 0 and 1: a reward that knows nothing."""
        g = self.run.generator(purpose, number)
        drawn = torch.randint(2, written.scores.shape, generator=g, device=g.device)
        return drawn.double().cpu()

    def learn(self, step: int, number: int, rows: Sequence[Tokens], **facts: float) -> None:
        """One supervised step over rows of the round, closed with its log; ``facts`` join it.

        Raises MethodError where the round kept nothing.
        """
        if not rows:
            raise MethodError(
                f"round {number}: none of the answers was let through, so there is nothing to "
                "learn from. Write more of them (samples_per_prompt, prompts_per_round), lower "
                "threshold, or begin with a better model."
            )
        if self.opens(step):
            self.restart()
        taken = [rows[i] for i in self.batch(step, number, len(rows))]
        tokens, summed = sum(row.completion_length for row in taken), 0.0
        for group in own_batches(taken, self.config.micro_batch_tokens):
            part = sft_loss(*plain(self.policy, step, taken, group), tokens)
            self.optimiser.backward(part)
            summed += part.item()
        self.run.log(
            step, sum(len(row.ids) for row in taken), **total({"loss": summed}),
            round=float(number), kept=float(len(rows)), **facts,
            **self.optimiser.step(self._scheduled(step, number)),
        )  # fmt: skip

    def batch(self, step: int, number: int, count: int) -> list[int]:
        """Which of the ``count`` rows of round ``number`` the step takes."""
        order = Order(count, self.run.seed + number)
        return order.batch(step - self._first_of(number) + 1, self.config.batch_size)

    def restart(self) -> None:
        """The weights of the start and an optimiser without memory, where rounds begin there."""
        if self._begin is None:
            return
        with sharding.apart(self.policy.sharded), torch.no_grad():
            for p, begin in zip(self.optimiser.parameters, self._begin, strict=True):
                p.copy_(begin)
        self.optimiser.adamw.state.clear()

    def _scheduled(self, step: int, number: int) -> int:
        """Which step of its schedule the learning rate is at.

        Rounds that begin at the start are trainings of their own, and each has the whole schedule.
        """
        if self._begin is None:
            return step
        first = self._first_of(number)
        length = self._first_of(number + 1) - first
        self.optimiser.config = self.config.model_copy(update={"steps": length})
        return step - first + 1

    def finish(self, *own: Measure, curves: Sequence[dict[str, Any]] = ()) -> None:
        """Measure again, write the results and, where asked, the model.

        ``own`` measures of the method stand behind those of every method, with its ``curves``.
        """
        found = results(self._before, self._measured(), self.config.pass_k)
        found = replace(found, measures=(*found.measures, *own), curves=tuple(curves))
        self.run.finish(found, self.policy if self.config.save_model else None)

    def _first_of(self, number: int) -> int:
        """The first step of round ``number``."""
        return 1 + -(-(number - 1) * self.config.steps // self.config.rounds)

    def _weights(self) -> list[Tensor]:
        with sharding.apart(self.policy.sharded):
            return [p.detach().clone() for p in self.optimiser.parameters]

    def _measured(self) -> dict[str, Any]:
        return evaluate(self.run, self.config, self.policy, self.task, self.longest, self.start)


def ended(policy: LanguageModel, answer: Sample) -> Tokens:
    """The answer ended as a demonstration is: by the end token, whatever it was that stopped it.

    One that the length limit cut off has no end, and gets none.
    """
    if not answer.finished:
        return answer.tokens
    return replace(answer.tokens, ids=(*answer.tokens.ids[:-1], policy.eos_id))


def tokens_of(kept: Sequence[Sequence[Any]]) -> list[Tokens]:
    """Rows from what ``plain_row`` wrote."""
    return [Tokens(tuple(ids), length) for ids, length in kept]


def plain_row(row: Tokens) -> list[Any]:
    """A row as plain JSON: its ids and the length of its prompt."""
    return [list(row.ids), row.prompt_length]

"""The loop of methods that sample answers and choose: pools of samples, their scores, their price.

To each prompt one pool of n samples is drawn for what is expected over all subsets of it, and
``repeats`` others of that size for what is measured: independent luck. A method says which sample
of a few it keeps; nothing is trained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from methods.engine import measure
from methods.engine.examples import answered_prompts, row
from methods.engine.model import LanguageModel
from methods.engine.results import Estimate, Measure
from methods.engine.run import Run
from methods.engine.sample import Sample
from methods.engine.scalar import load_reward_model, text_rewards
from methods.engine.tasks.task import Problem, Task
from methods.inference.measures import bootstrap
from methods.inference.options import ProblemOptions, RankedOptions, SampledOptions

Choose = Callable[[int, int, int], int]
"""(problem, first, last) -> which of its samples first to last - 1 is kept, counted from first."""


@dataclass(frozen=True)
class Asked:
    """Who answers what: the model, the task, the problems, and the longest answer in tokens."""

    policy: LanguageModel
    task: Task
    problems: Sequence[Problem]
    longest: int

    @property
    def quantity(self) -> str:
        """What a score of the task is called."""
        return "accuracy" if self.task.kind == "verifiable" else "score"

    @property
    def unit(self) -> str:
        """The unit of a score of the task."""
        return "fraction" if self.task.kind == "verifiable" else "score"

    def resampled(self, values: Sequence[float], generator: torch.Generator) -> Estimate:
        """The mean of one value a problem, with a bootstrap's interval over problems."""
        return bootstrap(values, generator, shares=self.task.kind == "verifiable")


@dataclass(frozen=True)
class Pools:
    """``n`` x ``pools`` samples to each problem, one pool behind another."""

    n: int
    pools: int
    drawn: list[Sample]
    gains: torch.Tensor  # (problems, n * pools) float64, the task's own score

    @property
    def sizes(self) -> list[int]:
        """Powers of two below n, and n."""
        return [2**i for i in range(self.n.bit_length()) if 2**i < self.n] + [self.n]

    @property
    def tokens(self) -> float:
        """Mean tokens written for one answer, its end included."""
        return sum(s.tokens.completion_length for s in self.drawn) / len(self.drawn)

    @property
    def rows(self) -> list[list[float]]:
        """The gains of each problem's samples."""
        rows: list[list[float]] = self.gains.tolist()
        return rows

    def measured(self, choose: Choose, k: int) -> list[float]:
        """Mean gain of the sample kept of the first ``k`` of each fresh pool, for each problem."""
        first = [j * self.n for j in range(1, self.pools)]
        return [
            math.fsum(g[f + choose(i, f, f + k)] for f in first) / len(first)
            for i, g in enumerate(self.rows)
        ]


def ask(run: Run, config: ProblemOptions) -> Asked:
    """The model and the held-out problems that ``config`` names; the manifest records both."""
    task = None if config.data else run.task(config.task)
    policy = run.policy(config, task)
    task = task or answered_prompts(run, str(config.data), policy, config.skip_bad_rows)
    longest = config.max_new_tokens or task.max_new_tokens(policy.tokenizer)
    return Asked(policy, task, task.held_out[: config.prompts], longest)


def draw_pools(run: Run, config: SampledOptions, asked: Asked) -> Pools:
    """One pool for what is expected and ``repeats`` for what is measured."""
    # One pool for the expected curves, others of its size for the measured one: independent luck.
    pools = config.repeats + 1
    gains, drawn = draw(run, config, asked, config.n * pools)
    return Pools(config.n, pools, drawn, gains)


def draw(
    run: Run, config: ProblemOptions, asked: Asked, per_prompt: int
) -> tuple[torch.Tensor, list[Sample]]:
    """Scores (problems, per_prompt) float64 of sampled answers, and the answers."""
    with run.stage("sampling", len(asked.problems) * per_prompt) as bar:
        return measure.sampled_scores(
            asked.policy, asked.task, asked.problems, per_prompt=per_prompt,
            max_new_tokens=asked.longest, temperature=config.temperature,
            generator=run.generator("samples"),
            on_progress=lambda count: (run.check(), bar.advance(count)),
        )  # fmt: skip


def show(run: Run, asked: Asked, drawn: Sequence[Sample], per_prompt: int) -> None:
    """Keep one answer to each of a few problems for a reader."""
    rows = drawn[: 8 * per_prompt : per_prompt]
    run.samples("first", [(asked.problems[s.prompt_index].prompt, s.text, None) for s in rows])


# --- who scores ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scored:
    """What the scorer says of each sample, and what it had to read."""

    values: torch.Tensor  # like the gains, float64
    tokens: float = 0.0  # mean tokens that a model read to score one sample; a rule reads none

    @property
    def rows(self) -> list[list[float]]:
        """The scores of each problem's samples."""
        rows: list[list[float]] = self.values.tolist()
        return rows


def scored(
    config: RankedOptions, run: Run, gains: torch.Tensor, drawn: Sequence[Sample],
    prompts: Sequence[str] = (),
) -> Scored:  # fmt: skip
    """The score of each of ``drawn`` by whom ``config`` names; ``prompts``: each sample's own."""
    if config.reward_model is not None:
        judge = load_reward_model(
            config.reward_model, cache_dir=run.cache_dir, device=run.device,
            precision=config.precision,
        )  # fmt: skip
        texts = list(zip(prompts, [s.text for s in drawn], strict=True))
        values = torch.tensor(text_rewards(judge, texts), dtype=torch.float64).view_as(gains)
        read = sum(len(row(judge, *text).ids) for text in texts)
        return Scored(values, read / len(texts))
    if config.scorer == "task":
        return Scored(gains)
    if config.scorer == "likelihood":
        means = [math.fsum(s.logprobs) / len(s.logprobs) for s in drawn]
        return Scored(torch.tensor(means, dtype=torch.float64).view_as(gains))
    generator = run.generator("coins")
    coins = torch.rand(gains.shape, generator=generator, device=generator.device)
    return Scored(coins.double().cpu())


def price(written: float, read: float, problems: int) -> tuple[Measure, ...]:
    """Tokens that a problem costs: written by the policy, and read by a model that scores.

    They are counted and not estimated: the interval is the number.
    """
    return (
        Measure("tokens_written", "Tokens written for a problem", "tokens", False, None,
                Estimate(written, (written, written), problems)),
        Measure("tokens_scored", "Tokens that a model read to score them", "tokens", False, None,
                Estimate(read, (read, read), problems)),
    )  # fmt: skip


# --- what an answer comes to --------------------------------------------------------------------


def result_of(task: Task, text: str) -> str:
    """What an answer comes to: behind its last step where it has steps, else the whole."""
    line = text.split(task.stop, 1)[0] if task.stop else text
    return (line.rpartition(task.step_end)[2] if task.step_end else line).strip()

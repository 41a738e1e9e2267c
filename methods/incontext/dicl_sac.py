"""DICL-SAC: an off-policy learner that also trains on transitions a language model predicted.

Paper: arXiv 2410.11711 (Benechehab et al., *Zero-shot Model-based Reinforcement Learning using
Large Language Models*), Algorithm 2. Soft actor-critic acts and keeps what it saw. Now and then a
stretch of T recorded states is read in context, one forward pass a dimension, which predicts the
state behind each of them, and (s_i, a~_i, r_i, s^_i+1) goes to a second memory: a~ is another draw
of the policy at s_i, r is the reward that was recorded. An update takes a batch of each memory:

    L = L_SAC(B) + (|B_llm| / |B|) L_SAC(B_llm),    |B_llm| = share |B|

Departures from the paper
1. The task is Pendulum-v1 alone, in our own equations; episodes start anew at random.
2. All stretches that are read between two blocks of steps are read at once, before the block's
   updates; each becomes available at the update that would have asked for it.
3. One optimiser step on the sum, as Algorithm 2 has it. The official code takes a second step of
   Adam for the predicted batch, which all but forgets its weight (``separate``).
4. The predicted value is the mean of the law, as in the official code, or its mode, as in Table 3.
5. The official code's choice of predictions by their true error is an option (``kept``); it needs
   the truth, and all are kept by default.
6. The log-density of a squashed action is exact; the official code adds 1e-6.
7. Evaluation is by the policy's mean from starts that a run draws once; the paper shows returns of
   the episodes played.

Checked against: SAC's losses worked by hand and by finite differences, the soft target, the batches
of Algorithm 2 counted, gymnasium's own pendulum, and a resumed run, byte by byte.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from pydantic import model_validator
from torch import Tensor

from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run
from methods.incontext import pendulum
from methods.incontext.digits import alphabet
from methods.incontext.learner import numeric_policy
from methods.incontext.onestep import next_states
from methods.incontext.options import SacOptions
from methods.incontext.played import Played, results
from methods.incontext.sac import Agent, Transitions


class Config(SacOptions):
    """Options of SAC on a pendulum with predicted transitions."""

    share: float = option(
        0.1, "predicted transitions of an update, by its recorded ones, rounded up; 0 is plain SAC",
        source="2410.11711: 5, 10 and 25 %", ge=0, le=1,
    )  # fmt: skip
    transitions: Literal["predicted", "shuffled", "true", "recorded"] = option(
        "predicted",
        "what the second memory holds: predicted next states; the same in a random order; the next "
        "state and reward of the environment for the other action; the recorded transition again",
        source="2410.11711; the last three are ours",
    )
    projection: Literal["none", "states", "states-actions"] = option(
        "none", "what is projected on principal components before it is read; none is vICL",
        source="2410.11711, Table 3: the runs take vICL",
    )  # fmt: skip
    point: Literal["mean", "mode"] = option(
        "mean", "the value of a predicted law", source="official code; Table 3 says mode"
    )
    kept: float = option(
        1.0, "share of a stretch's predictions that are kept, those of least true error",
        source="official code: llm_percentage_to_keep", gt=0, le=1,
    )  # fmt: skip
    context: int = option(
        198, "steps of a stretch that is read", source="2410.11711: 198", unit="steps", ge=8
    )
    burn_in: int = option(
        1, "first predictions of a stretch that are left out", source="2410.11711: context of 1",
        unit="steps", ge=1,
    )  # fmt: skip
    steps: int = option(
        10_000, "steps in the environment, as many updates once it learns",
        source="2410.11711: 1e4 for Pendulum", unit="steps", ge=1,
    )  # fmt: skip
    block: int = option(
        200, "steps between blocks of as many updates", source="2410.11711: 200 for Pendulum",
        unit="steps", ge=1,
    )  # fmt: skip
    learning_starts: int = option(
        1000, "steps of random actions before the first update",
        source="2410.11711: 1e3 for Pendulum", unit="steps", ge=1,
    )  # fmt: skip
    predicted_start: int = option(
        2000, "steps before predicted transitions are learned from",
        source="2410.11711: 2e3 for Pendulum", unit="steps", ge=1,
    )  # fmt: skip
    read_every: int = option(
        16, "updates between two stretches that are read", source="2410.11711: 16 for Pendulum",
        unit="updates", ge=1,
    )  # fmt: skip
    episode: int = option(
        200, "steps of an episode", source="Pendulum-v1 of gymnasium", unit="steps", ge=10
    )
    evaluations: int = option(
        10, "episodes that the policy is measured on after each block", source="ours",
        unit="episodes", ge=2, le=1000,
    )  # fmt: skip

    @model_validator(mode="after")
    def _fits(self) -> Config:
        if self.context > min(self.episode, self.steps):
            raise ValueError(
                f"a stretch of {self.context} steps fits into no episode: --context is at most "
                f"--episode ({self.episode}) and --steps ({self.steps})"
            )
        if self.steps % self.block:
            raise ValueError(f"{self.steps} steps are no whole blocks of {self.block}")
        if self.share and self.predicted_start >= self.steps:
            raise ValueError(
                f"nothing predicted is learned from before step {self.predicted_start} of "
                f"{self.steps}: --predicted-start is below --steps, or --share 0"
            )
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {
        "digits": 2, "context": 48, "steps": 5000, "learning_starts": 400, "predicted_start": 600,
        "width": 64, "policy_rate": 1e-3, "read_every": 50,
    },
    "smollm2-135m": {"digits": 2, "steps": 4000, "read_every": 100, "precision": "bfloat16"},
}  # fmt: skip


def predicted_batch(batch: int, share: float) -> int:
    """Predicted transitions beside ``batch`` recorded ones, rounded up.

    >>> [predicted_batch(64, share) for share in (0.0, 0.05, 0.1, 0.25)]
    [0, 4, 7, 16]
    """
    return math.ceil(round(batch * share, 9))


def calls_of(block: int, config: Config) -> list[int]:
    """The updates of block ``block`` (from 0) before which a stretch is read; updates count from 1
    with the environment's steps."""
    first = (block + 1) * config.block
    return [first + u for u in range(config.block) if (first + u) % config.read_every == 0]


def run(run: Run, config: Config) -> None:
    """SAC with predicted transitions: returns over steps, and how good the predictions were."""
    policy = numeric_policy(run, config, config.context, "waves", untrained=False)
    reader = Reader(run, policy, config)
    seed = run.generator("sac").initial_seed() % 2**40  # the same on every device
    agent = Agent(pendulum.STATES, pendulum.ACTIONS, pendulum.MOST_TORQUE, config, seed)
    run.data("Pendulum-v1", f"{seed}, {config.episode} steps", 0, config.evaluations)
    played = Played.kept(run, agent)
    if played is None:
        played = Played.anew(config.evaluations, seed)
        played.measure(agent, config.episode)
    blocks = config.steps // config.block
    with run.stage("playing", blocks) as bar:
        bar.advance(played.blocks)
        for block in range(played.blocks, blocks):
            run.check()
            generator = torch.Generator().manual_seed(seed + 1 + block)
            random = block * config.block < config.learning_starts
            played.play(agent, config.block, config.episode, generator, random=random)
            if not random:
                learn(agent, played, reader, block, config, generator)
            played.measure(agent, config.episode)
            played.keep(run, agent)
            bar.advance(1, f"return {played.returns[-1].mean():.0f}")
    starts = reader.starts(played, config.evaluations, torch.Generator().manual_seed(seed))
    label = f"{config.transitions}, {config.share:.0%}" if config.share else "plain SAC"
    behind = -(-config.learning_starts // config.block)
    run.finish(results(label, played, config.block, behind, reader.errors(played, starts)))


def learn(
    agent: Agent,
    played: Played,
    reader: Reader,
    block: int,
    config: Config,
    generator: torch.Generator,
) -> None:
    """The updates of one block: a recorded batch each, and a predicted one once there are some."""
    extra = predicted_batch(config.batch, config.share)
    calls = calls_of(block, config) if extra else []
    found = reader.read(played, len(calls), generator)
    ready, before = dict(zip(calls, found, strict=False)), len(played.second.rewards)
    if found:
        played.second = played.second.joined(joined(found))
    for step in range((block + 1) * config.block, (block + 2) * config.block):
        before += len(ready[step].rewards) if step in ready else 0
        recorded = played.memory.drawn(config.batch, len(played.memory.rewards), generator)
        batches = [(1.0, recorded)]
        if before and step >= config.predicted_start:
            predicted = played.second.drawn(extra, before, generator)
            batches.append((extra / config.batch, predicted))
        agent.update(step, batches, generator)


def joined(parts: list[Transitions]) -> Transitions:
    """All rows of ``parts`` in their order."""
    return Transitions(*(torch.cat(columns) for columns in zip(*parts, strict=True)))


class Reader:
    """What a language model makes of recorded stretches."""

    def __init__(self, run: Run, policy: LanguageModel, config: Config) -> None:
        self.run, self.policy, self.config = run, policy, config
        self.written = alphabet(policy, config.digits, config.separator)

    def starts(self, played: Played, count: int, generator: torch.Generator) -> list[int]:
        """First rows of ``count`` stretches within an episode; none while none is as long."""
        first = played.stretches(self.config.context, self.config.episode)
        if not len(first):
            return []
        return first[torch.randint(len(first), (count,), generator=generator)].tolist()

    def predictions(self, stretches: list[Transitions]) -> list[Tensor]:
        """(context, 3) float64 a stretch: the state predicted behind each of its states."""
        config = self.config
        return next_states(
            self.policy, self.written, stretches, config.projection, config.point,
            lambda _: self.run.check(),
        )  # fmt: skip

    def read(self, played: Played, calls: int, generator: torch.Generator) -> list[Transitions]:
        """What each call adds to the second memory; nothing while no episode is long enough."""
        config = self.config
        cuts = [slice(i, i + config.context) for i in self.starts(played, calls, generator)]
        stretches = [played.memory.rows(cut) for cut in cuts]
        late = slice(config.burn_in - 1, None)
        if config.transitions == "recorded":
            return [rows.rows(late) for rows in stretches]
        others = [played.others[cut] for cut in cuts]
        if config.transitions == "true":
            pairs = zip(stretches, others, strict=True)
            return [answered(rows, other).rows(late) for rows, other in pairs]
        made = []
        for rows, other, guess in zip(stretches, others, self.predictions(stretches), strict=True):
            new = rows._replace(actions=other, nexts=guess.float()).rows(late)
            new = new.rows(nearest(new.nexts, rows.nexts[late], config.kept))
            if config.transitions == "shuffled":
                order = torch.randperm(len(new.rewards), generator=generator)
                new = new._replace(nexts=new.nexts[order])
            made.append(new)
        return made

    def errors(self, played: Played, starts: list[int]) -> dict[str, list[float]]:
        """By stretch: squared error of the prediction, and of the last state kept, both in
        variances of the stretch."""
        found: dict[str, list[float]] = {"predicted": [], "persistence": []}
        late = slice(self.config.burn_in - 1, None)
        stretches = [played.memory.rows(slice(i, i + self.config.context)) for i in starts]
        for rows, predicted in zip(stretches, self.predictions(stretches), strict=True):
            spread = rows.states.double().std(0).clamp(min=1e-6)
            for name, guess in (("predicted", predicted), ("persistence", rows.states)):
                far = ((guess - rows.nexts) / spread).square()[late]
                found[name].append(float(far.mean()))
        return found


def answered(rows: Transitions, actions: Tensor) -> Transitions:
    """What the environment gives for other ``actions`` at the states of ``rows``."""
    angle = torch.atan2(rows.states[:, 1], rows.states[:, 0]).double()
    speed = rows.states[:, 2].double()
    angle, speed, reward = pendulum.swung(angle, speed, actions[:, 0].double())
    return Transitions(rows.states, actions, reward.float(), pendulum.seen(angle, speed).float())


def nearest(predicted: Tensor, true: Tensor, share: float) -> Tensor:
    """Rows of the ``share`` of predictions nearest to the truth, at least one, in their order."""
    count = max(1, round(share * len(true)))
    return (predicted - true).norm(dim=1).argsort(stable=True)[:count].sort().values

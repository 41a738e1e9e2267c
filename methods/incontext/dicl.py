"""DICL: multivariate dynamics from a model that reads one series of numbers at a time.

Paper: arXiv 2410.11711 (Benechehab et al., *Zero-shot Model-based Reinforcement Learning using
Large Language Models*), Section 3, with ICL its Algorithm 1. States and actions of T steps are
projected on their principal components, each component is continued in context as a series of its
own, and what is predicted is projected back:

    z = phi(x),   P(z_j,t+1 | z_j,<=t) = ICL(z_j)  for each component j,   x = phi^-1(z)

phi is the identity in vICL, the principal components of the states in DICL-(s), those of states and
actions together in DICL-(s,a). A rollout of several steps appends each prediction to its series,
whose smallest and largest value stay those of the context.

Departures from the paper
1. The task is a pendulum with a scripted controller (``pendulum`` has its equations); the paper has
   seven D4RL data sets.
2. Of k features half are kept, rounded up; the paper keeps about half of 23.
3. The paper scales to the smallest and largest value and then to mean and spread, of which only the
   second changes anything.
4. What the components left out explain is missing from the samples, as in the paper.
5. One value of a predicted law, its mean or its mode, is appended and has the error. The official
   code appends the mode unless it is asked for the mean, and takes the error of the mean; where its
   transitions are learned from, it keeps the mean, and the paper's table says mode.
6. Persistence and a normal law of the context stand beside the paper's multilayer perceptron,
   which is smaller here and is told the actions to come.
7. Policy evaluation (``rewards``) sums the steps that are forecast with a discount of 0.99; the
   paper's is not stated, and its contexts have 500 steps.

Checked against: the inverse of the projection, singular values by hand, quantiles of forecasters
that are right and wrong by construction, the pendulum's conservation of energy, and rollouts
computed one step at a time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from methods.engine.model import LanguageModel
from methods.engine.options import option
from methods.engine.run import Run
from methods.incontext import rollout, value
from methods.incontext.digits import Alphabet, Scale, all_log_masses, alphabet
from methods.incontext.learner import numeric_policy
from methods.incontext.options import NumericOptions
from methods.incontext.pendulum import Episode, play
from methods.incontext.rollout import Forecast


class Config(NumericOptions):
    """Options of DICL on a pendulum."""

    projection: Literal["states", "states-actions"] = option(
        "states-actions",
        "what is projected on its principal components: DICL-(s) or DICL-(s,a); vICL, which "
        "projects nothing, is measured in every run",
        source="2410.11711, Section 3",
    )
    components: int | None = option(
        None, "components kept; none keeps half of the features", source="2410.11711: about half",
        unit="components", ge=1, le=5,
    )  # fmt: skip
    context: int = option(
        200, "steps that are read", source="ours; the paper reads 300 and more", unit="steps", ge=8
    )
    horizon: int = option(
        20, "steps that are predicted", source="2410.11711: 20", unit="steps", ge=1
    )
    point: Literal["mean", "mode"] = option(
        "mean",
        "the value of a predicted law: appended, and the error's",
        source="official code, for the error; it appends the mode",
    )
    episodes: int = option(
        20, "episodes, each with a height of swing of its own", source="ours; the paper: 5 a task",
        unit="episodes", ge=2, le=1000,
    )  # fmt: skip
    samples: int = option(
        100, "samples of each step that quantiles are taken among", source="2410.11711: 100",
        unit="samples", ge=2,
    )  # fmt: skip
    rewards: bool = option(
        False,
        "the reward of each step stands among the states, and the controller's value is estimated "
        "from what is forecast of it",
        source="2410.11711, Section 4: policy evaluation",
    )
    control: Literal["none", "shuffled", "untrained"] = option(
        "none",
        "shuffled puts all steps of the context but the last in a random order, so that nothing "
        "of the dynamics is left to be learned; untrained draws the model's weights anew",
        source="ours",
    )

    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        there = (3 if self.projection == "states" else 4) + self.rewards  # 4 with the torque
        if self.components is not None and self.components > there:
            raise ValueError(
                f"components={self.components} are too many: projection={self.projection} has "
                f"{there} dimensions; take 1 to {there}, or none for half of them"
            )
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"digits": 1, "context": 40, "horizon": 8},
    "smollm2-135m": {"context": 100, "horizon": 10, "episodes": 2, "precision": "bfloat16"},
}


@dataclass(frozen=True)
class Projection:
    """An affine map to components: z = (x - mean) / spread @ axes.T, of the context alone."""

    mean: Tensor  # (F,)
    spread: Tensor  # (F,)
    axes: Tensor  # (C, F), orthonormal rows

    @classmethod
    def of(cls, features: Tensor, components: int | None) -> Projection:
        """Of (T, F) features; ``components`` None keeps each feature as it is (vICL)."""
        mean, spread = features.mean(0), features.std(0, correction=0)
        spread = torch.where(spread > 1e-12, spread, torch.ones_like(spread))
        if components is None:
            return cls(mean, spread, torch.eye(features.shape[1], dtype=features.dtype))
        axes = torch.linalg.svd((features - mean) / spread, full_matrices=False).Vh[:components]
        # The sign of an axis is no one's choice: its largest entry is positive.
        signs = axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
        return cls(mean, spread, axes * signs)

    def to(self, features: Tensor) -> Tensor:
        """(..., F) -> (..., C)."""
        return (features - self.mean) / self.spread @ self.axes.T

    def back(self, components: Tensor) -> Tensor:
        """(..., C) -> (..., F) in units of the context: mean 0, spread 1."""
        return components @ self.axes


def point_of(masses: Tensor, scale: Scale, point: str) -> Tensor:
    """The mean or the mode of (..., B) masses, in the series' own unit."""
    if point == "mean":
        return masses @ scale.centres()
    return scale.centres()[masses.argmax(-1)]


def run(run: Run, config: Config) -> None:
    """Rollouts of vICL and DICL, their error and calibration, beside the baselines."""
    untrained = config.control == "untrained"
    policy = numeric_policy(
        run, config, config.context + config.horizon, "waves", untrained=untrained
    )
    written = alphabet(policy, config.digits, config.separator)
    seed = run.generator("episodes").initial_seed()  # the same on every device
    generator = torch.Generator().manual_seed(seed)
    length = config.context + config.horizon
    episodes = [play(generator, length) for _ in range(config.episodes)]
    if config.rewards:
        episodes = [value.with_rewards(e) for e in episodes]
    if config.control == "shuffled":
        episodes = [_shuffled(e, config.context, generator) for e in episodes]
    digest = hashlib.sha256(b"".join(e.states.numpy().tobytes() for e in episodes))
    run.data(f"pendulum, {config.episodes} episodes", digest.hexdigest(), 0, config.episodes)

    truths = [
        Projection.of(e.states[: config.context], None).to(e.states[config.context :])
        for e in episodes
    ]

    def judged(forecasts: list[Forecast]) -> dict[str, Any]:
        found = rollout.judged(forecasts, truths)
        if config.rewards:
            found["value"] = value.judged(forecasts, episodes, config.context)
        return found

    def in_context(projection: str) -> dict[str, Any]:
        return judged(_rollouts(run, policy, written, episodes, config, projection))

    found = {
        "vicl": run.once("vicl", lambda: in_context("none")),
        "dicl": run.once("dicl", lambda: in_context(config.projection)),
    }
    for name in rollout.BASELINES:
        draws = torch.Generator().manual_seed(seed + 1)
        found[name] = judged(_baseline(name, episodes, config, draws))
    label = "DICL-(s,a)" if config.projection == "states-actions" else "DICL-(s)"
    results = rollout.results(label, config.horizon, found)
    if config.rewards:
        more = value.measures(label, config.horizon, found)
        line = value.curve(rollout.lines_of(label, found))
        results = replace(
            results, measures=(*results.measures, *more), curves=(*results.curves, line)
        )
    run.finish(results)


def _shuffled(episode: Episode, context: int, generator: torch.Generator) -> Episode:
    order = torch.arange(len(episode.states))
    order[: context - 1] = torch.randperm(context - 1, generator=generator)
    return Episode(episode.states[order], episode.actions[order])


# --- rollouts -----------------------------------------------------------------------------------


@torch.no_grad()
def _rollouts(
    run: Run,
    policy: LanguageModel,
    written: Alphabet,
    episodes: Sequence[Episode],
    config: Config,
    projection: str,
) -> list[Forecast]:
    """A forecast of each episode's states; all components of all episodes go on together."""
    maps, series = [], []
    for episode in episodes:
        features = episode.states[: config.context]
        if projection == "states-actions":
            features = torch.cat([features, episode.actions[: config.context]], 1)
        kept = config.components or -(-features.shape[1] // 2)
        maps.append(Projection.of(features, None if projection == "none" else kept))
        series += list(maps[-1].to(features).T)
    scales = [Scale.of(values, config.digits) for values in series]
    laws = _continued(run, policy, written, series, scales, config)
    generator, start, found = run.generator("samples", projection), 0, []
    for fitted in maps:
        part = slice(start, start + len(fitted.axes))
        start = part.stop
        own = list(zip(laws[part], scales[part], strict=True))
        points = torch.stack([point_of(law, s, config.point) for law, s in own])
        drawn = torch.stack([sampled(law, s, config.samples, generator) for law, s in own])
        d = episodes[0].states.shape[1]  # without the actions
        found.append(
            Forecast(fitted.back(points.T)[:, :d], fitted.back(drawn.permute(1, 2, 0))[..., :d])
        )
    return found


def _continued(
    run: Run,
    policy: LanguageModel,
    written: Alphabet,
    series: Sequence[Tensor],
    scales: Sequence[Scale],
    config: Config,
) -> list[Tensor]:
    """(H, bins) masses of each series; the scales stay those of the context."""
    codes = [s.codes(values).tolist() for s, values in zip(scales, series, strict=True)]
    found: list[list[Tensor]] = [[] for _ in codes]
    at_once = max(1, policy.sample_batch // 4)
    with run.stage("continuing", config.horizon) as bar:
        for _ in range(config.horizon):
            laws = all_log_masses(
                policy, written, codes, [[len(c)] for c in codes], at_once, lambda _: run.check()
            )
            for before, law in zip(found, laws, strict=True):
                before.append(law[0].exp())
            for i, scale in enumerate(scales):
                codes[i].append(int(scale.codes(point_of(found[i][-1], scale, config.point))))
            bar.advance(1)
    return [torch.stack(laws) for laws in found]


def sampled(masses: Tensor, scale: Scale, count: int, generator: torch.Generator) -> Tensor:
    """(H, count) values drawn from (H, B) masses, evenly within a bin."""
    device = generator.device
    picked = torch.multinomial(masses.to(device), count, replacement=True, generator=generator)
    within = torch.rand(picked.shape, generator=generator, device=device, dtype=torch.float64)
    return scale.centres()[picked.cpu()] + (within.cpu() - 0.5) * scale.width


def _baseline(
    name: str, episodes: Sequence[Episode], config: Config, generator: torch.Generator
) -> list[Forecast]:
    found, steps, count = [], config.horizon, config.samples
    for episode in episodes:
        units = Projection.of(episode.states[: config.context], None)
        context = units.to(episode.states[: config.context])
        if name == "mlp":
            actions = episode.actions[: config.context]
            coming = episode.actions[config.context - 1 : -1]
            found.append(rollout.mlp(context, actions, coming, count, generator))
        else:
            plain = rollout.persistence if name == "persistence" else rollout.naive_gaussian
            found.append(plain(context, steps, count, generator))
    return found

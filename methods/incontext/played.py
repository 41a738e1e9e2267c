"""What an agent has played on the pendulum so far: its memories, its returns, kept for a resume.

Everything is tensors in one safetensors file of the run's folder, replaced whole behind each block
of steps, so that a run killed anywhere goes on from the last block and ends with the same bits.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from methods.engine import distributed
from methods.engine.errors import MethodError
from methods.engine.files import writing
from methods.engine.results import Estimate, Measure, Results
from methods.engine.run import Run
from methods.incontext import pendulum
from methods.incontext.sac import Agent, Transitions

AGENT = "agent.safetensors"
LAST = 3  # evaluations that the final return is the mean of


@dataclass
class Played:
    """Both memories, the pendulum as it hangs, and the returns measured after each block."""

    begin: Tensor  # (2, E) angles and speeds of the episodes that measure
    pose: Tensor  # (3,) angle, speed, step of the episode
    memory: Transitions
    others: Tensor  # (N, A) another draw of the policy at each state of ``memory``
    second: Transitions
    returns: list[Tensor] = field(default_factory=list)  # (E,) each; the first is before any step

    @classmethod
    def anew(cls, evaluations: int, seed: int) -> Played:
        """Nothing played yet: empty memories, a first pose, and the starts that measure."""
        generator = torch.Generator().manual_seed(seed)
        begin = torch.stack(pendulum.starts(generator, evaluations))
        none = Transitions.none(pendulum.STATES, pendulum.ACTIONS)
        return cls(begin, _first(generator), none, none.actions, none)

    @property
    def blocks(self) -> int:
        """How many blocks of steps were played, learned from and measured."""
        return len(self.returns) - 1

    def stretches(self, length: int, episode: int) -> Tensor:
        """(K,) rows of ``memory`` from which ``length`` rows on are of one episode."""
        rows = torch.arange(max(0, len(self.others) - length + 1))
        return rows[rows % episode + length <= episode]

    @torch.no_grad()
    def play(
        self, agent: Agent, count: int, episode: int, generator: torch.Generator, *, random: bool
    ) -> None:
        """``count`` steps, by the policy or by evenly drawn torques, put into the memory."""
        rows: list[tuple[Tensor, ...]] = []
        angle, speed, at = self.pose[:1], self.pose[1:2], int(self.pose[2])
        for _ in range(count):
            state = pendulum.seen(angle, speed).float()
            if random:
                both = agent.bound * (2 * torch.rand(2, 1, generator=generator) - 1)
            else:
                noise = torch.randn(2, 1, generator=generator)
                both, _ = agent.act(state.expand(2, -1), noise)
            angle, speed, reward = pendulum.swung(angle, speed, both[0].double())
            after = pendulum.seen(angle, speed).float()
            rows.append((state, both[:1], reward.float(), after, both[1:]))
            at += 1
            if at == episode:
                angle, speed, at = *_first(generator).split(1)[:2], 0
        *columns, others = (torch.cat(column) for column in zip(*rows, strict=True))
        self.memory = self.memory.joined(Transitions(*columns))
        self.others = torch.cat([self.others, others])
        self.pose = torch.cat([angle, speed, torch.tensor([at], dtype=torch.float64)])

    @torch.no_grad()
    def measure(self, agent: Agent, episode: int) -> None:
        """Add the return of the policy's mean from each of the starts."""
        angle, speed = self.begin
        total = torch.zeros_like(angle)
        for _ in range(episode):
            mean, _ = agent.law(pendulum.seen(angle, speed).float())
            torque = agent.bound * mean[:, 0].tanh()
            angle, speed, reward = pendulum.swung(angle, speed, torque.double())
            total += reward
        self.returns.append(total)

    # --- keeping ----------------------------------------------------------------------------------

    def keep(self, run: Run, agent: Agent) -> None:
        """Replace what the run's folder holds by this and ``agent``; a crash leaves the old one."""
        if not distributed.is_first():
            return
        tensors = {"pose": self.pose, "begin": self.begin, "others": self.others}
        tensors["returns"] = torch.stack(self.returns)
        for name, rows in (("memory", self.memory), ("second", self.second)):
            tensors |= {f"{name}.{k}": v for k, v in zip(rows._fields, rows, strict=True)}
        tensors |= {f"agent.{name}": tensor for name, tensor in agent.state().items()}
        path = run.folder / AGENT
        part = path.with_name(f".{path.name}.{os.getpid()}.new")
        with writing(path):
            whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
            save_file(whole, part, metadata={"model": _model(run)})
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(path)

    @classmethod
    def kept(cls, run: Run, agent: Agent) -> Played | None:
        """What ``keep`` left in the run's folder, ``agent`` put back to it; None where nothing is.

        Raises MethodError where that is of another model, or cannot be read.
        """
        found = distributed.of_first(_read(run) if distributed.is_first() else None)
        if found is None:
            return None
        agent.load(
            {k.removeprefix("agent."): v for k, v in found.items() if k.startswith("agent.")}
        )
        memory, second = (
            Transitions(*(found[f"{name}.{column}"] for column in Transitions._fields))
            for name in ("memory", "second")
        )
        return cls(
            found["begin"], found["pose"], memory, found["others"], second, list(found["returns"])
        )


def _first(generator: torch.Generator) -> Tensor:
    return torch.cat([*pendulum.starts(generator, 1), torch.zeros(1, dtype=torch.float64)])


def _model(run: Run) -> str:
    return str((run.facts["model"] or {}).get("fingerprint"))


def _read(run: Run) -> dict[str, Tensor] | None:
    path = run.folder / AGENT
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            model = file.metadata()["model"]
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise MethodError(f"{path} cannot be read: {error}. Remove it to start again.") from error
    if model != _model(run):
        raise MethodError(
            "the model is no longer the one this run began with, so it cannot go on; put that "
            "back, or start a new run"
        )
    return found


# --- results ------------------------------------------------------------------------------------


def results(
    label: str, played: Played, block: int, starts: int, errors: Mapping[str, Sequence[float]]
) -> Results:
    """Returns over steps, by start, and how far the predictions were off.

    ``starts`` is how many blocks there are before the first that is learned from.
    """
    returns = torch.stack(played.returns)
    first, last = returns[0].tolist(), returns[-LAST:].mean(0).tolist()
    learning = returns[min(starts, len(returns) - 1) :].mean(0).tolist()
    measures = (
        Measure("return", f"Return of an episode, mean of the last {LAST} evaluations", "", True,
                Estimate.of_values(first), Estimate.of_values(last)),
        Measure("area", "Return of an episode, mean of all evaluations since it learns", "", True,
                None, Estimate.of_values(learning)),
        Measure("prediction_error", "Squared error of a next state: the last one kept, predicted",
                "variances of the stretch", False, Estimate.of_values(errors["persistence"]),
                Estimate.of_values(errors["predicted"])),
    )  # fmt: skip
    points = [Estimate.of_values(row) for row in returns.tolist()]
    line = {
        "label": label,
        "x": [float(block * i) for i in range(len(points))],
        "y": [p.mean for p in points],
        "low": [p.interval[0] for p in points],
        "high": [p.interval[1] for p in points],
    }
    curve = {
        "name": "returns", "title": "Return of the policy's mean", "x_label": "steps played",
        "y_label": "return of an episode", "x_log": False, "series": [line],
    }  # fmt: skip
    return Results(measures, (curve,))

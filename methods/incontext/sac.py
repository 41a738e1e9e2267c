"""Soft actor-critic: what it minimises, its networks, and one update on weighted batches.

After arXiv 1801.01290 and 1812.05905 (Haarnoja et al.): a squashed normal policy, two critics with
slowly moving targets, a temperature that keeps the policy's entropy near a target. The losses are
pure; ``Agent`` holds the networks and their optimisers. No state is terminal: an episode is only
cut off, so that every next state has a value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from methods.incontext.options import SacOptions

LEAST, MOST = -5.0, 2.0  # of the logarithm of the policy's spread, before squashing


class Transitions(NamedTuple):
    """Rows of (state, action, reward, next state): (N, S), (N, A), (N,), (N, S), float32."""

    states: Tensor
    actions: Tensor
    rewards: Tensor
    nexts: Tensor

    @classmethod
    def none(cls, states: int, actions: int) -> Transitions:
        """No rows at all."""
        return cls(*(torch.zeros(0, n) for n in (states, actions)), torch.zeros(0),
                   torch.zeros(0, states))  # fmt: skip

    def rows(self, index: Tensor | slice) -> Transitions:
        """Those of ``index``."""
        return Transitions(*(column[index] for column in self))

    def joined(self, others: Transitions) -> Transitions:
        """These and then ``others``."""
        return Transitions(*(torch.cat(pair) for pair in zip(self, others, strict=True)))

    def drawn(self, count: int, among: int, generator: torch.Generator) -> Transitions:
        """``count`` of the first ``among`` rows, each drawn by itself."""
        return self.rows(torch.randint(among, (count,), generator=generator))


# --- what is minimised ----------------------------------------------------------------------------


def squashed(
    mean: Tensor, log_spread: Tensor, noise: Tensor, bound: float
) -> tuple[Tensor, Tensor]:
    """Actions ``bound`` tanh(mean + spread noise) and their log density; (N, A) -> (N, A), (N,).

    The logarithm of tanh's slope, log(1 - tanh(x)^2) = 2 (log 2 - x - softplus(-2 x)), is finite
    however far out x lies.
    """
    raw = mean + log_spread.exp() * noise
    density = -0.5 * noise.square() - log_spread - 0.5 * math.log(2 * math.pi)
    slope = 2 * (math.log(2.0) - raw - softplus(-2 * raw)) + math.log(bound)
    return bound * raw.tanh(), (density - slope).sum(-1)


def target_values(
    rewards: Tensor, next_values: Tensor, next_log_probs: Tensor, alpha: float, discount: float
) -> Tensor:
    """(N,) r + gamma (min of the two values - alpha log pi); ``next_values`` is (2, N)."""
    return rewards + discount * (next_values.min(0).values - alpha * next_log_probs)


def critic_loss(values: Tensor, targets: Tensor) -> Tensor:
    """The sum over both critics of the mean squared error; (2, N) and (N,)."""
    return (values - targets).square().mean(1).sum()


def actor_loss(log_probs: Tensor, values: Tensor, alpha: float) -> Tensor:
    """Mean of alpha log pi - min of the two values, (2, N), of the policy's own actions."""
    return (alpha * log_probs - values.min(0).values).mean()


def temperature_loss(log_alpha: Tensor, log_probs: Tensor, entropy: float) -> Tensor:
    """Mean of -alpha (log pi + entropy): alpha grows where the policy's entropy is below."""
    return -(log_alpha.exp() * (log_probs + entropy)).mean()


@torch.no_grad()
def follow(targets: Sequence[Tensor], weights: Sequence[Tensor], rate: float) -> None:
    """targets <- rate weights + (1 - rate) targets, in place."""
    for target, weight in zip(targets, weights, strict=True):
        target.lerp_(weight, rate)


# --- the networks ---------------------------------------------------------------------------------


class Layers(nn.Module):
    """Three layers with ReLU between, ``copies`` networks of one shape at once."""

    def __init__(
        self, copies: int, sizes: tuple[int, int, int], generator: torch.Generator
    ) -> None:
        super().__init__()
        ins, width, outs = sizes
        shapes = ((ins, width), (width, width), (width, outs))
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for fan, out in shapes:
            reach = fan**-0.5  # torch's own first weights of a linear layer
            for kept, shape in (
                (self.weights, (copies, fan, out)),
                (self.biases, (copies, 1, out)),
            ):
                unit = torch.rand(shape, generator=generator)
                kept.append(nn.Parameter((2 * unit - 1) * reach))

    def forward(self, x: Tensor) -> Tensor:
        """(N, ins) -> (copies, N, outs)."""
        x = x.expand(len(self.weights[0]), *x.shape)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x.relu() if i else x, weight)
        return x


class Agent:
    """A policy, two critics and their targets, the temperature, and an Adam for each."""

    def __init__(
        self, states: int, actions: int, bound: float, config: SacOptions, seed: int
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.config, self.bound, self.entropy = config, bound, -float(actions)
        self.actor = Layers(1, (states, config.width, 2 * actions), generator)
        self.critics = Layers(2, (states + actions, config.width, 1), generator)
        self.targets = Layers(2, (states + actions, config.width, 1), generator)
        self.targets.load_state_dict(self.critics.state_dict())
        self.log_alpha = torch.zeros((), requires_grad=True)
        rates = (config.policy_rate, config.value_rate, config.value_rate)
        parts = (list(self.actor.parameters()), list(self.critics.parameters()), [self.log_alpha])
        self.adams = [
            torch.optim.Adam(p, lr=r, fused=True) for p, r in zip(parts, rates, strict=True)
        ]

    def law(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log spread of the policy before squashing, (N, A) each."""
        mean, spread = self.actor(states)[0].chunk(2, -1)
        return mean, LEAST + 0.5 * (MOST - LEAST) * (spread.tanh() + 1)

    def act(self, states: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The policy's actions at ``states`` for standard normal ``noise``, and their log-probs."""
        return squashed(*self.law(states), noise, self.bound)

    def values(self, critics: Layers, states: Tensor, actions: Tensor) -> Tensor:
        """(2, N)."""
        return critics(torch.cat([states, actions], -1))[..., 0]

    def update(
        self, step: int, batches: Sequence[tuple[float, Transitions]], generator: torch.Generator
    ) -> None:
        """One update on the sum of the losses of ``batches``, each with its weight.

        With ``separate`` each batch is an optimiser step of its own. The policy moves every
        ``policy_every`` updates, as often as that at once.
        """
        every = self.config.policy_every
        steps = [[batch] for batch in batches] if self.config.separate else [list(batches)]
        for together in steps:
            self._step(1, sum(w * self.critic_loss(b, generator) for w, b in together))
            for _ in range(every if step % every == 0 else 0):
                self._step(0, sum(w * self.actor_loss(b, generator) for w, b in together))
                self._step(2, sum(w * self.temperature_loss(b, generator) for w, b in together))
        follow(list(self.targets.parameters()), list(self.critics.parameters()), self.config.follow)

    def _step(self, which: int, loss: Tensor) -> None:
        self.adams[which].zero_grad()
        inputs = self.adams[which].param_groups[0]["params"]
        loss.backward(inputs=inputs)
        self.adams[which].step()

    def critic_loss(self, batch: Transitions, generator: torch.Generator) -> Tensor:
        """The critics' loss on ``batch``, next actions drawn from the policy."""
        with torch.no_grad():
            actions, log_probs = self.act(batch.nexts, _noise(batch, generator))
            coming = self.values(self.targets, batch.nexts, actions)
            alpha = float(self.log_alpha.exp())
            wanted = target_values(batch.rewards, coming, log_probs, alpha, self.config.discount)
        return critic_loss(self.values(self.critics, batch.states, batch.actions), wanted)

    def actor_loss(self, batch: Transitions, generator: torch.Generator) -> Tensor:
        """The policy's loss at the states of ``batch``."""
        actions, log_probs = self.act(batch.states, _noise(batch, generator))
        values = self.values(self.critics, batch.states, actions)
        return actor_loss(log_probs, values, float(self.log_alpha.detach().exp()))

    def temperature_loss(self, batch: Transitions, generator: torch.Generator) -> Tensor:
        """The temperature's loss at the states of ``batch``."""
        with torch.no_grad():
            _, log_probs = self.act(batch.states, _noise(batch, generator))
        return temperature_loss(self.log_alpha, log_probs, self.entropy)

    # --- keeping ----------------------------------------------------------------------------------

    def state(self) -> dict[str, Tensor]:
        """Everything that an agent is: weights, targets, temperature, moments; copies."""
        found = {name: tensor.detach().clone() for name, tensor in self._weights().items()}
        for i, adam in enumerate(self.adams):
            for j, moments in adam.state_dict()["state"].items():
                found |= {f"adam.{i}.{j}.{kind}": t.clone() for kind, t in moments.items()}
        return found

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Be the agent whose ``state`` this is, to the bit."""
        for name, tensor in self._weights().items():
            tensor.copy_(state[name])
        for i, adam in enumerate(self.adams):
            whole = adam.state_dict()
            names = [n.split(".") for n in state if n.startswith(f"adam.{i}.")]
            kept: dict[int, dict[str, Tensor]] = {}
            for _, _, j, kind in names:
                kept.setdefault(int(j), {})[kind] = state[f"adam.{i}.{j}.{kind}"].clone()
            whole["state"] = kept
            adam.load_state_dict(whole)

    def _weights(self) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {"log_alpha": self.log_alpha}
        for part in ("actor", "critics", "targets"):
            network: Layers = getattr(self, part)
            found |= {f"{part}.{name}": p for name, p in network.named_parameters()}
        return found


def _noise(batch: Transitions, generator: torch.Generator) -> Tensor:
    return torch.randn(batch.actions.shape, generator=generator)

"""A pendulum with a motor and a scripted controller: a control task in closed equations.

Angle a from upright, speed w, torque u held for two steps of 0.05 s; mass 1, length 1, g = 10:

    w' = clip(w + (15 sin a + 3 u) 0.05, -8, 8),    a' = a + 0.05 w',    |u| <= 2.

What is seen of it is (cos a, sin a, w). The controller pumps energy in or out until the swing
reaches a height that each episode draws, so that it never comes to rest:

    E = w^2 / 6 + 5 cos a,    u = clip(2 w (E* - E) + e, -2, 2),    E* ~ U(-1, 3),  e ~ N(0, 0.3^2).

The motion is that of Pendulum-v1 of gymnasium, two of its steps to one of ours. The controller is
ours. As a task to be learned (``swung``, ``starts``) it is Pendulum-v1 itself, one step at a time,
many pendulums at once, with the reward

    r = -(a^2 + 0.1 w^2 + 0.001 u^2),    a in [-pi, pi).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

STEP, HELD, MOST_TORQUE, MOST_SPEED = 0.05, 2, 2.0, 8.0  # s, steps, N m, rad/s
STATES, ACTIONS = 3, 1


@dataclass(frozen=True)
class Episode:
    """``states`` (T, 3): cos a, sin a, w; ``actions`` (T, 1): the torque applied at each."""

    states: Tensor
    actions: Tensor


def moved(angle: float, speed: float, torque: float) -> tuple[float, float]:
    """Angle and speed when ``torque`` was held for two steps."""
    for _ in range(HELD):
        speed += (15.0 * math.sin(angle) + 3.0 * torque) * STEP
        speed = max(-MOST_SPEED, min(MOST_SPEED, speed))
        angle += STEP * speed
    return angle, speed


def energy(angle: float, speed: float) -> float:
    """Kinetic and potential energy, 5 where it stands upright at rest."""
    return speed**2 / 6 + 5 * math.cos(angle)


def play(generator: torch.Generator, length: int) -> Episode:
    """One episode of ``length`` steps from near the bottom, float64."""
    draws = torch.rand(3, generator=generator, dtype=torch.float64).tolist()
    angle, speed = math.pi + (2 * draws[0] - 1), 2 * draws[1] - 1
    target = -1 + 4 * draws[2]
    noise = 0.3 * torch.randn(length, generator=generator, dtype=torch.float64)
    states, actions = [], []
    for e in noise.tolist():
        torque = 2 * speed * (target - energy(angle, speed)) + e
        torque = max(-MOST_TORQUE, min(MOST_TORQUE, torque))
        states.append([math.cos(angle), math.sin(angle), speed])
        actions.append([torque])
        angle, speed = moved(angle, speed, torque)
    return Episode(
        torch.tensor(states, dtype=torch.float64), torch.tensor(actions, dtype=torch.float64)
    )


# --- the task: Pendulum-v1, tensors of one entry a pendulum ---------------------------------------


def swung(angle: Tensor, speed: Tensor, torque: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Angle and speed one step later, and the reward of the step; (N,) float64 each."""
    torque = torque.clamp(-MOST_TORQUE, MOST_TORQUE)
    reward = -(upright(angle).square() + 0.1 * speed.square() + 0.001 * torque.square())
    faster = speed + (15.0 * angle.sin() + 3.0 * torque) * STEP
    faster = faster.clamp(-MOST_SPEED, MOST_SPEED)
    return angle + faster * STEP, faster, reward


def upright(angle: Tensor) -> Tensor:
    """The same angle in [-pi, pi): 0 where it stands upright."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def starts(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Angles in [-pi, pi) and speeds in [-1, 1) that episodes begin with, (count,) each."""
    unit = torch.rand(2, count, generator=generator, dtype=torch.float64)
    return (2 * unit[0] - 1) * math.pi, 2 * unit[1] - 1


def seen(angle: Tensor, speed: Tensor) -> Tensor:
    """(N, 3): cos a, sin a, w."""
    return torch.stack([angle.cos(), angle.sin(), speed], -1)


def rewards(states: Tensor, actions: Tensor) -> Tensor:
    """(T,) the reward at each of (T, 3) states seen and (T, 1) torques."""
    angle = torch.atan2(states[:, 1], states[:, 0])
    cost = angle.square() + 0.1 * states[:, 2].square() + 0.001 * actions[:, 0].square()
    return -cost

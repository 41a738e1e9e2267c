"""The pendulum as a task: by hand, and beside gymnasium's own where that is installed."""

from __future__ import annotations

import math

import pytest
import torch

from methods.incontext import pendulum

F64 = torch.float64


def one(*values: float) -> list[torch.Tensor]:
    return [torch.tensor([v], dtype=F64) for v in values]


def test_a_step_and_its_reward_by_hand() -> None:
    angle, speed, reward = pendulum.swung(*one(math.pi / 2, 1.0, -1.0))
    assert float(speed) == pytest.approx(1.0 + (15.0 - 3.0) * 0.05)
    assert float(angle) == pytest.approx(math.pi / 2 + 1.6 * 0.05)
    assert float(reward) == pytest.approx(-((math.pi / 2) ** 2 + 0.1 + 0.001))


def test_torque_and_speed_are_bounded_and_angles_count_from_upright_whatever_the_turns() -> None:
    _, speed, reward = pendulum.swung(*one(0.0, 7.9, 50.0))
    assert float(speed) == 8.0
    assert float(reward) == pytest.approx(-(0.1 * 7.9**2 + 0.004))
    turned = pendulum.swung(*one(0.4 + 6 * math.pi, 0.0, 0.0))
    assert float(turned[2]) == pytest.approx(-0.16)
    assert float(pendulum.upright(one(math.pi)[0])) == -math.pi


def test_two_steps_are_one_of_the_scripted_episodes() -> None:
    angle, speed = one(2.0, -0.7)
    for _ in range(2):
        angle, speed, _ = pendulum.swung(angle, speed, one(0.8)[0])
    assert (float(angle), float(speed)) == pytest.approx(pendulum.moved(2.0, -0.7, 0.8), abs=1e-12)


def test_the_reward_read_off_what_is_seen_is_that_of_the_step() -> None:
    g = torch.Generator().manual_seed(0)
    angle, speed = pendulum.starts(g, 50)
    torque = 4 * torch.rand(50, generator=g, dtype=F64) - 2
    _, _, expected = pendulum.swung(angle + 2 * math.pi, speed, torque)
    found = pendulum.rewards(pendulum.seen(angle, speed), torque[:, None])
    assert torch.allclose(found, expected)


def test_states_next_states_and_rewards_are_those_of_gymnasium() -> None:
    gymnasium = pytest.importorskip("gymnasium")
    env = gymnasium.make("Pendulum-v1").unwrapped
    env.reset(seed=0)
    g = torch.Generator().manual_seed(0)
    for _ in range(300):
        angle, speed = pendulum.starts(g, 1)
        angle, speed = 3 * angle, 8 * speed
        torque = 6 * torch.rand(1, generator=g, dtype=F64) - 3  # beyond the bound too
        env.state = (float(angle), float(speed))
        seen, theirs, ended, _, _ = env.step(torque.numpy())
        angle, speed, reward = pendulum.swung(angle, speed, torque)
        assert env.state.tolist() == pytest.approx([float(angle), float(speed)], abs=1e-12)
        assert float(reward) == pytest.approx(float(theirs), abs=1e-12)
        assert seen.tolist() == pendulum.seen(angle, speed)[0].float().tolist() and not ended

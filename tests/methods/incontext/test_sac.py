"""Soft actor-critic: its losses by hand, in float64, and an agent that can be put back to the bit."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from methods.incontext import sac
from methods.incontext.options import SacOptions
from methods.incontext.sac import (
    Agent,
    Layers,
    Transitions,
    actor_loss,
    critic_loss,
    follow,
    squashed,
    target_values,
    temperature_loss,
)

F64 = torch.float64


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rows(count: int, seed: int = 0) -> Transitions:
    g = generator(seed)
    return Transitions(
        torch.randn(count, 3, generator=g), 4 * torch.rand(count, 1, generator=g) - 2,
        torch.randn(count, generator=g), torch.randn(count, 3, generator=g),
    )  # fmt: skip


def agent(seed: int = 0, **options: object) -> Agent:
    return Agent(3, 1, 2.0, SacOptions(**{"width": 8, **options}), seed)


# --- the policy's law -----------------------------------------------------------------------------


def test_an_action_and_its_log_density_by_hand() -> None:
    mean, log_spread, noise = (torch.tensor([[v]], dtype=F64) for v in (0.3, math.log(0.5), 0.4))
    action, log_prob = squashed(mean, log_spread, noise, 2.0)
    assert float(action) == pytest.approx(2 * math.tanh(0.5))
    normal = math.exp(-0.08) / (0.5 * math.sqrt(2 * math.pi))
    assert float(log_prob) == pytest.approx(math.log(normal / (2 * (1 - math.tanh(0.5) ** 2))))


def test_the_density_of_a_squashed_action_adds_up_to_one() -> None:
    x = torch.linspace(-9, 9, 20001, dtype=F64)[:, None]
    action, log_prob = squashed(torch.full_like(x, 0.2), torch.full_like(x, -0.3), x, 2.0)
    assert float(torch.trapezoid(log_prob.exp(), action[:, 0])) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("far", [-60.0, 60.0])
def test_the_log_density_far_out_is_finite_and_so_is_its_gradient(far: float) -> None:
    mean = torch.tensor([[far]], dtype=F64, requires_grad=True)
    _, log_prob = squashed(mean, torch.zeros(1, 1, dtype=F64), torch.zeros(1, 1, dtype=F64), 2.0)
    log_prob.sum().backward()
    assert torch.isfinite(log_prob).all() and float(mean.grad) == pytest.approx(
        2.0 * math.copysign(1.0, far)
    )


def test_two_actions_are_independent_and_their_log_densities_add() -> None:
    g = generator()
    parts = [torch.randn(5, 2, generator=g, dtype=F64) for _ in range(3)]
    _, both = squashed(*parts, 2.0)
    each = [squashed(*(p[:, i : i + 1] for p in parts), 2.0)[1] for i in (0, 1)]
    assert torch.allclose(both, each[0] + each[1])


# --- the losses -----------------------------------------------------------------------------------


def test_targets_and_losses_of_two_transitions_by_hand() -> None:
    rewards = torch.tensor([1.0, -2.0], dtype=F64)
    coming = torch.tensor([[3.0, 5.0], [4.0, 1.0]], dtype=F64)
    log_probs = torch.tensor([-1.0, 0.5], dtype=F64)
    targets = target_values(rewards, coming, log_probs, 0.2, 0.9)
    assert targets.tolist() == pytest.approx([1 + 0.9 * (3 + 0.2), -2 + 0.9 * (1 - 0.1)])
    values = torch.tensor([[0.0, 1.0], [2.0, 2.0]], dtype=F64)
    t = torch.tensor([1.0, 3.0], dtype=F64)
    assert float(critic_loss(values, t)) == pytest.approx((1 + 4) / 2 + (1 + 1) / 2)
    assert float(actor_loss(log_probs, coming, 0.2)) == pytest.approx(((-0.2 - 3) + (0.1 - 1)) / 2)
    log_alpha = torch.tensor(math.log(0.5), dtype=F64)
    found = float(temperature_loss(log_alpha, log_probs, -1.0))
    assert found == pytest.approx(-(0.5 * (-2.0) + 0.5 * (-0.5)) / 2)


def test_gradients_are_those_of_finite_differences() -> None:
    g = generator()
    mean, log_spread, noise = (
        (torch.randn(4, 1, generator=g, dtype=F64) * 0.5).requires_grad_(i < 2) for i in range(3)
    )
    values = torch.randn(2, 4, generator=g, dtype=F64).requires_grad_()
    log_alpha = torch.tensor(-0.4, dtype=F64, requires_grad=True)
    targets = torch.randn(4, generator=g, dtype=F64)

    def policy(mean: Tensor, log_spread: Tensor, values: Tensor) -> Tensor:
        action, log_prob = squashed(mean, log_spread, noise, 2.0)
        return actor_loss(log_prob, values + action[:, 0].sin(), 0.3)

    assert torch.autograd.gradcheck(policy, (mean, log_spread, values))
    assert torch.autograd.gradcheck(lambda v: critic_loss(v, targets), (values,))
    assert torch.autograd.gradcheck(lambda a: temperature_loss(a, targets, -1.0), (log_alpha,))


def test_the_temperature_grows_where_the_entropy_is_below_the_target_and_falls_above() -> None:
    for log_prob, grows in ((3.0, True), (-3.0, False)):
        log_alpha = torch.zeros((), dtype=F64, requires_grad=True)
        temperature_loss(log_alpha, torch.full((4,), log_prob, dtype=F64), -1.0).backward()
        assert (float(log_alpha.grad) < 0) is grows


def test_a_target_goes_its_share_of_the_way() -> None:
    target, weight = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 0.0])
    follow([target], [weight], 0.25)
    assert target.tolist() == pytest.approx([1.5, 1.5])
    follow([target], [weight], 1.0)
    assert target.tolist() == weight.tolist()


# --- networks and updates -------------------------------------------------------------------------


def test_networks_of_one_batch_are_those_computed_one_by_one() -> None:
    layers, x = Layers(2, (4, 8, 1), generator()), torch.randn(5, 4, generator=generator(1))
    both = layers(x)
    for i in range(2):
        y = x
        for n, (w, b) in enumerate(zip(layers.weights, layers.biases, strict=True)):
            y = (y.relu() if n else y) @ w[i] + b[i]
        assert torch.allclose(both[i], y, atol=1e-6)
    assert not torch.allclose(both[0], both[1])


def test_the_critics_loss_gives_the_targets_and_the_policy_no_gradient() -> None:
    a = agent()
    a.critic_loss(rows(6), generator()).backward()
    assert all(p.grad is not None for p in a.critics.parameters())
    untouched = (*a.targets.parameters(), *a.actor.parameters(), a.log_alpha)
    assert all(p.grad is None for p in untouched)


def test_the_policy_s_loss_moves_the_policy_alone() -> None:
    a = agent()
    before = a.state()
    a._step(0, a.actor_loss(rows(6), generator()))
    moved = {
        n.split(".")[0] for n, t in a.state().items() if n in before and (t != before[n]).any()
    }
    assert moved == {"actor"}


def test_a_second_batch_counts_by_its_weight_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    a, losses = agent(), []
    monkeypatch.setattr(a, "critic_loss", lambda batch, _: batch.rewards.sum())
    monkeypatch.setattr(a, "_step", lambda which, loss: losses.append((which, float(loss))))
    one, two = rows(4), rows(2, seed=1)
    a.update(1, [(1.0, one), (0.25, two)], generator())
    assert losses == [(1, pytest.approx(float(one.rewards.sum() + 0.25 * two.rewards.sum())))]


def second_step(weight: float) -> float:
    """How far the critics move in the second of two separate steps."""
    a = agent(separate=True, policy_every=10)
    plain, after = a._step, []

    def kept(which: int, loss: Tensor) -> None:
        plain(which, loss)
        after.append(torch.cat([p.detach().flatten() for p in a.critics.parameters()]))

    a._step = kept
    a.update(1, [(1.0, rows(16)), (weight, rows(4, seed=1))], generator())
    assert len(after) == 2
    return float((after[1] - after[0]).norm())


def test_the_weight_of_a_separate_step_is_hardly_a_weight() -> None:
    """Adam scales it away, and the momentum of the first step carries on."""
    assert 0.5 < second_step(0.1) / second_step(1.0) < 2.0


def test_the_policy_moves_every_second_update_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    a, steps = agent(), []
    monkeypatch.setattr(a, "_step", lambda which, loss: steps.append(which))
    a.update(1, [(1.0, rows(4))], generator())
    assert steps == [1]
    a.update(2, [(1.0, rows(4))], generator())
    assert steps == [1, 1, 0, 2, 0, 2]


def test_an_agent_put_back_goes_on_with_the_same_bits() -> None:
    one, other = agent(), agent(seed=1)
    for step in range(4):
        one.update(step, [(1.0, rows(8, seed=step))], generator(step))
    other.load(one.state())
    for a in (one, other):
        for step in range(4, 8):
            a.update(step, [(1.0, rows(8, seed=step))], generator(step))
    left, right = one.state(), other.state()
    assert left.keys() == right.keys() and any(n.startswith("adam.2") for n in left)
    assert all(torch.equal(left[n], right[n]) for n in left)


def test_critics_learn_the_reward_where_nothing_is_to_come() -> None:
    a, g = agent(discount=0.0, width=32), generator()
    data = rows(64)._replace(rewards=rows(64).actions[:, 0].sin())
    first = float(a.critic_loss(data, g).detach())
    for step in range(150):
        a.update(2 * step + 1, [(1.0, data)], g)
    assert float(a.critic_loss(data, g).detach()) < 0.1 * first


def test_rows_are_drawn_among_the_first_alone() -> None:
    drawn = rows(10).drawn(200, 3, generator())
    assert {round(float(r), 4) for r in drawn.rewards} == {
        round(float(r), 4) for r in rows(10).rewards[:3]
    }
    assert len(sac.Transitions.none(3, 1).joined(rows(4)).states) == 4

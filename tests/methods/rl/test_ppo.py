"""Values, advantages that run back from the end, and what PPO makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from methods.rl.ppo import gae, token_rewards, value_loss, whitened
from tests.guards.small import play

F64 = torch.float64
LENGTHS = (1, 4, 2, 6)


def mask_of(*lengths: int) -> Tensor:
    return torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]


MASK = mask_of(*LENGTHS)


def noise(seed: int, *shape: int) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(*shape, generator=draw, dtype=F64) - 1


REWARDS, VALUES = noise(1, 4, 6), noise(2, 4, 6)


def test_advantages_of_one_answer_worked_by_hand():
    rewards = torch.tensor([[0.0, 0.0, 1.0]], dtype=F64)
    values = torch.tensor([[0.5, 0.2, 0.4]], dtype=F64)
    # TD errors at gamma 0.9: -0.32, 0.16, 0.6; each reaches back by 0.9 * 0.5.
    third, second = 0.6, 0.16 + 0.45 * 0.6
    found = gae(rewards, values, mask_of(3), 0.9, 0.5)
    assert found[0].tolist() == pytest.approx([-0.32 + 0.45 * second, second, third], rel=1e-12)


def test_at_lambda_1_an_advantage_is_the_monte_carlo_return_less_the_value():
    found = gae(REWARDS, VALUES, MASK, 0.9, 1.0)
    for i, n in enumerate(LENGTHS):
        for t in range(n):
            later = sum(0.9**k * REWARDS[i, t + k].item() for k in range(n - t))
            assert found[i, t].item() == pytest.approx(later - VALUES[i, t].item(), rel=1e-12)


def test_at_lambda_0_an_advantage_is_the_temporal_difference_error():
    found = gae(REWARDS, VALUES, MASK, 0.9, 0.0)
    for i, n in enumerate(LENGTHS):
        for t in range(n):
            following = VALUES[i, t + 1].item() if t + 1 < n else 0.0
            delta = REWARDS[i, t].item() + 0.9 * following - VALUES[i, t].item()
            assert found[i, t].item() == pytest.approx(delta, rel=1e-12)


def test_neither_padding_nor_another_answer_reaches_an_advantage():
    whole = gae(REWARDS, VALUES, MASK, 0.9, 0.95)
    assert (whole[~MASK] == 0).all()
    dirty = gae(REWARDS.masked_fill(~MASK, 1e6), VALUES.masked_fill(~MASK, -1e6), MASK, 0.9, 0.95)
    assert torch.equal(dirty, whole)
    for i, n in enumerate(LENGTHS):
        alone = gae(REWARDS[i : i + 1, :n], VALUES[i : i + 1, :n], mask_of(n), 0.9, 0.95)
        assert torch.equal(alone[0], whole[i, :n])


def test_a_perfect_value_leaves_no_advantage():
    rewards = torch.zeros(1, 4, dtype=F64)
    rewards[0, 3] = 1.0
    values = torch.ones(1, 4, dtype=F64)
    assert (gae(rewards, values, mask_of(4), 1.0, 0.95) == 0).all()


def test_every_token_pays_for_its_log_ratio_and_the_last_is_paid():
    mask = mask_of(1, 3)
    ratios = torch.tensor([[0.5, 9.0, 9.0], [1.0, -2.0, 0.0]], dtype=F64)
    found = token_rewards(torch.tensor([1.0, 2.0], dtype=F64), ratios, mask, 0.1)
    assert found.tolist() == [[0.95, 0.0, 0.0], pytest.approx([-0.1, 0.2, 2.0])]


def test_whitened_advantages_have_mean_0_and_deviation_1_over_real_tokens_alone():
    found = whitened(REWARDS.masked_fill(~MASK, 1e6), MASK)
    real = found[MASK]
    assert real.mean().item() == pytest.approx(0, abs=1e-12)
    assert real.std(correction=0).item() == pytest.approx(1, rel=1e-6)
    assert (found[~MASK] == 0).all()
    assert torch.isfinite(whitened(torch.ones_like(REWARDS), MASK)).all()


def test_the_value_s_clip_worked_by_hand():
    values = torch.tensor([[0.1, 0.9, 0.9, -0.9]], dtype=F64).requires_grad_()
    old, mask = torch.zeros(1, 4, dtype=F64), mask_of(4)
    returns = torch.tensor([[1.0, 1.0, -1.0, 1.0]], dtype=F64)
    # Held at 0.1, 0.2, 0.2 and -0.2: the larger error counts, 0.81, 0.64, 3.61 and 3.61.
    loss = value_loss(values, old, returns, mask, 4, 0.2)
    assert loss.item() == pytest.approx((0.81 + 0.64 + 3.61 + 3.61) / 4, rel=1e-12)
    loss.backward()
    # The second has gone far enough towards its aim and is left alone; none is held from coming back.
    assert values.grad[0].tolist() == pytest.approx([-0.45, 0.0, 0.95, -0.95])
    plain = value_loss(values, old, returns, mask, 4)
    assert plain.item() == pytest.approx((0.81 + 0.01 + 3.61 + 3.61) / 4, rel=1e-12)


@pytest.mark.parametrize("clip", [None, 0.2])
def test_value_losses_add_up_over_micro_batches_and_agree_with_finite_differences(clip):
    old, returns = noise(3, 4, 6), noise(4, 4, 6)
    whole = value_loss(VALUES, old, returns, MASK, 13, clip).item()
    parts = [
        value_loss(VALUES[i : i + 1], old[i : i + 1], returns[i : i + 1], MASK[i : i + 1], 13, clip)
        for i in range(4)
    ]
    assert sum(p.item() for p in parts) == pytest.approx(whole, rel=1e-12)
    leaf = VALUES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda v: value_loss(v, old, returns, MASK, 13, clip), leaf)


# --- the head that says the values ------------------------------------------------------------


def test_the_head_is_trained_and_kept_in_checkpoints_and_is_no_part_of_the_model_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = play(
        "ppo", tmp_path / "run", monkeypatch, checkpoint_every=1, save_model=True,
        learning_rate=0.01,
    )  # fmt: skip
    head = played.heads["score.weight"]
    assert head.abs().max() > 1e-4  # it began at zero
    with safe_open(played.folder / "model" / "model.safetensors", "pt") as saved:
        assert not [name for name in saved.keys() if "score" in name]  # noqa: SIM118
    checkpoints = sorted((played.folder / "checkpoints").glob("step-*/**/model.safetensors"))
    with safe_open(checkpoints[-1], "pt") as kept:
        assert torch.equal(kept.get_tensor("score.weight"), head)


def test_the_critic_s_error_falls_as_it_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = play("ppo", tmp_path / "run", monkeypatch, steps=12, learning_rate=0.01,
                 prompts_per_step=12).steps  # fmt: skip
    assert steps[-1]["value_error"] < 0.7 * steps[0]["value_error"]

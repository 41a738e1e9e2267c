"""PPO's losses and advantages beside torchtune's, in float64."""

from __future__ import annotations

import pytest
from torch import Tensor

from tests.methods.parity.held import held
from tests.methods.parity.rl import examples as ex

pytest.importorskip("torchtune")


def ours(logp: Tensor, values: Tensor) -> Tensor:
    """Policy and value as torchtune puts them together, its half of the value's error included."""
    return ex.ppo(logp) + 0.5 * 0.1 * ex.value(values)


def test_ppo_s_loss_is_torchtune_s_with_half_of_the_value_s() -> None:
    from torchtune.rlhf.loss import PPOLoss

    loss = PPOLoss(epsilon=ex.CLIP, value_clip_range=ex.VALUE_CLIP, value_coeff=0.1)
    advantages = ex.ADVANTAGES[:, None].expand(6, 6)

    def theirs(logp: Tensor, values: Tensor) -> Tensor:
        return loss(ex.OLD, logp, advantages, ex.OLD_VALUES, values, ex.RETURNS, ex.MASK, ex.MASK)[
            0
        ]

    held("ppo", "torchtune", "PPOLoss", ours, theirs, [ex.LOGP, ex.VALUES])


def test_torchtune_s_whitened_advantages_keep_their_mean_and_divide_by_one_less() -> None:
    from torchtune.rlhf import estimate_advantages

    # Its GAE knows no mask: the values and rewards behind an answer must be zero.
    values = ex.VALUES * ex.MASK

    def theirs(weights: Tensor) -> Tensor:
        found, _ = estimate_advantages(
            values, ex.TOKEN_REWARDS, ex.DISCOUNT, ex.LAMBDA, masks=ex.MASK
        )
        return (found * weights).sum()

    what = "estimate_advantages"
    held("ppo", "torchtune", what, ex.gae_whitened, theirs, [ex.TOKEN_WEIGHTS])


def test_before_whitening_torchtune_s_advantages_are_ours() -> None:
    from torchtune.rlhf import estimate_advantages

    values = ex.VALUES * ex.MASK
    _, returns = estimate_advantages(values, ex.TOKEN_REWARDS, ex.DISCOUNT, ex.LAMBDA)

    def theirs(weights: Tensor) -> Tensor:
        return ((returns - values) * ex.MASK * weights).sum()

    what = "estimate_advantages, returns - values"
    held("ppo", "torchtune", what, ex.gae_advantages, theirs, [ex.TOKEN_WEIGHTS])

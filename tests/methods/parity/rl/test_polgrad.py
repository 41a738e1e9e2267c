"""Each loss and each estimate of the advantage beside polgrad's, in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.methods.parity.held import held
from tests.methods.parity.rl import examples as ex

polgrad = pytest.importorskip("polgrad")
from polgrad import advantages as adv  # noqa: E402
from polgrad.aggregate import Aggregation  # noqa: E402
from polgrad.losses import ClipConfig, policy_loss, value_loss  # noqa: E402
from polgrad.registry import ALGORITHMS  # noqa: E402


def loss_of(name: str, clip: ClipConfig | None = None, **changed) -> Callable[[Tensor], Tensor]:
    """polgrad's loss of ``name`` with our clip on our example."""
    config = replace(ALGORITHMS[name].loss, kl=None, **changed)
    if clip is not None:
        config = replace(config, clip=clip)

    def loss(logp: Tensor) -> Tensor:
        return policy_loss(
            config, logprobs=logp, old_logprobs=ex.OLD, advantages=ex.ADVANTAGES,
            response_mask=ex.MASK,
        ).loss  # fmt: skip

    return loss


LOSSES = {
    "grpo loss": ("grpo", ex.grpo, loss_of("grpo")),
    "dr_grpo loss": ("dr-grpo", ex.dr_grpo, loss_of("dr_grpo", norm_len=ex.LONGEST)),
    "dapo loss": ("dapo", ex.dapo, loss_of("dapo")),
    "gspo loss": ("gspo", ex.gspo, loss_of("gspo", ClipConfig(*ex.SEQUENCE))),
    "cispo loss": ("cispo", ex.cispo, loss_of("cispo", ClipConfig(None, ex.CLIP))),
    "ppo loss": ("ppo", ex.ppo, loss_of("ppo")),
    "rloo loss": ("rloo", ex.rloo, loss_of("rloo")),
    "reinforce surrogate": ("reinforce", ex.reinforce, loss_of("rloo")),
}


@pytest.mark.parametrize("what", LOSSES)
def test_the_loss_is_polgrad_s(what: str) -> None:
    method, ours, theirs = LOSSES[what]
    held(method, "polgrad", what, ours, theirs, [ex.LOGP])


GROUPS = torch.tensor([0, 0, 0, 1, 1, 1])


def grouped(scale: str, unbiased: bool) -> Callable[[Tensor], Tensor]:
    config = adv.GroupNormConfig(center=True, scale=scale, unbiased=unbiased)
    return lambda rewards: adv.grpo_advantages(rewards.flatten(), GROUPS, config).view(2, 3)


ESTIMATES = {
    "grpo_advantages, unbiased False": ("grpo", ex.grpo_advantages, grouped("std", False)),
    "grpo_advantages": ("grpo", ex.grpo_advantages, grouped("std", True)),
    "grpo_advantages, scale none": ("dr-grpo", ex.dr_grpo_advantages, grouped("none", True)),
    "rloo_advantages": (
        "rloo", ex.rloo_advantages,
        lambda rewards: adv.rloo_advantages(rewards.flatten(), GROUPS).view(2, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ESTIMATES)
def test_the_advantages_are_polgrad_s_or_differ_as_recorded(what: str) -> None:
    method, ours, theirs = ESTIMATES[what]
    held(method, "polgrad", what, ours, ex.weighed(theirs), [ex.REWARDS])


def test_gae_is_polgrad_s() -> None:
    config = adv.GAEConfig(gamma=ex.DISCOUNT, lam=ex.LAMBDA)

    def theirs(weights: Tensor) -> Tensor:
        found, _ = adv.gae(ex.TOKEN_REWARDS, ex.VALUES, config=config, response_mask=ex.MASK)
        return (found * weights).sum()

    held("ppo", "polgrad", "gae", ex.gae_advantages, theirs, [ex.TOKEN_WEIGHTS])


VALUE_LOSSES = {
    "value_loss": (ex.value_unclipped, None),
    "value_loss, clip_eps 0.2": (ex.value, ex.VALUE_CLIP),
}


@pytest.mark.parametrize("what", VALUE_LOSSES)
def test_the_value_s_loss_is_polgrad_s_but_for_the_half(what: str) -> None:
    ours, clip = VALUE_LOSSES[what]

    def theirs(values: Tensor) -> Tensor:
        return value_loss(
            values, ex.OLD_VALUES, ex.RETURNS, ex.MASK, clip_eps=clip,
            aggregation=Aggregation.TOKEN_MEAN,
        ).loss  # fmt: skip

    held("ppo", "polgrad", what, ours, theirs, [ex.VALUES])

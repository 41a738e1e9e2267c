"""One ragged off-policy step, worked by our losses and handed to every peer as it stands.

Six answers of 1 to 6 tokens, ratios up to 1.8, two groups of three; advantages are given, so that a
peer's loss and its advantages are compared apart.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.rl.cispo import cispo_loss
from methods.rl.dapo import dapo_loss
from methods.rl.dr_grpo import centred_advantages, dr_grpo_loss
from methods.rl.grpo import group_advantages, grpo_loss
from methods.rl.gspo import gspo_loss
from methods.rl.ppo import gae, policy_loss, value_loss, whitened
from methods.rl.reinforce import reinforce_loss
from methods.rl.remax import greedy_advantages
from methods.rl.rloo import leave_one_out, rloo_loss

F64 = torch.float64
LENGTHS = (1, 4, 2, 6, 3, 2)
TOKENS, ANSWERS, LONGEST = sum(LENGTHS), len(LENGTHS), 8
CLIP, HIGH, KL = 0.2, 0.28, 0.04
SEQUENCE = (0.02, 0.03)
DISCOUNT, LAMBDA, VALUE_CLIP = 0.9, 0.95, 0.2
MASK = torch.arange(max(LENGTHS))[None, :] < torch.tensor(LENGTHS)[:, None]
ADVANTAGES = torch.tensor([1.2, -0.7, 0.0, 0.4, -1.5, 0.6], dtype=F64)
REWARDS = torch.tensor([[1.0, 0.0, 0.25], [0.0, -0.5, 1.5]], dtype=F64)
GREEDY = torch.tensor([0.5, 0.25], dtype=F64)
# Advantages are differentiated through their weighted sum.
WEIGHTS = torch.tensor([[0.3, -1.0, 0.7], [1.1, 0.2, -0.4]], dtype=F64)


def noise(seed: int, scale: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return scale * (2 * torch.rand(6, 6, generator=draw, dtype=F64) - 1)


LOGP = -3 + noise(4, 2.0)
OLD = LOGP + noise(5, 0.6)
REF = LOGP + noise(6, 0.5)
VALUES, OLD_VALUES, RETURNS = noise(7), noise(8), noise(9)
TOKEN_REWARDS, TOKEN_WEIGHTS = noise(10) * MASK, noise(11)


def grpo(logp: Tensor, kl_beta: float = 0.0) -> Tensor:
    return grpo_loss(logp, OLD, MASK, ADVANTAGES, ANSWERS, CLIP, kl_beta, REF)


def dr_grpo(logp: Tensor) -> Tensor:
    return dr_grpo_loss(logp, OLD, MASK, ADVANTAGES, ANSWERS, LONGEST, CLIP)


def dapo(logp: Tensor) -> Tensor:
    return dapo_loss(logp, OLD, MASK, ADVANTAGES, TOKENS, CLIP, HIGH)


def gspo(logp: Tensor) -> Tensor:
    return gspo_loss(logp, OLD, MASK, ADVANTAGES, ANSWERS, *SEQUENCE)


def cispo(logp: Tensor) -> Tensor:
    return cispo_loss(logp, OLD, MASK, ADVANTAGES, TOKENS, CLIP)


def ppo(logp: Tensor) -> Tensor:
    return policy_loss(logp, OLD, MASK, ADVANTAGES, TOKENS, CLIP)


def value(values: Tensor) -> Tensor:
    return value_loss(values, OLD_VALUES, RETURNS, MASK, TOKENS, VALUE_CLIP)


def value_unclipped(values: Tensor) -> Tensor:
    return value_loss(values, OLD_VALUES, RETURNS, MASK, TOKENS)


def rloo(logp: Tensor) -> Tensor:
    return rloo_loss(logp, MASK, ADVANTAGES, ANSWERS)


def rloo_on_policy_value(logp: Tensor) -> Tensor:
    """The same gradient at the sampling policy, with the value of a ratio of 1."""
    return rloo_loss(logp, MASK, ADVANTAGES, ANSWERS) + rloo_constant()


def rloo_constant() -> float:
    return float(-ADVANTAGES.mean() - rloo_loss(LOGP, MASK, ADVANTAGES, ANSWERS))


def reinforce(logp: Tensor) -> Tensor:
    return reinforce_loss(logp, MASK, ADVANTAGES, ANSWERS)


def weighed(estimate: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A scalar of the advantages that ``estimate`` makes of (2, 3) rewards."""
    return lambda rewards: (estimate(rewards) * WEIGHTS).sum()


grpo_advantages = weighed(group_advantages)
dr_grpo_advantages = weighed(centred_advantages)
rloo_advantages = weighed(leave_one_out)


def gae_advantages(weights: Tensor) -> Tensor:
    """Advantages weighed: the gradient by the weights is the advantages themselves."""
    return (gae(TOKEN_REWARDS, VALUES, MASK, DISCOUNT, LAMBDA) * weights).sum()


def gae_whitened(weights: Tensor) -> Tensor:
    """The same of whitened advantages."""
    found = gae(TOKEN_REWARDS, VALUES, MASK, DISCOUNT, LAMBDA)
    return (whitened(found, MASK) * weights).sum()


def rloo_weighed(weights: Tensor) -> Tensor:
    """RLOO's advantages, weighed so."""
    return (leave_one_out(REWARDS) * weights).sum()


def grpo_weighed(weights: Tensor) -> Tensor:
    """GRPO's advantages, weighed so."""
    return (group_advantages(REWARDS) * weights).sum()


def remax_weighed(weights: Tensor) -> Tensor:
    """ReMax's advantages, weighed so."""
    return (greedy_advantages(REWARDS, GREEDY) * weights).sum()

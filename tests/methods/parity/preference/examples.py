"""The worked examples that our preference losses and the peers' are computed on, in float64."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.preference.cdpo import cdpo_loss
from methods.preference.dpo import dpo_loss
from methods.preference.ipo import answers, ipo_loss
from methods.preference.kto import kto_loss, reference_point
from methods.preference.loop import Pairs
from methods.preference.orpo import orpo_loss
from methods.preference.simpo import simpo_loss

F64 = torch.float64
LENGTHS = (1, 4, 2, 6, 3, 2)  # three chosen answers, then three rejected ones
MASK = torch.arange(max(LENGTHS))[None, :] < torch.tensor(LENGTHS)[:, None]
LABELS = torch.tensor([True, True, False, True, False, True])  # for single answers: 4 against 2
BETA, SMOOTHING, TAU, GAMMA, ODDS = 0.3, 0.2, 0.4, 0.7, 0.25
WEIGHTS = (1.0, 2.0)


def noise(seed: int, *shape: int) -> Tensor:
    """Numbers between 0 and 1 that follow from ``seed``."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


def token_logps() -> Tensor:
    """(6, 6) log-probs of the policy, also where the mask is False."""
    return -3 * noise(2, 6, 6) - 0.05


def ref_logps() -> Tensor:
    """(6, 6) log-probs of the reference."""
    return -3 * noise(3, 6, 6) - 0.05


def mismatched_logps() -> tuple[Tensor, Tensor]:
    """(6,) of the policy and of the reference: whole answers that belong to other prompts."""
    return -8 * noise(4, 6), -8 * noise(5, 6) - 1.5


def pairs(logp: Tensor, ref: Tensor | None = None) -> Pairs:
    """The six rows as three pairs."""
    order = [0, 3, 1, 4, 2, 5]
    mask = MASK[order].view(3, 2, 6)
    own = (logp * MASK)[order].view(3, 2, 6)
    if ref is None:
        return Pairs(own, mask)
    theirs = (ref * MASK)[order].view(3, 2, 6)
    return Pairs(own, mask, theirs, theirs.sum(-1))


def dpo(logp: Tensor) -> Tensor:
    return dpo_loss(*pairs(logp, ref_logps()).summed(), BETA).mean()


def cdpo(logp: Tensor) -> Tensor:
    return cdpo_loss(*pairs(logp, ref_logps()).summed(), BETA, SMOOTHING).mean()


def ipo(tokens: str) -> Callable[[Tensor], Tensor]:
    return lambda logp: ipo_loss(*answers(pairs(logp, ref_logps()), tokens), TAU).mean()


def kto(weights: tuple[float, float], z0: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    def loss(logp: Tensor) -> Tensor:
        ours, theirs = mismatched_logps()
        level = reference_point(ours - theirs) if z0 is None else z0
        ratio = ((logp - ref_logps()) * MASK).sum(-1)
        return kto_loss(ratio, LABELS, level, BETA, weights).mean()

    return loss


def simpo(logp: Tensor) -> Tensor:
    return simpo_loss(*pairs(logp).averaged(), BETA, GAMMA).mean()


def orpo(logp: Tensor) -> Tensor:
    return orpo_loss(*pairs(logp).averaged(), ODDS).mean()


def odds(logp: Tensor) -> Tensor:
    """The term of the odds alone."""
    chosen, rejected = pairs(logp).averaged()
    return (orpo_loss(chosen, rejected, ODDS) + chosen).mean()


# --- from hidden states on --------------------------------------------------------------------


def hidden() -> Tensor:
    """(6, 6, 5) states, each of which predicts one answer token."""
    return 2 * noise(6, 6, 6, 5) - 1


def head() -> Tensor:
    """(11, 5): the head of a vocabulary of 11."""
    return 4 * noise(7, 11, 5) - 2


def ref_hidden() -> Tensor:
    """The reference's states; it shares the head."""
    return 2 * noise(8, 6, 6, 5) - 1


def targets() -> Tensor:
    """(6, 6) tokens; -100 beside the answers."""
    ids = torch.arange(36).view(6, 6) * 7 % 11
    return ids.masked_fill(~MASK, -100)


def gathered(states: Tensor, weight: Tensor) -> Tensor:
    """(6, 6) log-probs of the targets."""
    logits = torch.log_softmax(states @ weight.T, -1)
    return logits.gather(-1, targets().clamp(min=0)[..., None])[..., 0]

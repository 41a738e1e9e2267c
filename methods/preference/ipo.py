"""Identity Preference Optimization (IPO): regress the log-ratio margin onto a fixed target.

Paper: arXiv 2310.12036 (Azar et al., *A General Theoretical Paradigm to Understand Learning from
Human Preferences*), Eq. 17. With h = log [pi(y_w|x) ref(y_l|x)] / [pi(y_l|x) ref(y_w|x)],

    L(theta) = E[ ( h - 1 / (2 tau) )^2 ]

DPO goes on for ever where a preference is certain; here the margin has a target, so that the pull
to the reference holds whatever the data say.

Departures from the paper
1. Answers are sampled and ranked by a score, and the model is a language model; the paper's
   experiments are bandits of a few actions.
2. tau, the learning rate and the batch are ours: the paper trains no language model.
3. ``tokens=mean`` divides each log-ratio by its answer's tokens, as TRL does; the paper's policy
   gives whole answers, so the sum is the default.

Checked against: the minimum at a margin of 1 / (2 tau) and the closed-form gradient
2 (h - 1 / (2 tau)) in float64; OpenRLHF's ``ipo`` (which sums) and TRL's (which averages over
tokens), value and gradient.
"""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from methods.engine.options import option
from methods.engine.run import Run
from methods.preference.loop import Pairs, train
from methods.preference.options import SMOLLM2, TINY, PreferenceOptions


class Config(PreferenceOptions):
    """Options of Identity Preference Optimization."""

    tau: float = option(
        0.1,
        "strength of the pull to the reference: margins are wanted at 1 / (2 tau)",
        source="ours",
        gt=0,
        le=10,
    )
    tokens: Literal["sum", "mean"] = option(
        "sum",
        "an answer's log-ratio is the sum over its tokens, or their mean",
        source="paper, Eq. 17",
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def ipo_loss(
    chosen_logp: Tensor,
    rejected_logp: Tensor,
    ref_chosen_logp: Tensor,
    ref_rejected_logp: Tensor,
    tau: float,
) -> Tensor:
    """Eq. 17 for each pair in squared nats, (P,). Tensors (P,): log-probs of whole answers."""
    margin = (chosen_logp - ref_chosen_logp) - (rejected_logp - ref_rejected_logp)
    return (margin - 1 / (2 * tau)).square()


def run(run: Run, config: Config) -> None:
    """Train on preference pairs; held-out reward at a measured KL, or held-out pair accuracy."""

    def margin(pairs: Pairs) -> Tensor:
        chosen, rejected, ref_chosen, ref_rejected = answers(pairs, config.tokens)
        return (chosen - ref_chosen) - (rejected - ref_rejected)

    train(
        run,
        config,
        lambda pairs: ipo_loss(*answers(pairs, config.tokens), config.tau),
        margin=margin,
    )


def answers(pairs: Pairs, tokens: str) -> tuple[Tensor, ...]:
    """Chosen, rejected, and both by the reference, (P,) each: sums over the tokens or means."""
    sums = pairs.summed()
    if tokens == "sum":
        return sums
    lengths = pairs.mask.sum(-1)
    return tuple(value / lengths[:, i % 2] for i, value in enumerate(sums))

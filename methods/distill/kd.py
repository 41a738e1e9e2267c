"""Knowledge distillation (KD): learn a teacher's softened probabilities, not its choice alone.

Paper: arXiv 1503.02531 (Hinton et al., *Distilling the Knowledge in a Neural Network*), Section 2.
The paper classifies; here every token of a labelled answer is one classification, as usual. With
p^T and q^T the teacher's and the student's softmax at temperature T,

    L(theta) = T^2 KL(p^T || q^T)  -  w log q(y)                    a mean over answer tokens

The gradient of the first term by a logit z_i is T (q_i^T - p_i^T), Eq. 2 of the paper times T^2:
the soft part keeps its weight beside the hard one when T changes. For large T and centred logits
it is (z_i - v_i) / V, matching logits (Section 2.1).

Departures from the paper
1. The KL replaces the cross-entropy with soft targets: they differ by the teacher's entropy, which
   has no gradient, and the KL is 0 where the two agree.
2. AdamW; the paper trains its networks by other means.
3. T and w are the paper's for speech (Section 4.1): of the temperatures 1, 2, 5 and 10 tried there
   2 was best, with w 0.5. For digits it takes up to 20.
4. Transfer happens on labelled answers; the paper also uses inputs without labels.

Checked against: the closed-form gradient and its limit of matching logits in float64, torch's
kl_div, torchtune's ForwardKLLoss and liger-kernel's distillation of chunks, value and gradient.
"""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import model_validator
from torch import Tensor

from methods.distill.loop import Loop, Part
from methods.distill.options import SMOLLM2, TINY, DistillOptions
from methods.engine.divergence import forward_kl
from methods.engine.options import option
from methods.engine.run import Run


class Config(DistillOptions):
    """Options of knowledge distillation."""

    temperature: float = option(
        2.0,
        "softens both models' probabilities; with objective=sft in the logged divergence alone",
        source="paper, Section 4.1",
        gt=0,
        le=100,
    )
    hard_weight: float = option(
        0.5, "weight of the labels beside the soft targets", source="paper, Section 4.1",
        ge=0, le=100,
    )  # fmt: skip
    objective: Literal["kd", "sft"] = option(
        "kd", "sft learns the labels alone: a control", source="ours"
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.objective == "sft":
            self.refuse_idle(("hard_weight",), "objective=sft", "take objective=kd")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {**TINY, "demonstrations": 400},
    "smollm2-135m": SMOLLM2,
}


def kd_loss(
    divergence: Tensor,
    logp: Tensor,
    mask: Tensor,
    total_tokens: int,
    temperature: float,
    hard_weight: float,
) -> Tensor:
    """One micro-batch's part of L, a scalar in nats per token.

    ``divergence`` (B, C): KL(teacher || student), both at ``temperature``; ``logp`` (B, C): the
    student's log-prob of the label at temperature 1; ``mask`` (B, C) bool; ``total_tokens``: of the
    *whole* optimiser step, so that parts add up.
    """
    per_token = temperature**2 * divergence - hard_weight * logp
    return (per_token * mask).sum() / total_tokens


def run(run: Run, config: Config) -> None:
    """Train on labelled answers under the teacher's eyes; held-out loss, accuracy, divergence."""
    loop = Loop(run, config)

    def loss(part: Part) -> Tensor:
        if config.objective == "sft":
            return -(part.found.logp * part.mask).sum() / part.tokens
        return kd_loss(
            part.found.divergence, part.found.logp, part.mask, part.tokens,
            config.temperature, config.hard_weight,
        )  # fmt: skip

    for step in loop.steps():
        rows = [loop.train[i] for i in loop.chosen(step)]
        metrics = loop.update(rows, forward_kl, loss, temperature=config.temperature)
        loop.log(step, rows, {**metrics, **loop.optimiser.step(step)})
    loop.finish()

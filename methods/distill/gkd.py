"""Generalized Knowledge Distillation (GKD): be taught on what you write yourself.

Paper: arXiv 2306.13649 (Agarwal et al., *On-Policy Distillation of Language Models: Learning from
Self-Generated Mistakes*), Section 3.1, Algorithm 1. With p the teacher and q the student,

    L(theta) = (1 - lambda) E_{(x,y) fixed} D(p||q)(y|x)  +  lambda E_x E_{y ~ q(.|x)} D(p||q)(y|x)
    D(p||q)(y|x) = 1/|y| sum_n D( p(.|y_<n, x) || q(.|y_<n, x) )                    (Eq. 2)
    JSD_beta(p||q) = beta KL(p || m) + (1 - beta) KL(q || m),    m = beta p + (1 - beta) q   (Eq. 1)

D is the forward KL, the reverse KL or JSD_beta. No gradient passes through the sampling. As in
Algorithm 1 a step is on the student's samples by a coin of chance lambda, or on fixed answers.

Departures from the paper
1. AdamW, and no reinforcement learning beside it (Section 3.2 of the paper adds a reward).
2. beta is refused at 0 and 1, where JSD_beta is 0 by its own equation. The KLs, which are its
   limits divided by beta and by 1 - beta, are divergences of their own here.
3. lambda, beta and the fixed answers' source are options; the paper sets them by task.

Checked against: a worked example, symmetry at 1/2, limits and non-negativity in every precision,
torch's kl_div, and TRL's GKDTrainer and liger-kernel's JSD, value and gradient.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import torch
from pydantic import model_validator
from torch import Tensor

from methods.distill.loop import Loop, Part
from methods.distill.options import SMOLLM2, TINY, SampledOptions
from methods.engine import divergence as divergences
from methods.engine.batch import Tokens
from methods.engine.options import option
from methods.engine.run import Run


class Config(SampledOptions):
    """Options of Generalized Knowledge Distillation."""

    student_fraction: float = option(
        1.0,
        "lambda: chance of a step to be on the student's own samples",
        source="ours: what the paper calls on-policy",
        ge=0,
        le=1,
    )
    divergence: Literal["jsd", "forward-kl", "reverse-kl"] = option(
        "jsd",
        "between teacher and student at each token; with objective=likelihood logged, not learned",
        source="paper, Section 3.1",
    )
    beta: float = option(
        0.5,
        "weight of the teacher in the mixture of the JSD",
        source="paper, Section 4: one of 0.1, 0.5, 0.9",
        gt=0,
        lt=1,
    )
    fixed: Literal["labels", "teacher"] = option(
        "labels",
        "the answers of the other steps: the labelled ones, or samples of the teacher",
        source="paper, Section 3.1: either",
    )
    objective: Literal["gkd", "likelihood"] = option(
        "gkd",
        "likelihood learns the answers as if they were labels; with student_fraction=0 and "
        "fixed=teacher that is SeqKD, a control",
        source="ours",
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Config:
        if self.fixed == "teacher" and self.student_fraction == 1:
            raise ValueError(
                "fixed=teacher has no step to act in with student_fraction=1; lower that, or leave "
                "fixed at labels"
            )
        if self.divergence != "jsd":
            self.refuse_idle(("beta",), f"divergence={self.divergence}", "take divergence=jsd")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {**TINY, "demonstrations": 4000},
    "smollm2-135m": SMOLLM2,
}


def gkd_loss(divergence: Tensor, mask: Tensor, total_answers: int) -> Tensor:
    """One micro-batch's part of L, in nats: each answer's mean over its tokens, then over answers.

    ``divergence`` (B, C), ``mask`` (B, C) bool; ``total_answers``: of the *whole* optimiser step,
    so that parts add up.
    """
    lengths = mask.sum(-1).clamp(min=1)
    return ((divergence * mask).sum(-1) / lengths).sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Train on the student's own answers; held-out loss, accuracy, divergence to the teacher."""
    loop = Loop(run, config)
    between = {
        "jsd": partial(divergences.generalised_jsd, beta=config.beta),
        "forward-kl": divergences.forward_kl,
        "reverse-kl": divergences.reverse_kl,
    }[config.divergence]
    fixed = _fixed(run, config, loop)

    def loss(part: Part) -> Tensor:
        likelihood = config.objective == "likelihood"
        per_token = -part.found.logp if likelihood else part.found.divergence
        return gkd_loss(per_token, part.mask, part.answers)

    for step in loop.steps():
        own = _coin(run, step) < config.student_fraction
        rows = loop.student_rows(step) if own else [fixed[i] for i in loop.chosen(step)]
        metrics = loop.update(rows, between, loss)
        metrics["on_policy"] = float(own)
        loop.log(step, rows, {**metrics, **loop.optimiser.step(step)})
    loop.finish()


def _coin(run: Run, step: int) -> float:
    generator = run.generator("coin", step)
    return torch.rand((), generator=generator, device=generator.device).item()


def _fixed(run: Run, config: Config, loop: Loop) -> list[Tokens]:
    """An answer to each prompt, there before training; a resumed run reads the teacher's back."""
    if config.fixed == "labels" or config.student_fraction == 1:
        return loop.train
    places = range(len(loop.examples))

    def draw() -> list[list[Any]]:
        rows = loop.sampled(loop.teacher, places, "teacher")
        return [[list(r.ids), r.prompt_length] for r in rows]

    return [Tokens(tuple(ids), n) for ids, n in run.once("teacher_answers", draw)]

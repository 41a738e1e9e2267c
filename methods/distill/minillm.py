"""MiniLLM: reverse KL to the teacher by policy gradient, so that a student keeps to its modes.

Paper: arXiv 2306.08543 (Gu et al., *MiniLLM: Knowledge Distillation of Large Language Models*),
Section 2.2, Eq. 3 to 6. With p the teacher, q the student, r_t = log p(y_t)/q(y_t) given what
stands before, and samples from m = alpha p + (1 - alpha) q token by token, to be lowered:

    KL(q || p):  grad L = - E_{y ~ m} sum_t w_t [ grad E_{y' ~ q}[log p(y')/q(y')]     single step
                                                + R_{t+1} grad log q(y_t) ]            long
    w_t = q(y_t) / m(y_t)                     R_{t+1} = 1/(T-t) sum_{t' > t} r_t'

The single step is summed over the vocabulary and differentiated exactly; the long part is clipped
as in PPO, min(rho R, clip(rho, 1 - eps, 1 + eps) R) with rho = q/m; and a language-modelling loss
stands beside both. Sums run over an answer's tokens, means over answers.

Departures from the paper
1. The language-modelling loss is over labelled answers of the task (lm_demonstrations; the tiny
   preset takes those that its start has seen), not over a corpus of pre-training.
2. R_{t+1} is divided by its number of terms, T - t, as the authors' code divides its sums; Eq. 6
   prints T - t - 1, which is 0 for the last token but one.
3. Only the long part is clipped, as in the authors' code; the paper does not say. The weight w_t of
   the single step is that of the current student, where the code has none.
4. All answers of a step are one batch: updates_per_batch passes over the whole of it, where the
   paper cuts 256 answers into mini-batches of 64.
5. Not from the authors' code: whitened returns, a discount of 0.95, scaled and clipped rewards,
   r_t itself in the return beside the single step. The paper's equations have none of them.
6. The paper fine-tunes the student first; here that is the start's own affair.

Checked against: the gradient of KL over all sequences by enumeration in float64 (alpha 0, no length
normalisation), hand-worked returns, the limits alpha 0 and one token, autograd.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import torch
from pydantic import model_validator
from torch import Tensor

from methods.distill.loop import Loop, Loss, Part
from methods.distill.options import SMOLLM2, TINY, SampledOptions
from methods.engine import distributed, measure
from methods.engine.batch import Order, Tokens, own_batches, pack
from methods.engine.divergence import reverse_kl
from methods.engine.logprobs import completion_logprobs
from methods.engine.options import option
from methods.engine.run import Run
from methods.engine.sample import Decoding, draw


class Config(SampledOptions):
    """Options of MiniLLM."""

    teacher_mix: float = option(
        0.2,
        "alpha: share of the teacher in the distribution that answers are sampled from",
        source="the authors' scripts",
        ge=0,
        lt=1,
    )
    length_normalised: bool = option(
        True, "divide a return by the number of tokens it sums over", source="paper, Eq. 6"
    )
    clip_range: float = option(
        0.2, "epsilon of the clipped ratio", source="paper, its experiments", gt=0, lt=1
    )
    updates_per_batch: int = option(
        4, "optimiser updates on each sampled batch", source="paper, its experiments", ge=1, le=16
    )
    lm_weight: float = option(
        1.0, "weight of the language-modelling loss", source="paper, Section 2.3", ge=0, le=100
    )
    lm_demonstrations: int | None = option(
        None,
        "labelled examples of the language-modelling loss, the first ones; none takes all",
        source="ours",
        unit="rows",
        ge=1,
    )

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        if self.lm_weight == 0:
            self.refuse_idle(("lm_demonstrations",), "lm_weight=0", "take a larger lm_weight")
        return self


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {**TINY, "demonstrations": 4000, "lm_demonstrations": 400, "updates_per_batch": 1},
    "smollm2-135m": {**SMOLLM2, "updates_per_batch": 1},
}


def returns_after(rewards: Tensor, mask: Tensor, *, length_normalised: bool) -> Tensor:
    """R_{t+1} of each token: the rewards behind it, (B, C) -> (B, C); 0 at an answer's last token.

    Where ``length_normalised`` it is their mean, else their sum. ``mask`` (B, C) bool.
    """
    kept = rewards * mask
    after = kept.flip(-1).cumsum(-1).flip(-1) - kept
    if not length_normalised:
        return after * mask
    count = mask.flip(-1).cumsum(-1).flip(-1) - mask.long()
    return after / count.clamp(min=1) * mask


def mixture(student_logp: Tensor, teacher_logp: Tensor, teacher_mix: float) -> Tensor:
    """Log-probs of m = alpha p + (1 - alpha) q, in nats, of any shape."""
    if teacher_mix == 0:
        return student_logp
    return torch.logaddexp(
        student_logp + math.log1p(-teacher_mix), teacher_logp + math.log(teacher_mix)
    )


def minillm_loss(
    logp: Tensor,
    mixed_logp: Tensor,
    single: Tensor,
    returns: Tensor,
    mask: Tensor,
    total_answers: int,
    clip_range: float,
) -> Tensor:
    """One micro-batch's part of a scalar whose gradient is the equation above.

    All (B, C), in nats: ``logp`` of the student now, ``mixed_logp`` of what the answers were
    sampled from, ``single`` the student's KL to the teacher over the vocabulary, ``returns``
    R_{t+1}; ``mask`` bool. ``total_answers``: of the *whole* update, so that parts add up.
    """
    ratio = ((logp - mixed_logp) * mask).exp()
    clipped = ratio.clamp(1 - clip_range, 1 + clip_range)
    long = -torch.minimum(ratio * returns, clipped * returns)
    return ((ratio.detach() * single + long) * mask).sum() / total_answers


def run(run: Run, config: Config) -> None:
    """Sample with the teacher's help, update; held-out loss, accuracy, divergence to it."""
    loop = Loop(run, config)
    lm_rows = loop.train[: config.lm_demonstrations]
    lm_order = Order(len(lm_rows), run.seed + 1)
    for step in loop.steps():
        rows = _mixed_rows(run, config, loop, step)
        student = measure.row_logprobs(loop.policy, rows)
        teacher = measure.row_logprobs(loop.teacher, rows)
        mixed = [mixture(q, p, config.teacher_mix) for q, p in zip(student, teacher, strict=True)]
        rewards = [p - q for q, p in zip(student, teacher, strict=True)]
        taught = [lm_rows[i] for i in lm_order.batch(step, config.batch_size)]

        loss, metrics = _loss(config, mixed, rewards), {}
        for _ in range(config.updates_per_batch):
            found = loop.update(
                rows, reverse_kl, loss, beside=lambda taught=taught: _lm(config, loop, taught)
            )
            numbers = loop.optimiser.step(step)
            metrics = metrics or {**found, **numbers}
        loop.log(step, rows, {**metrics, "reward": _mean(rewards)})
    loop.finish()


def _loss(config: Config, mixed: Sequence[Tensor], rewards: Sequence[Tensor]) -> Loss:
    """The loss of answers with these log-probs in the mixture and these rewards of each token."""

    def loss(part: Part) -> Tensor:
        mask, device = part.mask, part.mask.device
        after = returns_after(
            measure.padded(rewards, part.batch, device), mask,
            length_normalised=config.length_normalised,
        )  # fmt: skip
        return minillm_loss(
            part.found.logp, measure.padded(mixed, part.batch, device), part.found.divergence,
            after, mask, part.answers, config.clip_range,
        )  # fmt: skip

    return loss


def _mean(values: list[Tensor]) -> float:
    return float(torch.cat(values).double().mean())


def _lm(config: Config, loop: Loop, rows: list[Tokens]) -> float:
    """Add the gradient of the language-modelling loss; this process's part of its value."""
    if config.lm_weight == 0:
        return 0.0
    tokens, found = sum(r.completion_length for r in rows), 0.0
    for group in own_batches(rows, config.micro_batch_tokens):
        logp = completion_logprobs(loop.policy, pack(rows, group, loop.policy.device))
        value = -config.lm_weight * logp.sum() / tokens
        loop.optimiser.backward(value)
        found += value.item()
    return found


@torch.no_grad()
def _mixed_rows(run: Run, config: Config, loop: Loop, step: int) -> list[Tokens]:
    """An answer from the mixture to each prompt of the step, of one pass of either model a token.

    A token is the teacher's by a coin of chance alpha, else the student's: that is the mixture.
    """
    places = loop.chosen(step)
    if config.teacher_mix == 0:
        return loop.sampled(loop.policy, places, "sample", step)
    encoded = [tuple(loop.policy.encode_prompt(loop.examples[i][0])) for i in places]
    loop.policy.require_room(max(map(len, encoded)) + loop.longest)
    generator = run.generator("sample", step)
    chances = torch.rand(
        3, len(encoded), loop.longest,
        generator=generator, device=generator.device, dtype=torch.float64,
    )  # fmt: skip
    stops = loop.policy.stop_ids(loop.task.stop if loop.task else "")
    mine = distributed.share(range(len(encoded)))
    both = [
        Decoding(model, encoded, mine, 1, loop.longest, loop.policy.sample_batch)
        for model in (loop.policy, loop.teacher)
    ]
    answers: list[list[int]] = [[] for _ in encoded]
    while all([decoding.advance() for decoding in both]):
        # The same prompts and the same ends: the two stand at the same answers.
        at = both[0].answers
        coin, *uniform = chances[:, at, [len(answers[i]) for i in at]].to(loop.policy.device)
        tokens = [draw(d.policy, d.states, 1.0, u)[0] for d, u in zip(both, uniform, strict=True)]
        token = torch.where(coin < config.teacher_mix, tokens[1], tokens[0])
        for i, t in zip(at, token.tolist(), strict=True):
            answers[i].append(t)
        going = [answers[i][-1] not in stops and len(answers[i]) < loop.longest for i in at]
        for decoding in both:
            decoding.take(token, going)
    found = distributed.unshare(distributed.gather([answers[i] for i in mine]))
    return [Tokens((*p, *a), len(p)) for p, a in zip(encoded, found, strict=True)]

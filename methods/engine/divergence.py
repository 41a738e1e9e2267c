"""How far apart two models' next-token distributions are, at the completion tokens of a batch.

Logits exist for ``chunk`` positions at a time: the backward pass computes each chunk again, so
memory for the heads does not grow with batch x vocabulary. Only the first model gets a gradient.

The divergences are sums of terms that are none of them negative: p log(p/q) - p + q where others
sum p log(p/q). Over whole distributions that is the same number and the same gradient; but
log-probs that were rounded (bfloat16) are of none, and then the bare sum falls below zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from methods.engine.batch import TokenBatch
from methods.engine.logprobs import CHUNK
from methods.engine.model import LanguageModel

# (n, V) log-probs of the first model, (n, V) of the other -> (n,)
Divergence = Callable[[Tensor, Tensor], Tensor]


class Comparison(NamedTuple):
    """Two models side by side at the completion tokens, each (B, C), in nats; zero beside them."""

    divergence: Tensor  # what the given function made of the two distributions
    logp: Tensor  # log-prob of the token by the first model, differentiable
    other_logp: Tensor  # by the other, without a gradient


def completion_divergence(
    policy: LanguageModel,
    other: LanguageModel,
    batch: TokenBatch,
    fn: Divergence,
    *,
    temperature: float = 1.0,
    chunk: int = CHUNK,
) -> Tensor:
    """``fn`` of the two next-token distributions at each completion token, (B, C).

    Zero where ``batch.completion_mask`` is False. ``temperature`` divides both models' logits.
    ``fn`` gets log-probs in at least float32, each row a whole distribution. Differentiable in
    ``policy`` where gradients are on, never in ``other``.
    """
    return compare(policy, other, batch, fn, temperature=temperature, chunk=chunk).divergence


def compare(
    policy: LanguageModel,
    other: LanguageModel,
    batch: TokenBatch,
    fn: Divergence,
    *,
    temperature: float = 1.0,
    chunk: int = CHUNK,
) -> Comparison:
    """``completion_divergence`` with both models' log-probs of the tokens, in one pass of each.

    The log-probs are at temperature 1 whatever ``temperature`` is. Models of one tokenizer may have
    heads of different heights, filled up to a round number: both are cut to the lower one.
    """
    with torch.no_grad():
        theirs = other.states(batch.input_ids, batch.position_ids, batch.layout)[batch.predictors]

    def compute() -> Tensor:
        states = policy.states(batch.input_ids, batch.position_ids, batch.layout)
        return head_comparison(
            Head.of(policy, states[batch.predictors]),
            Head.of(other, theirs),
            batch.labels,
            fn,
            temperature=temperature,
            chunk=chunk,
        )

    return Comparison(*(batch.by_row(flat) for flat in policy.through(compute)))


class Head(NamedTuple):
    """A model's head with what it reads."""

    hidden: Tensor  # (N, D)
    weight: Tensor  # (V, D)
    bias: Tensor | None  # (V,)
    dtype: torch.dtype  # of the product
    scale: float = 1.0  # of the logits behind it

    @classmethod
    def of(cls, model: LanguageModel, hidden: Tensor) -> Head:
        """The head of ``model``."""
        weight, bias = model.head_weight, model.head_bias
        return cls(hidden, weight, bias, model.compute_dtype, model.logit_scale)


def head_comparison(
    ours: Head,
    theirs: Head,
    labels: Tensor,
    fn: Divergence,
    *,
    temperature: float = 1.0,
    chunk: int = CHUNK,
) -> Tensor:
    """(3, N): ``fn`` of the two heads' distributions, and either's log-prob at ``labels`` (N,).

    Differentiable in ``ours`` alone; the third row has no gradient.
    """
    height = min(len(ours.weight), len(theirs.weight))
    settings = _Settings(
        fn, temperature, chunk, height, ours.dtype, ours.scale, theirs.dtype, theirs.scale
    )
    others = [None if t is None else t.detach() for t in theirs[:3]]
    return _HeadComparison.apply(*ours[:3], *others, labels, settings)


class _Settings(NamedTuple):
    fn: Divergence
    temperature: float
    chunk: int
    height: int
    dtype: torch.dtype
    scale: float
    other_dtype: torch.dtype
    other_scale: float


class _HeadComparison(torch.autograd.Function):
    """Both heads a chunk at a time; going backward the chunk's slope comes from autograd.

    ``fn`` is anybody's: its derivative by the chunk's logits is taken there. What stands before
    them (one product) is written out, so that the weight's gradient is one buffer.
    """

    @staticmethod
    def forward(ctx, *inputs):
        *tensors, settings = inputs
        ctx.save_for_backward(*tensors)
        ctx.settings = settings
        found = [values for _, _, values in _chunks(tensors, settings, sloped=False)]
        return torch.cat(found, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        hidden, weight, bias = ctx.saved_tensors[:3]
        height, dtype = ctx.settings.height, ctx.settings.dtype
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        grad_hidden = torch.empty_like(hidden) if wants_hidden else None
        grad_weight = torch.zeros_like(weight) if wants_weight else None
        grad_bias = torch.zeros_like(bias) if wants_bias else None
        cast_weight = weight[:height].to(dtype)
        for part, logits, values in _chunks(ctx.saved_tensors, ctx.settings, sloped=True):
            (slope,) = torch.autograd.grad(values, logits, grad[:, part])
            if grad_bias is not None:
                grad_bias[:height] += slope.sum(0)
            slope = slope.to(dtype)
            if grad_hidden is not None:
                grad_hidden[part] = slope @ cast_weight
            if grad_weight is not None:
                grad_weight[:height] += slope.T @ hidden[part].to(dtype)
        return grad_hidden, grad_weight, grad_bias, None, None, None, None, None


def _chunks(
    tensors: Sequence[Tensor], settings: _Settings, *, sloped: bool
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """(which positions, logits (n, V) of the first head, values (3, n)), chunk after chunk.

    ``sloped``: the values can be differentiated by the logits.
    """
    hidden, weight, bias, other_hidden, other_weight, other_bias, labels = tensors
    height, temperature = settings.height, settings.temperature
    head = _cast(weight, bias, height, settings.dtype)
    other_head = _cast(other_weight, other_bias, height, settings.other_dtype)
    for start in range(0, len(labels), settings.chunk):
        part = slice(start, start + settings.chunk)
        logits = _logits(hidden[part].detach(), *head)
        others = _logits(other_hidden[part], *other_head) * settings.other_scale
        # One number type, the wider: a float32 teacher may stand beside a float64 student.
        logits = logits.to(torch.promote_types(logits.dtype, others.dtype))
        others = others.to(logits.dtype)
        other_plain, other_cooled = _log_softmax(others, temperature)
        at = labels[part, None]
        with torch.set_grad_enabled(sloped):
            plain, cooled = _log_softmax(
                logits.requires_grad_(sloped) * settings.scale, temperature
            )
            values = (
                settings.fn(cooled, other_cooled),
                plain.gather(-1, at)[:, 0],
                other_plain.gather(-1, at)[:, 0],
            )
            found = torch.stack(values)
        yield part, logits, found


def _cast(
    weight: Tensor, bias: Tensor | None, height: int, dtype: torch.dtype
) -> tuple[Tensor, Tensor | None]:
    cut = weight.detach()[:height].to(dtype)
    return cut, None if bias is None else bias.detach()[:height].to(dtype)


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    logits = linear(hidden.to(weight.dtype), weight, bias)
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


def _log_softmax(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """At temperature 1, and at ``temperature``."""
    plain = logits.log_softmax(-1)
    return plain, plain if temperature == 1 else (logits / temperature).log_softmax(-1)


# --- divergences ------------------------------------------------------------------------------


def forward_kl(student_logp: Tensor, teacher_logp: Tensor) -> Tensor:
    """KL(teacher || student) of each position in nats, (n, V), (n, V) -> (n,).

    The student pays where the teacher has mass and it has none.
    """
    student, teacher = _floored(student_logp, teacher_logp)
    return _kl(teacher, student)


def reverse_kl(student_logp: Tensor, teacher_logp: Tensor) -> Tensor:
    """KL(student || teacher) of each position in nats, (n, V), (n, V) -> (n,).

    The student pays where it has mass and the teacher has none.
    """
    student, teacher = _floored(student_logp, teacher_logp)
    return _kl(student, teacher)


def generalised_jsd(student_logp: Tensor, teacher_logp: Tensor, beta: float) -> Tensor:
    """beta KL(teacher || m) + (1 - beta) KL(student || m), m = beta teacher + (1 - beta) student.

    In nats, (n, V), (n, V) -> (n,): between 0 and ln 2, symmetric at 1/2, and continuous: 0 at
    ``beta`` 0 and 1. Divided by ``beta`` its limit at 0 is the forward KL, divided by 1 - ``beta``
    its limit at 1 is the reverse one. Raises ValueError where ``beta`` is not within [0, 1].
    """
    if not 0 <= beta <= 1:
        raise ValueError(f"beta is {beta}; a mixture's weight is from 0 to 1")
    student, teacher = _floored(student_logp, teacher_logp)
    if beta in (0, 1):
        return 0 * (student - teacher).clamp(-1, 1).sum(-1)
    mixture = torch.logaddexp(teacher + math.log(beta), student + math.log1p(-beta))
    return beta * _kl(teacher, mixture) + (1 - beta) * _kl(student, mixture)


def _floored(*logps: Tensor) -> list[Tensor]:
    """In at least float32; a log-prob of minus infinity as the lowest number that can be reckoned
    with, so that nothing times infinity is nothing.
    """
    wide = [lp.to(torch.promote_types(lp.dtype, torch.float32)) for lp in logps]
    return [lp.clamp(min=torch.finfo(lp.dtype).min / 4) for lp in wide]


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """Sum over the last axis of p log(p/q) - p + q, from log p and log q; no term is negative."""
    gap, mass = p - q, p.exp()
    near = gap.abs() < 1
    small = torch.where(near, gap, 0)
    # Near each other p and q are subtracted before they are rounded.
    terms = torch.where(near, mass * (small + torch.expm1(-small)), mass * gap - mass + q.exp())
    return terms.sum(-1)

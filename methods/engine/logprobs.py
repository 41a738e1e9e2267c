"""Log-probabilities of completion tokens, and nothing else.

Logits exist only where a token carries a loss, and only ``CHUNK`` rows of them at a time: the
backward pass computes each chunk again, so memory for the head does not grow with
batch x vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import linear

from methods.engine.batch import TokenBatch
from methods.engine.model import LanguageModel

CHUNK = 512  # rows of logits alive at once: 512 x 49,152 float32 is 96 MiB


def completion_logprobs(
    policy: LanguageModel, batch: TokenBatch, *, temperature: float = 1.0, chunk: int = CHUNK
) -> Tensor:
    """log pi(token | all before it) of each completion token, in nats, (B, C) float32.

    Zero where ``batch.completion_mask`` is False. ``temperature`` divides the logits, as sampling
    at that temperature does. Differentiable where gradients are on.
    """

    def compute() -> Tensor:
        states = policy.states(batch.input_ids, batch.position_ids, batch.layout)
        return head_logprobs(
            states[batch.predictors],
            policy.head_weight,
            batch.labels,
            temperature=temperature / policy.logit_scale,
            chunk=chunk,
            bias=policy.head_bias,
            dtype=policy.compute_dtype,
        )

    return batch.by_row(policy.through(compute))


def head_logprobs(
    hidden: Tensor,
    weight: Tensor,
    labels: Tensor,
    *,
    temperature: float = 1.0,
    chunk: int = CHUNK,
    bias: Tensor | None = None,
    dtype: torch.dtype | None = None,
) -> Tensor:
    """log softmax((hidden @ weight.T + bias) / temperature) at ``labels``, in nats.

    (N, D), (V, D), (N,) -> (N,), in at least float32. ``dtype`` is what the product is computed in,
    by default that of ``weight``; the normaliser is summed in at least float32 whatever it is.
    """
    return _HeadLogprobs.apply(
        hidden, weight, bias, labels, temperature, chunk, dtype or weight.dtype
    )


class _HeadLogprobs(torch.autograd.Function):
    """The head with its backward written out: softmax minus one-hot, a chunk at a time.

    Two passes over a chunk of logits where a chain of operations makes six, and one buffer for the
    weight's gradient where it makes one a chunk.
    """

    @staticmethod
    def forward(ctx, hidden, weight, bias, labels, temperature, chunk, dtype):
        cast_weight, cast_bias = weight.to(dtype), None if bias is None else bias.to(dtype)
        logps, lses = [], []
        for h, y in zip(hidden.split(chunk), labels.split(chunk), strict=True):
            logits = _logits(h.to(dtype), cast_weight, cast_bias, temperature)
            lses.append(torch.logsumexp(logits, -1))
            logps.append(logits.gather(-1, y[:, None])[:, 0] - lses[-1])
        lse = torch.cat(lses)
        ctx.save_for_backward(hidden, weight, bias, labels, lse)
        ctx.temperature, ctx.chunk, ctx.dtype = temperature, chunk, dtype
        return torch.cat(logps)

    @staticmethod
    def backward(ctx, grad):
        hidden, weight, bias, labels, lse = ctx.saved_tensors
        cast_weight = weight.to(ctx.dtype)
        cast_bias = None if bias is None else bias.to(ctx.dtype)
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        grad_hidden = torch.empty_like(hidden) if wants_hidden else None
        grad_weight = torch.zeros_like(weight) if wants_weight else None
        grad_bias = torch.zeros_like(bias) if wants_bias else None
        for start in range(0, len(labels), ctx.chunk):
            part = slice(start, start + ctx.chunk)
            h = hidden[part].to(ctx.dtype)
            logits = _logits(h, cast_weight, cast_bias, ctx.temperature)
            # d logp / d logits = (one-hot - softmax) / temperature
            scale = grad[part] / ctx.temperature
            slope = logits.sub_(lse[part, None]).exp_().mul_(-scale[:, None])
            slope.scatter_add_(-1, labels[part, None], scale[:, None])
            if grad_bias is not None:
                grad_bias += slope.sum(0)
            slope = slope.to(ctx.dtype)
            if grad_hidden is not None:
                grad_hidden[part] = slope @ cast_weight
            if grad_weight is not None:
                if ctx.dtype == weight.dtype:
                    grad_weight.addmm_(slope.T, h)
                else:
                    grad_weight += slope.T @ h
        return grad_hidden, grad_weight, grad_bias, None, None, None, None


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None, temperature: float) -> Tensor:
    logits = linear(hidden, weight, bias)
    wide = torch.promote_types(logits.dtype, torch.float32)
    logits = logits.to(wide)
    return logits if temperature == 1 else logits.div_(temperature)

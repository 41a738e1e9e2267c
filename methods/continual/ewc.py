"""Elastic weight consolidation (EWC): weights that earlier tasks depend on are held back.

Paper: arXiv 1612.00796 (Kirkpatrick et al., *Overcoming catastrophic forgetting in neural
networks*), Eq. 3: with the weights theta*_t that task t ended with and the diagonal F_t of its
Fisher information there,

    L(theta) = L_new(theta) + sum over earlier t of  lambda/2  sum_i F_t,i (theta_i - theta*_t,i)^2

    F_t,i = E over (x, y) [ (d log pi(y | x) / d theta_i)^2 ]  at theta*_t

The expectation is of squares of single examples' gradients, never the square of a batch's.

Departures from the paper
1. An example is a whole answer: log pi(y | x) sums over its tokens, while the loss of the new task
   is a mean over tokens; lambda, which the paper chooses by task, makes up for it.
2. ``fisher=empirical``, the default, takes the demonstrated answers; ``fisher=true`` draws each
   token from the model behind the demonstrated ones before it, so that in expectation it is the
   Fisher information of the next-token distributions. The paper does not say which it takes.
3. F is estimated from ``fisher_rows`` demonstrations; each task keeps its own penalty (the paper
   allows one for each task or their sum).

Checked against: a two-token softmax worked by hand (the gradient by each logit is one-hot less
probability, its expected square p (1 - p)), the penalty's gradient in closed form and by autograd,
and the batch-squared mistake, which the hand-worked case tells apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from methods.continual.loop import Gradient, Stream
from methods.continual.options import SMOLLM2, TINY, StreamOptions
from methods.engine import distributed
from methods.engine.batch import TokenBatch, Tokens, pack
from methods.engine.logprobs import completion_logprobs
from methods.engine.options import option
from methods.engine.run import Run


class Config(StreamOptions):
    """Options of elastic weight consolidation."""

    method_only: ClassVar[tuple[str, ...]] = ("strength", "fisher", "fisher_rows")

    strength: float = option(
        3000.0, "lambda, the weight of the penalty", source="ours; the paper chooses by task", gt=0
    )
    fisher: Literal["empirical", "true", "shuffled"] = option(
        "empirical",
        "whose answers the Fisher information is of: the demonstrated, or drawn from the model; "
        "shuffled permutes the empirical one within each tensor, which must keep less",
        source="ours; the paper does not say",
    )
    fisher_rows: int = option(
        200, "demonstrations that it is estimated from", source="ours", unit="rows", ge=1
    )


PRESETS: dict[str, dict[str, Any]] = {"tiny": TINY, "smollm2-135m": SMOLLM2}


def fisher_diagonal(examples: Iterable[Mapping[str, Tensor]], count: int) -> Gradient:
    """The mean over ``count`` examples of the square of each one's gradient, by parameter."""
    total: Gradient = {}
    for gradient in examples:
        for name, g in gradient.items():
            total[name] = total[name] + g.square() if name in total else g.square()
    return {name: t / count for name, t in total.items()}


def ewc_penalty(
    weights: Mapping[str, Tensor],
    anchor: Mapping[str, Tensor],
    fisher: Mapping[str, Tensor],
    strength: float,
) -> Tensor:
    """strength / 2 * sum F (theta - theta*)^2 over all parameters, a scalar."""
    parts = [(fisher[n] * (weights[n] - anchor[n]).square()).sum() for n in anchor]
    return strength / 2 * torch.stack(parts).sum()


def ewc_gradient(
    weights: Mapping[str, Tensor],
    anchor: Mapping[str, Tensor],
    fisher: Mapping[str, Tensor],
    strength: float,
) -> Gradient:
    """Its gradient by each weight, strength * F (theta - theta*)."""
    return {n: strength * fisher[n] * (weights[n] - anchor[n]) for n in anchor}


def with_drawn_labels(stream: Stream, batch: TokenBatch, generator: torch.Generator) -> TokenBatch:
    """``batch`` with each answer token drawn from the model at its place."""
    policy = stream.policy
    with torch.no_grad():
        states = policy.states(batch.input_ids, batch.position_ids, batch.layout)
        logits = torch.nn.functional.linear(
            states[batch.predictors].to(policy.head_weight.dtype),
            policy.head_weight,
            policy.head_bias,
        )
        chances = torch.softmax(logits.double() * policy.logit_scale, -1)
    return replace(batch, labels=torch.multinomial(chances, 1, generator=generator)[:, 0])


def _examples(
    stream: Stream, rows: Sequence[Tokens], place: int, drawn: bool
) -> Iterable[Gradient]:
    """This process's share of the gradients of log pi(y | x), one row at a time."""
    for i in distributed.share(range(len(rows))):
        batch = pack(rows, [i], stream.policy.device)
        if drawn:
            generator = stream.run.generator("fisher", place, i)
            batch = with_drawn_labels(stream, batch, generator)
        stream.optimiser.backward(completion_logprobs(stream.policy, batch).sum())
        yield stream.own_gradient()


def anchor(stream: Stream, config: Config, task: int) -> dict[str, Tensor]:
    """theta* and F of ``task``, which has just ended, as ``weight.<name>``, ``fisher.<name>``."""
    rows = stream.memory(task, config.fisher_rows).rows
    count = len(rows)
    found = fisher_diagonal(_examples(stream, rows, task, config.fisher == "true"), count)
    found = stream.over_processes(found)
    if config.fisher == "shuffled":
        for place, (name, f) in enumerate(found.items()):
            g = stream.run.generator("shuffled", task, place)
            order = torch.randperm(f.numel(), generator=g, device=g.device).to(f.device)
            found[name] = f.flatten()[order].view_as(f)
    return {f"weight.{n}": w for n, w in stream.weights().items()} | {
        f"fisher.{n}": f for n, f in found.items()
    }


def _part(kept: Mapping[str, Tensor], kind: str) -> Gradient:
    return {n.partition(".")[2]: t for n, t in kept.items() if n.startswith(f"{kind}.")}


def run(run: Run, config: Config) -> None:
    """Train on the tasks in turn under the penalties of the earlier ones; every task after each."""
    stream = Stream(run, config)
    anchors: list[tuple[Gradient, Gradient]] = []

    def change() -> dict[str, float]:
        now, penalty = stream.weights(), 0.0
        for weights, fisher in anchors:
            penalty += float(ewc_penalty(now, weights, fisher, config.strength))
            stream.add(ewc_gradient(now, weights, fisher, config.strength))
        return {"penalty": penalty}

    for step, task in stream.steps():
        while stream.helps and len(anchors) < task:
            done = len(anchors)
            kept = stream.kept(f"anchor-{done}", lambda done=done: anchor(stream, config, done))
            anchors.append((_part(kept, "weight"), _part(kept, "fisher")))
        stream.learn(step, stream.rows(step), change=change)
    stream.finish()

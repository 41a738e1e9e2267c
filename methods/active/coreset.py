"""Core-set selection: ask for the labels of texts that leave no other text far from a labelled one.

Paper: arXiv 1708.00489 (Sener and Savarese, *Active Learning for Convolutional Neural Networks: A
Core-Set Approach*). With labelled texts s_0 and a distance D between texts, a batch s_1 of b is
to make the covering radius small, a k-center problem:

    min_{|s_1| <= b}  max_i  min_{j in s_0 + s_1}  D(x_i, x_j)

Its greedy solution (Algorithm 1) adds, b times, the text farthest from all centres so far; its
radius is at most twice the smallest.

Departures from the paper
1. The greedy solution alone: the paper goes on from it with a mixed-integer program that leaves
   outliers aside (its robust k-center), for a few per cent more.
2. D is the Euclidean distance of what the learner sees of a text (TF-IDF words, or a language
   model's states), which does not change from round to round; the paper's is that of the last
   hidden layer of a network that is trained again.
3. Of texts that are equally far one is taken at random; the paper does not say.

Checked against: brute force over every batch (the radius within twice the least), points on a line
by hand, a plain loop over all distances.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.active.loop import View, run_pool
from methods.active.options import SMOLLM2, ActiveOptions
from methods.engine.run import Run


class Config(ActiveOptions):
    """Options of core-set selection."""


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def squared_distances(points: Tensor, centres: Tensor) -> Tensor:
    """(N, C) of (N, D) and (C, D): squared Euclidean distances, never below 0."""
    cross = points @ centres.T
    return (points.square().sum(1)[:, None] + centres.square().sum(1) - 2 * cross).clamp(min=0)


def covering_radius(points: Tensor, centres: Tensor) -> float:
    """The largest distance from one of ``points`` (N, D) to the nearest of ``centres`` (C, D)."""
    return float(squared_distances(points, centres).amin(1).amax().sqrt())


def k_center_greedy(
    points: Tensor, centres: Tensor, count: int, generator: torch.Generator
) -> list[int]:
    """Places of ``count`` of ``points`` (N, D), each the farthest from all centres before it.

    ``centres`` (C, D), C of 1 or more, stand from the beginning. ``count`` is at most N.
    """
    order = torch.randperm(len(points), generator=generator)
    shuffled, chosen = points[order], []
    nearest = squared_distances(shuffled, centres).amin(1)
    for _ in range(count):
        place = int(nearest.argmax())
        chosen.append(place)
        new = squared_distances(shuffled, shuffled[place : place + 1])[:, 0]
        nearest = torch.minimum(nearest, new)
        nearest[chosen] = -1.0  # a point of the batch is not chosen again, also among its doubles
    return order[chosen].tolist()


def farthest(view: View, count: int, generator: torch.Generator) -> list[int]:
    """``count`` unlabelled texts by k-center greedy, the labelled ones being centres."""
    return k_center_greedy(view.unlabelled, view.labelled, count, generator)


def run(run: Run, config: Config) -> None:
    """Label the texts farthest from labelled ones, round by round; learning curve and cost."""
    run_pool(run, config, farthest)

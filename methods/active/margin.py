"""Margin sampling: ask for the label of the texts whose two likeliest classes are nearly as likely.

Paper: arXiv 2210.03822 (Bahri et al., *Is margin all you need? An extensive empirical study of
active learning on tabular data*), which compares it with many others. With the learner's
probabilities in order, p_1 the highest and p_2 the next,

    margin(x) = p_1(x) - p_2(x),    the batch is the unlabelled texts of smallest margin.

Departures from the paper
1. The learner is a logistic model on the words of short texts; the paper's is a deep network on
   tables. It is trained from nothing after each round.
2. Texts of equal margin are taken in random order; the paper does not say.
3. The first labels are drawn at random and are the same for every method of a seed.

Checked against: hand-worked probabilities, the order of least confidence and of entropy where there
are two classes, an argsort of the definition.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.active.loop import View, highest, run_pool
from methods.active.options import SMOLLM2, ActiveOptions
from methods.engine.run import Run


class Config(ActiveOptions):
    """Options of margin sampling."""


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def margin(probabilities: Tensor) -> Tensor:
    """p_1 - p_2 of each row of (N, K), K of 2 or more; 0 where the two likeliest are equal."""
    first, second = probabilities.topk(2, dim=-1).values.unbind(-1)
    return first - second


def smallest_margin(view: View, count: int, generator: torch.Generator) -> list[int]:
    """The ``count`` unlabelled texts of smallest margin, the smallest first."""
    return highest(-margin(view.probabilities), count, generator)


def run(run: Run, config: Config) -> None:
    """Label the texts of smallest margin, round by round; the learning curve and its cost."""
    run_pool(run, config, smallest_margin)

"""Entropy sampling: ask for the label of the texts whose class is most uncertain as a whole.

Paper: arXiv 1703.02910 (Gal, Islam and Ghahramani, *Deep Bayesian Active Learning with Image
Data*), where it is the acquisition function Max Entropy, after Shannon:

    H(x) = - sum_k p(k | x) log p(k | x),    the batch is the unlabelled texts of largest H.

Departures from the paper
1. The paper averages the probabilities over dropout masks of a convolutional network; the learner
   here is a logistic model on short texts, fitted to its one minimum, with one set of weights.
2. The paper labels 10 images in a round; ours 20 texts. Texts of equal entropy are taken in random
   order.
3. The first labels are drawn at random; the paper starts from as many of each class.

Checked against: hand-worked probabilities, torch.distributions.Categorical, zero probabilities, the
order of margin and least confidence where there are two classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.active.loop import View, highest, run_pool
from methods.active.options import SMOLLM2, ActiveOptions
from methods.engine.run import Run


class Config(ActiveOptions):
    """Options of entropy sampling."""


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def entropy(probabilities: Tensor) -> Tensor:
    """-sum_k p_k log p_k of each row of (N, K), in nats: 0 to log K; a class of p = 0 adds 0."""
    return torch.special.entr(probabilities).sum(-1)


def most_uncertain(view: View, count: int, generator: torch.Generator) -> list[int]:
    """The ``count`` unlabelled texts of largest entropy, the largest first."""
    return highest(entropy(view.probabilities), count, generator)


def run(run: Run, config: Config) -> None:
    """Label the texts of largest entropy, round by round; the learning curve and its cost."""
    run_pool(run, config, most_uncertain)

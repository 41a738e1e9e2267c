"""Least confidence: ask for the label of the texts whose likeliest class is least likely.

Paper: arXiv cmp-lg/9407020 (Lewis and Gale, *A Sequential Algorithm for Training Text
Classifiers*), which names it uncertainty sampling: of two classes, the texts whose probability is
closest to one half. For any number of classes, as surveys since have it,

    lc(x) = 1 - max_k p(k | x),    the batch is the unlabelled texts of largest lc.

Departures from the paper
1. The learner is a logistic model on TF-IDF words; the paper's combines word evidence as naive
   Bayes does and puts a logistic curve over it. Both give a probability.
2. The paper labels 4 documents in a round and weighs rare relevant ones; ours labels 20 and weighs
   all alike.
3. The paper starts from a few texts of the wanted class; ours from texts drawn at random, the same
   for every method of a seed. Texts of equal score are taken in random order.

Checked against: hand-worked probabilities, the paper's own rule for two classes, the order of
margin and entropy where there are two.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.active.loop import View, highest, run_pool
from methods.active.options import SMOLLM2, ActiveOptions
from methods.engine.run import Run


class Config(ActiveOptions):
    """Options of sampling by least confidence."""


PRESETS: dict[str, dict[str, Any]] = {"tiny": {}, "smollm2-135m": SMOLLM2}


def unconfidence(probabilities: Tensor) -> Tensor:
    """1 - max_k p_k of each row of (N, K): from 0, sure, to 1 - 1/K, all classes alike."""
    return 1 - probabilities.amax(-1)


def least_confident(view: View, count: int, generator: torch.Generator) -> list[int]:
    """The ``count`` unlabelled texts that the learner is least confident of, the least first."""
    return highest(unconfidence(view.probabilities), count, generator)


def run(run: Run, config: Config) -> None:
    """Label the texts of least confidence, round by round; the learning curve and its cost."""
    run_pool(run, config, least_confident)

"""Hybrid routing: the language model labels what it is sure of, and the oracle the rest.

Paper: arXiv 2310.15638 (Li et al., *CoAnnotating: Uncertainty-Guided Work Allocation between Human
and Large Language Models for Data Annotation*). With q(c | x) what the model thinks of the classes,

    x goes to the model where max_c q(c | x) >= tau, and to the oracle where not

so that the oracle's labels are spent where the model is likely wrong. Both count: labels asked of
the oracle, and the tokens the model read to say how sure it is, also of the texts it then passes
on.

Departures from the paper
1. How sure the model is comes from the probabilities of the answers to one prompt; the paper asks
   with several prompts and takes the entropy of what is written, or asks the model to say.
2. Who labels is decided text by text against a threshold; the paper divides a whole data set at
   chosen shares and draws the frontier of quality against cost.
3. It stands in the loop of active learning: texts are chosen by the learner's margin first.

Checked against: the two limits (tau below every q is the annotator alone, above every q the oracle
alone), routes by hand, and random routing of as many texts.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from methods.active.llm_annotator import annotated
from methods.active.loop import Label, Labelled, Setting, run_pool
from methods.active.margin import smallest_margin
from methods.active.options import SMOLLM2, SUMS, AnnotatorOptions
from methods.engine.options import option
from methods.engine.run import Run


class Config(AnnotatorOptions):
    """Options of hybrid routing."""

    threshold: float = option(
        0.7, "tau: the model labels a text where its likeliest class has this probability",
        source="ours", ge=0, le=1,
    )  # fmt: skip
    routing: Literal["confidence", "random"] = option(
        "confidence",
        "random sends as many texts of each batch to the model, but any: a control",
        source="paper (random allocation, its baseline)",
    )


PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {**SUMS, "threshold": 0.95},  # it is right, and sure, of nearly all
    "smollm2-135m": SMOLLM2,
}


def to_model(probabilities: Tensor, threshold: float) -> Tensor:
    """(N,) bool of (N, K): the texts whose likeliest class has at least the threshold."""
    return probabilities.amax(-1) >= threshold


def shuffled_routes(routes: Tensor, generator: torch.Generator) -> Tensor:
    """As many True as ``routes`` has, anywhere."""
    return routes[torch.randperm(len(routes), generator=generator)]


def run(run: Run, config: Config) -> None:
    """Label texts of smallest margin, each by the model or the oracle; the curve and its cost."""

    def router(setting: Setting) -> Label:
        def label(places: list[int], before: list[int]) -> list[Labelled]:
            logp, read = annotated(setting, places, before, config.calibration)
            routes = to_model(logp.exp(), config.threshold)
            if config.routing == "random":
                seed = run.generator("routes", len(before)).initial_seed()
                routes = shuffled_routes(routes, torch.Generator().manual_seed(seed))
            said, truth = logp.argmax(-1).tolist(), setting.oracle(places)
            return [
                Labelled(said[i] if routes[i] else truth[i].label, not bool(routes[i]), read[i])
                for i in range(len(places))
            ]

        return label

    run_pool(run, config, smallest_margin, router)

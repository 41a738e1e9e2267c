"""A language model as annotator: the texts are chosen as ever, and the model says what they are.

Paper: arXiv 2310.19596 (Zhang et al., *LLMaAA: Making Large Language Models as Active Annotators*),
which puts a model in the oracle's place in the loop of active learning. Of the classes' answers c,
each as its tokens, the model's likeliest is the label:

    y^(x) = argmax_c q(c | x),    q(c | x) = P(c | prompt of x) / sum_c' P(c' | prompt of x)

A small learner is trained on these labels. No label is asked of the oracle, no token is written:
the answers' probabilities are read off; what is spent is the tokens read.

Departures from the paper
1. The label is read off the probabilities of the given answers; the paper has the model write it
   and reads what was written.
2. No demonstrations stand before the text, where the paper draws its nearest neighbours from a
   small labelled pool; the task's own prompt is all.
3. Every label weighs the same; the paper learns weights for its noisy labels on validation data.
4. Texts are chosen by the margin of the learner, one of the paper's ways.
5. A text with its answers is counted as read once, as a pass that shares the text reads it.

Checked against: the model's own log-probabilities of whole answers, calibration by hand, the tokens
counted by hand, the oracle's run where the model is always right.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from methods.active.loop import Label, Labelled, Setting, run_pool
from methods.active.margin import smallest_margin
from methods.active.options import SMOLLM2, SUMS, AnnotatorOptions
from methods.engine.run import Run


class Config(AnnotatorOptions):
    """Options of annotation by a language model."""


PRESETS: dict[str, dict[str, Any]] = {"tiny": SUMS, "smollm2-135m": SMOLLM2}


def calibrated(logp: Tensor, sample: Tensor) -> Tensor:
    """log of q(c | x) / mean of q(c | .) over ``sample`` (S, K), made to add up to 1 again; (N, K).

    Averaged over ``sample`` itself with equal weights, no class is then favoured before its text is
    seen.
    """
    mean = torch.logsumexp(sample, 0) - torch.log(torch.tensor(float(len(sample))))
    return torch.log_softmax(logp - mean, -1)


def annotated(
    setting: Setting, places: list[int], before: Sequence[int], calibration: str
) -> tuple[Tensor, list[int]]:
    """((N, K) log q of the texts at ``places``, tokens read for each); ``before``: labelled ones.

    The texts a run begins with are the sample of a calibration, so that it costs nothing more.
    """
    texts = setting.pool.open.texts

    def ask(wanted: Sequence[int]) -> tuple[Tensor, list[int]]:
        shown = tuple(texts[i] for i in setting.asked(wanted))
        return setting.reader.log_probabilities(shown, "asking the language model")

    logp, read = ask(places)
    if calibration == "mean":
        first = (list(before) or places)[: setting.config.initial]
        logp = calibrated(logp, ask(first)[0])
    return logp, read


def run(run: Run, config: Config) -> None:
    """Label the texts of smallest margin by the model's word; the learning curve and its cost."""

    def annotator(setting: Setting) -> Label:
        def label(places: list[int], before: list[int]) -> list[Labelled]:
            logp, read = annotated(setting, places, before, config.calibration)
            return [
                Labelled(label, by_oracle=False, read=tokens)
                for label, tokens in zip(logp.argmax(-1).tolist(), read, strict=True)
            ]

        return label

    run_pool(run, config, smallest_margin, annotator)

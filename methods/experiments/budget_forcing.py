"""Does a model gain by thinking on, and lose by being cut off, where it was never taught to?"""

from __future__ import annotations

from dataclasses import replace

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_FORCED = "accuracy_forced"

BUDGET_FORCING_WAITS = Experiment(
    slug="budget-forcing-waits",
    method="budget-forcing",
    paper="2501.19393",
    claim="c2",
    question=(
        "Is an answer right more often after its end was replaced by a continuation three times, "
        "in a model that was not trained to correct itself?"
    ),
    measures=(
        _FORCED, "accuracy_one_wait", "over_natural", "same_tokens_vote", "over_vote", "corrected",
        "spoiled", "scaling_waits", "tokens_written",
    ),
    arms=(
        Arm("forced", "three continuations, all before them in view", "budget-forcing"),
        Arm("fresh", "the bare problem again in place of each", "budget-forcing",
            options={"control": "fresh"}),
    ),
    comparisons=(
        Comparison(
            "After three continuations the answer is right more often than as it is",
            Quantity("forced", _FORCED),
            Quantity("forced", _FORCED, "before"),
            "above",
        ),
        Comparison(
            "It is right more often than a vote of as many fresh answers as cost no more tokens",
            Quantity("forced", _FORCED),
            Quantity("forced", "same_tokens_vote"),
            "above",
        ),
        Comparison(
            "Answering the bare problem again gains nothing, within 0.05",
            Quantity("fresh", _FORCED),
            Quantity("fresh", _FORCED, "before"),
            "within",
            0.05,
        ),
    ),
    curves=(ResultCurve("budget-forcing", "forced"), ResultCurve("fresh-answers", "fresh")),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "The tiny decoder, trained from scratch on 400 worked sums of five one-digit "
                "numbers, works out 200 held-out problems four times at temperature 1. Three "
                "times the end of each answer is replaced by '=', the sign behind which it "
                "answers, and the last answer counts. Nothing is trained; `before` is the answer "
                "as it is."
            ),
        ),
    ),
    notes=(
        "The model never saw an answer that goes on: the paper's was trained on 1,000 traces that "
        "do. This tests whether the continuation alone does it, and not the paper's model.",
        "Two continuations were tried on one seed before this was written down, '=' and the whole "
        "question again; accuracy fell from 0.46 to 0.01 with either. Neither was tuned further.",
        "All seeds share one model and one held-out set; a seed sets the sampling alone.",
    ),
)  # fmt: skip

BUDGET_FORCING_CUTS = replace(
    BUDGET_FORCING_WAITS,
    slug="budget-forcing-cuts",
    claim="c3",
    question="Does accuracy fall where the steps are cut off at a budget and the answer asked for?",
    measures=("accuracy_cut", "scaling"),
    comparisons=(
        Comparison(
            "As it is the answer is right more often than cut off at a quarter of the tokens",
            Quantity("forced", "accuracy_cut"),
            Quantity("forced", "accuracy_cut", "before"),
            "above",
        ),
    ),
    arms=(Arm("forced", "steps cut off at a budget", "budget-forcing"),),
    curves=(ResultCurve("cut-short", "forced"),),
    notes=(
        "Budgets are a quarter, a half and three quarters of the longest answer; behind a cut the "
        "step end asks for the result. A sum cannot be known before its last step, so that a cut "
        "must cost accuracy here: it checks the machinery more than the claim.",
        "All seeds share one model and one held-out set; a seed sets the sampling alone.",
    ),
)

"""Does a small model's prediction in the prompt help a language model, or is it only copied?

After 2305.08848 (SuperICL: shots with predictions) and 2312.15918 (SuperContext: a prediction as a
reference). Beside each method stand both models alone, the hint without its confidence, and hints
turned into the other label: a language model that followed those would be as wrong as they are.
"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_PLACES = ("in", "out")
_MEASURES = tuple(
    f"{place}_{name}"
    for place in _PLACES
    for name in (
        "accuracy",
        "small_accuracy",
        "zero_accuracy",
        "few_accuracy",
        "gain_over_small",
        "gain_over_model",
        "override_rate",
        "override_precision",
        "doubt",
        "sure_gain",
    )
)
_TINY = (
    "Made-up texts of five words, each word good or bad; the text is what most of them are. The "
    "small model learns from 60 texts from home, of own and common words; near, mid and far "
    "texts have one, two and three foreign words in place of own ones. The language model is a "
    "decoder of two layers and width 64, trained from scratch on 700 batches of 16 rows of such "
    "texts: it knows common and foreign words, was never told of own ones, and has seen hints "
    "that were right as often as they said in three rows of four and by chance in the fourth. "
    "So each model knows what the other does not, and the decoder has learned that hints are "
    "worth something, though none of the small model's. 200 texts of each kind are held out; "
    "four shots, drawn three times."
)
_SMOLLM2 = (
    "SmolLM2-135M-Instruct reads sentences that people rated positive or negative: 150 held out "
    "each of film reviews, where the small model is at home, and of product reviews, tweets and "
    "newspapers. The small model learns from 2,000 sentences of film reviews. Eight shots, "
    "drawn once. One seed: intervals are over sentences alone."
)
_SCALES = (
    Scale("tiny", "tiny", seeds=3, protocol=_TINY),
    Scale("smollm2", "smollm2-135m", seeds=1, protocol=_SMOLLM2),
)
_NOTES = (
    "The tiny decoder had lessons in reading hints, so it says what such a model can make of them, "
    "and nothing of whether a model of text alone can, which is the papers' claim.",
    "One other tiny setting was tried: 150 labels for the small model, which was then right of "
    "99 % at home and left nothing to gain there, and 1,500 batches for the decoder.",
    "A seed draws the texts that the small model learns from and the shots; the texts that are "
    "measured on are the same for every seed.",
    "An answer is an override where it is not the label that the prompt names. With two labels the "
    "gain over the small model is the override rate times (twice the override precision less one).",
)


def _arms(method: str, label: str) -> tuple[Arm, ...]:
    return (
        Arm("hint", label, method),
        Arm(
            "no-confidence",
            "the hint without its confidence",
            method,
            options={"confidence": False},
        ),
        Arm(
            "flipped",
            "the hint turned into the other label",
            method,
            options={"control": "flipped"},
        ),
    )


def _curves(more: str) -> tuple[ResultCurve, ...]:
    return (
        ResultCurve("confidence", "hint"),
        ResultCurve("confidence-flipped", "flipped"),
        ResultCurve(f"confidence-{more}", more),
    )


_UNSEEN = Arm(
    "unseen",
    "shots that the small model has not learned from",
    "supericl",
    options={"shots_from": "unseen"},
)

SUPERICL_HINTS = Experiment(
    slug="supericl-hints",
    method="supericl",
    paper="2305.08848",
    claim="c1",
    question=(
        "Does a language model that is shown a small model's predictions do better than the small "
        "model and than with the same shots alone, and where it overrides, is it right?"
    ),
    measures=(*_MEASURES, "shot_spread"),
    arms=(*_arms("supericl", "SuperICL"), _UNSEEN),
    comparisons=(
        Comparison(
            "In domain it is above the language model with the same shots",
            Quantity("hint", "in_accuracy"),
            Quantity("hint", "in_accuracy", "before"),
            "above",
        ),
        Comparison(
            "In domain it is above the small model",
            Quantity("hint", "in_accuracy"),
            Quantity("hint", "in_small_accuracy"),
            "above",
        ),
        Comparison(
            "In domain flipped hints make it worse than true ones",
            Quantity("flipped", "in_accuracy"),
            Quantity("hint", "in_accuracy"),
            "below",
        ),
    ),
    scales=_SCALES,
    curves=_curves("unseen"),
    notes=(
        *_NOTES,
        "The official code takes its shots from the small model's own training set, where that is "
        "right nearly always: such shots teach to copy. One arm takes others.",
    ),
)

SUPERICL_SHOTS = Experiment(
    slug="supericl-shots",
    method="supericl",
    paper="2305.08848",
    claim="c2",
    question="Does accuracy depend less on which shots are drawn where they carry predictions?",
    measures=("shot_spread", "in_accuracy", "out_accuracy"),
    arms=(Arm("hint", "SuperICL", "supericl"), _UNSEEN),
    comparisons=(
        Comparison(
            "The deviation over three draws of shots is below that of the shots alone",
            Quantity("hint", "shot_spread"),
            Quantity("hint", "shot_spread", "before"),
            "below",
        ),
    ),
    scales=(Scale("tiny", "tiny", seeds=3, protocol=_TINY),),
    notes=(
        *_NOTES,
        "Copying a prediction leaves no dependence on shots either: look at the override rate of "
        "supericl-hints beside this.",
    ),
)

SUPERCONTEXT_HINTS = Experiment(
    slug="supercontext-hints",
    method="supercontext",
    paper="2312.15918",
    claim="c1",
    question=(
        "Out of the small model's domain, does its prediction in the prompt raise a language "
        "model's accuracy, above its own and above the small model's?"
    ),
    measures=_MEASURES,
    arms=(
        *_arms("supercontext", "SuperContext, zero-shot"),
        Arm("few-shot", "SuperContext with shots", "supercontext", options={"few_shot": True}),
    ),
    comparisons=(
        Comparison(
            "Out of domain it is above the language model without the hint",
            Quantity("hint", "out_accuracy"),
            Quantity("hint", "out_accuracy", "before"),
            "above",
        ),
        Comparison(
            "Out of domain it is above the small model",
            Quantity("hint", "out_accuracy"),
            Quantity("hint", "out_small_accuracy"),
            "above",
        ),
        Comparison(
            "Out of domain flipped hints make it worse than none",
            Quantity("flipped", "out_accuracy"),
            Quantity("hint", "out_accuracy", "before"),
            "below",
        ),
    ),
    scales=_SCALES,
    curves=_curves("few-shot"),
    notes=(
        *_NOTES,
        "Reviewers of the paper asked for the small model's own row and for an ablation of the "
        "confidence: both stand here. In the paper gains over the small model (ELECTRA-large) are "
        "at most a point on most data sets and negative on some, and two of its tables give that "
        "model different rows: 63.60 and 37.59 on MRPC.",
        "The paper's second half, unanswerable questions, is not tested.",
    ),
)

"""Do texts that a language model writes teach a small model its task? After 2202.07922."""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_ALONE = {"initial": 0, "batch": 0}  # no label of the pool: the paper's own setting
_SUMS = {"task": "chain-sum:digits=1,terms=3", "features": "states"}
_GENERATED = Arm("generated", "400 written texts, no label", "llm-generation", options=_ALONE)
_SHUFFLED = Arm(
    "shuffled",
    "the same texts, their classes dealt out anew",
    "llm-generation",
    options={**_ALONE, "control": "shuffled"},
)
_TINY = (
    "The tiny decoder is trained from scratch on 400 sums of three digits, both to add and to "
    "write a sum of a given result, and writes 40 sums in each of ten rounds, their results drawn "
    "uniformly. A logistic model on the mean of the decoder's last hidden states is trained from "
    "nothing after each round; the sums are the classes, 200 held out, and a written sum that is "
    "held out is dropped."
)
_SMOLLM2 = (
    "SmolLM2-135M-Instruct writes 40 tweets in each of ten rounds, each asked for as positive or "
    "negative by a coin, at temperature 0.7, with no example shown. A logistic "
    "model on TF-IDF words is trained from nothing after each round; 300 rated tweets are held out."
)
_NOTES = (
    "Held-out texts are the same for every seed; a seed sets the classes asked for, what is "
    "written, and the first texts of the pool.",
    "The paper trains on up to hundreds of thousands of texts that GPT2-XL wrote, with DistilBERT "
    "or an LSTM; here it is 400 texts, and words alone.",
    "The words of the request are ours; of SmolLM2 40 texts at temperature 1 were read, which "
    "often rambled, and 80 at 0.7, which was kept.",
)

ACTIVE_LLM_GENERATION = Experiment(
    slug="active-llm-generation",
    method="llm-generation",
    paper="2202.07922",
    claim="c1",
    question=(
        "Does a small model that learned from a language model's texts alone do better than that "
        "language model asked directly?"
    ),
    measures=(
        "accuracy", "aulc", "written_agree", "written_twice", "tokens_written", "model_accuracy",
    ),
    arms=(
        _GENERATED,
        _SHUFFLED,
        Arm(
            "oracle",
            "420 texts of the pool, labelled by the oracle",
            "margin",
            options={"batch": 40},
            tiny=_SUMS,
        ),
    ),
    comparisons=(
        Comparison(
            "The small model's accuracy is above that of the language model",
            Quantity("generated", "accuracy"),
            Quantity("generated", "model_accuracy"),
            "above",
        ),
        Comparison(
            "It is above that of texts whose classes were dealt out anew",
            Quantity("generated", "accuracy"),
            Quantity("shuffled", "accuracy"),
            "above",
        ),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=_TINY,
            untestable=(
                "The tiny decoder knows nothing of what people feel, and of the sums it was "
                "trained on it is right of 88 %: a logistic model on its states tells half of "
                "them even with every label of the pool, so that it cannot do better."
            ),
        ),
        Scale("smollm2", "smollm2-135m", seeds=3, protocol=_SMOLLM2),
    ),
    curves=(ResultCurve("generated", "generated"), ResultCurve("shuffled", "shuffled")),
    notes=_NOTES,
)  # fmt: skip

ACTIVE_GENERATED_TEXTS = Experiment(
    slug="active-generated-texts",
    method="llm-generation",
    paper="2202.07922",
    claim="c2",
    question=(
        "Does a small model get better with more written texts, and what do they add to labelled "
        "ones of a pool?"
    ),
    measures=(
        "accuracy", "aulc", "oracle_labels", "tokens_written", "written_agree", "label_accuracy",
    ),
    arms=(
        _GENERATED,
        Arm(
            "few",
            "40 written texts, no label",
            "llm-generation",
            options={**_ALONE, "written": 4},
        ),
        _SHUFFLED,
        Arm(
            "both",
            "400 written texts beside 120 labels of the pool",
            "llm-generation",
            options={"batch": 10},
        ),
        Arm("pool", "120 labels of the pool", "margin", options={"batch": 10}, tiny=_SUMS),
    ),
    comparisons=(
        Comparison(
            "With 400 written texts the accuracy is above that with 40",
            Quantity("generated", "accuracy"),
            Quantity("few", "accuracy"),
            "above",
        ),
        Comparison(
            "It is above that of 400 whose classes were dealt out anew",
            Quantity("generated", "accuracy"),
            Quantity("shuffled", "accuracy"),
            "above",
        ),
    ),
    scales=(
        Scale("tiny", "tiny", seeds=3, protocol=_TINY),
        Scale("smollm2", "smollm2-135m", seeds=3, protocol=_SMOLLM2),
    ),
    curves=(
        ResultCurve("generated", "generated"),
        ResultCurve("both", "both"),
        ResultCurve("pool", "pool"),
    ),
    notes=(
        *_NOTES,
        "The arms both and pool ask the oracle for the same 120 labels; the claim says nothing of "
        "them, and neither decides it.",
    ),
)  # fmt: skip

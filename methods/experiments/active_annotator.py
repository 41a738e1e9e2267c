"""Can a language model stand in the oracle's place, wholly or where it is sure? After two papers.

2310.19596 trains a small model on a language model's labels; 2310.15638 divides the labelling by
how sure the model is.
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

_TINY = (
    "The tiny decoder knows nothing of what people feel, and of the sums it was trained on it is "
    "right of 97 %: a logistic model cannot add better, and of 420 labels so few are wrong that "
    "two ways of sharing them cannot be told apart."
)
_SCALES = (
    Scale(
        "tiny",
        "tiny",
        seeds=3,
        protocol=(
            "The tiny decoder, trained from scratch on 400 sums of a few digits, labels other such "
            "sums; the sums are the classes. A logistic model on the mean of the decoder's last "
            "hidden states is trained from nothing on 20 labels and then on 40 more in each of "
            "ten rounds."
        ),
        untestable=_TINY,
    ),
    Scale(
        "smollm2",
        "smollm2-135m",
        seeds=3,
        protocol=(
            "SmolLM2-135M-Instruct labels tweets as positive or negative by the probability of the "
            "two words, with no example before them; 300 tweets are held out. A logistic model on "
            "TF-IDF words is trained from nothing on 20 labels and then on 20 more in each of ten "
            "rounds."
        ),
    ),
)
_NOTES = (
    "Pool and held-out texts are the same for every seed; a seed sets the first texts and the "
    "random choices. The language model's answers are the same for every seed.",
    "The threshold 0.7 was set after a look at 80 held-out tweets, of which SmolLM2 told 76 % "
    "rightly, and 96 % of the 56 % it was that sure of.",
)

ACTIVE_LLM_ANNOTATOR = Experiment(
    slug="active-llm-annotator",
    method="llm-annotator",
    paper="2310.19596",
    claim="c1",
    question=(
        "Does a small model trained on a few hundred labels of a language model do better than "
        "that language model, and how far behind an oracle's labels does it stay?"
    ),
    measures=("accuracy", "aulc", "label_accuracy", "tokens_read", "model_accuracy"),
    arms=(
        Arm("annotator", "the language model labels", "llm-annotator"),
        Arm(
            "oracle",
            "the oracle labels the same number of texts",
            "margin",
            tiny={"task": "chain-sum:digits=1,terms=3", "features": "states"},
        ),
        Arm(
            "shuffled",
            "the language model's labels of other texts",
            "llm-annotator",
            options={"control": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "The small model's accuracy is above that of the language model",
            Quantity("annotator", "accuracy"),
            Quantity("annotator", "model_accuracy"),
            "above",
        ),
        Comparison(
            "It is above that of labels that belong to other texts",
            Quantity("annotator", "accuracy"),
            Quantity("shuffled", "accuracy"),
            "above",
        ),
    ),
    scales=_SCALES,
    curves=(ResultCurve("annotator", "annotator"), ResultCurve("oracle", "oracle")),
    notes=_NOTES,
)

ACTIVE_HYBRID_ROUTING = Experiment(
    slug="active-hybrid-routing",
    method="hybrid-routing",
    paper="2310.15638",
    claim="c1",
    question=(
        "Are labels better where the oracle gets the texts a language model is unsure of than "
        "where it gets as many at random, and does a learner gain from that?"
    ),
    measures=("label_accuracy", "aulc", "accuracy", "oracle_labels", "tokens_read"),
    arms=(
        Arm("hybrid", "the model labels what it is sure of, the oracle the rest", "hybrid-routing"),
        Arm(
            "random",
            "as many texts of each batch go to the model, at random",
            "hybrid-routing",
            options={"routing": "random"},
        ),
        Arm("annotator", "the model labels all", "llm-annotator"),
        Arm(
            "shuffled",
            "labels of other texts",
            "hybrid-routing",
            options={"control": "shuffled"},
        ),
    ),
    comparisons=(
        Comparison(
            "More of the labels are right than with random routing",
            Quantity("hybrid", "label_accuracy"),
            Quantity("random", "label_accuracy"),
            "above",
        ),
        Comparison(
            "The area under the learning curve is above that of labels of other texts",
            Quantity("hybrid", "aulc"),
            Quantity("shuffled", "aulc"),
            "above",
        ),
    ),
    scales=_SCALES,
    curves=(ResultCurve("hybrid", "hybrid"), ResultCurve("random", "random")),
    notes=_NOTES,
)

"""Does a model's law of the next number come nearer to the true one as it reads more of them?"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Quantity,
    ResultCurve,
    Scale,
)

_METHOD, _DISTANCE = "llm-time-series", "distance"
_LAW = "noisy-logistic-map"

IN_CONTEXT_SCALING = Experiment(
    slug="in-context-scaling",
    method=_METHOD,
    paper="2402.00795",
    claim="c1",
    question=(
        "Does the distance between the law that a model predicts and the law a series was drawn "
        "from fall with the numbers it has read, and only where there are dynamics to be learned?"
    ),
    measures=(
        _DISTANCE,
        "fall",
        "exponent",
        "gaussian_distance",
        "persistence_distance",
        "unigram_distance",
        "gain_over_gaussian",
    ),
    arms=(
        Arm("map", "noisy logistic map", _METHOD, options={"law": _LAW}),
        Arm("walk", "Brownian motion", _METHOD, options={"law": "brownian-motion"}),
        Arm("chain", "Markov chain of 5 states", _METHOD, options={"law": "markov-chain"}),
        Arm(
            "shuffled",
            "noisy logistic map, its numbers in a random order",
            _METHOD,
            options={"law": _LAW, "control": "shuffled"},
        ),
        Arm(
            "untrained",
            "noisy logistic map, the model's weights drawn anew",
            _METHOD,
            options={"law": _LAW, "control": "untrained"},
        ),
    ),
    comparisons=(
        Comparison(
            "Noisy logistic map: the distance falls from 2 numbers read to all",
            Quantity("map", _DISTANCE),
            Quantity("map", _DISTANCE, "before"),
            "below",
        ),
        Comparison(
            "Brownian motion: it falls too",
            Quantity("walk", _DISTANCE),
            Quantity("walk", _DISTANCE, "before"),
            "below",
        ),
        Comparison(
            "Markov chain: it falls too",
            Quantity("chain", _DISTANCE),
            Quantity("chain", _DISTANCE, "before"),
            "below",
        ),
        Comparison(
            "It falls more than on the same numbers in a random order",
            Quantity("map", "fall"),
            Quantity("shuffled", "fall"),
            "above",
        ),
        Comparison(
            "It ends below that of a normal law of the context's moments",
            Quantity("map", _DISTANCE),
            Quantity("map", "gaussian_distance"),
            "below",
        ),
        Comparison(
            "It ends below that of the same model untrained",
            Quantity("map", _DISTANCE),
            Quantity("untrained", _DISTANCE),
            "below",
        ),
    ),
    curves=(
        ResultCurve("distance", "map"),
        ResultCurve("distance-walk", "walk"),
        ResultCurve("distance-chain", "chain"),
        ResultCurve("distance-shuffled", "shuffled"),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "A decoder of two layers and width 64, trained from scratch to write random series "
                "of two-digit numbers: noise that reverts to its mean, noisy tent, sine and cubic "
                "maps, repeating levels, chains of 2 to 4 states. None of the systems tested is "
                "among them. A seed draws 100 series. `before` is the distance after 2 numbers, "
                "`after` after all but one."
            ),
        ),
        Scale(
            "smollm2",
            "smollm2-135m",
            seeds=1,
            protocol=(
                "SmolLM2-135M-Instruct, which was trained on text alone, reads 8 series of 100 "
                "three-digit numbers. One seed: the intervals are over series alone."
            ),
        ),
    ),
    notes=(
        "The tiny model learned to learn from series, so it says nothing of what a model of text "
        "alone can do, which is the paper's claim; that is tested at the other scale.",
        "For Brownian motion a normal law about the last value is the true family and cannot be "
        "beaten by much: it is shown beside the model and no comparison is made with it.",
        "The paper shows a power law by eye and by a fit; the exponent and its interval over "
        "series are reported here and no comparison asks that a power law fit.",
    ),
)

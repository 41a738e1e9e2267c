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
_LAW = "markov-chain"

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
        "gain_over_unigram",
    ),
    arms=(
        Arm("chain", "Markov chain of 5 states", _METHOD, options={"law": _LAW}),
        Arm("map", "noisy logistic map", _METHOD, options={"law": "noisy-logistic-map"}),
        Arm("walk", "Brownian motion", _METHOD, options={"law": "brownian-motion"}),
        Arm(
            "shuffled",
            "Markov chain, its numbers in a random order",
            _METHOD,
            options={"law": _LAW, "control": "shuffled"},
        ),
        Arm(
            "untrained",
            "Markov chain, the model's weights drawn anew",
            _METHOD,
            options={"law": _LAW, "control": "untrained"},
        ),
    ),
    comparisons=(
        Comparison(
            "Markov chain: the distance falls from 2 numbers read to all",
            Quantity("chain", _DISTANCE),
            Quantity("chain", _DISTANCE, "before"),
            "below",
        ),
        Comparison(
            "Noisy logistic map: it falls too",
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
            "Markov chain: it ends below that of the same numbers in a random order",
            Quantity("chain", _DISTANCE),
            Quantity("shuffled", _DISTANCE),
            "below",
        ),
        Comparison(
            "Markov chain: it ends below that of a histogram of the numbers read",
            Quantity("chain", _DISTANCE),
            Quantity("chain", "unigram_distance"),
            "below",
        ),
        Comparison(
            "Markov chain: it ends below that of the same model untrained",
            Quantity("chain", _DISTANCE),
            Quantity("untrained", _DISTANCE),
            "below",
        ),
    ),
    curves=(
        ResultCurve("distance", "chain"),
        ResultCurve("distance-map", "map"),
        ResultCurve("distance-walk", "walk"),
        ResultCurve("distance-shuffled", "shuffled"),
    ),
    scales=(
        Scale(
            "tiny",
            "tiny",
            seeds=3,
            protocol=(
                "A decoder of two layers and width 64, trained from scratch on 2,500 batches of 16 "
                "random series of 64 one-digit numbers: five in eight are chains of 2, 3, 4, 6 or "
                "7 states, half of them near a permutation; the rest are noise that reverts to its "
                "mean, noisy tent, sine and cubic maps and repeating levels. None of the systems "
                "tested is among them. A seed draws 100 series. `before` is the distance after 2 "
                "numbers, `after` after 63."
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
        "A chain is read in two ways: how often each state comes, which a random order leaves as "
        "it is, and what follows what. A model this small learns the second late: after 500 "
        "batches of 8 it was no nearer than a histogram. Five recipes of its training were tried "
        "(steps and batch, length, sparser chains, permutations), on other series than those "
        "measured.",
        "The tiny model learned to learn from series, so it says nothing of what a model of text "
        "alone can do, which is the paper's claim; that is tested at the other scale.",
        "For Brownian motion a normal law about the last value is the true family and cannot be "
        "beaten by much: it is shown beside the model and no comparison is made with it.",
        "The paper shows a power law by eye and by a fit; the exponent and its interval over "
        "series are reported here and no comparison asks that a power law fit.",
    ),
)

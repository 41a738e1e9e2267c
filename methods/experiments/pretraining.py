"""A chain of text domains: what it teaches, what it costs, and whether order and size matter.

After 2402.17400, on domains of docstrings and with models that train in seconds.
"""

from __future__ import annotations

from methods.experiments.protocol import (
    Arm,
    Comparison,
    Experiment,
    Moment,
    Quantity,
    Relation,
    ResultCurve,
    Scale,
)

_METHOD, _PAPER = "continual-pretraining", "2402.17400"
_CPT, _LC, _FT, _FG, _GAIN = "mean_cpt", "mean_lc", "mean_ft", "mean_fg", "mean_gain"
_BACKWARD = "mean_backward"
_MEASURES = (
    _CPT, _LC, _FT, _FG, _GAIN, _BACKWARD, "mean_forward", "mean_next", "cpt", "lc", "ft", "fg",
    "gain", "backward", "forward", "next", "general",
)  # fmt: skip
SIMILAR = Arm("similar", "similar domains in a row, the larger model", _METHOD)
SMALL = Arm("small", "the same, the smaller model", _METHOD, options={"size": "small"})


def _chain(name: str, label: str, **options: object) -> Arm:
    return Arm(name, label, _METHOD, options={**options, "alone": False})


RANDOM = _chain("random", "domains in an order drawn by seed", order="random")
REPLAY = _chain("replay", "similar domains, one row in a hundred replayed", share=0.01)
SHUFFLED = _chain("shuffled", "similar domains, their text shuffled", control="shuffled")


def _than(
    text: str, left: tuple[str, str], right: tuple[str, str], relation: Relation = "below",
    moment: Moment = "after",
) -> Comparison:  # fmt: skip
    return Comparison(text, Quantity(*left), Quantity(*right, moment), relation)


_SCALES = (
    Scale(
        "tiny",
        "tiny",
        seeds=3,
        protocol=(
            "Llama decoders that read characters, of two layers and width 64 or one layer and "
            "width 32, trained from random weights on 400,000 characters of docstrings of numpy, "
            "scipy and transformers (400 steps of 16 windows of 128). Then twelve domains of "
            "docstrings, three each of sympy, sqlalchemy, torch and networkx, 16,000 characters "
            "each: 16 steps of 8 windows a domain, one pass, with a warm-up and a cosine to zero "
            "in each. Every checkpoint is measured on 1,500 characters of each domain, from other "
            "source files. The seed sets the order of rows, and that of the domains where it is "
            "random; the start is one."
        ),
    ),
)
_NOTES = (
    "Perplexity is by character. Comparisons are of means over domains; medians stand beside.",
    "Docstrings of one language and one trade are nearer to one another than the paper's domains, "
    "and a chain is 12 long where the paper's is 159.",
    "Two pairs of model sizes and two of packages for the start's own text were tried on one or "
    "two seeds before the protocol was fixed; learning rate, steps and domains were not changed.",
)

PRETRAINING_DOMAINS = Experiment(
    slug="pretraining-domains",
    method=_METHOD,
    paper=_PAPER,
    claim="c1",
    question=(
        "Does going on with pre-training from domain to domain lower perplexity on each, and below "
        "where adapting the start to that domain alone brings it?"
    ),
    measures=_MEASURES,
    arms=(SIMILAR, SMALL, SHUFFLED),
    comparisons=(
        _than(
            "After a domain the larger model's perplexity on it is below the start's",
            ("similar", _CPT), ("similar", _CPT), moment="before",
        ),
        _than(
            "So is the smaller model's", ("small", _CPT), ("small", _CPT), moment="before",
        ),
        _than(
            "The larger model's is below that of the start adapted to the domain alone",
            ("similar", _CPT), ("similar", _FT),
        ),
        _than("So is the smaller model's below its own", ("small", _CPT), ("small", _FT)),
        _than(
            "Shuffled text helps no domain: perplexity ends above the start's",
            ("shuffled", _CPT), ("shuffled", _CPT), "above", "before",
        ),
    ),
    curves=(ResultCurve("transfer-similar", "similar"), ResultCurve("transfer-small", "small")),
    scales=_SCALES,
    notes=_NOTES,
)  # fmt: skip
PRETRAINING_SIZE = Experiment(
    slug="pretraining-size",
    method=_METHOD,
    paper=_PAPER,
    claim="c2",
    question="Does the smaller of two models both learn and forget more of a chain of domains?",
    measures=_MEASURES,
    arms=(SIMILAR, SMALL),
    comparisons=(
        _than(
            "The smaller model's perplexity falls further from the start to just after a domain",
            ("small", _GAIN), ("similar", _GAIN), "above",
        ),
        _than(
            "It then rises further until the end",
            ("small", _FG), ("similar", _FG), "above",
        ),
    ),
    scales=_SCALES,
    notes=(
        "Both are differences of perplexities, which a model that stands higher has more room for.",
        *_NOTES,
    ),
)  # fmt: skip
PRETRAINING_ORDER = Experiment(
    slug="pretraining-order",
    method=_METHOD,
    paper=_PAPER,
    claim="c3",
    question=(
        "Do similar domains in a row let a model specialise, and do shuffled ones leave a better "
        "model in the end?"
    ),
    measures=_MEASURES,
    arms=(SIMILAR, RANDOM, REPLAY),
    comparisons=(
        _than(
            "Just after a domain perplexity on it is lower where its neighbours came before",
            ("similar", _CPT), ("random", _CPT),
        ),
        _than(
            "In the end perplexity is lower after the random order",
            ("random", _LC), ("similar", _LC),
        ),
        _than(
            "Less has been forgotten since each domain after the random order",
            ("random", _FG), ("similar", _FG),
        ),
        _than(
            "More is carried over to domains learned before in the random order",
            ("random", _BACKWARD), ("similar", _BACKWARD),
        ),
    ),
    curves=(ResultCurve("transfer-similar", "similar"), ResultCurve("transfer-random", "random")),
    scales=_SCALES,
    notes=(
        "The replay arm, one row in a hundred of all earlier domains, is not in the paper and no "
        "part of the claim.",
        "One order of similar domains is held against a random order a seed.",
        *_NOTES,
    ),
)  # fmt: skip
PRETRAINING = (PRETRAINING_DOMAINS, PRETRAINING_SIZE, PRETRAINING_ORDER)

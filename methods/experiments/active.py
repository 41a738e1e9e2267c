"""Do labels that a rule asks for teach a small classifier more than random ones? After five papers.

The rules are read from cmp-lg/9407020, 2210.03822, 1703.02910, 1708.00489 and 1906.03671; the loop
and its measures are those of the survey 2502.11767. One protocol serves all: what differs is the
rule.
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

_AREA = "aulc"
_PROTOCOL = (
    "Tweets whose mean rating by some twenty people is at least 0.5 from zero, positive or "
    "negative: a pool of 1,500 and 800 held out, near duplicates on one side. A logistic model on "
    "TF-IDF words is trained from nothing on 20 random labels, then on 40 more in each of ten "
    "rounds. The area is under its held-out accuracy from 20 to 420 labels. All arms of a seed "
    "start from the same 20 texts. The language model is read for reference and labels nothing."
)
_NOTES = (
    "Pool and held-out texts are the same for every seed; a seed sets the first texts, ties and "
    "random choices.",
    "Before these runs eight settings were tried, three kinds of text, two penalties and batches "
    "of 20 and 40, with 4 to 6 seeds each, to see where margin sampling beats random choice at "
    "all: with batches of 20 by 0.00 to 0.02 of the area, about what seeds differ by, with batches "
    "of 40 by 0.02 on tweets and on product reviews. Seven in ten tweets are positive.",
    "Of two classes least confidence, margin and entropy put texts in the same order: where their "
    "papers differ, on three classes and more, this experiment says nothing.",
)


def _experiment(
    method: str,
    paper: str,
    question: str,
    label: str,
    more_arms: tuple[Arm, ...] = (),
    more: tuple[Comparison, ...] = (),
) -> Experiment:
    arms = (
        Arm("rule", label, method),
        Arm("random", "texts chosen at random", method, options={"control": "random"}),
        Arm(
            "shuffled",
            "the rule, and an oracle whose labels are dealt out anew",
            method,
            options={"control": "shuffled"},
        ),
        *more_arms,
    )
    comparisons = (
        Comparison(
            "The area under the learning curve is above that of random choice",
            Quantity("rule", _AREA),
            Quantity("random", _AREA),
            "above",
        ),
        Comparison(
            "With shuffled labels it is below that of random choice with true ones",
            Quantity("shuffled", _AREA),
            Quantity("random", _AREA),
            "below",
        ),
        *more,
    )
    return Experiment(
        slug=f"active-{method}",
        method=method,
        paper=paper,
        claim="c1",
        question=question,
        measures=(_AREA, "accuracy", "loss", "oracle_labels", "all_labels_accuracy"),
        arms=arms,
        comparisons=comparisons,
        scales=(Scale("tiny", "tiny", seeds=5, protocol=_PROTOCOL),),
        curves=tuple(ResultCurve(f"learning-{arm.name}", arm.name) for arm in arms),
        notes=_NOTES,
    )


_MARGIN_ARM = Arm("margin", "texts of smallest margin", "margin")
_AS_MARGIN = Comparison(
    "It is not below that of margin sampling, within 0.02",
    Quantity("rule", _AREA),
    Quantity("margin", _AREA),
    "not below",
    0.02,
)

ACTIVE: tuple[Experiment, ...] = (
    _experiment(
        "least-confidence",
        "cmp-lg/9407020",
        "Does labelling the texts a classifier is least certain of teach it more than labelling "
        "random ones?",
        "texts of least confidence",
    ),
    _experiment(
        "margin",
        "2210.03822",
        "Does labelling the texts whose two likeliest classes are nearly as likely teach a "
        "classifier more than labelling random ones, and as much as the other rules do?",
        "texts of smallest margin",
        (
            Arm("coreset", "texts far from labelled ones", "coreset"),
            Arm("badge", "texts of large and different gradients", "badge"),
        ),
        (
            Comparison(
                "Its area is not below that of core-set selection, within 0.02",
                Quantity("rule", _AREA),
                Quantity("coreset", _AREA),
                "not below",
                0.02,
            ),
        ),
    ),
    _experiment(
        "entropy",
        "1703.02910",
        "Does labelling the texts of largest predictive entropy teach a classifier more than "
        "labelling random ones?",
        "texts of largest entropy",
    ),
    _experiment(
        "coreset",
        "1708.00489",
        "Do batches that cover the pool teach a classifier more than random ones, and than the "
        "most uncertain ones?",
        "texts far from labelled ones",
        (_MARGIN_ARM,),
        (
            Comparison(
                "It is above that of margin sampling",
                Quantity("rule", _AREA),
                Quantity("margin", _AREA),
                "above",
            ),
        ),
    ),
    _experiment(
        "badge",
        "1906.03671",
        "Do batches drawn by k-means++ on gradient embeddings teach a classifier more than random "
        "ones, and as much as the most uncertain ones?",
        "texts of large and different gradients",
        (_MARGIN_ARM,),
        (_AS_MARGIN,),
    ),
)

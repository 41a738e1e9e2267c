"""What a hint does to a language model's answers: where it is followed, and whether that is right.

An answer overrides its hint where it is another label than the prompt names. With a share o of the
answers overriding and a share p of those right, two labels leave a gain over the hint of
o (2 p - 1): to follow every hint gains nothing, and to override must be right more often than not.
All of it is counted text by text, so that gains are paired; where shots are drawn several times, a
text's value is the mean over the draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from methods.engine.results import Estimate, Measure, Results

_BINS = 5  # of confidence, with as many texts in each


@dataclass(frozen=True)
class Answers:
    """Of N texts of one domain: the true class, and the class each model says; J draws of shots.

    ``hint`` is the class that the prompt names: ``small``, or another where hints are flipped.
    Of the language model alone, with shots, and with the hint: ``nats``, -log p of the true class,
    and ``read``, the tokens it read for a text; both are means over draws.
    """

    label: list[int]  # (N,)
    small: list[int]
    confidence: list[float]  # the small model's, of its class
    hint: list[int]
    zero: list[int]  # the language model's without shots
    few: list[list[int]]  # (J, N), with shots
    method: list[list[int]]  # (J, N), or (1, N) where the prompt has no shots
    nats: list[list[float]]  # (3, N)
    read: list[float]  # (3,)

    def right(self, said: Sequence[Sequence[int]]) -> list[list[int]]:
        """(J, N): 1 where ``said`` is the true class, else 0."""
        return [[int(a == b) for a, b in zip(row, self.label, strict=True)] for row in said]


def joined(parts: Sequence[Answers]) -> Answers:
    """The texts of several domains as one; tokens are their mean over texts."""
    texts = [len(part.label) for part in parts]
    columns: dict[str, Any] = {
        name: [x for part in parts for x in getattr(part, name)]
        for name in ("label", "small", "confidence", "hint", "zero")
    }
    for name in ("few", "method"):
        draws = zip(*(getattr(part, name) for part in parts), strict=True)
        columns[name] = [[x for row in draw for x in row] for draw in draws]
    columns["nats"] = [[x for part in parts for x in part.nats[i]] for i in range(3)]
    columns["read"] = [
        math.fsum(part.read[i] * n for part, n in zip(parts, texts, strict=True)) / sum(texts)
        for i in range(3)
    ]
    return Answers(**columns)


def each(rows: Sequence[Sequence[float]]) -> list[float]:
    """The mean over draws of each text's value: (J, N) -> (N,)."""
    return [math.fsum(column) / len(rows) for column in zip(*rows, strict=True)]


def overridden(found: Answers) -> list[list[int]]:
    """(J, N): 1 where the answer is not the label that the prompt names, else 0."""
    return [[int(a != b) for a, b in zip(row, found.hint, strict=True)] for row in found.method]


def override_precision(found: Answers) -> Estimate:
    """Of the answers that override their hint, the share that is right.

    Draws of one text are no further evidence: the interval is that of as many answers as a draw
    has on average. Of none nothing is known: 0.5 with the interval from 0 to 1.
    """
    over, right = overridden(found), found.right(found.method)
    count = sum(map(sum, over))
    if not count:
        return Estimate(0.5, (0.0, 1.0), 0)
    hits = sum(o * r for a, b in zip(over, right, strict=True) for o, r in zip(a, b, strict=True))
    one_draw = max(1, round(count / len(over)))
    return Estimate.of_fraction(hits / count * one_draw, one_draw)


def split_by(values: Sequence[float], by: Sequence[float]) -> Estimate:
    """Mean of ``values`` where ``by`` is in its upper half less the mean where it is in its lower.

    Of an odd number the middle one is in the upper half; equal ones stay in their order. The
    interval is that of a difference of two independent means.
    """
    if len(values) < 2:
        raise ValueError("two halves need two values")
    order = sorted(range(len(values)), key=lambda i: by[i])
    cut = len(order) // 2
    low, high = (Estimate.of_values([values[i] for i in p]) for p in (order[:cut], order[cut:]))
    half = math.hypot(*((e.interval[1] - e.interval[0]) / 2 for e in (low, high)))
    mean = high.mean - low.mean
    return Estimate(mean, (mean - half, mean + half), len(values))


def spread(rows: Sequence[Sequence[float]]) -> float:
    """Standard deviation over draws of the mean over texts, (J, N); 0 of a single draw."""
    means = [math.fsum(row) / len(row) for row in rows]
    centre = math.fsum(means) / len(means)
    return math.sqrt(math.fsum((m - centre) ** 2 for m in means) / max(1, len(means) - 1))


def results(names: Sequence[str], found: Sequence[Answers], *, with_shots: bool) -> Results:
    """``results.json`` of domains by ``names``, of which the first is the small model's own.

    ``before`` is the language model without hints, with the shots that the method's prompt has.
    """
    inside, outside = found[0], joined(found[1:])
    measures = [*_of_place("out", "out of domain", outside, with_shots)]
    measures += _of_place("in", "in domain", inside, with_shots)
    for name, part in zip(names, found, strict=True):
        key = name.replace("-", "_")
        measures.append(_accuracy(f"{key}_accuracy", f"Accuracy on {name}", part, with_shots))
        measures.append(
            _share(f"{key}_small_accuracy", f"The small model alone on {name}",
                   each(part.right([part.small])))
        )  # fmt: skip
    whole = joined(found)
    alone = whole.read[1 if with_shots else 0]
    measures.append(
        Measure("tokens_read", "Tokens the language model reads for a text", "tokens", False,
                _exact(alone), _exact(whole.read[2]))
    )  # fmt: skip
    measures.append(
        Measure("tokens_read_with_shots", "Tokens it reads where shots stand before the text alone",
                "tokens", False, None, _exact(whole.read[1]))
    )  # fmt: skip
    if with_shots:
        few, ours = (spread(whole.right(rows)) for rows in (whole.few, whole.method))
        title = "Standard deviation of the accuracy over draws of shots"
        measures.append(Measure("shot_spread", title, "", False, _exact(few), _exact(ours)))
    return Results(tuple(measures), (_by_confidence(whole),))


def _of_place(key: str, where: str, found: Answers, with_shots: bool) -> list[Measure]:
    """All that is measured in domain, or out of it."""
    right, small = each(found.right(found.method)), each(found.right([found.small]))
    zero, few = each(found.right([found.zero])), each(found.right(found.few))
    over = each(overridden(found))

    def gain(name: str, over_what: str, base: list[float]) -> Measure:
        values = [a - b for a, b in zip(right, base, strict=True)]
        title = f"Accuracy {where} less that of {over_what}"
        return Measure(f"{key}_{name}", title, "", True, None, Estimate.of_values(values))

    return [
        _accuracy(f"{key}_accuracy", f"Accuracy {where}", found, with_shots),
        _share(f"{key}_small_accuracy", f"The small model alone, {where}", small),
        _share(f"{key}_zero_accuracy", f"The language model alone, {where}", zero),
        _share(f"{key}_few_accuracy", f"The language model with shots, {where}", few),
        Measure(f"{key}_loss", f"Loss {where}", "nats per text", False,
                Estimate.of_values(found.nats[1 if with_shots else 0]),
                Estimate.of_values(found.nats[2])),
        gain("gain_over_small", "the small model", small),
        gain("gain_over_model", "the language model without shots", zero),
        Measure(f"{key}_override_rate", f"Answers that differ from their hint, {where}", "fraction",
                False, None, Estimate.of_fractions(over)),
        Measure(f"{key}_override_precision", f"Of those, right, {where}", "fraction", True, None,
                override_precision(found)),
        Measure(f"{key}_doubt", f"Override rate where the small model is less sure, {where}, less "
                "that where it is surer", "", True, None,
                split_by(over, [-c for c in found.confidence])),
        Measure(f"{key}_sure_gain", f"Accuracy where the small model is surer, {where}, less that "
                "where it is less sure", "", True, None, split_by(right, found.confidence)),
    ]  # fmt: skip


def _accuracy(name: str, title: str, found: Answers, with_shots: bool) -> Measure:
    """The language model without hints, then with them."""
    alone = found.few if with_shots else [found.zero]
    before, after = (Estimate.of_fractions(each(found.right(r))) for r in (alone, found.method))
    return Measure(name, title, "fraction", True, before, after)


def _share(name: str, title: str, values: Sequence[float]) -> Measure:
    return Measure(name, title, "fraction", True, None, Estimate.of_fractions(values))


def _exact(value: float) -> Estimate:
    return Estimate(value, (value, value), 1)


def _by_confidence(found: Answers) -> dict[str, Any]:
    """Accuracy by the small model's confidence, in bins with as many texts each."""
    order = sorted(range(len(found.label)), key=lambda i: found.confidence[i])
    cuts = [round(i * len(order) / _BINS) for i in range(_BINS + 1)]
    bins = [part for a, b in pairwise(cuts) if (part := order[a:b])]
    lines = {
        "small model": each(found.right([found.small])),
        "language model alone": each(found.right([found.zero])),
        "with the hint": each(found.right(found.method)),
    }
    x = [float(place + 1) for place in range(len(bins))]  # the same for every seed
    series = []
    for label, values in lines.items():
        points = [Estimate.of_fractions([values[i] for i in part]) for part in bins]
        series.append(
            {
                "label": label,
                "x": x,
                "y": [p.mean for p in points],
                "low": [p.interval[0] for p in points],
                "high": [p.interval[1] for p in points],
            }
        )
    return {
        "name": "confidence", "title": "Accuracy by the small model's confidence",
        "x_label": "fifths of the texts, the small model's surest last", "y_label": "accuracy",
        "x_log": False,
        "series": series,
    }  # fmt: skip

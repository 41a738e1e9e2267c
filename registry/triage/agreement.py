"""Where reviewers disagree, and how far they agree beyond chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from registry.store.engine import Store
from registry.store.queries import described
from registry.store.standing import Decision, Standing, standings


@dataclass(frozen=True)
class Conflict:
    """A paper whose votes contradict each other."""

    id: str
    title: str
    votes: tuple[Decision, ...]  # the last one of each reviewer


@dataclass(frozen=True)
class Agreement:
    """Two reviewers, on the papers that both took in or left out."""

    reviewers: tuple[str, str]
    papers: int
    agreed: int
    kappa: float | None  # Cohen's: 1 always, 0 as by chance; None where chance alone would do
    same_leaf: int  # of those that both took in, how many to the same primary leaf
    both_in: int


def conflicts(store: Store) -> list[Conflict]:
    """The papers in conflict, by identifier."""
    with store.read() as connection:
        found = standings(connection)
    ids = sorted(id_ for id_, standing in found.items() if standing.state == "conflict")
    titles = {candidate.id: candidate.title for candidate in described(store, ids)}
    return [Conflict(id_, titles.get(id_, ""), found[id_].votes) for id_ in ids]


def agreements(store: Store) -> list[Agreement]:
    """Every pair of reviewers who judged a paper in common, by name.

    A vote that settled a matter was cast in knowledge of the others and does not count.
    """
    with store.read() as connection:
        found = standings(connection)
    judged = _judged(found)
    pairs = combinations(sorted(judged), 2)
    made = (_agreement(one, other, judged[one], judged[other]) for one, other in pairs)
    return [agreement for agreement in made if agreement.papers]


def cohen_kappa(pairs: list[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two lists of labels given in pairs; None where it is not defined.

    >>> cohen_kappa([("in", "in"), ("in", "out"), ("out", "out"), ("out", "out")])
    0.5
    """
    if not pairs:
        return None
    observed = sum(one == other for one, other in pairs) / len(pairs)
    labels = {label for pair in pairs for label in pair}
    expected = (
        sum(
            sum(one == label for one, _ in pairs) * sum(other == label for _, other in pairs)
            for label in labels
        )
        / len(pairs) ** 2
    )
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _judged(found: Mapping[str, Standing]) -> dict[str, dict[str, Decision]]:
    judged: dict[str, dict[str, Decision]] = {}
    for id_, standing in found.items():
        for line in standing.live:  # a later vote of the same reviewer replaces the earlier one
            if line.verdict and line.reviewer and not line.detail.get("settles"):
                judged.setdefault(line.reviewer, {})[id_] = line
    return judged


def _agreement(
    one: str, other: str, first: Mapping[str, Decision], second: Mapping[str, Decision]
) -> Agreement:
    common = sorted(first.keys() & second.keys())
    pairs = [(str(first[id_].verdict), str(second[id_].verdict)) for id_ in common]
    both_in = [id_ for id_, pair in zip(common, pairs, strict=True) if pair == ("in", "in")]
    return Agreement(
        reviewers=(one, other),
        papers=len(common),
        agreed=sum(a == b for a, b in pairs),
        kappa=cohen_kappa(pairs),
        same_leaf=sum(_leaf(first[id_]) == _leaf(second[id_]) for id_ in both_in),
        both_in=len(both_in),
    )


def _leaf(line: Decision) -> str | None:
    leaf = line.detail.get("leaf")
    return str(leaf) if leaf else None

"""Screening replayed: labels are hidden, shown in the order a strategy asks for, and learned from.

One list at a time is held out. Its papers that no other list names, hidden among papers of the same
months that nobody lists, are the pool; the other lists, and a part of the unlisted papers that is
not in the pool, are what the ranker has learned before it starts. Every paper of a pool has an
abstract, relevant or not, because an abstract alone would tell which papers came from where.

What nobody lists is taken for irrelevant, though some of it is what a curator would want: a list is
never complete. With ``clean`` the unlisted papers that speak of post-training and of language
models are left out of the pool, which errs to the other side; the truth lies between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry.catalog.models import Taxonomy
from registry.core.errors import UsageError
from registry.triage import leaves as leafing
from registry.triage.batches import FIRST, GROWTH, batch_size
from registry.triage.documents import Document, Example, part_of
from registry.triage.features import Floats, Vectoriser, titles_alone
from registry.triage.keywords import Keywords, may_belong
from registry.triage.relevance import FEWEST, Views, importance_of
from registry.triage.strategies import CHOOSERS, chooser

CANONICAL = "canonical"  # the taxonomy's own examples: no list of its own
ORDERS = ("newest", "keyword")  # strategies that learn nothing
KNOWN = (*CHOOSERS, "uncertainty", *ORDERS)

Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How the simulation goes. ``pool`` is how many unlisted papers a pool has at most."""

    strategies: tuple[str, ...] = ("relevance", "random", "newest", "keyword")
    seeds: int = 3
    fewest: int = 20  # papers of a list below which it is not held out
    pool: int = 3000
    start: int = 2000  # unlisted papers to train against, half of them at most
    first: int = FIRST  # papers shown before the first learning, and at least in each batch
    growth: float = GROWTH  # a batch is at least this share of what was shown
    clean: bool = False


@dataclass(frozen=True)
class Screening:
    """One list held out, with one seed: what is known before, and what is screened."""

    seed: int
    held_out: str
    start: tuple[Example, ...]
    pool: tuple[Example, ...]

    @property
    def relevant(self) -> int:
        """How many papers there are to find."""
        return sum(one.relevant for one in self.pool)


def held_out_lists(labelled: Sequence[Example], fewest: int) -> list[str]:
    """The lists that alone name at least ``fewest`` relevant papers with abstracts, by name."""
    sole = (_lists(one) for one in labelled if one.relevant and one.document.abstract)
    count = Counter(next(iter(lists)) for lists in sole if len(lists) == 1)
    return sorted(name for name, found in count.items() if found >= fewest)


def screenings(
    labelled: Sequence[Example],
    unlisted: Sequence[Example],
    taxonomy: Taxonomy,
    options: Options,
) -> list[Screening]:
    """A screening for each seed and each list that is held out, in this order.

    Raises UsageError where no list is large enough.
    """
    names = held_out_lists(labelled, options.fewest)
    if not names:
        raise UsageError(
            f"no list of the labels names {options.fewest} papers with abstracts that no other "
            "list names. Give labels with more lists, or a smaller --fewest."
        )
    listed = {one.document.id for one in labelled}
    listed |= {paper.id for g in taxonomy.groups for lf in g.leaves for paper in lf.canonical}
    free = [one for one in unlisted if one.document.id not in listed and one.document.abstract]
    grey = {one.document.id for one in free if options.clean and may_belong(one.document.text)}
    found = []
    for seed in range(options.seeds):
        shuffled = sorted(free, key=lambda one: part_of(f"{seed}:{one.document.id}"))
        cut = min(options.start, len(shuffled) // 2)
        among = [one for one in shuffled[cut:] if one.document.id not in grey]
        for name in names:
            start, pool = _hidden(name, labelled, among, options.pool)
            found.append(Screening(seed, name, (*start, *shuffled[:cut]), pool))
    return found


def _hidden(
    name: str, labelled: Sequence[Example], among: Sequence[Example], most: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """What other lists say, and the pool: papers of ``name`` among at most ``most`` others."""
    sole = [
        one for one in labelled
        if one.relevant and one.document.abstract and _lists(one) == {name}
    ]  # fmt: skip
    months = {_month(one) for one in sole} & {_month(one) for one in among}
    hidden = [one for one in sole if _month(one) in months]
    others = [one for one in among if _month(one) in months]
    # A paper of this list that another list names too would give the list away: it is in neither.
    known = tuple(one for one in labelled if name not in one.sources)
    return known, (*hidden, *others[:most])


def replay(
    screening: Screening,
    strategy: str,
    taxonomy: Taxonomy,
    options: Options,
    learner: Learner | None = None,
    keywords: Keywords | None = None,
) -> list[bool]:
    """For each paper of the pool, in the order shown, whether it was relevant.

    After each batch the ranker is trained anew on what it started with and all that was shown.
    ``learner`` is of the same screening and ``keywords`` of the same taxonomy, to save their
    making.
    Raises UnknownNameError for a strategy that is not there.
    """
    truth = np.array([one.relevant for one in screening.pool], dtype=bool)
    randomness = np.random.default_rng([screening.seed, 7])
    if strategy in ORDERS:
        return _without_learning(screening, strategy, keywords or Keywords(taxonomy))
    choose = chooser(strategy, KNOWN)
    if strategy == "random":
        return [bool(one) for one in randomness.permutation(truth)]
    learner = learner or Learner(screening, taxonomy)
    shown: list[int] = []
    while truth[shown].sum() < truth.sum():
        left = np.setdiff1d(np.arange(len(truth)), shown)
        likely = learner.likely(left, shown)
        count = min(len(left), batch_size(len(shown), options.first, options.growth))
        places = choose(
            np.stack([1 - likely, likely], axis=1),
            learner.rows(left),
            learner.rows_known(shown) if strategy == "coreset" else None,
            count,
            randomness,
        )
        shown += [int(left[place]) for place in places]
    # When the last relevant paper is found the order of the rest changes nothing.
    return [bool(one) for one in truth[shown]] + [False] * (len(truth) - len(shown))


class Texts:
    """The papers of many screenings as rows, counted once."""

    def __init__(self, documents: Iterable[Document]) -> None:
        every = list({document.id: document for document in documents}.values())
        bare = [document for document in every if document.abstract]
        vectoriser = Vectoriser.fit(every)
        self._rows, self._titles = vectoriser.rows(every), vectoriser.rows(titles_alone(bare))
        self._place = {document.id: place for place, document in enumerate(every)}
        self._title = {document.id: place for place, document in enumerate(bare)}

    def views(self, documents: Sequence[Document]) -> Views:
        """The views of some of them."""
        ids = [document.id for document in documents]
        again = np.array([n for n, id_ in enumerate(ids) if id_ in self._title], dtype=np.int64)
        titles = self._titles[[self._title[ids[n]] for n in again]]
        return Views.of_rows(self._rows[[self._place[id_] for id_ in ids]], titles, again)


def texts_of(screening: Screening, taxonomy: Taxonomy) -> list[Document]:
    """Every text that a screening is learned from."""
    papers = (one.document for one in (*screening.start, *screening.pool))
    return [*leafing.leaf_documents(taxonomy).values(), *papers]


class Learner:
    """A ranker that is trained again and again on a growing part of one pool."""

    def __init__(
        self, screening: Screening, taxonomy: Taxonomy, texts: Texts | None = None
    ) -> None:
        every = [*leafing.leaf_examples(taxonomy), *screening.start, *screening.pool]
        texts = texts or Texts(texts_of(screening, taxonomy))
        self._views = texts.views([one.document for one in every])
        self._before = len(every) - len(screening.pool)
        self._truth = np.array([one.relevant for one in every], dtype=bool)
        known = [importance_of(one) for one in every[: self._before]]
        self._importance = np.array([*known, *(1.0 for _ in screening.pool)])
        self._own = np.arange(len(every)) >= self._before

    def likely(self, left: NDArray[np.int64], shown: Sequence[int]) -> Floats:
        """(L,) probabilities of the papers ``left`` in the pool, once ``shown`` is known."""
        importance = self._importance.copy()
        hidden = np.ones(len(importance), dtype=bool)
        hidden[: self._before] = False
        hidden[self._before + np.array(shown, dtype=np.int64)] = False
        importance[hidden] = 0
        known = self._truth[~hidden]
        if min(known.sum(), (~known).sum()) < FEWEST:
            return np.full(len(left), 0.5)
        weights, constant = self._views.learn(self._truth, importance, self._own)
        return np.asarray(1 / (1 + np.exp(-(self.rows(left) @ weights + constant))))

    def rows(self, places: NDArray[np.int64]) -> Any:
        """The rows of these places of the pool."""
        return self._views.rows[self._before + np.asarray(places, dtype=np.int64)]

    def rows_known(self, shown: Sequence[int]) -> Any:
        """The rows of everything that is decided."""
        places = [*range(self._before), *(self._before + place for place in shown)]
        return self._views.rows[np.array(places, dtype=np.int64)]


def _without_learning(screening: Screening, strategy: str, keywords: Keywords) -> list[bool]:
    newest = sorted(screening.pool, key=lambda one: one.document.id, reverse=True)
    if strategy == "keyword":
        newest.sort(key=lambda one: -keywords.count(one.document.id, one.document.text))
    return [one.relevant for one in newest]


def _lists(example: Example) -> frozenset[str]:
    return example.sources - {CANONICAL}


def _month(example: Example) -> tuple[int, int]:
    day = example.document.day
    return (day.year, day.month) if day else (0, 0)

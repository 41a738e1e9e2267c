"""What is shown next: the candidates that wait for this reviewer, in an order that learns.

Candidates come in batches, small ones at first. Each is ordered anew from all that was decided so
far; within it a paper that somebody decides meanwhile is left out. What orders them is a
``Ranker``; where there is none, or nothing to learn from, the newest come first and ``Batch.note``
says why.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sqlalchemy import select

from registry.core.errors import RegistryError, UnknownNameError
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import Candidate, candidates, described
from registry.store.schema import papers, preprints
from registry.store.standing import Standing, standings
from registry.triage.batches import batch_size
from registry.triage.passes import pass_start, passed_over
from registry.triage.ranked import Ranked

STRATEGIES = (
    "relevance", "uncertainty", "margin", "entropy", "badge", "coreset", "newest", "random",
)  # fmt: skip
_UNLEARNED = ("newest", "random")
BATCH = 20
POOL = 5000  # the newest so many are ordered; a day of arXiv has some hundred


class Ranker(Protocol):
    """What ``registry.triage.ranker`` gives: a model of what was accepted and rejected."""

    def rank(self, candidates: Sequence[Candidate]) -> Sequence[Ranked]:
        """Each candidate with its relevance, leaves and reasons."""

    def pick(
        self, candidates: Sequence[Candidate], strategy: str, count: int
    ) -> Sequence[Candidate]:
        """The ``count`` candidates to judge next, the first one first."""


@dataclass(frozen=True)
class Order:
    """How the queue is ordered, and whose it is."""

    reviewer: str
    strategy: str = "relevance"
    batch: int = BATCH  # at most; an order that learns begins with smaller ones
    double: bool = False  # also what others decided, without saying how

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            listing = "registry triage --help"
            raise UnknownNameError("strategy", self.strategy, STRATEGIES, listing)


@dataclass(frozen=True)
class Item:
    """One candidate as it is shown."""

    candidate: Candidate
    ranked: Ranked | None = None
    standing: Standing = field(default_factory=Standing)
    seen: int = 0  # the newest line of the log on it when it was read
    alike: tuple[tuple[str, str], ...] = ()  # ids that may be the same paper, with the reason

    @property
    def id(self) -> str:
        """The arXiv identifier."""
        return self.candidate.id


@dataclass(frozen=True)
class Batch:
    """The next candidates, how many wait in all, and why the order is not the one asked for."""

    items: tuple[Item, ...] = ()
    waiting: int = 0
    note: str | None = None


@dataclass
class Queue:
    """Gives one item after the other, each at most once in a pass, learning between batches."""

    store: Store
    settings: Settings
    order: Order
    batch: Batch = field(default_factory=Batch)
    _left: list[str] = field(default_factory=list)
    _items: dict[str, Item] = field(default_factory=dict)
    _shown: set[str] = field(default_factory=set)

    def next(self) -> Item | None:
        """The next item, or None where nothing is left in this pass. Raises StoreError."""
        while True:
            if not self._left and not self._refill():
                return None
            item = self._fresh(self._left.pop(0))
            if item is not None:
                self._shown.add(item.id)
                return item

    def put_back(self, id_: str) -> None:
        """Show ``id_`` next, again: its decision was undone, or refused."""
        self._left.insert(0, id_)
        self._shown.discard(id_)

    @property
    def is_due(self) -> bool:
        """Whether the next item needs a new batch, which may take seconds."""
        return not self._left

    @property
    def waiting(self) -> int:
        """How many waited when the batch was made, less those shown since."""
        return max(0, self.batch.waiting - (len(self.batch.items) - len(self._left)))

    def _refill(self) -> bool:
        self.batch = next_batch(self.store, self.settings, self.order, without=self._shown)
        self._items.update({item.id: item for item in self.batch.items})
        self._left = [item.id for item in self.batch.items]
        return bool(self._left)

    def _fresh(self, id_: str) -> Item | None:
        with self.store.read() as connection:
            found = standings(connection, [id_])
            start = pass_start(connection, self.order.reviewer)
        if _hidden(found, self.order, start):
            return None
        item = self._items.get(id_)
        if item is None:  # put back, though it was decided before this session began
            item = one_item(self.store, self.settings, self.order, id_)
            if item is None:
                return None
        shown = _as_shown(item, found.get(id_, Standing()), self.order)
        return replace(shown, alike=alike(self.store, id_))


def next_batch(
    store: Store,
    settings: Settings,
    order: Order,
    count: int | None = None,
    without: Collection[str] = (),
) -> Batch:
    """The first ``count`` items that wait for the reviewer (default: one batch), best first."""
    with store.read() as connection:
        found = standings(connection)
        start = pass_start(connection, order.reviewer)
    size = _size(found, order) if count is None else count
    hidden = _hidden(found, order, start) | set(without)
    judged = _judged_by_others(found, order) - hidden
    # Drawn by lot: the ranking has learnt from the decision that they must not know.
    second = sorted(described(store, judged), key=lambda c: _lot(start, c.id))
    apart = hidden | judged
    pool = [c for c in candidates(store, POOL + len(apart)) if c.id not in apart]
    room = max(size - len(second), 0)
    chosen, ranked, note = _chosen(store, settings, order, pool, room, seed=start)
    items = [
        _as_shown(Item(c, ranked.get(c.id)), found.get(c.id, Standing()), order)
        for c in [*second[:size], *chosen]
    ]
    return Batch(tuple(items), len(judged) + len(pool), note)


def waiting(store: Store, order: Order) -> tuple[int, int]:
    """How many wait for the reviewer in this pass, and how many were passed over in it."""
    with store.read() as connection:
        found = standings(connection)
        start = pass_start(connection, order.reviewer)
        known = select(preprints.c.id).where(preprints.c.id.not_in(select(papers.c.id)))
        waits = set(connection.execute(known).scalars())
    waits -= {id_ for id_, s in found.items() if s.state in ("rejected", "duplicate")}
    hidden = _hidden(found, order, start)
    passed = passed_over(found, order.reviewer, start) & waits
    return len((waits | _judged_by_others(found, order)) - hidden), len(passed)


def one_item(store: Store, settings: Settings, order: Order, id_: str) -> Item | None:
    """``id_`` as the queue would show it, whether it waits or not; None where it is unknown."""
    with store.read() as connection:
        found = standings(connection, [id_])
    known = described(store, [id_])
    if not known:
        return None
    ranker, _ = load_ranker(store, settings)
    ranked = ranker.rank(known)[0] if ranker else None
    shown = _as_shown(Item(known[0], ranked), found.get(id_, Standing()), order)
    return replace(shown, alike=alike(store, id_))


def alike(store: Store, id_: str) -> tuple[tuple[str, str], ...]:
    """What may be the same paper as ``id_``, by identifier, each with what speaks for it."""
    try:
        module = importlib.import_module("registry.store.duplicates")
    except ModuleNotFoundError:
        return ()
    with store.read() as connection:
        pairs = module.suggestions(connection, [id_])
    return tuple((pair.other if pair.one == id_ else pair.one, pair.reason) for pair in pairs)


def load_ranker(store: Store, settings: Settings) -> tuple[Ranker | None, str | None]:
    """The ranker trained on what was decided, or None and why there is none."""
    try:
        module = importlib.import_module("registry.triage.ranker")
        ranker: Ranker = module.load_or_train(store, settings)
        return ranker, None
    except ModuleNotFoundError as error:
        return None, f"no ranking: {error.name} is not installed"
    except RegistryError as error:
        return None, f"no ranking: {error}"


def _size(found: dict[str, Standing], order: Order) -> int:
    if order.strategy in _UNLEARNED:
        return order.batch
    judged = sum(one.state in ("accepted", "rejected") for one in found.values())
    return min(order.batch, batch_size(judged))


def _hidden(found: dict[str, Standing], order: Order, start: int) -> set[str]:
    over = passed_over(found, order.reviewer, start)
    for id_, standing in found.items():
        own = standing.vote_of(order.reviewer)
        if order.double:
            decided = own is not None and own.verdict is not None
        else:
            decided = standing.state not in ("open", "maybe")
        if decided:
            over.add(id_)
    return over


def _judged_by_others(found: dict[str, Standing], order: Order) -> set[str]:
    """What a second reviewer has to judge, whether or not it left the queue of the first."""
    if not order.double:
        return set()
    return {id_ for id_, standing in found.items() if standing.votes_of_others(order.reviewer)}


def _as_shown(item: Item, standing: Standing, order: Order) -> Item:
    seen = max((line.id for line in standing.live), default=0)
    # Who judges a second time must not know what the first one said.
    told = Standing() if order.double else standing
    return replace(item, standing=told, seen=seen)


def _chosen(
    store: Store, settings: Settings, order: Order, pool: list[Candidate], count: int, seed: int
) -> tuple[list[Candidate], dict[str, Ranked], str | None]:
    """The first ``count`` of ``pool``, what the ranker says of them, and what went wrong."""
    if not pool or not count:
        return [], {}, None
    ranker, note = load_ranker(store, settings)
    newest = sorted(pool, key=lambda c: (-c.published.timestamp(), c.id))
    if order.strategy == "random":
        chosen = sorted(pool, key=lambda c: _lot(seed, c.id))[:count]
        note = None
    elif order.strategy == "newest" or ranker is None:
        chosen = newest[:count]
        note = None if order.strategy == "newest" else f"{note}; the newest come first"
    else:
        chosen = list(ranker.pick(newest, order.strategy, count))
        ranked = {found.id: found for found in ranker.rank(chosen)}
        if not all(found.abstains for found in ranked.values()):
            return chosen, ranked, None
        chosen = newest[:count]
        note = "no ranking: too little was decided to learn from; the newest come first"
    return chosen, {found.id: found for found in ranker.rank(chosen)} if ranker else {}, note


def _lot(seed: int, id_: str) -> str:
    # The same order for a whole pass, however often it is taken up again.
    return hashlib.sha256(f"{seed}:{id_}".encode()).hexdigest()

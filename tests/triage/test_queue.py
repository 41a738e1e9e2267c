from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from registry.core.errors import UnknownNameError, UsageError
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.triage import decisions, queue
from registry.triage.accept import Proposal, accept
from registry.triage.passes import start_pass
from registry.triage.queue import Order, Queue, next_batch, waiting
from registry.triage.turns import By
from registry.triage.undo import undo
from tests.triage.waiting import LastDigits, put

ANN, BOB = By("ann"), By("bob")
FIRST, GONE = "2603.00001", "2603.00002"  # the fixture's own


@pytest.fixture
def ranker(monkeypatch: pytest.MonkeyPatch) -> LastDigits:
    made = LastDigits()
    monkeypatch.setattr(queue, "load_ranker", lambda store, settings: (made, None))
    return made


@pytest.fixture
def no_ranker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "load_ranker", lambda store, settings: (None, "no ranking: x"))


def shown(store: Store, settings: Settings, order: Order) -> list[str]:
    made = Queue(store, settings, order)
    return [item.id for item in iter(made.next, None)]


def test_what_is_most_relevant_comes_first(
    store: Store, settings: Settings, ranker: LastDigits
) -> None:
    ids = put(store, 4)

    assert shown(store, settings, Order("ann", batch=2)) == [*reversed(ids), GONE, FIRST]
    assert shown(store, settings, Order("ann", "uncertainty")) == [FIRST, GONE, *ids]


def test_without_a_ranker_the_newest_come_first_and_a_note_says_why(
    store: Store, settings: Settings, no_ranker: None
) -> None:
    ids = put(store, 3)

    batch = next_batch(store, settings, Order("ann"), 5)

    assert [item.id for item in batch.items] == [*reversed(ids), FIRST, GONE]
    assert batch.note == "no ranking: x; the newest come first"
    assert next_batch(store, settings, Order("ann", "newest")).note is None


def test_a_ranker_that_learnt_nothing_does_not_order(
    store: Store, settings: Settings, ranker: LastDigits
) -> None:
    ids = put(store, 3)
    ranker.abstains = True

    batch = next_batch(store, settings, Order("ann"), 3)

    assert [item.id for item in batch.items] == ids[::-1]
    assert "too little was decided" in (batch.note or "")


def test_a_random_order_is_the_same_for_a_whole_pass(
    store: Store, settings: Settings, no_ranker: None
) -> None:
    put(store, 12)
    order = Order("ann", "random", batch=5)

    one, two = shown(store, settings, order), shown(store, settings, order)
    assert (one, sorted(one)) == (two, sorted(shown(store, settings, Order("ann", "newest"))))
    decisions.skip(store, settings, one[0], by=ANN)
    start_pass(store, "ann")
    assert shown(store, settings, order) != one


def test_each_batch_is_ordered_from_what_was_decided_before(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, 38)
    loads: list[int] = []

    def load(store: Store, settings: Settings) -> tuple[LastDigits, None]:
        loads.append(waiting(store, Order("ann"))[0])
        return LastDigits(), None

    monkeypatch.setattr(queue, "load_ranker", load)
    made = Queue(store, settings, Order("ann", batch=3))
    while item := made.next():
        decisions.reject(store, settings, item.id, "off", by=ANN)

    # Two at a time; after thirty decisions a tenth of them, which is as many as were asked for.
    assert loads == [*range(40, 10, -2), *range(10, 0, -3)]


def test_an_order_that_learns_nothing_needs_no_small_batches(
    store: Store, settings: Settings, no_ranker: None
) -> None:
    put(store, 9)
    assert len(next_batch(store, settings, Order("ann", "newest", batch=5)).items) == 5
    assert len(next_batch(store, settings, Order("ann", "uncertainty", batch=5)).items) == 2


def test_nothing_decided_or_skipped_is_shown_twice_in_a_pass(
    store: Store, settings: Settings, no_ranker: None
) -> None:
    ids = put(store, 4)
    decisions.reject(store, settings, ids[0], "off", by=ANN)
    decisions.skip(store, settings, ids[1], by=ANN)
    decisions.maybe(store, settings, ids[2], "later", by=ANN)
    decisions.duplicate(store, settings, ids[3], FIRST, by=ANN)
    order = Order("ann", "newest")

    assert shown(store, settings, order) == [FIRST, GONE]
    assert waiting(store, order) == (2, 2)

    start_pass(store, "ann")
    assert shown(store, settings, order) == [ids[2], ids[1], FIRST, GONE]


def test_what_one_reviewer_skips_another_is_shown(
    store: Store, settings: Settings, no_ranker: None
) -> None:
    decisions.skip(store, settings, FIRST, by=ANN)

    assert shown(store, settings, Order("bob", "newest")) == [FIRST, GONE]


def test_what_somebody_decides_meanwhile_is_left_out_of_the_batch(
    store: Store, settings: Settings, no_ranker: None
) -> None:
    ids = put(store, 3)
    made = Queue(store, settings, Order("ann", "newest"))
    first = made.next()
    assert first is not None and first.id == ids[2]

    decisions.reject(store, settings, ids[1], "off", by=BOB)

    following = made.next()
    assert following is not None and following.id == ids[0]


def test_what_is_undone_is_shown_next(store: Store, settings: Settings, no_ranker: None) -> None:
    ids = put(store, 2)
    made = Queue(store, settings, Order("ann", "newest"))
    first = made.next()
    assert first is not None
    decisions.reject(store, settings, first.id, "off", by=ANN)
    undo(store, settings, ANN)
    made.put_back(first.id)

    assert [item.id for item in iter(made.next, None)] == [ids[1], ids[0], FIRST, GONE]


def test_a_second_reviewer_judges_what_the_first_decided_without_knowing_how(
    store: Store, settings: Settings, ranker: LastDigits
) -> None:
    accept(store, settings, FIRST, Proposal("fruit/apples", GIST), by=ANN)
    decisions.reject(store, settings, GONE, "withdrawn", by=ANN)
    order = Order("bob", "newest", double=True)

    batch = next_batch(store, settings, order)
    assert sorted(item.id for item in batch.items) == [FIRST, GONE]
    assert [(item.standing.votes, item.ranked) for item in batch.items] == [((), None)] * 2
    assert waiting(store, order) == (2, 0)
    assert shown(store, settings, Order("bob", "newest")) == []

    decisions.reject(store, settings, FIRST, "too-thin", by=By("bob", beside=True))
    assert shown(store, settings, order) == [GONE]


def test_a_missing_ranker_is_said_not_raised(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Module:
        @staticmethod
        def load_or_train(store: Store, settings: Settings) -> None:
            raise UsageError("two labels are needed")

    def module(load: Callable[[str], object]) -> None:
        monkeypatch.setattr(queue, "importlib", SimpleNamespace(import_module=load))

    module(lambda name: Module)
    assert queue.load_ranker(store, settings) == (None, "no ranking: two labels are needed")

    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")

    module(absent)
    assert queue.load_ranker(store, settings) == (None, "no ranking: sklearn is not installed")


def test_an_unknown_strategy_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'newest'"):
        Order("ann", "newset")


GIST = "Nothing grows from made-up seeds, and the authors say so at length."

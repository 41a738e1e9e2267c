"""What happens to a paper over its versions, however the news of it arrive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

from registry.core.ids import ArxivId
from registry.ingest.harvest import harvest_ids
from registry.ingest.limiter import Limiter
from registry.store.engine import Store
from registry.store.queries import candidate, changes
from tests.fake_arxiv import FakeArxiv, Work, corpus
from tests.faults.ingest.walks import client

[WORK] = corpus(1)


def later(work: Work, version: int, **changed: object) -> Work:
    moment = work.published + timedelta(days=7 * (version - 1))
    return replace(work, version=version, updated=moment, **changed)  # type: ignore[arg-type]


def see(works: list[Work], store: Store, limiter: Limiter) -> None:
    """Ask for the paper as it is when only ``works`` are out."""
    with FakeArxiv(works) as service:
        summary = harvest_ids(store, client(service, limiter), [ArxivId(WORK.id)])
    assert summary.failure is None


def kinds(store: Store) -> list[tuple[int, str]]:
    return sorted((event.version, event.kind) for event in changes(store, [WORK.id]))


def test_withdrawn_and_then_not(store: Store, limiter: Limiter) -> None:
    gone = later(WORK, 2, comment="This paper has been withdrawn by the author")
    back = later(WORK, 3, comment="Restored, with corrections")

    see([WORK], store, limiter)
    see([WORK, gone], store, limiter)
    assert candidate(store, WORK.id).withdrawn
    see([WORK, gone, back], store, limiter)

    assert candidate(store, WORK.id).withdrawn is None
    assert kinds(store) == [(2, "withdrawn"), (3, "restored")]


def test_a_gap_between_versions_is_no_loss(store: Store, limiter: Limiter) -> None:
    third = later(WORK, 3, title="The third name")
    see([WORK], store, limiter)
    see([WORK, third], store, limiter)
    assert kinds(store) == [(3, "gap"), (3, "title")]

    second = later(WORK, 2, title="The second name")
    with FakeArxiv([WORK, second, third]) as service:
        harvest_ids(store, client(service, limiter), [ArxivId(WORK.id, 2)])

    assert candidate(store, WORK.id).version == 3
    assert kinds(store) == [(2, "title"), (3, "title")]


def test_a_primary_category_that_changes_is_the_one_shown(
    store: Store, limiter: Limiter, set_clock: Callable[[datetime], None]
) -> None:
    first, second = WORK.categories
    set_clock(WORK.published + timedelta(days=30))
    see([WORK], store, limiter)
    set_clock(WORK.published + timedelta(days=31))
    see([replace(WORK, categories=(second, first))], store, limiter)

    assert candidate(store, WORK.id).categories == (second, first)


def test_versions_in_any_order_leave_the_same(store: Store, limiter: Limiter) -> None:
    history = [
        WORK,
        later(WORK, 2, title="Another"),
        later(WORK, 3, title="Another", comment="withdrawn by the author"),
    ]
    outcomes = set()
    for order in permutations(history):
        for work in order:
            with FakeArxiv(list(history)) as service:
                named = [ArxivId(work.id, work.version)]
                harvest_ids(store, client(service, limiter), named)
        outcomes.add((str(candidate(store, WORK.id).title), tuple(kinds(store))))

    assert outcomes == {("Another", ((2, "title"), (3, "withdrawn")))}


def test_a_paper_that_is_not_returned_any_more_is_kept_and_named(
    store: Store, limiter: Limiter
) -> None:
    see([WORK], store, limiter)
    with FakeArxiv([]) as service:
        summary = harvest_ids(store, client(service, limiter), [ArxivId(WORK.id)])

    assert summary.missing == [WORK.id]
    assert summary.failure.exit_code == 3
    assert candidate(store, WORK.id) is not None

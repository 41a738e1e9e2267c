from __future__ import annotations

from collections.abc import Callable

from registry.core.errors import PartialError
from registry.core.ids import ArxivId
from registry.ingest.arxiv_api import Client
from registry.ingest.harvest import harvest_ids
from registry.store.engine import Store
from registry.store.queries import candidates, changes
from tests.fake_arxiv import FakeArxiv, corpus

Make = Callable[..., Client]


def stored(store: Store) -> set[str]:
    return {c.id for c in candidates(store)}


def everything(service: FakeArxiv) -> set[str]:
    return {work.id for work in service.works}


def test_ids_are_fetched_by_the_hundred(client_of: Make, store: Store) -> None:
    with FakeArxiv(corpus(230)) as service:
        wanted = [ArxivId(work.id) for work in service.works]
        summary = harvest_ids(store, client_of(service), [*wanted, *wanted[:5]])

        assert stored(store) == everything(service)
    assert (summary.requests, summary.done, summary.counts.new) == (3, 3, 230)
    assert summary.failure is None


def test_ids_that_do_not_come_are_named_and_partial(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    wanted = [ArxivId(service.works[0].id), ArxivId("2603.99999")]

    summary = harvest_ids(store, client_of(service), wanted)

    assert summary.missing == ["2603.99999"]
    assert (summary.failure.exit_code, summary.counts.new) == (3, 1)


def test_a_hundred_ids_that_cannot_be_had_cost_the_others_nothing(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.works = corpus(250)
    asked = [ArxivId(work.id) for work in service.works]
    service.faults = [None, "500", None]

    summary = harvest_ids(store, client_of(service, tries=1), asked)

    assert (summary.done, summary.left, len(stored(store))) == (2, 1, 150)
    assert isinstance(summary.failure, PartialError)
    assert "1 not reached; arXiv answered HTTP 500" in str(summary.failure)


def test_ids_of_a_service_that_is_down_are_not_asked_for_to_the_end(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.fault = "500"
    asked = [ArxivId(f"2603.{number:05d}") for number in range(1, 901)]

    summary = harvest_ids(store, client_of(service, tries=1), asked)

    assert (summary.done, summary.left, summary.requests) == (0, 9, 3)
    assert summary.failure is not None
    assert summary.failure.exit_code == 1


def test_a_rate_limit_among_ids_keeps_the_batches_before_it(client_of: Make, store: Store) -> None:
    with FakeArxiv(corpus(230)) as service:
        service.faults = [None, "429"]
        summary = harvest_ids(store, client_of(service), [ArxivId(w.id) for w in service.works])

    assert (summary.done, summary.left, len(stored(store))) == (1, 2, 100)
    assert summary.failure.exit_code == 4


def test_an_id_whose_entry_cannot_be_read_stops_no_other_and_is_not_unseen(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    asked = [ArxivId(work.id) for work in service.works[:3]]
    harvest_ids(store, client_of(service), asked, watched=True)
    service.fault = "no-published"

    summary = harvest_ids(store, client_of(service, tries=1), asked, watched=True)

    assert (summary.done, summary.left, summary.missing, summary.unread) == (1, 0, [], 1)
    assert summary.counts.unchanged == 2
    assert isinstance(summary.failure, PartialError)
    assert changes(store) == []

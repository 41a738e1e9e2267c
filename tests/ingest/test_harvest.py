from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from registry.core.errors import PartialError, RateLimitedError, UsageError
from registry.ingest import ledger
from registry.ingest.arxiv_api import Client
from registry.ingest.harvest import harvest_query, plan
from registry.store.engine import Store
from registry.store.preprints import Counts
from registry.store.queries import candidates, changes
from registry.store.schema import fetches, papers, sightings
from tests.fake_arxiv import FakeArxiv, corpus, revised

Make = Callable[..., Client]
SINCE, UNTIL = date(2026, 3, 2), date(2026, 3, 29)  # four whole weeks
QUERY = "cat:cs.LG OR cat:cs.CL OR cat:stat.ML"


def stored(store: Store) -> set[str]:
    return {c.id for c in candidates(store)}


def everything(service: FakeArxiv) -> set[str]:
    return {work.id for work in service.works}


def test_a_query_is_walked_week_by_week(service: FakeArxiv, client_of: Make, store: Store) -> None:
    summary = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    assert stored(store) == everything(service)
    assert (summary.done, summary.suspect, summary.left, summary.requests) == (4, 0, 0, 4)
    assert summary.counts == Counts(new=60)
    assert summary.failure is None
    assert service.requests[0]["search_query"] == (
        f"({QUERY}) AND submittedDate:[202603020000 TO 202603082359]"
    )


def test_the_same_command_again_asks_nothing_and_changes_nothing(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    again = harvest_query(store, client_of(service), f"  {QUERY} ", SINCE, UNTIL)

    assert (again.current, again.requests, again.counts) == (4, 0, Counts())


def test_a_new_version_is_an_update_and_an_event(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    harvest_query(store, client_of(service), QUERY, SINCE, UNTIL, "week")
    work = service.works[0]
    service.works.append(revised(work, title="Quite another name"))

    # Another source: these weeks were fetched today.
    summary = harvest_query(store, client_of(service), f"({QUERY})", SINCE, UNTIL)

    assert (summary.counts.new, summary.counts.updated, summary.counts.retitled) == (0, 1, 1)
    assert [e.detail for e in changes(store, [work.id])] == [
        {"from": work.title, "to": "Quite another name"}
    ]


def test_what_the_catalog_has_is_no_candidate(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    known = service.works[3].id
    row = {"id": known, "kind": "paper", "title": "Ours", "former_titles": [], "authors": [],
           "submitted": SINCE, "categories": [], "gist": "g", "claims": [],
           "status": "active"}  # fmt: skip
    with store.write() as connection:
        connection.execute(papers.insert(), row)

    summary = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    assert summary.counts.catalogued == 1
    assert stored(store) == everything(service) - {known}
    with store.read() as connection:
        seen = connection.execute(select(sightings.c.preprint_id)).scalars().all()
        assert connection.execute(select(papers.c.title)).scalar() == "Ours"
    assert known in seen


def test_a_slice_with_too_many_is_cut_until_it_fits(
    client_of: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.ingest.arxiv_api.MOST_A_QUERY", 12)
    monkeypatch.setattr(Client.search, "__defaults__", (12,))
    with FakeArxiv(corpus(60)) as service:
        summary = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)
        again = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

        assert stored(store) == everything(service)
    assert (summary.done, summary.suspect) == (4, 0)
    assert summary.requests > 8
    assert again.requests == 0
    [state] = ledger.source_states(store)
    assert (state.suspect, state.pending, state.preprints) == (0, 0, 60)


def test_the_pauses_between_tries_are_seconds_waited(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.faults = ["truncated", "truncated"]

    summary = harvest_query(store, client_of(service, backoff_seconds=40.0), QUERY, SINCE, UNTIL)

    # 40 and 80 seconds, each times 0.5 to 1.5; nothing sleeps here.
    assert summary.failure is None
    assert 60.0 <= summary.waited_seconds <= 181.0


@pytest.mark.parametrize("fault", ["wrong-total", "truncated", "html", "empty"])
def test_a_bad_week_is_suspect_and_the_others_are_done(
    service: FakeArxiv, client_of: Make, store: Store, fault: str
) -> None:
    service.faults = [None, fault, fault]

    summary = harvest_query(store, client_of(service, tries=2), QUERY, SINCE, UNTIL)

    assert (summary.done, summary.suspect) == (3, 1)
    assert isinstance(summary.failure, PartialError)
    second_week = {w.id for w in service.works if 9 <= w.published.day < 16}
    assert stored(store) == everything(service) - second_week
    [state] = ledger.source_states(store)
    assert [str(w.slice) for w in state.troubles] == ["2026-03-09..2026-03-15"]

    soon = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)
    assert (soon.requests, soon.current, soon.suspect) == (0, 3, 1)
    assert "2026-03-09..2026-03-15: " in soon.notes[0]
    assert isinstance(soon.failure, PartialError)
    mended = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL, retry=True)
    assert (mended.done, mended.failure) == (1, None)
    assert stored(store) == everything(service)


def test_an_entry_that_cannot_be_read_makes_its_week_suspect_and_costs_no_other(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.faults = [None, "no-published"]

    summary = harvest_query(store, client_of(service, tries=1), QUERY, SINCE, UNTIL)

    assert (summary.done, summary.suspect, summary.unread) == (3, 1, 1)
    assert isinstance(summary.failure, PartialError)
    assert "1 entry cannot be read: the entry http://arxiv.org/abs/" in summary.notes[0]
    assert len(stored(store)) == 59

    mended = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL, retry=True)
    assert (mended.done, mended.failure) == (1, None)
    assert stored(store) == everything(service)


def test_a_part_of_a_slice_that_fails_keeps_the_slice_suspect_until_it_is_whole(
    client_of: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client.search, "__defaults__", (12,))
    week = (SINCE, SINCE + timedelta(days=6))
    with FakeArxiv(corpus(60)) as service:
        due = {w.id for w in service.works if w.published.day < 9}
        service.faults = [None, "html"]  # the whole week is too much; its first half fails
        first = harvest_query(store, client_of(service, tries=1), QUERY, *week)
        assert (first.suspect, len(stored(store) & due) < len(due)) == (1, True)

        service.faults = [None, "html"]
        again = harvest_query(store, client_of(service, tries=1), QUERY, *week, retry=True)
        assert (again.done, again.suspect) == (0, 1)

        mended = harvest_query(store, client_of(service), QUERY, *week, retry=True)
        assert (mended.done, mended.failure) == (1, None)
        assert stored(store) == due
    [state] = ledger.source_states(store)
    assert (state.suspect, state.pending) == (0, 0)


def test_parts_that_hold_less_than_the_slice_make_it_suspect(
    client_of: Make, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client.search, "__defaults__", (12,))
    week = (SINCE, SINCE + timedelta(days=6))
    with FakeArxiv(corpus(60)) as service:
        total = sum(w.published.day < 9 for w in service.works)
        service.faults = [None, "nothing"]

        summary = harvest_query(store, client_of(service), QUERY, *week)

        assert (summary.done, summary.suspect) == (0, 1)
        assert f"where arXiv counts {total}" in summary.notes[-1]


def test_duplicates_across_pages_are_noticed(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.faults = [None, "duplicate"]  # the second page of the first week
    summary = harvest_query(store, client_of(service, page_size=8), QUERY, SINCE, UNTIL)

    assert summary.suspect == 1
    assert "different papers came where arXiv counts" in summary.notes[0]


def test_a_date_filter_that_is_ignored_is_noticed(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.faults = ["ignores-dates"]
    summary = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    assert summary.suspect == 1
    assert "the date filter was ignored" in summary.notes[0]


def test_a_sort_that_is_ignored_does_no_harm(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.fault = "reversed"

    assert harvest_query(store, client_of(service), QUERY, SINCE, UNTIL).failure is None
    assert stored(store) == everything(service)


def test_an_empty_week_among_full_ones_is_suspect(client_of: Make, store: Store) -> None:
    works = [w for w in corpus(60) if not 16 <= w.published.day < 23]
    with FakeArxiv(works) as service:
        summary = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    assert (summary.done, summary.suspect) == (3, 1)
    assert "no paper at all" in summary.notes[0]
    assert summary.failure.exit_code == 3


def test_a_rate_limit_stops_the_walk_and_keeps_what_came(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.faults = [None, "429:3600"]

    summary = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    assert (summary.done, summary.left) == (1, 3)
    assert isinstance(summary.failure, RateLimitedError)
    assert summary.failure.exit_code == 4
    assert stored(store) == {w.id for w in service.works if w.published.day < 9}
    assert [due for _, due in plan(store, QUERY, SINCE, UNTIL)] == [False, True, True, True]


def test_the_requests_allowed_are_not_exceeded_and_the_rest_comes_later(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    first = harvest_query(store, client_of(service, most_requests=3), QUERY, SINCE, UNTIL)
    second = harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    assert (first.done, first.left, first.failure.exit_code) == (3, 1, 3)
    assert (second.done, second.current, second.requests) == (1, 3, 1)
    assert stored(store) == everything(service)


def test_a_query_arxiv_refuses_stops_at_once(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    summary = harvest_query(store, client_of(service), "nosuchfield:x", SINCE, UNTIL)

    assert (summary.done, summary.left, summary.requests) == (0, 4, 1)
    assert "unknown field nosuchfield" in str(summary.failure)


def test_a_service_that_is_down_is_left_alone_after_three_weeks(
    service: FakeArxiv, client_of: Make, store: Store
) -> None:
    service.fault = "500"

    summary = harvest_query(store, client_of(service, tries=1), QUERY, SINCE, UNTIL)

    assert (summary.suspect, summary.left, len(service.requests)) == (3, 1, 3)
    assert "seems down" in str(summary.failure)


@pytest.mark.parametrize(
    ("query", "words"),
    [("  ", "empty"), ("ti:a AND submittedDate:[1 TO 2]", "--since"), ("(ti:a", "bracket"),
     ('abs:"a', "quote")],
)  # fmt: skip
def test_a_query_that_cannot_be_right_is_refused_here(
    service: FakeArxiv, client_of: Make, store: Store, query: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        harvest_query(store, client_of(service), query, SINCE, UNTIL)

    assert service.requests == []


def test_a_plan_changes_nothing(store: Store) -> None:
    assert [due for _, due in plan(store, QUERY, SINCE, UNTIL)] == [True] * 4
    assert ledger.source_states(store) == []


def test_every_request_is_in_the_log(service: FakeArxiv, client_of: Make, store: Store) -> None:
    service.faults = [None, "html"]
    harvest_query(store, client_of(service), QUERY, SINCE, UNTIL)

    with store.read() as connection:
        rows = connection.execute(select(fetches.c.status, fetches.c.error)).all()
    assert len(rows) == len(service.requests) == 5
    assert [row.error is None for row in rows] == [True, False, True, True, True]

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.index import catch_up
from registry.store.preprints import Counts, Preprint, put_preprints
from registry.store.queries import abstracts, candidate, candidates, changes, decide, decisions_on
from registry.store.schema import (
    documents,
    events,
    preprints,
    sightings,
    sources,
    versions,
)
from tests.store.filed import DERIVED, filed

START = datetime(2026, 3, 2, tzinfo=UTC)


def put(store: Store, *records: Preprint, source: int = 1) -> Counts:
    with store.write() as connection:
        return put_preprints(connection, records, source)


def test_a_preprint_becomes_a_candidate_with_its_abstract(
    store: Store, source_id: int, preprint
) -> None:
    counts = put(store, preprint(abstract="We measure twice."))

    assert counts == Counts(new=1)
    assert [(c.id, c.abstract, c.version) for c in candidates(store)] == [
        ("2603.00001", "We measure twice.", 1)
    ]
    assert abstracts(store, ["2603.00001", "2603.00002"]) == {"2603.00001": "We measure twice."}


def test_the_same_preprint_twice_is_there_once(store: Store, source_id: int, preprint) -> None:
    put(store, preprint())

    again = put(store, preprint(), preprint())

    assert again == Counts(unchanged=1)
    assert len(candidates(store)) == 1


def test_a_new_version_is_recorded_and_becomes_the_one_shown(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(title="An early name"))

    counts = put(store, preprint(version=3, title="A better name"))

    found = candidate(store, "2603.00001")
    assert counts == Counts(updated=1, retitled=1)
    assert (found.version, found.title, found.former_titles) == (
        3, "A better name", ("An early name",),
    )  # fmt: skip
    assert {(e.kind, e.version): e.detail for e in changes(store)} == {
        ("title", 3): {"from": "An early name", "to": "A better name"},
        ("gap", 3): {"missing": [2]},
    }


def test_an_older_version_that_arrives_late_does_not_win(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(version=2, title="The second"))
    put(store, preprint(version=1, title="The first"))

    assert candidate(store, "2603.00001").title == "The second"
    assert [e.detail for e in changes(store)] == [{"from": "The first", "to": "The second"}]


def test_an_abstract_that_changed_says_by_how_much(store: Store, source_id: int, preprint) -> None:
    put(
        store,
        preprint(version=1, abstract="one two three four"),
        preprint(version=2, abstract="one two three five"),
    )

    assert [(e.kind, e.detail) for e in changes(store)] == [("abstract", {"changed": 0.25})]


def test_withdrawn_and_restored_are_events(store: Store, source_id: int, preprint) -> None:
    put(
        store,
        preprint(version=1),
        preprint(version=2, withdrawn="withdrawn by the author"),
        preprint(version=3),
    )

    assert [(e.version, e.kind) for e in changes(store)] == [(3, "restored"), (2, "withdrawn")]
    assert candidate(store, "2603.00001").withdrawn is None


def test_a_record_seen_earlier_than_the_one_stored_changes_nothing(
    store: Store, source_id: int, preprint
) -> None:
    now = preprint().seen_at
    put(store, preprint(comment="10 pages", seen_at=now))
    put(store, preprint(comment="9 pages", seen_at=now - timedelta(days=1)))

    assert candidate(store, "2603.00001").comment == "10 pages"


def test_a_source_that_sees_a_preprint_again_moves_only_the_last_sighting(
    store: Store, source_id: int, preprint
) -> None:
    first, later = preprint().seen_at, preprint().seen_at + timedelta(days=9)
    put(store, preprint(seen_at=later))
    put(store, preprint(seen_at=first))

    with store.read() as connection:
        [row] = connection.execute(select(sightings))
    assert (row.first_seen, row.last_seen) == (first, later)


def test_more_records_than_one_statement_takes_are_stored(
    store: Store, source_id: int, preprint
) -> None:
    counts = put(store, *(preprint(f"2603.{n:05d}") for n in range(1, 1204)))

    assert counts.new == 1203
    assert len(abstracts(store, [c.id for c in candidates(store)])) == 1203
    assert len(candidates(store, limit=5)) == 5


def test_a_rejected_preprint_is_no_candidate_until_the_decision_is_taken_back(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint())

    with store.write() as connection:
        decide(connection, "2603.00001", "reject", "off topic", {})
    assert candidates(store) == []
    put(store, preprint(version=2))
    assert candidates(store) == []

    assert [(d.decision, d.reason) for d in decisions_on(store, "2603.00001")] == [
        ("reject", "off topic")
    ]


# -- order does not matter -----------------------------------------------------------------------

moments = st.integers(0, 3).map(lambda days: START + timedelta(days=days))
records = st.builds(
    Preprint,
    id=st.sampled_from(["2603.00001", "2603.00002"]),
    version=st.integers(1, 3),
    title=st.sampled_from(["One name", "Another name"]),
    abstract=st.sampled_from(["", "We measure."]),
    authors=st.just(("Ada Example",)),
    categories=st.sampled_from([("cs.LG",), ("cs.CL", "cs.LG")]),
    published=st.just(START),
    updated=st.just(START),
    seen_at=moments,
    withdrawn=st.sampled_from([None, "withdrawn"]),
)


def everything(store: Store) -> dict[str, Any]:
    catch_up(store)
    with store.read() as connection:
        rows = {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in (preprints, versions, events, sightings)
        }
        found = select(*(c for c in documents.c if c.name != "id"))
        return {
            **rows,
            "documents": sorted(map(repr, connection.execute(found))),
            "index": filed(connection),
        }


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Store]:
    folder: Path = tmp_path_factory.mktemp("two")
    opened = []
    for name in ("one", "two"):
        place = dataclasses.replace(
            Settings.load(folder), database_url=f"sqlite:///{folder}/{name}.db"
        )
        opened.append(open_store(place))
        with opened[-1].write() as connection:
            row = {"id": 1, "kind": "ids", "query": "", "query_sha256": "", "created": START}
            connection.execute(sources.insert(), row)
    return opened[0], opened[1]


@settings(max_examples=60, suppress_health_check=[*HealthCheck])
@given(data=st.data(), batch=st.lists(records, max_size=8))
def test_any_order_and_grouping_of_arrival_gives_the_same_rows(
    two_stores: tuple[Store, Store], data: st.DataObject, batch: list[Preprint]
) -> None:
    one, two = two_stores
    for store in two_stores:
        with store.write() as connection:
            for table in (events, sightings, versions, preprints, *DERIVED):
                connection.execute(delete(table))

    put(one, *batch)
    for record in data.draw(st.permutations(batch + batch[:2])):
        put(two, record)

    assert everything(one) == everything(two)

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from registry.core.settings import Settings
from registry.store.arrivals import Arrival, Revision, note_absence, put_arrivals, see
from registry.store.engine import Store, open_store
from registry.store.history_schema import absences, primaries, revisions
from registry.store.notices import new_events, note_told
from registry.store.preprints import Counts, Preprint
from registry.store.queries import candidate, candidates, changes
from registry.store.schema import (
    documents,
    events,
    preprints,
    sightings,
    sources,
    versions,
)
from tests.store.conftest import START

ID = "2603.00001"
DAY = timedelta(days=1)


def put(store: Store, *arrivals: Arrival | Preprint) -> Counts:
    made = [a if isinstance(a, Arrival) else Arrival(a) for a in arrivals]
    with store.write() as connection:
        return put_arrivals(connection, made, 1)


def told(store: Store) -> dict[tuple[int, str], Any]:
    return {(e.version, e.kind): e.detail for e in changes(store)}


def test_a_text_without_a_version_counts_as_the_first(
    store: Store, source_id: int, preprint
) -> None:
    counts = put(store, Arrival(preprint(title="A made-up name"), stated=False))

    assert counts.new == 1
    assert [(c.version, c.title) for c in candidates(store)] == [(1, "A made-up name")]


@pytest.mark.parametrize("first", ["stated", "unstated"])
def test_it_gives_way_to_a_text_with_one_whichever_comes_first(
    store: Store, source_id: int, preprint, first: str
) -> None:
    pair = [
        Arrival(preprint(version=3, title="As it is now")),
        Arrival(preprint(title="As it was", seen_at=START + 90 * DAY), stated=False),
    ]
    for arrival in pair if first == "stated" else pair[::-1]:
        put(store, arrival)

    assert [(c.version, c.title) for c in candidates(store)] == [(3, "As it is now")]
    assert told(store) == {}
    with store.read() as connection:
        [row] = connection.execute(select(versions))
        [seen] = connection.execute(select(sightings))
    assert row.version == 3
    assert seen.last_seen == START + 90 * DAY


def test_the_primary_category_of_one_version_can_change(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(categories=("cs.LG", "cs.CL"), seen_at=START))
    put(store, preprint(categories=("stat.ML", "cs.LG"), seen_at=START + DAY))

    assert told(store) == {(1, "primary"): {"from": "cs.LG", "to": "stat.ML"}}


def test_a_primary_category_of_any_length_can_change(
    store: Store, source_id: int, preprint
) -> None:
    sentence = "not a category but a sentence that somebody typed in its place"
    put(store, preprint(categories=(sentence, "cs.CL"), seen_at=START))
    put(store, preprint(seen_at=START + DAY))

    assert told(store) == {(1, "primary"): {"from": sentence[:40], "to": "cs.LG"}}

    put(store, preprint(categories=(sentence, "cs.CL"), seen_at=START + 2 * DAY))
    assert told(store) == {(1, "primary"): {"from": "cs.LG", "to": sentence[:40]}}


def test_a_history_of_impossible_numbers_is_kept_as_far_as_it_goes(
    store: Store, source_id: int, preprint
) -> None:
    put(store, Arrival(preprint(), (Revision(1, START, 10**20, "letters without an end"),)))

    with store.read() as connection:
        [row] = connection.execute(select(revisions))
    assert (row.kilobytes, row.source_type) == (None, "letters wi")


def test_the_primary_category_can_change_with_a_version(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(), preprint(version=2, categories=("cs.CL", "cs.LG")))

    assert told(store) == {(2, "primary"): {"from": "cs.LG", "to": "cs.CL"}}


def test_a_history_fills_the_gap_between_the_texts_seen(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(), preprint(version=3))
    assert told(store) == {(3, "gap"): {"missing": [2]}}

    history = tuple(Revision(n, START + n * DAY, 10, "D") for n in (1, 2, 3))
    put(store, Arrival(preprint(version=3), history))
    assert told(store) == {}


def test_a_version_missing_from_the_history_itself_is_a_gap(
    store: Store, source_id: int, preprint
) -> None:
    history = tuple(Revision(n, START + n * DAY) for n in (1, 4))
    put(store, Arrival(preprint(version=4), history))

    assert told(store) == {(4, "gap"): {"missing": [2, 3]}}


def test_a_kind_of_source_that_says_withdrawn_marks_a_text_seen_before(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(version=2))
    assert candidate(store, ID).withdrawn is None

    history = (Revision(1, START), Revision(2, START + DAY, 0, "I"))
    put(store, Arrival(preprint(version=2, seen_at=START), history))

    assert "withdrawn" in (candidate(store, ID).withdrawn or "")
    assert list(told(store)) == [(2, "withdrawn")]


def test_what_is_absent_is_an_event_until_it_is_seen_again(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(version=2))
    with store.write() as connection:
        note_absence(connection, [ID, "2603.99999"], "unseen", START)
        note_absence(connection, [ID], "unseen", START + DAY)
    assert told(store) == {(2, "unseen"): {"since": START.isoformat(), "times": 2}}
    assert len(candidates(store)) == 1

    put(store, preprint(version=2))
    assert told(store) == {}
    with store.read() as connection:
        left = connection.execute(select(absences.c.preprint_id)).scalars().all()
    assert left == ["2603.99999"]


def test_an_event_is_told_once(store: Store, source_id: int, preprint) -> None:
    put(store, preprint(), preprint(version=2, title="Another made-up name"))
    with store.write() as connection:
        told = new_events(connection)
        assert [e.kind for e in told] == ["title"]
        note_told(connection, told)
        assert new_events(connection) == []
        note_told(connection, told)  # by another process, at once
    put(store, preprint(version=3, title="A third made-up name"))
    with store.write() as connection:
        assert [(e.version, e.kind) for e in new_events(connection)] == [(3, "title")]


def test_a_sighting_keeps_its_first_and_its_last_time(
    store: Store, source_id: int, preprint
) -> None:
    put(store, preprint(seen_at=START))
    with store.write() as connection:
        see(connection, {ID: START + 3 * DAY}, 1)
        see(connection, {ID: START + DAY}, 1)

    with store.read() as connection:
        [row] = connection.execute(select(sightings))
    assert (row.first_seen, row.last_seen) == (START, START + 3 * DAY)


def test_a_licence_is_of_the_version_described(store: Store, source_id: int, preprint) -> None:
    put(store, Arrival(preprint(version=2), licence="http://example.org/licence"))

    with store.read() as connection:
        [row] = connection.execute(select(revisions))
    assert (row.version, row.licence) == (2, "http://example.org/licence")


# -- order does not matter -----------------------------------------------------------------------

moments = st.integers(0, 3).map(lambda days: START + timedelta(days=days))
texts = st.builds(
    Preprint,
    id=st.sampled_from([ID, "2603.00002"]),
    version=st.integers(1, 3),
    title=st.sampled_from(["One name", "Another name"]),
    abstract=st.just("We measure."),
    authors=st.just(("Ada Example",)),
    categories=st.sampled_from([("cs.LG",), ("cs.CL", "cs.LG"), ()]),
    published=st.just(START),
    updated=st.just(START),
    seen_at=moments,
    withdrawn=st.sampled_from([None, "withdrawn"]),
)
histories = st.lists(
    st.builds(
        Revision,
        version=st.integers(1, 3),
        submitted=st.just(START) | st.none(),
        kilobytes=st.sampled_from([None, 9]),
        source_type=st.sampled_from([None, "D", "I"]),
    ),
    max_size=3,
    unique_by=lambda revision: revision.version,
).map(tuple)


@st.composite
def arrivals(draw: st.DrawFn) -> Arrival:
    text, stated = draw(texts), draw(st.booleans())
    if not stated:
        return Arrival(dataclasses.replace(text, version=1), stated=False)
    return Arrival(text, draw(histories), draw(st.sampled_from([None, "a", "b"])))


def everything(store: Store) -> dict[str, Any]:
    tables = (preprints, versions, events, sightings, revisions, primaries)
    with store.read() as connection:
        rows = {t.name: sorted(map(repr, connection.execute(select(t)))) for t in tables}
        found = select(*(c for c in documents.c if c.name != "id"))
        return {**rows, "documents": sorted(map(repr, connection.execute(found)))}


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


@settings(
    max_examples=50,
    suppress_health_check=[*HealthCheck],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
)
@given(data=st.data(), batch=st.lists(arrivals(), max_size=6))
def test_any_order_and_grouping_of_arrival_gives_the_same_rows(
    two_stores: tuple[Store, Store], data: st.DataObject, batch: list[Arrival]
) -> None:
    one, two = two_stores
    for store in two_stores:
        with store.write() as connection:
            for table in (
                events, sightings, versions, revisions, primaries, preprints, documents,
            ):  # fmt: skip
                connection.execute(delete(table))

    put(one, *batch)
    for arrival in data.draw(st.permutations(batch + batch[:2])):
        put(two, arrival)

    assert everything(one) == everything(two)

"""The inverted index: small segments become large ones, and what is gone is not found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, func, select

from registry.core.errors import StoreError
from registry.store import index as indexing
from registry.store.engine import Store
from registry.store.index import catch_up, index_papers
from registry.store.preprints import Preprint, put_preprints
from registry.store.queries import decide, search
from registry.store.rows import pieces
from registry.store.schema import documents, segments, unindexed
from registry.store.segments import Postings, _blocks, _find, read_segments
from registry.store.terms import KEYS, keys, words
from tests.store.filed import DERIVED, filed

ANIMALS = ("okapi", "quokka", "axolotl", "pangolin", "tapir", "kakapo", "numbat")


@pytest.fixture
def records(preprint: Callable[..., Preprint]) -> list[Preprint]:
    return [
        preprint(
            f"2603.{n:05d}",
            title=f"The {ANIMALS[n % 7]} and the {ANIMALS[n % 5]}",
            abstract=f"Number {n} is about {ANIMALS[n % 3]} and nothing else. " * (1 + n % 4),
        )
        for n in range(1, 121)
    ]


def put(store: Store, records: Any) -> None:
    with store.write() as connection:
        put_preprints(connection, records, 1)


def whole(store: Store) -> list[Any]:
    catch_up(store)
    with store.read() as connection:
        return filed(connection)


def test_a_preprint_is_noted_with_its_row_and_indexed_when_asked(
    store: Store, source_id: int, preprint
) -> None:
    put(store, [preprint()])
    with store.read() as connection:
        assert connection.execute(select(unindexed.c.ref)).scalars().all() == ["2603.00001"]

    assert [hit.id for hit in search(store, "made-up study")] == ["2603.00001"]

    with store.read() as connection:
        assert connection.execute(select(unindexed.c.ref)).all() == []


def test_one_by_one_gives_the_index_of_all_at_once(
    store: Store, source_id: int, records: list[Preprint]
) -> None:
    for few in pieces(records, 3):
        put(store, few)
        catch_up(store)
    grown = whole(store)
    with store.read() as connection:
        assert len(read_segments(connection)) < 16  # forty were written

    with store.write() as connection:
        for table in DERIVED:
            connection.execute(delete(table))
        index_papers(connection, [r.id for r in records])

    assert whole(store) == grown
    with store.read() as connection:
        assert len(read_segments(connection)) == 1


def test_a_piece_is_a_transaction_and_the_rest_is_done_by_the_next_who_asks(
    store: Store, source_id: int, records: list[Preprint], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, records)
    monkeypatch.setattr(indexing, "PIECE", 50)
    done = []

    def stop(count: int, total: int) -> None:
        done.append((count, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catch_up(store, stop)

    assert done == [(50, 120)]
    assert catch_up(store) == 70
    with store.read() as connection:
        assert connection.execute(select(func.count()).select_from(documents)).scalar() == 120


def test_what_has_not_changed_keeps_its_document(store: Store, source_id: int, preprint) -> None:
    put(store, [preprint("2603.00001"), preprint("2603.00002")])
    catch_up(store)
    with store.read() as connection:
        before = connection.execute(select(documents.c.id, documents.c.ref)).all()

    with store.write() as connection:
        index_papers(connection, ["2603.00001", "2603.00002"])
    catch_up(store)

    with store.read() as connection:
        assert connection.execute(select(documents.c.id, documents.c.ref)).all() == before


def test_a_document_that_goes_leaves_no_trace_in_what_is_found_or_counted(
    store: Store, source_id: int, records: list[Preprint]
) -> None:
    put(store, records)
    catch_up(store)
    with store.write() as connection:
        for record in records[::2]:
            decide(connection, record.id, "reject", None, {})
    left = whole(store)

    with store.write() as connection:
        for table in DERIVED:
            connection.execute(delete(table))
        index_papers(connection, [r.id for r in records])

    assert {id_ for _, _, id_, _ in left} == {r.id for r in records[1::2]}
    assert whole(store) == left


def test_an_index_that_cannot_be_written_is_searched_as_it_is(
    store: Store, source_id: int, preprint, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, [preprint("2603.00001", title="An okapi")])
    catch_up(store)
    put(store, [preprint("2603.00002", title="Another okapi")])

    def refuse(*_: Any) -> None:
        raise StoreError("the database is read-only")

    monkeypatch.setattr(indexing, "catch_up", refuse)
    assert [hit.id for hit in search(store, "okapi")] == ["2603.00001"]


def test_numbers_are_never_given_twice(store: Store, source_id: int, preprint) -> None:
    put(store, [preprint("2603.00001", title="An okapi")])
    catch_up(store)
    put(store, [preprint("2603.00001", version=2, title="A quokka")])
    catch_up(store)

    with store.read() as connection:
        assert connection.execute(select(documents.c.id)).scalars().all() == [2]
        assert connection.execute(select(func.max(segments.c.high))).scalar() == 3


def test_a_block_gives_back_each_term_with_its_documents() -> None:
    found = Postings(
        np.repeat(np.array([-5, 0, 7], "<i8"), [3, 5000, 2]),
        np.arange(5005, dtype="<u4"),
        np.arange(5005, dtype="<u2"),
    )

    blocks = list(_blocks(found))

    assert [first for first, _ in blocks] == [-5, 0, 7]  # a long list lies alone
    [documents_, values] = _find(blocks[1][1], 0)
    assert (documents_[0], values[-1], len(values)) == (3, 5002, 5000)
    assert [len(part) for part in _find(blocks[2][1], 8)] == [0, 0]


def test_a_term_is_the_same_number_in_every_form_and_for_ever() -> None:
    assert keys("Optimisation OPTIMIZED na\u00efve na\u00efvely") == [
        KEYS["optimization"], KEYS["optimize"], KEYS["naive"], KEYS["naively"],
    ]  # fmt: skip
    assert KEYS["optimization"] == KEYS["optimised"]
    assert KEYS["llms"] == KEYS["llm"]
    assert KEYS["reward"] == 3535210003642321325  # stored in every database there is
    assert words("Na\u00efve Optimisation") == ["naive", "optimization"]

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from registry.ingest.ledger import source_of, source_states
from registry.ingest.lists.knowledge import gather
from registry.ingest.lists.readers import read_markdown
from registry.ingest.lists.remember import compare, lists_naming, remember, unknown_ids
from registry.store.engine import Store
from registry.store.preprints import put_preprints
from registry.store.schema import list_rows, sightings
from tests.store.conftest import preprint, settings, store

__all__ = ["preprint", "settings", "store"]
TEXT = (
    "## Snails\n"
    "* Patient Snails Learn Slowly [[Paper]](https://arxiv.org/abs/2603.00001)\n"
    "* Hasty Slugs Forget Quickly [[Paper]](https://arxiv.org/abs/2603.00002)\n"
    "* A Book of Lawns [[Paper]](https://example.org/lawns.pdf)\n"
)
DAY = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def known(store: Store, preprint) -> Store:
    with store.write() as connection:
        source = source_of(connection, "ids", "made up")
        put_preprints(connection, [preprint("2603.00001", withdrawn="withdrawn by us")], source)
    return store


def test_a_list_becomes_a_source_whose_known_preprints_are_sighted(known: Store) -> None:
    outcome = remember(known, read_markdown(TEXT, "Snail papers"), DAY)

    assert (outcome.rows, outcome.rows_before) == (3, 0)
    assert (outcome.candidates, outcome.unknown) == (("2603.00001",), ("2603.00002",))
    state = next(s for s in source_states(known) if s.kind == "list")
    assert (state.query, state.preprints) == ("Snail papers", 1)


def test_reading_a_list_again_replaces_its_rows_and_keeps_the_first_sight(known: Store) -> None:
    remember(known, read_markdown(TEXT, "Snail papers"), DAY)
    shorter = TEXT.rsplit("*", 1)[0]
    outcome = remember(known, read_markdown(shorter, "Snail papers"), DAY + timedelta(days=9))

    assert (outcome.rows, outcome.rows_before) == (2, 3)
    with known.read() as connection:
        assert len(connection.execute(select(list_rows)).all()) == 2
        seen = connection.execute(select(sightings).where(sightings.c.source_id != 1)).one()
    assert (seen.first_seen, seen.last_seen) == (DAY, DAY + timedelta(days=9))


def test_comparing_stores_nothing(known: Store) -> None:
    assert compare(known, read_markdown(TEXT, "Snail papers")).unknown == ("2603.00002",)
    with known.read() as connection:
        assert connection.execute(select(list_rows)).all() == []


def test_lists_name_papers_also_once_they_are_fetched(known: Store) -> None:
    remember(known, read_markdown(TEXT, "Snail papers"), DAY)
    remember(known, read_markdown(TEXT.replace("2603.00001", "2603.00009"), "More snails"), DAY)
    with known.read() as connection:
        named = lists_naming(connection, ["2603.00002", "2603.00001", "2603.00005"])
        assert unknown_ids(connection) == ["2603.00002", "2603.00009"]

    assert sorted(named) == ["2603.00001", "2603.00002"]
    assert [m.list for m in named["2603.00002"]] == ["More snails", "Snail papers"]
    (mention,) = named["2603.00001"]
    assert (mention.section, mention.line) == (("Snails",), 2)


def test_an_audit_knows_withdrawals_and_titles_from_the_store(known: Store) -> None:
    document = read_markdown(TEXT, "Snail papers")
    remember(known, document, DAY)
    heard = gather([document], store=known)
    assert heard.withdrawn == {"2603.00001": "withdrawn by us"}
    assert heard.titles("2603.00001") == ("A made-up study, number 2603.00001",)

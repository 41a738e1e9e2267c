"""The table of decisions on either database: what an older log becomes, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from registry.core.errors import StoreError
from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.preprints import put_preprints
from registry.store.queries import candidates, decide, decisions_on, search
from registry.store.schema import decisions
from tests import throwaway_postgres

ID = "2603.00001"


@pytest.fixture
def filled(store: Store, source_id: int, preprint) -> Store:
    with store.write() as connection:
        put_preprints(connection, [preprint(ID, title="A quokka")], source_id)
    return store


def test_an_undo_brings_a_rejected_candidate_back_into_queue_and_search(filled: Store) -> None:
    with filled.write() as connection:
        line = decide(connection, ID, "reject", "off", {}, reviewer="ann")
    assert (candidates(filled), search(filled, "quokka")) == ([], [])

    with filled.write() as connection:
        decide(connection, ID, "undo", None, {}, reviewer="ann", undoes=line.id)

    assert [c.id for c in candidates(filled)] == [ID]
    assert [hit.id for hit in search(filled, "quokka")] == [ID]
    assert [d.decision for d in decisions_on(filled, ID)] == ["reject", "undo"]


def test_a_duplicate_leaves_queue_and_search(filled: Store) -> None:
    with filled.write() as connection:
        decide(connection, ID, "duplicate", None, {"of": "2603.00009"}, reviewer="ann")

    assert (candidates(filled), search(filled, "quokka")) == ([], [])


def test_a_line_is_undone_once_and_an_undo_names_a_line(filled: Store) -> None:
    with filled.write() as connection:
        line = decide(connection, ID, "skip", None, {}, reviewer="ann")
        decide(connection, ID, "undo", None, {}, undoes=line.id)

    for kind, undoes in (("undo", line.id), ("undo", None), ("skip", line.id)):
        with pytest.raises(StoreError), filled.write(durable=True) as connection:
            decide(connection, ID, kind, None, {}, undoes=undoes)
    assert len(decisions_on(filled, ID)) == 2


def test_a_clock_set_back_does_not_change_the_order(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.store import queries

    moment = queries.now()
    for hours, kind in ((0, "maybe"), (-5, "reject")):
        monkeypatch.setattr(queries, "now", lambda hours=hours: moment + timedelta(hours=hours))
        with filled.write() as connection:
            decide(connection, ID, kind, None, {}, reviewer="ann")

    assert [d.decision for d in decisions_on(filled, ID)] == ["maybe", "reject"]


def test_a_decision_waits_for_the_disk(filled: Store) -> None:
    ask = "PRAGMA synchronous" if filled.is_sqlite else "SHOW synchronous_commit"
    with filled.write(durable=True) as connection:
        assert connection.execute(text(ask)).scalar() in (2, "on")


@pytest.mark.parametrize("statement", ["UPDATE passes SET after = 9", "DELETE FROM passes"])
def test_passes_are_only_ever_appended(filled: Store, statement: str) -> None:
    from registry.triage.passes import start_pass

    start_pass(filled, "ann")

    with pytest.raises(StoreError, match="append-only"), filled.write() as connection:
        connection.execute(text(statement))


def test_the_log_of_the_first_schema_is_kept_line_by_line(
    settings: Settings, request: pytest.FixtureRequest, tmp_path
) -> None:
    from dataclasses import replace

    if settings.database_url.startswith("sqlite"):
        _log_is_kept(replace(settings, database_url=f"sqlite:///{tmp_path}/old.db"))
        return
    with throwaway_postgres.database(request.getfixturevalue("postgres")) as url:
        _log_is_kept(replace(settings, database_url=url))


def _log_is_kept(settings: Settings) -> None:
    from alembic import command

    from registry.store import engine
    from registry.store.migrations import config

    url = engine._normalise(settings.database_url)
    store = Store(engine._engine(url, 5.0))
    at = "2026-03-02T09:30:00.000000+00:00"
    with store.write() as connection:
        command.upgrade(config(connection), "0001")
        connection.execute(text(
            f"INSERT INTO preprints (id, newest, first_seen, last_seen) VALUES "
            f"('{ID}', 1, '{at}', '{at}')"
        ))  # fmt: skip
        for kind, reason in (("reject", "off topic"), ("accept", None)):
            connection.execute(
                text(
                    "INSERT INTO decisions (preprint_id, decision, at, reason, detail) "
                    f"VALUES ('{ID}', '{kind}', '{at}', :reason, '{{\"version\": 1}}')"
                ),
                {"reason": reason},
            )
    store.close()

    with open_store(settings) as opened:
        lines = decisions_on(opened, ID)
        assert [(d.id, d.decision, d.reason, d.detail, d.reviewer) for d in lines] == [
            (1, "reject", "off topic", {"version": 1}, None),
            (2, "accept", None, {"version": 1}, None),
        ]
        assert len({d.uid for d in lines}) == 2
        with pytest.raises(StoreError, match="append-only"), opened.write() as connection:
            connection.execute(text("UPDATE decisions SET reason = ''"))
        with opened.write() as connection:
            assert decide(connection, ID, "maybe", None, {}).id == 3
            assert len(connection.execute(select(decisions)).all()) == 3

"""Databases of earlier programs, kept as SQL, opened with this one: nothing in them is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from registry.core.errors import StoreError
from registry.core.settings import Settings
from registry.ingest.ledger import source_states
from registry.store.engine import Store, open_store
from registry.store.migrations import config, known_revisions
from registry.store.preprints import put_preprints
from registry.store.queries import candidates, changes, decisions_on, search
from registry.store.schema import REVISION
from tests import throwaway_postgres
from tests.store.schemas import kept

EARLIER = [(kind, path) for kind in ("sqlite", "postgresql") for path in kept(kind).values()]
# Made again from the others at any time.
DERIVED = {"documents", "document_tags", "segments", "postings", "unindexed", "alembic_version"}
Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=EARLIER, ids=lambda p: p[1].stem if isinstance(p, tuple) else str(p))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """The settings of a database that an earlier program left."""
    kind, path = request.param
    here = Settings.load(tmp_path)
    if kind == "sqlite":
        file = sqlite3.connect(tmp_path / "old.db")
        file.executescript(path.read_text())
        file.close()
        yield replace(here, database_url=f"sqlite:///{tmp_path}/old.db")
        return
    with throwaway_postgres.database(request.getfixturevalue("postgres")) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(path.read_text())
        yield replace(here, database_url=url)


@contextmanager
def plainly(settings: Settings) -> Iterator[sa.Connection]:
    """A connection that no code of ours has a hand in."""
    engine = sa.create_engine(settings.database_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def rows(settings: Settings) -> Rows:
    """Everything in the database, as the driver gives it."""
    found: Rows = {}
    with plainly(settings) as connection:
        for name in sorted(sa.inspect(connection).get_table_names()):
            if name not in DERIVED and not name.startswith("documents_fts"):
                every = connection.execute(sa.text(f'SELECT * FROM "{name}"'))
                found[name] = [dict(row._mapping) for row in every]
    return found


def lost(before: Rows, after: Rows) -> list[str]:
    """The rows of ``before`` that ``after`` does not hold, column by column."""
    return [
        f"{table}: {row}"
        for table, entries in before.items()
        for row in entries
        if not any(row.items() <= new.items() for new in after.get(table, []))
    ]


def test_every_schema_but_the_newest_is_kept_for_both_databases() -> None:
    earlier = known_revisions() - {REVISION}

    missing = {kind: sorted(earlier - kept(kind).keys()) for kind in ("sqlite", "postgresql")}
    assert missing == {"sqlite": [], "postgresql": []}, (
        "keep them: python -m tests.store.schemas REVISION"
    )


def test_an_earlier_database_is_brought_up_to_date_and_loses_nothing(old: Settings) -> None:
    before = rows(old)
    assert {name for name, entries in before.items() if not entries} == set()

    open_store(old).close()

    assert lost(before, rows(old)) == []
    with plainly(old) as connection:
        assert connection.execute(sa.text("SELECT * FROM alembic_version")).scalar() == REVISION
        if old.database_url.startswith("sqlite"):
            assert connection.execute(sa.text("PRAGMA integrity_check")).scalar() == "ok"
            assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []


def test_an_earlier_database_becomes_what_the_migrations_make_anew(old: Settings) -> None:
    from alembic import command

    with open_store(old) as store, store.write() as connection:
        command.check(config(connection))


def test_an_earlier_database_is_read_and_written_by_this_program(
    old: Settings, preprint: Callable[..., Any]
) -> None:
    with open_store(old) as store:
        assert [c.id for c in candidates(store)] == ["2603.00002", "2603.00003", "math/0611800"]
        assert candidates(store)[0].title == "A later <name> & \u05d0\u05d1 0'"
        assert {event.kind for event in changes(store)} == {"title", "withdrawn"}
        assert [d.decision for d in decisions_on(store, "2603.00003")] == ["reject", "accept"]
        assert "2603.00002" in {hit.id for hit in search(store, "later name")}
        states = {state.id: state for state in source_states(store)}
        assert (states[1].done, states[1].suspect, states[1].pending) == (1, 1, 2)

        with store.write() as connection:
            counts = put_preprints(
                connection, [preprint("2603.00002", version=2), preprint("2603.00009")], 1
            )
        assert (counts.new, counts.updated) == (1, 1)
        assert "2603.00009" in {c.id for c in candidates(store)}
        assert_appended_only(store)


def assert_appended_only(store: Store) -> None:
    for change in ("UPDATE fetches SET bytes = 0", "DELETE FROM decisions"):
        with pytest.raises(StoreError, match="append-only"), store.write() as connection:
            connection.execute(sa.text(change))


def test_a_database_of_a_later_program_is_refused_and_left_alone(old: Settings) -> None:
    with plainly(old) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    before = rows(old)

    with pytest.raises(StoreError, match=r"schema 9999, newer than .* Update posttrain-registry"):
        open_store(old)

    assert rows(old) == before


def test_a_migration_that_breaks_off_changes_nothing(
    old: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each statement in turn, as when the disk is full, until it comes to its end."""
    before = rows(old)
    for number in range(200):
        _break_at(number, monkeypatch)
        try:
            open_store(old).close()
        except StoreError as error:
            assert "disk is full" in str(error)
            if number % 7 == 0:  # to look costs more than to break
                assert rows(old) == before
        else:
            break
        finally:
            monkeypatch.undo()
    assert lost(before, rows(old)) == []


def _break_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    import registry.store.engine as engine

    make, seen = engine._engine, 0

    def full(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen > number:
            raise sa.exc.OperationalError("", {}, Exception("the disk is full"))

    def watched(*args: Any) -> sa.Engine:
        made = make(*args)
        sa.event.listen(made, "before_cursor_execute", full)
        return made

    monkeypatch.setattr(engine, "_engine", watched)

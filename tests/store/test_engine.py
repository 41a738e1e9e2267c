from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, create_engine, event, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from registry.core.errors import StoreError
from registry.core.settings import Settings
from registry.store.columns import UtcDateTime
from registry.store.engine import Store, open_store
from registry.store.schema import (
    REVISION,
    decisions,
    fetches,
    meta,
    metadata,
    sources,
    versions,
)


def test_the_schema_made_by_the_migrations_is_the_one_in_the_code(store: Store) -> None:
    from alembic import command

    from registry.store.migrations import config

    with store.write() as connection:
        command.check(config(connection))


def test_the_newest_migration_is_the_one_the_code_names() -> None:
    from alembic.script import ScriptDirectory

    from registry.store.migrations import config

    assert ScriptDirectory.from_config(config()).get_heads() == [REVISION]


def test_every_migration_only_goes_forward() -> None:
    folder = Path(__file__).parents[2] / "registry" / "store" / "migrations" / "versions"
    scripts = sorted(folder.glob("[0-9]*.py"))

    assert scripts
    assert not [path for path in scripts if "def downgrade" in path.read_text()]


def test_opening_twice_keeps_what_is_stored(settings: Settings) -> None:
    with open_store(settings) as store, store.write() as connection:
        connection.execute(meta.insert(), {"key": "kept", "value": "yes"})

    with open_store(settings) as store, store.read() as connection:
        assert connection.execute(select(meta.c.value)).scalar() == "yes"


def test_a_database_newer_than_the_code_is_refused(settings: Settings) -> None:
    with open_store(settings) as store, store.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StoreError, match=r"schema 9999, newer than .* Update posttrain-registry"):
        open_store(settings)


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError, match="stop"), store.write() as connection:
        connection.execute(meta.insert(), {"key": "half", "value": "done"})
        raise RuntimeError("stop")

    with store.read() as connection:
        assert connection.execute(select(meta)).all() == []


def test_foreign_keys_hold(store: Store) -> None:
    row = {"preprint_id": "2603.00001", "version": 1, "title": "t", "abstract": "", "authors": [],
           "categories": [], "published": datetime.now(UTC), "updated": datetime.now(UTC),
           "seen_at": datetime.now(UTC), "sha256": ""}  # fmt: skip

    with pytest.raises(StoreError), store.write() as connection:
        connection.execute(versions.insert(), row)


def test_checks_hold(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.write() as connection:
        connection.execute(
            sources.insert(),
            {"kind": "gossip", "query": "", "query_sha256": "", "created": datetime.now(UTC)},
        )

    assert isinstance(caught.value.__cause__, IntegrityError)


@pytest.mark.parametrize("change", ["UPDATE fetches SET bytes = 0", "DELETE FROM fetches",
                                    "UPDATE decisions SET reason = ''", "DELETE FROM decisions"])  # fmt: skip
def test_the_logs_can_only_be_appended_to(
    store: Store, source_id: int, preprint, change: str
) -> None:
    from registry.store.preprints import put_preprints

    moment = datetime.now(UTC)
    with store.write() as connection:
        put_preprints(connection, [preprint()], source_id)
        connection.execute(
            fetches.insert(), {"source_id": source_id, "url": "u", "at": moment, "bytes": 3}
        )
        connection.execute(
            decisions.insert(),
            {"preprint_id": "2603.00001", "decision": "reject", "at": moment, "detail": {}},
        )

    with pytest.raises(StoreError, match="append-only"), store.write() as connection:
        connection.execute(text(change))


def test_a_naive_moment_is_refused(store: Store) -> None:
    row = {"kind": "ids", "query": "", "query_sha256": "", "created": datetime(2026, 1, 1)}

    with pytest.raises(StatementError, match="naive"), store.write() as connection:
        connection.execute(sources.insert(), row)


@given(
    moments=st.lists(
        st.datetimes(
            min_value=datetime(1991, 8, 14),
            max_value=datetime(2100, 1, 1),
            timezones=st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m))),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_moments_survive_a_round_trip_and_sort_as_moments(moments: list[datetime]) -> None:
    engine = create_engine("sqlite://")
    table = Table("t", MetaData(), Column("at", UtcDateTime))
    table.create(engine)

    with engine.begin() as connection:
        connection.execute(table.insert(), [{"at": moment} for moment in moments])
        back = connection.execute(select(table.c.at).order_by(table.c.at)).scalars().all()

    assert back == sorted(moments)
    assert {moment.utcoffset() for moment in back} == {timedelta(0)}


def test_moments_survive_a_round_trip_on_either_database(store: Store) -> None:
    moment = datetime(2026, 3, 29, 2, 30, 15, 123456, timezone(timedelta(hours=2)))
    row = {"id": 7, "kind": "ids", "query": "", "query_sha256": "", "created": moment}

    with store.write() as connection:
        connection.execute(sources.insert(), row)
    with store.read() as connection:
        back = connection.execute(select(sources.c.created)).scalar()

    assert back == moment
    assert back.tzinfo is UTC


def test_every_table_has_named_constraints() -> None:
    unnamed = [c for t in metadata.tables.values() for c in t.constraints if c.name is None]

    assert unnamed == []


# -- SQLite alone --------------------------------------------------------------------------------


@pytest.fixture
def file_settings(tmp_path: Path) -> Settings:
    return dataclasses.replace(
        Settings.load(tmp_path), database_url=f"sqlite:///{tmp_path}/deep/er/registry.db"
    )


def test_each_connection_is_set_up(file_settings: Settings) -> None:
    with open_store(file_settings, busy_seconds=1.5) as store:
        for _ in range(2):
            with store.read() as connection:
                values = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                    for name in ("busy_timeout", "journal_mode", "foreign_keys", "synchronous")
                }
            store.engine.dispose()

            assert values == {
                "busy_timeout": 1500, "journal_mode": "wal", "foreign_keys": 1, "synchronous": 1,
            }  # fmt: skip


def test_a_locked_database_says_who_may_be_at_fault(
    file_settings: Settings, tmp_path: Path
) -> None:
    open_store(file_settings).close()
    other = sqlite3.connect(tmp_path / "deep/er/registry.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with (
        open_store(file_settings, busy_seconds=0.05) as store,
        pytest.raises(StoreError, match=r"locked.*Another process is writing"),
        store.write(),
    ):
        pass
    other.close()


@pytest.mark.parametrize("begins", ["BEGIN", "SELECT", "INSERT", "PRAGMA synchronous"])
def test_a_stop_in_the_middle_of_a_write_frees_the_lock_at_once(
    file_settings: Settings, begins: str
) -> None:
    with open_store(file_settings, busy_seconds=0.1) as store:

        @event.listens_for(store.engine, "do_execute")
        def stop(cursor, statement: str, parameters, context) -> None:
            if armed and statement.startswith(begins):
                armed.clear()
                cursor.execute(statement, parameters)
                raise KeyboardInterrupt

        armed: list[bool] = []
        with store.write() as connection:
            connection.execute(meta.insert(), [{"key": str(n), "value": "0"} for n in range(9)])
        armed.append(True)
        with pytest.raises(KeyboardInterrupt):
            try:
                with store.write(durable=True) as connection:
                    connection.execute(meta.insert(), {"key": "half", "value": "done"})
                    connection.execute(select(meta)).fetchone()
            except KeyboardInterrupt:
                with store.write() as connection:  # as a walk that puts back what it had begun
                    connection.execute(meta.insert(), {"key": "put", "value": "back"})
                raise

        with store.read() as connection:
            keys = set(connection.execute(select(meta.c.key)).scalars())
        assert ("half" in keys, "put" in keys) == (False, True)


def test_two_writers_take_turns(file_settings: Settings) -> None:
    # Each adds 25 to the same counter by reading and writing it: a lost update would show.
    program = (
        "import dataclasses, sys\n"
        "from sqlalchemy import text\n"
        "from registry.core.settings import Settings\n"
        "from registry.store.engine import open_store\n"
        "s = dataclasses.replace(Settings.load(), database_url=sys.argv[1])\n"
        "with open_store(s) as store:\n"
        "    for _ in range(25):\n"
        "        with store.write() as c:\n"
        "            n = int(c.execute(text(\"SELECT value FROM meta WHERE key='n'\")).scalar())\n"
        "            c.execute(text(\"UPDATE meta SET value=:v WHERE key='n'\"), {'v': str(n + 1)})\n"
    )
    with open_store(file_settings) as store, store.write() as connection:
        connection.execute(meta.insert(), {"key": "n", "value": "0"})
    command = [sys.executable, "-c", program, file_settings.database_url]

    writers = [subprocess.Popen(command) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]

    with open_store(file_settings) as store, store.read() as connection:
        assert connection.execute(select(meta.c.value)).scalar() == "50"


def test_two_processes_may_create_the_database_at_once(file_settings: Settings) -> None:
    program = (
        "import dataclasses, sys\n"
        "from registry.core.settings import Settings\n"
        "from registry.store.engine import open_store\n"
        "open_store(dataclasses.replace(Settings.load(), database_url=sys.argv[1])).close()\n"
    )
    command = [sys.executable, "-c", program, file_settings.database_url]

    openers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    problems = [opener.communicate(timeout=60)[1].decode() for opener in openers]

    assert problems == ["", "", ""]


def test_a_read_only_database_can_be_read_and_refuses_writes(
    file_settings: Settings, tmp_path: Path
) -> None:
    open_store(file_settings).close()
    path = tmp_path / "deep/er/registry.db"
    sealed = dataclasses.replace(
        file_settings, database_url=f"sqlite:///file:{path}?mode=ro&uri=true"
    )

    with open_store(sealed) as store:
        with store.read() as connection:
            assert connection.execute(select(meta)).all() == []
        with (
            pytest.raises(StoreError, match=r"readonly.*Make the file and its folder writable"),
            store.write() as connection,
        ):
            connection.execute(meta.insert(), {"key": "k", "value": "v"})


def test_a_file_that_is_no_database_says_so(file_settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("These are the notes of a reader, not a database.\n" * 40)

    with pytest.raises(StoreError, match=r"not a database.*REGISTRY_DATABASE_URL"):
        open_store(dataclasses.replace(file_settings, database_url=f"sqlite:///{path}"))


def test_a_folder_that_cannot_be_made_says_so(file_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="cannot be made"):
        open_store(
            dataclasses.replace(file_settings, database_url=f"sqlite:///{tmp_path}/file/x/r.db")
        )


@pytest.mark.parametrize("url", ["not an address", "mysql://root@localhost/x", "oracle://x/y"])
def test_an_address_that_is_not_served_is_refused(file_settings: Settings, url: str) -> None:
    with pytest.raises(StoreError, match="Allowed"):
        open_store(dataclasses.replace(file_settings, database_url=url))


def test_a_server_that_is_not_there_says_what_to_check(file_settings: Settings) -> None:
    url = "postgresql://someone:secret@127.0.0.1:1/nothing"

    with pytest.raises(StoreError, match="Check that the server runs") as caught:
        open_store(dataclasses.replace(file_settings, database_url=url))

    assert "secret" not in str(caught.value)


def test_opening_an_up_to_date_store_imports_no_alembic(file_settings: Settings) -> None:
    open_store(file_settings).close()
    program = (
        "import dataclasses, sys\n"
        "from registry.core.settings import Settings\n"
        "from registry.store.engine import open_store\n"
        "open_store(dataclasses.replace(Settings.load(), database_url=sys.argv[1])).close()\n"
        "print([m for m in ('alembic', 'pydantic', 'sqlalchemy.orm', 'sklearn') if m in sys.modules])\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, file_settings.database_url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.strip() == "[]"

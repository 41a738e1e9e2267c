"""A database that is full, sealed, gone or shared: a clear error, and the next ingest has it all."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from registry.core.errors import ArxivError, StoreError
from registry.core.settings import Settings
from registry.ingest.limiter import Limiter
from registry.store.engine import open_store
from tests.fake_arxiv import FakeArxiv, corpus
from tests.faults.ingest.walks import by_oai, by_query, stored, truth

WALKS = pytest.mark.parametrize("walk", [by_query, by_oai], ids=["query", "oai"])


@WALKS
def test_a_full_disk_is_named_and_with_room_the_rest_comes(
    service: FakeArxiv, file_settings: Settings, limiter: Limiter, walk: Any
) -> None:
    file = sqlite3.connect(file_settings.database_url.removeprefix("sqlite:///"))
    file.execute("VACUUM")  # what the migrations freed is room too
    [pages] = file.execute("PRAGMA page_count").fetchone()
    file.close()
    with open_store(file_settings) as store:
        store.engine.dispose()

        @sa.event.listens_for(store.engine, "connect")
        def small(connection: Any, _: Any) -> None:
            # What SQLite says then is what it says of a disk without room.
            connection.execute(f"PRAGMA max_page_count = {pages + 1}")

        with pytest.raises(StoreError, match=r"full.*free some space, then try again"):
            walk(store, service, limiter)

    with open_store(file_settings) as store:
        assert stored(store).items() <= truth(service.works).items()
        assert walk(store, service, limiter).failure is None
        assert stored(store) == truth(service.works)


@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_turn_that_cannot_be_written_down_is_no_turn(
    service: FakeArxiv,
    file_settings: Settings,
    limiter: Limiter,
    monkeypatch: pytest.MonkeyPatch,
    cause: int,
) -> None:
    def full(*_: object) -> None:
        raise OSError(cause, os.strerror(cause))

    monkeypatch.setattr("registry.ingest.limiter.write_atomic", full)
    with open_store(file_settings) as store:
        failure = by_query(store, service, limiter).failure
        assert isinstance(failure, ArxivError)
        assert os.strerror(cause) in str(failure)
        assert "XDG_STATE_HOME" in str(failure)
        assert service.requests == []

        monkeypatch.undo()
        assert by_query(store, service, limiter).failure is None
        assert stored(store) == truth(service.works)


@WALKS
def test_a_database_that_may_not_be_written_is_named_before_arxiv_is_asked(
    service: FakeArxiv, settings: Settings, limiter: Limiter, walk: Any
) -> None:
    url = settings.database_url
    if url.startswith("sqlite:///"):
        sealed = f"sqlite:///file:{url.removeprefix('sqlite:///')}?mode=ro&uri=true"
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                f"ALTER DATABASE {connection.info.dbname} SET default_transaction_read_only = on"
            )
        sealed = url

    with (
        open_store(replace(settings, database_url=sealed)) as store,
        pytest.raises(StoreError, match=r"read-?only.*REGISTRY_DATABASE_URL"),
    ):
        walk(store, service, limiter)

    assert service.requests == []


@WALKS
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_server_that_ends_our_session_is_named_and_the_next_walk_has_it_all(
    request: pytest.FixtureRequest,
    service: FakeArxiv,
    settings: Settings,
    limiter: Limiter,
    monkeypatch: pytest.MonkeyPatch,
    walk: Any,
) -> None:
    with open_store(settings) as store:
        end_sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        seen = 0

        @sa.event.listens_for(store.engine, "before_cursor_execute")
        def cut(*_: object) -> None:
            nonlocal seen
            seen += 1
            if seen == 30:
                name = store.engine.url.database
                with psycopg.connect(request.getfixturevalue("postgres")) as admin:
                    admin.execute(end_sessions, (name,))

        with pytest.raises(StoreError, match="cannot serve"):
            walk(store, service, limiter)
        assert stored(store).items() <= truth(service.works).items()

        assert walk(store, service, limiter).failure is None
        assert stored(store) == truth(service.works)


def test_several_ingests_at_once_store_everything_once(
    service: FakeArxiv, settings: Settings, tmp_path: Path
) -> None:
    service.clock = datetime.now(UTC).replace(microsecond=0)
    service.works = corpus(12, days=3)
    jobs = ["query", "query", "oai", "oai", "ids"]
    spec = {
        "together": jobs, "database": settings.database_url, "state": str(tmp_path / "turns"),
        "url": service.url, "oai_url": service.oai_url, "ids": [w.id for w in service.works],
    }  # fmt: skip

    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.ingest.victims", json.dumps(spec)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["codes"] == [0] * len(jobs), done.stderr
    end = report["end"]
    assert end["preprints"] == sorted(work.id for work in service.works)
    assert len(end["versions"]) == len(service.works)
    assert len(end["sightings"]) == 3 * len(service.works)  # by each of three sources, once
    with open_store(settings) as store:
        assert stored(store) == truth(service.works)

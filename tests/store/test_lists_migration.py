"""The step that makes lists sources, on databases that hold something."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.exc import IntegrityError

from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.migrations import config
from tests import throwaway_postgres

_FILLED = (
    "INSERT INTO sources (id, kind, query, query_sha256, created) "
    "VALUES (1, 'ids', 'made up', 'x', '2026-03-02T00:00:00+00:00')",
    "INSERT INTO preprints (id, newest, first_seen, last_seen) VALUES "
    "('2603.00001', 1, '2026-03-02T00:00:00+00:00', '2026-03-02T00:00:00+00:00')",
    "INSERT INTO sightings (preprint_id, source_id, first_seen, last_seen) VALUES "
    "('2603.00001', 1, '2026-03-02T00:00:00+00:00', '2026-03-02T00:00:00+00:00')",
)
_LIST = (
    "INSERT INTO sources (id, kind, query, query_sha256, created) "
    "VALUES (2, '{}', 'a list', 'y', '2026-03-02T00:00:00+00:00')"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def earlier(request: pytest.FixtureRequest, tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Settings of a database of the first schema, with a source that others refer to."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/old.db"
        monkeypatch.setenv("REGISTRY_DATABASE_URL", url)
        yield _at_first(url)
        return
    with throwaway_postgres.database(request.getfixturevalue("postgres")) as url:
        monkeypatch.setenv("REGISTRY_DATABASE_URL", url)
        yield _at_first(url)


def _at_first(url: str) -> Settings:
    settings = Settings.load()
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
        for statement in _FILLED:
            connection.execute(sa.text(statement))
    engine.dispose()
    return settings


def test_rows_that_others_refer_to_survive_and_lists_are_allowed(earlier: Settings) -> None:
    with open_store(earlier) as store:
        with store.write() as connection:
            connection.execute(sa.text(_LIST.format("list")))
        with store.read() as connection:
            count = sa.text("SELECT count(*) FROM sightings JOIN sources ON source_id = sources.id")
            assert connection.execute(count).scalar_one() == 1
        assert _refuses(store, "rumour")
    with open_store(earlier) as store, store.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM sources")).scalar_one() == 2
        if store.is_sqlite:
            assert connection.execute(sa.text("PRAGMA integrity_check")).scalar_one() == "ok"


def _refuses(store: Store, kind: str) -> bool:
    with store.engine.connect() as connection:
        try:
            connection.execute(
                sa.text(_LIST.format(kind).replace("(2,", "(3,").replace("'y'", "'z'"))
            )
        except IntegrityError:
            return True
    return False

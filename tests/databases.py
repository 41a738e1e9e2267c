"""Fresh databases of both kinds for any test: copies of one that the migrations made.

A test that asks for ``database_url`` runs twice, on SQLite and on PostgreSQL. There is one server
for the whole session; a copy of its template takes a tenth of what the migrations take. Where there
is no server those tests are skipped with the reason, but never in silence under CI: see
``tests/store/test_databases.py``.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from registry.core.settings import Settings
from registry.store.engine import open_store
from tests import throwaway_postgres

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server in which databases can be made."""
    try:
        with throwaway_postgres.server() as url:
            yield url
    except throwaway_postgres.Unavailable as reason:
        pytest.skip(f"PostgreSQL: {reason}")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database as the migrations make it; copied, since making it takes longer."""
    folder = tmp_path_factory.mktemp("migrated")
    path = folder / "registry.db"
    open_store(replace(Settings.load(folder), database_url=f"sqlite:///{path}")).close()
    return path


@pytest.fixture(scope="session")
def migrated_database(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a PostgreSQL database as the migrations make it."""
    folder = tmp_path_factory.mktemp("nowhere")
    with throwaway_postgres.database(postgres) as url:
        open_store(replace(Settings.load(folder), database_url=url)).close()
        yield str(make_url(url).database)


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty, migrated database; each test that uses it runs on both kinds."""
    with copied(request, "migrated", tmp_path) as url:
        yield url


@contextlib.contextmanager
def copied(request: pytest.FixtureRequest, name: str, folder: Path) -> Iterator[str]:
    """The address of a copy of what the fixtures ``name``_file or ``name``_database have made.

    ``request`` is that of a fixture with ``params=KINDS``; a file is copied into ``folder``.
    """
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue(f"{name}_file"), folder / "registry.db")
        yield f"sqlite:///{folder}/registry.db"
        return
    template = request.getfixturevalue(f"{name}_database")
    with throwaway_postgres.database(request.getfixturevalue("postgres"), template) as url:
        yield url

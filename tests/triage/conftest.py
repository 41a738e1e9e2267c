from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url

from registry.core.settings import Settings
from registry.ingest import ledger
from registry.store.engine import Store, open_store
from registry.store.preprints import Preprint, put_preprints
from registry.store.sync import refresh
from tests import throwaway_postgres
from tests.catalog import fabricated
from tests.databases import KINDS, copied

DAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
ABSTRACT = (
    "We plant invented seeds in invented soil and count what comes up after seven invented days, "
    "which is nothing, and we discuss why."
)


def preprint(id_: str = "2603.00001", **other: object) -> Preprint:
    fields: dict[str, object] = {
        "version": 1, "title": "On Seeds", "abstract": ABSTRACT, "authors": ("Ada Example",),
        "categories": ("cs.LG", "I.2.6", "68T07", "stat.ML"), "published": DAY, "updated": DAY,
        "seen_at": DAY,
    }  # fmt: skip
    return Preprint(id=id_, **(fields | other))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def made_up_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a catalog; copied with its times, which the mirror in a database holds."""
    folder = tmp_path_factory.mktemp("made-up")
    fabricated.write(folder / "catalog", fabricated.paper())
    return folder


@pytest.fixture(scope="session")
def furnished_file(migrated_file: Path, made_up_catalog: Path) -> Path:
    """A SQLite database with two candidates; copied, since making it takes longer."""
    path = made_up_catalog / "furnished.db"
    shutil.copy(migrated_file, path)
    _furnish(_settings(made_up_catalog, f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def furnished_database(
    postgres: str, migrated_database: str, made_up_catalog: Path
) -> Iterator[str]:
    """The name of a PostgreSQL database with the same candidates."""
    with throwaway_postgres.database(postgres, migrated_database) as url:
        _furnish(_settings(made_up_catalog, url))
        yield str(make_url(url).database)


@pytest.fixture(params=KINDS)
def furnished_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database with two candidates; each test that uses it runs on both kinds."""
    with copied(request, "furnished", tmp_path) as url:
        yield url


@pytest.fixture
def settings(furnished_url: str, tmp_path: Path, made_up_catalog: Path) -> Settings:
    shutil.copytree(made_up_catalog / "catalog", tmp_path / "catalog")
    return _settings(tmp_path, furnished_url)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


def _furnish(here: Settings) -> None:
    with open_store(here) as opened:
        refresh(opened, here)
        with opened.write() as connection:
            source_id = ledger.source_of(connection, "ids", "made up")
            put_preprints(
                connection,
                [
                    preprint(title="Early Seeds"),
                    preprint(version=2, updated=DAY.replace(month=4), doi="10.1000/x"),
                    preprint("2603.00002", title="Gone", withdrawn="withdrawn by the author"),
                ],
                source_id,
            )


def _settings(folder: Path, database_url: str) -> Settings:
    return replace(
        Settings.load(folder),
        workspace=folder,
        database_url=database_url,
        catalog_dir=folder / "catalog",
        cache_dir=folder / "cache",
    )

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.core.settings import Settings
from registry.ingest import ledger
from registry.store.engine import Store, open_store
from registry.store.preprints import Preprint, put_preprints
from registry.store.sync import refresh
from tests.catalog import fabricated

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
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog and a database with two candidates; copied, since making them takes longer."""
    folder = tmp_path_factory.mktemp("furnished")
    fabricated.write(folder / "catalog", fabricated.paper())
    here = _settings(folder)
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
    return folder


@pytest.fixture
def settings(tmp_path: Path, furnished: Path) -> Settings:
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)  # times too: the mirror holds them
    return _settings(tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


def _settings(folder: Path) -> Settings:
    return replace(
        Settings.load(folder),
        workspace=folder,
        database_url=f"sqlite:///{folder}/registry.db",
        catalog_dir=folder / "catalog",
    )

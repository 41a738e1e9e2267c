from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from registry.catalog.files import save_entry
from registry.catalog.schema import FILES, schema_path, schema_text
from registry.core.atomic import write_atomic
from registry.core.settings import Settings
from registry.doctor.examine import examine, patient_of
from registry.doctor.finding import Finding
from registry.ingest import ledger
from registry.store.engine import Store, open_store
from registry.store.preprints import Preprint, put_preprints
from registry.store.sync import refresh
from tests.catalog import fabricated

DAY = datetime(2024, 1, 2, 9, tzinfo=UTC)
Examine = Callable[..., list[Finding]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A made-up catalog in which nothing is wrong but that our methods have no papers in it."""
    root = tmp_path / "catalog"
    fabricated.write(root, fabricated.paper())
    for model in FILES:
        write_atomic(schema_path(root, model), schema_text(model))
    return replace(
        Settings.load(tmp_path),
        workspace=tmp_path,
        database_url=f"sqlite:///{tmp_path}/registry.db",
        catalog_dir=root,
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


@pytest.fixture
def sees(store: Store) -> Callable[..., None]:
    """Let the store see versions of a preprint."""

    def see(*versions: dict[str, object]) -> None:
        fields: dict[str, object] = {
            "id": "2401.00001", "version": 1, "title": "A Made-up Title 2401.00001",
            "abstract": "Nothing.", "authors": ("Ada Example", "Bo Sample"),
            "categories": ("cs.CL", "68T07"), "published": DAY, "updated": DAY, "seen_at": DAY,
        }  # fmt: skip
        with store.write() as connection:
            source = ledger.source_of(connection, "ids", "made up")
            records = [Preprint(**(fields | one)) for one in versions]  # type: ignore[arg-type]
            put_preprints(connection, records, source)

    return see


@pytest.fixture
def found(settings: Settings) -> Examine:
    """The findings of all checks but ``registry check``'s own, which knows the real methods."""

    def look(*entries: object, store: Store | None = None) -> list[Finding]:
        for entry in entries:
            save_entry(settings.catalog_dir, entry)  # type: ignore[arg-type]
        if store is not None:
            refresh(store, settings)
        return [f for f in examine(patient_of(settings, store)) if f.check != "catalog"]

    return look

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.preprints import Preprint
from registry.store.schema import sources

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    loaded = Settings.load(tmp_path)
    return replace(
        loaded, database_url=database_url, catalog_dir=tmp_path / "catalog", workspace=tmp_path
    )


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    with open_store(settings) as opened:
        yield opened


@pytest.fixture
def source_id(store: Store) -> int:
    row = {"id": 1, "kind": "ids", "query": "made up", "query_sha256": "0" * 64, "created": START}
    with store.write() as connection:
        connection.execute(sources.insert(), row)
    return 1


@pytest.fixture
def preprint() -> Callable[..., Preprint]:
    def make(id_: str = "2603.00001", version: int = 1, **other: Any) -> Preprint:
        fields: dict[str, Any] = {
            "title": f"A made-up study, number {id_}",
            "abstract": "We invent nothing and measure it twice.",
            "authors": ("Ada Example", "Bo Sample"),
            "categories": ("cs.LG", "cs.CL"),
            "published": START,
            "updated": START + timedelta(days=version - 1),
            "seen_at": START + timedelta(days=30),
        }
        return Preprint(id=id_, version=version, **(fields | other))

    return make

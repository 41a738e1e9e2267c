"""A service, a store on either database, and clients that wait for nothing."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from registry.core.settings import Settings
from registry.ingest.limiter import Limiter
from registry.store.engine import Store, open_store
from tests.fake_arxiv import FakeArxiv, corpus


@pytest.fixture
def service() -> Iterator[FakeArxiv]:
    with FakeArxiv(corpus(24)) as running:
        running.page_size = 10
        yield running


@pytest.fixture
def file_settings(tmp_path: Path, migrated_file: Path) -> Settings:
    """A fresh SQLite file: where the database does not matter."""
    shutil.copy(migrated_file, tmp_path / "registry.db")
    return replace(
        Settings.load(tmp_path),
        database_url=f"sqlite:///{tmp_path}/registry.db",
        catalog_dir=tmp_path / "catalog",
        workspace=tmp_path,
    )


@pytest.fixture
def store(file_settings: Settings) -> Iterator[Store]:
    with open_store(file_settings) as opened:
        yield opened


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Each database in turn: where it does matter."""
    return replace(
        Settings.load(tmp_path),
        database_url=database_url,
        catalog_dir=tmp_path / "catalog",
        workspace=tmp_path,
    )


@pytest.fixture
def limiter(tmp_path: Path) -> Limiter:
    """Turns without a distance; a wait that the service asks for is not sat out."""
    return Limiter(tmp_path / "state", interval=0.0, patience=0.0, sleep=lambda _: None)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """What the machine says the time is, for all of ingest."""

    def put(moment: datetime) -> None:
        for name, module in list(sys.modules.items()):
            if name.startswith(("registry.ingest.", "registry.store.")) and hasattr(module, "now"):
                monkeypatch.setattr(module, "now", lambda: moment)

    return put

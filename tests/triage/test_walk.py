"""From arXiv to a catalog file, on either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from registry.core.settings import Settings
from registry.ingest.arxiv_api import Client, Limits
from registry.ingest.harvest import harvest_query
from registry.ingest.ledger import source_states
from registry.ingest.limiter import Limiter
from registry.store.engine import open_store
from registry.store.queries import candidates, search
from registry.store.sync import refresh
from registry.triage.accept import Proposal, accept, reject
from tests.catalog import fabricated
from tests.fake_arxiv import FakeArxiv, corpus

QUERY = "cat:cs.LG OR cat:cs.CL OR cat:stat.ML"
MARCH = date(2026, 3, 2), date(2026, 3, 29)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    fabricated.write(tmp_path / "catalog", fabricated.paper())
    return replace(
        Settings.load(tmp_path), catalog_dir=tmp_path / "catalog", database_url=database_url
    )


def test_the_whole_walk(settings: Settings, tmp_path: Path) -> None:
    limiter = Limiter(tmp_path / "state", interval=0.0)
    with FakeArxiv(corpus(40)) as service, open_store(settings) as store:
        refresh(store, settings)
        client = Client(service.url, limiter, Limits(backoff_seconds=0.0))
        service.faults = [None, "html", "html", "html"]
        first = harvest_query(store, client, QUERY, *MARCH)
        second = harvest_query(store, client, QUERY, *MARCH, retry=True)

        assert (first.done, first.suspect, second.done, second.suspect) == (3, 1, 1, 0)
        [state] = source_states(store)
        assert (state.done, state.suspect, state.preprints) == (4, 0, 40)

        one, two, *rest = candidates(store)
        assert len(rest) == 38
        proposal = Proposal("fruit/apples", "Eight words and more of our own, made up.")
        accept(store, settings, one.id, proposal)
        reject(store, settings, two.id, "off topic")

        assert [c.id for c in candidates(store)] == [c.id for c in rest]
        assert {hit.id: hit.status for hit in search(store, one.title)}[one.id] == "active"
        assert two.id not in {hit.id for hit in search(store, two.title)}

"""From arXiv to a catalog file, on either database."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from registry.core.settings import Settings
from registry.ingest import ledger
from registry.ingest.arxiv_api import Client, Limits
from registry.ingest.harvest import harvest_query
from registry.ingest.ledger import source_states
from registry.ingest.limiter import Limiter
from registry.store.engine import open_store
from registry.store.preprints import put_preprints
from registry.store.queries import candidates, search
from registry.store.standing import read_log
from registry.store.sync import refresh
from registry.triage.accept import Proposal, accept
from registry.triage.decisions import reject
from registry.triage.exchange import export_decisions, import_decisions
from registry.triage.flow import flow
from registry.triage.passes import start_pass
from registry.triage.queue import Order, Queue
from registry.triage.turns import By, Overtaken
from registry.triage.undo import undo
from tests.catalog import fabricated
from tests.fake_arxiv import FakeArxiv, corpus
from tests.triage.conftest import preprint

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


def test_decisions_of_two_reviewers_on_either_database(settings: Settings) -> None:
    ids = [f"2603.1{n:04d}" for n in range(6)]
    with open_store(settings) as store:
        refresh(store, settings)
        with store.write() as connection:
            records = [preprint(id_, title=f"Made-up Study {id_}") for id_ in ids]
            put_preprints(connection, records, ledger.source_of(connection, "ids", "made up"))
        _judge_at_once(settings, ids)
        with store.read() as connection:
            log = read_log(connection)
        assert sorted(line.preprint_id for line in log) == ids  # each once, by whoever came first

        gist = "Eight words and more of our own, made up."
        accept(store, settings, ids[0], Proposal("fruit/apples", gist), by=By("cy", settles=True))
        undo(store, settings, By("cy"))
        counts = flow(store, None)
        assert (counts.papers, counts.included, counts.excluded) == (6, 0, {"other": 6})
        exported = list(export_decisions(store))
        assert len(exported) == 8
        assert import_decisions(store, exported).known == 8
        assert Queue(store, settings, Order("ann", "newest")).next() is None
        assert start_pass(store, "ann") == 1


def _judge_at_once(settings: Settings, ids: list[str]) -> None:
    def judge(name: str) -> None:
        with open_store(settings) as mine:
            for id_ in ids if name == "ann" else reversed(ids):
                with contextlib.suppress(Overtaken):
                    reject(mine, settings, id_, f"by {name}", by=By(name))

    threads = [threading.Thread(target=judge, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

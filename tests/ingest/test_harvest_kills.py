from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.queries import candidates
from tests.fake_arxiv import FakeArxiv, Work, corpus


def stored(store: Store) -> set[str]:
    return {c.id for c in candidates(store)}


def everything(service: FakeArxiv) -> set[str]:
    return {work.id for work in service.works}


_HARVEST = """
import dataclasses, sys
from datetime import date
from pathlib import Path
from registry.core.settings import Settings
from registry.ingest.arxiv_api import Client, Limits
from registry.ingest.harvest import harvest_query
from registry.ingest.limiter import Limiter
from registry.store.engine import open_store
database, url, state = sys.argv[1:]
with open_store(dataclasses.replace(Settings.load(), database_url=database)) as store:
    client = Client(url, Limiter(Path(state), interval=0.0), Limits(backoff_seconds=0.0))
    summary = harvest_query(store, client, "cat:cs.LG OR cat:cs.CL OR cat:stat.ML",
                            date(2026, 3, 2), date(2026, 3, 29), "day")
    sys.exit(summary.failure is not None)
"""


def daily(size: int) -> list[Work]:
    """A paper each day at noon, so that what is stored tells which days are."""
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    return [
        replace(work, published=noon + timedelta(days=n)) for n, work in enumerate(corpus(size))
    ]


def _start(settings: Settings, service: FakeArxiv, state: Path) -> subprocess.Popen[bytes]:
    arguments = [settings.database_url, service.url, str(state)]
    return subprocess.Popen([sys.executable, "-c", _HARVEST, *arguments])


def _wait_for(service: FakeArxiv, requests: int) -> None:
    ends = time.monotonic() + 60
    while len(service.requests) < requests:
        assert time.monotonic() < ends, "the harvest did not get so far"
        time.sleep(0.002)


@pytest.mark.parametrize("after", [1, 6, 15])
def test_a_kill_loses_at_most_the_slice_in_hand(
    settings: Settings, tmp_path: Path, after: int
) -> None:
    works = daily(28)
    with open_store(settings) as store, FakeArxiv(works) as service:
        service.faults = [None] * after + ["hang"]
        victim = _start(settings, service, tmp_path / "state")
        _wait_for(service, after + 1)
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait()

        assert stored(store) == {w.id for w in works[:after]}
        with store.read() as connection:
            assert connection.execute(text("PRAGMA quick_check")).scalar() == "ok"

        second = _start(settings, service, tmp_path / "state")
        assert second.wait(60) == 0
        assert stored(store) == {w.id for w in works}
        # Nothing that was done was asked again.
        assert len(service.requests) == 28 + 1


def test_kills_at_any_moment_lose_nothing_in_the_end(settings: Settings, tmp_path: Path) -> None:
    with open_store(settings) as store, FakeArxiv(daily(28)) as service:
        before: set[str] = set()
        for requests in (3, 9, 16):
            victim = _start(settings, service, tmp_path / "state")
            _wait_for(service, requests)
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
            assert before <= stored(store)
            before = stored(store)

        assert _start(settings, service, tmp_path / "state").wait(60) == 0
        assert stored(store) == everything(service)


def test_two_harvests_at_once_store_everything_once(settings: Settings, tmp_path: Path) -> None:
    with open_store(settings) as store, FakeArxiv(daily(28)) as service:
        both = [_start(settings, service, tmp_path / "state") for _ in range(2)]

        assert [process.wait(60) for process in both] == [0, 0]
        assert len(candidates(store)) == 28

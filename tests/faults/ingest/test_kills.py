"""kill -9 at every step of an ingest: what was stored stays, and the next one brings the rest once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import throwaway_postgres
from tests.fake_arxiv import FakeArxiv, corpus, entry, feed

WORKS = corpus(8, days=3)
KILLS = {"query": 8, "oai": 8, "ids": 4, "files": 4}
MOST_STEPS = 400
Reports = dict[str, dict[str, Any]]


def reports(folder: Path, database: Callable[[str], str], kills: dict[str, int]) -> Reports:
    """What kills of each job left, by the job."""
    entries = "".join(map(entry, WORKS))
    (folder / "page.xml").write_bytes(feed(entries, "search_query=x", len(WORKS)))
    # Tokens are good for hours by the service's clock, so it must be right.
    with FakeArxiv(list(WORKS), clock=datetime.now(UTC).replace(microsecond=0)) as service:
        service.page_size = 3
        spec = {
            "state": str(folder / "state"), "url": service.url, "oai_url": service.oai_url,
            "ids": [work.id for work in WORKS], "file": str(folder / "page.xml"),
            "jobs": {job: [database(f"{job}_{n}") for n in range(count + 1)]
                     for job, count in kills.items()},
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.faults.ingest.victims", json.dumps(spec)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {report["job"]: report for report in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Reports:
    folder = tmp_path_factory.mktemp("killed")

    def database(name: str) -> str:
        shutil.copy(migrated_file, folder / f"{name}.db")
        return f"sqlite:///{folder}/{name}.db"

    return reports(folder, database, KILLS)


@pytest.fixture(scope="module")
def on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgres: str, migrated_database: str
) -> Iterator[Reports]:
    with ExitStack() as stack:

        def database(_: str) -> str:
            return stack.enter_context(throwaway_postgres.database(postgres, migrated_database))

        halved = {job: count // 2 for job, count in KILLS.items()}
        yield reports(tmp_path_factory.mktemp("killed"), database, halved)


def assert_nothing_is_lost(job: str, report: dict[str, Any]) -> None:
    whole = report["whole"]
    assert len(whole["preprints"]) == len(WORKS)
    for kill in report["kills"]:
        step, left = kill["step"], kill["left"]
        assert (kill["code"], kill["finished"]) == (-9, 0), step
        # Nothing half: what a window that is done says is stored, is.
        if job == "query":
            assert all(done in whole["done"] for done in left["done"]), step
        assert sum(stored for _, stored in left["done"]) <= len(left["preprints"]), step
        assert {tuple(v) for v in left["versions"]} <= {tuple(v) for v in whole["versions"]}, step
        # Nothing lost, nothing twice.
        assert kill["end"] == whole, step


@pytest.mark.parametrize("job", KILLS)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(
    request: pytest.FixtureRequest, kind: str, job: str
) -> None:
    report = request.getfixturevalue(f"on_{kind}")[job]

    assert len(report["kills"]) == KILLS[job] // (2 if kind == "postgresql" else 1)
    assert_nothing_is_lost(job, report)


@pytest.mark.nightly  # some hundred kills
@pytest.mark.parametrize("job", KILLS)
def test_a_kill_at_each_and_every_step(tmp_path: Path, migrated_file: Path, job: str) -> None:
    def database(name: str) -> str:
        shutil.copy(migrated_file, tmp_path / f"{name}.db")
        return f"sqlite:///{tmp_path}/{name}.db"

    report = reports(tmp_path, database, {job: MOST_STEPS})[job]

    assert len(report["kills"]) == report["steps"] < MOST_STEPS
    assert_nothing_is_lost(job, report)

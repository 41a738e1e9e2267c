"""kill -9 at every step of an ingest: what was stored stays, and the next one brings the rest once."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import throwaway_postgres
from tests.fake_arxiv import FakeArxiv, corpus, entry, feed

WORKS = corpus(8, days=3)
KILLS = {"query": 8, "oai": 8, "ids": 4, "files": 4}


class Slaughter:
    """Databases to be ingested into, and the processes that are killed meanwhile."""

    def __init__(self, folder: Path, template: Any, server: str | None) -> None:
        self.folder, self.template, self.server = folder, template, server
        self.part = 2 if server else 1  # a server's databases take longer to make
        self._stack = ExitStack()

    def __enter__(self) -> Slaughter:
        # Tokens are good for hours by the service's clock, so it must be right.
        now = datetime.now(UTC).replace(microsecond=0)
        self.service = self._stack.enter_context(FakeArxiv(list(WORKS), clock=now))
        self.service.page_size = 3
        entries = "".join(map(entry, WORKS))
        (self.folder / "page.xml").write_bytes(feed(entries, "search_query=x", len(WORKS)))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def database(self, name: str) -> str:
        """A fresh database."""
        if self.server is None:
            shutil.copy(self.template, self.folder / f"{name}.db")
            return f"sqlite:///{self.folder}/{name}.db"
        made = throwaway_postgres.database(self.server, self.template)
        return self._stack.enter_context(made)

    def reports(self, job: str, steps: list[int]) -> list[dict[str, Any]]:
        """What each kill left; without ``steps``, how many there are."""
        spec = {
            "job": job, "state": str(self.folder / "state"), "url": self.service.url,
            "oai_url": self.service.oai_url, "ids": [work.id for work in WORKS],
            "file": str(self.folder / "page.xml"),
            "steps": [[n, self.database(f"{job}-{n}")] for n in steps],
            "database": self.database(f"{job}-whole") if not steps else "",
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.faults.ingest.victims", json.dumps(spec)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["sqlite", "postgresql"])
def slaughter(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Slaughter]:
    if request.param == "sqlite":
        template, server = request.getfixturevalue("migrated_file"), None
    else:
        template = request.getfixturevalue("migrated_database")
        server = request.getfixturevalue("postgres")
    with Slaughter(tmp_path, template, server) as made:
        yield made


def assert_nothing_is_lost(slaughter: Slaughter, job: str, steps: list[int] | None) -> None:
    [whole] = slaughter.reports(job, [])
    assert len(whole["end"]["preprints"]) == len(WORKS)
    if steps is None:
        # The last, and some before it that are others when the code has changed.
        draw = random.Random(whole["steps"])
        between = draw.sample(range(2, whole["steps"]), KILLS[job] // slaughter.part - 1)
        steps = [*sorted(between), whole["steps"]]
    for report in slaughter.reports(job, steps):
        step, left = report["step"], report["left"]
        assert report["code"] == -9, step
        assert report["finished"] == 0, step
        # Nothing half: what a window that is done says is stored, is.
        if job == "query":
            assert all(done in whole["end"]["done"] for done in left["done"]), step
        assert sum(stored for _, stored in left["done"]) <= len(left["preprints"]), step
        assert {tuple(v) for v in left["versions"]} <= {tuple(v) for v in whole["end"]["versions"]}
        # Nothing lost, nothing twice.
        assert report["end"] == whole["end"], step


@pytest.mark.parametrize("job", ["query", "oai", "ids", "files"])
def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(
    slaughter: Slaughter, job: str
) -> None:
    assert_nothing_is_lost(slaughter, job, None)


@pytest.mark.nightly
@pytest.mark.parametrize("job", ["query", "oai", "ids", "files"])
def test_a_kill_at_each_and_every_step(slaughter: Slaughter, job: str) -> None:
    [whole] = slaughter.reports(job, [])
    assert_nothing_is_lost(slaughter, job, list(range(1, whole["steps"] + 1)))

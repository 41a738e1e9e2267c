"""An ingest that is killed with SIGKILL at one of its steps, and the one after it.

    python -m tests.faults.ingest.victims '{"jobs": {"query": [...]}, ...}'

imports everything once and forks: a child for each step that is to be the last, and one for each
that finishes the work. A step is a statement, a transaction's begin or end, a request, or an
operation on the files that keep requests apart; the kill falls before it. Prints a line of JSON
for each job: what an unbroken ingest leaves, and what each kill left.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, select, text

from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.ingest.arxiv_api import Client
from registry.ingest.harvest import harvest_ids, harvest_query
from registry.ingest.harvest_files import harvest_files
from registry.ingest.harvest_oai import harvest_oai
from registry.ingest.http import Fetcher, Limits
from registry.ingest.limiter import Limiter
from registry.ingest.oai import OaiClient
from registry.store.engine import Store, open_store
from registry.store.schema import preprints, sightings, versions, windows

QUERY = "cat:cs.LG OR cat:cs.CL OR cat:stat.ML"
_AUDITED = ("http.client.connect", "http.client.send", "os.rename", "open")


def query(store: Store, job: dict[str, Any]) -> bool:
    """Three days of the query API."""
    days = date(2026, 3, 2), date(2026, 3, 4)
    return harvest_query(store, _client(job), QUERY, *days, "day", retry=True).failure is None


def ids(store: Store, job: dict[str, Any]) -> bool:
    """Papers by their ids."""
    wanted = [ArxivId(id_) for id_ in job["ids"]]
    return harvest_ids(store, _client(job), wanted).failure is None


def oai(store: Store, job: dict[str, Any]) -> bool:
    """A set of OAI-PMH, page by page."""
    fetcher = Fetcher(Limiter(Path(job["state"]), interval=0.0), Limits(backoff_seconds=0.0))
    client = OaiClient(job["oai_url"], fetcher)
    return harvest_oai(store, client, "cs", date(2026, 3, 2), retry=True).failure is None


def files(store: Store, job: dict[str, Any]) -> bool:
    """A recorded answer."""
    return harvest_files(store, [Path(job["file"])]).failure is None


JOBS: dict[str, Callable[[Store, dict[str, Any]], bool]] = {
    "query": query, "ids": ids, "oai": oai, "files": files,
}  # fmt: skip


def _client(job: dict[str, Any]) -> Client:
    quick = Limits(backoff_seconds=0.0, page_size=2 if job["job"] == "query" else 100)
    return Client(job["url"], Limiter(Path(job["state"]), interval=0.0), quick)


def run(job: dict[str, Any]) -> int:
    """Do the job; the exit code."""
    with open_store(replace(Settings.load(), database_url=job["database"])) as store:
        return 0 if JOBS[job["job"]](store, job) else 1


def contents(database: str) -> dict[str, Any]:
    """What is in the store, without the moments at which it came."""
    settings = replace(Settings.load(), database_url=database)
    with open_store(settings) as store, store.read() as connection:
        if store.is_sqlite:
            assert connection.execute(text("PRAGMA quick_check")).scalar() == "ok"
        seen = select(versions.c.preprint_id, versions.c.version, versions.c.sha256)
        done = select(windows.c.start, windows.c.total_stored).where(windows.c.status == "done")
        return {
            "versions": sorted(map(list, connection.execute(seen))),
            "preprints": sorted(connection.execute(select(preprints.c.id)).scalars()),
            "sightings": sorted(connection.execute(select(sightings.c.preprint_id)).scalars()),
            "windows": len(connection.execute(select(windows.c.id)).all()),
            "done": sorted([str(w.start.date()), w.total_stored] for w in connection.execute(done)),
        }


def _install(number: int, state: str) -> list[int]:
    """SIGKILL before step ``number`` (from 1); counts the steps in the list given back."""
    seen = [0]

    def step(*_: Any, **__: Any) -> None:
        seen[0] += 1
        if seen[0] == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def audited(name: str, args: tuple[Any, ...]) -> None:
        if name in _AUDITED and (name.startswith("http") or str(args[0]).startswith(state)):
            step()

    for moment in ("before_cursor_execute", "begin", "commit", "rollback"):
        event.listen(Engine, moment, step)
    sys.addaudithook(audited)
    return seen


def _fork(work: Callable[[], int]) -> int:
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _kill(job: dict[str, Any], number: int) -> dict[str, Any]:
    """What a kill before step ``number`` left, and what the next ingest made of it."""

    def killed() -> int:
        _install(number, job["state"])
        return run(job)

    code = _fork(killed)
    left = contents(job["database"])
    finished = _fork(lambda: run(job))
    return {"step": number, "code": code, "left": left, "finished": finished,
            "end": contents(job["database"])}  # fmt: skip


def _count(job: dict[str, Any]) -> int:
    """How many steps an unbroken ingest has."""
    note = Path(job["state"] + ".steps")

    def counted() -> int:
        seen = _install(0, job["state"])
        code = run(job)
        note.write_text(str(seen[0]))
        return code

    assert _fork(counted) == 0
    return int(note.read_text())


def _together(spec: dict[str, Any]) -> list[int]:
    """The exit codes of the jobs of ``spec["together"]``, all running at once."""
    children = []
    for name in spec["together"]:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = run({**spec, "job": name})
            finally:
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def main(spec: dict[str, Any]) -> None:
    """For each job: once unbroken, then a kill in each of its databases."""
    if "together" in spec:
        print(json.dumps({"codes": _together(spec), "end": contents(spec["database"])}))
        return
    for name, databases in spec["jobs"].items():
        first, *others = databases
        mine = {**spec, "job": name, "database": first, "state": f"{spec['state']}/{name}"}
        Path(spec["state"]).mkdir(exist_ok=True)
        steps = _count(mine)
        report = {"job": name, "whole": contents(first), "steps": steps, "kills": []}
        # The last, and some before it that are others when the code has changed.
        draw = random.Random(steps).sample(range(1, steps), min(len(others), steps) - 1)
        for number, database in zip([*sorted(draw), steps], others, strict=False):
            state = f"{mine['state']}-{number}"
            report["kills"].append(_kill({**mine, "database": database, "state": state}, number))
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

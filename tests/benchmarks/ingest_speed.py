"""How many records a second go from a local file into SQLite, and how memory grows with the file.

    python -m tests.benchmarks.ingest_speed [--records 20000] [--day]

Three files of made-up records are written: OAI-PMH in ``arXivRaw``, JSON lines in the form of the
public dumps, and Atom. Each is read alone (``parse``), then ingested into an empty database
(``store``), made ready for search (``index``, as the end of ``registry ingest`` does) and ingested
once more (``again``), each in a process of its own, whose peak memory is taken; a file a quarter as
long tells whether it grows. Seconds are the process's own, so that a busy machine
counts less; the wall time stands beside them. ``--day`` also ingests one ordinary day of about 330
papers from the loopback service with three seconds between requests, as arXiv asks: two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.benchmarks.startup import processor

RESULTS = Path(__file__).with_name("results") / "ingest.json"
KINDS = ("oai", "json", "atom")
_ATOM_PAGE = 1000
_FIRST = datetime(2026, 1, 5, tzinfo=UTC)
_WORDS = [
    "policy",
    "reward",
    "preference",
    "decoder",
    "gradient",
    "token",
    "merge",
    "recall",
    "sample",
    "prompt",
    "answer",
    "group",
    "step",
    "model",
    "scale",
    "loss",
    "margin",
    "draft",
    "verifier",
    "search",
    "tree",
    "chain",
    "answer",
    "judge",
    "proxy",
    "drift",
    "anchor",
    "probe",
    "curriculum",
    "distil",
    "router",
    "expert",
    "adapter",
    "kernel",
    "cache",
    "budget",
    "entropy",
    "variance",
    "baseline",
    "critic",
]
_NAMES = [
    "Ada",
    "Bo",
    "Cy",
    "Di",
    "Ev",
    "Flo",
    "Gus",
    "Hal",
    "Ina",
    "Jo",
    "Kit",
    "Lou",
    "Max",
    "Nan",
    "Oz",
    "Pia",
]
_LAST = [
    "Example",
    "Sample",
    "Placeholder",
    "Fixture",
    "Specimen",
    "Template",
    "Instance",
    "Pattern",
]


def records(count: int) -> Iterator[dict[str, Any]]:
    """Made-up papers of the size of real ones: 1,100 letters of abstract, five authors."""
    chance = random.Random(7)
    for number in range(1, count + 1):
        moment = _FIRST + timedelta(minutes=7 * number)
        month = (_FIRST + timedelta(days=30 * (number // 90_000))).strftime("%y%m")
        yield {
            "id": f"{month}.{number % 90_000 + 1:05d}",
            "title": " ".join(chance.choices(_WORDS, k=10)).capitalize(),
            "abstract": ". ".join(" ".join(chance.choices(_WORDS, k=14)) for _ in range(12)),
            "authors": [f"{chance.choice(_NAMES)} {chance.choice(_LAST)}" for _ in range(5)],
            "categories": ["cs.LG", chance.choice(["cs.CL", "cs.AI", "stat.ML"])],
            "versions": [moment + timedelta(days=20 * v) for v in range(chance.choice((1, 1, 2)))],
        }


def write_file(kind: str, count: int, folder: Path) -> list[Path]:
    """The files of one kind with ``count`` records."""
    if kind == "json":
        path = folder / "dump.jsonl"
        with path.open("w") as file:
            for record in records(count):
                file.write(json.dumps(_dumped(record)) + "\n")
        return [path]
    if kind == "oai":
        path = folder / "oai.xml"
        with path.open("w") as file:
            file.write('<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>')
            file.write("2026-11-01T00:00:00Z</responseDate><ListRecords>\n")
            file.writelines(_raw(record) for record in records(count))
            file.write("</ListRecords></OAI-PMH>\n")
        return [path]
    return list(_atom(count, folder))


def measure(kind: str, step: str, count: int, folder: Path) -> dict[str, float]:
    """One step in this process: records a second of its own time, wall seconds, peak memory."""
    from registry.core.settings import Settings
    from registry.ingest.files import read_recorded, stream_recorded
    from registry.ingest.harvest_files import harvest_files
    from registry.store.engine import open_store
    from registry.store.index import catch_up

    paths = sorted(
        folder.glob({"oai": "oai.xml", "json": "dump.jsonl", "atom": "atom-*.xml"}[kind])
    )
    loaded = Settings.load(folder)
    settings = type(loaded)(**{**vars(loaded), "database_url": f"sqlite:///{folder}/{kind}.db"})
    work: Callable[[], int]
    if step == "parse":

        def work() -> int:
            return sum(1 for path in paths for _ in stream_recorded(read_recorded(path)))
    elif step == "index":
        store = open_store(settings)

        def work() -> int:
            return catch_up(store)
    else:
        store = open_store(settings)

        def work() -> int:
            counts = harvest_files(store, paths).counts
            return counts.new + counts.unchanged + counts.updated

    cpu, wall = time.process_time(), time.monotonic()
    done = work()
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    assert done == count, (kind, step, done, count)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"per_second": round(count / cpu), "wall_seconds": round(wall, 2), "mib": round(peak)}


def _in_process(kind: str, step: str, count: int, folder: Path) -> dict[str, float]:
    words = [sys.executable, "-m", __spec__.name, "--one", kind, step, str(count), str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _study(count: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kind in KINDS:
        found[kind] = {}
        for size in (count // 4, count):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                write_file(kind, size, folder)
                steps = ("parse", "store", "index", "again")
                here = {step: _in_process(kind, step, size, folder) for step in steps}
            found[kind][str(size)] = here
            print(kind, size, json.dumps(here), flush=True)
    return found


def _day() -> dict[str, Any]:
    """One day of the three services, after a first one that fills the weeks before."""
    from tests.fake_arxiv import FakeArxiv, corpus

    now = datetime.now(UTC)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=28)
    works = [work for work in corpus(330 * 28, first_day=first) if work.published < now]
    today = now - timedelta(days=1)
    old = [work for work in works if work.published < today]
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, FakeArxiv(old, clock=now) as service:
        service.page_size = 1000
        for label, interval in (("fill", "0"), ("day", "3")):
            service.works = old if label == "fill" else works
            if label == "day":
                service.clock = now + timedelta(days=1)
                _let_a_day_pass(Path(name) / "day.db")
            out = Path(name) / f"{label}.json"
            environment = {
                **os.environ,
                "REGISTRY_DATABASE_URL": f"sqlite:///{name}/day.db",
                "REGISTRY_ARXIV_URL": service.url,
                "REGISTRY_OAI_URL": service.oai_url,
                "REGISTRY_RSS_URL": service.rss_url,
                "REGISTRY_ARXIV_INTERVAL": interval,
                "XDG_STATE_HOME": name,
            }
            began = time.monotonic()
            code = "import sys; from registry.cli.app import main; sys.exit(main(sys.argv[1:]))"
            words = [sys.executable, "-c", code, "ingest", "--daily", "--summary-json", str(out)]
            subprocess.run(words, env=environment, check=False, capture_output=True)
            facts = json.loads(out.read_text())
            found[label] = {
                "seconds": round(time.monotonic() - began, 1),
                "waited_seconds": facts["waited_seconds"],
                "requests": facts["requests"],
                "new": len(facts["found"]),
            }
    return found


def _let_a_day_pass(database: Path) -> None:
    """Make yesterday of what was just asked, so that the queries are due again."""
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE windows SET finished_at = replace(datetime(finished_at, '-1 day'), ' ', 'T') "
            "|| '.000000+00:00' WHERE finished_at IS NOT NULL"
        )


def main() -> None:
    """Measure, print and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--day", action="store_true")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        kind, step, count, folder = asked.one
        print(json.dumps(measure(kind, step, int(count), Path(folder))))
        return
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    found |= {
        "what": "records a second of the process's own time; peak memory of the process, MiB",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cores": os.cpu_count(),
            "load": [round(value, 2) for value in os.getloadavg()],
            "processor": processor(),
            "python": platform.python_version(),
        },
        "files": _study(asked.records),
    }
    if asked.day:
        found["day"] = _day()
    RESULTS.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    print(json.dumps(found, indent=1))


def _dumped(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": record["id"],
        "title": record["title"],
        "abstract": record["abstract"],
        "authors_parsed": [[*name.split()[::-1], ""] for name in record["authors"]],
        "categories": " ".join(record["categories"]),
        "comments": "9 pages",
        "license": "http://creativecommons.org/licenses/by/4.0/",
        "versions": [
            {"version": f"v{n}", "created": f"{moment:%a, %d %b %Y %H:%M:%S} GMT"}
            for n, moment in enumerate(record["versions"], start=1)
        ],
        "update_date": "2026-10-01",
    }


def _raw(record: dict[str, Any]) -> str:
    history = "".join(
        f'<version version="v{n}"><date>{moment:%a, %d %b %Y %H:%M:%S} GMT</date>'
        "<size>99kb</size><source_type>D</source_type></version>"
        for n, moment in enumerate(record["versions"], start=1)
    )
    return (
        f"<record><header><identifier>oai:arXiv.org:{record['id']}</identifier>"
        "<datestamp>2026-10-01</datestamp><setSpec>cs:cs:LG</setSpec></header><metadata>"
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{record["id"]}</id>{history}'
        f"<title>{record['title']}</title><authors>{', '.join(record['authors'])}</authors>"
        f"<categories>{' '.join(record['categories'])}</categories><comments>9 pages</comments>"
        "<license>http://creativecommons.org/licenses/by/4.0/</license>"
        f"<abstract>  {record['abstract']}\n</abstract></arXivRaw></metadata></record>\n"
    )


def _atom(count: int, folder: Path) -> Iterator[Path]:
    from tests.fake_arxiv import Work, entry, feed

    page: list[str] = []
    for number, record in enumerate(records(count), start=1):
        first, last = record["versions"][0], record["versions"][-1]
        work = Work(
            record["id"], len(record["versions"]), record["title"], record["abstract"],
            tuple(record["authors"]), tuple(record["categories"]), first, last,
        )  # fmt: skip
        page.append(entry(work))
        if len(page) == _ATOM_PAGE or number == count:
            path = folder / f"atom-{number:07d}.xml"
            path.write_bytes(feed("".join(page), "search_query=x", len(page), 0, len(page)))
            page = []
            yield path


if __name__ == "__main__":
    main()

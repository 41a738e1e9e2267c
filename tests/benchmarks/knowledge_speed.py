"""How fast the store takes, finds, lists and relates papers, at 200,000 and at 1,000,000.

    python -m tests.benchmarks.knowledge_speed [--records N ...] [--database URL] [--out FILE]

The records are real titles, abstracts and categories recombined where ``shared`` lies beside the
project, made-up ones elsewhere; every tenth is also a catalogued paper with leaves. Parsing is not
part of it. Wall time and processor time are both given: on a busy machine only the second says
something about the program. The test suite runs the same functions on a few hundred records and
looks at what they return, never at the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from registry.core.settings import Settings
from registry.store.engine import Store, open_store
from registry.store.index import catch_up, index_papers
from registry.store.listing import CATALOGUED, Filter, listing
from registry.store.preprints import Preprint, put_preprints
from registry.store.relations import relations
from registry.store.rows import pieces, put
from registry.store.schema import paper_leaves, papers, sources
from registry.store.search import search
from registry.store.terms import STOP_WORDS, words
from tests.benchmarks.corpus import SEEN, Corpus
from tests.benchmarks.startup import processor

RESULTS = Path(__file__).with_name("results") / "knowledge.json"
BATCH = 2000  # records of one transaction
SAMPLE = 20_000  # records on which the ranking is held against exact BM25
LEAVES = tuple(f"group-{n % 16}/leaf-{n}" for n in range(90))

LISTINGS: dict[str, tuple[Filter, dict[str, Any]]] = {
    "candidates of a category": (Filter(category="cs.CL"), {}),
    "of a category and a year": (
        Filter(category="cs.CL", since=date(2024, 1, 1), until=date(2024, 12, 31)), {},
    ),
    "of a category, page 100": (Filter(category="cs.CL"), {"offset": 5000}),
    "of a category, last updated": (Filter(category="cs.CL"), {"sort": "updated"}),
    "oldest": (Filter(), {"sort": "oldest"}),
    "papers of a leaf": (Filter(CATALOGUED, leaf=LEAVES[7]), {}),
    "papers of a leaf and a category": (Filter(CATALOGUED, leaf=LEAVES[7], category="cs.LG"), {}),
    "with common words": (Filter(text="language model"), {}),
    "with common words, of a category": (
        Filter(text="language model", category="cs.CL", since=date(2025, 1, 1)), {},
    ),
    "with rare words": (Filter(text="preference optimization", category="cs.CL"), {}),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, nargs="+", default=[200_000, 1_000_000])
    parser.add_argument("--database", help="a PostgreSQL database instead; it is filled")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    corpus = Corpus()
    # A run of one size keeps what an earlier run measured at the others.
    before = json.loads(given.out.read_text()) if given.out.exists() else {}
    kind = "PostgreSQL" if given.database else "SQLite"
    measured: dict[str, Any] = dict(before.get("measured", {}))
    for count in given.records:
        with tempfile.TemporaryDirectory() as folder:
            url = given.database or f"sqlite:///{folder}/knowledge.db"
            measured[f"{kind}, {count:,} records"] = measure(corpus, url, count)
            given.out.parent.mkdir(parents=True, exist_ok=True)
            found = report(corpus, measured, before.get("ranking") or ranking(corpus, SAMPLE))
            given.out.write_text(json.dumps(found, indent=1) + "\n")
            before = found
    print(json.dumps(before, indent=1))
    return 0


def report(corpus: Corpus, measured: dict[str, Any], ranked: dict[str, Any]) -> dict[str, Any]:
    """The JSON: what was measured, on what, with what."""
    packages = ("sqlalchemy", "numpy", "PyStemmer")
    return {
        "what": "store, search, listing and related papers, one process; milliseconds, records/s",
        "date": datetime.now(UTC).date().isoformat(),
        "data": "real titles and abstracts, recombined" if corpus.real else "made-up words",
        "machine": {
            "cores": os.cpu_count(),
            "load": [round(value, 2) for value in os.getloadavg()],
            "processor": processor(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
        "versions": {name: metadata.version(name) for name in packages},
        "ranking": ranked,
        "measured": measured,
    }


def measure(corpus: Corpus, url: str, count: int, queries: int = 200) -> dict[str, Any]:
    """All figures for a fresh store of ``count`` records at ``url``."""
    with opened(url) as store:
        found = {"load": [round(value, 2) for value in os.getloadavg()]}
        found |= fill(store, corpus, count)
        asked = questions(corpus, queries)
        search(store, asked[0])
        found["search"] = timed(lambda query: search(store, query), asked)
        found["listing"] = {
            name: timed(lambda _: listing(store, asked_, **how), range(9))  # noqa: B023
            for name, (asked_, how) in LISTINGS.items()
        }
        ids = [corpus.record(n).id for n in range(0, count, max(1, count // 50))][:50]
        found["related"] = timed(lambda id_: relations(store, id_), ids)
    found["peak_memory_mb"] = peak_megabytes()
    return found


def opened(url: str) -> Store:
    """The store at ``url``, with a source to put records under."""
    store = open_store(replace(Settings.load(), database_url=url))
    with store.write() as connection:
        row = {"id": 1, "kind": "file", "query": "", "query_sha256": "", "created": SEEN}
        put(connection, sources, [row])
    return store


def fill(store: Store, corpus: Corpus, count: int) -> dict[str, Any]:
    """Store ``count`` records, then index them; how fast, and with how much memory."""
    wall, cpu, peaks = 0.0, 0.0, []
    for number, batch in enumerate(pieces(corpus.records(count), BATCH)):
        began = time.perf_counter(), time.process_time()
        with store.write() as connection:
            put_preprints(connection, batch, 1)
        wall, cpu = wall + time.perf_counter() - began[0], cpu + time.process_time() - began[1]
        if number % max(1, count // BATCH // 4) == 0:
            peaks.append(peak_megabytes())
    with store.write() as connection:
        catalogue(connection, [corpus.record(n) for n in range(0, count, 10)])
    began = time.perf_counter(), time.process_time()
    catch_up(store)
    wall_, cpu_ = time.perf_counter() - began[0], time.process_time() - began[1]
    return {
        "stored_per_second": {"wall": round(count / wall), "processor": round(count / cpu)},
        "indexed_per_second": {"wall": round(count / wall_), "processor": round(count / cpu_)},
        "stored_and_indexed_per_second": {
            "wall": round(count / (wall + wall_)), "processor": round(count / (cpu + cpu_)),
        },
        "peak_memory_mb_while_storing": peaks,
    }  # fmt: skip


def catalogue(connection: Any, records: Sequence[Preprint]) -> None:
    """Make ``records`` papers of the catalog, each with one or two leaves."""
    rows, leaves = [], []
    for n, one in enumerate(records):
        rows.append(
            {"id": one.id, "kind": "paper", "title": one.title, "former_titles": [],
             "authors": one.authors, "submitted": one.published.date(),
             "categories": one.categories, "gist": "", "claims": [], "status": "active"}
        )  # fmt: skip
        for place in range(1 + n % 2):
            leaf = LEAVES[(n * 7 + place) % len(LEAVES)]
            leaves.append({"paper_id": one.id, "leaf": leaf, "position": place})
    put(connection, papers, rows)
    put(connection, paper_leaves, leaves)
    index_papers(connection, [one.id for one in records])


def questions(corpus: Corpus, count: int) -> list[str]:
    """The same ``count`` questions every time: two to four words in a row of real titles."""
    chance = random.Random(1)
    found = []
    for title in chance.sample(corpus.titles(), count):
        parts, length = title.split(), chance.choice((2, 3, 4))
        start = chance.randrange(max(1, len(parts) - length))
        found.append(" ".join(parts[start : start + length]))
    return found


def timed(ask: Callable[[Any], Any], asked: Iterable[Any]) -> dict[str, Any]:
    """Milliseconds of each call: median, 95th percentile, highest; wall and processor."""
    walls, cpus = [], []
    for one in asked:
        began = time.perf_counter(), time.process_time()
        ask(one)
        walls.append(1000 * (time.perf_counter() - began[0]))
        cpus.append(1000 * (time.process_time() - began[1]))

    def spread(values: list[float]) -> dict[str, float]:
        values.sort()
        at = (("p50", 0.5), ("p95", 0.95), ("highest", 1.0))
        last = len(values) - 1
        return {name: round(values[round(part * last)], 1) for name, part in at}

    return {"wall": spread(walls), "processor": spread(cpus)}


def ranking(corpus: Corpus, count: int, queries: int = 200) -> dict[str, Any]:
    """How many of the ten best by FTS5's exact bm25 the search has among its ten."""
    shared = wanted = 0
    with tempfile.TemporaryDirectory() as folder:
        oracle = exact_index(corpus, count)
        with opened(f"sqlite:///{folder}/sample.db") as store:
            with store.write() as connection:
                put_preprints(connection, corpus.records(count), 1)
            catch_up(store)
            for question in questions(corpus, queries):
                asked = [w for w in words(question) if w not in STOP_WORDS] or words(question)
                best = exact_ten(oracle, asked)
                mine = {hit.id for hit in search(store, " ".join(asked), 10)}
                shared, wanted = shared + len(mine & set(best)), wanted + len(best)
    return {
        "records": count,
        "questions": queries,
        "first_ten_shared_with_exact_bm25": round(shared / max(1, wanted), 4),
    }


def exact_index(corpus: Corpus, count: int) -> sqlite3.Connection:
    """The same words in FTS5, which ranks every hit."""
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE VIRTUAL TABLE d USING fts5(id UNINDEXED, heading, names, summary, body, "
        "tokenize='porter')"
    )
    for one in corpus.records(count):
        texts = (one.title, " ".join((one.id, *one.authors, *one.categories)), "", one.abstract)
        folded = [" ".join(words(text)) for text in texts]
        database.execute("INSERT INTO d VALUES (?, ?, ?, ?, ?)", (one.id, *folded))
    return database


def exact_ten(oracle: sqlite3.Connection, asked: Sequence[str]) -> list[str]:
    """The ten best: the strictest of the four questions first, within each by FTS5's bm25."""
    both, phrase = " AND ".join(f'"{word}"' for word in asked), '"' + " ".join(asked) + '"'
    ranked = oracle.execute(
        "SELECT id FROM d WHERE d MATCH ? ORDER BY bm25(d, 0, 10, 4, 3, 1), id", (both,)
    )
    place = {id_: n for n, (id_,) in enumerate(ranked)}
    found: dict[str, None] = {}
    for query in (f"heading : {phrase}", f"heading : ({both})", phrase, both):
        rows = oracle.execute("SELECT id FROM d WHERE d MATCH ?", (query,))
        found |= dict.fromkeys(sorted((id_ for (id_,) in rows), key=place.__getitem__))
        if len(found) >= 10:
            break
    return list(found)[:10]


def peak_megabytes() -> int:
    """The most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    raise SystemExit(main())

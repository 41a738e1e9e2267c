"""How long the whole catalog takes to load, check, mirror, diagnose and publish.

    python -m tests.benchmarks.catalog [--out FILE] [--site]

Each step is a process of its own, as a user starts it, after one that is thrown away; wall and
processor seconds, the median of three. ``--site`` builds the site too, once, without and with
mkdocs. Writes JSON; the catalog and the database of the measurement are the checkout's and a
temporary one.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from registry.catalog.files import load_papers
from registry.core.settings import Settings

RESULTS = Path(__file__).with_name("results") / "catalog.json"
RUNS = 3
LOAD = (
    "from registry.catalog.files import load_catalog; from registry.core.settings import Settings"
)
STEPS = {
    "load_catalog": ("-c", f"{LOAD}; load_catalog(Settings.load().catalog_dir)"),
    "registry list papers": ("-m", "registry", "list", "papers"),
    "registry check": ("-m", "registry", "check"),
    "registry search, first (mirrors all)": ("-m", "registry", "search", "verifier"),
    "registry search, again": ("-m", "registry", "search", "verifier"),
    "registry doctor": ("-m", "registry", "doctor"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--site", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = {name: _step(name, words, Path(folder)) for name, words in STEPS.items()}
        if given.site:
            base = ("-m", "registry", "publish", "--out", f"{folder}/site")
            measured["registry publish --no-build"] = _once((*base, "--no-build"), Path(folder))
            measured["registry publish"] = _once(base, Path(folder))
    for name, one in measured.items():
        print(f"{name:40} {one['wall_seconds']:7.2f} s  {one['cpu_seconds']:7.2f} s of a processor")
    report = {
        "papers": len(load_papers(Settings.load().catalog_dir)),
        "date": datetime.now(UTC).date().isoformat(),
        "device": f"{os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}",
        "load_average": round(os.getloadavg()[0], 1),
        "steps": measured,
    }
    given.out.write_text(json.dumps(report, indent=1) + "\n")


def _step(name: str, words: tuple[str, ...], folder: Path) -> dict[str, float]:
    database = folder / "registry.db"
    taken = []
    for _ in range(RUNS + 1):
        if "first" in name:
            database.unlink(missing_ok=True)
        taken.append(_once(words, folder))
    kept = taken[1:]
    return {key: round(statistics.median(one[key] for one in kept), 3) for key in kept[0]}


def _once(words: tuple[str, ...], folder: Path) -> dict[str, float]:
    environment = {**os.environ, "REGISTRY_DATABASE_URL": f"sqlite:///{folder}/registry.db"}
    before, begun = _children(), time.monotonic()
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, check=False
    )
    wall = time.monotonic() - begun
    assert done.returncode == 0, done.stderr.decode()[-500:]
    return {"wall_seconds": round(wall, 3), "cpu_seconds": round(_children() - before, 3)}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()

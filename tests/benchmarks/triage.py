"""How well the ranking finds what a list holds that it has never seen, and how fast it is.

    python -m tests.benchmarks.triage [--labels FILE] [--background FILE] [--seeds 3] [--out FILE]

Replays every list of the labels as ``registry triage simulate`` does, with and without unlisted
papers that speak of post-training in the pools; holds the labelled papers out by fifths to see
which leaf is suggested first; times training and ranking. Writes JSON that the site's page reads.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from registry.catalog.files import load_taxonomy
from registry.catalog.models import Taxonomy
from registry.cli.output import plain
from registry.core.settings import Settings
from registry.triage import leaves as leafing
from registry.triage.documents import Example, merge, part_of
from registry.triage.features import Vectoriser
from registry.triage.label_files import read_background, read_labels
from registry.triage.ranker import train
from registry.triage.simulate import Options
from registry.triage.study import study
from tests.benchmarks.startup import processor

SHARED = Path(__file__).parents[3] / "shared" / "data"
RESULTS = Path(__file__).with_name("results") / "triage.json"
FOLDS = 5
ALL = ("relevance", "uncertainty", "random", "newest", "keyword")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--labels", type=Path, default=SHARED / "labels.jsonl.gz")
    parser.add_argument("--background", type=Path, default=SHARED / "arxiv/background.jsonl.gz")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pool", type=int, default=Options.pool)
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    labelled, unlisted = read_labels(given.labels), read_background(given.background)
    taxonomy = load_taxonomy(Settings.load().catalog_dir)
    options = Options(seeds=given.seeds, pool=given.pool)
    timed = seconds(labelled, unlisted, taxonomy)  # first: what was counted once is remembered
    clean = study(labelled, unlisted, taxonomy, replace(options, clean=True, strategies=ALL), talk)
    everything = study(labelled, unlisted, taxonomy, options, talk)
    found = {
        "what": "lists held out and replayed; leaves by fifths; seconds of wall time",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {
            "cores": os.cpu_count(),
            "load": [round(value, 2) for value in os.getloadavg()],
            "processor": processor(),
            "python": platform.python_version(),
        },
        "versions": {name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")},
        "data": {path.name: sha256(path) for path in (given.labels, given.background)},
        "labelled": len(labelled),
        "unlisted": len(unlisted),
        "leaves": leaf_accuracy(labelled, taxonomy),
        **timed,
        "clean": plain(clean),
        "everything": plain(everything),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(found, indent=1) + "\n")
    for name in ("clean", "everything"):
        for one in found[name]["strategies"]:
            said = {key: figure["mean"] for key, figure in one["measures"].items()}
            print(f"{name:11} {one['strategy']:12} {said}")
    print(found["leaves"])
    return 0


def leaf_accuracy(labelled: Sequence[Example], taxonomy: Taxonomy) -> dict[str, Any]:
    """How often the first leaf is one that the labels have, over papers with abstracts."""
    filed = [one for one in labelled if one.relevant and one.leaves]
    first = group = among = named = right = count = 0
    for fold in range(FOLDS):
        known = [one for one in filed if part_of(f"fold {one.document.id}", FOLDS) != fold]
        held = [one for one in filed if part_of(f"fold {one.document.id}", FOLDS) == fold]
        held = [one for one in held if one.document.abstract]
        taught = [*leafing.leaf_examples(taxonomy), *known]
        vectoriser = Vectoriser.fit([one.document for one in taught])
        fitted = leafing.fit(vectoriser, known, taxonomy)
        every = fitted.probabilities(vectoriser.rows([one.document for one in held]))
        for one, row in zip(held, every, strict=True):
            order = sorted(range(len(row)), key=lambda n: -row[n])
            slugs = [fitted.slugs[n] for n in order[:3]]
            hit = slugs[0] in one.leaves
            groups = {leaf.partition("/")[0] for leaf in one.leaves}
            count, first, group = count + 1, first + hit, group + (slugs[0].split("/")[0] in groups)
            among += bool(set(slugs) & set(one.leaves))
            if row[order[0]] >= leafing.LEAST_LIKELY:
                named, right = named + 1, right + hit
    return {
        "papers": count,
        "leaf": round(first / count, 4),
        "group": round(group / count, 4),
        "among_three": round(among / count, 4),
        "named": round(named / count, 4),
        "leaf_where_named": round(right / named, 4),
    }


def seconds(
    labelled: Sequence[Example], unlisted: Sequence[Example], taxonomy: Taxonomy
) -> dict[str, float]:
    """Seconds to train on everything, again after a decision, and to rank a thousand candidates."""
    examples = merge(labelled, unlisted[:4000])
    rejected = [replace(unlisted[0], decided=True, own=True)]
    started = time.perf_counter()
    ranker = train(examples, taxonomy)
    trained = time.perf_counter()
    train(merge(rejected, examples), taxonomy)
    again = time.perf_counter()
    ranker.rank([one.document for one in unlisted[4000:5000]])
    return {
        "train_seconds": round(trained - started, 2),
        "again_seconds": round(again - trained, 2),
        "rank_seconds": round(time.perf_counter() - again, 2),
    }


def sha256(path: Path) -> str:
    """The hash of a data file: which one was measured on."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def talk(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

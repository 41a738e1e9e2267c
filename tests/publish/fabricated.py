"""A small made-up world: a catalog, evidence and runs as files below a temporary folder."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

from registry.catalog.files import save_entry
from registry.catalog.models import (
    CanonicalPaper,
    Claim,
    Comparison,
    Curve,
    Discrepancy,
    Evidence,
    Group,
    Leaf,
    Link,
    Measurement,
    MethodLink,
    Paper,
    Section,
    Series,
    Survey,
    Taxonomy,
)
from registry.core.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
FIRST, SECOND, SURVEY, WITHDRAWN = "2501.00001", "2502.00002", "2503.00003", "2504.00004"


def settings(folder: Path) -> Settings:
    """Settings whose every place is below ``folder``, but for the site's frame."""
    return Settings(
        checkout=None,
        workspace=folder,
        catalog_dir=folder / "catalog",
        site_dir=REPOSITORY / "site",
        runs_dir=folder / "runs",
        cache_dir=folder / "cache",
        database_url=f"sqlite:///{folder / '.registry' / 'registry.db'}",
        arxiv_url="http://127.0.0.1:9/",
        offline=True,
    )


def write_world(folder: Path) -> Settings:
    """A catalog of four entries, one experiment and two runs below ``folder``."""
    catalog = folder / "catalog"
    for entry in (taxonomy(), paper(), other_paper(), survey(), withdrawn(), evidence()):
        save_entry(catalog, entry)
    write_run(folder / "runs", "dpo-20260102-030405-abcd")
    write_run(folder / "runs", "dpo-20260102-040506-beef", status="interrupted")
    return settings(folder)


def taxonomy() -> Taxonomy:
    leaves = (
        Leaf(slug="alignment/pairwise", title="Pairwise preferences", scope="Learns from pairs."),
        Leaf(
            slug="alignment/rewards",
            title="Reward models",
            scope="Learns a score.",
            canonical=(CanonicalPaper(name="Made-up reward", id="2505.00005", title="A Reward"),),
        ),
    )
    group = Group(slug="alignment", title="Alignment", description="To people.", leaves=leaves)
    return Taxonomy(
        version="1", facets={"signal": ("pairs", "scores")}, groups=(group,), rules=("One leaf.",)
    )


def paper(**changes: Any) -> Paper:
    facts: dict[str, Any] = {
        "id": FIRST,
        "title": "Calm Seas for Small Boats",
        "authors": ("Ada Fabricata", "Ben Inventato"),
        "submitted": date(2025, 1, 2),
        "updated": date(2025, 3, 4),
        "categories": ("cs.LG", "cs.CL"),
        "licence": "http://creativecommons.org/licenses/by/4.0/",
        "venue": "Journal of Made-Up Results 2025",
        "leaf": "alignment/pairwise",
        "secondary": ("alignment/rewards",),
        "facets": {"signal": ("pairs",)},
        "gist": "Shows that small boats prefer calm seas, with pairs of boats.",
        "methods": (MethodLink(slug="dpo", relation="introduces"),),
        "claims": (
            Claim(id="c1", text="Boats like calm.", where="Section 2, Table 1", kind="result"),
            Claim(
                id="c2",
                text="Storms are loud.",
                where="Eq. 3",
                kind="theory",
                arxiv_version=2,
                untested="No storm fits into a bathtub.",
                bearing=("dpo-sentiment",),
            ),
        ),
        "discrepancies": (
            Discrepancy(
                id="d1",
                between="tables",
                text="One table counts 3 storms, the other 30.",
                where="Tables 2 and 4",
                source="the tables",
                settled="Neither count is used.",
                claims=("c2",),
            ),
        ),
        "links": (Link(kind="code", url="https://example.org/boats"),),
        "related": (SURVEY,),
    }
    return Paper(**{**facts, **changes})


def other_paper() -> Paper:
    return Paper(
        id=SECOND,
        title="Boats and Their Rewards",
        authors=("Cleo Nessuno",),
        submitted=date(2025, 2, 3),
        categories=("cs.LG",),
        leaf="alignment/rewards",
        gist="Gives small boats a reward for calm seas.",
    )


def survey() -> Survey:
    return Survey(
        id=SURVEY,
        title="A Survey of Boats",
        authors=("Dora Fabricata",),
        submitted=date(2025, 3, 4),
        categories=("cs.CL",),
        leaf="alignment/pairwise",
        gist="Lists the boats there are.",
        outline=(
            Section(
                title="Boats",
                papers=(FIRST,),
                sections=(Section(title="Sails", papers=("2505.00005",), methods=("dpo", "XYZ")),),
            ),
        ),
        outline_source="The table of contents of version 1.",
    )


def withdrawn() -> Paper:
    return Paper(
        id=WITHDRAWN,
        title="Perpetual Motion of Boats",
        authors=("Emil Inventato",),
        submitted=date(2025, 4, 5),
        categories=("cs.LG",),
        leaf="alignment/rewards",
        gist="Claimed that boats need no wind.",
        status="withdrawn",
        status_note="An error in the proof.",
        superseded_by=FIRST,
    )


def evidence(**changes: Any) -> Evidence:
    arms = (("dpo", "DPO", "dpo", 0.6, 0.72), ("control", "Random pairs", None, 0.6, 0.61))
    measured = tuple(
        Measurement(
            arm=slug,
            label=label,
            method=method,
            measure="calm",
            unit="fraction",
            seeds=(0, 1, 2),
            before=(before,) * 3,
            after=(after - 0.01, after, after + 0.01),
            mean_after=after,
            interval=(after - 0.025, after + 0.025),
            seconds=(61.0, 62.0, 63.0),
        )
        for slug, label, method, before, after in arms
    )
    xs = (1.0, 2.0, 4.0, 8.0)
    ys = (0.60, 0.66, 0.70, 0.72)
    curve = Curve(
        name="calm-over-steps",
        title="Calm over the steps",
        x_label="step",
        y_label="calm",
        x_log=True,
        series=(
            Series(label="DPO", x=xs, y=ys, low=tuple(y - 0.02 for y in ys), high=ys),
            Series(label="Random pairs", x=xs, y=(0.6, 0.605, 0.612, 0.61)),
        ),
    )
    facts: dict[str, Any] = {
        "method": "dpo",
        "paper": FIRST,
        "claim": "c1",
        "scale": "tiny",
        "question": "Do boats trained on pairs prefer calm seas more than boats trained on noise?",
        "protocol": "A tiny boat, 200 seas, 50 held out, three seeds, 40 steps an arm.",
        "measured": measured,
        "comparisons": (
            Comparison(
                text="DPO above random pairs", difference=0.11, interval=(0.08, 0.14), holds=True
            ),
        ),
        "curves": (curve,),
        "verdict": "reproduced",
        "notes": ("The sea was a bathtub.",),
        "command": "registry verify dpo --scale tiny",
        "date": date(2026, 1, 2),
        "device": "2 cores of a made-up CPU",
        "versions": {"python": "3.11", "torch": "2.13.0"},
        "git_commit": "0123456789abcdef0123456789abcdef01234567",
    }
    return Evidence(**{**facts, **changes})


def write_run(runs: Path, run_id: str, status: str = "finished") -> Path:
    """A run folder as a worker leaves it."""
    folder = runs / run_id
    folder.mkdir(parents=True)
    spec = {
        "schema": 1,
        "run_id": run_id,
        "method": "dpo",
        "paper": FIRST,
        "config": {"model": "tiny", "learning_rate": 0.001, "steps": 40},
        "provenance": {"model": "user", "learning_rate": "preset", "steps": "default"},
        "seed": 7,
        "device": "cpu",
        "command": "registry run dpo --model tiny --seed 7",
        "git": {"commit": "0123456789abcdef", "dirty": True},
    }
    manifest = {
        **spec,
        "status": status,
        "error": None if status == "finished" else "stopped by hand",
        "config_sha256": "ab" * 32,
        "versions": {"python": "3.11", "torch": "2.13.0"},
        "device_name": "a made-up CPU",
        "threads": 2,
        "model": {"name": "tiny", "source": "built in", "parameters": 123456, "fingerprint": "ff"},
        "data": {"name": "seas", "fingerprint": "ee", "train": 200, "held_out": 50},
        "started": "2026-01-02T03:04:05Z",
        "finished": "2026-01-02T03:05:37Z",
        "seconds": 92.0,
        "peak_memory_bytes": 300 * 2**20,
        "last_step": 40,
        "steps": 40,
    }
    measure = {
        "name": "calm",
        "title": "Held-out calm",
        "unit": "fraction",
        "higher_is_better": True,
        "before": 0.6,
        "after": 0.72,
        "n": 50,
        "before_interval": [0.46, 0.73],
        "after_interval": [0.58, 0.83],
    }
    results = {"key": "calm", "measures": [measure], "notes": ["One seed."], "train_seconds": 60.0}
    steps = [
        {"step": n, "loss": 0.7 * math.exp(-n / 20), "grad_norm": 1 + math.sin(n) / 4}
        for n in range(1, 41)
    ]
    samples = [
        {"step": "before", "prompt": "How is the sea?\n", "completion": "Rough.", "reward": 0.0},
        {"step": "after", "prompt": "How is the sea?\n", "completion": "Calm.", "reward": 1.0},
    ]
    _dump(folder / "spec.json", spec)
    _dump(folder / "manifest.json", manifest)
    _lines(folder / "metrics.jsonl", steps)
    _lines(folder / "samples.jsonl", samples)
    if status == "finished":
        _dump(folder / "results.json", results)
    return folder


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

"""What is read of public lists, and what is found wrong in them, on the shared data.

    python -m tests.benchmarks.lists [--out FILE] [--data ../shared/data]

Three things: how many rows come back when the rows of real lists are written in each style that
lists use; what an audit finds in each list; and how its findings on titles agree with what was
found about the same rows by hand and by other means (``check`` in the data, which the audit never
reads). Prints tables and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from registry.catalog.files import load_catalog
from registry.core.escape import one_line
from registry.core.settings import Settings
from registry.ingest.lists.audit import audit
from registry.ingest.lists.document import Document
from registry.ingest.lists.findings import Finding
from registry.ingest.lists.knowledge import gather
from registry.ingest.lists.readers import read_json_lines, read_markdown
from registry.ingest.lists.titles import TitleIndex
from registry.ingest.lists.wording import clean_title
from tests.ingest.lists.styles import STYLES, markdown

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).with_name("results") / "lists.json"
OWN = "the source survey's own list"
_ABOUT_TITLES = ("wrong-id", "other-paper", "title-differs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    given = parser.parse_args()
    rows = _rows(given.data)
    found = {
        "device": f"{platform.machine()} CPU, {os.cpu_count()} cores, one used",
        "styles": styles(rows),
        **audits(given.data, rows),
    }
    given.out.write_text(json.dumps(found, indent=1) + "\n")


def styles(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows recovered from each style; exact ones have title and identifier to the letter."""
    facts = [fact for row in rows if (fact := _fact(row))]
    measured = {}
    for style in STYLES:
        began = time.perf_counter()
        document = read_markdown(markdown(style, facts, "Made up"), style)
        seconds = time.perf_counter() - began
        got = Counter(one_line(row.title).lower() for row in document.rows)
        want = Counter(clean_title(title).lower() for title, _, _ in facts)
        measured[style] = {
            "rows": len(facts),
            "recovered": len(document.rows),
            "with_title_to_the_letter": (want & got).total(),
            "reported": len(document.skipped),
            "seconds": round(seconds, 1),
        }
        print(f"{style:13}", measured[style])
    return measured


def audits(data: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What an audit finds in each list, and how that agrees with the data's own checks."""
    catalog = load_catalog(Settings.load().catalog_dir)
    documents = _documents(data)
    with tempfile.TemporaryDirectory() as cache:
        began = time.perf_counter()
        index = TitleIndex.open(data / "arxiv" / "id_title_index.tsv.gz", Path(cache))
        made = time.perf_counter() - began
        began = time.perf_counter()
        report = audit(documents, gather(documents, catalog, None, index), catalog.taxonomy)
        seconds = time.perf_counter() - began
        looked_up = _look_ups(index, rows)
        index.close()
    table = {d.name: _of_list(d, report.findings) for d in documents}
    for name, line in table.items():
        print(f"{name:28}", line)
    agreement = _agreement(rows, report.findings)
    print(agreement, looked_up)
    return {
        "index": {"pairs": index.pairs, "seconds_to_make": round(made, 1), **looked_up},
        "audit": {"rows": report.rows, "seconds": round(seconds, 1), "accepted_though_renamed": report.renamed},
        "lists": table,
        "agreement_on_titles": agreement,
    }  # fmt: skip


def _documents(data: Path) -> list[Document]:
    own = read_json_lines((data / "lists" / "awesome_papers.jsonl").read_text(), OWN)
    return own + read_json_lines((data / "lists" / "public_lists.jsonl").read_text(), "public")


def _rows(data: Path) -> list[dict[str, Any]]:
    own = (data / "lists" / "awesome_papers.jsonl").read_text().splitlines()
    rows = [{**json.loads(line), "list": OWN} for line in own]
    numbers: Counter[str] = Counter()
    for line in (data / "lists" / "public_lists.jsonl").read_text().splitlines():
        row = json.loads(line)
        rows.append(row)
    for number, row in enumerate(rows, start=1):
        numbers[row["list"]] += 1
        row["line"] = row.get("line") or number - (len(own) if row["list"] != OWN else 0)
    return rows


def _fact(row: dict[str, Any]) -> tuple[str, str, str | None] | None:
    """What a style writes; rows whose title is a piece of markup are left out."""
    title, links = row["title"], row["links"]
    if not links or len(title.split()) < 3 or any(c in title for c in "|<") or "](" in title:
        return None
    papers = [link for link in links if "github.com" not in link]
    code = next((link for link in links if "github.com" in link), None)
    return (title, papers[0], code) if papers else None


def _of_list(document: Document, findings: tuple[Finding, ...]) -> dict[str, Any]:
    mine = [f for f in findings if f.list == document.name]
    return {
        "rows": len(document.rows) + len(document.skipped),
        "recovered": len(document.rows),
        "reported": len(document.skipped),
        "errors": sum(f.severity == "error" for f in mine),
        **dict(sorted(Counter(f.code for f in mine).items())),
    }


def _agreement(rows: list[dict[str, Any]], findings: tuple[Finding, ...]) -> dict[str, Any]:
    marked: dict[tuple[str, int, str | None], str] = {}
    for finding in findings:
        if finding.code in _ABOUT_TITLES:
            marked[finding.list, finding.line, finding.arxiv_id] = finding.severity
    counts: dict[str, Counter[str]] = {"mismatch": Counter(), "verified": Counter()}
    for row in rows:
        if row["check"] in counts:
            said = marked.get((row["list"], row["line"], row["arxiv_id"]), "accepted")
            counts[row["check"]][said] += 1
    wrong, right = counts["mismatch"], counts["verified"]
    return {
        "rows_marked_mismatch": dict(wrong),
        "rows_marked_verified": dict(right),
        "recall": round(1 - wrong["accepted"] / wrong.total(), 4),
        "recall_errors_only": round(wrong["error"] / wrong.total(), 4),
        "verified_called_an_error": round(right["error"] / right.total(), 4),
        "verified_warned_of": round(right["warning"] / right.total(), 4),
    }


def _look_ups(index: TitleIndex, rows: list[dict[str, Any]]) -> dict[str, float]:
    times = []
    for row in rows[::7]:
        began = time.perf_counter()
        index.nearest(row["title"], 1)
        times.append(1000 * (time.perf_counter() - began))
    times.sort()
    middle, late = times[len(times) // 2], times[int(0.95 * len(times))]
    return {"look_up_median_ms": round(middle, 2), "look_up_p95_ms": round(late, 2)}


if __name__ == "__main__":
    main()

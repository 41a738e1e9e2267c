"""The page of triage: what the record says, and no page where there is none."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import html5lib
import pytest

from registry.core.errors import RegistryError
from registry.publish.markup import Page
from registry.publish.pages import all_pages
from registry.publish.snapshot import Snapshot
from registry.publish.triage_page import triage_page
from registry.publish.triage_results import read_triage
from registry.triage.recall_chart import SHARES
from tests.publish.site_tree import Element


def record() -> dict[str, Any]:
    """A made-up record of two strategies on two lists."""

    def figure(mean: float) -> dict[str, Any]:
        return {"mean": mean, "interval": [mean - 0.01, mean + 0.01], "values": [mean]}

    def measures(wss: float) -> dict[str, float]:
        return {"wss95": wss, "rrf10": 0.9, "atd": 0.05, "average_precision": 0.75}

    def strategy(name: str, wss: float) -> dict[str, Any]:
        lists = [
            {"held_out": held_out, "relevant": 40.0, "pool": 1040.0, "best_wss95": 0.911,
             "measures": measures(wss)}
            for held_out in ("one list", "<b>another</b>")
        ]  # fmt: skip
        return {
            "strategy": name, "lists": lists, "recall": [figure(share) for share in SHARES],
            "measures": {key: figure(value) for key, value in measures(wss).items()},
        }  # fmt: skip

    def study(best: float) -> dict[str, Any]:
        strategies = [strategy("relevance", best), strategy("random", 0.001)]
        return {"options": {}, "seeds": [0, 1, 2], "strategies": strategies}

    return {
        "date": "2026-11-20",
        "machine": {"processor": "Made-up CPU", "cores": 2, "python": "3.11.7", "load": [1.0]},
        "labelled": 3135, "unlisted": 18545, "train_seconds": 3.25, "rank_seconds": 1.125,
        "again_seconds": 0.875,
        "leaves": {"papers": 1145, "leaf": 0.64, "group": 0.715, "among_three": 0.8, "named": 0.7,
                   "leaf_where_named": 0.79},
        "clean": study(0.85), "everything": study(0.7),
    }  # fmt: skip


def write(checkout: Path, found: Any) -> Path:
    path = checkout / "tests" / "benchmarks" / "results" / "triage.json"
    path.parent.mkdir(parents=True)
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return path


@pytest.fixture
def page(tmp_path: Path) -> Page:
    write(tmp_path, record())
    made = triage_page(read_triage(tmp_path))
    assert made is not None
    return made


def rows(page: Page, caption: str) -> list[list[list[str]]]:
    tree: Element = html5lib.parseFragment("\n".join(page.blocks), namespaceHTMLElements=False)
    tables = [t for t in tree.iter("table") if t.findtext("caption") == caption]
    return [
        [["".join(cell.itertext()) for cell in row.iter("td")] for row in table.iter("tr")][1:]
        for table in tables
    ]


def test_each_order_has_its_figures_with_intervals(page: Page) -> None:
    clean, everything = rows(page, "Means over 2 lists and 3 seeds")
    assert clean[0] == [
        "likeliest first", "0.850 (0.840 to 0.860)", "0.900 (0.890 to 0.910)",
        "0.050 (0.040 to 0.060)", "0.750 (0.740 to 0.760)",
    ]  # fmt: skip
    assert everything[0][1] == "0.700 (0.690 to 0.710)"
    assert clean[1][0] == "at random"


def test_each_list_stands_beside_the_best_that_could_be(page: Page) -> None:
    [lists] = rows(page, "likeliest first")
    assert lists[0] == [
        "one list", "40 of 1,040", "0.850 of 0.911", "0.750", "0.700 of 0.911", "0.750"
    ]  # fmt: skip
    assert lists[1][0] == "<b>another</b>"  # as text: it came from a file
    assert "<b>" not in "".join(page.blocks)


def test_recall_is_drawn_twice_and_leaves_device_and_day_are_told(page: Page) -> None:
    assert "\n".join(page.blocks).count("<svg") == 2
    tree: Element = html5lib.parseFragment("\n".join(page.blocks), namespaceHTMLElements=False)
    said = "".join(tree.itertext())
    for fact in ("64.0", "71.5", "Made-up CPU", "2026-11-20", "18,545", "3.25", "0.875"):
        assert fact in said


def test_the_site_has_the_page_only_where_it_was_measured(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    assert read_triage(tmp_path) is None
    assert read_triage(None) is None
    assert "speed/triage" not in [page.folder for page in all_pages(snapshot)]
    write(tmp_path, record())
    measured = dataclasses.replace(snapshot, triage=read_triage(tmp_path))
    assert "speed/triage" in [page.folder for page in all_pages(measured)]


@pytest.mark.parametrize("content", ["{not json", json.dumps(record() | {"leaves": {}})])
def test_a_bad_record_is_named(tmp_path: Path, content: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(RegistryError, match=str(path.name)):
        read_triage(tmp_path)

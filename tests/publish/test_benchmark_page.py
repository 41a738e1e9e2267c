"""The page of the benchmarks: what the records say, and no page where there are none."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path

import html5lib
import pytest

from registry.core.errors import RegistryError
from registry.core.settings import Settings
from registry.publish.benchmark_page import benchmark_page
from registry.publish.benchmarks import Benchmarks, read_benchmarks
from registry.publish.build import publish
from registry.publish.home_page import home_page
from registry.publish.markup import Page
from registry.publish.pages import all_pages
from registry.publish.snapshot import Snapshot, load_snapshot
from tests.publish import benchmark_records, fabricated, site_tree
from tests.publish.benchmark_records import DEVICE


@pytest.fixture
def measured(tmp_path: Path, snapshot: Snapshot) -> Snapshot:
    benchmark_records.write(
        tmp_path, cpu=benchmark_records.record(), startup=benchmark_records.startup()
    )
    return dataclasses.replace(snapshot, benchmarks=read_benchmarks(tmp_path))


def page_of(snapshot: Snapshot) -> Page:
    page = benchmark_page(snapshot)
    assert page is not None
    return page


def tree(page: Page) -> site_tree.Element:
    found: site_tree.Element = html5lib.parseFragment(
        "\n".join(page.blocks), namespaceHTMLElements=False
    )
    return found


def cells(page: Page, caption: str) -> list[list[str]]:
    """The rows of the table called ``caption``."""
    table = next(t for t in tree(page).iter("table") if t.findtext("caption") == caption)
    body = table.find("tbody")
    assert body is not None
    return [["".join(cell.itertext()) for cell in row.iter("td")] for row in body.iter("tr")]


def test_a_workload_has_both_paces_their_ratio_with_its_range_and_the_gradient(
    measured: Snapshot,
) -> None:
    rows = cells(page_of(measured), "Useful tokens a second")
    sft = ["2,000", "800", "2.50 (2.00 to 3.00)", "5.1e-07", "3", "0.12, 2.50"]
    assert rows[0] == ["SFT, a step on 32 demonstrations", *sft]
    assert [row[0] for row in rows[1:]] == [
        "DPO, a step on 16 pairs",
        "GRPO, the update on 4 groups of 8 given answers",
        "GRPO, sampling and update, 4 groups of 8",
    ]
    assert rows[3][4] == "sampled"


def test_memory_is_shown_whole_and_over_what_any_training_holds(measured: Snapshot) -> None:
    row = cells(page_of(measured), "Peak memory, MiB")[0]
    assert row[1:] == ["3,000", "6,000", "0.50", "1,400", "4,400", "1,600"]


def test_the_settings_that_each_search_found_say_how_many_were_tried(measured: Snapshot) -> None:
    row = cells(page_of(measured), "The settings that each side's search found")[0]
    assert row[1] == "micro_batch_tokens=2048 best of 2"
    assert row[2] == (
        "per_device_train_batch_size=16, padding_free=True best of 2, 1 of them failed"
    )


def test_the_page_names_device_versions_date_and_what_is_unfair(measured: Snapshot) -> None:
    words = " ".join("".join(tree(page_of(measured)).itertext()).split())
    for fact in (
        DEVICE,
        "smollm2-135m",
        "Python 3.11.7, torch 2.13.0, trl 1.2.3",
        "2026-03-04",
        "no Triton kernel and scores prompt and padding positions",
        "python -m tests.benchmarks.peers",
    ):
        assert fact in words, fact


def test_start_up_times_stand_beside_their_budget(measured: Snapshot) -> None:
    words = " ".join(" ".join(tree(page_of(measured)).itertext()).split())
    assert "registry --help 0.07 s 0.07 to 0.11 s 0.2 s" in words
    assert "2026-03-05" in words


def test_a_plan_stands_beside_what_was_seen_also_where_it_could_not_be_made(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    benchmark_records.write(tmp_path, plan=benchmark_records.plan())
    with_plan = dataclasses.replace(snapshot, benchmarks=read_benchmarks(tmp_path))
    words = " ".join(" ".join(tree(page_of(with_plan)).itertext()).split())
    assert "within 25% in 1 of 2 runs" in words
    assert "sft-tiny 600.0 MiB 1.10 0.5 s 0.80 30 s 1.10" in words
    assert "dpo-tiny 600.0 MiB 1.10 0.5 s - 30 s -" in words
    assert "The commands registry run sft --model tiny registry run dpo --model tiny" in words
    assert "TRL" not in words
    home = "".join(home_page(with_plan).blocks)
    assert "predictions beside runs" in home and "how fast" not in home


def test_each_device_and_precision_has_its_own_tables(tmp_path: Path, snapshot: Snapshot) -> None:
    benchmark_records.write(
        tmp_path,
        gpu=benchmark_records.record("a loom", "bfloat16"),
        cpu=benchmark_records.record("a loom"),
    )
    page = page_of(dataclasses.replace(snapshot, benchmarks=read_benchmarks(tmp_path)))
    titles = [block for block in page.blocks if block.startswith("## A training step")]
    assert len(titles) == 2 and "bfloat16" in titles[0] and "float32" in titles[1]
    assert not any(block.startswith("## How fast") for block in page.blocks)
    assert "TRL" in page.description and "shell" not in page.description


def test_a_measurement_is_a_fact_that_sets_the_site_s_clock(measured: Snapshot) -> None:
    empty = Snapshot(catalog=dataclasses.replace(measured.catalog, papers={}, evidence=()))
    assert dataclasses.replace(empty, benchmarks=measured.benchmarks).newest_date == date(
        2026, 3, 5
    )


def test_without_records_there_is_no_page_and_no_link_to_one(
    tmp_path: Path, snapshot: Snapshot
) -> None:
    for checkout in (None, tmp_path):
        none = dataclasses.replace(snapshot, benchmarks=read_benchmarks(checkout))
        assert none.benchmarks == Benchmarks()
        assert benchmark_page(none) is None
        assert "speed/index.md" not in {page.path for page in all_pages(none)}
        assert "speed/" not in "".join(home_page(none).blocks)


def test_a_record_of_another_benchmark_is_passed_over(tmp_path: Path) -> None:
    benchmark_records.write(tmp_path, constants={"groups": {}}, others=[1, 2])
    assert not read_benchmarks(tmp_path)


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = benchmark_records.write(tmp_path, cpu=benchmark_records.record())
    (folder / "cut.json").write_text('{"workloads": {')
    with pytest.raises(RegistryError, match=r"cut\.json is no JSON"):
        read_benchmarks(tmp_path)
    damaged = benchmark_records.record()
    del damaged["workloads"]["dpo"]["summary"]["peak_mib"]["trl"]
    benchmark_records.write(tmp_path, cut=damaged)
    with pytest.raises(RegistryError, match=r"cut\.json, workloads\.dpo\.summary\.peak_mib\.trl"):
        read_benchmarks(tmp_path)


def test_the_built_site_has_the_page_and_a_link_to_it(world: Settings, tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the extra `site` is not installed")
    benchmark_records.write(
        tmp_path, cpu=benchmark_records.record(), startup=benchmark_records.startup()
    )
    here = dataclasses.replace(world, checkout=tmp_path, workspace=tmp_path)
    assert load_snapshot(here).benchmarks.startup is not None
    site = publish(here).site
    assert site is not None
    home = site_tree.parse(site / "index.html")
    assert "speed/index.html" in set(site_tree.links(home))
    page = site_tree.parse(site / "speed/index.html")
    assert [h for h in page.iter("h1")] and not list(page.iter("b")), "a device cannot act"
    assert DEVICE in "".join(page.itertext())


def test_the_records_that_are_kept_here_make_a_page(snapshot: Snapshot) -> None:
    kept = read_benchmarks(fabricated.REPOSITORY)
    assert kept.startup is not None
    with_kept = dataclasses.replace(snapshot, benchmarks=kept)
    assert "registry --help" in "".join(tree(page_of(with_kept)).itertext())
    assert "speed/index.html" in "".join(home_page(with_kept).blocks)

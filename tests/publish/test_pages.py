"""What each page says, as a function of the snapshot."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from datetime import date

import html5lib
import pytest

from registry.catalog.models import Paper
from registry.publish.figures import metric_curves
from registry.publish.home_page import home_page
from registry.publish.markup import Page
from registry.publish.pages import all_pages
from registry.publish.paper_pages import paper_page
from registry.publish.paper_table import papers_page
from registry.publish.related import related_papers
from registry.publish.run_pages import run_page, runs_page
from registry.publish.snapshot import Snapshot
from registry.publish.taxonomy_page import taxonomy_page
from registry.runs.records import Metrics
from tests.publish import fabricated
from tests.publish.fabricated import FIRST, SECOND, SURVEY, WITHDRAWN
from tests.publish.words import said


def page_of(snapshot: Snapshot, id_: str) -> Page:
    near = related_papers(snapshot.papers, snapshot.leaves, snapshot.abstracts)
    return paper_page(snapshot, snapshot.catalog.papers[id_], near[id_])


def with_papers(snapshot: Snapshot, *papers: object) -> Snapshot:
    changed = {**snapshot.catalog.papers, **{p.id: p for p in papers}}  # type: ignore[attr-defined]
    return dataclasses.replace(
        snapshot, catalog=dataclasses.replace(snapshot.catalog, papers=changed)
    )


def test_every_page_has_a_place_of_its_own(snapshot: Snapshot) -> None:
    pages = list(all_pages(snapshot))
    assert max(Counter(page.path for page in pages).values()) == 1
    assert {
        "papers/2501.00001/index.md",
        "methods/dpo/index.md",
        "surveys/2503.00003/index.md",
    } <= {page.path for page in pages}


def test_the_same_snapshot_gives_the_same_bytes(snapshot: Snapshot, world: object) -> None:
    from registry.publish.snapshot import load_snapshot

    again = load_snapshot(world)  # type: ignore[arg-type]
    first = {page.path: page.render() for page in all_pages(snapshot)}
    assert first == {page.path: page.render() for page in all_pages(again)}


def test_a_papers_page_gives_its_facts(snapshot: Snapshot) -> None:
    words = said(page_of(snapshot, FIRST))
    for fact in (
        "Calm Seas for Small Boats",
        "arxiv.org/abs/2501.00001",
        "2025-01-02",
        "2025-03-04",
        "Ada Fabricata, Ben Inventato",
        "CC BY 4.0",
        "Journal of Made-Up Results 2025",
        "cs.LG, cs.CL",
        "Shows that small boats prefer calm seas",
        "Pairwise preferences",
        "Learns from pairs.",
        "registry run dpo",
        "@misc{fabricata-2501.00001,",
        "Copy BibTeX",
        "example.org/boats",
    ):
        assert fact in words, fact


def test_a_withdrawn_paper_says_so_first_and_names_the_one_to_read(snapshot: Snapshot) -> None:
    words = said(page_of(snapshot, WITHDRAWN))
    banner = words.index("This paper is withdrawn.")
    assert banner < words.index("Submitted")
    assert "An error in the proof. Read instead: Calm Seas for Small Boats" in words
    assert "This paper is" not in said(page_of(snapshot, FIRST))


def test_related_papers_come_with_score_date_gist_and_reasons(snapshot: Snapshot) -> None:
    page = said(page_of(snapshot, FIRST))
    related = page[page.index("Related papers") :]
    assert related.index("A Survey of Boats") < related.index("Boats and Their Rewards")
    assert "chosen by a curator" in related
    assert "2025-02-03" in related and "Gives small boats a reward" in related
    assert re.search(r"\b0\.\d\d\b", related)


def test_an_abstract_is_shown_only_where_the_store_has_one(snapshot: Snapshot) -> None:
    assert "Abstract" not in said(page_of(snapshot, FIRST))
    held = dataclasses.replace(snapshot, abstracts={FIRST: "We boat. <b>Really</b>."})
    assert "We boat. <b>Really</b>." in said(page_of(held, FIRST))


def test_a_licence_that_nobody_looked_up_is_said_to_be_so(snapshot: Snapshot) -> None:
    assert "Not looked up licence" in said(page_of(snapshot, SECOND))
    assert "Not looked up" not in said(page_of(snapshot, FIRST))


def test_a_page_of_facts_alone_says_so_and_what_was_not_looked_up(snapshot: Snapshot) -> None:
    bare = Paper(
        id="2506.00007",
        title="Boats of Which Little Is Known",
        leaf="alignment/pairwise",
        leaf_sources={"alignment/pairwise": ("made-up-list", "canonical")},
    )
    held = with_papers(snapshot, bare)
    words = said(page_of(held, bare.id))
    assert "Facts only" in words and "None" not in words
    assert "2025-06 by its identifier" in words
    assert "Not looked up authors, licence, categories" in words
    assert "Placed here by the taxonomy, as an example; by the list made-up-list." in words
    assert "2025-06" in said(papers_page(held))
    assert bare.title not in said(home_page(held))


def test_a_day_of_announcement_stands_for_that_of_submission(snapshot: Snapshot) -> None:
    told = fabricated.paper(submitted=None, updated=None, announced=date(2025, 1, 3))
    words = said(page_of(with_papers(snapshot, told), FIRST))
    assert "Announced 2025-01-03" in words and "Submitted" not in words


def test_many_authors_open_on_demand(snapshot: Snapshot) -> None:
    crowd = fabricated.paper(authors=tuple(f"Author {n}" for n in range(30)))
    words = said(page_of(with_papers(snapshot, crowd), FIRST))
    assert "Author 11 and 18 more Author 12" in words


def test_a_runs_page_gives_before_after_curves_samples_and_command(snapshot: Snapshot) -> None:
    run = next(r for r in snapshot.runs if r.record.state == "finished")
    page = run_page(snapshot, run)
    words = said(page)
    for fact in (
        "Held-out calm",
        "0.6 [0.46, 0.73]",
        "0.72 [0.58, 0.83]",
        "+0.12",
        "n = 50",
        "1 min 32 s",
        "300.0 MiB",
        "How is the sea?",
        "registry run dpo --model tiny --seed 7",
        "learning_rate",
        "preset",
        "with changes of its own",
    ):
        assert fact in words, fact
    assert "".join(page.blocks).count("<svg") == 2


def test_metrics_keep_the_order_of_the_log_and_what_is_only_rounding_is_left_out() -> None:
    rows = tuple(
        {"step": step, "reward": 0.1 * step, "loss": 1e-9 * step, "lr": 1e-5, "kl": 1e-5 * step}
        for step in range(1, 4)
    )
    assert [curve.title for curve in metric_curves(Metrics(rows))] == ["reward", "kl"]


def test_an_interrupted_run_says_so(snapshot: Snapshot) -> None:
    run = next(r for r in snapshot.runs if r.record.state == "interrupted")
    assert "This run is interrupted. stopped by hand" in said(run_page(snapshot, run))


def test_a_damaged_run_folder_still_gets_a_page(snapshot: Snapshot, tmp_path: object) -> None:
    from pathlib import Path

    from registry.publish.snapshot import load_snapshot

    settings = fabricated.write_world(Path(str(tmp_path)))
    folder = fabricated.write_run(settings.runs_dir, "dpo-20260103-000000-0bad")
    (folder / "manifest.json").write_text("{")
    (folder / "metrics.jsonl").write_text('{"step": 1, "loss": 2}\nnot json\n{"step": 2, "lo')
    (settings.runs_dir / "has blanks <script>").mkdir()
    found = load_snapshot(settings)
    names = [run.record.folder.name for run in found.runs]
    assert "dpo-20260103-000000-0bad" in names and "has blanks <script>" not in names
    bad = next(run for run in found.runs if run.record.folder == folder)
    assert "This run is damaged." in said(run_page(found, bad))


def test_runs_beyond_the_limit_are_counted_not_lost(snapshot: Snapshot) -> None:
    fewer = dataclasses.replace(snapshot, runs_left_out=3)
    assert "3 older runs have no page here" in said(runs_page(fewer))
    assert "older" not in said(runs_page(snapshot))


def test_home_counts_what_is_there(snapshot: Snapshot) -> None:
    words = said(home_page(snapshot))
    for fact in ("4 papers", "1 tracked survey", "2 claims", "1 experiment", "2 runs"):
        assert fact in words, fact
    assert words.index("Perpetual Motion") < words.index("A Survey of Boats"), "newest first"
    assert "Held-out calm: 0.6 to 0.72" in words
    assert "reproduced" in words


def test_home_of_an_empty_catalog_stands(snapshot: Snapshot) -> None:
    bare = dataclasses.replace(snapshot.catalog, papers={}, surveys={}, evidence=())
    empty = Snapshot(catalog=bare)
    assert "0 papers" in said(home_page(empty))
    assert "None is kept here yet" in said(home_page(empty))
    assert len(list(all_pages(empty))) == 6
    assert empty.newest_date == date(2025, 1, 1)


def test_the_papers_table_carries_what_filters_and_sorting_need(snapshot: Snapshot) -> None:
    tree = html5lib.parseFragment("".join(papers_page(snapshot).blocks))
    table = tree.find(".//{*}table")
    assert table is not None and table.attrib["id"] == "paper-table"
    row = next(r for r in table.findall(".//{*}tr") if "Calm Seas" in "".join(r.itertext()))
    assert row.attrib["data-topic"] == "alignment"
    assert row.attrib["data-year"] == "2025"
    assert row.attrib["data-kind"] == "paper written runs measured"
    heads = list(table.findall(".//{*}th"))
    assert [h.attrib.get("aria-sort") for h in heads].count("descending") == 1
    form = tree.find(".//{*}form")
    assert form is not None and "hidden" in form.attrib, "shown only where scripts run"
    labels = list(form.findall(".//{*}label"))
    assert all("".join(label.itertext()).strip() for label in labels) and len(labels) == 4


def test_the_taxonomy_defines_each_leaf_and_lists_its_papers(snapshot: Snapshot) -> None:
    page = taxonomy_page(snapshot)
    words = said(page)
    assert "Learns a score." in words and "Made-up reward" in words
    assert 'id="alignment--pairwise"' in "".join(page.blocks)
    assert words.count("Boats and Their Rewards") == 1


@pytest.mark.parametrize("id_", [FIRST, SECOND, SURVEY, WITHDRAWN])
def test_a_papers_page_carries_what_citation_indexes_read(snapshot: Snapshot, id_: str) -> None:
    cited = page_of(snapshot, id_).citation
    assert cited["arxiv_id"] == id_
    assert cited["authors"] == list(snapshot.catalog.papers[id_].authors)


def test_the_home_page_names_every_method_and_counts_the_verdicts(snapshot: Snapshot) -> None:
    words = said(home_page(snapshot))
    for method in snapshot.methods:
        assert method.info.slug in words
    assert "reproduced 1" in words
    assert "The newest" not in words, "all of them are shown"


def test_the_home_page_shows_the_newest_questions_of_many(snapshot: Snapshot) -> None:
    one = snapshot.catalog.evidence[0]
    many = tuple(
        one.model_copy(update={"question": f"Question {day}?", "date": date(2026, 3, day)})
        for day in range(1, 21)
    )
    catalog = dataclasses.replace(snapshot.catalog, evidence=many)
    words = said(home_page(dataclasses.replace(snapshot, catalog=catalog)))
    assert "reproduced 20" in words and "The newest 12 of 20 questions." in words
    assert "Question 20?" in words and "Question 9?" in words and "Question 8?" not in words

"""What each check finds, and what is left of it after the mending."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from registry.catalog.files import dump_entry, load_paper, load_survey, save_entry
from registry.catalog.models import Paper
from registry.core.settings import Settings
from registry.doctor.examine import CHECKS, apply, examine, patient_of, plan
from registry.store.engine import Store
from registry.store.schema import papers
from tests.catalog.fabricated import evidence, paper, survey
from tests.doctor.conftest import DAY, Examine

OTHER = paper("2401.00002")
INNER = {"title": "1.1 Inner", "leaves": ["fruit/pommes"]}


def mended(settings: Settings, store: Store | None = None) -> Paper:
    """The first paper after everything that can be mended was."""
    patient = patient_of(settings, store)
    findings = [f for f in examine(patient) if f.check != "catalog"]
    apply(patient, plan(patient, findings), findings)
    again = [f for f in examine(patient_of(settings, store)) if f.check != "catalog"]
    assert [f for f in again if f.mendable] == []
    return load_paper(settings.catalog_dir / "papers" / "2401.00001.yaml")


def test_a_healthy_catalog_has_no_finding(found: Examine, store: Store) -> None:
    assert found(OTHER, store=store) == []


ENTRY_FAULTS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "an older leaf": (
        {"leaf": "fruit/pommes", "leaf_sources": {"fruit/pommes": ["a-list"]}},
        "leaf-alias",
        {"leaf": "fruit/apples", "leaf_sources": {"fruit/apples": ("a-list",)}},
    ),
    "an older leaf beside its new name": (
        {"secondary": ["fruit/pommes"]}, "leaf-alias", {"secondary": ()},
    ),
    "codes in a title": ({"title": "Tea &amp; cake"}, "text", {"title": "Tea & cake"}),
    "blanks in a title": ({"title": " Tea  time "}, "text", {"title": "Tea time"}),
    "a title that runs backwards": ({"title": "T\u202eea"}, "text", {"title": "Tea"}),
    "a gist of two lines": ({"gist": "One.\nTwo."}, "text", {"gist": "One. Two."}),
    "a former title twice": (
        {"former_titles": ["Old &lt; one", "Old < one"]}, "text", {"former_titles": ("Old < one",)},
    ),
    "a name with a blank": (
        {"authors": ["Ada Example", " Bo  Sample"]},
        "authors",
        {"authors": ("Ada Example", "Bo Sample")},
    ),
    "a name that is a colon": (
        {"authors": ["Group", ":", "Bo"]}, "authors", {"authors": ("Group", "Bo")},
    ),
    "a category twice": ({"categories": ["cs.CL"] * 2}, "lists", {"categories": ("cs.CL",)}),
    "sources in disorder": (
        {
            "secondary": ["fruit/pears"],
            "leaf_sources": {"fruit/pears": ["b", "a"], "fruit/apples": ["c"]},
        },
        "lists",
        {"leaf_sources": {"fruit/apples": ("c",), "fruit/pears": ("a", "b")}},
    ),
    "a related paper that is gone": (
        {"related": ["2401.00002", "2401.00009"]}, "dangling", {"related": ("2401.00002",)},
    ),
    "related to itself": ({"related": ["2401.00001"]}, "dangling", {"related": ()}),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRY_FAULTS)
def test_a_fault_of_an_entry_is_found_and_mended(
    name: str, settings: Settings, found: Examine
) -> None:
    wrong, check, right = ENTRY_FAULTS[name]
    assert {f.check for f in found(OTHER, paper(**wrong))} == {check}
    result = mended(settings)
    assert {key: getattr(result, key) for key in right} == right
    assert list(result.leaf_sources) == list(right.get("leaf_sources", result.leaf_sources))


def test_many_faults_of_one_file_make_one_change(settings: Settings) -> None:
    wrong = paper(title="Tea &amp; cake", authors=[" Ada"], leaf="fruit/pommes")
    save_entry(settings.catalog_dir, wrong)
    result = mended(settings)
    assert (result.title, result.authors, result.leaf) == ("Tea & cake", ("Ada",), "fruit/apples")


def test_a_file_out_of_form_is_written_in_form(settings: Settings, found: Examine) -> None:
    path = settings.catalog_dir / "papers" / "2401.00001.yaml"
    first, *rest = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*rest, first]))
    (finding,) = found()
    assert (finding.check, finding.mendable) == ("form", True)
    assert dump_entry(mended(settings)) == path.read_text()


def test_comments_are_kept_and_left_to_a_person(settings: Settings, found: Examine) -> None:
    path = settings.catalog_dir / "papers" / "2401.00001.yaml"
    save_entry(settings.catalog_dir, paper(title="Tea &amp; cake"))
    path.write_text("# Read twice.\n" + path.read_text())
    assert mended(settings).title == "Tea & cake"
    assert path.read_text().startswith("# Read twice.\n")
    (left,) = found()
    assert (left.check, left.mendable) == ("form", False)


def test_line_ends_of_windows_are_mended(settings: Settings, found: Examine) -> None:
    path = settings.catalog_dir / "papers" / "2401.00001.yaml"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"\n", b"\r\n"))
    (finding,) = found()
    assert (finding.check, finding.mendable) == ("form", True)
    mended(settings)
    assert path.read_bytes() == whole


def test_an_older_leaf_in_the_outline_of_a_survey_is_mended(
    settings: Settings, found: Examine
) -> None:
    wrong = survey(outline=[{"title": "1 First", "sections": [INNER]}])
    assert {f.check for f in found(wrong)} == {"leaf-alias"}
    mended(settings)
    path = settings.catalog_dir / "surveys" / "2402.00001.yaml"
    assert load_survey(path).outline[0].sections[0].leaves == ("fruit/apples",)


def test_what_names_a_paper_whose_file_cannot_be_read_is_left_as_it_is(
    settings: Settings, found: Examine
) -> None:
    found(OTHER, paper(related=["2401.00002"]))
    (settings.catalog_dir / "papers" / "2401.00002.yaml").write_text("title: 'open\n")
    assert [f.check for f in found() if f.mendable] == []


@pytest.mark.parametrize(
    "other",
    [
        paper("2401.00002", title="A made-up TITLE 2401.00001"),
        paper("2401.00002", former_titles=["A Made-up Title 2401.00001"]),
    ],
)
def test_two_entries_of_one_title_wait_for_a_person(found: Examine, other: Paper) -> None:
    (finding,) = found(other)
    assert (finding.check, finding.mendable) == ("duplicates", False)
    assert finding.what == "has the same title as 2401.00001"


def test_two_entries_of_one_doi_are_duplicates(found: Examine) -> None:
    (finding,) = found(paper(doi="10.1000/X"), paper("2401.00002", doi="10.1000/x"))
    assert finding.what == "has the same doi as 2401.00001"


def test_evidence_of_a_claim_that_is_gone_is_found(found: Examine) -> None:
    assert [f.what for f in found(evidence(method="dpo"))] == [
        "the evidence is of the claim c1, which 2401.00001 does not have"
    ]
    lost = evidence(method="ppo", paper="2401.00009")
    assert "of 2401.00009, which has no entry" in found(lost)[-1].what


def test_a_title_that_changed_upstream_is_taken_and_the_old_one_kept(
    settings: Settings, found: Examine, store: Store, sees: Any
) -> None:
    sees({}, {"version": 2, "title": "Renamed", "updated": DAY.replace(month=3)})
    assert [f.check for f in found(store=store)] == ["retitled", "updated"]
    result = mended(settings, store)
    assert result.title == "Renamed"
    assert result.former_titles == ("A Made-up Title 2401.00001",)
    assert result.updated == date(2024, 3, 2)


def test_another_spelling_of_the_title_is_no_rename(
    found: Examine, store: Store, sees: Any
) -> None:
    sees({"title": "A made-up title: 2401.00001"})
    assert found(store=store) == []


def test_what_nobody_looked_up_is_filled_in_from_the_store(
    settings: Settings, found: Examine, store: Store, sees: Any
) -> None:
    bare = paper(authors=[], submitted=None, announced="2024-01-03", categories=[], gist=None)
    sees({"doi": "10.1000/x"})
    (finding,) = found(bare, store=store)
    assert finding.what == (
        "authors, submitted, categories, doi not looked up, and the store knows"
    )
    result = mended(settings, store)
    assert result.authors == ("Ada Example", "Bo Sample")
    assert (result.submitted, result.announced) == (date(2024, 1, 2), None)
    assert (result.categories, result.doi) == (("cs.CL",), "10.1000/x")


def test_a_paper_withdrawn_upstream_is_marked(
    settings: Settings, found: Examine, store: Store, sees: Any
) -> None:
    sees({"version": 2, "updated": DAY, "withdrawn": "withdrawn by the authors"})
    assert [f.check for f in found(paper(updated="2024-01-02"), store=store)] == ["withdrawn"]
    result = mended(settings, store)
    assert (result.status, result.status_note) == (
        "withdrawn", "Withdrawn on arXiv in version 2.",
    )  # fmt: skip


def test_a_paper_that_is_back_waits_for_a_person(found: Examine, store: Store, sees: Any) -> None:
    sees({})
    (finding,) = found(paper(status="withdrawn", status_note="It was."), store=store)
    assert (finding.check, finding.mendable) == ("withdrawn", False)


def test_a_stale_mirror_is_made_again(settings: Settings, store: Store) -> None:
    assert [f.check for f in examine(patient_of(settings, store), ["mirror"])] == ["mirror"]
    mended(settings, store)
    with store.write() as connection:
        connection.execute(papers.update().values(title="Something else"))
    (finding,) = examine(patient_of(settings, store), ["mirror"])
    assert "calls itself current" in finding.what
    mended(settings, store)
    assert examine(patient_of(settings, store), ["mirror"]) == []


def test_a_damaged_database_is_found(settings: Settings, store: Store) -> None:
    with store.write() as connection:
        for n in range(300):
            row = {"k": f"key {n}", "v": "x" * 500}
            connection.execute(text("INSERT INTO meta (key, value) VALUES (:k, :v)"), row)
        page = connection.execute(
            text("SELECT rootpage FROM sqlite_master WHERE name = 'meta'")
        ).scalar_one()
        size = connection.execute(text("PRAGMA page_size")).scalar_one()
    store.close()
    path = Path(settings.database_url.removeprefix("sqlite:///"))
    data = bytearray(path.read_bytes())
    data[(page - 1) * size : (page - 1) * size + 64] = b"\xff" * 64
    path.write_bytes(data)
    findings = examine(patient_of(settings, store), ["database"])
    assert findings and {f.check for f in findings} == {"database"}
    assert not any(f.mendable for f in findings)


def test_a_stale_schema_is_written_again(settings: Settings, found: Examine) -> None:
    path = settings.catalog_dir / "schema" / "Paper.json"
    path.write_text("{}\n")
    assert [f.path for f in found()] == [path]
    mended(settings)
    assert found() == []


def test_a_file_that_changed_meanwhile_is_left_alone(settings: Settings) -> None:
    save_entry(settings.catalog_dir, paper(title="Tea &amp; cake"))
    patient = patient_of(settings, None)
    findings = examine(patient, ["text"])
    mendings = plan(patient, findings)
    save_entry(settings.catalog_dir, paper(title="Coffee"))
    done = apply(patient, mendings, findings)
    path = settings.catalog_dir / "papers" / "2401.00001.yaml"
    assert (done.written, done.changed_meanwhile) == ((), (path,))
    assert load_paper(path).title == "Coffee"


def test_what_registry_check_finds_is_told_once(settings: Settings) -> None:
    save_entry(settings.catalog_dir, paper(leaf="fruit/pommes", doi="none"))
    path = settings.catalog_dir / "papers" / "2401.00001.yaml"
    told = [f for f in examine(patient_of(settings, None)) if f.path == path]
    assert [f.check for f in told] == ["leaf-alias", "catalog"]
    assert "doi is 'none'" in told[1].what


def test_every_check_says_in_a_line_what_it_finds() -> None:
    assert all((check.__doc__ or "").splitlines()[0].endswith(".") for check in CHECKS.values())

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from methods.experiments.protocol import Experiment
from registry.catalog.checks import check_catalog, inspect_catalog, unformatted
from registry.catalog.files import dump_entry, save_entry
from registry.catalog.schema import FILES, schema_path, schema_text, stale_schemas
from registry.core.atomic import write_atomic
from registry.core.clock import now
from registry.core.errors import UsageError
from tests.catalog import fabricated
from tests.catalog.fabricated import evidence, method, paper, survey

DIG = {"slug": "dig", "relation": "introduces"}
CLAIM = {
    "id": "c1", "text": "It digs.", "where": "Table 1", "kind": "result", "experiment": "dig-deep",
}  # fmt: skip
OTHER = {"id": "c1", "text": "It digs elsewhere.", "where": "Table 2", "kind": "result"}
DISCREPANCY = {
    "id": "d1", "between": "tables", "text": "3 or 30.", "where": "Tables 1, 2",
    "source": "the tables", "settled": "Neither.", "claims": ["c1"],
}  # fmt: skip
METHODS = (method(),)
TODAY = now().date()


EXPERIMENT = Experiment(
    slug="dig-deep", method="dig", paper="2401.00001", claim="c1", question="?",
    measures=(), arms=(), comparisons=(), scales=(),
)  # fmt: skip


def good(root: Path) -> Path:
    """A catalog without a problem: a paper with a method and a measured claim, and a survey."""
    fabricated.write(root, paper(methods=[DIG], claims=[CLAIM]), survey(), evidence())
    for model in FILES:
        write_atomic(schema_path(root, model), schema_text(model))
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return good(tmp_path / "catalog")


def whats(root: Path) -> list[str]:
    return [problem.what for problem in check_catalog(root, METHODS, (EXPERIMENT,))]


def test_a_good_catalog_has_no_problem(root: Path) -> None:
    assert check_catalog(root, METHODS, (EXPERIMENT,)) == []


def test_what_was_looked_at_is_counted(root: Path) -> None:
    assert inspect_catalog(root, METHODS, (EXPERIMENT,)).counts == {
        "papers": 2,
        "facts_only": 0,
        "surveys": 1,
        "claims": 1,
        "evidence": 1,
        "leaves": 3,
        "outline_papers": 2,
        "outline_papers_absent": 1,
        "outline_papers_facts_only": 0,
    }


def test_a_problem_prints_as_file_line_what_allowed_fix(root: Path) -> None:
    save_entry(root, paper(methods=[DIG], claims=[CLAIM], leaf="fruit/aples"))
    path = root / "papers" / "2401.00001.yaml"
    line = path.read_text().splitlines().index("leaf: fruit/aples") + 1
    (problem,) = check_catalog(root, METHODS, (EXPERIMENT,))
    assert str(problem).startswith(
        f"{path}:{line}: 'fruit/aples' is no leaf of the taxonomy. "
        "Allowed: registry list leaves. Fix: nearest: fruit/apples"
    )


Change = Callable[[Path], Any]
PAPER = {"methods": [DIG], "claims": [CLAIM]}
FAULTS: dict[str, tuple[Change, str]] = {
    "an older leaf": (
        lambda r: save_entry(r, paper(**PAPER, leaf="fruit/pommes")),
        "'fruit/pommes' is an older name",
    ),
    "an unknown secondary leaf": (
        lambda r: save_entry(r, paper(**PAPER, secondary=["fruit/plums"])),
        "'fruit/plums' is no leaf",
    ),
    "a leaf twice": (
        lambda r: save_entry(r, paper(**PAPER, secondary=["fruit/apples"])),
        "the leaf 'fruit/apples' stands twice",
    ),
    "an unknown facet": (
        lambda r: save_entry(r, paper(**PAPER, facets={"colour": ["red"]})),
        "unknown facet 'colour'",
    ),
    "an unknown facet value": (
        lambda r: save_entry(r, paper(**PAPER, facets={"domain": ["math", "tea"]})),
        "'tea' is no value of the facet domain",
    ),
    "updated before submitted": (
        lambda r: save_entry(r, paper(**PAPER, updated="2023-12-31")),
        "updated (2023-12-31) is before submitted",
    ),
    "submitted long after its id": (
        lambda r: save_entry(r, paper(**PAPER, submitted="2024-03-17")),
        "submitted (2024-03-17) is long after the month of the id 2401.00001",
    ),
    "submitted long before its id": (
        lambda r: save_entry(r, paper(**PAPER, submitted="2022-11-26")),
        "submitted (2022-11-26) is long before the month of the id 2401.00001",
    ),
    "submitted long before its old id": (
        lambda r: save_entry(r, paper("hep-th/9901001", submitted="1989-01-02")),
        "submitted (1989-01-02) is long before the month of the id hep-th/9901001",
    ),
    "updated in the future": (
        lambda r: save_entry(r, paper(**PAPER, updated=str(TODAY + timedelta(days=2)))),
        f"updated ({TODAY + timedelta(days=2)}) lies in the future",
    ),
    "submitted in the future": (
        lambda r: save_entry(r, paper(f"{TODAY:%y%m}.00001", submitted=TODAY + timedelta(days=2))),
        f"submitted ({TODAY + timedelta(days=2)}) lies in the future",
    ),
    "a title that runs backwards": (
        lambda r: save_entry(r, paper(**PAPER, title="A \u202eeltit")),
        "title holds U+202E (RIGHT-TO-LEFT OVERRIDE)",
    ),
    "a former title with an escape": (
        lambda r: save_entry(r, paper(**PAPER, former_titles=["Red \x1b[31m"])),
        "former_titles holds U+001B (a control character)",
    ),
    "an author of no width": (
        lambda r: save_entry(r, paper(**PAPER, authors=["Ada", "\u200bBo"])),
        "authors holds U+200B (ZERO WIDTH SPACE)",
    ),
    "a gist of two lines": (
        lambda r: save_entry(r, paper(**PAPER, gist="One.\nTwo.")),
        "gist holds U+000A (a control character)",
    ),
    "sources of a leaf it does not have": (
        lambda r: save_entry(r, paper(**PAPER, leaf_sources={"fruit/pears": ["canonical"]})),
        "leaf_sources names 'fruit/pears', which is no leaf of this paper",
    ),
    "claims without authors": (
        lambda r: save_entry(r, paper(**PAPER, authors=[])),
        "an entry with claims or a method has no authors",
    ),
    "claims without a date": (
        lambda r: save_entry(r, paper(**PAPER, submitted=None)),
        "an entry with claims or a method has no submitted",
    ),
    "announced long after its id": (
        lambda r: save_entry(r, paper(**PAPER, submitted=None, announced="2024-03-17")),
        "announced (2024-03-17) is long after the month of the id 2401.00001",
    ),
    "a method of a paper without a gist": (
        lambda r: save_entry(r, paper(**PAPER, gist=None)),
        "the method dig is read from this paper, which has no gist",
    ),
    "a DOI that is none": (
        lambda r: save_entry(r, paper(**PAPER, doi="https://doi.org/10.1000/x")),
        "doi is 'https://doi.org/10.1000/x'",
    ),
    "a DOI with a short prefix": (
        lambda r: save_entry(r, paper(**PAPER, doi="10.1/x")),
        "doi is '10.1/x'",
    ),
    "superseded by nobody": (
        lambda r: save_entry(r, paper(**PAPER, status="superseded")),
        "status is 'superseded' and superseded_by is None",
    ),
    "superseded by an absent paper": (
        lambda r: save_entry(r, paper(**PAPER, status="superseded", superseded_by="2403.00001")),
        "superseded_by names 2403.00001, which has no entry",
    ),
    "withdrawn without a word": (
        lambda r: save_entry(r, paper(**PAPER, status="withdrawn")),
        "a withdrawn paper without status_note",
    ),
    "an unregistered method": (
        lambda r: save_entry(
            r, paper(claims=[CLAIM], methods=[DIG, {"slug": "dgi", "relation": "uses"}])
        ),
        "no method is registered as 'dgi'",
    ),
    "a method twice": (
        lambda r: save_entry(
            r, paper(claims=[CLAIM], methods=[DIG, {"slug": "dig", "relation": "uses"}])
        ),
        "the method 'dig' stands twice",
    ),
    "a method introduced elsewhere": (
        lambda r: save_entry(r, paper("2401.00002", methods=[DIG])),
        "says it introduces dig, but that method is read from 2401.00001",
    ),
    "a claim twice": (
        lambda r: save_entry(r, paper(methods=[DIG], claims=[CLAIM, CLAIM])),
        "two claims are called 'c1'",
    ),
    "an unknown experiment": (
        lambda r: save_entry(
            r, paper(methods=[DIG], claims=[CLAIM, CLAIM | {"id": "c2", "experiment": "fly"}])
        ),
        "no experiment is called 'fly'",
    ),
    "an experiment of another claim": (
        lambda r: save_entry(r, paper(methods=[DIG], claims=[CLAIM, CLAIM | {"id": "c2"}])),
        "dig-deep tests the claim c1 of 2401.00001, not c2 of 2401.00001",
    ),
    "an experiment of another paper": (
        lambda r: save_entry(
            r, paper("2401.00002", methods=[DIG | {"relation": "uses"}], claims=[CLAIM])
        ),
        "dig-deep tests the claim c1 of 2401.00001, not c1 of 2401.00002",
    ),
    "an experiment of another method": (
        lambda r: save_entry(r, paper("2401.00002", claims=[CLAIM])),
        "dig-deep runs none of the methods of this paper",
    ),
    "a reason beside an experiment": (
        lambda r: save_entry(r, paper(methods=[DIG], claims=[CLAIM | {"untested": "No spade."}])),
        "c1 is tested by dig-deep and says why it is not tested",
    ),
    "an unknown experiment that bears on a claim": (
        lambda r: save_entry(r, paper(methods=[DIG], claims=[CLAIM | {"bearing": ["fly"]}])),
        "no experiment is called 'fly'",
    ),
    "an experiment of this paper that bears on its claim": (
        lambda r: save_entry(r, paper(methods=[DIG], claims=[CLAIM | {"bearing": ["dig-deep"]}])),
        "dig-deep tests the claim c1 of this paper",
    ),
    "an experiment that bears twice": (
        lambda r: save_entry(
            r, paper("2401.00002", claims=[OTHER | {"bearing": ["dig-deep"] * 2}])
        ),
        "dig-deep stands twice",
    ),
    "a discrepancy twice": (
        lambda r: save_entry(r, paper(**PAPER, discrepancies=[DISCREPANCY, DISCREPANCY])),
        "two discrepancies are called 'd1'",
    ),
    "a discrepancy on an unknown claim": (
        lambda r: save_entry(r, paper(**PAPER, discrepancies=[DISCREPANCY | {"claims": ["c9"]}])),
        "d1 bears on the claim 'c9', which this paper does not have",
    ),
    "a discrepancy of no known kind": (
        lambda r: (
            (r / "papers" / "2401.00001.yaml")
            .open("a")
            .write(
                "discrepancies:\n  - id: d1\n    between: sun and moon\n    text: T.\n"
                "    where: W.\n    source: S.\n    settled: D.\n"
            )
        ),
        "discrepancies[0].between is 'sun and moon'",
    ),
    "related to itself": (
        lambda r: save_entry(r, paper(**PAPER, related=["2401.00001"])),
        "related to itself",
    ),
    "related to an absent paper": (
        lambda r: save_entry(r, paper(**PAPER, related=["2403.00001"])),
        "the related paper 2403.00001 has no entry",
    ),
    "the same title": (
        lambda r: save_entry(r, paper("2401.00002", title="A made-up: TITLE 2401.00001")),
        "2401.00001.yaml has the same title",
    ),
    "a section twice": (
        lambda r: save_entry(r, survey(outline=[{"title": "A"}, {"title": "A"}])),
        "two sections are called 'A'",
    ),
    "a paper twice in a section": (
        lambda r: save_entry(r, survey(outline=[{"title": "A", "papers": ["2401.00001"] * 2}])),
        "2401.00001 stands twice",
    ),
    "our method by its name": (
        lambda r: save_entry(r, survey(outline=[{"title": "A", "methods": ["digging"]}])),
        "'digging' is a method of ours",
    ),
    "a file nothing reads": (
        lambda r: (r / "papers" / "notes.txt").write_text("x"),
        "nothing reads this file",
    ),
    "a file in a folder nothing reads": (
        lambda r: write_atomic(r / "evidence" / "dig" / "deep" / "x.json", "{}"),
        "nothing reads this file",
    ),
    "a comment": (
        lambda r: (r / "papers" / "2401.00001.yaml").open("a").write("# mine\n"),
        "not in the form the registry writes",
    ),
    "an old schema": (
        lambda r: schema_path(r, FILES[0]).write_text("{}"),
        "the schema is not what the model says",
    ),
    "a missing schema": (
        lambda r: schema_path(r, FILES[1]).unlink(),
        "the schema is not what the model says",
    ),
    "evidence of an unknown claim": (
        lambda r: save_entry(r, evidence(claim="c9")),
        "2401.00001 has no claim 'c9'",
    ),
    "evidence of an unknown paper": (
        lambda r: save_entry(r, evidence(paper="2403.00001", scale="smollm2")),
        "the paper 2403.00001 has no entry",
    ),
    "evidence of an unknown method": (
        lambda r: save_entry(r, evidence(method="fly")),
        "no method is registered as 'fly'",
    ),
}


@pytest.mark.parametrize(("change", "what"), FAULTS.values(), ids=FAULTS)
def test_one_fault_is_found(root: Path, change: Change, what: str) -> None:
    change(root)
    found = whats(root)
    assert any(text.startswith(what) for text in found), found


@pytest.mark.parametrize(
    ("id_", "submitted"),
    [
        ("2401.00001", "2024-03-16"),
        ("2401.00001", "2022-11-27"),
        ("2412.00001", "2025-02-14"),
        ("hep-th/9912001", "2000-02-14"),
        ("math/0001001", "1999-12-30"),
    ],
)
def test_a_submission_may_lie_some_days_beside_the_month_of_its_id(
    root: Path, id_: str, submitted: str
) -> None:
    links = PAPER if id_ == "2401.00001" else {}
    save_entry(root, paper(id_, submitted=submitted, doi="10.1000/x(1)<2>", **links))
    assert whats(root) == []


def test_where_it_is_tomorrow_already_a_paper_may_be_updated(root: Path) -> None:
    save_entry(root, paper(**PAPER, updated=TODAY + timedelta(days=1)))
    assert whats(root) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for ask in (check_catalog, unformatted, stale_schemas):
        with pytest.raises(UsageError, match=r"the catalog folder .*gone is not there"):
            ask(tmp_path / "gone")


def test_a_link_to_an_unreadable_file_is_no_fault_of_the_file_that_links(root: Path) -> None:
    save_entry(root, paper("2401.00002", related=["2401.00001", "2402.00001"]))
    save_entry(root, paper("2401.00003", status="superseded", superseded_by="2401.00001"))
    (root / "papers" / "2401.00001.yaml").write_text("a: &x 1\n")
    (root / "surveys" / "2402.00001.yaml").write_text("a: &x 1\n")
    problems = check_catalog(root, METHODS, (EXPERIMENT,))
    assert [problem.path.name for problem in problems] == ["2401.00001.yaml", "2402.00001.yaml"]


def test_one_bad_file_hides_no_other_fault(root: Path) -> None:
    (root / "papers" / "2401.00001.yaml").write_text("a: &x 1\n")
    (root / "taxonomy.yaml").write_text("version: [")
    save_entry(root, survey(updated="2020-01-01"))
    found = whats(root)
    assert any(text.startswith("an anchor") for text in found)
    assert any(text.startswith("not YAML") for text in found)
    assert any(text.startswith("updated (2020-01-01)") for text in found)
    assert not any("which has no entry" in text for text in found if "the method dig" in text)


def test_problems_come_in_the_order_of_the_files(root: Path) -> None:
    save_entry(root, paper("2401.00002", leaf="x/y", updated="2020-01-01"))
    save_entry(root, paper("2401.00003", leaf="x/y"))
    problems = check_catalog(root, METHODS, (EXPERIMENT,))
    assert problems == sorted(problems)
    assert len(problems) == 3


def test_a_file_in_another_form_is_given_the_text_it_should_have(root: Path) -> None:
    path = root / "papers" / "2401.00001.yaml"
    wanted = path.read_text()
    path.write_text(wanted.replace("title: A", 'title: "A').replace("1\nauthors", '1"\nauthors'))
    assert unformatted(root) == [(path, wanted)]
    path.write_text(wanted)
    assert unformatted(root) == []
    assert wanted == dump_entry(paper(methods=[DIG], claims=[CLAIM]))

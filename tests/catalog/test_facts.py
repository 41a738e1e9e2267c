from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from registry.catalog.facts import Facts, read_facts
from registry.catalog.from_facts import Known, LeftOut, checked_titles, chosen_leaves, entries
from registry.catalog.models import Paper
from registry.core.errors import UsageError
from tests.catalog.fabricated import TAXONOMY

ID = "2401.00001"
TITLE = "A Made-up Title"


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def known(**changes: Any) -> Known:
    fields: dict[str, Any] = {
        "taxonomy": TAXONOMY, "titles": {ID: (TITLE,)}, "catalogued": (), "outlined": (),
    }  # fmt: skip
    return Known(**(fields | changes))


def facts(**changes: Any) -> Facts:
    fields: dict[str, Any] = {
        "id": ID, "listed": [TITLE], "leaves": {"fruit/apples": {"a-list", "b-list"}},
    }  # fmt: skip
    return Facts(**(fields | changes))


def made(one: Facts, **changes: Any) -> Paper | LeftOut:
    (result,) = entries({one.id: one}, known(**changes))
    return result


def test_rows_about_one_paper_are_merged_and_the_earlier_file_has_the_word(tmp_path: Path) -> None:
    first = write(
        tmp_path / "a.jsonl",
        {
            "id": ID, "title": f" {TITLE} &amp; more", "authors": ["Ada Example", " Bo  Sample", ":"],
            "categories": ["cs.LG", "68T07", "cs.LG"], "created": None, "first_seen": "2024-01-03",
        },
    )  # fmt: skip
    second = tmp_path / "b.jsonl.gz"
    with gzip.open(second, "wt") as file:
        file.write(
            json.dumps({"arxiv_id": ID, "title": TITLE, "authors": ["Somebody Else"],
                        "leaves": ["fruit/apples"], "evidence": {"fruit/apples": ["a-list"]}})
        )  # fmt: skip
    (one,) = read_facts([first, second]).values()
    assert one == Facts(
        ID,
        title=f"{TITLE} & more",
        listed=[TITLE],
        authors=("Ada Example", "Bo Sample"),
        categories=("cs.LG",),
        announced=date(2024, 1, 3),
        leaves={"fruit/apples": {"a-list"}},
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "is no JSON object"),
        ("{", "is no JSON object"),
        ("[" * 5000, "is no JSON object"),
        ('{"id": 2401.1}', "the id is 2401.1"),
        ('{"id": "2401"}', "is not an arXiv identifier"),
        ('{"id": "2401.00001", "created": "soon"}', "'soon' is no day"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "facts.jsonl"
    path.write_text(f"\n{line}\n")
    with pytest.raises(UsageError, match=r"facts\.jsonl:2") as caught:
        read_facts([path])
    assert said in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not there"):
        read_facts([tmp_path / "none.jsonl"])


def test_a_title_that_no_index_knows_or_that_differs_leaves_the_paper_out() -> None:
    assert made(facts(), titles={}) == LeftOut(ID, "no index knows the title")
    assert made(facts(listed=["Another Title"])) == LeftOut(ID, "a list gives another title")
    assert made(facts(listed=["a made-up TITLE!"])) != LeftOut(ID, "a list gives another title")


def test_two_real_titles_are_a_rename() -> None:
    one = facts(title="The Present Title", listed=[TITLE], authors=("Ada Example",))
    assert checked_titles(one, (TITLE,)) == ("The Present Title", TITLE)
    paper = made(one)
    assert isinstance(paper, Paper)
    assert (paper.title, paper.former_titles) == ("The Present Title", (TITLE,))


def test_a_real_title_with_markup_is_none() -> None:
    bad = '(Figure from <a href="'
    assert isinstance(checked_titles(facts(listed=[bad]), (bad,)), LeftOut)


@pytest.mark.parametrize(
    ("changes", "enters"),
    [
        ({"leaves": {"fruit/apples": {"a-list"}}}, False),
        ({"leaves": {"fruit/apples": {"a-list", "b-list"}}}, True),
        ({"leaves": {"fruit/apples": {"mbzuai", "system2"}}}, False),  # a copy adds no vote
        ({"leaves": {"fruit/apples": {"a-list"}}, "authors": ("Ada Example",)}, True),
    ],
)
def test_somebody_has_to_vouch_for_a_paper(changes: dict[str, Any], enters: bool) -> None:
    assert isinstance(made(facts(**changes)), Paper) is enters
    assert isinstance(made(facts(**changes), outlined=(ID,)), Paper)


def test_negatives_and_what_is_there_already_are_passed_over() -> None:
    assert list(entries({ID: facts(negative=True)}, known())) == []
    assert list(entries({ID: facts()}, known(catalogued=(ID,)))) == []


def test_the_primary_leaf_is_canonical_then_the_most_named_then_the_taxonomy_s_first() -> None:
    one = facts(
        leaves={
            "fruit/apples": {"a-list", "b-list"},
            "fruit/pears": {"canonical"},
            "roots/carrots": {"a-list", "b-list"},
            "gone/leaf": {"a-list"},
        }
    )
    assert chosen_leaves(one, TAXONOMY) == {
        "fruit/pears": ("canonical",),
        "fruit/apples": ("a-list", "b-list"),
        "roots/carrots": ("a-list", "b-list"),
    }
    more = facts(leaves={"fruit/apples": {"a-list"}, "roots/carrots": {"a-list", "b-list"}})
    assert next(iter(chosen_leaves(more, TAXONOMY))) == "roots/carrots"


def test_a_leaf_under_its_older_name_is_the_leaf() -> None:
    one = facts(leaves={"fruit/pommes": {"a-list"}, "fruit/apples": {"b-list"}})
    assert chosen_leaves(one, TAXONOMY) == {"fruit/apples": ("a-list", "b-list")}


def test_a_day_far_from_the_identifier_s_month_is_no_announcement() -> None:
    near = made(facts(authors=("Ada Example",), announced=date(2024, 2, 2)))
    late = made(facts(authors=("Ada Example",), announced=date(2024, 6, 12)))
    assert isinstance(near, Paper) and near.announced == date(2024, 2, 2)
    assert isinstance(late, Paper) and late.announced is None and late.day == "2024-01"
    weekend = made(facts(authors=("Ada Example",), announced=date(2024, 1, 6)))
    assert isinstance(weekend, Paper) and weekend.announced is None


def test_of_two_identifiers_with_one_title_the_first_enters() -> None:
    other = facts(id="2401.00002")
    titles = {ID: (TITLE,), "2401.00002": (TITLE,)}
    first, second = entries({ID: facts(), other.id: other}, known(titles=titles))
    assert isinstance(first, Paper)
    assert second == LeftOut("2401.00002", "another identifier has the same title")

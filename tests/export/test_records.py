from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from registry.catalog.files import load_papers
from registry.catalog.models import Survey
from registry.export.records import json_array, json_lines, json_schema
from tests.catalog.fabricated import paper, survey
from tests.export.hostile import texts

CATALOG = Path(__file__).parents[2] / "catalog"


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(json_schema())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_lines_of_the_catalog_are_what_the_schema_says(validator: Draft202012Validator) -> None:
    papers = list(load_papers(CATALOG).values())
    told = [one for one in papers if one.claims or isinstance(one, Survey)]
    lines = json_lines([*told[::3], *papers[::30]]).splitlines()
    found = [json.loads(line) for line in lines]
    assert [error.message for one in found for error in validator.iter_errors(one)] == []
    assert any(one["claims"] for one in found) and any("outline" in one for one in found)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: one.pop("title"),
        lambda one: one.update(leaf="no leaf"),
        lambda one: one.update(id=2401.00001),
        lambda one: one.update(extra=1),
    ],
)
def test_the_schema_refuses_a_line_that_is_spoiled(validator: Draft202012Validator, spoil) -> None:  # type: ignore[no-untyped-def]
    (line,) = json.loads(json_array([paper()]))
    assert validator.is_valid(line)
    spoil(line)
    assert not validator.is_valid(line)


def test_a_survey_keeps_its_outline() -> None:
    line = json.loads(json_lines([survey()]))
    assert line["outline"][1]["sections"][0]["title"] == "2.1 Inner"
    assert (line["key"], line["url"]) == ("example-2402.00001", "https://arxiv.org/abs/2402.00001")


@given(texts, texts)
def test_an_entry_is_one_line_and_comes_back_whole(title: str, author: str) -> None:
    one = paper(title=title, authors=[author])
    text = json_lines([one, one])
    assert len(text.splitlines()) == 2 and "<" not in text
    for line in text.splitlines():
        found = json.loads(line)
        assert (found["title"], found["authors"]) == (title, [author])
    assert json.loads(json_array([one])) == [json.loads(text.splitlines()[0])]

"""The guide: every page can be reached, and what it lists is what the code does."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tests.publish.fabricated import REPOSITORY

GUIDE = REPOSITORY / "site/docs/guide"
PAGES = sorted(path.name for path in GUIDE.glob("*.md"))


def navigation() -> list[str]:
    """The guide's pages in the order of the navigation."""
    config = (REPOSITORY / "site/mkdocs.yml").read_text()
    listed = yaml.safe_load(config.partition("\nnav:")[2].partition("\nnot_in_nav")[0])
    return next(entry["Guide"] for entry in listed if "Guide" in entry)


def test_every_page_of_the_guide_is_in_the_navigation_after_the_first() -> None:
    listed = navigation()
    assert listed[0] == "guide/index.md"
    assert sorted(listed) == [f"guide/{name}" for name in PAGES]


def test_the_first_page_leads_to_every_other() -> None:
    linked = re.findall(r"^- \[[^]]+\]\(([^)]+)\)", (GUIDE / "index.md").read_text(), flags=re.M)
    assert [f"guide/{name}" for name in linked] == navigation()[1:]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_a_title_a_description_and_one_first_heading(name: str) -> None:
    _, front, body = (GUIDE / name).read_text().split("---\n", 2)
    facts = yaml.safe_load(front)
    headings = re.findall(r"^# (.+)$", re.sub(r"```.*?```", "", body, flags=re.S), flags=re.M)
    assert headings == [facts["title"]]
    assert len(facts["description"]) > 30


def test_the_kinds_of_models_are_those_that_the_tests_try() -> None:
    pytest.importorskip("transformers", reason="the extra `run` is not installed")
    from tests.engine.architectures import PADDED, RAGGED, REFUSED

    page = (GUIDE / "engine.md").read_text()
    for title, table in (("Packed", RAGGED), ("Padded", PADDED), ("Refused", REFUSED)):
        row = next(line for line in page.splitlines() if line.startswith(f"| {title} |"))
        tried = {kind for kind, *_ in table.values()}
        assert set(re.findall(r"`([^`]+)`", row)) == tried


def test_the_kills_that_the_guide_tells_of_are_in_the_record() -> None:
    page = " ".join((GUIDE / "parallel.md").read_text().split())
    assert "kills runs of sft, dpo and grpo, twenty times each" in page
    kept = json.loads((REPOSITORY / "tests/faults/results/kills.json").read_text())["methods"]
    assert {"sft", "dpo", "grpo"} <= set(kept)
    for found in kept.values():
        assert found["equal"] and len(found["kills"]) >= 20

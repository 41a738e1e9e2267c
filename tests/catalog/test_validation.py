from __future__ import annotations

from pathlib import Path

import pytest

from registry.catalog.files import dump_entry, load_paper, load_survey, read_entry, save_entry
from registry.catalog.models import Paper
from registry.core.errors import CatalogError
from tests.catalog import fabricated

CLAIMS = [
    {"id": "c1", "text": "One.", "where": "Table 1", "kind": "result"},
    {"id": "c2", "text": "Two.", "where": "Table 2", "kind": "theory", "arxiv_version": 2},
]


def broken(tmp_path: Path, old: str, new: str) -> tuple[CatalogError, str]:
    """The error of a good file in which ``old`` has become ``new``, and the line it points at."""
    entry = fabricated.paper(
        claims=CLAIMS,
        methods=[{"slug": "dig", "relation": "uses"}],
        links=[{"kind": "code", "url": "https://example.org/x"}],
        facets={"domain": ["math"]},
    )
    text = dump_entry(entry)
    assert old in text
    path = tmp_path / "2401.00001.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(CatalogError) as caught:
        load_paper(path)
    lines = path.read_text().splitlines()
    return caught.value, lines[caught.value.line - 1]


@pytest.mark.parametrize(
    ("old", "new", "line", "what", "allowed"),
    [
        ("title:", "titel:", "id:", "the field 'title' is missing", "a value"),
        ("leaf: fruit/apples", "leaf: Apples", "leaf:", "leaf is 'Apples'", "group/leaf"),
        ("submitted: 2024-01-02", "submitted: 2024-02-30", "submitted:", "submitted is", "a date"),
        ("submitted: 2024-01-02", "submitted: 20240729", "submitted:", "submitted is '2024", "a date"),
        ("kind: theory", "kind: theorem", "kind: theorem", "claims[1].kind is 'theorem'", "theory"),
        ("arxiv_version: 2", "arxiv_version: two", "arxiv_version", "claims[1].arxiv_version", "a w"),
        ("arxiv_version: 2", "arxiv_version: 0", "arxiv_version", "claims[1].arxiv_version", "grea"),
        ("where: Table 2", "place: Table 2", "- id: c2", "the field 'claims[1].where'", "Section"),
        ("- slug: dig", "- slug: Dig It", "slug: Dig It", "methods[0].slug is 'Dig It'", "small let"),
        ("url: https", "url: javascript", "url:", "links[0].url is", "an address"),
        ("  - cs.CL", "  - cs CL", "- cs CL", "categories[0] is 'cs CL'", "an arXiv category"),
        ("  - Ada Example\n", '  - ""\n', '- ""', "authors[0] is empty", "at least 1"),
        ("gist: It says nothing.", "gist:\n  - a", "gist:", "gist is a list", "text"),
        ("facets:\n  domain:\n    - math", "facets: math", "facets:", "facets is 'math'", "a mapping"),
        ('id: "2401.00001"', 'id: "2401.00001v2"', "id:", "id is '2401.00001v2'", "a versionless"),
        ('id: "2401.00001"', 'id: "2413.00001"', "id:", "id is '2413.00001'", "a versionless"),
        ('id: "2401.00001"', "id: arXiv:2401.00001", "id:", "id is 'arXiv:2401.00001'", "a v"),
    ],
)  # fmt: skip
def test_a_fault_has_line_what_and_allowed(
    tmp_path: Path, old: str, new: str, line: str, what: str, allowed: str
) -> None:
    error, shown = broken(tmp_path, old, new)
    assert line in shown
    assert error.what.startswith(what)
    assert error.allowed and allowed in error.allowed
    assert error.fix and "Allowed" not in error.fix and error.what not in error.fix


def test_an_unknown_field_names_the_nearest(tmp_path: Path) -> None:
    entry, _ = broken(tmp_path, "- kind: code", "- knid: code")
    problems = [entry]
    path = tmp_path / "2401.00001.yaml"
    record, found = read_entry(path, Paper)
    assert record is None
    unknown = next(p for p in found if p.what.startswith("unknown field"))
    assert unknown.what == "unknown field 'links[0].knid'"
    assert unknown.allowed == "kind, url"
    assert unknown.fix == "write 'kind'"
    assert problems[0].line == found[0].line


def test_every_fault_of_a_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "2401.00001.yaml"
    path.write_text('id: "2401.00001"\ntitle: ""\nauthors: []\nsubmitted: 2024-01-02\nfoo: bar\n')
    _, problems = read_entry(path, Paper)
    assert len(problems) == 3  # title, foo; leaf is missing


def test_a_file_that_is_a_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "2401.00001.yaml"
    path.write_text("- a\n")
    with pytest.raises(CatalogError, match=r"the file is a list\. Allowed: a mapping"):
        load_paper(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "2401.00001.yaml"
    path.write_text("")
    with pytest.raises(CatalogError, match=r"the file is empty\. Allowed: a mapping"):
        load_paper(path)


def test_a_long_value_is_cut_between_its_quotes(tmp_path: Path) -> None:
    error, _ = broken(tmp_path, "leaf: fruit/apples", f"leaf: {'A' * 79}")
    assert error.what == f"leaf is '{'A' * 55}...'"


def test_a_fault_deep_in_an_outline_has_its_line(tmp_path: Path) -> None:
    save_entry(tmp_path, fabricated.survey())
    path = tmp_path / "surveys" / "2402.00001.yaml"
    path.write_text(path.read_text().replace("2309.00009", "2309.0009"))
    with pytest.raises(CatalogError) as caught:
        load_survey(path)
    assert "2309.0009" in path.read_text().splitlines()[caught.value.line - 1]
    assert caught.value.what.startswith("outline[1].sections[0].papers[0] is '2309.0009'")

"""`registry list papers` with filters, `registry related` and `registry citations`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.catalog.files import load_catalog
from registry.catalog.taxonomy_edit import rename
from registry.cli.app import main
from registry.core.settings import Settings
from registry.store.engine import open_store
from registry.store.preprints import Preprint, put_preprints
from registry.store.schema import sources
from tests.catalog import fabricated

START = datetime(2025, 11, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = fabricated.write(
        tmp_path / "catalog",
        fabricated.paper(),
        fabricated.paper("2401.00002", leaf="fruit/pears", submitted="2024-03-09"),
        fabricated.survey(),
    )
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(root))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    monkeypatch.delenv("REGISTRY_OPENALEX_KEY", raising=False)
    monkeypatch.delenv("REGISTRY_SEMANTIC_SCHOLAR_KEY", raising=False)
    return root


@pytest.fixture
def candidates() -> None:
    records = [
        Preprint(
            id=f"2511.{n:05d}", version=1, title=f"Candidate number {n}", abstract="Of an okapi.",
            authors=("Ada Example",), categories=("cs.CL" if n % 2 else "cs.LG",),
            published=START + timedelta(days=n), updated=START + timedelta(days=n), seen_at=START,
        )
        for n in range(1, 121)
    ]  # fmt: skip
    source = {"id": 1, "kind": "ids", "query": "x", "query_sha256": "0" * 64, "created": START}
    with open_store(Settings.load()) as store, store.write() as connection:
        connection.execute(sources.insert(), source)
        put_preprints(connection, records, source_id=1)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def ids(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    code, out, _ = run(capsys, "list", "papers", *words, "--json")
    assert code == 0
    return [row["id"] for row in json.loads(out)]


def test_a_leaf_is_found_by_an_older_name(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rename(load_catalog(catalog), "fruit/pears", "fruit/quinces").write()
    assert ids(capsys, "--leaf", "fruit/pears") == ["2401.00002"]
    assert ids(capsys, "--leaf", "fruit/pears", "--text", "title") == ["2401.00002"]


def test_catalogued_papers_pass_all_filters(capsys: pytest.CaptureFixture[str]) -> None:
    everything = ids(capsys)

    assert ids(capsys, "--leaf", "fruit/pears") == ["2401.00002"]
    assert ids(capsys, "--since", "2024-03-09", "--until", "2024-03-09") == ["2401.00002"]
    assert ids(capsys, "--category", "q-bio.QM") == []
    assert sorted(ids(capsys, "--sort", "oldest")) == everything
    assert ids(capsys, "--sort", "newest") == ids(capsys, "--sort", "oldest")[::-1]
    assert ids(capsys, "--limit", "1", "--offset", "1") == everything[1:2]


@pytest.mark.usefixtures("candidates")
def test_candidates_come_newest_first_a_page_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "list", "papers", "--status", "candidate", "--json")

    rows = json.loads(out)
    assert code == 0
    assert [row["id"] for row in rows] == [f"2511.{n:05d}" for n in range(120, 20, -1)]
    assert rows[0]["submitted"] == "2026-03-01"
    assert "more follow: --offset 100 gives the next, --limit 0 all" in err
    assert len(ids(capsys, "--status", "candidate", "--offset", "100")) == 20
    assert len(ids(capsys, "--status", "candidate", "--limit", "0")) == 120
    filtered = ("--status", "candidate", "--category", "cs.CL", "--until", "2025-11-04")
    assert ids(capsys, *filtered) == ["2511.00003", "2511.00001"]
    assert ids(capsys, "--status", "candidate", "--text", "okapis number 7") == ["2511.00007"]


WRONG = {
    ("list", "papers", "--since", "yesterday"): "--since 'yesterday' is no day",
    ("list", "papers", "--since", "2026-02-01", "--until", "2026-01-01"): "is after --until",
    ("list", "papers", "--sort", "best"): "unknown sort 'best'",
    ("list", "papers", "--leaf", "fruit/peas"): "Did you mean 'fruit/pears'",
    ("list", "papers", "--text", "?"): "has no words",
    ("list", "methods", "--category", "cs.CL"): "--category is for papers",
    ("list", "tasks", "--offset", "2"): "--offset is for papers",
    ("list", "surveys", "--text", "okapi"): "--text is for papers",
    ("related", "2401.99999"): "neither in the catalog nor among the candidates",
    ("related", "nonsense"): "is not an arXiv identifier",
    ("citations", "--source", "open"): "unknown source 'open'",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_asked_is_said(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, out, err = run(capsys, *words)

    assert (code, out) == (2, "")
    assert WRONG[words] in err


@pytest.mark.usefixtures("candidates")
def test_related_shows_each_part_of_the_score(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "related", "arXiv:2511.00001v1", "--limit", "3", "--json")

    rows: list[dict[str, Any]] = json.loads(out)
    assert code == 0
    assert [row["id"] for row in rows] == ["2511.00002", "2511.00003", "2511.00004"]
    assert all(row["score"] == row["text"] > 0 and row["leaves"] is None for row in rows)
    _, table, _ = run(capsys, "related", "2511.00001", "--limit", "1")
    assert table.splitlines()[0].split("\t") == [
        "id", "score", "text", "leaves", "methods", "citations", "title",
    ]  # fmt: skip


def test_citations_say_why_each_source_is_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capsys, "citations", "--json")
    assert code == 0
    assert {row["source"]: row["why"] for row in json.loads(out)} == {
        "semantic-scholar": "no key: set REGISTRY_SEMANTIC_SCHOLAR_KEY",
        "openalex": "no key: set REGISTRY_OPENALEX_KEY",
    }

    code, out, err = run(capsys, "citations", "--refresh")
    assert (code, out) == (1, "")
    assert "openalex: no key: set REGISTRY_OPENALEX_KEY" in err

    monkeypatch.setenv("REGISTRY_OPENALEX_KEY", "k")
    monkeypatch.setenv("REGISTRY_OPENALEX_URL", "http://127.0.0.1:9")
    code, out, err = run(capsys, "citations", "--refresh")
    assert code == 3
    assert "openalex cannot be reached" in err
    assert "papers left" in err


def test_citations_lists_what_the_catalog_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    from registry.core.clock import now
    from registry.store.citations import put_citations

    run(capsys, "citations")
    with open_store(Settings.load()) as store, store.write() as connection:
        said = {"2401.00001": ["2401.00009"], "2401.00002": ["2401.00009", "2401.00001"]}
        put_citations(connection, "made-up", said, now())

    code, out, _ = run(capsys, "citations", "--missing", "2", "--json")

    assert code == 0
    assert json.loads(out) == [{"id": "2401.00009", "cited_by": 2, "title": None}]

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.catalog.files import load_paper
from registry.cli.app import main
from tests.catalog import fabricated
from tests.fake_arxiv import corpus, entry, feed

FACTS = {
    "id": "2403.00007", "title": "Tea &amp; Cake", "authors": ["Ada Example"],
    "leaves": ["fruit/pears"], "evidence": {"fruit/pears": ["a-list"]},
}  # fmt: skip


@pytest.fixture
def catalog(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fabricated.write(tmp_path / "catalog", fabricated.paper())
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(tmp_path / "catalog"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
    (tmp_path / "facts.jsonl").write_text(json.dumps(FACTS) + "\n")
    return tmp_path / "catalog"


def test_a_paper_of_a_file_is_shown_as_a_diff_then_added(catalog: Path, capsys) -> None:
    path = catalog / "papers" / "2403.00007.yaml"
    words = (
        "add",
        "2403.00007",
        "--leaf",
        "fruit/apples",
        "--facts",
        f"{catalog.parent}/facts.jsonl",
    )
    assert main((*words, "--dry-run")) == 0
    out, err = capsys.readouterr()
    assert '+id: "2403.00007"\n' in out and "nothing written" in err and not path.exists()
    assert main(words) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert main(words) == 2
    assert "in the catalog already" in capsys.readouterr().err


def test_a_candidate_is_added_from_the_store(catalog: Path, tmp_path: Path, capsys) -> None:
    [work] = corpus(1)
    page = tmp_path / "page.xml"
    page.write_bytes(feed(entry(work), "search_query=x", 1))
    assert main(("ingest", "--from-file", str(page))) == 0
    assert main(("add", work.id, "--leaf", "fruit/apples")) == 0
    assert (catalog / "papers" / f"{work.id}.yaml").is_file()
    capsys.readouterr()
    assert main(("list", "papers", "--status", "candidate", "--json")) == 0
    assert capsys.readouterr().out == "[]\n"


def test_all_of_a_file_are_added_and_counted(catalog: Path, tmp_path: Path, capsys) -> None:
    words = ("add", "--from-facts", f"{tmp_path}/facts.jsonl")
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out == "2403.00007\tfruit/pears\tTea & Cake\n"
    assert "added 1 paper; 0 in the catalog already" in err
    assert main((*words, "--json")) == 0
    assert json.loads(capsys.readouterr().out) == {"added": [], "left_out": [], "written": True}


def test_a_gist_is_added_to_facts(catalog: Path, tmp_path: Path) -> None:
    words = ("add", "2403.00007", "--facts", f"{tmp_path}/facts.jsonl")
    assert main((*words, "--leaf", "fruit/apples")) == 0
    gist = "Tea tastes of nothing that was ever measured here, nor does cake."
    (tmp_path / "facts.jsonl").write_text(json.dumps(FACTS | {"submitted": "2024-03-04"}) + "\n")
    assert main((*words, "--gist", gist)) == 0
    entry = load_paper(catalog / "papers" / "2403.00007.yaml")
    assert (entry.gist, entry.day) == (gist, "2024-03-04")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2403.00009", "--leaf", "fruit/apples"), "2403.00009 is not in the store"),
        (("2403.00007",), "--leaf is missing"),
        (("2403.00009", "--gist", "Some words."), "2403.00009 has no entry yet"),
        (("2401.00001", "--leaf", "fruit/apples"), "is in the catalog already"),
        ((), "neither an ID nor --facts"),
        (("--leaf", "fruit/apples", "--facts", "FACTS"), "are about one paper: name its ID"),
        (("2403.00007", "--from-store", "--facts", "FACTS"), "are two sources"),
        (("2403.00009", "--leaf", "fruit/apples", "--facts", "FACTS"), "stands in none of"),
        (("--facts", "FACTS", "--titles", "none.tsv"), "none.tsv is not there"),
    ],
)  # fmt: skip
def test_what_cannot_be_added_is_refused(
    catalog: Path, tmp_path: Path, capsys, words: tuple[str, ...], said: str
) -> None:
    asked = [f"{tmp_path}/facts.jsonl" if word == "FACTS" else word for word in words]
    assert main(("add", *asked)) == 2
    assert said in capsys.readouterr().err

"""`registry import awesome`, `registry audit` and `registry taxonomy` from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.cli.app import main
from tests.catalog import fabricated
from tests.fake_arxiv import FakeArxiv, corpus

ROW = "* {} [[Paper]](https://arxiv.org/abs/{})\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fabricated.write(tmp_path / "catalog", fabricated.paper(), fabricated.paper("2401.00002"))
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(tmp_path / "catalog"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path}/registry.db")
    monkeypatch.setenv("REGISTRY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("REGISTRY_ARXIV_INTERVAL", "0")
    monkeypatch.delenv("REGISTRY_OFFLINE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


def write(place: Path, *rows: tuple[str, str]) -> str:
    path = place / "README.md"
    path.write_text("# Snails\n\n- nothing here\n\n" + "".join(ROW.format(*row) for row in rows))
    return path.name


def test_an_import_says_what_is_known_and_what_to_fetch(place: Path, capsys) -> None:
    name = write(
        place,
        ("A Made-up Title 2401.00001", "2401.00001"),
        ("Unheard Melodies of Stars", "2405.00009"),
    )
    code, out, err = run(capsys, "import", "awesome", name, "--ids-to", "new.txt")

    assert code == 0
    assert out.splitlines()[1].split("\t") == [
        f"{place.name}/README.md",
        "2",
        "0",
        "2",
        "1",
        "0",
        "1",
        "1",
    ]
    assert "README.md:3: no link: nothing here" in err
    assert "registry ingest --ids $(cat new.txt)" in err
    assert (place / "new.txt").read_text() == "2405.00009\n"
    assert "kind" in run(capsys, "ingest", "--status")[1]


def test_a_file_without_rows_is_no_list(place: Path, capsys) -> None:
    (place / "page.md").write_text("# Snails\n\n- nothing here\n")
    code, _, err = run(capsys, "import", "awesome", "page.md")
    assert code == 1
    assert "no row that names a paper; passed over: no link in line 3" in err


def test_a_dry_run_stores_nothing_and_a_report_has_every_row(place: Path, capsys) -> None:
    name = write(place, ("Unheard Melodies of Stars", "2405.00009"))
    code, out, _err = run(
        capsys,
        "import",
        "awesome",
        name,
        "--dry-run",
        "--json",
        "--report",
        "r.json",
        "--ids-to",
        "n",
    )
    facts = json.loads(out)
    assert (code, facts["to_fetch"], facts["dry_run"]) == (0, ["2405.00009"], True)
    report = json.loads((place / "r.json").read_text())
    assert report["lists"][0]["items"][0]["title"] == "Unheard Melodies of Stars"
    assert report["lists"][0]["skipped"][0]["line"] == 3
    assert not (place / "n").exists()
    assert "nothing ingested yet" in run(capsys, "ingest", "--status")[2]


def test_a_report_that_cannot_be_written_says_so(place: Path, capsys) -> None:
    name = write(place, ("A Made-up Title 2401.00001", "2401.00001"))
    code, _, err = run(capsys, "import", "awesome", name, "--report", str(place))
    assert (code, err.count("\n")) == (1, 1)
    assert f"--report {place} cannot be written: Is a directory" in err


def test_what_a_list_names_is_fetched_and_then_seen_in_it(place: Path, capsys, monkeypatch) -> None:
    with FakeArxiv(corpus(6)) as service:
        monkeypatch.setenv("REGISTRY_ARXIV_URL", service.url)
        works = service.works[:2]
        name = write(place, *[(work.title, work.id) for work in works])
        code, _, err = run(capsys, "import", "awesome", name, "--fetch")
    assert code == 0
    assert "fetched 2 papers" in err
    code, out, _ = run(capsys, "import", "awesome", name, "--json")
    (facts,) = json.loads(out)["lists"]
    assert (facts["candidates"], facts["to_fetch"], facts["rows_before"]) == (2, 0, 2)


def test_an_audit_prints_findings_and_fails_where_one_is_an_error(place: Path, capsys) -> None:
    (place / "titles.tsv").write_text("2405.00009\tConcrete under Load\n")
    name = write(
        place, ("A Made-up Title 2401.00001", "2405.00009"), ("Concrete under Load", "2405.00009")
    )
    words = ("audit", name, "--titles", "titles.tsv")

    code, out, err = run(capsys, *words, "--only", "wrong-id")
    assert code == 1
    assert out.startswith("README.md:5: error wrong-id: 2405.00009 is the identifier of another")
    assert "write 2401.00001" in out
    assert "2 rows, 1 id; 2 titles held against known ones" in err

    code, out, _ = run(capsys, *words, "--only", "duplicate", "--json")
    report = json.loads(out)
    assert code == 0
    assert [f["line"] for f in report["findings"]] == [6]
    assert report["severities"]["error"] == 1


def test_the_catalog_and_the_codes_are_listed(place: Path, capsys) -> None:
    code, out, err = run(capsys, "audit", "--catalog")
    assert (code, out) == (0, "")
    assert "2 rows" in err
    assert "wrong-id" in json.loads(run(capsys, "audit", "--codes", "--json")[1])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("audit",), "takes a list or --catalog"),
        (("audit", "x.md", "--catalog"), "takes a list or --catalog"),
        (("audit", "x.md", "--only", "wrong"), "unknown finding"),
        (("audit", "x.md", "--least", "grave"), "unknown gravity"),
        (("audit", "x.md"), "no such file"),
        (("import", "awesome", "x.md"), "no such file"),
        (("taxonomy", "show", "fruit/plum"), "unknown leaf"),
        (("taxonomy", "split", "fruit/apples", "--into", "fruit/red", "--into", "fruit/green"), "needs --title"),
    ],
)  # fmt: skip
def test_wrong_use_says_what_is_allowed(
    place: Path, capsys, words: tuple[str, ...], said: str
) -> None:
    code, _, err = run(capsys, *words)
    assert code == 2
    assert said in err


def test_the_taxonomy_is_shown_whole_by_group_and_by_leaf(place: Path, capsys) -> None:
    _, out, _ = run(capsys, "taxonomy", "show")
    assert out.splitlines()[1] == "fruit/apples\tApples\t2\t0"
    _, out, _ = run(capsys, "taxonomy", "show", "roots")
    assert [line.split("\t")[0] for line in out.splitlines()] == ["leaf", "roots/carrots"]
    _, out, err = run(capsys, "taxonomy", "show", "fruit/pommes", "--json")
    assert "older name of fruit/apples" in err
    assert [p["id"] for p in json.loads(out)["papers"]] == ["2401.00001", "2401.00002"]
    assert json.loads(run(capsys, "taxonomy", "show", "--facets", "--json")[1])["stage"] == [
        "sft",
        "rl",
    ]


def test_a_change_shows_its_diff_and_is_written_on_demand(place: Path, capsys) -> None:
    words = ("taxonomy", "rename", "fruit/apples", "fruit/pomes")
    code, out, err = run(capsys, *words)
    assert code == 0
    assert "+leaf: fruit/pomes" in out
    assert "nothing written; --write changes 3 files, 2 papers moved" in err
    assert run(capsys, *words, "--write", "--dry-run")[2].startswith("nothing written")

    code, _, err = run(capsys, *words, "--write")
    assert (code, err) == (0, "wrote 3 files, 2 papers moved\n")
    _, out, _ = run(capsys, "taxonomy", "show", "fruit")
    assert out.splitlines()[1].startswith("fruit/pomes\tApples\t2")


def test_papers_are_split_by_hand(place: Path, capsys) -> None:
    code, out, _err = run(
        capsys, "taxonomy", "split", "fruit/apples", "--into", "fruit/red", "--into", "fruit/green",
        "--title", "fruit/red=Red ones", "--scope", "fruit/red=All that are red.",
        "--title", "fruit/green=Green ones", "--scope", "fruit/green=All that are green.",
        "--keyword", "fruit/red=blush", "--move", "arXiv:2401.00002=fruit/red", "--rest", "fruit/green",
        "--write", "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["moved"] == {"fruit/green": ["2401.00001"], "fruit/red": ["2401.00002"]}
    assert run(capsys, "taxonomy", "merge", "fruit/red", "--into", "fruit/green", "--write")[0] == 0
    _, out, _ = run(capsys, "taxonomy", "show", "fruit/red", "--json")
    assert json.loads(out)["slug"] == "fruit/green"


def test_the_committed_taxonomy_is_sound(capsys) -> None:
    code, _out, err = run(capsys, "taxonomy", "check")
    assert code == 0
    assert "0 problems" in err

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.cli.app import main
from tests.catalog import fabricated

OUTLINE = [
    {
        "title": "1 Apples",
        "leaves": ["fruit/apples"],
        "papers": ["2401.00001", "2309.00009"],
        "methods": ["dpo", "Sowing"],
    },
    {"title": "2 Pears", "sections": [{"title": "2.1 Inner", "leaves": ["fruit/pears"]}]},
]


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    newer = [
        fabricated.paper(f"2403.{n:05d}", submitted=f"2024-03-{n:02d}", title=f"Newer \x1b[31m{n}")
        for n in range(1, 6)
    ]
    root = fabricated.write(
        tmp_path / "catalog",
        fabricated.paper("2401.00001", title="Old Apples"),
        fabricated.paper("2403.00009", submitted="2024-03-09", leaf="roots/carrots"),
        fabricated.survey(outline=OUTLINE, title="Of Fruit", submitted="2024-02-03"),
        *newer,
    )
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(root))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path}/absent.db")
    return root


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["survey", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_without_an_id_the_surveys_are_listed_with_their_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert out.splitlines()[1] == "2402.00001\tOf Fruit\t2024-02-03\t3\t1 of 2\t1 of 2\t5\t0"
    assert not (tmp_path / "absent.db").exists()


def test_a_survey_is_printed_section_by_section(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "https://arxiv.org/abs/2402.00001v2", "--newest", "2")
    assert code == 0
    assert "papers   1 of 2 that its outline names are here\nmethods  1 of 2 run here\n" in out
    assert "newer    5 papers of its topics and 0 candidates, submitted after 2024-02-03" in out
    assert out.split("\n\n")[1] == (
        "1 Apples\n"
        "  leaves: fruit/apples\n"
        "  here: 2401.00001\n"
        "  lacking: 2309.00009\n"
        "  runs: dpo\n"
        "  does not run: Sowing\n"
        "  newer: 5, the newest:\n"
        "    2024-03-05  2403.00005  Newer 5\n"
        "    2024-03-04  2403.00004  Newer 4"
    )
    assert "2 Pears\n  2.1 Inner\n    leaves: fruit/pears\n" in out
    assert out.endswith("newer papers under no heading: roots/carrots 1\n")


def test_json_has_every_paper_of_every_section(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "2402.00001", "--json")[1])
    assert found["counts"] == {
        "candidates": 0, "methods": 2, "methods_here": 1, "newer": 5, "papers": 2,
        "papers_here": 1, "sections": 3, "since": "2024-02-03",
    }  # fmt: skip
    first, second = found["sections"]
    assert [one["id"] for one in first["newer"]] == [f"2403.{n:05d}" for n in range(5, 0, -1)]
    assert first["papers_here"] == [{"id": "2401.00001", "title": "Old Apples"}]
    assert first["papers_lacking"] == [{"id": "2309.00009", "title": None}]
    assert second["sections"][0]["leaves"] == ["fruit/pears"]
    assert found["outside"] == [{"leaf": "roots/carrots", "newer": 1}]


def test_another_day_may_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, "2402.00001", "--since", "2024-03-03", "--json")[1])
    assert (found["counts"]["newer"], found["counts"]["since"]) == (2, "2024-03-03")


def test_what_is_lacking_is_a_list_of_ids(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "2402.00001", "--lacking")
    assert (code, out) == (0, "2309.00009\n")
    assert "1 paper named by the outline of 2402.00001, not here" in err
    assert json.loads(run(capsys, "2402.00001", "--lacking", "--json")[1]) == [
        {"id": "2309.00009", "title": None}
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2401.00001",), "unknown survey '2401.00001'. Did you mean '2402.00001'?"),
        (("nonsense",), "'nonsense' is not an arXiv identifier"),
        (("--lacking",), "--lacking is for one survey"),
        (("--since", "2024-03-03"), "--since is for one survey"),
    ],
)
def test_what_is_unknown_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err


def test_a_database_that_cannot_serve_leaves_the_catalog_s_part(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "absent.db").write_bytes(b"not a database at all" * 100)
    code, out, err = run(capsys, "2402.00001", "--json")
    assert code == 0
    assert "no candidates are shown: " in err
    assert json.loads(out)["counts"]["newer"] == 5

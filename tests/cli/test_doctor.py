from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.catalog.files import load_paper
from registry.cli.app import main
from tests.catalog import fabricated

ONLY = ("--only", "text", "--only", "mirror")


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fabricated.write(tmp_path / "catalog", fabricated.paper(title="Tea &amp; Cake"))
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(tmp_path / "catalog"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path}/registry.db")
    return tmp_path / "catalog"


def test_findings_are_told_and_nothing_is_changed(catalog: Path, capsys) -> None:
    path = catalog / "papers" / "2401.00001.yaml"
    before = path.read_bytes()
    assert main(("doctor", *ONLY)) == 1
    out, err = capsys.readouterr()
    assert out.startswith("catalog/papers/2401.00001.yaml: [text] title holds HTML codes")
    assert "no database yet" in err and "1 finding left" in err
    assert path.read_bytes() == before


def test_a_fix_shows_its_diff_and_asks(catalog: Path, capsys) -> None:
    assert main(("doctor", "--fix", *ONLY)) == 1
    out, err = capsys.readouterr()
    assert "-title: Tea &amp; Cake" in out and "+title: Tea & Cake" in out
    assert "nobody to ask" in err
    assert load_paper(catalog / "papers" / "2401.00001.yaml").title == "Tea &amp; Cake"


def test_yes_mends_and_brings_the_store_along(catalog: Path, capsys) -> None:
    assert main(("search", "tea")) == 0
    assert main(("doctor", "--fix", "--yes", *ONLY)) == 0
    assert "wrote 1 file" in capsys.readouterr().err
    assert load_paper(catalog / "papers" / "2401.00001.yaml").title == "Tea & Cake"
    assert main(("doctor", *ONLY)) == 0
    assert "nothing to mend" in capsys.readouterr().err


def test_json_has_findings_and_the_diff(catalog: Path, capsys) -> None:
    assert main(("doctor", "--fix", "--yes", "--json", *ONLY)) == 0
    said = json.loads(capsys.readouterr().out)
    (finding,) = said["findings"]
    assert (finding["check"], finding["mendable"], finding["mended"]) == ("text", True, True)
    assert "+title: Tea & Cake" in said["diff"]


def test_a_file_that_is_no_database_is_a_finding(catalog: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "registry.db").write_bytes(b"no database at all, but long enough to be read " * 50)
    assert main(("doctor", "--only", "database")) == 1
    assert "[database]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--yes",), "--yes answers the question of --fix"),
        (("--fix", "--json"), "cannot ask"),
        (("--only", "tittle"), "unknown check 'tittle'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    catalog: Path, capsys, words: tuple[str, ...], said: str
) -> None:
    assert main(("doctor", *words)) == 2
    assert said in capsys.readouterr().err

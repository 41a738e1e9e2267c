from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.cli.app import main
from registry.export.formats import FORMATS
from registry.export.readme import BEGIN, END
from tests.catalog import fabricated


@pytest.fixture(autouse=True)
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = fabricated.write(
        tmp_path / "catalog",
        fabricated.paper("2401.00001", title="Same Thing"),
        fabricated.paper("2401.00002", title="Same Again", leaf="fruit/pears"),
        fabricated.survey(title="Another"),
    )
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(root))
    return root


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["export", *words])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_the_whole_catalog_is_exported_without_ids(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "bibtex")
    assert code == 0
    assert [line for line in out.splitlines() if line.startswith("@")] == [
        "@misc{example-2401.00001,",
        "@misc{example-2401.00002,",
        "@misc{example-2402.00001,",
    ]
    assert len(json.loads(run(capsys, "csl-json")[1])) == 3


def test_a_paper_by_itself_has_the_key_it_has_in_the_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, out, _ = run(capsys, "bibtex", "https://arxiv.org/abs/2401.00002v4")
    assert out.startswith("@misc{example-2401.00002,")
    (item,) = json.loads(run(capsys, "csl-json", "--ids", "2401.00002")[1])
    assert item["id"] == "example-2401.00002"


def test_a_key_stays_where_an_older_paper_with_the_same_names_is_added(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run(capsys, "bibtex")[1]
    older = fabricated.paper("2312.00001", title="Same Again Thing", submitted="2023-12-01")
    fabricated.write(catalog, older)
    after = run(capsys, "bibtex")[1]
    assert after.endswith(before)
    assert after.count("@misc{") == 4


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_the_catalog(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, name)
    assert (code, err) == (0, "")
    assert out.endswith("\n") and not out.endswith("\n\n")
    assert name == "schema" or "2401.00002" in out


def test_without_a_format_the_formats_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys)
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()[1:]] == list(FORMATS)
    listed = json.loads(run(capsys, "--json")[1])
    assert [one["name"] for one in listed] == list(FORMATS)
    assert [one["name"] for one in listed if one["into"]] == ["awesome", "markdown"]


def test_filters_combine(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("csv", "--survey", "2402.00001", "--leaf", "fruit/apples", "--since", "2024-01-01")
    assert run(capsys, *words)[1].count("arXiv:") == 1
    assert run(capsys, "csv", "--since", "2024-01-03")[1].count("arXiv:") == 0
    assert run(capsys, "csv", "--ids", "2401.00001,2401.00002", "--limit", "1")[1].count(
        "arXiv:2401.00002"
    ) == 1  # fmt: skip


def test_json_holds_every_field_of_the_entries(capsys: pytest.CaptureFixture[str]) -> None:
    entries = json.loads(run(capsys, "json", "2402.00001", "2401.00001")[1])
    assert [entry["id"] for entry in entries] == ["2402.00001", "2401.00001"]
    assert entries[0]["outline"][0]["title"] == "1 First"


def test_a_leaf_chooses_also_by_its_older_name(capsys: pytest.CaptureFixture[str]) -> None:
    entries = json.loads(run(capsys, "json", "--leaf", "fruit/pommes")[1])
    assert [entry["id"] for entry in entries] == ["2401.00001", "2402.00001"]


def test_a_file_is_written_and_a_dry_run_writes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out_file = tmp_path / "new" / "all.bib"
    code, out, err = run(capsys, "bibtex", "--out", str(out_file), "--dry-run")
    assert (code, out) == (0, "")
    assert "would write 3 papers" in err
    assert not out_file.exists()
    run(capsys, "bibtex", "--out", str(out_file))
    assert out_file.read_text() == run(capsys, "bibtex")[1]


def test_a_list_goes_into_a_readme_between_its_markers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    above, below = f"# Mine\r\n\n{BEGIN}\n".encode(), f"{END}\nbelow \xe9".encode("latin-1")
    readme.write_bytes(above + b"old" + b"\n" + below)
    link = tmp_path / "link.md"
    link.symlink_to(readme)
    code, out, err = run(capsys, "awesome", "--into", str(link), "--json")
    assert code == 0
    assert json.loads(out)["written"] is True
    assert "wrote 3 papers" in err
    text = run(capsys, "awesome")[1].encode()
    assert readme.read_bytes() == above + b"\n" + text + b"\n" + below
    assert link.is_symlink()
    code, out, err = run(capsys, "awesome", "--into", str(readme), "--json")
    assert (code, json.loads(out)["changed"]) == (0, False)
    assert "says it already" in err


def test_a_readme_without_markers_is_left_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("mine\n")
    code, _, err = run(capsys, "awesome", "--into", str(readme))
    assert code == 2
    assert "0 begins and 0 ends" in err
    assert readme.read_text() == "mine\n"


def test_a_file_that_cannot_be_written_is_an_error_and_the_old_one_stays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "all.bib"
    old.write_text("old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = run(capsys, "bibtex", "--output", str(old))
    assert code == 1
    assert "cannot be written: No space left on device" in err
    assert old.read_text() == "old"
    assert list(tmp_path.glob(".*.new")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bibtx",), "unknown format 'bibtx'. Did you mean 'bibtex' or"),
        (("json", "2401.00009"), "unknown paper '2401.00009'"),
        (("json", "nonsense"), "'nonsense' is not an arXiv identifier"),
        (("json", "--leaf", "fruit/aples"), "unknown leaf 'fruit/aples'. Did you mean"),
        (("json", "--survey", "2401.00001"), "unknown survey '2401.00001'. Did you mean"),
        (("json", "--json"), "--json is for a file"),
        (("bibtex", "--dry-run"), "--dry-run is for a file"),
        (("bibtex", "--into", "x.md"), "--into is not for bibtex. Allowed: awesome, markdown"),
        (("awesome", "--into", "absent.md"), "no such file"),
        (("awesome", "--into", "a.md", "--output", "b.md"), "Allowed: one of them"),
    ],
)
def test_what_is_unknown_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err

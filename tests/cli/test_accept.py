from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from registry.catalog.files import find_entry, load_taxonomy
from registry.cli.app import main
from registry.core.ids import ArxivId
from tests.catalog import fabricated
from tests.fake_arxiv import corpus, entry, feed

GIST = "The title is drawn by lot, and so is everything that stands below it."


@pytest.fixture
def candidate(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> str:
    """The id of a candidate in a made-up workplace."""
    fabricated.write(tmp_path / "catalog", fabricated.paper())
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(tmp_path / "catalog"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
    [work] = corpus(1)
    page = tmp_path / "page.xml"
    page.write_bytes(feed(entry(work), "search_query=x", 1))
    assert main(("ingest", "--from-file", str(page))) == 0
    capsys.readouterr()
    return work.id


def test_accepting_prints_the_file_and_shows_the_paper(
    candidate: str, tmp_path: Path, capsys
) -> None:
    code = main(("accept", candidate, "--leaf", "fruit/apples", "--gist", GIST))

    out, err = capsys.readouterr()
    assert (code, err) == (0, f"accepted {candidate}\n")
    assert Path(out.strip()) == tmp_path / "catalog" / "papers" / f"{candidate}.yaml"
    assert main(("show", candidate, "--json")) == 0
    assert main(("list", "papers", "--status", "candidate", "--json")) == 0
    assert capsys.readouterr().out.endswith("[]\n")


def test_a_dry_run_prints_the_entry(candidate: str, tmp_path: Path, capsys) -> None:
    words = ("accept", candidate, "--leaf", "fruit/apples", "--gist", GIST, "--dry-run")

    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f'id: "{candidate}"\n')
    assert "nothing written" in err
    assert main((*words, "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["written"], facts["paper"]["gist"]) == (False, GIST)
    assert not (tmp_path / "catalog" / "papers" / f"{candidate}.yaml").exists()


def test_rejecting_takes_it_out_of_the_queue(candidate: str, capsys) -> None:
    assert main(("reject", candidate, "--reason", "fruit only", "--json")) == 0
    assert json.loads(capsys.readouterr().out) == {
        "decision": "reject", "id": candidate, "reason": "fruit only",
    }  # fmt: skip

    assert main(("list", "papers", "--status", "candidate", "--json")) == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    "path", ["CONTRIBUTING.md", "registry/publish/home_page.py", "registry/cli/accept.py"]
)
def test_the_printed_walk_can_be_walked(path: str) -> None:
    root = Path(__file__).parents[2]
    text = (root / path).read_text(encoding="utf-8")
    leaves = {leaf.slug for g in load_taxonomy(root / "catalog").groups for leaf in g.leaves}
    printed = re.findall(r"registry accept ([\d.]+) ([^\n]*)", text)
    assert printed
    for id_, options in printed:
        assert find_entry(root / "catalog", ArxivId.parse(id_)) is None, "catalogued already"
        assert re.search(r"--leaf (\S+)", options)[1] in leaves
        assert "--gist " in options

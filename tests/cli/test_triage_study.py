from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from registry.cli.app import main
from registry.triage.documents import Example
from tests.catalog import fabricated
from tests.fake_arxiv import corpus, entry, feed
from tests.triage import made_up


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up catalog, and files of labels and background."""
    fabricated.write(tmp_path / "catalog", fabricated.paper())
    monkeypatch.setenv("REGISTRY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(tmp_path / "catalog"))
    every = made_up.library(each=20, others=120)
    write(tmp_path / "labels.jsonl", [one for one in every if one.relevant])
    write(tmp_path / "background.jsonl", [one for one in every if not one.relevant])
    return tmp_path


@pytest.fixture
def stored(workplace: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same with an empty store, on either database."""
    monkeypatch.setenv("REGISTRY_DATABASE_URL", database_url)
    return workplace


FILES = ("--labels", "labels.jsonl", "--background", "background.jsonl")


def write(path: Path, examples: list[Example]) -> None:
    lines = [
        {"id": one.document.id, "title": one.document.title, "abstract": one.document.abstract,
         "leaves": one.leaves, "negative": False,
         "evidence": {leaf: sorted(one.sources) for leaf in one.leaves}}
        for one in examples
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_simulating_prints_figures_and_writes_them_with_a_plot(workplace: Path, capsys) -> None:
    words = ("triage", "simulate", *FILES, "--seeds", "1", "--strategy", "relevance",
             "--strategy", "random", "--out", "made.json", "--plot", "made.svg")  # fmt: skip

    assert main(words) == 0

    out, err = capsys.readouterr()
    assert out.startswith("strategy\tWSS@95\tRRF@10\tATD\taverage precision\nrelevance\t")
    assert "held out (relevance)\trelevant\tpool" in out
    assert "seed 0, without list-2: random" in err
    figures = json.loads((workplace / "made.json").read_text())
    by_name = {one["strategy"]: one["measures"] for one in figures["strategies"]}
    saved = {name: measures["wss95"]["mean"] for name, measures in by_name.items()}
    assert saved["relevance"] > saved["random"] + 0.3
    ElementTree.fromstring((workplace / "made.svg").read_text())


def test_a_text_is_ranked_with_its_reasons(stored: Path, capsys) -> None:
    text = "Pippin grafts in the orchard\nA blossom of bramley cider, with DPO."
    words = ("triage", "suggest", "--text", text, *FILES)

    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("what\tsays\nrelevance\t")
    assert "\nleaf\tfruit/apples " in out
    assert "\nnames method\tdpo\n" in out
    assert err == "Pippin grafts in the orchard\n"

    assert main((*words, "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["relevance"] > 0.5
    assert facts["leaves"][0]["leaf"] == "fruit/apples"
    assert facts["reasons"]["accepted"][0]["decision"] == "accepted"
    assert len(list((stored / "cache" / "ranker").glob("*.npz"))) == 1


def test_a_stored_candidate_is_found_by_its_id(stored: Path, capsys) -> None:
    [work] = corpus(1)
    page = stored / "page.xml"
    page.write_bytes(feed(entry(work), "search_query=x", 1))
    assert main(("ingest", "--from-file", str(page))) == 0
    capsys.readouterr()

    assert main(("triage", "suggest", f"arXiv:{work.id}", "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["id"] == work.id
    assert facts["abstains"]  # nothing was rejected yet and one paper waits
    assert main(("triage", "suggest", "2501.99999")) == 2
    assert "is not in the store" in capsys.readouterr().err


@pytest.mark.parametrize("words", [(), ("2501.00001", "--text", "both")])
def test_suggesting_takes_one_thing(workplace: Path, capsys, words: tuple[str, ...]) -> None:
    assert main(("triage", "suggest", *words)) == 2
    assert "takes an id or --text" in capsys.readouterr().err


def test_drift_shows_terms_and_leaves(stored: Path, capsys) -> None:
    words = (
        "triage",
        "drift",
        "--background",
        "background.jsonl",
        "--likely",
        "0",
        "--months",
        "1",
    )

    assert main(words) == 0
    out, err = capsys.readouterr()
    assert err.startswith("recent: 60 papers since 2026-02-01; earlier: 60")
    assert out.startswith("term\tpapers\tshare\tbefore\tgrowth\tfor example\n")
    assert "\nfruit/pears\t0\t0.0%\tempty\n" in out

    assert main((*words, "--json")) == 0
    assert json.loads(capsys.readouterr().out)["earlier"] == 60


def test_unknown_strategies_and_missing_files_are_wrong_use(workplace: Path, capsys) -> None:
    assert main(("triage", "simulate", *FILES, "--strategy", "relevence")) == 2
    assert "Did you mean 'relevance'?" in capsys.readouterr().err
    assert main(("triage", "simulate", "--labels", "none", "--background", "none")) == 2
    assert "cannot be read" in capsys.readouterr().err

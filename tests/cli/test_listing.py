from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from methods.index import METHODS
from registry.catalog.models import Paper
from registry.cli import listing
from registry.cli.app import main
from registry.core.settings import Settings
from registry.store.engine import open_store
from registry.store.preprints import Preprint, put_preprints
from registry.store.schema import sources
from tests.catalog import fabricated

CLAIM = {"id": "c1", "text": "It digs.", "where": "Table 1", "kind": "result", "experiment": "dig"}


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up catalog and an empty store, used by every command of the test."""
    root = fabricated.write(
        tmp_path / "catalog",
        fabricated.paper(
            title="\x1b[31mRed\x1b[0m | Title",
            methods=[{"slug": "dpo", "relation": "uses"}],
            claims=[CLAIM],
            secondary=["fruit/pears"],
        ),
        fabricated.paper("2401.00002", status="withdrawn", status_note="By the authors."),
        fabricated.survey(),
        fabricated.evidence(method="dpo"),
    )
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(root))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path / 'store' / 'registry.db'}")
    return root


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def as_json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    code, out, _ = run(capsys, *words, "--json")
    assert code == 0
    return json.loads(out)


def test_methods_are_objects_with_five_facts(capsys: pytest.CaptureFixture[str]) -> None:
    rows = as_json(capsys, "list", "methods")
    assert [row["slug"] for row in rows] == [info.slug for info in METHODS]
    assert all(set(row) == {"slug", "name", "family", "paper", "status"} for row in rows)
    statuses = {info.status for info in METHODS}
    for status in statuses:
        only = as_json(capsys, "list", "methods", "--status", status)
        assert [row["slug"] for row in only] == [i.slug for i in METHODS if i.status == status]


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (("--family", "preference"), lambda m: m.family == "preference"),
        (("--needs", "reference"), lambda m: any("reference" in need for need in m.needs)),
        (
            ("--family", "rl", "--needs", "Reward", "--status", "partial"),
            lambda m: (
                m.family == "rl"
                and m.status == "partial"
                and any("reward" in need.lower() for need in m.needs)
            ),
        ),
    ],
)
def test_the_filters_of_methods_combine(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], kept: Any
) -> None:
    rows = as_json(capsys, "list", "methods", *words)
    assert [row["slug"] for row in rows] == [info.slug for info in METHODS if kept(info)]


def test_papers_are_objects_with_six_facts(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = as_json(capsys, "list", "papers")
    assert [row["id"] for row in rows] == ["2401.00001", "2401.00002", "2402.00001"]
    facts = {"id", "title", "status", "submitted", "leaves", "methods"}
    assert all(set(row) == facts for row in rows)
    assert rows[0]["leaves"] == ["fruit/apples", "fruit/pears"]
    assert rows[0]["methods"] == ["dpo"]


@pytest.mark.parametrize(
    ("status", "ids"),
    [("active", ["2401.00001", "2402.00001"]), ("withdrawn", ["2401.00002"]), ("superseded", [])],
)
def test_papers_are_listed_by_status(
    catalog: Path, capsys: pytest.CaptureFixture[str], status: str, ids: list[str]
) -> None:
    assert [row["id"] for row in as_json(capsys, "list", "papers", "--status", status)] == ids


def test_surveys_leaves_and_tasks_are_listed(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [row["id"] for row in as_json(capsys, "list", "surveys")] == ["2402.00001"]
    leaves = as_json(capsys, "list", "leaves")
    assert [(row["slug"], row["papers"]) for row in leaves] == [
        ("fruit/apples", 3),
        ("fruit/pears", 1),
        ("roots/carrots", 0),
    ]
    tasks = as_json(capsys, "list", "tasks")
    assert tasks and all(set(row) == {"name", "summary"} for row in tasks)


def test_a_table_is_plain_where_it_is_no_terminal(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "list", "papers")
    lines = out.splitlines()
    assert code == 0 and err == ""
    assert lines[0].split("\t") == ["id", "title", "status", "submitted", "leaves", "methods"]
    assert lines[1].split("\t")[1] == "Red | Title"
    assert "\x1b" not in out


def test_an_empty_list_says_so_beside_the_data(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "list", "papers", "--status", "superseded")
    assert (code, out) == (0, "")
    assert "no papers with status superseded" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("list", "method"), "unknown list 'method'. Did you mean 'methods'?"),
        (("list", "papers", "--status", "activ"), "unknown status of papers 'activ'. Did you mean"),
        (("list", "methods", "--status", "active"), "unknown status of methods 'active'"),
        (("list", "leaves", "--status", "active"), "leaves have no status"),
        (("list", "methods", "--family", "preferense"), "Did you mean 'preference'"),
        (("list", "methods", "--needs", "referense model"), "Did you mean 'reference model'"),
        (("list", "papers", "--family", "rl"), "Say: registry list methods --family rl"),
        (("show", "dop"), "unknown method or paper 'dop'. Did you mean"),
        (("show", "2401.00003"), "unknown paper '2401.00003'. Did you mean"),
        (("show", "2401.0000"), "is not an arXiv identifier. Allowed: 2402.03300, "),
        (("show", "2401.0000"), "Did you mean 2401.0000"),
        (("show", "hep-th/99"), "'hep-th/99' is not an arXiv identifier"),
    ],
)
def test_what_is_unknown_is_answered_with_the_nearest(
    catalog: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_candidates_come_from_the_store(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store_candidate()
    rows = as_json(capsys, "list", "papers", "--status", "candidate")
    assert rows == [
        {
            "id": "2511.00001",
            "title": "A Candidate Nobody Accepted",
            "status": "candidate",
            "submitted": "2025-11-01",
            "leaves": [],
            "methods": [],
        }
    ]


@pytest.mark.parametrize(
    "form", ["2401.00001", "arXiv:2401.00001v3", "https://arxiv.org/pdf/2401.00001v1.pdf"]
)
def test_a_paper_is_shown_by_any_form_of_its_id(
    catalog: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    facts = as_json(capsys, "show", form)
    assert facts["id"] == "2401.00001"
    assert facts["kind"] == "paper"
    (claim,) = facts["claims"]
    assert [(e["scale"], e["verdict"]) for e in claim["evidence"]] == [("tiny", "reproduced")]


def test_a_card_of_facts_alone_says_what_is_not_known(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {"fruit/apples": ["made-up-list", "canonical"]}
    fabricated.save_entry(
        catalog, Paper(id="2401.00003", title="Bare", leaf="fruit/apples", leaf_sources=sources)
    )
    assert as_json(capsys, "show", "2401.00003")["gist"] is None
    _, out, _ = run(capsys, "show", "2401.00003")
    assert "this entry holds facts only" in out and "None" not in out
    assert "authors not looked up" in out and "2024-01, by its identifier" in out
    assert "fruit/apples (made-up-list, canonical)" in out


def test_a_paper_s_card_shows_each_claim_beside_what_we_measured(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "show", "2401.00001")
    assert code == 0
    assert "c1 (result; Table 1): It digs." in out
    assert "reproduced at scale tiny (2026-11-20)" in out
    assert "deeper: +1.1 [0.9, 1.3], holds" in out
    assert "\x1b" not in out
    assert "Red | Title" in out


def test_a_survey_s_card_shows_its_outline(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "show", "2402.00001")
    assert "active (survey)" in out
    assert "  1 First [dig, 1 paper]" in out
    assert "    2.1 Inner [1 paper]" in out


@pytest.mark.parametrize("slug", [info.slug for info in METHODS])
def test_a_method_is_shown_whole(
    catalog: Path, capsys: pytest.CaptureFixture[str], slug: str
) -> None:
    info = next(m for m in METHODS if m.slug == slug)
    facts = as_json(capsys, "show", slug.upper())
    assert facts["slug"] == slug
    assert facts["equation"]["latex"] == info.equation.latex
    assert [knob["name"] for knob in facts["knobs"]] == [knob.name for knob in info.knobs]
    assert facts["departures"]
    assert {"name", "default", "unit", "source", "what"} <= set(facts["options"][0])
    assert facts["command"] == f"registry run {slug}"
    code, out, _ = run(capsys, "show", slug)
    assert code == 0
    assert info.equation.latex in out
    assert info.name in out


def test_a_method_s_evidence_is_summed_up(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [e["verdict"] for e in as_json(capsys, "show", "dpo")["evidence"]] == ["reproduced"]
    assert as_json(capsys, "show", "sft")["evidence"] == []
    assert "none yet (registry verify sft)" in run(capsys, "show", "sft")[1]


def test_asking_for_a_version_is_told_that_an_entry_is_about_none(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = "version 9 was asked for; the entry is not about a particular version"
    code, out, err = run(capsys, "show", "2401.00001v9", "--json")
    assert (code, json.loads(out)["id"]) == (0, "2401.00001")
    assert said in err
    assert run(capsys, "show", "2401.00001")[2] == ""


def test_a_catalog_folder_that_is_not_there_is_refused(
    catalog: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = catalog.parent / "gone"
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(gone))
    for words in (
        ("list", "papers"),
        ("list", "leaves"),
        ("show", "dpo"),
        ("show", "2401.00001"),
        ("search", "red"),
        ("check",),
        ("check", "--write-schema"),
    ):
        code, out, err = run(capsys, *words)
        assert (code, out) == (2, "")
        assert f"the catalog folder {gone} is not there (REGISTRY_CATALOG_DIR)" in err
    assert not gone.exists()


def test_a_candidate_is_shown_where_the_catalog_has_no_entry(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_candidate()
    facts = json.loads(run(capsys, "show", "2511.00001v1", "--json")[1])
    assert (facts["kind"], facts["title"]) == ("candidate", "A Candidate Nobody Accepted")
    code, out, _ = run(capsys, "show", "2511.00001")
    assert code == 0
    assert "It was made up." in out


def test_showing_makes_no_database(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "show", "2499.00001")
    run(capsys, "show", "2401.00001")
    run(capsys, "list", "papers")
    assert not (catalog.parent / "store").exists()


def test_a_search_finds_what_the_files_say_now(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hits = as_json(capsys, "search", "preference", "optimization")
    assert "dpo" in [hit["id"] for hit in hits]
    assert {"id", "title", "kind", "status", "score", "snippet"} <= set(hits[0])
    assert as_json(capsys, "search", "parsnips") == []
    fabricated.write(catalog, fabricated.paper("2401.00005", title="Of Parsnips"))
    assert [hit["id"] for hit in as_json(capsys, "search", "parsnips")] == ["2401.00005"]
    code, out, _ = run(capsys, "search", "parsnips", "--limit", "1")
    assert code == 0
    assert out.splitlines()[1].split("\t") == ["2401.00005", "paper", "active", "Of Parsnips"]


@pytest.mark.parametrize("text", ["", '"', " * - "])
def test_a_search_for_no_word_is_refused(
    catalog: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    code, out, err = run(capsys, "search", text)
    assert (code, out) == (2, "")
    assert "give at least one word" in err


def test_a_search_without_a_hit_says_so(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "search", "zyzzyva")
    assert (code, out) == (0, "")
    assert "nothing found for 'zyzzyva'" in err


HEAVY = ("torch", "transformers", "sqlalchemy", "sklearn", "arxiv", "numpy")


@pytest.mark.parametrize(
    "words",
    [
        ("list", "methods"),
        ("list", "papers"),
        ("list", "surveys", "--json"),
        ("list", "leaves"),
        ("list", "tasks"),
        ("show", "dpo"),
        ("show", "2305.18290"),
    ],
    ids=" ".join,
)
def test_listing_and_showing_import_nothing_heavy(words: tuple[str, ...]) -> None:
    assert heavy_imports(words) == []


def test_a_search_imports_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    assert set(heavy_imports(("search", "preference"))) <= {"numpy", "sqlalchemy"}


def test_listing_methods_reads_no_catalog() -> None:
    assert heavy_imports(("list", "methods"), ("yaml", "registry.catalog.files", "rich")) == []


def heavy_imports(words: tuple[str, ...], names: tuple[str, ...] = HEAVY) -> list[str]:
    """Which of ``names`` a fresh process has imported after the command ``words``."""
    code = (
        "import sys\n"
        "from registry.cli.app import main\n"
        f"assert main({list(words)!r}) == 0\n"
        f"print([n for n in {names!r} if n in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    found = done.stderr.strip().splitlines()[-1]
    return [name for name in names if f"'{name}'" in found]


def test_every_command_has_an_example_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("list", "show", "search"):
        code, out, _ = run(capsys, command, "--help")
        assert code == 0
        assert f"registry {command} " in out.split("Example")[1]
    assert listing.list_.__doc__


def store_candidate() -> None:
    moment = datetime(2025, 11, 1, tzinfo=UTC)
    preprint = Preprint(
        id="2511.00001", version=1, title="A Candidate Nobody Accepted", abstract="It was made up.",
        authors=("Ada Example",), categories=("cs.CL",), published=moment, updated=moment,
        seen_at=moment,
    )  # fmt: skip
    source = {"id": 1, "kind": "ids", "query": "x", "query_sha256": "0" * 64, "created": moment}
    with open_store(Settings.load()) as store, store.write() as connection:
        connection.execute(sources.insert(), source)
        put_preprints(connection, [preprint], source_id=1)

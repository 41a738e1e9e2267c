from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from registry.cli.app import main
from registry.core.clock import now
from tests.catalog import fabricated
from tests.fake_arxiv import FakeArxiv, corpus, entry, feed

QUERY = "cat:cs.LG OR cat:cs.CL OR cat:stat.ML"
MARCH = ("--since", "2026-03-02", "--until", "2026-03-29")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    fabricated.write(tmp_path / "catalog", fabricated.paper())
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(tmp_path / "catalog"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path}/registry.db")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("REGISTRY_ARXIV_INTERVAL", "0")
    monkeypatch.delenv("REGISTRY_OFFLINE", raising=False)
    return tmp_path


@pytest.fixture
def service(place: Path, monkeypatch: pytest.MonkeyPatch):
    with FakeArxiv(corpus(40)) as running:
        monkeypatch.setenv("REGISTRY_ARXIV_URL", running.url)
        yield running


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(words)
    out, err = capsys.readouterr()
    return code, out, err


def candidates(capsys: pytest.CaptureFixture[str]) -> set[str]:
    _, out, _ = run(capsys, "list", "papers", "--status", "candidate", "--json")
    return {row["id"] for row in json.loads(out)}


def test_a_query_fills_the_queue_and_says_what_it_did(service: FakeArxiv, capsys) -> None:
    code, out, err = run(capsys, "ingest", "--query", QUERY, *MARCH, "--json")

    facts: dict[str, Any] = json.loads(out)
    assert code == 0
    assert facts["slices"] == {"done": 4, "suspect": 0, "left": 0, "current": 0}
    assert (facts["preprints"]["new"], facts["requests"], facts["dry_run"]) == (40, 4, False)
    assert "1/4 2026-03-02..2026-03-08" in err
    assert candidates(capsys) == {work.id for work in service.works}


def test_the_table_is_on_stdout_and_the_talk_on_stderr(service: FakeArxiv, capsys) -> None:
    service.works = [w for w in service.works if not 16 <= w.published.day < 23]

    code, out, err = run(capsys, "ingest", "--query", QUERY, *MARCH)

    assert code == 3
    assert "slices suspect\t1" in out.splitlines()
    assert "no paper at all" in err
    assert err.splitlines()[-1].startswith("registry: not everything is here: 1 suspect")


def test_a_rate_limit_exits_4_with_one_line(service: FakeArxiv, capsys) -> None:
    service.faults = ["429:1200"]

    code, out, err = run(capsys, "ingest", "--query", QUERY, *MARCH, "--json")

    assert code == 4
    assert json.loads(out)["slices"]["left"] == 4
    assert err.splitlines()[-1].startswith("registry: arXiv asked us to wait (HTTP 429) until 20")


def test_a_dry_run_asks_nothing_and_stores_nothing(service: FakeArxiv, capsys) -> None:
    code, out, _ = run(capsys, "ingest", "--query", QUERY, *MARCH, "--dry-run", "--json")

    assert code == 0
    assert [row["would_fetch"] for row in json.loads(out)] == [True] * 4
    assert run(capsys, "ingest", "--ids", service.works[0].id, "--dry-run")[0] == 0
    assert service.requests == []
    assert candidates(capsys) == set()


def test_ids_follow_one_another(service: FakeArxiv, capsys) -> None:
    one, two, three = (work.id for work in service.works[:3])

    code, out, _ = run(capsys, "ingest", "--ids", one, f"arXiv:{two}v1", f"{three},{one}", "--json")

    assert (code, json.loads(out)["preprints"]["new"]) == (0, 3)
    assert candidates(capsys) == {one, two, three}


def test_a_missing_id_exits_3_and_is_named(service: FakeArxiv, capsys) -> None:
    code, out, err = run(capsys, "ingest", "--ids", "2603.99999", "--json")

    assert (code, json.loads(out)["missing"]) == (3, ["2603.99999"])
    assert "1 id not returned" in err


def test_recorded_feeds_need_no_network(place: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("REGISTRY_OFFLINE", "1")
    page = place / "page.xml"
    page.write_bytes(feed("".join(entry(work) for work in corpus(3)), "search_query=x", 3))

    assert run(capsys, "ingest", "--from-file", str(page), "--json")[0] == 0
    assert len(candidates(capsys)) == 3
    code, _, err = run(capsys, "ingest", "--ids", "2603.00001")
    assert (code, "REGISTRY_OFFLINE is set" in err) == (1, True)


def test_the_status_shows_every_source(service: FakeArxiv, capsys) -> None:
    assert "nothing ingested yet" in run(capsys, "ingest", "--status")[2]
    run(capsys, "ingest", "--query", QUERY, "--since", "2026-03-02", "--until", "2026-03-08")

    code, out, _ = run(capsys, "ingest", "status", "--json")

    [state] = json.loads(out)
    assert (code, state["kind"], state["query"], state["done"]) == (0, "query", QUERY, 1)
    assert state["troubles"] == []
    assert QUERY in run(capsys, "ingest", "--status")[1]


def test_the_status_of_a_file_says_that_it_is_done_and_when_it_was_read(
    place: Path, capsys
) -> None:
    page = place / "page.xml"
    page.write_bytes(feed("".join(entry(work) for work in corpus(3)), "search_query=x", 3))
    before = now()
    for _ in range(2):
        assert run(capsys, "ingest", "--from-file", str(page))[0] == 0

    [state] = json.loads(run(capsys, "ingest", "--status", "--json")[1])
    assert (state["kind"], state["done"], state["pending"]) == ("file", 1, 0)
    assert datetime.fromisoformat(state["latest"]) >= before, "not the day the feed was recorded"


def test_the_status_of_ids_counts_the_requests_that_were_answered(
    service: FakeArxiv, capsys
) -> None:
    run(capsys, "ingest", "--ids", service.works[0].id)
    service.faults = ["429:1200"]
    run(capsys, "ingest", "--ids", service.works[1].id)

    [state] = json.loads(run(capsys, "ingest", "--status", "--json")[1])
    assert (state["kind"], state["done"], state["pending"]) == ("ids", 1, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "given: none of them"),
        (("--query", "ti:a", "--ids", "2603.00001", "--since", "2026-03-02"), "--query and --ids"),
        (("--query", "ti:a"), "needs --since"),
        (("--query", "ti:a", "--since", "yesterday"), "not a date"),
        (("--query", "ti:a", "--since", "2026-03-09", "--until", "2026-03-02"), "earlier"),
        (("--query", "ti:a", "extra", "--since", "2026-03-02"), "'extra'"),
        (("--query", "ti:a", "--since", "2026-03-02", "--step", "weeks"), "Did you mean 'week'"),
        (("--ids", "2502.143"), "not an arXiv identifier"),
        (("--from-file", "absent.xml"), "no such file"),
        (("--ids", "2603.00001", "--since", "2026-03-02"), "--since only means something with --q"),
        (("--from-file", "a.xml", "--until", "2026-03-02", "--retry"), "--until and --retry only"),
        (("--status", "--step", "day"), "--step only means something"),
    ],
)
def test_a_wrong_use_exits_2_and_says_what_is_allowed(
    service: FakeArxiv, capsys, words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, "ingest", *words)

    assert (code, out) == (2, "")
    assert err.startswith("registry: ")
    assert said in err
    assert service.requests == []


# -- the other sources ---------------------------------------------------------------------------


@pytest.fixture
def today(place: Path, monkeypatch: pytest.MonkeyPatch):
    """All three services, with papers of the last four weeks."""
    moment = now()
    works = [w for w in corpus(80, first_day=moment - timedelta(days=28)) if w.published < moment]
    with FakeArxiv(works, clock=moment) as running:
        monkeypatch.setenv("REGISTRY_ARXIV_URL", running.url)
        monkeypatch.setenv("REGISTRY_OAI_URL", running.oai_url)
        monkeypatch.setenv("REGISTRY_RSS_URL", running.rss_url)
        yield running


def days_ago(days: int) -> str:
    return (now() - timedelta(days=days)).date().isoformat()


def test_a_set_is_harvested_and_then_only_what_changed(today: FakeArxiv, capsys) -> None:
    code, out, _ = run(capsys, "ingest", "--oai", "cs.LG", "--since", days_ago(20), "--json")

    facts = json.loads(out)
    wanted = {w.id for w in today.works
              if "cs.LG" in w.categories and w.datestamp.isoformat() >= days_ago(20)}  # fmt: skip
    assert (code, facts["source"]) == (0, "cs:cs:LG arXivRaw")
    assert candidates(capsys) == wanted
    assert run(capsys, "ingest", "--oai", "cs.LG")[0] == 0
    assert today.requests[-1]["from"] == days_ago(1)


def test_a_feed_brings_what_it_announces(today: FakeArxiv, capsys) -> None:
    code, out, _ = run(capsys, "ingest", "--rss", "cs.LG+cs.CL", "--json")

    facts = json.loads(out)
    assert code in (0, 3)  # a quiet weekend has none
    assert (facts["hinted"], len(candidates(capsys))) == ([], facts["preprints"]["new"])


def listed(place: Path) -> Path:
    path = place / "catalog" / "sources.yaml"
    path.write_text(
        'version: "1"\nrss: ["cs.LG"]\noai:\n  - set: "cs:cs:LG"\nqueries:\n'
        '  - name: policies\n    version: "1"\n    query: "abs:policy"\n'
    )
    return path


def test_a_day_writes_its_summary_twice(today: FakeArxiv, place: Path, capsys) -> None:
    listed(place)
    markdown, facts = place / "out" / "day.md", place / "out" / "day.json"
    words = ("--summary-md", str(markdown), "--summary-json", str(facts), "--json")
    code, out, _ = run(capsys, "ingest", "--daily", *words)

    told = json.loads(facts.read_text())
    assert told == json.loads(out)
    assert (code, told["exit_code"]) == (code, code)
    assert {found["id"] for found in told["found"]} == candidates(capsys)
    assert markdown.read_text().startswith(f"# Ingest of {now():%Y-%m-%d}")
    assert "&lt;others&gt;" not in markdown.read_text()
    assert "<others>" not in markdown.read_text()


def test_a_day_whose_summary_cannot_be_written_is_told_by_the_next(
    today: FakeArxiv, place: Path, capsys
) -> None:
    listed(place)
    (place / "file").write_text("")
    summary = place / "day.json"

    code, _, err = run(capsys, "ingest", "--daily", "--summary-json", str(place / "file" / "x"))
    assert (code, "file" in err) == (1, True)
    here = candidates(capsys)
    assert here

    run(capsys, "ingest", "--daily", "--summary-json", str(summary))
    assert {found["id"] for found in json.loads(summary.read_text())["found"]} == here
    run(capsys, "ingest", "--daily", "--summary-json", str(summary))
    assert json.loads(summary.read_text())["found"] == []


def test_what_was_kept_of_the_answers_gives_the_same_store_without_a_network(
    today: FakeArxiv, place: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows() -> list[dict[str, Any]]:
        _, out, _ = run(capsys, "list", "papers", "--status", "candidate", "--json")
        return json.loads(out)

    listed(place)
    folder = place / "answers"
    today.faults = [None, "html", "truncated"]  # of which there is nothing to keep
    run(capsys, "ingest", "--daily", "--keep-responses", str(folder))
    run(
        capsys,
        "ingest",
        "--oai",
        "cs:cs:CL",
        "--since",
        days_ago(9),
        "--keep-responses",
        str(folder),
    )
    wanted = rows()
    assert len(wanted) > 10

    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{place}/another.db")
    monkeypatch.setenv("REGISTRY_OFFLINE", "1")
    code, _, err = run(capsys, "ingest", "--from-file", *map(str, folder.glob("*.gz")))
    assert (code, rows()) == (0, wanted), err


def test_an_answer_that_cannot_be_kept_stops_the_asking_and_loses_nothing(
    today: FakeArxiv, place: Path, capsys
) -> None:
    (place / "file").write_text("")
    asked = ("ingest", "--oai", "cs.LG", "--since", days_ago(9))

    code, _, err = run(capsys, *asked, "--keep-responses", str(place / "file"))
    assert (code, "cannot be kept in" in err) == (1, True)
    assert run(capsys, *asked)[0] == 0
    assert candidates(capsys)


def test_a_day_that_must_wait_exits_4_and_writes_its_summary(
    today: FakeArxiv, place: Path, capsys
) -> None:
    listed(place)
    today.fault = "429:1200"
    summary = place / "day.json"
    code, _, err = run(capsys, "ingest", "--daily", "--summary-json", str(summary))

    assert (code, json.loads(summary.read_text())["exit_code"]) == (4, 4)
    assert "arXiv asked us to wait" in err


def test_what_a_day_would_ask_is_shown(today: FakeArxiv, place: Path, capsys) -> None:
    listed(place)
    code, out, _ = run(capsys, "ingest", "--daily", "--dry-run", "--json")

    assert code == 0
    assert [row["kind"] for row in json.loads(out)] == ["rss", "oai", "query"]
    assert run(capsys, "ingest", "--oai", "cs.LG", "--dry-run")[0] == 0
    assert today.visits == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--oai", "not a set"), "no set"),
        (("--oai", "cs.LG"), "--since"),
        (("--oai", "cs.LG", "--since", "2026-11-01", "--oai-format", "raw"), "unknown format"),
        (("--oai", "cs.LG", "--rss", "cs.LG"), "--oai and --rss"),
        (("--rss", "a/b"), "no category"),
        (("--rss", "cs.LG", "--since", "2026-11-01"), "--since only means something"),
        (("--daily", "--sources", "absent.yaml"), "no such file"),
        (("--summary-md", "x.md", "--ids", "2603.00001"), "--summary-md only means something"),
        (("--keep-responses", "x", "--status"), "--keep-responses only means something"),
    ],
)
def test_a_wrong_use_of_them_exits_2_too(
    today: FakeArxiv, capsys, words: tuple[str, ...], said: str
) -> None:
    code, out, err = run(capsys, "ingest", *words)

    assert (code, out) == (2, "")
    assert said in err
    assert today.visits == []

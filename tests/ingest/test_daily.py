from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.core.settings import Settings
from registry.ingest import daily, harvest, harvest_oai, harvest_rss, ledger, sources
from registry.ingest.arxiv_api import Client
from registry.ingest.daily import DayReport, end_day, ingest_day
from registry.ingest.day_summary import day_facts, day_markdown
from registry.ingest.http import Fetcher, Limits
from registry.ingest.limiter import Limiter
from registry.ingest.oai import OaiClient
from registry.ingest.rss import RssClient
from registry.ingest.source_list import SourceList, load_sources
from registry.ingest.sources import Services
from registry.store.engine import Store
from registry.store.history_schema import announcements
from registry.store.queries import candidates
from registry.store.sync import refresh
from tests.catalog import fabricated
from tests.fake_arxiv import FakeArxiv, corpus, revised

WEDNESDAY = datetime(2026, 3, 25, 15, 0, tzinfo=UTC)
LISTED = SourceList.model_validate(
    {
        "version": "1",
        "rss": ["cs.LG+cs.CL"],
        "oai": [{"set": "cs:cs:LG"}, {"set": "cs:cs:CL"}],
        "queries": [{"name": "policies", "version": "1", "query": "abs:policy"}],
    }
)
Day = Callable[..., DayReport]


@pytest.fixture
def works() -> FakeArxiv:
    # From before the look-back on: an empty week among full ones would be asked again.
    since = WEDNESDAY.replace(month=2, day=23, hour=0)
    papers = corpus(500, days=35, first_day=since)
    return FakeArxiv(
        [w for w in papers if w.published < WEDNESDAY - timedelta(hours=20)], clock=WEDNESDAY
    )


@pytest.fixture
def service(works: FakeArxiv) -> Iterator[FakeArxiv]:
    with works:
        yield works


@pytest.fixture
def run(store: Store, tmp_path: Path, service: FakeArxiv, monkeypatch: pytest.MonkeyPatch) -> Day:
    """A day's ingest at a moment, by default on a Wednesday."""

    def at(
        moment: datetime = WEDNESDAY,
        listed: SourceList = LISTED,
        *,
        told: bool = True,
        **limits: int,
    ) -> DayReport:
        for module in (daily, harvest, harvest_oai, harvest_rss, ledger):
            monkeypatch.setattr(module, "now", lambda: moment)
        monkeypatch.setattr("registry.ingest.arxiv_api.now", lambda: moment)
        monkeypatch.setattr("registry.ingest.oai.now", lambda: moment)
        service.clock = moment
        quick = Limits(backoff_seconds=0.0, read_seconds=2.0, total_seconds=2.0, **limits)
        state = tmp_path / f"state-{moment:%d}"
        fetcher = Fetcher(Limiter(state, interval=0.0), quick, sleep=lambda _: None)
        services = Services(
            Client.over(service.url, fetcher),
            OaiClient(service.oai_url, fetcher),
            RssClient(service.rss_url, fetcher),
            fetcher,
        )
        day = ingest_day(store, services, listed)
        if told:
            end_day(store, day)
        return day

    return at


def by_kind(day: DayReport) -> dict[str, sources.Summary]:
    return {f"{source.kind} {source.name}": summary for source, summary in day.results}


def test_a_day_asks_every_source_and_reports(store: Store, service: FakeArxiv, run: Day) -> None:
    day = run()

    assert day.failure is None
    assert [(source.kind, source.name) for source, _ in day.results] == [
        ("rss", "cs.LG+cs.CL"),
        ("oai", "cs:cs:LG arXivRaw"),
        ("oai", "cs:cs:CL arXivRaw"),
        ("query", "policies v1"),
    ]
    recent = WEDNESDAY - timedelta(days=7)
    wanted = {
        w.id
        for w in service.works
        if "policy" in w.abstract
        or (w.updated.date() >= recent.date() and {*w.categories} & {"cs.LG", "cs.CL"})
    }
    assert {c.id for c in candidates(store)} == wanted
    assert {found.id for found in day.found} == wanted
    assert day.queue == len(wanted)
    assert day.found[0].by_query
    assert not day.found[-1].by_query


def test_the_next_day_asks_only_for_what_is_new(service: FakeArxiv, run: Day) -> None:
    first = run()
    asked = len(service.visits)
    again = run(WEDNESDAY + timedelta(days=1))

    assert again.found == []
    assert len(service.visits) - asked <= first.requests
    since = [v.query["from"] for v in service.visits[asked:] if "from" in v.query]
    assert since == ["2026-03-24", "2026-03-24"]


def test_a_new_version_is_a_change_and_told_on_one_day(service: FakeArxiv, run: Day) -> None:
    run()
    work = next(w for w in service.works if w.categories[0] == "cs.LG")
    changed = revised(
        work, title="A <b>made-up</b> [name](x)", updated=WEDNESDAY - timedelta(hours=2)
    )
    service.works.append(changed)

    day = run(WEDNESDAY + timedelta(days=1))
    assert [(e.preprint_id, e.version, e.kind) for e in day.events] == [(work.id, 2, "title")]
    assert run(WEDNESDAY + timedelta(days=2)).events == []
    text = day_markdown(day)
    assert "<b>" not in text
    assert "[name](" not in text


def test_a_day_that_was_not_told_is_told_with_the_next(service: FakeArxiv, run: Day) -> None:
    first = run()
    work = next(w for w in service.works if w.categories[0] == "cs.LG")
    late = WEDNESDAY - timedelta(hours=2)
    service.works += [
        revised(work, title="Another made-up name", updated=late),
        replace(work, id="2603.07777", published=late, updated=late),
        replace(work, id="2603.07778", published=late, updated=late),
    ]

    lost = run(WEDNESDAY + timedelta(days=1), told=False)  # as when it is killed at the end
    next_day = run(WEDNESDAY + timedelta(days=2))
    after = run(WEDNESDAY + timedelta(days=3))

    assert {f.id for f in lost.found} == {"2603.07777", "2603.07778"}
    assert lost.events
    assert lost.duplicates
    assert {f.id for f in first.found} & {f.id for f in next_day.found} == set()
    for name in ("found", "events", "duplicates"):
        assert getattr(next_day, name) == getattr(lost, name)
        assert getattr(after, name) == []


def test_few_requests_are_spent_on_what_is_new(service: FakeArxiv, run: Day) -> None:
    only_query = LISTED.model_copy(update={"rss": (), "oai": ()})

    run(listed=only_query, most_requests=1)

    [asked] = [request["search_query"] for request in service.requests]
    assert asked.endswith("submittedDate:[202603230000 TO 202603292359]")


def test_of_what_was_announced_the_last_is_asked_for_first(
    store: Store, service: FakeArxiv, run: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "_MOST_HINTED", 1)
    with store.write() as connection:
        feed = ledger.source_of(connection, "rss", "cs.LG")
        rows = [
            {"source_id": feed, "preprint_id": id_, "version": 1, "announce_type": "new",
             "announced": WEDNESDAY.date() - timedelta(days=age), "first_seen": WEDNESDAY}
            for id_, age in [("2603.00001", 3), ("2603.00002", 0), ("2603.00003", 1)]
        ]  # fmt: skip
        connection.execute(announcements.insert(), rows)

    run(listed=LISTED.model_copy(update={"rss": (), "oai": (), "queries": ()}))

    assert [request["id_list"] for request in service.requests] == ["2603.00002"]


def test_a_source_that_fails_leaves_the_others_alone(
    store: Store, service: FakeArxiv, run: Day
) -> None:
    service.faults = [None, "html", "html", "html"]
    day = run()

    results = by_kind(day)
    assert results["oai cs:cs:LG arXivRaw"].suspect == 1
    assert results["oai cs:cs:CL arXivRaw"].done == 1
    assert results["query policies v1"].done > 0
    assert day.failure is not None
    assert (day.failure.exit_code, "1 source of 5" in str(day.failure)) == (3, True)


def test_a_query_that_finds_too_much_costs_the_others_nothing(
    store: Store, service: FakeArxiv, run: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Client.search, "__defaults__", (0,))

    day = run()

    found = by_kind(day)
    assert "Make the query narrower" in str(found["query policies v1"].stopped)
    assert [found[name].failure for name in found if not name.startswith("query")] == [None] * 3
    assert day.failure is not None
    assert day.failure.exit_code == 3
    assert candidates(store)


def test_a_service_that_asks_to_wait_ends_the_asking(service: FakeArxiv, run: Day) -> None:
    service.faults = [None, None, "429:3600"]
    day = run()

    assert day.failure is not None
    assert day.failure.exit_code == 4
    later = [summary for _, summary in day.results][2:]
    assert all(summary.left for summary in later)
    assert len(service.visits) == 3
    assert day.found != []


def test_everything_down_is_an_error(service: FakeArxiv, run: Day) -> None:
    service.fault = "500"
    day = run(listed=replace_queries(LISTED))

    assert day.failure is not None
    assert day.failure.exit_code in (1, 3)
    assert day.found == []


def replace_queries(listed: SourceList) -> SourceList:
    return listed.model_copy(update={"rss": (), "queries": ()})


def test_the_requests_allowed_are_for_all_sources_together(service: FakeArxiv, run: Day) -> None:
    day = run(most_requests=3)

    assert day.requests == len(service.visits) == 3
    assert day.failure is not None
    assert day.failure.exit_code == 3


def test_what_was_announced_and_did_not_come_is_asked_for_by_id(
    store: Store, service: FakeArxiv, run: Day
) -> None:
    service.page_size = 1
    only_feed = LISTED.model_copy(update={"oai": (), "queries": ()})
    day = run(listed=only_feed)

    [(_, hint), (source, fetched)] = day.results
    assert source.kind == "ids"
    assert {c.id for c in candidates(store)} == set(hint.hinted)
    assert fetched.counts.new == len(hint.hinted) > 0
    assert day.failure is None


def test_accepted_papers_are_looked_at_once_a_week(
    store: Store, settings: Settings, service: FakeArxiv, run: Day
) -> None:
    gone, here = "2603.09999", service.works[0].id
    fabricated.write(settings.catalog_dir, fabricated.paper(id=gone), fabricated.paper(id=here))
    refresh(store, settings)
    nothing = LISTED.model_copy(update={"rss": (), "oai": (), "queries": ()})

    [(_, first)] = run(listed=nothing).results
    assert first.missing == [gone]
    [(_, second)] = run(WEDNESDAY + timedelta(days=1), nothing).results
    assert service.requests[-1]["id_list"] == gone, "only what was not returned"
    assert second.missing == [gone]
    run(WEDNESDAY + timedelta(days=8), nothing)
    assert set(service.requests[-1]["id_list"].split(",")) == {gone, here}


def test_an_accepted_paper_that_is_not_returned_is_an_event(
    store: Store, settings: Settings, service: FakeArxiv, run: Day
) -> None:
    work = service.works[0]
    fabricated.write(settings.catalog_dir, fabricated.paper(id=work.id))
    refresh(store, settings)
    nothing = LISTED.model_copy(update={"rss": (), "oai": (), "queries": ()})
    run(listed=nothing)
    service.works.remove(work)

    day = run(WEDNESDAY + timedelta(days=8), nothing)
    assert [(e.preprint_id, e.kind) for e in day.events] == [(work.id, "unseen")]


def test_the_facts_are_plain(run: Day) -> None:
    import json

    facts = json.loads(json.dumps(day_facts(run())))

    assert facts["exit_code"] == 0
    assert facts["queue"] == len(facts["found"])
    assert {s["kind"] for s in facts["sources"]} == {"rss", "oai", "query"}


def test_the_weeks_of_a_query_lie_on_the_calendar(service: FakeArxiv, run: Day) -> None:
    day = run()

    source = day.results[-1][0]
    assert isinstance(source, sources.QuerySource)
    assert (source.since.weekday(), source.until.weekday()) == (0, 6)
    assert source.since <= WEDNESDAY.date() - timedelta(days=28)


def test_the_list_that_comes_with_the_catalog_is_read() -> None:
    root = Path(__file__).parents[2]
    listed = load_sources(root / "catalog" / "sources.yaml")

    assert [item.set for item in listed.oai] == ["cs:cs:CL", "cs:cs:LG", "cs:cs:AI"]
    assert all(query.version for query in listed.queries)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('version: "1"\nrss: ["cs.LG/x"]\n', "categories such as"),
        ('version: "1"\noai:\n  - set: "Not A Set"\n', "a set such as"),
        ('version: "1"\nqueries:\n  - name: a\n    version: "1"\n    query: "ti:(x"\n', "a query in"),
        ('version: "1"\nunknown: "1"\n', "unknown"),
    ],
)  # fmt: skip
def test_a_list_that_is_wrong_names_the_line(tmp_path: Path, text: str, said: str) -> None:
    from registry.core.errors import CatalogError

    path = tmp_path / "sources.yaml"
    path.write_text(text)

    with pytest.raises(CatalogError, match=said):
        load_sources(path)


def test_a_name_given_twice_is_refused(tmp_path: Path) -> None:
    from registry.core.errors import CatalogError

    query = '  - name: a\n    version: "1"\n    query: "ti:x"\n'
    path = tmp_path / "sources.yaml"
    path.write_text(f'version: "1"\nqueries:\n{query}{query}')

    with pytest.raises(CatalogError, match="another name"):
        load_sources(path)

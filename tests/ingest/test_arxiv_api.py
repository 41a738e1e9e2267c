from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from registry.core.errors import ArxivError, RateLimitedError, RegistryError, UsageError
from registry.core.ids import ArxivId
from registry.core.settings import ARXIV_API, Settings
from registry.ingest.arxiv_api import Client, RewrittenError, TooManyError, open_client
from registry.ingest.http import BudgetError, FeedError, RefusedError
from registry.ingest.sources import open_services
from tests.fake_arxiv import FakeArxiv, Work, corpus, revised

Make = Callable[..., Client]
EVERYTHING = "cat:cs.LG OR cat:cs.CL OR cat:stat.ML"


def test_a_query_finds_everything_over_several_pages(service: FakeArxiv, client_of: Make) -> None:
    answer = client_of(service, page_size=25).search(EVERYTHING)

    assert answer.total == 60
    assert {r.id for r in answer.records} == {w.id for w in service.works}
    assert [r["start"] for r in service.requests] == ["0", "25", "50"]
    assert service.requests[0]["sortBy"] == "submittedDate"
    assert service.requests[0]["sortOrder"] == "ascending"


def test_a_record_is_what_the_feed_says(service: FakeArxiv, client_of: Make) -> None:
    [work] = service.works = [
        replace(
            corpus(1)[0],
            id="2603.00009",
            version=3,
            title="A  <i>title</i>\n with & \x85marks",
            comment="9 pages",
            doi="10.1000/made.up",
            categories=("cs.LG", "I.2.6", "68T07, 68T50"),
        )
    ]
    [record] = client_of(service).search(EVERYTHING).records

    assert (record.id, record.version, record.comment, record.doi) == (
        "2603.00009", 3, "9 pages", "10.1000/made.up",
    )  # fmt: skip
    assert record.title == "A <i>title</i> with & marks"
    assert record.categories == ("cs.LG", "I.2.6", "68T07", "68T50")
    assert (record.published, record.authors) == (work.published, work.authors)


def test_a_query_that_finds_nothing_is_an_answer(service: FakeArxiv, client_of: Make) -> None:
    answer = client_of(service).search('ti:"nothing like it"')

    assert (answer.records, answer.total) == ((), 0)


def test_we_say_who_we_are(service: FakeArxiv, client_of: Make) -> None:
    client_of(service).search(EVERYTHING)

    assert [bool(re.match(r"posttrain-registry/\S+ arxiv\.py/4", a)) for a in service.agents] == [
        True
    ]


# -- each of these was "0 results" once, or worse ------------------------------------------------

SILENT = {
    "html": (FeedError, "text/html"),
    "html-as-atom": (FeedError, "<html>, not an Atom feed"),
    "empty": (FeedError, "is empty"),
    "no-entries": (FeedError, "0 entries where 25 were due"),
    "wrong-total": (FeedError, "entries where .* were due|total moved"),
    "truncated": (FeedError, "not a whole XML document"),
    "half": (ArxivError, "cannot be reached or broke off|not a whole XML document"),
    "short-page": (FeedError, "24 entries where 25 were due"),
    "bomb": (FeedError, "document type"),
    "500": (FeedError, "HTTP 500"),
    "reset": (ArxivError, "cannot be reached or broke off"),
}


@pytest.mark.parametrize("fault", SILENT)
def test_a_broken_answer_is_an_error_after_every_try(
    service: FakeArxiv, client_of: Make, fault: str
) -> None:
    service.fault = fault
    kind, words = SILENT[fault]

    with pytest.raises(kind, match=words):
        client_of(service, page_size=25, tries=3).search(EVERYTHING)

    assert len(service.requests) >= 3


@pytest.mark.parametrize("fault", SILENT)
def test_a_broken_answer_that_mends_itself_leaves_no_trace(
    service: FakeArxiv, client_of: Make, fault: str
) -> None:
    # A total can only be found wrong against another one, so on a later page.
    service.faults = [None, None, fault] if fault == "wrong-total" else [None, fault]

    answer = client_of(service, page_size=25).search(EVERYTHING)

    assert len(service.requests) == 4
    assert {r.id for r in answer.records} == {w.id for w in service.works}


def test_an_entry_that_cannot_be_read_in_any_try_is_named_and_costs_no_other(
    service: FakeArxiv, client_of: Make
) -> None:
    service.fault = "no-published"  # the first entry of each page

    answer = client_of(service, page_size=25, tries=2).search(EVERYTHING)

    assert len(service.requests) == 2 * 3
    assert len({r.id for r in answer.records}) == len(answer.records) == 60 - 3
    assert [re.search(r"lacks <id>, <published>", e.reason) for e in answer.unread].count(None) == 0
    assert {ArxivId.parse(entry.name).base for entry in answer.unread} == (
        {w.id for w in service.works} - {r.id for r in answer.records}
    )


def test_an_entry_that_can_be_read_the_second_time_leaves_no_trace(
    service: FakeArxiv, client_of: Make
) -> None:
    service.faults = [None, "no-published"]

    answer = client_of(service, page_size=25).search(EVERYTHING)

    assert (len(service.requests), len(answer.records), answer.unread) == (4, 60, ())


def test_a_server_that_hangs_is_given_up_on(service: FakeArxiv, client_of: Make) -> None:
    service.fault = "hang"

    with pytest.raises(ArxivError, match="did not answer in time"):
        client_of(service, read_seconds=0.1, tries=2).search(EVERYTHING)

    assert len(service.requests) == 2


def test_a_drip_is_given_up_on(service: FakeArxiv, client_of: Make) -> None:
    service.fault = "drip"

    with pytest.raises(FeedError, match="took over"):
        client_of(service, total_seconds=0.2, tries=1).search(EVERYTHING)


def test_an_answer_that_is_too_large_is_given_up_on(service: FakeArxiv, client_of: Make) -> None:
    service.fault = "big"

    with pytest.raises(FeedError, match="larger than 100000 bytes"):
        client_of(service, most_bytes=100_000, tries=1).search(EVERYTHING)


def test_a_server_that_is_not_there_says_so(client_of: Make, service: FakeArxiv) -> None:
    client = client_of(service, tries=1)
    client.query_url_format = "http://127.0.0.1:9/api/query?{}"

    with pytest.raises(ArxivError, match=r"127\.0\.0\.1:9 cannot be reached"):
        client.search(EVERYTHING)


# -- what must not be tried again ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "fault", "kind", "words"),
    [
        ("nosuchfield:x", None, RefusedError, "unknown field nosuchfield"),
        ("(ti:a", None, RefusedError, "bracket is open"),
        (EVERYTHING, "error-entry", RefusedError, "the service is tired"),
        ("ti:policy AND ti:reward", "rewritten", RewrittenError, "Understood: ti:policy OR"),
        (EVERYTHING, "redirect", RefusedError, "HTTP 301 to http://elsewhere.invalid/"),
    ],
)
def test_a_refusal_is_not_tried_again(
    service: FakeArxiv, client_of: Make, query: str, fault: str | None,
    kind: type[Exception], words: str,
) -> None:  # fmt: skip
    service.fault = fault

    with pytest.raises(kind, match=words):
        client_of(service).search(query)

    assert len(service.requests) == 1


@pytest.mark.parametrize("fault", ["429", "403", "503", "rate-text"])
def test_being_told_to_wait_stops_this_process_and_the_next(
    service: FakeArxiv, client_of: Make, fault: str
) -> None:
    service.faults = [fault]
    began = datetime.now(UTC)

    with pytest.raises(RateLimitedError) as caught:
        client_of(service).search(EVERYTHING)
    with pytest.raises(RateLimitedError, match="asked us to wait"):
        client_of(service).search(EVERYTHING)

    assert caught.value.until >= began + timedelta(minutes=9)
    assert len(service.requests) == 1


def test_retry_after_is_honoured(service: FakeArxiv, client_of: Make) -> None:
    service.faults = ["429:3000"]
    began = datetime.now(UTC)

    with pytest.raises(RateLimitedError) as caught:
        client_of(service).search(EVERYTHING)

    assert 2990 <= (caught.value.until - began).total_seconds() <= 3060


def test_a_short_retry_after_is_sat_out(service: FakeArxiv, client_of: Make) -> None:
    service.faults = ["503:0"]

    assert client_of(service).search(EVERYTHING).total == 60
    assert len(service.requests) == 2


def test_too_many_results_cost_one_request(service: FakeArxiv, client_of: Make) -> None:
    with pytest.raises(TooManyError) as caught:
        client_of(service, page_size=10).search(EVERYTHING, most=59)

    assert caught.value.total == 60
    assert len(service.requests) == 1


def test_the_budget_of_requests_holds(service: FakeArxiv, client_of: Make) -> None:
    with pytest.raises(BudgetError, match="--max-requests allows 2 requests"):
        client_of(service, page_size=10, most_requests=2).search(EVERYTHING)

    assert len(service.requests) == 2


# -- ids -----------------------------------------------------------------------------------------


def ids(*texts: str) -> list[ArxivId]:
    return [ArxivId.parse(text) for text in texts]


def test_ids_are_compared_with_what_came_not_with_the_total(
    service: FakeArxiv, client_of: Make
) -> None:
    known = service.works[0]
    service.works = [known, revised(known), Work("math/0611800", *_rest(known))]
    asked = ids(known.id, "2603.99999", "math.CA/0611800", f"{known.id}v1", f"{known.id}v7")

    answer = client_of(service).by_ids(asked)

    assert answer.missing == ("2603.99999", f"{known.id}v7")
    assert sorted((r.id, r.version) for r in answer.records) == [
        (known.id, 1), (known.id, 2), ("math/0611800", 1),
    ]  # fmt: skip
    assert len(service.requests) == 1


def _rest(work: Work) -> tuple[object, ...]:
    return tuple(getattr(work, name) for name in Work.__dataclass_fields__ if name != "id")


def test_an_id_whose_entry_cannot_be_read_is_not_missing(
    service: FakeArxiv, client_of: Make
) -> None:
    service.fault = "no-published"
    one, two = service.works[0].id, service.works[1].id

    answer = client_of(service, tries=1).by_ids(ids(one, two, "2603.99999"))

    assert answer.missing == ("2603.99999",)
    assert [r.id for r in answer.records] == [two]
    assert [ArxivId.parse(entry.name).base for entry in answer.unread] == [one]


def test_an_id_that_was_not_asked_for_is_an_error(service: FakeArxiv, client_of: Make) -> None:
    service.fault = "other-id"

    with pytest.raises(FeedError, match="which was not asked for"):
        client_of(service).by_ids(ids(service.works[0].id))


def test_more_ids_than_a_request_takes_are_refused(service: FakeArxiv, client_of: Make) -> None:
    with pytest.raises(UsageError, match="at most 100"):
        client_of(service).by_ids(ids(*(f"2603.{n:05d}" for n in range(1, 102))))


# -- the log and the settings --------------------------------------------------------------------


def test_every_request_is_logged_with_what_came(service: FakeArxiv, client_of: Make) -> None:
    service.faults = ["html", None]
    client = client_of(service)
    client.search(EVERYTHING)

    bad, good = client.take_fetches()
    assert (bad.status, bad.bytes > 0, "text/html" in (bad.error or "")) == (200, True, True)
    assert (good.status, good.total, good.entries, good.error) == (200, 60, 60, None)
    assert good.feed_title.startswith("arXiv Query: search_query=cat:cs.LG OR")
    assert len(good.sha256) == 64
    assert client.take_fetches() == []


def test_offline_fails_before_anything_is_asked(service: FakeArxiv, settings: Settings) -> None:
    with pytest.raises(ArxivError, match=r"REGISTRY_OFFLINE is set.*--from-file"):
        open_client(replace(settings, arxiv_url=service.url, offline=True))

    assert service.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/y", "export.arxiv.org", "http://", "http://x/y?z=1", "http://x/y#z", "http://[::1",
        "http://x:port/y", "http://x:99999/y", "http://x y/z", "http://x/y z", "http://x/y\n",
        "http://somebody:secret@x/y",
    ],
)  # fmt: skip
def test_an_endpoint_that_is_none_is_refused(settings: Settings, url: str) -> None:
    with pytest.raises(UsageError, match="REGISTRY_ARXIV_URL") as refused:
        open_client(replace(settings, arxiv_url=url))
    assert "secret" not in str(refused.value)
    with pytest.raises(UsageError, match="REGISTRY_OAI_URL"):
        open_services(replace(settings, oai_url=url))


def test_a_contact_is_told_to_the_service_where_one_is_given(
    service: FakeArxiv, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("REGISTRY_ARXIV_INTERVAL", "0")
    monkeypatch.setenv("REGISTRY_CONTACT", "curator@example.org")
    open_client(replace(settings, arxiv_url=service.url)).search(EVERYTHING)
    [agent] = service.agents
    assert agent.endswith(" (curator@example.org)")

    monkeypatch.setenv("REGISTRY_CONTACT", "me\r\nHost: elsewhere")
    with pytest.raises(UsageError, match="REGISTRY_CONTACT"):
        open_client(replace(settings, arxiv_url=service.url))


def test_the_distance_at_arxiv_cannot_be_lowered(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("REGISTRY_ARXIV_INTERVAL", "0.25")
    loopback = "http://127.0.0.1:8000/api/query"

    assert open_client(replace(settings, arxiv_url=ARXIV_API)).limiter.interval == 3.0
    assert open_client(replace(settings, arxiv_url=loopback)).limiter.interval == 0.25
    monkeypatch.setenv("REGISTRY_ARXIV_INTERVAL", "quick")
    with pytest.raises(UsageError, match="REGISTRY_ARXIV_INTERVAL"):
        open_client(replace(settings, arxiv_url=loopback))


def test_every_error_is_one_of_ours(service: FakeArxiv, client_of: Make) -> None:
    for fault in (*SILENT, "429", "redirect", "error-entry"):
        service.faults = [fault]
        client = client_of(service, tries=1)
        with pytest.raises(RegistryError):
            client.limiter.patience = 0.0
            client.search(EVERYTHING)
        (client.limiter._state_path).unlink(missing_ok=True)

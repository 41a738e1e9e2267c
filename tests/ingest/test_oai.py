from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select

from registry.core.clock import now
from registry.core.errors import UsageError
from registry.ingest.harvest_oai import harvest_oai
from registry.ingest.http import Fetcher, Limits
from registry.ingest.ledger import source_states
from registry.ingest.limiter import Limiter
from registry.ingest.oai import OaiClient, set_of
from registry.ingest.summary import Summary
from registry.store.arrivals import Arrival, put_arrivals
from registry.store.engine import Store
from registry.store.history_schema import absences, revisions
from registry.store.preprints import Preprint
from registry.store.queries import candidates, changes
from registry.store.schema import windows
from tests.ingest.oai_pages import answer, error, header, raw

TODAY = now().date()
LAST_WEEK = TODAY - timedelta(days=7)
Reply = tuple[int, dict[str, str], bytes]


class Service:
    """A loopback OAI-PMH that gives the ``replies`` in order, and the last one for ever."""

    def __init__(self, *replies: bytes | Reply) -> None:
        self.replies = list(replies)
        self.asked: list[dict[str, str]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                service.asked.append({name: values[0] for name, values in query.items()})
                reply = service.replies.pop(0) if service.replies[1:] else service.replies[0]
                status, headers, body = (200, {}, reply) if isinstance(reply, bytes) else reply
                self.send_response(status)
                for name, value in ({"Content-Type": "text/xml"} | headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/oai"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


Harvest = Callable[..., tuple[Summary, Service]]


@pytest.fixture
def harvest(store: Store, tmp_path: Path) -> Iterator[Harvest]:
    """A harvest of cs:cs:LG from a week ago, against a service with the replies given."""
    services = []

    def run(*replies: bytes | Reply, **options: Any) -> tuple[Summary, Service]:
        service = Service(*replies)
        services.append(service)
        limiter = Limiter(tmp_path / "state", interval=0.0)
        limits = Limits(backoff_seconds=0.0, read_seconds=2.0, total_seconds=2.0)
        fetcher = Fetcher(limiter, limits, sleep=lambda _: None)
        options.setdefault("since", LAST_WEEK)
        return harvest_oai(store, OaiClient(service.url, fetcher), "cs.LG", **options), service

    yield run
    for service in services:
        service.close()


def ids(store: Store) -> set[str]:
    return {c.id for c in candidates(store)}


def window(store: Store) -> Any:
    with store.read() as connection:
        return connection.execute(select(windows).order_by(windows.c.id.desc())).first()


def test_a_harvest_follows_the_tokens_to_the_end(store: Store, harvest: Harvest) -> None:
    summary, service = harvest(
        answer(raw("2611.00001"), raw("2611.00002"), token="from%3D1%26skip%3D2"),
        answer(raw("2611.00003")),
    )

    assert service.asked == [
        {
            "verb": "ListRecords", "metadataPrefix": "arXivRaw", "set": "cs:cs:LG",
            "from": LAST_WEEK.isoformat(),
        },
        {"verb": "ListRecords", "resumptionToken": "from%3D1%26skip%3D2"},
    ]  # fmt: skip
    assert (summary.done, summary.counts.new, summary.failure) == (1, 3, None)
    assert ids(store) == {"2611.00001", "2611.00002", "2611.00003"}


def test_the_next_harvest_begins_the_day_before_the_last_answer(harvest: Harvest) -> None:
    answered = now() - timedelta(days=3)
    harvest(answer(raw("2611.00001"), responded=answered))
    _, service = harvest(answer(raw("2611.00001")), since=None)

    assert service.asked[0]["from"] == (answered - timedelta(days=1)).date().isoformat()
    assert "until" not in service.asked[0]


def test_a_clock_that_is_ahead_skips_no_day(harvest: Harvest) -> None:
    harvest(answer(raw("2611.00001"), responded=now() + timedelta(days=400)))
    _, service = harvest(answer(raw("2611.00001")), since=None)

    assert service.asked[0]["from"] == (TODAY - timedelta(days=1)).isoformat()


def test_a_first_harvest_must_be_told_where_to_start(harvest: Harvest) -> None:
    with pytest.raises(UsageError, match="--since"):
        harvest(answer(raw("2611.00001")), since=None)


def test_no_matching_record_is_an_empty_day(store: Store, harvest: Harvest) -> None:
    summary, _ = harvest(error("noRecordsMatch"))

    assert (summary.done, summary.suspect, summary.failure) == (1, 0, None)
    assert window(store).total_reported == 0


def test_no_matching_record_where_some_are_usual_is_suspect(store: Store, harvest: Harvest) -> None:
    harvest(answer(raw("2611.00001"), responded=now() - timedelta(days=7)))
    summary, _ = harvest(error("noRecordsMatch"), since=None)

    assert summary.suspect == 1
    assert "no record at all, where 1 are usual" in summary.notes[0]
    assert summary.failure is not None
    assert summary.failure.exit_code == 3


def test_an_expired_token_starts_the_harvest_again(store: Store, harvest: Harvest) -> None:
    summary, service = harvest(
        answer(raw("2611.00001"), token="old"),
        error("badResumptionToken"),
        answer(raw("2611.00001"), token="new"),
        answer(raw("2611.00002")),
    )

    assert [asked.get("resumptionToken") for asked in service.asked] == [None, "old", None, "new"]
    assert (summary.done, summary.failure) == (1, None)
    assert window(store).total_stored == 2
    assert ids(store) == {"2611.00001", "2611.00002"}


def test_a_token_that_is_always_refused_ends_suspect(harvest: Harvest) -> None:
    refused = [answer(raw("2611.00001"), token="old"), error("badResumptionToken")] * 3
    summary, service = harvest(*refused)

    assert (summary.suspect, len(service.asked)) == (1, 6)


def test_a_token_that_comes_back_has_no_end_and_is_suspect(harvest: Harvest) -> None:
    summary, service = harvest(answer(raw("2611.00001"), token="round"))

    assert summary.suspect == 1
    assert "gave before" in summary.notes[0]
    assert len(service.asked) == 2


def test_a_harvest_left_off_goes_on_from_its_token(store: Store, harvest: Harvest) -> None:
    soon = now() + timedelta(hours=2)
    stopped, _ = harvest(
        answer(raw("2611.00001"), token="two", ends=soon), (429, {"Retry-After": "3600"}, b"")
    )
    assert (stopped.left, ids(store)) == (1, {"2611.00001"})
    assert stopped.failure is not None
    assert stopped.failure.exit_code == 4
    assert (window(store).status, window(store).token) == ("pending", "two")

    (Path(store.engine.url.database or "").parent / "state" / "arxiv.org.json").unlink()
    summary, service = harvest(answer(raw("2611.00002")), since=None)

    assert service.asked[0]["resumptionToken"] == "two"
    assert summary.done == 1
    assert (window(store).status, window(store).total_stored) == ("done", 2)


def test_a_token_that_ended_at_midnight_is_not_tried(store: Store, harvest: Harvest) -> None:
    passed = now() - timedelta(minutes=1)
    harvest(answer(raw("2611.00001"), token="two", ends=passed), (429, {}, b""))
    (Path(store.engine.url.database or "").parent / "state" / "arxiv.org.json").unlink()
    _, service = harvest(answer(raw("2611.00001")), since=None)

    assert service.asked[0]["from"] == LAST_WEEK.isoformat()


def test_a_short_wait_is_sat_out(harvest: Harvest) -> None:
    summary, service = harvest((503, {"Retry-After": "0"}, b"later"), answer(raw("2611.00001")))

    assert (summary.done, len(service.asked)) == (1, 2)


def test_a_deleted_record_is_noted_and_nothing_is_removed(store: Store, harvest: Harvest) -> None:
    harvest(answer(raw("2611.00001")))
    summary, _ = harvest(answer(header("2611.00001", status="deleted"), raw("2611.00002")))

    assert summary.deleted == ["2611.00001"]
    assert "2611.00001" in ids(store)
    assert [(e.preprint_id, e.kind) for e in changes(store)] == [("2611.00001", "deleted")]

    harvest(answer(raw("2611.00001")))
    assert changes(store) == []
    with store.read() as connection:
        assert connection.execute(select(absences)).all() == []


def test_every_version_is_kept_with_its_date_and_kind(store: Store, harvest: Harvest) -> None:
    harvest(answer(raw("2611.00001", versions=["", "D", "I"])))

    with store.read() as connection:
        rows = connection.execute(select(revisions).order_by(revisions.c.version)).all()
    assert [(r.version, r.kilobytes, r.source_type) for r in rows] == [
        (1, 11, None), (2, 12, "D"), (3, 13, "I"),
    ]  # fmt: skip
    assert rows[0].submitted < rows[1].submitted < rows[2].submitted
    assert rows[2].licence == "http://creativecommons.org/licenses/by/4.0/"
    [found] = candidates(store)
    assert (found.version, found.withdrawn is not None) == (3, True)
    assert [(e.version, e.kind) for e in changes(store)] == [(3, "withdrawn")]


def test_a_withdrawal_that_was_taken_back_is_told_from_the_history(
    store: Store, harvest: Harvest
) -> None:
    harvest(answer(raw("2611.00001", versions=["", "I", "D"])))

    assert [(e.version, e.kind) for e in changes(store)] == [(3, "restored"), (2, "withdrawn")]
    assert candidates(store)[0].withdrawn is None


def test_a_bad_record_is_named_and_the_rest_is_kept(store: Store, harvest: Harvest) -> None:
    bad = raw("2611.00002").replace("<title>A made-up study 2611.00002</title>", "")
    summary, _ = harvest(answer(raw("2611.00001"), bad))

    assert (ids(store), summary.unread) == ({"2611.00001"}, 1)
    assert "oai:arXiv.org:2611.00002 has no title" in summary.notes[0]
    assert summary.failure is not None
    assert summary.failure.exit_code == 3


def test_a_bad_record_alone_on_its_day_is_tried_again_and_does_not_stop_the_harvests(
    store: Store, harvest: Harvest
) -> None:
    bad = (
        raw("2611.00002")
        .replace("<authors>", "<authors/><others>")
        .replace("</authors>", "</others>")
    )
    told = [harvest(answer(bad), retry=True)[0] for _ in range(4)]

    assert [summary.suspect for summary in told] == [1, 1, 1, 0]
    assert [summary.unread for summary in told] == [1, 1, 1, 1]  # and never in silence
    assert all("2611.00002" in summary.notes[0] for summary in told)


def test_a_record_without_a_header_is_named_by_its_place(store: Store, harvest: Harvest) -> None:
    summary, _ = harvest(answer(raw("2611.00001"), "<record><metadata/></record>"))

    assert (ids(store), summary.unread) == ({"2611.00001"}, 1)
    assert "record 2: a record of arXiv's answer has no header" in summary.notes[0]


@pytest.mark.parametrize(
    "bad",
    [
        raw("2611.00002").replace("09 Nov 2026 09:30:00 GMT", "31 Dec 9999 23:59:59 -1400"),
        raw("2611.00002").replace("v1", "v" + "9" * 5000),
    ],
)
def test_a_date_or_number_out_of_reach_is_a_bad_record(
    store: Store, harvest: Harvest, bad: str
) -> None:
    summary, _ = harvest(answer(raw("2611.00001"), bad))

    assert (ids(store), summary.unread) == ({"2611.00001"}, 1)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"<html><body>Access Denied</body></html>", "<html>, not OAI-PMH"),
        (answer(raw("2611.00001"))[:400], "not a whole XML document"),
        (b"", "empty where a feed was expected"),
        (answer(), "an empty list"),
        (answer(*[raw("2611.00001").replace("org:2611", "org:9")] * 5), "wrong id"),
        (answer(raw("2611.00001"), responded=datetime(1970, 1, 1, tzinfo=UTC)), "it is 1970-01-01"),
        (error("noRecordsMatch").replace(b"<responseDate>20", b"<responseDate>00"), "before the"),
        (answer(raw("2611.00001")).replace(b"responseDate", b"when"), "does not say its date"),
        (answer(raw("2611.00001", stamp=date(2020, 1, 2))), "the date was ignored"),
        (answer(raw("2611.00001", sets=("math:math:AG",))), "the set was ignored"),
        (answer(raw("2611.00001"), size=7), "1 records came where arXiv counts 7"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + answer(raw("2611.00001"))[39:], "document type"),
        ((500, {}, b"oops"), "HTTP 500"),
        ((200, {"Content-Type": "text/html"}, b"<p>"), "'text/html' where OAI-PMH"),
    ],
)
def test_an_answer_that_is_not_whole_is_suspect_and_never_silence(
    store: Store, harvest: Harvest, reply: bytes | Reply, said: str
) -> None:
    summary, _ = harvest(reply)

    assert (summary.done, summary.suspect) == (0, 1)
    assert said in summary.notes[0]
    [state] = source_states(store)
    assert (state.kind, state.suspect) == ("oai", 1)
    assert said in (state.troubles[0].error or "")


def test_a_request_that_is_refused_is_not_repeated(harvest: Harvest) -> None:
    summary, service = harvest(error("cannotDisseminateFormat"))

    assert len(service.asked) == 1
    assert "cannotDisseminateFormat" in str(summary.failure)


def test_a_suspect_harvest_waits_for_its_next_try(harvest: Harvest) -> None:
    harvest((500, {}, b"oops"))
    waiting, idle = harvest(answer(raw("2611.00001")), since=None)
    assert (waiting.suspect, idle.asked) == (1, [])

    done, _ = harvest(answer(raw("2611.00001")), since=None, retry=True)
    assert done.done == 1


def test_a_format_without_versions_gives_way_to_one_with(store: Store, harvest: Harvest) -> None:
    split = (
        "<authors><author><keyname>Example</keyname><forenames>Ada</forenames>"
        "<suffix>Jr.</suffix></author></authors>"
    )
    plain = raw("2611.00001", tag="arXiv", authors=split, created="2026-11-02")
    harvest(answer(plain), prefix="arXiv")
    assert [(c.version, c.authors) for c in candidates(store)] == [(1, ("Ada Example Jr.",))]

    harvest(answer(raw("2611.00001", versions=["", "", ""])))
    harvest(answer(plain), prefix="arXiv")
    assert [c.version for c in candidates(store)] == [3]
    assert changes(store) == []


@pytest.mark.parametrize(
    ("text", "set_"),
    [
        ("cs.LG", "cs:cs:LG"), ("cs:cs:CL", "cs:cs:CL"), ("stat.ML", "stat:stat:ML"),
        ("hep-th", "physics:hep-th"), ("cond-mat.str-el", "physics:cond-mat:str-el"),
        ("cs", "cs"),
    ],
)  # fmt: skip
def test_a_category_names_its_set(text: str, set_: str) -> None:
    assert set_of(text) == set_


@pytest.mark.parametrize("text", ["", "cs LG", "CS.lg.x", "cs:", "http://x"])
def test_anything_else_is_no_set(text: str) -> None:
    with pytest.raises(UsageError, match="no set"):
        set_of(text)


def test_the_words_of_the_other_service_do_not_unsay_a_withdrawal(
    store: Store, harvest: Harvest
) -> None:
    harvest(answer(raw("2611.00001", versions=["", "I"])))
    moment = datetime.fromisoformat("2026-11-02T00:00:00+00:00")
    text = Preprint(
        "2611.00001", 2, "A made-up study 2611.00001", "We made it up.", ("Ada Example",),
        ("cs.LG",), moment, moment, now() + timedelta(days=1),
    )  # fmt: skip
    with store.write() as connection:
        put_arrivals(connection, [Arrival(text)], 1)

    assert candidates(store)[0].withdrawn is not None

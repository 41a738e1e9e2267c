from __future__ import annotations

import gzip
import json
import random
import re
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from registry.core.errors import UsageError
from registry.ingest.files import Flaw, Recorded, read_recorded, stream_recorded
from registry.ingest.harvest_files import harvest_files
from registry.ingest.ledger import source_states
from registry.ingest.oai_records import Gone
from registry.store.arrivals import Arrival
from registry.store.engine import Store
from registry.store.queries import candidates, changes
from tests.fake_arxiv import corpus, entry, feed
from tests.ingest.oai_pages import answer, header, raw
from tests.ingest.shared_data import ARXIV

recorded = pytest.mark.skipif(not ARXIV.is_dir(), reason="the recorded data are not here")

DUMPED = {
    "id": "2603.00007",
    "submitter": "Ada Example",
    "authors": "Ada Example and Bo Sample",
    "authors_parsed": [["Example", "Ada", ""], ["Sample", "Bo", "Jr."]],
    "title": "A made-up\n  dump",
    "comments": "9 pages",
    "journal-ref": None,
    "doi": "10.1000/made.up",
    "report-no": None,
    "categories": "cs.LG cs.CL",
    "license": "http://creativecommons.org/licenses/by/4.0/",
    "abstract": "  We dump\nnothing.\n",
    "versions": [
        {"version": "v1", "created": "Mon, 2 Mar 2026 09:30:00 GMT"},
        {"version": "v2", "created": "Mon, 9 Mar 2026 09:30:00 GMT"},
    ],
    "update_date": "2026-03-10",
}
PLAIN = {
    "id": "2603.00008",
    "title": "A made-up line",
    "abstract": "We say no version.",
    "categories": ["cs.CL"],
    "comment": None,
    "first_seen": "2026-03-05",
}
ABS = r"""------------------------------------------------------------------------------
\\
arXiv:hep-th/9901001
From: Ada Example <hidden>
Date: Sat, 2 Jan 1999 17:47:54 GMT   (39kb)
Date (revised v2): Sun, 3 Jan 1999 19:38:45 GMT   (0kb,I)

Title: A made-up field: with a colon
  over two lines
Authors: Ada Example (Nowhere), Jos\'e Sample
Categories: hep-th math.AG
Comments: 9 pages
MSC-class: 14J32, 81T30
License: http://arxiv.org/licenses/nonexclusive-distrib/1.0/
\\
  We make it up.
Twice.
\\
"""


def lines(*objects: dict[str, Any] | str) -> bytes:
    texts = (o if isinstance(o, str) else json.dumps(o) for o in objects)
    return "\n".join(texts).encode() + b"\n"


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def found(path: Path) -> list[Arrival | Gone | Flaw]:
    return list(stream_recorded(read_recorded(path)))


def test_a_dump_tells_every_version_and_its_date(tmp_path: Path) -> None:
    [arrival] = found(written(tmp_path / "dump.json", lines(DUMPED)))

    assert isinstance(arrival, Arrival)
    text = arrival.preprint
    assert (text.id, text.version, text.title, text.abstract, text.authors, text.categories) == (
        "2603.00007", 2, "A made-up dump", "We dump nothing.", ("Ada Example", "Bo Sample Jr."),
        ("cs.LG", "cs.CL"),
    )  # fmt: skip
    assert (text.published, text.updated) == (
        datetime(2026, 3, 2, 9, 30, tzinfo=UTC), datetime(2026, 3, 9, 9, 30, tzinfo=UTC),
    )  # fmt: skip
    assert [r.version for r in arrival.revisions] == [1, 2]
    assert (arrival.stated, arrival.licence) == (True, DUMPED["license"])


def test_a_plain_line_says_no_version(tmp_path: Path) -> None:
    [arrival] = found(written(tmp_path / "lines.jsonl", lines(PLAIN)))

    assert isinstance(arrival, Arrival)
    assert (arrival.stated, arrival.preprint.version, arrival.preprint.authors) == (False, 1, ())
    assert arrival.preprint.published == datetime(2026, 3, 5, tzinfo=UTC)


def test_without_any_date_the_id_tells_the_month(tmp_path: Path) -> None:
    bare = {"id": "math.CA/0611800", "title": "A made-up old line"}
    [arrival] = found(written(tmp_path / "lines.jsonl", lines(bare)))

    assert isinstance(arrival, Arrival)
    assert arrival.preprint.id == "math/0611800"
    assert arrival.preprint.published == datetime(2006, 11, 1, tzinfo=UTC)


def test_a_metadata_file_of_arxiv_is_read_whole(tmp_path: Path) -> None:
    [arrival] = found(written(tmp_path / "9901001.abs", ABS.encode()))

    assert isinstance(arrival, Arrival)
    text = arrival.preprint
    assert (text.id, text.version, text.title, text.authors) == (
        "hep-th/9901001", 2, "A made-up field: with a colon over two lines",
        ("Ada Example", "Jos\u00e9 Sample"),
    )  # fmt: skip
    assert text.categories == ("hep-th", "math.AG", "14J32", "81T30")
    assert text.abstract == "We make it up. Twice."
    assert [(r.kilobytes, r.source_type) for r in arrival.revisions] == [(39, None), (0, "I")]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.xml", feed(entry(corpus(1)[0]), "search_query=x", 1), "atom"),
        ("a.txt", answer(raw("2603.00001")), "oai"),
        ("a", b"\xef\xbb\xbf" + raw("2603.00001").encode(), "oai"),
        ("a.xml", lines(PLAIN), "json"),
        ("a.json", ABS.encode(), "abs"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_kind_is_told_by_the_content(
    tmp_path: Path, name: str, content: bytes, kind: str, packed: bool
) -> None:
    path = written(tmp_path / name, gzip.compress(content) if packed else content)

    assert read_recorded(path).kind == kind
    assert [type(item) for item in found(path)] == [Arrival]


def test_all_kinds_go_into_the_store(tmp_path: Path, store: Store) -> None:
    paths = [
        written(tmp_path / "a.xml", feed(entry(corpus(1)[0]), "search_query=x", 1)),
        written(tmp_path / "b.xml", answer(raw("2611.00001"), header("2611.00002", status="deleted"))),
        written(tmp_path / "c.jsonl.gz", gzip.compress(lines(DUMPED, PLAIN))),
        written(tmp_path / "d.abs", ABS.encode()),
    ]  # fmt: skip
    summary = harvest_files(store, paths)

    assert (summary.done, summary.counts.new, summary.deleted) == (4, 5, ["2611.00002"])
    assert {c.id for c in candidates(store)} >= {"2611.00001", "2603.00007", "hep-th/9901001"}
    assert [(e.preprint_id, e.kind) for e in changes(store)] == [("hep-th/9901001", "withdrawn")]
    assert {state.done for state in source_states(store)} == {1}
    assert harvest_files(store, paths).counts.unchanged == 5


def test_a_line_that_cannot_be_read_is_named_and_the_rest_is_kept(
    tmp_path: Path, store: Store
) -> None:
    path = written(
        tmp_path / "a.jsonl", lines(PLAIN, '{"id": "2603.0000', "", '{"id": "x"}', DUMPED)
    )
    summary = harvest_files(store, [path])

    assert (summary.counts.new, summary.unread) == (2, 2)
    assert [note.split(": ")[1] for note in summary.notes] == ["line 2", "line 4"]
    assert summary.failure is not None
    assert (summary.failure.exit_code, "2 records not readable" in str(summary.failure)) == (
        3,
        True,
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lines('{"nothing": 1}'), "no record can be read"),
        (lines(*['{"nothing": 1}'] * 200), "no record can be read; line 1:"),
        (b"[1, 2]", "no record can be read; record 1: not a JSON object"),
        (b'[{"id": "2603.00001"', "not JSON"),
        (answer(raw("2603.00001"), raw("2603.00002"))[:-60], "not whole XML"),
        (b"<!DOCTYPE a>" + raw("2603.00001").encode(), "document type"),
        (b'<OAI-PMH><error code="badVerb"/></OAI-PMH>', "badVerb"),
        (b"<OAI-PMH><Identify/></OAI-PMH>", "no record in it"),
        (b"<OAI-PMH><ListRecords/></OAI-PMH>", "no record in it"),
        (gzip.compress(lines(*[PLAIN] * 5000))[:-200], "cannot be read to its end"),
        (gzip.compress(b"x" * 9)[:-9] + b"garbage" * 9, "cannot be read to its end"),
        (feed("", "search_query=x", 25), "0 entries where 25 should be"),
        (b"------------------------------\n\\\\\nTitle: x\n\\\\\ny\n\\\\\n", "not an arXiv identifier"),
        (b"just text", "not a whole XML document"),
        (b"", "the file is empty"),
        (gzip.compress(b" \n"), "the file is empty"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_them_is_an_error(
    tmp_path: Path, store: Store, content: bytes, said: str
) -> None:
    failure = harvest_files(store, [written(tmp_path / "a.file", content)]).failure

    assert failure is not None
    assert failure.exit_code == 1
    assert re.search(rf"a\.file: .*{said}", str(failure))


PACKED = gzip.compress(lines(PLAIN, DUMPED))


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(lines(PLAIN, DUMPED, *[{**PLAIN, "abstract": random.randbytes(99).hex()}
                                             for _ in range(99)]))[:-2000],
        PACKED[:-8] + b"????" + PACKED[-4:],
        PACKED + b"what somebody hung on",
        answer(raw("2611.00001"), raw("2611.00009"), raw("2611.00010"))[:-400],
        answer(raw("2611.00001"), raw("2611.00009")) + answer(raw("2611.00010")),
    ],
    ids=["cut", "another sum", "a tail", "cut XML", "two documents"],
)  # fmt: skip
def test_a_file_that_breaks_off_is_named_and_what_came_before_is_kept(
    tmp_path: Path, store: Store, content: bytes
) -> None:
    broken = written(tmp_path / "broken.file", content)
    whole = written(tmp_path / "whole.jsonl", lines({**PLAIN, "id": "2611.00777"}))

    summary = harvest_files(store, [broken, whole])

    assert (summary.done, summary.left) == (1, 1)
    assert summary.failure is not None
    assert (summary.failure.exit_code, "broken.file" in str(summary.failure)) == (3, True)
    kept = {c.id for c in candidates(store)}
    assert kept in ({"2603.00007", "2603.00008", "2611.00777"},
                    {"2611.00001", "2611.00009", "2611.00777"})  # fmt: skip
    assert {state.query: state.done for state in source_states(store)} == {
        "broken.file": 0, "whole.jsonl": 1,
    }  # fmt: skip


def test_one_json_array_is_as_good_as_lines(tmp_path: Path) -> None:
    pretty = json.dumps([PLAIN, "no paper", DUMPED], indent=2).encode()

    items = found(written(tmp_path / "a.json", b"\xef\xbb\xbf" + pretty))

    assert [item.preprint.id if isinstance(item, Arrival) else item.where for item in items] == [
        PLAIN["id"], "record 2", DUMPED["id"],
    ]  # fmt: skip


def test_a_field_of_another_kind_is_a_flaw(tmp_path: Path) -> None:
    odd = [{**PLAIN, "categories": 7}, {**PLAIN, "versions": "v1"}, {**PLAIN, "first_seen": "soon"},
           {**DUMPED, "versions": [{"version": "v0", "created": "never"}]}, {**PLAIN, "title": ""},
           {**PLAIN, "version": "v" + "9" * 20}, {**PLAIN, "published": "0001-01-01T00:00:00+14:00"},
           {**PLAIN, "id": 2501.1}]  # fmt: skip
    items = found(written(tmp_path / "a.jsonl", lines(*odd)))

    assert [type(item) for item in items] == [Flaw] * len(odd)


def test_a_line_that_is_no_json_by_a_hair_is_read_or_named(tmp_path: Path) -> None:
    deep = b'{"id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    control = lines({**PLAIN, "abstract": "one two"}).replace(b"one two", b"one\x00\ttwo")

    named, read = found(written(tmp_path / "a.jsonl", deep + control))

    assert isinstance(named, Flaw)
    assert "nested too deep" in named.reason
    assert isinstance(read, Arrival)
    assert read.preprint.abstract == "one two"


def test_a_line_without_end_is_skipped_and_not_read_into_memory(
    tmp_path: Path, store: Store
) -> None:
    long = b'{"id": "' + b"9" * (9 * 2**20) + b"\n"
    path = written(tmp_path / "a.jsonl", long + lines(PLAIN))

    tracemalloc.start()
    summary = harvest_files(store, [path])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (summary.counts.new, summary.unread) == (1, 1)
    assert summary.notes == ["a.jsonl: line 1: longer than 4 MiB"]
    assert most < 16 * 2**20


def test_a_list_that_goes_on_elsewhere_says_so(tmp_path: Path, store: Store) -> None:
    first = answer(raw("2611.00001"), "<resumptionToken>0,1</resumptionToken>")
    last = answer(raw("2611.00002"), "<resumptionToken/>")

    summary = harvest_files(
        store, [written(tmp_path / "first.xml", first), written(tmp_path / "last.xml", last)]
    )

    assert (summary.done, summary.failure) == (2, None)
    assert summary.notes == ["first.xml: a list that goes on: the other pages are not in this file"]


def test_a_list_that_says_it_is_empty_is_a_quiet_day(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path / "a.xml", b'<OAI-PMH><error code="noRecordsMatch"/></OAI-PMH>')

    assert harvest_files(store, [path]).failure is None


def test_memory_does_not_grow_with_a_file(tmp_path: Path) -> None:
    def peak(records: int) -> int:
        page = answer(*(raw(f"2611.{n:05d}") for n in range(1, records + 1)))
        read = Recorded(written(tmp_path / "a.xml", page), "oai", 0, "", datetime.now(UTC))
        tracemalloc.start()
        count = sum(1 for _ in stream_recorded(read))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert count == records
        return most

    peak(100)
    assert peak(1600) < 2 * peak(160)


def test_a_dry_run_reads_all_and_keeps_nothing(tmp_path: Path, store: Store) -> None:
    path = written(tmp_path / "a.jsonl", lines(PLAIN, DUMPED))

    assert harvest_files(store, [path], dry_run=True).counts.new == 2
    assert (candidates(store), source_states(store)) == ([], [])


def test_a_folder_is_no_file(tmp_path: Path, store: Store) -> None:
    with pytest.raises(UsageError, match="no such file"):
        harvest_files(store, [tmp_path])


# -- the recorded data ---------------------------------------------------------------------------


@recorded
def test_every_recorded_answer_of_oai_pmh_is_read(store: Store) -> None:
    paths = sorted((ARXIV / "oai").glob("*.xml"))
    summary = harvest_files(store, paths)

    assert (summary.done, summary.unread) == (len(paths), 0)
    titles = {c.id: c.title for c in candidates(store)}
    assert titles["math/0306266"] == "The Lovasz number of random graphs"
    assert len(titles) == 8
    by_id = {c.id: c for c in candidates(store)}
    assert by_id["0901.2443"].authors[0] == "B. \u00d6zel"
    assert by_id["1412.1417"].doi == "10.1112/jlms.12001"


@recorded
def test_every_recorded_metadata_file_is_read(store: Store) -> None:
    paths = sorted((ARXIV / "abs").glob("*.abs"))
    summary = harvest_files(store, paths)

    assert (summary.done, summary.counts.new) == (len(paths), len(paths))
    read = {c.id: c for c in candidates(store)}
    assert all(c.abstract and c.authors and c.categories for c in read.values())
    assert read["0704.0044"].version == 4
    assert read["0704.0028"].authors == ("P\u00e9ter E. Frenkel",)
    told = {(e.preprint_id, e.version, e.kind) for e in changes(store)}
    assert told == {
        ("adap-org/9509003", 1, "withdrawn"), ("adap-org/9509003", 3, "restored"),
        ("ao-sci/9502001", 1, "withdrawn"), ("ao-sci/9502001", 4, "restored"),
    }  # fmt: skip
    assert not any(c.withdrawn for c in read.values())


@recorded
def test_every_background_record_is_read() -> None:
    items = found(ARXIV / "background.jsonl.gz")

    assert len(items) == 18545
    assert {type(item) for item in items} == {Arrival}
    assert all(i.preprint.title and i.preprint.abstract for i in items if isinstance(i, Arrival))

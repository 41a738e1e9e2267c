"""Real answers of arXiv's API, where they lie beside the repository: what the parser must read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry.core.errors import PartialError, UsageError
from registry.ingest.files import Flaw, read_recorded
from registry.ingest.harvest_files import harvest_files
from registry.ingest.http import RefusedError
from registry.store.arrivals import Arrival
from registry.store.engine import Store
from registry.store.preprints import Counts
from registry.store.queries import candidates
from tests.fake_arxiv import corpus, entry, feed
from tests.ingest.shared_data import ARXIV

FEEDS = ARXIV / "atom"
recorded = pytest.mark.skipif(not FEEDS.is_dir(), reason="the recorded feeds are not here")


@recorded
def test_every_recorded_feed_is_read_whole_or_refused_by_name() -> None:
    paths = sorted(FEEDS.glob("*.xml"))
    assert len(paths) >= 10
    for path in paths:
        text = path.read_text()
        if "api/errors" in text:
            with pytest.raises(RefusedError, match="incorrect id format for abc"):
                read_recorded(path)
            continue
        found = read_recorded(path)
        ids = re.findall(r"<id>http://arxiv.org/abs/(\S+)v\d+</id>", text)
        arrivals = [record for record in found.records if isinstance(record, Arrival)]
        assert not any(isinstance(record, Flaw) for record in found.records), path.name
        texts = [arrival.preprint for arrival in arrivals]
        assert [text.id for text in texts] == ids, path.name
        assert all(t.abstract and t.authors and t.categories for t in texts)
        assert found.seen_at.date().isoformat() == "2026-04-12"


@recorded
def test_overlapping_feeds_give_each_preprint_once(store: Store) -> None:
    paths = sorted(FEEDS.glob("q_testing*.xml"))
    distinct = {
        id_
        for path in paths
        for id_ in re.findall(r"<id>http://arxiv.org/abs/(\S+)v\d+</id>", path.read_text())
    }

    first = harvest_files(store, paths)
    again = harvest_files(store, paths)

    assert first.counts.new == len(distinct)
    assert (again.counts.new, again.counts.updated) == (0, 0)
    assert {c.id for c in candidates(store)} == distinct


@recorded
def test_a_title_that_is_a_zero_survives(store: Store) -> None:
    harvest_files(store, sorted(FEEDS.glob("id_2104.12255*.xml")))

    assert [c.title for c in candidates(store)] == ["0"]


def test_a_file_says_what_it_leaves_out(tmp_path: Path, store: Store) -> None:
    entries = "".join(entry(work) for work in corpus(3))
    page = tmp_path / "page.xml"

    page.write_bytes(feed(entries, "search_query=x", 40, 0, 3))
    paged = harvest_files(store, [page])
    assert paged.notes == ["page.xml: 3 of 40 results: the other pages are not in this file"]
    assert paged.failure is None

    page.write_bytes(feed(entries, "search_query=x", 40, 0, 10))
    short = harvest_files(store, [page])
    assert short.notes == ["page.xml: page: 3 entries where 10 should be"]
    assert isinstance(short.failure, PartialError)

    page.write_bytes(feed(entries, "search_query=x&id_list=2603.00001,x", 10, 0, 10))
    assert harvest_files(store, [page]).notes == []  # the total counts ids nobody knows

    page.write_bytes(feed(entries, "search_query=x", 3, 0, 10))
    assert harvest_files(store, [page]).notes == []


def test_an_entry_that_cannot_be_read_is_named_and_the_others_are_kept(
    tmp_path: Path, store: Store
) -> None:
    one, two, three = (entry(work) for work in corpus(3))
    page = tmp_path / "page.xml"
    page.write_bytes(feed(one + two.replace("<published>", "<published>once ") + three, "q", 3))

    summary = harvest_files(store, [page])

    assert (summary.counts.new, summary.unread) == (2, 1)
    assert "entry 2: the entry http://arxiv.org/abs/" in summary.notes[0]
    assert isinstance(summary.failure, PartialError)


def test_a_dry_run_counts_and_keeps_nothing(tmp_path: Path, store: Store) -> None:
    page = tmp_path / "page.xml"
    page.write_bytes(feed("".join(entry(work) for work in corpus(3)), "search_query=x", 3))

    assert harvest_files(store, [page], dry_run=True).counts == Counts(new=3)
    assert candidates(store) == []


def test_a_file_that_is_not_there_or_no_feed_is_named(tmp_path: Path, store: Store) -> None:
    with pytest.raises(UsageError, match=r"absent\.xml: no such file"):
        harvest_files(store, [tmp_path / "absent.xml"])

    page = tmp_path / "page.html"
    page.write_text("<html><body>Access Denied</body></html>")
    failure = harvest_files(store, [page]).failure
    assert re.search(r"page\.html.*<html>, not an Atom feed", str(failure))

"""Bytes of any kind, and real answers with anything done to them: a typed error or a whole reading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.core.errors import ArxivError, UsageError
from registry.core.ids import ArxivId
from registry.ingest.feed import read_feed
from registry.ingest.oai import read_page
from registry.ingest.record import preprint_of
from registry.ingest.rss import read_rss
from registry.store.preprints import Preprint
from tests.fake_arxiv import CLOCK, corpus, entry, feed, oai, rss

NOW = datetime(2026, 4, 12, tzinfo=UTC)
WORKS = corpus(4, days=1)
ASKED = {"verb": "ListRecords", "set": "cs"}
ATOM = feed("".join(map(entry, WORKS)), "search_query=x", 4)
RAW = oai.answer(WORKS, {**ASKED, "metadataPrefix": "arXivRaw"}, "", CLOCK, 3)
PLAIN = oai.answer(WORKS, {**ASKED, "metadataPrefix": "arXiv"}, "", CLOCK, 3)
RSS = rss.answer(WORKS, "cs.LG+cs.CL", "", datetime(2026, 3, 3, 9, tzinfo=UTC))[0]


def atom(content: bytes) -> list[Preprint]:
    return [preprint_of(found, NOW) for found in read_feed(content).entries]


def records(content: bytes) -> list[Preprint]:
    return [arrival.preprint for arrival in read_page(content, NOW).arrivals]


READERS: list[tuple[Callable[[bytes], Any], bytes]] = [
    (atom, ATOM), (records, RAW), (records, PLAIN), (read_rss, RSS),
]  # fmt: skip


def read(reader: Callable[[bytes], Any], content: bytes) -> Any:
    """What ``content`` says, or None where it is refused; nothing else may happen."""
    try:
        found = reader(content)
    except ArxivError:
        return None
    for preprint in found if isinstance(found, list) else []:
        check(preprint)
    return found


def check(preprint: Preprint) -> None:
    """What is read is such that it can be stored, shown and asked for again."""
    assert str(ArxivId.parse(preprint.id)) == preprint.id
    assert preprint.version >= 1 and preprint.title and all(preprint.authors)
    assert preprint.published.tzinfo is not None and preprint.updated.tzinfo is not None
    said = (preprint.title, preprint.abstract, *preprint.authors, *preprint.categories)
    for text in said:
        text.encode()  # no half of a surrogate pair
        assert not set(text) & set(map(chr, (*range(32), *range(127, 160))))


@given(st.sampled_from(READERS), st.binary(max_size=300))
def test_any_bytes_are_refused(
    reader: tuple[Callable[[bytes], Any], bytes], content: bytes
) -> None:
    assert read(reader[0], content) is None


@given(st.sampled_from(READERS), st.data())
def test_an_answer_that_is_cut_anywhere_is_refused(
    reader: tuple[Callable[[bytes], Any], bytes], data: st.DataObject
) -> None:
    whole = reader[1].rstrip()
    assert read(reader[0], whole[: data.draw(st.integers(0, len(whole) - 1))]) is None


@given(st.sampled_from(READERS), st.data())
def test_an_answer_with_a_piece_taken_out_or_put_in_is_read_whole_or_refused(
    reader: tuple[Callable[[bytes], Any], bytes], data: st.DataObject
) -> None:
    read_one, whole = reader
    begin = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(begin, min(len(whole), begin + 200)))
    put = data.draw(st.binary(max_size=12) | st.sampled_from(PIECES))
    read(read_one, whole[:begin] + put + whole[end:])


PIECES = [
    b"<", b">", b"&", b"]]>", b"<!--", b"<![CDATA[", b"&#0;", b"&#xD800;", b"&lol;", b"<?x?>",
    b'<!DOCTYPE a [<!ENTITY b "c">]>', b"\xff", b"\x00", b"<id/>", b"<title>0</title>",
    b"<version version='v0'/>", b"<version version='v9999999999'/>", b"<date>-1</date>",
    b"<date>Mon, 99 Foo 2026 25:61:61 GMT</date>", b"<published>9999-12-31T23:59:59-23:59</published>",
    b"<updated>0001-01-01T00:00:00+23:59</updated>", b"<datestamp>0000-00-00</datestamp>",
    b"<resumptionToken completeListSize='-1'>x</resumptionToken>", b"<created>10000-01-01</created>",
    b"<header status='deleted'/>", "<keyname>\u202e</keyname>".encode(),
]  # fmt: skip

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=60)
lines = texts.map(lambda text: " ".join(text.split())).filter(bool)


@given(title=lines, abstract=texts, author=lines, comment=texts)
def test_whatever_a_paper_is_called_all_services_say_the_same(
    title: str, abstract: str, author: str, comment: str
) -> None:
    from registry.core.escape import one_line

    if not one_line(title) or not one_line(author):
        return
    work = replace(WORKS[0], title=title, abstract=abstract, comment=comment, authors=(author,))
    try:
        [by_atom] = atom(feed(entry(work), "search_query=x", 1))
    except ArxivError:
        # XML has no place for a few characters, U+FFFE among them; then no service can say them.
        assert any(c in title + abstract + author + comment for c in "\ufffe\uffff")
        return
    assert by_atom.title == one_line(title)
    assert by_atom.abstract == one_line(abstract)
    assert by_atom.authors == (one_line(author),)
    check(by_atom)


@given(
    st.text(max_size=40),
    st.sampled_from(["", "arXiv:", "https://arxiv.org/abs/", "oai:arXiv.org:"]),
)
def test_any_text_is_an_id_or_refused(text: str, prefix: str) -> None:
    try:
        found = ArxivId.parse(prefix + text)
    except UsageError:
        return
    assert ArxivId.parse(str(found)) == found
    assert ArxivId.from_slug(found.slug).base == found.base

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.core.errors import ArxivError
from registry.ingest.feed import Unread, described, read_feed
from registry.ingest.http import FeedError
from registry.ingest.record import withdrawn_words
from registry.store.preprints import Preprint
from tests.fake_arxiv import corpus, entry, feed

SEEN = datetime(2026, 4, 12, tzinfo=UTC)
WORK = corpus(1)[0]
ENTRY = entry(WORK)


def outcome(text: str) -> Preprint | Unread:
    [found] = read_feed(feed(text, "search_query=x&id_list=", 1)).entries
    return described(found, SEEN)


def read(text: str) -> Preprint:
    found = outcome(text)
    assert isinstance(found, Preprint)
    return found


def with_title(inside: str) -> str:
    return ENTRY.replace(f"<title>{escape(WORK.title)}</title>", f"<title>{inside}</title>")


@pytest.mark.parametrize(
    ("inside", "title"),
    [
        ("0", "0"),  # arxiv.py#71: a title that is false in Python
        ("Line one\r\n   line two", "Line one line two"),
        ("Deep <i>and</i> <b>wide</b> nets", "Deep and wide nets"),
        ("A &lt;script&gt; &amp; more", "A <script> & more"),
        ("right\u202eto left\u2066", "rightto left"),
        ("colour \x9b31m", "colour 31m"),
        ("Emoji \U0001f600 stays", "Emoji \U0001f600 stays"),
    ],
)
def test_a_title_is_one_clean_line(inside: str, title: str) -> None:
    assert read(with_title(inside)).title == title


def test_an_old_identifier_loses_its_subject_class_and_keeps_its_archive() -> None:
    text = ENTRY.replace(f"abs/{WORK.id}v1", "abs/math.CA/0611800v2")

    assert (read(text).id, read(text).version) == ("math/0611800", 2)


def test_three_hundred_authors_are_kept_in_order() -> None:
    many = "".join(f"<author><name>Person {n}</name></author>" for n in range(300))
    start = ENTRY.index("<author>")
    text = ENTRY[:start] + many + "</entry>"

    assert read(text).authors == tuple(f"Person {n}" for n in range(300))


def test_an_empty_abstract_is_empty() -> None:
    assert read(ENTRY.replace(escape(WORK.abstract), "")).abstract == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (f"abs/{WORK.id}v1", f"abs/{WORK.id}", "names no version"),
        (f"abs/{WORK.id}v1", "abs/1234.12345v1", "wrong id"),
        (f"abs/{WORK.id}v1", "", "wrong id"),
        (f"<title>{escape(WORK.title)}</title>", "<title> </title>", "no title"),
        ("<published>", "<published>yesterday, ", "lacks <id>, <published>"),
        ("<published>", "<published>0001-01-01T00:00:00+14:00 ", "lacks <id>, <published>"),
    ],
)
def test_an_entry_that_is_not_right_says_why(old: str, new: str, words: str) -> None:
    assert old in ENTRY

    found = outcome(ENTRY.replace(old, new))

    assert isinstance(found, Unread)
    assert words in found.reason


def test_a_feed_with_an_entry_that_is_no_xml_is_an_error() -> None:
    with pytest.raises(FeedError, match="not a whole XML document"):
        read(ENTRY.replace("<updated>", "<edited>"))


@pytest.mark.parametrize(
    ("comment", "abstract", "found"),
    [
        ("This paper has been withdrawn by the author due to an error in Eq. 3", "We.", True),
        ("Withdrawn", "We.", True),
        ("12 pages. This submission was temporarily withdrawn", "We.", True),
        (None, "This article has been withdrawn.", True),
        ("withdrawn by arXiv administrators because of plagiarism", "We.", True),
        ("Replaces 2301.00001, which we withdrew", "We.", False),
        ("9 pages", "We study models that were not withdrawn from service. " * 20, False),
        ("9 pages, 3 figures", "We measure.", False),
        (None, "", False),
    ],
)
def test_withdrawal_is_read_from_the_words(comment: str | None, abstract: str, found: bool) -> None:
    assert (withdrawn_words(comment, abstract) is not None) is found


def test_a_version_without_a_pdf_is_withdrawn_where_an_entry_has_links_at_all() -> None:
    page = f'<link href="https://arxiv.org/abs/{WORK.id}v1" rel="alternate" type="text/html"/>'
    [pdf] = re.findall(r"<link [^>]*/>", ENTRY)

    assert read(ENTRY.replace(pdf, page + pdf)).withdrawn is None
    assert read(ENTRY.replace(pdf, page)).withdrawn == "arXiv has no PDF of it"
    assert read(ENTRY.replace(pdf, "")).withdrawn is None


@pytest.mark.parametrize("total", ["", "-1", "1e3", "\u00b2", "9" * 5000])
def test_a_total_that_is_no_number_is_an_error(total: str) -> None:
    page = feed(ENTRY, "search_query=x", 12345).decode().replace("12345", total).encode()

    with pytest.raises(FeedError, match="where a whole number was expected"):
        read_feed(page)


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_no_bytes_give_anything_but_a_feed_or_a_typed_error(content: bytes) -> None:
    with pytest.raises(ArxivError):
        read_feed(content)


@given(st.data())
def test_a_feed_cut_anywhere_is_an_error(data: st.DataObject) -> None:
    whole = feed(ENTRY, "search_query=x", 1).rstrip()
    place = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(FeedError):
        read_feed(whole[:place])


def test_entities_are_never_expanded() -> None:
    bomb = b"<?xml version='1.0'?><!DOCTYPE feed [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
    whole = feed(with_title("&x;"), "search_query=x", 1).split(b"?>", 1)[1]

    with pytest.raises(FeedError, match="document type"):
        read_feed(bomb + whole)

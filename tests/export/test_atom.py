from __future__ import annotations

import feedparser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from registry.core.escape import one_line
from registry.export.atom import MOST, atom
from registry.export.selection import Selection
from tests.catalog.fabricated import TAXONOMY, paper
from tests.export.hostile import TITLES, texts

ATOM = "{http://www.w3.org/2005/Atom}"
NOT_XML = str.maketrans(
    {chr(p * 0x10000 + e): "\ufffd" for p in range(17) for e in (0xFFFE, 0xFFFF)}
)


def feed(*papers) -> str:  # type: ignore[no-untyped-def]
    return atom(Selection(papers, TAXONOMY))


def test_a_reader_sees_the_newest_paper_first_with_its_facts() -> None:
    read = feedparser.parse(
        feed(
            paper("2401.00001", title="Older", updated="2024-05-06"),
            paper("2402.00001", title="Newer", submitted="2024-02-02", secondary=["fruit/pears"],
                  links=[{"kind": "code", "url": "https://example.org/code?a=b&c"}]),
        )
    )  # fmt: skip
    assert not read.bozo
    assert read.feed.title == "Papers on fruit/apples"
    assert read.feed.updated == "2024-05-06T00:00:00Z"
    first, second = read.entries
    assert (first.title, first.link, first.published) == (
        "Newer",
        "https://arxiv.org/abs/2402.00001",
        "2024-02-02T00:00:00Z",
    )
    assert [one.name for one in first.authors] == ["Ada Example", "Bo Sample"]
    assert [tag.term for tag in first.tags] == ["fruit/apples", "fruit/pears", "cs.CL"]
    assert first.links[1].href == "https://example.org/code?a=b&c"
    assert first.summary == "It says nothing."
    assert second.updated == "2024-05-06T00:00:00Z"


def test_the_same_papers_give_the_same_feed_and_one_leaf_its_own_name() -> None:
    one, other = paper(), paper("2401.00002", leaf="fruit/pears")
    assert feed(one) == feed(one)
    names = {feedparser.parse(feed(*papers)).feed.id for papers in ([one], [other], [one, other])}
    assert len(names) == 3


def test_a_feed_is_no_longer_than_a_reader_should_fetch() -> None:
    read = feedparser.parse(feed(*(paper(f"2401.{n:05d}") for n in range(1, MOST + 11))))
    assert len(read.entries) == MOST
    assert read.entries[0].id.endswith(f"2401.{MOST + 10:05d}")


def test_a_feed_of_nothing_is_a_feed() -> None:
    read = feedparser.parse(feed())
    assert (read.bozo, read.entries) == (False, [])


@given(st.lists(texts, min_size=1, max_size=3), texts)
@example(list(TITLES), "</summary>]]>")
@settings(max_examples=60)
def test_every_text_comes_back_from_the_xml(titles: list[str], gist: str) -> None:
    papers = [
        paper(f"2401.{n:05d}", title=title, gist=gist) for n, title in enumerate(titles, start=1)
    ]
    root = etree.fromstring(feed(*papers).encode(), etree.XMLParser(resolve_entities=False))
    found = [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]
    assert found == [one_line(title).translate(NOT_XML) for title in reversed(titles)]
    said = root.findtext(f"{ATOM}entry/{ATOM}summary")
    assert (said or "") == one_line(gist).translate(NOT_XML)
    assert {element.tag for element in root.iter()} <= {
        ATOM + name
        for name in ("feed", "id", "title", "updated", "author", "name", "entry", "published",
                     "link", "category", "summary")
    }  # fmt: skip

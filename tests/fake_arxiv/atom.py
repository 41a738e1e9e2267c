"""The query API's answers: Atom with the opensearch counts and the query echoed in the title."""

from __future__ import annotations

import re
from datetime import datetime
from xml.sax.saxutils import escape

from tests.fake_arxiv.works import CLOCK, Work

KIND = "application/atom+xml; charset=utf-8"


def page(query: dict[str, str], found: list[Work], fault: str, clock: datetime) -> bytes:
    """The page of ``found`` that ``query`` asks for, with ``fault`` in it."""
    start, size = int(query.get("start", 0)), int(query.get("max_results", 10))
    shown = found[start : start + size]
    total = len(found)
    if fault == "wrong-total":
        total += 3
    elif fault == "no-entries":
        shown = []
    elif fault == "nothing":  # a broken day that looks like a quiet one
        shown, total = [], 0
    elif fault == "short-page":
        shown = shown[:-1]
    elif fault == "duplicate" and start and shown:
        shown = [found[start - 1], *shown[1:]]
    elif fault == "reversed":
        shown = shown[::-1]
    entries = [entry(work) for work in shown]
    if fault == "no-published" and entries:
        entries[0] = re.sub(r"<published>.*?</published>", "", entries[0])
    elif fault == "control" and entries:  # not a character of XML at all
        entries[0] = entries[0].replace("<title>", "<title>\x07")
    asked = query.get("search_query", "")
    echo = asked.replace(" AND ", " OR ") if fault == "rewritten" else asked
    title = (
        f"search_query={echo}&id_list={query.get('id_list', '')}&start={start}&max_results={size}"
    )
    return feed("".join(entries), title, total, start, size, clock)


def feed(
    entries: str,
    title: str,
    total: int,
    start: int = 0,
    size: int = 100,
    clock: datetime = CLOCK,
) -> bytes:
    """A whole feed around ``entries``, in the form of the recorded ones."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">\n'
        "  <id>https://arxiv.org/api/made-up</id>\n"
        f"  <title>arXiv Query: {escape(title)}</title>\n"
        f"  <updated>{clock:%Y-%m-%dT%H:%M:%SZ}</updated>\n"
        f"  <opensearch:itemsPerPage>{size}</opensearch:itemsPerPage>\n"
        f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n"
        f"  <opensearch:startIndex>{start}</opensearch:startIndex>\n"
        f"{entries}</feed>\n"
    ).encode()


def entry(work: Work) -> str:
    """One work as an entry."""
    authors = "".join(f"<author><name>{escape(a)}</name></author>" for a in work.authors)
    categories = "".join(f'<category term="{c}"/>' for c in work.categories)
    comment = f"<arxiv:comment>{escape(work.comment)}</arxiv:comment>" if work.comment else ""
    doi = f"<arxiv:doi>{escape(work.doi)}</arxiv:doi>" if work.doi else ""
    name = f"{work.id}v{work.version}"
    return (
        f"<entry><id>http://arxiv.org/abs/{name}</id><title>{escape(work.title)}</title>"
        f"<updated>{work.updated:%Y-%m-%dT%H:%M:%SZ}</updated>"
        f'<link href="https://arxiv.org/pdf/{name}" rel="related" title="pdf"/>'
        f"<summary>{escape(work.abstract)}</summary>{categories}"
        f"<published>{work.published:%Y-%m-%dT%H:%M:%SZ}</published>{comment}"
        f'<arxiv:primary_category term="{work.categories[0]}"/>{authors}{doi}</entry>\n'
    )


def error_feed(reason: str) -> bytes:
    """An error, as a feed with one entry."""
    inside = (
        "<entry><id>https://arxiv.org/api/errors#made_up</id><title>Error</title>"
        f"<updated>2026-04-12T22:59:06Z</updated><summary>{escape(reason)}</summary>"
        "<author><name>arXiv api core</name></author></entry>"
    )
    return feed(inside, "arXiv Search Results", 1, 0, 1)

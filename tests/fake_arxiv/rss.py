"""The announcements as RSS: one day's new, cross-listed and replaced papers, under an ETag.

Faults: ``nothing`` (an empty channel on a day that has papers), ``repeats`` (the papers of the
working day before under today's date), ``no-guid``, ``no-type`` (an item
without its announce_type), ``bad-guid``, ``first-only`` (the first category asked for alone),
``control``.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from tests.fake_arxiv.works import Work

KIND = "application/rss+xml"
_MOST = 2000


def announced(works: list[Work], categories: list[str], day: datetime) -> list[tuple[Work, str]]:
    """The works announced on ``day`` in any of ``categories``, each with how; none at weekends."""
    if day.weekday() >= 5:
        return []
    since = day - timedelta(days=3 if day.weekday() == 0 else 1)
    found = []
    for work in works:
        if since.date() <= work.updated.date() < day.date() and set(work.categories) & {
            *categories
        }:
            new = work.version == 1
            cross = work.categories[0] not in categories
            kind = ("cross" if cross else "new") if new else "replace" + ("-cross" if cross else "")
            found.append((work, kind))
    return found[:_MOST]


def answer(works: list[Work], name: str, fault: str, clock: datetime) -> tuple[bytes, str]:
    """The channel ``name`` (``cs.LG+cs.CL``) as of ``clock``, and its ETag."""
    categories = name.split("+")
    if fault == "first-only":
        categories = categories[:1]
    shown = (
        clock - timedelta(days=3 if clock.weekday() == 0 else 1) if fault == "repeats" else clock
    )
    found = [] if fault == "nothing" else announced(works, categories, shown)
    day = f"{clock:%a, %d %b %Y} 00:00:00 -0500"
    items = [_item(work, kind, day) for work, kind in found]
    if items:
        items[0] = _damaged(items[0], fault)
    body = (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<rss xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" version="2.0">\n<channel>\n'
        f"<title>{escape(name)} updates on arXiv.org</title>\n"
        f"<link>http://rss.arxiv.org/rss/{escape(name)}</link>\n"
        f"<description>{escape(name)} updates on the arXiv.org e-print archive.</description>\n"
        f"<lastBuildDate>{clock:%a, %d %b %Y} 05:00:00 +0000</lastBuildDate>\n"
        f"<pubDate>{day}</pubDate>\n"
        "<skipDays><day>Saturday</day><day>Sunday</day></skipDays>\n"
        f"{''.join(items)}</channel>\n</rss>\n"
    ).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:20]}"'


def _item(work: Work, kind: str, day: str) -> str:
    categories = "".join(f"<category>{c}</category>" for c in work.categories)
    return (
        f"<item><title>{escape(work.title)}</title><link>https://arxiv.org/abs/{work.id}</link>\n"
        f"<description>arXiv:{work.id}v{work.version} Announce Type: {kind} \n"
        f"Abstract: {escape(work.abstract)}</description>\n"
        f'<guid isPermaLink="false">oai:arXiv.org:{work.id}v{work.version}</guid>{categories}'
        f"<pubDate>{day}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
        f"<dc:rights>{work.licence}</dc:rights>"
        f"<dc:creator>{escape(', '.join(work.authors))}</dc:creator></item>\n"
    )


def _damaged(item: str, fault: str) -> str:
    changes = {
        "no-guid": (r"<guid .*?</guid>", ""),
        "bad-guid": (r"oai:arXiv\.org:[^<]*", "oai:arXiv.org:none"),
        "no-type": (r"<arxiv:announce_type>.*?</arxiv:announce_type>| Announce Type: \S+", ""),
        "control": (r"<title>", "<title>\x07"),
    }
    return re.sub(*changes[fault], item) if fault in changes else item

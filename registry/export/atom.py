"""The newest papers of the catalog as an Atom feed (RFC 4287)."""

from __future__ import annotations

import uuid
from datetime import date

from registry.catalog.models import Paper
from registry.core.escape import http_url, xml
from registry.core.ids import ArxivId
from registry.export.selection import Selection

MOST = 50
"""The newest papers that a feed holds; a reader asks for it often."""

_HEAD = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <id>{id}</id>
  <title>{title}</title>
  <updated>{updated}</updated>
  <author><name>posttrain-registry</name></author>
"""


def atom(selection: Selection) -> str:
    """A feed with an entry a paper, the newest submission first, at most ``MOST``.

    The dates are the papers' own, so that the same papers give the same feed.
    """
    papers = selection.newest_first[:MOST]
    leaves = sorted({paper.leaf for paper in papers})
    about = leaves[0] if len(leaves) == 1 else "post-training"
    updated = max((_changed(paper) for paper in papers), default=date(1970, 1, 1))
    head = _HEAD.format(
        id=uuid.uuid5(uuid.NAMESPACE_URL, f"posttrain-registry/{about}").urn,
        title=xml(f"Papers on {about}"),
        updated=_moment(updated),
    )
    return head + "".join(map(_entry, papers)) + "</feed>\n"


def _entry(paper: Paper) -> str:
    url = xml(ArxivId(paper.id).url)
    lines = [
        f"<id>{url}</id>",
        f"<title>{xml(paper.title)}</title>",
        f"<published>{_moment(paper.since)}</published>",
        f"<updated>{_moment(_changed(paper))}</updated>",
        f'<link rel="alternate" type="text/html" href="{url}"/>',
        *(
            f'<link rel="related" href="{xml(address)}"/>'
            for link in paper.links
            if (address := http_url(link.url))
        ),
        *(f"<author><name>{xml(name)}</name></author>" for name in paper.authors),
        *(f'<category term="{xml(term)}"/>' for term in (*paper.leaves, *paper.categories)),
        f"<summary>{xml(paper.gist)}</summary>" if paper.gist else "",
    ]
    body = "".join(f"    {line}\n" for line in lines if line)
    return f"  <entry>\n{body}  </entry>\n"


def _changed(paper: Paper) -> date:
    return paper.updated or paper.since


def _moment(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"

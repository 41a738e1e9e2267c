"""What is wrong in a list as a whole: repetitions, addresses, dates, sections, links within it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

from registry.catalog.models import Taxonomy
from registry.core.plural import plural
from registry.ingest.lists.addresses import arxiv_in, same_address
from registry.ingest.lists.document import Document, ListedLink, Row
from registry.ingest.lists.findings import Finding, Severity, finding
from registry.ingest.lists.likeness import key_of
from registry.ingest.lists.sections import SectionMap
from registry.ingest.lists.walker import anchor_of

_DEAD_HOSTS = {
    "browse.arxiv.org": "This trial host of arXiv is gone since 2023",
    "download.arxiv.org": "The host is gone",
    "xxx.lanl.gov": "The host is gone",
    "paperswithcode.com": "The site closed in July 2025",
    "arxiv-vanity.com": "The site is closed",
    "rawgit.com": "The service is closed",
    "goo.gl": "Its short links ended in 2025",
}
_SHORTEST_KEY = 16  # letters; shorter titles ("Technical report") are many papers'


def check_repeats(
    document: Document, owner: Callable[[Row], str | None] = lambda row: row.arxiv_id
) -> Iterator[Finding]:
    """Papers that stand in the list more than once, by identifier, address or title.

    ``owner`` gives the identifier of the paper that a row without one names, where it is known.
    """
    by_id: dict[str, Row] = {}
    by_address: dict[str, Row] = {}
    by_title: dict[str, Row] = {}
    by_owner: dict[str, Row] = {}
    for row in document.rows:
        id_ = row.arxiv_id or owner(row) or ""
        first = by_id.get(row.arxiv_id or "")
        reason = f"{row.arxiv_id} stands in line {first.line} already" if first else ""
        if first is None and (first := _same_page(row, by_address)) is not None:
            reason = f"line {first.line} has the same address"
        key = key_of(row.title)
        if first is not None:
            yield _duplicate(document.name, row, first, reason)
        elif (other := by_title.get(key)) is not None:
            yield _same_title(document.name, row, other)
        elif (owned := by_owner.get(id_)) is not None and not (row.arxiv_id and owned.arxiv_id):
            reason = f"line {owned.line} is the same paper, {id_}"
            yield _duplicate(document.name, row, owned, reason)
        by_id.setdefault(row.arxiv_id or "-", row)
        if id_:
            by_owner.setdefault(id_, row)
        if len(key) >= _SHORTEST_KEY:
            by_title.setdefault(key, row)
        for address in _pages(row):
            by_address.setdefault(address, row)


def check_addresses(name: str, row: Row) -> Iterator[Finding]:
    """Addresses of ``row`` that lead nowhere, by their form or their host."""
    for fault in row.faults:
        if fault.kind == "repaired-id":
            right = arxiv_in(fault.text)
            fix = f"write https://arxiv.org/abs/{right.id if right else row.arxiv_id}"
            what = f"the address {fault.text!r} does not end at the identifier"
            yield finding(name, row, "warning", "bad-address", what, "arXiv answers 404", fix)
        elif fault.kind == "empty-link":
            what = f"the link {fault.text!r} leads nowhere"
            yield finding(
                name, row, "warning", "bad-address", what, "It has no address", "add or remove it"
            )
        elif fault.kind == "bad-address":
            what = f"the address {fault.text!r} is no web address"
            fix = "write it in full, with https://"
            yield finding(name, row, "info", "bad-address", what, "It is relative to the page", fix)
    for link in row.links:
        yield from _check_host(name, row, link)


def check_date(name: str, row: Row) -> Iterator[Finding]:
    """A date with a month that is not the month of the identifier."""
    if row.arxiv_id is None or row.when is None or row.when.month is None:
        return
    digits = row.arxiv_id.split("/")[-1]
    year, month = int(digits[:2]), int(digits[2:4])
    year += 1900 if year >= 91 else 2000
    apart = abs((row.when.year - year) * 12 + row.when.month - month)
    if apart:
        what = f"the date {row.when} is not that of {row.arxiv_id}"
        evidence = f"The identifier was given in {year}-{month:02}, {plural(apart, 'month')} apart"
        fix = f"write {year}-{month:02}, or say what else the date is"
        severity: Severity = "warning" if apart > 1 else "info"
        yield finding(name, row, severity, "date-differs", what, evidence, fix)


def check_sections(document: Document, taxonomy: Taxonomy) -> Iterator[Finding]:
    """Sections with papers that no leaf stands for, each once, at its first row."""
    sections = SectionMap(taxonomy)
    held: dict[tuple[str, ...], list[Row]] = {}
    for row in document.rows:
        held.setdefault(row.section, []).append(row)
    for section, rows in held.items():
        if sections.leaf(section) is not None:
            continue
        near = ", ".join(sections.nearest(section)) or "none"
        what = f"no leaf stands for the section {' > '.join(section) or '(none)'!r}"
        evidence = f"It holds {plural(len(rows), 'row')}; the nearest leaves: {near}"
        fix = "choose leaves by paper, or add an alias: registry taxonomy show"
        yield finding(document.name, rows[0], "info", "unknown-section", what, evidence, fix)


def check_anchors(document: Document) -> Iterator[Finding]:
    """Links within the page to headings that are not there."""
    anchors = {anchor.lower() for anchor in document.anchors}
    for line, target in document.jumps:
        wanted = unquote(target)
        if wanted.lower() in ("", "top") or wanted.lower().removeprefix("user-content-") in anchors:
            continue
        near = _nearest_anchor(wanted, document.anchors)
        yield Finding(
            "warning", "broken-anchor", document.name, line, f"#{wanted}",
            f"the link #{wanted} finds no heading",
            f"The page has {plural(len(anchors), 'heading')}",
            f"write #{near}" if near else "add the heading or remove the link",
        )  # fmt: skip


def _duplicate(name: str, row: Row, first: Row, reason: str) -> Finding:
    near = row.section == first.section
    where = "in the same section" if near else f"under {first.place or 'no heading'!r}"
    said = "" if key_of(row.title) == key_of(first.title) else f", as {first.title!r}"
    return finding(
        name, row, "warning" if near else "info", "duplicate", reason,
        f"It stands there {where}{said}", f"remove line {row.line} or line {first.line}",
    )  # fmt: skip


def _same_title(name: str, row: Row, other: Row) -> Finding:
    if row.arxiv_id and other.arxiv_id:
        evidence = f"There it is {other.arxiv_id}, here {row.arxiv_id}"
        fix = "correct the identifier that is wrong"
        severity: Severity = "warning"
    else:
        evidence = f"There it is {_first_page(other)}, here {_first_page(row)}"
        fix = "make one row of both, with both addresses"
        severity = "info" if row.section != other.section else "warning"
    what = f"line {other.line} has the same title"
    return finding(name, row, severity, "same-title", what, evidence, fix)


def _pages(row: Row) -> Iterator[str]:
    for link in row.links:
        # A malformed address, such as .../abs/N/A, is many papers' and none's.
        found = arxiv_in(link.url)
        if link.kind in ("paper", "published") and (found is None or found.id is not None):
            yield same_address(link.url)


def _same_page(row: Row, by_address: dict[str, Row]) -> Row | None:
    return next((by_address[page] for page in _pages(row) if page in by_address), None)


def _first_page(row: Row) -> str:
    if row.arxiv_id:
        return row.arxiv_id
    return row.links[0].url if row.links else "without an address"


def _check_host(name: str, row: Row, link: ListedLink) -> Iterator[Finding]:
    try:
        parts = urlsplit(link.url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        what = f"the address {link.url!r} cannot be read"
        yield finding(name, row, "error", "bad-address", what, "It is no URL", "write it again")
        return
    found = arxiv_in(link.url)
    right = (
        f"write https://arxiv.org/abs/{found.id}" if found and found.id else "find its new place"
    )
    dead = next((h for h in _DEAD_HOSTS if host == h or host.endswith(f".{h}")), None)
    if dead is not None:
        what = f"{link.url} leads to {dead}"
        yield finding(name, row, "error", "dead-host", what, _DEAD_HOSTS[dead], right)
    elif found is not None and re.match(r"//", parts.path):
        what = f"the address {link.url!r} has two slashes"
        yield finding(name, row, "error", "bad-address", what, "arXiv answers 404", right)


def _nearest_anchor(wanted: str, anchors: set[str]) -> str | None:
    import difflib

    plain = {anchor_of(a).strip("-"): a for a in sorted(anchors)}
    near = difflib.get_close_matches(anchor_of(wanted).strip("-"), plain, n=1, cutoff=0.6)
    return plain[near[0]] if near else None

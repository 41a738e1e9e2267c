"""Everything that is wrong in lists, held against what catalog, store and an index know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from registry.catalog.models import Taxonomy
from registry.ingest.lists import list_checks
from registry.ingest.lists.document import Document, ListedLink, Row, When
from registry.ingest.lists.findings import Finding, Report, ordered
from registry.ingest.lists.knowledge import Knowledge
from registry.ingest.lists.paper_checks import check_paper, owner, title_state

if TYPE_CHECKING:
    from registry.catalog.files import Catalog


def audit(
    documents: Sequence[Document],
    known: Knowledge,
    taxonomy: Taxonomy | None = None,
    *,
    report: Callable[[int, int, str], None] = lambda done, total, text: None,
) -> Report:
    """Every finding in ``documents``. Sections are looked at where a taxonomy is given.

    ``report`` hears how far it is.
    """
    findings: list[Finding] = []
    states: list[str] = []
    for number, document in enumerate(documents):
        report(number, len(documents), document.name)
        findings += _of(document, known, taxonomy)
        states += [title_state(row, known) for row in document.rows]
    report(len(documents), len(documents), "")
    return Report(
        findings=ordered(findings),
        rows=sum(len(document.rows) for document in documents),
        ids=len({id_ for document in documents for id_ in document.ids}),
        checked_titles=sum(state != "unknown" for state in states),
        renamed=states.count("former"),
    )


def _of(document: Document, known: Knowledge, taxonomy: Taxonomy | None) -> Iterator[Finding]:
    for row in document.rows:
        yield from check_paper(document.name, row, known)
        yield from list_checks.check_addresses(document.name, row)
        yield from list_checks.check_date(document.name, row)
    yield from list_checks.check_repeats(document, lambda row: _owner_id(row, known))
    yield from list_checks.check_anchors(document)
    if taxonomy is not None:
        yield from list_checks.check_sections(document, taxonomy)


def _owner_id(row: Row, known: Knowledge) -> str | None:
    match = owner(row, known)
    return match.id if match else None


def catalog_document(catalog: Catalog) -> Document:
    """The catalog as a list, each paper at the line of its title in its file."""
    from registry.catalog.files import entry_path
    from registry.catalog.places import Places

    places = Places()
    document = Document("catalog")
    for paper in catalog.papers.values():
        path = entry_path(catalog.root, paper)
        links = tuple(ListedLink(link.kind, link.url) for link in paper.links)
        document.rows.append(
            Row(
                line=places.line(path, "title"),
                section=(paper.leaf,),
                title=paper.title,
                arxiv_id=paper.id,
                links=links,
                when=When(paper.since.year),
                venue=paper.venue,
                path=_shown(path),
                accepted_titles=paper.former_titles,
            )
        )
    return document


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

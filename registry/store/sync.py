"""The curated mirror: rebuilt whole from the catalog's files, in one transaction, when they change.

Rebuilding whole costs milliseconds for hundreds of files, and a store that was synchronised a
hundred times is the store that was built once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, select

from methods.index import METHODS, MethodInfo
from registry.catalog.fingerprint import catalog_fingerprint
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.index import COMPOSITION, index_methods, index_papers
from registry.store.rows import put
from registry.store.schema import meta, methods, paper_leaves, paper_methods, papers

if TYPE_CHECKING:
    from registry.catalog.files import Catalog
    from registry.catalog.models import Paper


def refresh(store: Store, settings: Settings) -> bool:
    """Make the mirror agree with the catalog's files; False where it does already.

    Reads no file while nothing has changed. Raises CatalogError at a file that is wrong.
    """
    # Taken before the files are read: one that changes meanwhile is noticed the next time.
    fingerprint = _fingerprint(catalog_fingerprint(settings.catalog_dir))
    if _stored_fingerprint(store) == fingerprint:
        return False
    from registry.catalog.files import load_catalog

    catalog = load_catalog(settings.catalog_dir)
    with store.write() as connection:
        write_mirror(connection, catalog, fingerprint)
    return True


def is_current(store: Store, settings: Settings) -> bool:
    """Whether the mirror was made from the catalog's files as they are now."""
    return _stored_fingerprint(store) == _fingerprint(catalog_fingerprint(settings.catalog_dir))


def sync_catalog(store: Store, catalog: Catalog) -> bool:
    """Mirror ``catalog`` into the store; False where its files are the ones mirrored already."""
    fingerprint = _fingerprint(catalog_fingerprint(catalog.root))
    if _stored_fingerprint(store) == fingerprint:
        return False
    with store.write() as connection:
        write_mirror(connection, catalog, fingerprint)
    return True


def write_mirror(connection: Connection, catalog: Catalog, fingerprint: str | None = None) -> None:
    """``sync_catalog`` within a transaction that does other things too."""
    before = set(connection.execute(select(papers.c.id)).scalars())
    for table in (paper_leaves, paper_methods, papers, methods):
        connection.execute(delete(table))
    entries = [catalog.papers[id_] for id_ in sorted(catalog.papers)]
    put(connection, papers, [_paper_row(p, p.id in catalog.surveys) for p in entries])
    put(connection, paper_leaves, [row for p in entries for row in _leaf_rows(p)])
    put(
        connection,
        paper_methods,
        [
            {"paper_id": p.id, "method": link.slug, "relation": link.relation}
            for p in entries
            for link in p.methods
        ],
    )
    put(connection, methods, [_method_row(info) for info in METHODS])
    index_papers(connection, before | catalog.papers.keys())
    index_methods(connection)
    made = fingerprint or _fingerprint(catalog_fingerprint(catalog.root))
    put(connection, meta, [{"key": "fingerprint", "value": made}])


def forget_fingerprint(store: Store) -> None:
    """Make the next synchronisation rebuild the mirror whatever the files say."""
    with store.write() as connection:
        connection.execute(delete(meta).where(meta.c.key == "fingerprint"))


def _stored_fingerprint(store: Store) -> str | None:
    with store.read() as connection:
        return connection.execute(select(meta.c.value).where(meta.c.key == "fingerprint")).scalar()


def _fingerprint(files: str) -> str:
    # The methods are code and come with the program: a new release is a change as well.
    return hashlib.sha256(repr((files, METHODS, COMPOSITION)).encode()).hexdigest()


def _paper_row(paper: Paper, is_survey: bool) -> dict[str, Any]:
    return {
        "id": paper.id,
        "kind": "survey" if is_survey else "paper",
        "title": paper.title,
        "former_titles": paper.former_titles,
        "authors": paper.authors,
        "submitted": paper.since,  # to sort and filter by; the file says what is known
        "updated": paper.updated,
        "categories": paper.categories,
        "licence": paper.licence,
        "venue": paper.venue,
        "doi": paper.doi,
        "gist": paper.gist or "",
        "claims": [claim.text for claim in paper.claims],
        "status": paper.status,
        "superseded_by": paper.superseded_by,
    }


def _leaf_rows(paper: Paper) -> list[dict[str, Any]]:
    return [
        {"paper_id": paper.id, "leaf": leaf, "position": n} for n, leaf in enumerate(paper.leaves)
    ]


def _method_row(info: MethodInfo) -> dict[str, Any]:
    return {
        "slug": info.slug,
        "name": info.name,
        "family": info.family,
        "paper_id": info.paper,
        "summary": info.summary,
        "status": info.status,
    }

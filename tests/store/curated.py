"""A made-up catalog straight into the store's mirror."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Connection

from registry.store.index import index_papers
from registry.store.schema import paper_leaves, paper_methods, papers


def add_paper(
    connection: Connection,
    id_: str,
    title: str,
    *,
    submitted: date = date(2026, 1, 1),
    leaves: tuple[str, ...] = (),
    methods: tuple[str, ...] = (),
    **other: Any,
) -> None:
    """One catalogued paper, noted for the index."""
    row: Mapping[str, Any] = {
        "id": id_, "kind": "paper", "title": title, "former_titles": [], "authors": ["Ada Example"],
        "submitted": submitted, "categories": ["cs.LG"], "gist": "", "claims": [],
        "status": "active",
    }  # fmt: skip
    connection.execute(papers.insert(), {**row, **other})
    for n, leaf in enumerate(leaves):
        connection.execute(paper_leaves.insert(), {"paper_id": id_, "leaf": leaf, "position": n})
    for method in methods:
        connection.execute(
            paper_methods.insert(), {"paper_id": id_, "method": method, "relation": "uses"}
        )
    index_papers(connection, [id_])

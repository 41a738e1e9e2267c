"""``registry related``: the papers near a paper, and why."""

from __future__ import annotations

from typing import Any

import typer

from registry.cli.output import emit_json, emit_table, talk
from registry.core.errors import UsageError
from registry.core.settings import Settings


def related(
    paper: str = typer.Argument(..., metavar="ID", help="An arXiv id, in any form."),
    limit: int = typer.Option(10, "--limit", min=1, max=200, help="Papers at most."),
    as_json: bool = typer.Option(False, "--json", help="All parts of each score as JSON."),
) -> None:
    """Show the papers and candidates near a paper, with what each score is made of.

    Parts lie between 0 and 1: likeness of the text, leaves and methods in common, citations where
    they are known (`registry citations`). A dash: nothing is known of the paper asked about.

    Example:

        registry related 2402.03300
        registry related arXiv:2305.18290v3 --limit 20 --json
    """
    from registry.core.ids import ArxivId
    from registry.store.engine import open_store
    from registry.store.relations import relations
    from registry.store.sync import refresh

    settings = Settings.load()
    id_ = ArxivId.parse(paper).base
    with open_store(settings) as store:
        refresh(store, settings)
        found = relations(store, id_, limit)
    if found is None:
        raise UsageError(
            f"{id_} is neither in the catalog nor among the candidates. Fetch it first: "
            f"registry ingest --ids {id_}"
        )
    if as_json:
        emit_json(found)
    elif found:
        names = ("id", "score", "text", "leaves", "methods", "citations", "title")
        emit_table(names, ([_cell(getattr(one, name)) for name in names] for one in found))
    else:
        talk(f"nothing in the store is near {id_}")


def _cell(value: Any) -> Any:
    return f"{value:.2f}" if isinstance(value, float) else value

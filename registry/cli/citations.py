"""``registry citations``: what optional sources say about who cites whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit_json, emit_table, talk
from registry.core.errors import PartialError, RateLimitedError, RegistryError, UnknownNameError
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.ingest.citations import Refreshed, Source
    from registry.store.engine import Store


def citations(
    refresh: bool = typer.Option(
        False, "--refresh", help="Ask the sources about papers not asked about for a month."
    ),
    source: str | None = typer.Option(
        None, "--source", help="Only this one: semantic-scholar or openalex."
    ),
    limit: int | None = typer.Option(None, "--limit", min=1, help="Papers asked about at most."),
    missing: int | None = typer.Option(
        None,
        "--missing",
        min=1,
        metavar="N",
        help="List instead what at least N papers of the catalog cite and it lacks.",
    ),
    as_json: bool = typer.Option(False, "--json", help="The same facts as JSON."),
) -> None:
    """Show which sources of citations are on, why others are off, and what is known.

    Semantic Scholar and OpenAlex are optional: each needs a key of yours in
    REGISTRY_SEMANTIC_SCHOLAR_KEY or REGISTRY_OPENALEX_KEY, and no other command asks them.

    Example:

        registry citations
        registry citations --refresh --source openalex
        registry citations --missing 5
    """
    from registry.ingest.citations import known_sources
    from registry.store.engine import open_store
    from registry.store.sync import refresh as synchronise

    settings = Settings.load()
    sources = known_sources(settings)
    if source is not None and source not in sources:
        raise UnknownNameError("source", source, sources, "registry citations")
    chosen = [one for name, one in sources.items() if source in (None, name)]
    with open_store(settings) as store:
        synchronise(store, settings)
        if missing is not None:
            _show_missing(store, missing, as_json)
            return
        done = _refresh(store, chosen, limit) if refresh else []
        _show(store, chosen, as_json)
    _complain(done)


def _refresh(store: Store, chosen: list[Source], limit: int | None) -> list[Refreshed]:
    from registry.ingest.citations import Client, refresh_citations

    on = [one for one in chosen if one.why_off is None]
    if not on:
        reasons = "; ".join(f"{one.name}: {one.why_off}" for one in chosen)
        raise RegistryError(f"no source of citations can be asked. {reasons}.")
    done = []
    for one in on:
        result = refresh_citations(
            store,
            Client(one),
            limit=limit,
            report=lambda count, total, name: talk(f"{name}: {count} of {total} papers"),
        )
        talk(
            f"{one.name}: asked about {result.asked} papers, {result.citations} citations, "
            f"{result.unknown} papers it does not know"
        )
        done.append(result)
    return done


def _show(store: Store, chosen: list[Source], as_json: bool) -> None:
    from registry.store.citations import known_citations

    rows: list[dict[str, Any]] = []
    for one in chosen:
        known = known_citations(store, one.name)
        rows.append(
            {"source": one.name, "state": "off" if one.why_off else "on", "why": one.why_off,
             "papers": known.asked, "unknown": known.unknown, "citations": known.citations,
             "last": known.last}
        )  # fmt: skip
    if as_json:
        emit_json(rows)
    else:
        emit_table(list(rows[0]), (list(row.values()) for row in rows))


def _show_missing(store: Store, least: int, as_json: bool) -> None:
    from registry.store.citations import missing

    found = missing(store, least)
    if as_json:
        emit_json(found)
    elif found:
        emit_table(["id", "cited by", "title"], ([m.id, m.cited_by, m.title] for m in found))
    else:
        talk(f"nothing is known that {least} papers of the catalog cite and it lacks")


def _complain(done: list[Refreshed]) -> None:
    stopped = [one for one in done if one.stopped is not None]
    for one in stopped:
        if isinstance(one.stopped, RateLimitedError):
            raise one.stopped
    if stopped:
        parts = "; ".join(f"{one.stopped} ({one.left} papers left)" for one in stopped)
        raise PartialError(f"not every paper was asked about: {parts}")

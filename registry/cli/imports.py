"""``registry import``: what others have listed, into the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit_json, emit_table, plain, talk
from registry.core.errors import RegistryError
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.ingest.lists.document import Document
    from registry.ingest.lists.remember import Remembered
    from registry.ingest.summary import Summary

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_SHOWN = 20  # lines passed over that are shown without --json


@app.callback()
def group() -> None:
    """Take in what others have listed: public lists of papers.

    Example:

        registry import awesome README.md --dry-run
    """


@app.command()
def awesome(
    place: str = typer.Argument(
        ..., metavar="README.md|URL|FILE", help="Markdown, JSON lines, or where they are."
    ),
    name: str | None = typer.Option(None, help="What to call the list. Default: after its place."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Read and compare; store nothing."),
    report: Path | None = typer.Option(
        None, metavar="FILE", help="Write every row and everything passed over there, as JSON."
    ),
    ids_to: Path | None = typer.Option(
        None, metavar="FILE", help="Write the ids to fetch there, one a line."
    ),
    fetch: bool = typer.Option(False, "--fetch", help="Fetch those ids from arXiv now."),
    as_json: bool = typer.Option(False, "--json", help="Rows and counts as JSON."),
) -> None:
    """Read a public list of papers and remember which papers it names, and where.

    Every row comes out with title, id, section, links, date and venue, or is reported with its
    line and the reason. A repository on GitHub stands for its README. JSON lines have list,
    section, title, arxiv_id and links.

    Example:

        registry import awesome README.md --dry-run --report rows.json
        registry import awesome https://github.com/opendilab/awesome-RLHF --ids-to new.txt
        registry import awesome lists.jsonl --fetch
    """
    from registry.ingest.lists.readers import read_lists
    from registry.ingest.lists.remember import compare, remember
    from registry.store.engine import open_store
    from registry.store.sync import refresh

    settings = Settings.load()
    documents = read_lists(place, settings, name or _called(place))
    _check_rows(place, documents)
    with open_store(settings) as store:
        refresh(store, settings)  # what the catalog has need not be fetched
        act = compare if dry_run else remember
        outcomes = [act(store, document) for document in documents]
    unknown = list(dict.fromkeys(id_ for outcome in outcomes for id_ in outcome.unknown))
    facts = [_facts(d, o, dry_run) for d, o in zip(documents, outcomes, strict=True)]
    _write(report, ids_to, documents, facts, unknown, dry_run)
    if as_json:
        full = [_full(f, d) for f, d in zip(facts, documents, strict=True)]
        emit_json({"lists": full, "to_fetch": unknown, "dry_run": dry_run})
    else:
        _show(documents, facts)
    _say_how_to_fetch(unknown, ids_to, fetch, dry_run)
    if fetch and unknown and not dry_run:
        summary = _fetch(settings, unknown)
        if summary.failure is not None:
            raise summary.failure


def _called(place: str) -> str | None:
    """A name for a file; every repository's list is called README.md, its folder tells it."""
    if "://" in place:
        return None
    path = Path(place)
    return f"{path.resolve().parent.name}/{path.name}" if path.stem == "README" else path.name


def _check_rows(place: str, documents: Sequence[Document]) -> None:
    if any(document.rows for document in documents):
        return
    passed = [skipped for document in documents for skipped in document.skipped]
    seen = f"; passed over: {passed[0].reason} in line {passed[0].line}" if passed else ""
    raise RegistryError(
        f"{place} has no row that names a paper{seen}. Give Markdown with links to papers, or "
        "JSON lines of title, arxiv_id and links."
    )


def _facts(document: Document, outcome: Remembered, dry_run: bool) -> dict[str, Any]:
    return {
        "list": document.name,
        "rows": outcome.rows,
        "rows_before": outcome.rows_before,
        "ids": len(document.ids),
        "catalogued": len(outcome.catalogued),
        "candidates": len(outcome.candidates),
        "to_fetch": len(outcome.unknown),
        "passed_over": document.reasons,
    }


def _full(facts: dict[str, Any], document: Document) -> dict[str, Any]:
    return {
        **facts,
        "items": [
            {**plain(row), "when": str(row.when) if row.when else None} for row in document.rows
        ],
        "skipped": [plain(skipped) for skipped in document.skipped],
    }


def _write(
    report: Path | None,
    ids_to: Path | None,
    documents: Sequence[Document],
    facts: Sequence[dict[str, Any]],
    unknown: list[str],
    dry_run: bool,
) -> None:
    if report is not None:
        full = [_full(f, d) for f, d in zip(facts, documents, strict=True)]
        text = json.dumps({"lists": full, "to_fetch": unknown}, ensure_ascii=False, indent=1)
        _put("--report", report, text + "\n")
        talk(f"wrote {report}")
    if ids_to is not None and not dry_run:
        _put("--ids-to", ids_to, "".join(f"{id_}\n" for id_ in unknown))
        talk(f"wrote {ids_to}: {plural(len(unknown), 'id')}")


def _put(option: str, path: Path, text: str) -> None:
    from registry.core.atomic import write_atomic

    try:
        write_atomic(path, text)
    except OSError as error:
        raise RegistryError(
            f"{option} {path} cannot be written: {error.strerror}. Choose another place, and give "
            "the command again: reading a list twice changes nothing."
        ) from None


def _show(documents: Sequence[Document], facts: Sequence[dict[str, Any]]) -> None:
    head = ["list", "rows", "before", "ids", "in catalog", "candidates", "to fetch", "passed over"]
    keys = ("list", "rows", "rows_before", "ids", "catalogued", "candidates", "to_fetch")
    emit_table(head, ([*(f[k] for k in keys), sum(f["passed_over"].values())] for f in facts))
    for document in documents:
        for skipped in document.skipped[:_SHOWN]:
            talk(f"{document.name}:{skipped.line}: {skipped.reason}: {skipped.text}")
        if len(document.skipped) > _SHOWN:
            rest = len(document.skipped) - _SHOWN
            talk(f"{document.name}: {rest} more passed over; --report FILE has them all")


def _say_how_to_fetch(unknown: list[str], ids_to: Path | None, fetch: bool, dry_run: bool) -> None:
    if dry_run:
        talk("nothing stored: a dry run")
    if not unknown or fetch:
        return
    some = " ".join(unknown[:5])
    more = f" (and {len(unknown) - 5} more; --ids-to FILE writes them)" if len(unknown) > 5 else ""
    if ids_to is not None and not dry_run:
        some, more = f"$(cat {ids_to})", ""
    talk(f"{plural(len(unknown), 'id')} not known yet: registry ingest --ids {some}{more}")


def _fetch(settings: Settings, unknown: list[str]) -> Summary:
    from registry.core.ids import ArxivId
    from registry.ingest.arxiv_api import open_client
    from registry.ingest.harvest import harvest_ids
    from registry.ingest.http import Limits
    from registry.store.engine import open_store

    client = open_client(settings, Limits())
    with open_store(settings) as store:
        summary = harvest_ids(
            store,
            client,
            [ArxivId.parse(id_) for id_ in unknown],
            report=lambda done, total, text: talk(f"{done + 1}/{total} {text}") if text else None,
        )
    talk(f"fetched {plural(summary.counts.new + summary.counts.updated, 'paper')}")
    for id_ in summary.missing:
        talk(f"{id_}: arXiv did not return it")
    return summary

"""``registry audit``: what is wrong in a public list, or in the catalog read as one."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.cli.output import emit, emit_json, emit_table, plain, talk
from registry.core.errors import UnknownNameError, UsageError
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.ingest.lists.findings import Finding, Report


def audit(
    place: str | None = typer.Argument(
        None, metavar="[README.md|URL|FILE]", help="Markdown, JSON lines, or where they are."
    ),
    catalog: bool = typer.Option(False, "--catalog", help="Audit the catalog instead of a list."),
    titles: Path | None = typer.Option(
        None, metavar="TSV", help="Lines of id, tab, title to hold rows against; gzip is read."
    ),
    only: list[str] = typer.Option([], metavar="CODE", help="Only these findings; repeatable."),
    least: str = typer.Option(
        "info", metavar="error|warning|info", help="Only findings at least so grave."
    ),
    codes: bool = typer.Option(False, "--codes", help="List what can be found, and stop."),
    as_json: bool = typer.Option(False, "--json", help="Findings and counts as JSON."),
) -> int:
    """Find what is wrong in a list: ids, titles, repetitions, dates, dead addresses, sections.

    A title may be any that the paper has borne: those in the store, in the catalog and in the file
    given by --titles are accepted. The exit code is 1 where there is an error, else 0.

    Example:

        registry audit README.md --titles id_title_index.tsv.gz
        registry audit lists.jsonl --only wrong-id --only other-paper --json
        registry audit --catalog --least warning
    """
    from registry.ingest.lists.findings import CODES, SEVERITIES

    if codes:
        _show_codes(as_json)
        return 0
    for code in only:
        if code not in CODES:
            raise UnknownNameError("finding", code, CODES, "registry audit --codes")
    if least not in SEVERITIES:
        raise UnknownNameError("gravity", least, SEVERITIES, "registry audit --help")
    if catalog == (place is not None):
        raise UsageError(
            "audit takes a list or --catalog, one of the two: registry audit README.md, or "
            "registry audit --catalog."
        )
    report = _audit(place, titles, Settings.load())
    wanted = SEVERITIES[: SEVERITIES.index(least) + 1]
    shown = [f for f in report.findings if f.severity in wanted and (not only or f.code in only)]
    if as_json:
        _as_json(report, shown)
    else:
        _as_text(report, shown)
    return 1 if any(finding.severity == "error" for finding in shown) else 0


def _audit(place: str | None, titles: Path | None, settings: Settings) -> Report:
    from registry.catalog.files import load_catalog
    from registry.ingest.lists.audit import audit as find
    from registry.ingest.lists.audit import catalog_document
    from registry.ingest.lists.knowledge import gather
    from registry.ingest.lists.readers import read_lists
    from registry.ingest.lists.titles import TitleIndex
    from registry.store.engine import open_store

    entries = load_catalog(settings.catalog_dir)
    documents = [catalog_document(entries)] if place is None else read_lists(place, settings)
    with ExitStack() as stack:
        index = None
        if titles is not None:
            index = stack.enter_context(TitleIndex.open(titles, settings.cache_dir))
            talk(f"holding rows against {index.pairs:,} titles of {index.ids:,} papers")
        store = stack.enter_context(open_store(settings))
        known = gather(documents, entries, store, index)
        stack.callback(known.close)
        # The catalog's sections are leaves already.
        taxonomy = entries.taxonomy if place is not None else None
        return find(documents, known, taxonomy, report=_progress)


def _progress(done: int, total: int, name: str) -> None:
    if name and total > 1:
        talk(f"{done + 1}/{total} {name}")


def _as_text(report: Report, shown: list[Finding]) -> None:
    from registry.core.escape import terminal

    for finding in shown:
        emit(terminal(str(finding)))
    for code, count in report.counts.items():
        talk(f"{count:>6,} {code}")
    unchecked = report.rows - report.checked_titles
    talk(
        f"{plural(report.rows, 'row')}, {plural(report.ids, 'id')}; "
        f"{plural(report.checked_titles, 'title')} held against known ones, {report.renamed:,} "
        f"of them accepted though not the newest word for word; {unchecked:,} could not be: no "
        "id, or no title known (--titles, registry ingest --ids)"
    )
    hidden = len(report.findings) - len(shown)
    if hidden:
        talk(f"{plural(hidden, 'finding')} not shown (--only, --least)")


def _as_json(report: Report, shown: list[Finding]) -> None:
    emit_json(
        {
            "findings": [plain(finding) for finding in shown],
            "counts": report.counts,
            "severities": report.by_severity(),
            "rows": report.rows,
            "ids": report.ids,
            "checked_titles": report.checked_titles,
            "renamed": report.renamed,
        }
    )


def _show_codes(as_json: bool) -> None:
    from registry.ingest.lists.findings import CODES

    if as_json:
        emit_json(CODES)
    else:
        emit_table(["code", "what it is"], CODES.items())

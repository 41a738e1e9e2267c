"""``registry ingest``: new papers from arXiv, as candidates in the store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit_json, emit_table, talk
from registry.core.clock import now, parse_date
from registry.core.errors import UnknownNameError, UsageError
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.ingest.arxiv_api import Client
    from registry.ingest.harvest import Summary
    from registry.ingest.ledger import SourceState
    from registry.ingest.windows import Step
    from registry.store.engine import Store

_STEPS: tuple[Step, ...] = ("day", "week")


def ingest(
    more: list[str] = typer.Argument(
        None, metavar="[MORE]...", help="Further ids after --ids, further files after --from-file."
    ),
    query: str | None = typer.Option(None, metavar="QUERY", help="A query in arXiv's syntax."),
    since: str | None = typer.Option(None, metavar="DATE", help="First day of submission (v1)."),
    until: str | None = typer.Option(None, metavar="DATE", help="Last day. Default: today, UTC."),
    step: str = typer.Option("week", metavar="week|day", help="How the time is cut into slices."),
    retry: bool = typer.Option(False, "--retry", help="Try suspect slices now, not later."),
    ids: list[str] = typer.Option([], metavar="ID", help="Papers by id, in any form."),
    from_file: list[Path] = typer.Option(
        [], metavar="FEED", help="Recorded answers of the arXiv API."
    ),
    max_requests: int | None = typer.Option(None, min=1, help="Ask arXiv at most so often."),
    status: bool = typer.Option(False, "--status", help="Show how far every source is."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what it would do; store nothing."),
    as_json: bool = typer.Option(False, "--json", help="The summary as JSON."),
) -> None:
    """Fetch papers from arXiv as candidates, slice by slice; safe to stop and to repeat.

    Exit codes: 0 all is here, 1 error, 2 wrong use, 3 a part is missing, 4 arXiv asks to wait.

    Example:

        registry ingest --query 'abs:"preference optimization"' --since 2026-11-01
        registry ingest --ids 2402.03300 2305.18290
        registry ingest --from-file feed.xml
        registry ingest --status
    """
    from registry.store.engine import open_store
    from registry.store.sync import refresh

    way = _way(status, query, ids, from_file, more or [])
    _check_unused(way, since=since, until=until, step=step != "week", retry=retry)
    settings = Settings.load()
    with open_store(settings) as store:
        if way == "status":
            _show_states(store, as_json)
            return
        refresh(store, settings)  # what the catalog has is no candidate
        if way == "query":
            days = _days(since, until)
            if dry_run:
                _show_plan(store, query or "", days, _step(step), retry, as_json)
                return
            summary = _by_query(
                store, settings, query or "", days, _step(step), retry, max_requests
            )
        elif way == "ids":
            summary = _by_ids(store, settings, [*ids, *(more or [])], max_requests, dry_run)
        else:
            summary = _from_files(store, [*from_file, *map(Path, more or [])], dry_run)
    _show(summary, as_json, dry_run)
    if summary.failure is not None and not dry_run:
        raise summary.failure


def _way(
    status: bool, query: str | None, ids: list[str], from_file: list[Path], more: list[str]
) -> str:
    ways = {
        "status": status or (more == ["status"] and not (ids or from_file)),
        "query": query is not None,
        "ids": bool(ids),
        "from-file": bool(from_file),
    }
    chosen = [way for way, given in ways.items() if given]
    if len(chosen) != 1 or (more and chosen == ["query"]):
        given = " and ".join(f"--{way}" for way in chosen) or "none of them"
        raise UsageError(
            f"ingest takes one of --query, --ids, --from-file and --status; given: {given}"
            + (f", with {more[0]!r}" if more else "")
            + ". See `registry ingest --help`."
        )
    return chosen[0]


def _check_unused(way: str, **given: str | bool | None) -> None:
    idle = [f"--{option}" for option, value in given.items() if value]
    if way != "query" and idle:
        raise UsageError(
            f"{' and '.join(idle)} only {'mean' if len(idle) > 1 else 'means'} something with "
            f"--query; --{way} takes what it is given. Leave {' and '.join(idle)} out."
        )


def _days(since: str | None, until: str | None) -> tuple[date, date]:
    if since is None:
        raise UsageError("--query needs --since, the first day, for example --since 2026-11-01.")
    today = now().date()
    last = parse_date(until, "--until") if until else today
    return parse_date(since, "--since"), min(last, today)


def _step(text: str) -> Step:
    for step in _STEPS:
        if text == step:
            return step
    raise UnknownNameError("step", text, _STEPS, "registry ingest --help")


def _by_query(
    store: Store,
    settings: Settings,
    query: str,
    days: tuple[date, date],
    step: Step,
    retry: bool,
    max_requests: int | None,
) -> Summary:
    from registry.ingest.harvest import harvest_query

    client = _client(settings, max_requests)
    with _progress() as report:
        return harvest_query(store, client, query, *days, step, retry=retry, report=report)


def _by_ids(
    store: Store, settings: Settings, texts: list[str], max_requests: int | None, dry_run: bool
) -> Summary:
    from registry.core.ids import ArxivId
    from registry.ingest.harvest import Summary, harvest_ids

    ids = [ArxivId.parse(part) for text in texts for part in text.split(",") if part.strip()]
    if dry_run:
        return Summary(
            "ids", left=-(-len(ids) // 100), notes=[f"would ask for {plural(len(ids), 'id')}"]
        )
    client = _client(settings, max_requests)
    with _progress() as report:
        return harvest_ids(store, client, ids, report=report)


def _from_files(store: Store, paths: list[Path], dry_run: bool) -> Summary:
    from registry.ingest.harvest import harvest_files

    with _progress() as report:
        return harvest_files(store, paths, dry_run=dry_run, report=report)


def _client(settings: Settings, max_requests: int | None) -> Client:
    from registry.ingest.arxiv_api import open_client
    from registry.ingest.http import Limits

    return open_client(settings, Limits(most_requests=max_requests))


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """A bar on a terminal, a line for each step elsewhere; both on stderr."""
    if not sys.stderr.isatty():
        yield lambda done, total, text: talk(f"{done + 1}/{total} {text}") if text else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda done, total, text: bar.update(
            task, completed=done, total=total, description=text or "done"
        )


def _show(summary: Summary, as_json: bool, dry_run: bool) -> None:
    facts = _facts(summary)
    if as_json:
        emit_json({**facts, "dry_run": dry_run})
        return
    for note in summary.notes:
        talk(note)
    for id_ in summary.missing:
        talk(f"{id_}: arXiv did not return it")
    emit_table(["what", "value"], [(k.replace("_", " "), v) for k, v in _lines(facts).items()])
    if dry_run:
        talk("nothing stored: a dry run")


def _facts(summary: Summary) -> dict[str, Any]:
    return {
        "source": summary.source,
        "slices": {
            "done": summary.done,
            "suspect": summary.suspect,
            "left": summary.left,
            "current": summary.current,
        },
        "preprints": asdict(summary.counts),
        "missing": summary.missing,
        "notes": summary.notes,
        "requests": summary.requests,
        "waited_seconds": summary.waited_seconds,
        "seconds": round(summary.seconds, 1),
        "stopped": str(summary.stopped) if summary.stopped else None,
    }


def _lines(facts: dict[str, Any]) -> dict[str, Any]:
    shown = {f"slices {name}": n for name, n in facts["slices"].items()}
    shown |= dict(facts["preprints"])
    return shown | {name: facts[name] for name in ("requests", "waited_seconds", "seconds")}


def _show_plan(
    store: Store, query: str, days: tuple[date, date], step: Step, retry: bool, as_json: bool
) -> None:
    from registry.ingest.harvest import plan

    rows = [
        {"slice": str(slice_), "would_fetch": due}
        for slice_, due in plan(store, query, *days, step, retry=retry)
    ]
    if as_json:
        emit_json(rows)
    else:
        emit_table(["slice", "would fetch"], (list(row.values()) for row in rows))
    talk("nothing asked and nothing stored: a dry run")


def _show_states(store: Store, as_json: bool) -> None:
    from registry.ingest.ledger import source_states

    states = source_states(store)
    if as_json:
        emit_json([{**_plain(state), "troubles": _troubles(state)} for state in states])
        return
    if not states:
        talk("nothing ingested yet; see `registry ingest --help`")
        return
    head = ["id", "kind", "query", "papers", "done", "suspect", "pending", "last asked"]
    emit_table(head, (list(_plain(state).values()) for state in states))
    for state in states:
        for trouble in _troubles(state):
            again = trouble["next_try_at"]
            talk(f"{trouble['slice']} of source {state.id}: {trouble['error']}; again from {again}")


def _plain(state: SourceState) -> dict[str, Any]:
    fields = ("id", "kind", "query", "preprints", "done", "suspect", "pending", "latest")
    return {name: getattr(state, name) for name in fields}


def _troubles(state: SourceState) -> list[dict[str, Any]]:
    return [
        {"slice": str(w.slice), "error": w.error, "next_try_at": w.next_try_at}
        for w in state.troubles
    ]

"""``registry ingest``: new papers from arXiv, as candidates in the store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.cli import ingest_show as show
from registry.cli.output import talk
from registry.core.clock import now, parse_date
from registry.core.errors import StoreError, UnknownNameError, UsageError
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.ingest.sources import Services, Source
    from registry.ingest.windows import Step
    from registry.store.engine import Store

_STEPS: tuple[Step, ...] = ("day", "week")
_ASKING = ("query", "ids", "oai", "rss", "daily")  # ways that send requests
_WAYS = ("query", "ids", "oai", "rss", "from-file", "daily", "status")


@dataclass(frozen=True)
class _Asked:
    """The options of one call."""

    more: list[str]
    query: str | None
    since: str | None
    until: str | None
    step: str
    retry: bool
    ids: list[str]
    oai: list[str]
    oai_format: str
    rss: str | None
    from_file: list[Path]
    daily: bool
    sources: Path | None
    summary_md: Path | None
    summary_json: Path | None
    max_requests: int | None
    keep_responses: Path | None
    status: bool
    dry_run: bool
    as_json: bool


def ingest(
    more: list[str] = typer.Argument(
        None, metavar="[MORE]...", help="Further ids after --ids, files after --from-file, or sets."
    ),
    query: str | None = typer.Option(None, metavar="QUERY", help="A query in arXiv's syntax."),
    since: str | None = typer.Option(
        None, metavar="DATE", help="First day: of submission (--query), of change (--oai)."
    ),
    until: str | None = typer.Option(None, metavar="DATE", help="Last day. Default: today, UTC."),
    step: str = typer.Option("week", metavar="week|day", help="How the time is cut into slices."),
    retry: bool = typer.Option(False, "--retry", help="Try what is suspect now, not later."),
    ids: list[str] = typer.Option([], metavar="ID", help="Papers by id, in any form."),
    oai: list[str] = typer.Option([], metavar="SET", help="What changed in a set: cs:cs:LG."),
    oai_format: str = typer.Option(
        "arXivRaw", metavar="arXivRaw|arXiv", help="With versions, or with names split."
    ),
    rss: str | None = typer.Option(None, metavar="CATEGORIES", help="Today's feed: cs.LG+cs.CL."),
    from_file: list[Path] = typer.Option(
        [], metavar="FILE", help="Recorded metadata: Atom, OAI-PMH, JSON lines, .abs; also .gz."
    ),
    daily: bool = typer.Option(False, "--daily", help="All sources of the list, as a job does."),
    sources: Path | None = typer.Option(
        None, metavar="FILE", help="The list for --daily. Default: sources.yaml of the catalog."
    ),
    summary_md: Path | None = typer.Option(None, metavar="FILE", help="Write the day as Markdown."),
    summary_json: Path | None = typer.Option(None, metavar="FILE", help="Write the day as JSON."),
    max_requests: int | None = typer.Option(None, min=1, help="Ask arXiv at most so often."),
    keep_responses: Path | None = typer.Option(
        None, metavar="DIR", help="Keep arXiv's answers, packed; --from-file reads them again."
    ),
    status: bool = typer.Option(False, "--status", help="Show how far every source is."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what it would do; store nothing."),
    as_json: bool = typer.Option(False, "--json", help="The summary as JSON."),
) -> None:
    """Fetch papers from arXiv as candidates, piece by piece; safe to stop and to repeat.

    Exit codes: 0 all is here, 1 error, 2 wrong use, 3 a part is missing, 4 arXiv asks to wait.

    Example:

        registry ingest --query 'abs:"preference optimization"' --since 2026-11-01
        registry ingest --ids 2402.03300 2305.18290
        registry ingest --oai cs:cs:LG --since 2026-11-20
        registry ingest --rss cs.LG+cs.CL
        registry ingest --from-file feed.xml
        registry ingest --daily --summary-md day.md
        registry ingest --status
    """
    _run(_Asked(**{**locals(), "more": more or []}))


def _run(asked: _Asked) -> None:
    from registry.store.engine import open_store
    from registry.store.sync import refresh

    way = _way(asked)
    _check_unused(way, asked)
    settings = Settings.load()
    with open_store(settings) as store:
        if way == "status":
            show.states(store, asked.as_json)
            return
        refresh(store, settings)  # what the catalog has is no candidate
        if way == "daily":
            _daily(store, settings, asked)
        elif way == "query" and asked.dry_run:
            days = _days(asked)
            step = _step(asked.step)
            show.plan(store, asked.query or "", days, step, asked.retry, asked.as_json)
        elif way in ("ids", "oai", "rss") and asked.dry_run:
            show.intent(way, _named(way, asked), asked.as_json)
        else:
            _ingest(store, settings, asked, way)


def _ingest(store: Store, settings: Settings, asked: _Asked, way: str) -> None:
    failures = []
    sources = _sources(settings, asked, way)
    for source in sources:
        with _progress() as report:
            summary = source.ingest(store, report)
        show.summary(summary, asked.as_json, asked.dry_run, several=len(sources) > 1)
        failures += [error] if (error := summary.failure) else []
    if not asked.dry_run:
        _index(store)
    if failures and not asked.dry_run:
        raise max(failures, key=lambda error: error.exit_code)


def _index(store: Store) -> None:
    """Make what came findable now; what cannot be written now is done by the next search."""
    from registry.store.index import catch_up

    with _progress() as report, suppress(StoreError):
        catch_up(
            store, lambda done, total: report(done, total, "indexing") if total > done else None
        )


def _sources(settings: Settings, asked: _Asked, way: str) -> list[Source]:
    from registry.ingest import sources as made
    from registry.ingest.rss import categories_of

    if way == "from-file":
        return [made.FileSource([*asked.from_file, *map(Path, asked.more)], asked.dry_run)]
    named = _named(way, asked)  # wrong use is told before anything is opened
    if way == "query":
        days, step = _days(asked), _step(asked.step)
        services = _services(settings, asked)
        return [made.QuerySource(services, named[0], *days, step, asked.retry)]
    if way == "ids":
        from registry.core.ids import ArxivId

        ids = [ArxivId.parse(text) for text in named]
        return [made.IdsSource(_services(settings, asked), ids)]
    if way == "rss":
        return [made.RssSource(_services(settings, asked), categories_of(named[0]), fetch=True)]
    since = parse_date(asked.since, "--since") if asked.since else None
    services = _services(settings, asked)
    return [
        made.OaiSource(services, set_, since, _format(asked.oai_format), asked.retry)
        for set_ in named
    ]


def _named(way: str, asked: _Asked) -> list[str]:
    """What the chosen way is to bring, checked as far as that needs no service."""
    if way == "query":
        return [asked.query or ""]
    if way == "rss":
        from registry.ingest.rss import categories_of

        return ["+".join(categories_of(asked.rss or ""))]
    if way == "oai":
        from registry.ingest.oai import set_of

        return [set_of(text) for text in (*asked.oai, *asked.more)]
    from registry.core.ids import ArxivId

    texts = [part for text in (*asked.ids, *asked.more) for part in text.split(",")]
    return [str(ArxivId.parse(text)) for text in texts if text.strip()]


def _daily(store: Store, settings: Settings, asked: _Asked) -> None:
    from registry.core.atomic import write_atomic
    from registry.ingest.daily import end_day, ingest_day
    from registry.ingest.day_summary import day_facts, day_markdown
    from registry.ingest.source_list import load_sources

    listed = load_sources(asked.sources or settings.catalog_dir / "sources.yaml")
    if asked.dry_run:
        show.source_list(listed, asked.as_json)
        return
    with _progress() as report:
        day = ingest_day(store, _services(settings, asked), listed, report=report)
    facts = day_facts(day)
    if asked.summary_md is not None:
        write_atomic(asked.summary_md, day_markdown(day))
    if asked.summary_json is not None:
        write_atomic(asked.summary_json, show.as_text(facts))
    show.day(facts, asked.as_json)
    if day.failure is None or day.failure.exit_code != 1:  # a job that fails shows no summary
        end_day(store, day)
    _index(store)
    if day.failure is not None:
        raise day.failure


def _way(asked: _Asked) -> str:
    given = {
        "status": asked.status
        or (asked.more == ["status"] and not (asked.ids or asked.from_file or asked.oai)),
        "query": asked.query is not None,
        "ids": bool(asked.ids),
        "oai": bool(asked.oai),
        "rss": asked.rss is not None,
        "from-file": bool(asked.from_file),
        "daily": asked.daily,
    }
    chosen = [way for way in _WAYS if given[way]]
    alone = chosen and chosen[0] in ("query", "rss", "daily")
    if len(chosen) != 1 or (asked.more and alone):
        named = " and ".join(f"--{way}" for way in chosen) or "none of them"
        raise UsageError(
            f"ingest takes one of {', '.join(f'--{way}' for way in _WAYS)}; given: {named}"
            + (f", with {asked.more[0]!r}" if asked.more else "")
            + ". See `registry ingest --help`."
        )
    return chosen[0]


def _check_unused(way: str, asked: _Asked) -> None:
    users = {
        "--since": (asked.since, ("query", "oai")),
        "--until": (asked.until, ("query",)),
        "--step": (asked.step != "week", ("query",)),
        "--retry": (asked.retry, ("query", "oai")),
        "--oai-format": (asked.oai_format != "arXivRaw", ("oai",)),
        "--max-requests": (asked.max_requests, _ASKING),
        "--keep-responses": (asked.keep_responses, _ASKING),
        "--sources": (asked.sources, ("daily",)),
        "--summary-md": (asked.summary_md, ("daily",)),
        "--summary-json": (asked.summary_json, ("daily",)),
    }
    idle = {name: ways for name, (value, ways) in users.items() if value and way not in ways}
    if idle:
        useful = " or ".join(f"--{way}" for way in next(iter(idle.values())))
        names = " and ".join(idle)
        raise UsageError(
            f"{names} only {'mean' if len(idle) > 1 else 'means'} something with {useful}; "
            f"--{way} takes what it is given. Leave {names} out."
        )


def _days(asked: _Asked) -> tuple[date, date]:
    if asked.since is None:
        raise UsageError("--query needs --since, the first day, for example --since 2026-11-01.")
    today = now().date()
    last = parse_date(asked.until, "--until") if asked.until else today
    return parse_date(asked.since, "--since"), min(last, today)


def _step(text: str) -> Step:
    for step in _STEPS:
        if text == step:
            return step
    raise UnknownNameError("step", text, _STEPS, "registry ingest --help")


def _format(text: str) -> str:
    from registry.ingest.oai_records import FORMATS

    if text not in FORMATS:
        raise UnknownNameError("format", text, FORMATS, "registry ingest --help")
    return text


def _services(settings: Settings, asked: _Asked) -> Services:
    from registry.ingest.http import Limits
    from registry.ingest.kept import KeptAnswers
    from registry.ingest.sources import open_services

    services = open_services(settings, Limits(most_requests=asked.max_requests))
    if asked.keep_responses is not None:
        services.fetcher.keep = KeptAnswers(asked.keep_responses).keep
    return services


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

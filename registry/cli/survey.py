"""``registry survey``: the surveys we follow, what of each stands here, what came after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import StoreError, UnknownNameError, UsageError
from registry.core.escape import terminal
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.catalog.models import Survey
    from registry.catalog.tracking import Newer, Tracked, TrackedSection

Titles = Mapping[str, str]


def survey(
    paper: str | None = typer.Argument(
        None,
        metavar="ID",
        help="The survey's arXiv id, in any form; without one, all are listed.",
    ),
    since: datetime | None = typer.Option(
        None,
        "--since",
        formats=["%Y-%m-%d"],
        help="What came after this day instead.",
    ),
    newest: int = typer.Option(
        3, "--newest", min=0, help="So many of the newest papers a section; --json has all."
    ),
    lacking: bool = typer.Option(
        False, "--lacking", help="Only the ids that its outline names and the catalog has not."
    ),
    as_json: bool = typer.Option(False, "--json", help="Everything as JSON."),
) -> None:
    """Show a survey's outline, what of it stands here, and what appeared since, by section.

    A paper stands under every section that has one of its leaves; counts of the whole survey count
    it once. Candidates are preprints that wait for a decision; the ranker says where they would go.

    Example:

        registry survey
        registry survey 2502.21321 --newest 5
        registry survey 2502.21321 --lacking
    """
    from registry.catalog.files import load_papers, load_taxonomy
    from registry.catalog.models import Survey as Entry

    settings = Settings.load()
    papers = load_papers(settings.catalog_dir)
    surveys = {id_: one for id_, one in papers.items() if isinstance(one, Entry)}
    if paper is None and (since or lacking):
        raise UsageError(
            f"--{'since' if since else 'lacking'} is for one survey: registry survey 2502.21321"
        )
    taxonomy = load_taxonomy(settings.catalog_dir)
    chosen = surveys if paper is None else _one(surveys, paper)
    tracked = _track(settings, papers, taxonomy, chosen, since.date() if since else None)
    if paper is None:
        _list(tracked, as_json)
        return
    (found,) = tracked
    titles = _titles(papers, taxonomy)
    if lacking:
        _lacking(found, titles, as_json)
    elif as_json:
        emit_json(_facts(found, titles))
    else:
        for line in _card(found, titles, newest):
            emit(line)


def _one(surveys: dict[str, Survey], text: str) -> dict[str, Survey]:
    id_ = ArxivId.parse(text).base
    if id_ not in surveys:
        raise UnknownNameError("survey", id_, surveys, "registry survey")
    return {id_: surveys[id_]}


def _track(
    settings: Settings, papers: Any, taxonomy: Any, chosen: dict[str, Survey], since: date | None
) -> list[Tracked]:
    from registry.catalog.tracking import track
    from registry.runs.known import known_methods
    from registry.triage.newcomers import newcomers

    after = since or min((one.since for one in chosen.values()), default=date.max)
    try:
        waiting = newcomers(settings, taxonomy, after)
    except StoreError as error:
        # Candidates are an extra here; the catalog alone answers the rest.
        talk(f"no candidates are shown: {error}")
        waiting = ()
    methods = known_methods()
    return [track(one, papers, methods, waiting, since) for one in chosen.values()]


def _titles(papers: Any, taxonomy: Any) -> dict[str, str]:
    from registry.catalog.taxonomy import canonical_titles

    return {**canonical_titles(taxonomy), **{id_: one.title for id_, one in papers.items()}}


def _list(tracked: Sequence[Tracked], as_json: bool) -> None:
    rows = [{"id": t.survey.id, "title": t.survey.title, **_counts(t)} for t in tracked]
    if as_json:
        emit_json(rows)
        return
    emit_table(
        ["id", "title", "since", "sections", "papers", "methods", "newer", "candidates"],
        (
            [
                row["id"], row["title"], row["since"], row["sections"],
                f"{row['papers_here']} of {row['papers']}",
                f"{row['methods_here']} of {row['methods']}",
                row["newer"], row["candidates"],
            ]
            for row in rows
        ),
    )  # fmt: skip


def _counts(tracked: Tracked) -> dict[str, Any]:
    here, lacking = len(tracked.papers_here), len(tracked.papers_lacking)
    runs, named = len(tracked.methods_here), len(tracked.methods_lacking)
    return {
        "since": tracked.since,
        "sections": sum(1 for _ in tracked.walk()),
        "papers": here + lacking,
        "papers_here": here,
        "methods": runs + named,
        "methods_here": runs,
        "newer": len(tracked.newer),
        "candidates": len(tracked.candidates),
    }


def _lacking(tracked: Tracked, titles: Titles, as_json: bool) -> None:
    rows = [{"id": id_, "title": titles.get(id_)} for id_ in tracked.papers_lacking]
    if as_json:
        emit_json(rows)
        return
    for row in rows:
        emit(str(row["id"]))
    talk(f"{plural(len(rows), 'paper')} named by the outline of {tracked.survey.id}, not here")


def _facts(tracked: Tracked, titles: Titles) -> dict[str, Any]:
    return {
        "id": tracked.survey.id,
        "title": tracked.survey.title,
        "outline_source": tracked.survey.outline_source,
        "counts": _counts(tracked),
        "methods_here": tracked.methods_here,
        "methods_lacking": tracked.methods_lacking,
        "papers_lacking": [_named(id_, titles) for id_ in tracked.papers_lacking],
        "outside": [{"leaf": leaf, "newer": count} for leaf, count in tracked.outside],
        "sections": [_section(section, titles) for section in tracked.sections],
    }


def _section(section: TrackedSection, titles: Titles) -> dict[str, Any]:
    return {
        "title": section.title,
        "leaves": section.leaves,
        "papers_here": [_named(id_, titles) for id_ in section.papers_here],
        "papers_lacking": [_named(id_, titles) for id_ in section.papers_lacking],
        "methods_here": section.methods_here,
        "methods_lacking": section.methods_lacking,
        "also_run": section.also_run,
        "newer": [_newer(one) for one in section.newer],
        "candidates": [
            {**_newer(one), "why": one.reason_for(section.leaves)} for one in section.candidates
        ],
        "sections": [_section(below, titles) for below in section.sections],
    }


def _named(id_: str, titles: Titles) -> dict[str, str | None]:
    return {"id": id_, "title": titles.get(id_)}


def _newer(one: Newer) -> dict[str, Any]:
    return {"id": one.id, "title": one.title, "submitted": one.day, "leaves": one.leaves}


def _card(tracked: Tracked, titles: Titles, newest: int) -> Iterator[str]:
    one, counts = tracked.survey, _counts(tracked)
    yield f"{one.id}  {terminal(one.title)}"
    yield f"papers   {counts['papers_here']} of {counts['papers']} that its outline names are here"
    yield f"methods  {counts['methods_here']} of {counts['methods']} run here"
    waiting = plural(counts["candidates"], "candidate")
    yield (
        f"newer    {plural(counts['newer'], 'paper')} of its topics and {waiting}, "
        f"submitted after {tracked.since}"
    )
    yield f"outline  {terminal(one.outline_source)}"
    for section in tracked.sections:
        yield ""
        yield from _lines(section, titles, newest, "")
    if tracked.outside:
        shown = ", ".join(f"{leaf} {count:,}" for leaf, count in tracked.outside[:8])
        more = len(tracked.outside) - 8
        yield ""
        yield f"newer papers under no heading: {shown}" + (f" and {more} more" if more > 0 else "")


def _lines(section: TrackedSection, titles: Titles, newest: int, indent: str) -> Iterator[str]:
    yield indent + terminal(section.title)
    inner = indent + "  "
    facts = [
        ("leaves", ", ".join(section.leaves)),
        ("here", ", ".join(section.papers_here)),
        ("lacking", ", ".join(_with_title(id_, titles) for id_ in section.papers_lacking)),
        ("runs", ", ".join(section.methods_here)),
        ("also runs", ", ".join(section.also_run)),
        ("does not run", ", ".join(section.methods_lacking)),
    ]
    yield from (f"{inner}{name}: {terminal(said)}" for name, said in facts if said)
    yield from _newest(section.newer, "newer", newest, inner)
    yield from _newest(section.candidates, "candidates", newest, inner)
    for below in section.sections:
        yield from _lines(below, titles, newest, inner)


def _newest(found: Sequence[Newer], name: str, newest: int, indent: str) -> Iterator[str]:
    if not found:
        return
    yield f"{indent}{name}: {len(found):,}" + (", the newest:" if newest else "")
    for one in found[:newest]:
        yield f"{indent}  {one.day}  {one.id}  {terminal(one.title)}"


def _with_title(id_: str, titles: Titles) -> str:
    return f"{id_} ({titles[id_]})" if id_ in titles else id_

"""A day's ingest told twice: as Markdown for a person, as JSON for a program.

Titles are a stranger's text. In the Markdown every character of theirs that could act is an
entity, so that a pull request or a page can show it as it is.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from registry.core.escape import markdown
from registry.core.plural import plural
from registry.ingest.daily import DayReport, Found
from registry.ingest.sources import Source
from registry.ingest.summary import Summary
from registry.store.duplicates import Suggestion
from registry.store.queries import Event

_MOST_LISTED = 60
_REASONS = {"doi": "one DOI", "title": "one title and first author"}


def day_facts(day: DayReport) -> dict[str, Any]:
    """Everything of ``day`` in the types JSON knows."""
    failure = day.failure
    return {
        "began": day.began.isoformat(),
        "exit_code": failure.exit_code if failure else 0,
        "failure": str(failure) if failure else None,
        "sources": [_source_facts(source, summary) for source, summary in day.results],
        "preprints": asdict(day.counts),
        "found": [_found_facts(found) for found in day.found],
        "events": [_event_facts(event) for event in day.events],
        "duplicates": [_duplicate_facts(pair) for pair in day.duplicates],
        "queue": day.queue,
        "requests": day.requests,
        "waited_seconds": day.waited_seconds,
        "seconds": day.seconds,
    }


def day_markdown(day: DayReport) -> str:
    """``day`` as a page of Markdown."""
    failure = day.failure
    state = "whole" if failure is None else f"not whole: {markdown(str(failure))}"
    lines = [
        f"# Ingest of {day.began:%Y-%m-%d}",
        "",
        f"{plural(len(day.found), 'new paper')}, {plural(len(day.events), 'change')} upstream, "
        f"{plural(day.queue, 'candidate')} waiting. {plural(day.requests, 'request')}, "
        f"{day.waited_seconds:.0f} s waited, {day.seconds:.0f} s in all. The day is {state}",
        "",
        "| source | what | new | updated | withdrawn | suspect | not reached |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [_source_line(source, summary) for source, summary in day.results]
    notes = [(source, note) for source, s in day.results for note in _notes(s)]
    lines += _section("Notes", [f"{source.kind}: {markdown(note)}" for source, note in notes])
    lines += _section("New papers", [_found_line(found) for found in day.found])
    lines += _section("Changes upstream", [_event_line(event) for event in day.events])
    lines += _section("Possible duplicates", [_duplicate_line(pair) for pair in day.duplicates])
    return "\n".join(lines) + "\n"


def _source_facts(source: Source, summary: Summary) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "name": source.name,
        "done": summary.done,
        "suspect": summary.suspect,
        "left": summary.left,
        "current": summary.current,
        "preprints": asdict(summary.counts),
        "deleted": summary.deleted,
        "missing": summary.missing,
        "hinted": len(summary.hinted),
        "unread": summary.unread,
        "notes": summary.notes,
        "stopped": str(summary.stopped) if summary.stopped else None,
        "seconds": summary.seconds,
    }


def _source_line(source: Source, summary: Summary) -> str:
    counts = summary.counts
    cells = (
        counts.new, counts.updated, counts.withdrawn, summary.suspect, summary.left,
    )  # fmt: skip
    numbers = " | ".join(str(cell) for cell in cells)
    return f"| {source.kind} | {markdown(source.name)} | {numbers} |"


def _notes(summary: Summary) -> list[str]:
    missing = [f"{id_}: arXiv did not return it" for id_ in summary.missing]
    deleted = [f"{id_}: arXiv deleted it" for id_ in summary.deleted]
    stopped = [str(summary.stopped)] if summary.stopped else []
    return [*summary.notes, *missing, *deleted, *stopped]


def _section(title: str, items: list[str]) -> list[str]:
    if not items:
        return []
    shown = [f"- {item}" for item in items[:_MOST_LISTED]]
    rest = len(items) - _MOST_LISTED
    return ["", f"## {title}", "", *shown, *([f"- and {rest} more"] if rest > 0 else [])]


def _found_line(found: Found) -> str:
    first = markdown(found.authors[0]) if found.authors else "no author"
    others = " and others" if len(found.authors) > 1 else ""
    topic = "" if found.by_query else " (by category only)"
    return (
        f"[{found.id}](https://arxiv.org/abs/{found.id}) {markdown(found.title)}. {first}{others}; "
        f"{markdown(found.primary)}, {found.published:%Y-%m-%d}{topic}"
    )


def _event_line(event: Event) -> str:
    detail = event.detail
    told = {
        "title": f"new title: {markdown(str(detail.get('to', '')))}",
        "abstract": f"abstract changed by {100 * float(detail.get('changed', 0)):.0f} %",
        "withdrawn": f"withdrawn: {markdown(str(detail.get('evidence', '')))}",
        "restored": "no longer withdrawn",
        "primary": f"primary category {markdown(str(detail.get('from', '')))} to "
        f"{markdown(str(detail.get('to', '')))}",
        "gap": f"versions not seen: {', '.join(map(str, detail.get('missing', [])))}",
        "deleted": "deleted by arXiv",
        "unseen": "not returned by arXiv",
    }.get(event.kind, event.kind)
    name = f"{event.preprint_id}v{event.version}"
    return f"[{name}](https://arxiv.org/abs/{event.preprint_id}) {told}"


def _duplicate_line(pair: Suggestion) -> str:
    return f"{pair.one} and {pair.other}: {_REASONS[pair.reason]}"


def _found_facts(found: Found) -> dict[str, Any]:
    return {**asdict(found), "published": found.published.isoformat()}


def _event_facts(event: Event) -> dict[str, Any]:
    return {**asdict(event), "at": event.at.isoformat()}


def _duplicate_facts(pair: Suggestion) -> dict[str, Any]:
    return {**asdict(pair), "found_at": pair.found_at.isoformat()}

"""What ``registry ingest`` shows: what it did, what it would do, how far every source is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Any

from registry.cli.output import emit_json, emit_table, plain, talk
from registry.core.plural import plural

if TYPE_CHECKING:
    from registry.ingest.ledger import SourceState
    from registry.ingest.source_list import SourceList
    from registry.ingest.summary import Summary
    from registry.ingest.windows import Step
    from registry.store.engine import Store


def summary(summary: Summary, as_json: bool, dry_run: bool, *, several: bool = False) -> None:
    """What one ingest did: data on stdout, what to know about it on stderr."""
    facts = _facts(summary)
    if several:
        talk(f"{summary.source}:")
    if as_json:
        emit_json({**facts, "dry_run": dry_run})
        return
    for note in summary.notes:
        talk(note)
    for id_ in summary.missing:
        talk(f"{id_}: arXiv did not return it")
    for id_ in summary.deleted:
        talk(f"{id_}: arXiv deleted it; nothing is removed here")
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
        "deleted": summary.deleted,
        "missing": summary.missing,
        "hinted": summary.hinted,
        "unread": summary.unread,
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


def plan(
    store: Store, query: str, days: tuple[date, date], step: Step, retry: bool, as_json: bool
) -> None:
    """The slices of a query, each with whether it would be fetched."""
    from registry.ingest.harvest import plan as planned

    rows = [
        {"slice": str(slice_), "would_fetch": due}
        for slice_, due in planned(store, query, *days, step, retry=retry)
    ]
    if as_json:
        emit_json(rows)
    else:
        emit_table(["slice", "would fetch"], (list(row.values()) for row in rows))
    talk("nothing asked and nothing stored: a dry run")


def intent(way: str, named: Sequence[str], as_json: bool) -> None:
    """What would be asked for by name."""
    rows = [{"kind": way, "name": name} for name in named]
    if as_json:
        emit_json(rows)
    else:
        emit_table(["kind", "would ask for"], ([row["kind"], row["name"]] for row in rows))
    talk("nothing asked and nothing stored: a dry run")


def source_list(listed: SourceList, as_json: bool) -> None:
    """The sources that a daily ingest would ask."""
    rows = [("rss", feed) for feed in listed.rss]
    rows += [("oai", f"{item.set} {item.format}") for item in listed.oai]
    rows += [("query", query.label) for query in listed.queries]
    if as_json:
        emit_json([{"kind": kind, "name": name} for kind, name in rows])
    else:
        emit_table(["kind", "would ask"], rows)
    talk("nothing asked and nothing stored: a dry run")


def day(facts: dict[str, Any], as_json: bool) -> None:
    """What a daily ingest did, source by source."""
    if as_json:
        emit_json(facts)
        return
    for source in facts["sources"]:
        for note in (*source["notes"], *([source["stopped"]] if source["stopped"] else [])):
            talk(f"{source['kind']} {source['name']}: {note}")
    head = ["kind", "source", "new", "updated", "withdrawn", "suspect", "not reached"]
    emit_table(
        head,
        (
            [
                source["kind"],
                source["name"],
                *(source["preprints"][name] for name in ("new", "updated", "withdrawn")),
                source["suspect"],
                source["left"],
            ]
            for source in facts["sources"]
        ),
    )
    talk(
        f"{plural(len(facts['found']), 'new paper')}, {plural(len(facts['events']), 'change')} "
        f"upstream, {plural(len(facts['duplicates']), 'possible duplicate')}, "
        f"{plural(facts['queue'], 'candidate')} waiting; {plural(facts['requests'], 'request')} "
        f"in {facts['seconds']:.0f} s"
    )


def as_text(facts: dict[str, Any]) -> str:
    """``facts`` as a JSON file."""
    return json.dumps(plain(facts), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def states(store: Store, as_json: bool) -> None:
    """How far every source is, and what is wrong with its suspect windows."""
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

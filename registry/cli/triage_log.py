"""What the triage shows: the queue as a list, the log, the counts, the conflicts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.cli.triage_group import BY, ID, STRATEGY, app, desk, facts_of
from registry.core.errors import UnknownNameError, UsageError
from registry.core.plural import plural

if TYPE_CHECKING:
    from registry.triage.queue import Item

_STATES = ("waiting", "maybe", "accepted", "rejected", "duplicate", "conflict")
AS_JSON = typer.Option(False, "--json", help="All facts as JSON.")


@app.command("list")
def list_(
    state: str = typer.Option("waiting", metavar="|".join(_STATES), help="Which papers."),
    strategy: str = STRATEGY,
    limit: int = typer.Option(20, min=1, help="So many at most."),
    by: str | None = BY,
    as_json: bool = AS_JSON,
) -> None:
    """List what waits in the order of the queue, or what was decided.

    Example:

        registry triage list --strategy newest --limit 50
        registry triage list --state rejected --json
    """
    from registry.triage.queue import Order, next_batch

    if state not in _STATES:
        raise UnknownNameError("state", state, _STATES, "registry triage list --help")
    with desk(by) as here:
        order = Order(here.by.reviewer or "", strategy)
        if state == "waiting":
            batch = next_batch(here.store, here.settings, order, limit)
            rows = [_row(item) for item in batch.items]
            if batch.note:
                talk(batch.note)
        else:
            rows = _decided(here.store, state)[:limit]
    if as_json:
        emit_json(rows)
    elif rows:
        emit_table(list(rows[0]), ([_cell(v) for v in row.values()] for row in rows))
    else:
        talk("nothing waits" if state == "waiting" else f"no paper stands as {state}")


@app.command("next")
def next_(strategy: str = STRATEGY, by: str | None = BY, as_json: bool = AS_JSON) -> None:
    """Show the candidate that comes next.

    Example:

        registry triage next
    """
    from registry.triage.queue import Order, next_batch

    with desk(by) as here:
        order = Order(here.by.reviewer or "", strategy)
        batch = next_batch(here.store, here.settings, order, 1)
        if batch.note:
            talk(batch.note)
        if not batch.items:
            if as_json:
                emit_json(None)
            talk("nothing waits; `registry triage --again` shows what you skipped or left open")
            return
        _show(here, batch.items[0], as_json)


@app.command()
def show(paper: str = ID, by: str | None = BY, as_json: bool = AS_JSON) -> None:
    """Show one paper as the queue does, with every decision on it.

    Example:

        registry triage show 2410.08048 --json
    """
    from registry.core.ids import ArxivId
    from registry.triage.queue import Order, one_item

    id_ = ArxivId.parse(paper).base
    with desk(by) as here:
        item = one_item(here.store, here.settings, Order(here.by.reviewer or ""), id_)
        if item is None:
            raise UsageError(
                f"{id_} was never ingested. Run `registry ingest --ids {id_}` first; for an entry "
                f"of the catalog say `registry show {id_}`."
            )
        _show(here, item, as_json)


@app.command()
def log(
    paper: str | None = typer.Argument(None, metavar="[ID]", help="Only on this paper."),
    limit: int = typer.Option(50, min=1, help="The last so many lines."),
    as_json: bool = AS_JSON,
) -> None:
    """Show the log of decisions, the last one at the bottom; undone ones and undos with it.

    Example:

        registry triage log --limit 20
        registry triage log 2410.08048 --json
    """
    from registry.core.ids import ArxivId
    from registry.store.standing import read_log

    with desk(None) as here, here.store.read() as connection:
        ids = None if paper is None else [ArxivId.parse(paper).base]
        lines = read_log(connection, ids)
    undone = {line.undoes for line in lines}
    rows = [facts_of(line) | {"undone": line.id in undone} for line in lines[-limit:]]
    if as_json:
        emit_json(rows)
    elif rows:
        names = ("at", "id", "decision", "by", "reason", "undone")
        emit_table(names, ([_cell(row[name]) for name in names] for row in rows))
    else:
        talk("no decision yet")


@app.command()
def status(as_json: bool = AS_JSON) -> None:
    """Count what came in and what became of it, as a PRISMA flow diagram does.

    Example:

        registry triage status --json
    """
    from dataclasses import asdict

    from registry.catalog.criteria import load_criteria
    from registry.triage.flow import flow

    with desk(None) as here:
        counts = flow(here.store, load_criteria(here.settings.catalog_dir))
    facts = asdict(counts) | {"screened": counts.screened}
    if as_json:
        emit_json(facts)
        return
    rows = [(f"identified by {kind}", n) for kind, n in counts.identified.items()]
    rows += [("the same paper from another source", counts.repeated), ("papers", counts.papers)]
    rows += [("screened", counts.screened), ("included", counts.included)]
    rows += [("included by hand", counts.included_by_hand), ("duplicates", counts.duplicates)]
    rows += [(f"excluded: {code}", n) for code, n in counts.excluded.items()]
    rows += [("conflicts", counts.conflicts), ("maybe", counts.maybe), ("waiting", counts.open)]
    if counts.accepted_without_entry:
        rows.append(("accepted, without an entry", counts.accepted_without_entry))
    emit_table(["what", "count"], rows)


@app.command()
def conflicts(as_json: bool = AS_JSON) -> None:
    """List the papers whose reviewers disagree, and how far each two agree beyond chance.

    A conflict ends when one of them undoes, or with a decision that says --settle.

    Example:

        registry triage conflicts
    """
    from registry.triage.agreement import agreements
    from registry.triage.agreement import conflicts as find

    with desk(None) as here:
        found, pairs = find(here.store), agreements(here.store)
    if as_json:
        shown = [
            {"id": c.id, "title": c.title, "votes": [facts_of(v) for v in c.votes]} for c in found
        ]
        emit_json({"conflicts": shown, "agreement": pairs})
        return
    if found:
        rows = (
            (c.id, c.title, "; ".join(f"{v.reviewer}: {v.decision}" for v in c.votes))
            for c in found
        )
        emit_table(["id", "title", "votes"], rows)
    else:
        talk("no conflict")
    for pair in pairs:
        kappa = "not defined" if pair.kappa is None else f"{pair.kappa:.2f}"
        talk(
            f"{pair.reviewers[0]} and {pair.reviewers[1]}: agreed on {pair.agreed} of "
            f"{plural(pair.papers, 'paper')}, Cohen's kappa {kappa}; the same leaf on "
            f"{pair.same_leaf} of {pair.both_in} both took in"
        )


@app.command()
def criteria(as_json: bool = AS_JSON) -> None:
    """Show what belongs in this catalog and what does not.

    Example:

        registry triage criteria
    """
    from registry.catalog.criteria import load_criteria

    with desk(None) as here:
        found = load_criteria(here.settings.catalog_dir)
    if as_json:
        emit_json(found)
    elif found is None:
        talk("this catalog has no criteria.yaml")
    else:
        talk(found.question)
        rows = [("in", one.code, one.text) for one in found.include]
        rows += [("out", one.code, one.text) for one in found.exclude]
        emit_table(["", "code", "what"], rows)


def _show(here: Any, item: Item, as_json: bool) -> None:
    from registry.catalog.criteria import load_criteria
    from registry.catalog.files import load_taxonomy
    from registry.store.queries import decisions_on
    from registry.triage.card import card, criteria_in_short
    from registry.triage.session import suggested
    from registry.triage.terminal import rendered

    leaves = suggested(item, load_taxonomy(here.settings.catalog_dir))
    lines = decisions_on(here.store, item.id)
    if as_json:
        emit_json(_facts(item) | {"suggested": leaves, "log": [facts_of(line) for line in lines]})
        return
    shown = card(item, leaves) + criteria_in_short(load_criteria(here.settings.catalog_dir))
    terminal = sys.stdout.isatty()
    width = 10_000
    if terminal:
        import shutil

        width = shutil.get_terminal_size().columns
    for line in rendered(shown, width, colour=terminal):
        emit(line)


def _facts(item: Item) -> dict[str, Any]:
    from dataclasses import asdict

    known = asdict(item.candidate)
    return known | {
        "ranked": None if item.ranked is None else asdict(item.ranked),
        "state": item.standing.state,
        "votes": [facts_of(vote) for vote in item.standing.votes],
    }


def _row(item: Item) -> dict[str, Any]:
    ranked = item.ranked
    return {
        "id": item.id,
        "submitted": item.candidate.published.date(),
        "relevance": None if ranked is None or ranked.abstains else ranked.relevance,
        "leaf": ranked.leaves[0].leaf if ranked and ranked.leaves else None,
        "title": item.candidate.title,
    }


def _decided(store: Any, state: str) -> list[dict[str, Any]]:
    from registry.store.queries import described
    from registry.store.standing import originals, standings

    with store.read() as connection:
        found = standings(connection)
    ends = originals(found)
    ids = [id_ for id_, standing in found.items() if standing.state == state]
    titles = {candidate.id: candidate.title for candidate in described(store, ids)}
    return [
        {
            "id": id_,
            "by": found[id_].votes[-1].reviewer,
            "at": found[id_].votes[-1].at,
            "why": ends.get(id_) or found[id_].votes[-1].reason,
            "title": titles.get(id_, ""),
        }
        for id_ in sorted(ids, key=lambda id_: found[id_].votes[-1].at, reverse=True)
    ]


def _cell(value: Any) -> Any:
    return value.isoformat(sep=" ", timespec="seconds") if hasattr(value, "hour") else value

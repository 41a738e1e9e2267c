"""``registry accept`` and ``registry reject``: decisions on candidates."""

from __future__ import annotations

import typer

from registry.cli.output import emit, emit_json, talk
from registry.cli.triage_group import BY, desk


def accept(
    paper: str = typer.Argument(..., metavar="ID", help="The candidate's arXiv id, in any form."),
    leaf: str = typer.Option(
        ..., metavar="GROUP/LEAF", help="What is new here; `registry list leaves`."
    ),
    gist: str | None = typer.Option(
        None, metavar="TEXT", help="What the paper does and finds, in your own words."
    ),
    secondary: list[str] = typer.Option(
        [], metavar="GROUP/LEAF", help="Another leaf; up to two times."
    ),
    method: list[str] = typer.Option(
        [], metavar="SLUG:RELATION", help="introduces, uses or analyses; repeatable."
    ),
    licence: str | None = typer.Option(None, help="The licence's name or address, if looked up."),
    venue: str | None = typer.Option(None, help="Where it was published, if it was."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Check all, show the file, change nothing."
    ),
    by: str | None = BY,
    as_json: bool = typer.Option(False, "--json", help="The entry as JSON."),
) -> None:
    """Turn a candidate into a file of the catalog.

    Title, authors, dates and categories come from arXiv; the gist is yours, never the abstract.

    Example:

        registry accept 2410.08048 --leaf reward/outcome-verifier --gist "In our own words ..."
        registry accept 2410.08048 --leaf reward/outcome-verifier --gist "..." --dry-run
    """
    from registry.triage.accept import Proposal
    from registry.triage.accept import accept as take

    proposal = Proposal(leaf, gist, tuple(secondary), tuple(method), licence, venue)
    with desk(by) as here:
        accepted = take(here.store, here.settings, paper, proposal, by=here.by, dry_run=dry_run)
    if as_json:
        emit_json(accepted)
    elif dry_run:
        emit(accepted.text.rstrip("\n"))
    else:
        emit(str(accepted.path))
    talk("nothing written: a dry run" if dry_run else f"accepted {accepted.paper.id}")


def reject(
    paper: str = typer.Argument(..., metavar="ID", help="The candidate's arXiv id, in any form."),
    reason: str = typer.Option(
        ..., metavar="CODE|TEXT", help="A code of `registry triage criteria`, or why in words."
    ),
    by: str | None = BY,
    as_json: bool = typer.Option(False, "--json", help="The decision as JSON."),
) -> None:
    """Take a candidate out of the queue; a later `registry accept` overrules it.

    Example:

        registry reject 2410.08048 --reason "about image generation"
    """
    from registry.triage.decisions import reject as refuse

    with desk(by) as here:
        line = refuse(here.store, here.settings, paper, reason, by=here.by)
    if as_json:
        emit_json({"id": line.preprint_id, "decision": "reject", "reason": line.reason})
    talk(f"rejected {line.preprint_id}")

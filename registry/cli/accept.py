"""``registry accept`` and ``registry reject``: decisions on candidates."""

from __future__ import annotations

import typer

from registry.cli.output import emit, emit_json, talk
from registry.core.errors import UsageError
from registry.core.settings import Settings


def accept(
    paper: str = typer.Argument(..., metavar="ID", help="The candidate's arXiv id, in any form."),
    leaf: str = typer.Option(
        ..., metavar="GROUP/LEAF", help="What is new here; `registry list leaves`."
    ),
    gist: str | None = typer.Option(
        None, metavar="TEXT", help="What the paper does and finds, in your own words. Required."
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
    as_json: bool = typer.Option(False, "--json", help="The entry as JSON."),
) -> None:
    """Turn a candidate into a file of the catalog.

    Title, authors, dates and categories come from arXiv; the gist is yours, never the abstract.

    Example:

        registry accept 2501.03262 --leaf rl/reinforce-family --gist "In our own words ..."
        registry accept 2501.03262 --leaf rl/reinforce-family --gist "..." --dry-run
    """
    if gist is None:
        raise UsageError(
            "--gist is missing. Write in your own words what the paper does and finds; the "
            "abstract is not taken, since abstracts stay out of the catalog."
        )
    from registry.store.engine import open_store
    from registry.triage.accept import Proposal
    from registry.triage.accept import accept as take

    settings = Settings.load()
    proposal = Proposal(leaf, gist, tuple(secondary), tuple(method), licence, venue)
    with open_store(settings) as store:
        accepted = take(store, settings, paper, proposal, dry_run=dry_run)
    if as_json:
        emit_json(accepted)
    elif dry_run:
        emit(accepted.text.rstrip("\n"))
    else:
        emit(str(accepted.path))
    talk("nothing written: a dry run" if dry_run else f"accepted {accepted.paper.id}")


def reject(
    paper: str = typer.Argument(..., metavar="ID", help="The candidate's arXiv id, in any form."),
    reason: str = typer.Option(..., metavar="TEXT", help="Why; kept in the log of decisions."),
    as_json: bool = typer.Option(False, "--json", help="The decision as JSON."),
) -> None:
    """Take a candidate out of the queue; a later `registry accept` overrules it.

    Example:

        registry reject 2501.03262 --reason "about image generation"
    """
    from registry.store.engine import open_store
    from registry.triage.accept import reject as refuse

    settings = Settings.load()
    with open_store(settings) as store:
        id_ = refuse(store, settings, paper, reason)
    if as_json:
        emit_json({"id": id_, "decision": "reject", "reason": reason})
    talk(f"rejected {id_}")

"""``registry triage``: the queue on a terminal, and its decisions as commands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, talk
from registry.cli.triage_group import app
from registry.core.errors import UsageError
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.store.engine import Store
    from registry.store.standing import Decision
    from registry.triage.turns import By

BY = typer.Option(
    None, "--by", metavar="NAME", help="Who decides. Default: REGISTRY_REVIEWER, git's user.name."
)
BESIDE = typer.Option(
    False, "--beside", help="Put it beside the decision of somebody else, as a second opinion."
)
SETTLE = typer.Option(False, "--settle", help="End the matter: earlier votes no longer count.")
ID = typer.Argument(..., metavar="ID", help="The paper's arXiv id, in any form.")
AS_JSON = typer.Option(False, "--json", help="The decision as JSON.")
STRATEGY = typer.Option(
    "relevance",
    metavar="relevance|uncertainty|newest|random",
    help="What comes first: what is likely taken in, what most is learnt from, ... Also margin, "
    "entropy, badge and coreset, the register's strategies of active learning.",
)


@dataclass
class Desk:
    """An open store, where things are, and who decides."""

    store: Store
    settings: Settings
    by: By


@contextmanager
def desk(by: str | None, *, beside: bool = False, settles: bool = False) -> Iterator[Desk]:
    """The store, in step with the catalog's files, for the reviewer ``by``."""
    from registry.store.engine import open_store
    from registry.store.sync import refresh
    from registry.triage.turns import By, reviewer_name

    settings = Settings.load()
    who = By(reviewer_name(settings, by), beside=beside, settles=settles)
    with open_store(settings) as store:
        refresh(store, settings)
        yield Desk(store, settings, who)


def facts_of(line: Decision) -> dict[str, Any]:
    """One line of the log as JSON shows it."""
    return {
        "id": line.preprint_id,
        "decision": line.decision,
        "by": line.reviewer,
        "at": line.at,
        "reason": line.reason,
        "detail": line.detail,
        "uid": line.uid,
    }


@app.callback(invoke_without_command=True)
def triage(
    context: typer.Context,
    strategy: str = STRATEGY,
    batch: int = typer.Option(
        20, min=1, max=500, help="Order anew after so many papers, sooner at first."
    ),
    by: str | None = BY,
    double: bool = typer.Option(
        False, "--double", help="Also show what others have decided, without saying how."
    ),
    again: bool = typer.Option(
        False, "--again", help="Begin a new pass: show what you skipped or left open."
    ),
) -> None:
    """Judge candidates one by one with the keyboard, the most likely first.

    Every decision is stored at once; leave with q or Ctrl-C and go on later. Without a terminal it
    reads keys as lines from stdin.

    Example:

        registry triage
        registry triage --strategy uncertainty --batch 10
        registry triage reject 2410.08048 --reason application
        registry triage status
    """
    given = (strategy, batch, by, double, again) != ("relevance", 20, None, False, False)
    if context.invoked_subcommand is not None:
        if given:
            raise UsageError(
                f"options before {context.invoked_subcommand!r} are for the queue on the terminal. "
                f"Write them after it: registry triage {context.invoked_subcommand} --help"
            )
        return
    from registry.triage.passes import start_pass
    from registry.triage.queue import Order, Queue
    from registry.triage.session import Session
    from registry.triage.terminal import open_terminal

    with desk(by) as here:
        order = Order(here.by.reviewer or "", strategy, batch, double)
        if again:
            start_pass(here.store, order.reviewer)
        done: Counter[str] = Counter()
        try:
            with open_terminal() as terminal:
                queue = Queue(here.store, here.settings, order)
                session = Session(here.store, here.settings, queue, terminal, done)
                session.run()
        finally:
            talk(_summary(done, here.store, order))


def _summary(done: Counter[str], store: Store, order: Any) -> str:
    from registry.triage.queue import waiting

    left, passed = waiting(store, order)
    counted = ", ".join(f"{count} {kind}" for kind, count in sorted(done.items()))
    more = f"; {passed} skipped or left open: --again shows them" if passed and not left else ""
    return f"stored: {counted or 'nothing new'}; {left} wait{more}"


@app.command()
def accept(
    paper: str = ID,
    leaf: str = typer.Option(..., metavar="GROUP/LEAF", help="What is new here."),
    gist: str | None = typer.Option(
        None, metavar="TEXT", help="What it does and finds, in your own words."
    ),
    secondary: list[str] = typer.Option(
        [], metavar="GROUP/LEAF", help="Another leaf; up to two times."
    ),
    method: list[str] = typer.Option(
        [], metavar="SLUG:RELATION", help="introduces, uses or analyses; repeatable."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check all, change nothing."),
    by: str | None = BY,
    beside: bool = BESIDE,
    settle: bool = SETTLE,
    as_json: bool = typer.Option(False, "--json", help="The entry as JSON."),
) -> None:
    """Turn a candidate into a file of the catalog.

    Example:

        registry triage accept 2410.08048 --leaf reward/outcome-verifier --gist "In our words ..."
    """
    from registry.triage.accept import Proposal
    from registry.triage.accept import accept as take

    proposal = Proposal(leaf, gist, tuple(secondary), tuple(method))
    with desk(by, beside=beside, settles=settle) as here:
        accepted = take(here.store, here.settings, paper, proposal, by=here.by, dry_run=dry_run)
    if as_json:
        emit_json(accepted)
    elif dry_run:
        emit(accepted.text.rstrip("\n"))
    elif accepted.written:
        emit(str(accepted.path))
    if dry_run:
        talk("nothing written: a dry run")
    else:
        beside_it = "" if accepted.written else "; no file was written for a second opinion"
        talk(f"accepted {accepted.paper.id}{beside_it}")


@app.command()
def reject(
    paper: str = ID,
    reason: str = typer.Option(
        ..., metavar="CODE|TEXT", help="A code of `registry triage criteria`, or why in words."
    ),
    by: str | None = BY,
    beside: bool = BESIDE,
    settle: bool = SETTLE,
    as_json: bool = AS_JSON,
) -> None:
    """Take a candidate out of the queue.

    Example:

        registry triage reject 2410.08048 --reason application
        registry triage reject 2410.08048 --reason "serving: only kernels"
    """
    from registry.triage import decisions

    with desk(by, beside=beside, settles=settle) as here:
        _told(decisions.reject(here.store, here.settings, paper, reason, by=here.by), as_json)


@app.command()
def maybe(
    paper: str = ID,
    note: str | None = typer.Option(None, metavar="TEXT", help="What it hangs on."),
    by: str | None = BY,
    as_json: bool = AS_JSON,
) -> None:
    """Leave a candidate open on purpose; the next pass shows it again.

    Example:

        registry triage maybe 2410.08048 --note "wait for the second version"
    """
    from registry.triage import decisions

    with desk(by) as here:
        _told(decisions.maybe(here.store, here.settings, paper, note, by=here.by), as_json)


@app.command()
def duplicate(
    paper: str = ID,
    of: str = typer.Option(..., "--of", metavar="ID", help="The paper it is the same work as."),
    by: str | None = BY,
    beside: bool = BESIDE,
    settle: bool = SETTLE,
    as_json: bool = AS_JSON,
) -> None:
    """Take a candidate out of the queue as the same work as another.

    Example:

        registry triage duplicate 2410.08048 --of 2402.14740
    """
    from registry.triage import decisions

    with desk(by, beside=beside, settles=settle) as here:
        _told(decisions.duplicate(here.store, here.settings, paper, of, by=here.by), as_json)


@app.command()
def retag(
    paper: str = ID,
    leaf: str = typer.Option(..., metavar="GROUP/LEAF", help="What is new here."),
    secondary: list[str] = typer.Option(
        [], metavar="GROUP/LEAF", help="Another leaf; up to two times."
    ),
    by: str | None = BY,
    as_json: bool = AS_JSON,
) -> None:
    """Say to which leaves a paper belongs: noted for a candidate, written for an entry.

    Example:

        registry triage retag 2410.08048 --leaf reward/outcome-verifier
    """
    from registry.triage.retag import retag as change

    with desk(by) as here:
        line = change(here.store, here.settings, paper, leaf, tuple(secondary), by=here.by)
        _told(line, as_json)


@app.command()
def skip(paper: str = ID, by: str | None = BY, as_json: bool = AS_JSON) -> None:
    """Do not show a candidate to you again in this pass.

    Example:

        registry triage skip 2410.08048
    """
    from registry.triage import decisions

    with desk(by) as here:
        _told(decisions.skip(here.store, here.settings, paper, by=here.by), as_json)


@app.command()
def undo(
    paper: str | None = typer.Argument(None, metavar="[ID]", help="Default: your last decision."),
    of: str | None = typer.Option(None, metavar="NAME", help="Whose decision, where not yours."),
    by: str | None = BY,
    as_json: bool = typer.Option(False, "--json", help="The decision undone as JSON."),
) -> None:
    """Take back your last decision, on one paper or on any; an entry it wrote goes with it.

    Example:

        registry triage undo
        registry triage undo 2410.08048
    """
    from registry.triage.undo import undo as take_back

    with desk(by) as here:
        line = take_back(here.store, here.settings, here.by, paper, of=of)
    _told(line, as_json, "undone: ")


def _told(line: Decision, as_json: bool, before: str = "") -> None:
    from registry.triage.turns import told

    if as_json:
        emit_json(facts_of(line))
    talk(before + told(line))


from registry.cli import triage_log, triage_study  # noqa: E402, F401 (hang their commands on it)

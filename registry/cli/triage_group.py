"""The command group ``registry triage``, and what its files share: the options, the desk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from registry.core.errors import UsageError
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.store.engine import Store
    from registry.store.standing import Decision
    from registry.triage.turns import By

app = typer.Typer(rich_markup_mode=None)

BY = typer.Option(
    None, "--by", metavar="NAME", help="Who decides. Default: REGISTRY_REVIEWER, git's user.name."
)
BESIDE = typer.Option(
    False, "--beside", help="As one of two reviewers: an entry is written once both accept."
)
SETTLE = typer.Option(False, "--settle", help="End the matter: earlier votes no longer count.")
ID = typer.Argument(..., metavar="ID", help="The paper's arXiv id, in any form.")
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

    if beside and settles:
        raise UsageError("--beside and --settle contradict each other. Allowed: one of them.")
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

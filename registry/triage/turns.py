"""Who decides, and what they must not do unawares: overrule somebody else, or themselves."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from registry.core.errors import UsageError
from registry.core.escape import one_line
from registry.core.settings import Settings
from registry.store.standing import Decision, Standing, standings

VARIABLE = "REGISTRY_REVIEWER"
_LONGEST = 80
_PAST = {
    "accept": "accepted", "reject": "rejected", "duplicate": "called a duplicate",
    "maybe": "left open", "retag": "retagged", "skip": "skipped", "undo": "undone",
}  # fmt: skip


@dataclass(frozen=True)
class By:
    """Whose decision it is, and how it meets those of others."""

    reviewer: str | None = None
    beside: bool = False  # one of two: another's vote stays, and a difference is a conflict
    settles: bool = False  # ends the matter: earlier votes no longer count
    seen: int | None = None  # the newest line of the log when the paper was shown


ANYBODY = By()


class Overtaken(UsageError):
    """Somebody decided meanwhile; carries their lines."""

    def __init__(self, message: str, lines: Sequence[Decision]) -> None:
        self.lines = tuple(lines)
        super().__init__(message)


def reviewer_name(settings: Settings, given: str | None = None) -> str:
    """Who decides: ``given``, REGISTRY_REVIEWER, git's user.name, or who is logged in.

    Raises UsageError for a name that is empty or too long.
    """
    name = one_line(given if given is not None else os.environ.get(VARIABLE) or _from_git(settings))
    if not name or len(name) > _LONGEST:
        raise UsageError(
            f"{name!r} is no name of a reviewer. Allowed: 1 to {_LONGEST} characters, in --by, in "
            f"{VARIABLE} or in git's user.name."
        )
    return name


def check_turn(connection: Connection, id_: str, by: By) -> Standing:
    """Where ``id_`` stands, if ``by`` may decide on it now. Raises Overtaken."""
    standing = standings(connection, [id_]).get(id_, Standing())
    own = standing.vote_of(by.reviewer) if by.reviewer else None
    if own is not None and by.seen is not None and own.id > by.seen:
        raise Overtaken(f"{told(own)} since it was shown, in another window.", [own])
    others = standing.votes_of_others(by.reviewer or "")
    if others and not (by.beside or by.settles):
        raise Overtaken(
            f"{'; '.join(map(told, others))}. A decision of somebody else is not overwritten: "
            "with `registry triage`, --beside puts yours next to it and --settle ends the matter.",
            others,
        )
    return standing


def told(line: Decision) -> str:
    """One line of the log as a sentence without its full stop.

    >>> from datetime import UTC, datetime
    >>> told(Decision("2603.00001", "reject", datetime(2026, 3, 2, tzinfo=UTC), "off", {}, "ann"))
    "ann rejected 2603.00001 on 2026-03-02: 'off'"
    """
    said = f": {line.reason!r}" if line.reason else ""
    said += f" of {line.detail['of']}" if line.decision == "duplicate" else ""
    said += f" as {line.detail['leaf']}" if "leaf" in line.detail else ""
    who = line.reviewer or "somebody"
    return f"{who} {_PAST[line.decision]} {line.preprint_id} on {line.at.date()}{said}"


def _from_git(settings: Settings) -> str:
    try:
        asked = subprocess.run(
            ["git", "config", "user.name"],
            cwd=settings.workspace,
            capture_output=True,
            text=True,
            check=False,
            timeout=5,
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        asked = ""
    try:
        return asked or getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a bare container
        return asked

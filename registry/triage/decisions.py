"""Decisions on candidates that write no file: each is one line in the log.

``accept``, ``retag`` and ``undo``, which may change a file with it, stand in files of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from registry.catalog.criteria import load_criteria, split_reason
from registry.catalog.files import find_entry
from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import decide
from registry.store.schema import preprints
from registry.store.standing import Decision, originals, standings
from registry.triage.turns import ANYBODY, By, check_turn

_LONGEST_REASON = 500


def reject(
    store: Store,
    settings: Settings,
    id_: str,
    reason: str,
    *,
    by: By = ANYBODY,
) -> Decision:
    """Take the candidate ``id_`` out of the queue for ``reason``: a code of the criteria, a code
    and a note (``serving: only kernels``), or free text.

    Raises UsageError, Overtaken.
    """
    code, line = split_reason(
        _short(reason, "--reason", needed=True), load_criteria(settings.catalog_dir)
    )
    detail = {"code": code} if code else {}
    return _vote(store, settings, id_, "reject", line, detail, by)


def maybe(
    store: Store,
    settings: Settings,
    id_: str,
    note: str | None = None,
    *,
    by: By = ANYBODY,
) -> Decision:
    """Leave the candidate ``id_`` open on purpose; the next pass shows it again.

    Raises UsageError, Overtaken.
    """
    return _vote(store, settings, id_, "maybe", _short(note or "", "--note") or None, {}, by)


def duplicate(
    store: Store,
    settings: Settings,
    id_: str,
    of: str,
    *,
    by: By = ANYBODY,
) -> Decision:
    """Take the candidate ``id_`` out of the queue as the same work as ``of``.

    ``of`` is a paper of the catalog or of the store; where it is a duplicate itself, what it is a
    duplicate of in the end counts. Raises UsageError, Overtaken.
    """
    other = ArxivId.parse(of).base
    own = ArxivId.parse(id_).base
    with store.read() as connection:
        _require_known(connection, settings.catalog_dir, other)
        ends = originals(standings(connection))
    if own in (other, ends.get(other)):
        raise UsageError(
            f"{own} cannot be a duplicate of itself, nor {other} of it and it of that."
        )
    return _vote(store, settings, id_, "duplicate", None, {"of": other}, by)


def skip(store: Store, settings: Settings, id_: str, *, by: By = ANYBODY) -> Decision:
    """Do not show the candidate ``id_`` to this reviewer again in this pass. Raises UsageError."""
    own = ArxivId.parse(id_)
    with store.write(durable=True) as connection:
        _require_preprint(connection, own)
        return decide(connection, own.base, "skip", None, {}, reviewer=by.reviewer)


def _vote(
    store: Store,
    settings: Settings,
    id_: str,
    decision: str,
    reason: str | None,
    detail: dict[str, Any],
    by: By,
) -> Decision:
    own = ArxivId.parse(id_)
    with store.write(durable=True) as connection:
        path = find_entry(settings.catalog_dir, own)
        if path and not by.beside:
            raise UsageError(
                f"{own.base} is in the catalog already: {path}. Edit that file instead, or take "
                f"its acceptance back: registry triage undo {own.base}."
            )
        _require_preprint(connection, own)
        check_turn(connection, own.base, by)
        settling = {"settles": True} if by.settles else {}
        return decide(
            connection, own.base, decision, reason, detail | settling, reviewer=by.reviewer
        )


def _short(text: str, option: str, *, needed: bool = False) -> str:
    line = " ".join(text.split())
    if needed and not line:
        raise UsageError(f"{option} is empty. Say why, in a few words, for who asks later.")
    if len(line) > _LONGEST_REASON:
        raise UsageError(
            f"{option} has {len(line)} characters. Allowed: at most {_LONGEST_REASON}; say it "
            "in a sentence."
        )
    return line


def _require_preprint(connection: Connection, id_: ArxivId) -> None:
    if connection.execute(select(preprints.c.id).where(preprints.c.id == id_.base)).first() is None:
        raise UsageError(
            f"{id_.base} is no candidate: it was never ingested. Run `registry ingest --ids "
            f"{id_.base}` first; `registry triage list` lists what is there."
        )


def _require_known(connection: Connection, root: Path, id_: str) -> None:
    if find_entry(root, ArxivId(id_)) is None:
        _require_preprint(connection, ArxivId(id_))

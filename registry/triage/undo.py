"""Taking a decision back: a line that names the one it undoes, and the file as it was before."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy import Connection

from registry.catalog.files import entry_path, find_entry, load_paper, load_survey, paper_paths
from registry.catalog.models import Paper
from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import decide
from registry.store.standing import Decision, live, read_log
from registry.store.sync import refresh
from registry.triage.filing import change_entry, require_writable
from registry.triage.retag import with_leaves
from registry.triage.turns import By, told


def undo(
    store: Store, settings: Settings, by: By, id_: str | None = None, *, of: str | None = None
) -> Decision:
    """Take back the last decision of the reviewer, on ``id_`` or on any paper; gives that line.

    ``of`` is the reviewer whose decision it is, where it is not their own. The entry that an
    acceptance wrote is removed, unless it was edited since; that of a retag gets its leaves back.
    Raises UsageError where there is nothing to undo, or it cannot be undone; nothing is changed
    then.
    """
    line = _last(store, None if id_ is None else ArxivId.parse(id_).base, of or by.reviewer)
    own = ArxivId(line.preprint_id)
    root = settings.catalog_dir
    path = find_entry(root, own)
    writes = (line.decision == "accept" and "file" in line.detail) or "was" in line.detail
    if path is None or not writes:
        with store.write(durable=True) as connection:
            _append(connection, line, by)
        return line
    require_writable(settings)
    refresh(store, settings)
    there = path

    def change(connection: Connection) -> Paper | None:
        restored = None if line.decision == "accept" else _old_leaves(there, line)
        if restored is None:
            _refuse_unless_as_written(root, there, line)
        _append(connection, line, by)
        return restored

    change_entry(store, root, path, own.base, change)
    return line


def _last(store: Store, id_: str | None, reviewer: str | None) -> Decision:
    with store.read() as connection:
        log = read_log(connection, None if id_ is None else [id_])
    lines = live(log)
    mine = [line for line in lines if line.reviewer == reviewer]
    if not mine and id_ is not None:
        mine = [line for line in lines if line.reviewer is None]  # a log older than names
    if mine:
        return max(mine, key=lambda line: line.id)
    where = f" on {id_}" if id_ else ""
    others = "; ".join(told(line) for line in lines) if id_ else ""
    theirs = f" {others}: to undo that, name its reviewer with --of." if others else ""
    raise UsageError(
        f"{reviewer or 'nobody'} has no decision{where} to undo.{theirs} `registry triage log` "
        "shows all."
    )


def _append(connection: Connection, line: Decision, by: By) -> None:
    lines = live(read_log(connection, [line.preprint_id]))
    if line.id not in {other.id for other in lines}:
        raise UsageError(f"{told(line)}; it was undone meanwhile.")
    decide(
        connection, line.preprint_id, "undo", None, {}, reviewer=by.reviewer, undoes=line.id
    )  # fmt: skip


def _old_leaves(path: Path, line: Decision) -> Paper:
    paper: Paper = (load_survey if path.parent.name == "surveys" else load_paper)(path)
    if paper.leaves != (line.detail["leaf"], *line.detail.get("secondary", ())):
        raise UsageError(
            f"{path} was given other leaves since ({', '.join(paper.leaves)}). Edit that file, or "
            "undo the later retag first."
        )
    return with_leaves(paper, tuple(line.detail["was"]))


def _refuse_unless_as_written(root: Path, path: Path, line: Decision) -> None:
    if hashlib.sha256(path.read_bytes()).hexdigest() != line.detail["file"]:
        raise UsageError(
            f"{path} was edited since it was accepted, and an undo would lose that. Remove the "
            f"file yourself, then say `registry triage undo {line.preprint_id}` again."
        )
    name = line.preprint_id.encode()
    for other in paper_paths(root):
        if other == path or name not in other.read_bytes():
            continue
        paper = load_paper(other)
        if line.preprint_id in (*paper.related, paper.superseded_by):
            raise UsageError(
                f"{entry_path(root, paper)} names {line.preprint_id}, whose entry would go. Take "
                "that link out first."
            )

"""The log of decisions as JSON lines, to move it between databases.

A line is known by its ``uid``: bringing the same file in twice adds nothing, and two databases
that exchange their logs come to stand the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
    model_validator,
)  # fmt: skip
from sqlalchemy import Connection, select

from registry.catalog.models import PaperId
from registry.core.errors import UsageError
from registry.store.engine import Store
from registry.store.index import index_papers
from registry.store.rows import pieces
from registry.store.schema import decisions, preprints
from registry.store.standing import read_log

_LONGEST_LINE = 64 * 1024  # characters
_Uid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Detail(BaseModel):
    """What the lines of each kind carry, as far as anything is read from it."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)

    leaf: str | None = None
    secondary: list[str] = []
    was: list[str] = []
    of: PaperId | None = None
    code: str | None = None
    file: str | None = None
    settles: bool = False


class Line(BaseModel):
    """One decision as it travels; ``undoes`` is the ``uid`` of the line it undoes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uid: _Uid
    id: PaperId
    decision: Literal["accept", "reject", "maybe", "duplicate", "retag", "skip", "undo"]
    at: AwareDatetime
    by: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = None
    reason: Annotated[str, StringConstraints(max_length=4000)] | None = None
    detail: dict[str, Any] = {}  # kept as it came, keys unknown here with it
    undoes: _Uid | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.decision == "undo") != (self.undoes is not None):
            raise ValueError("an undo names what it undoes, nothing else does")
        said = Detail.model_validate(self.detail)
        if self.decision == "duplicate" and said.of is None:
            raise ValueError("a duplicate names in detail.of what it is a duplicate of")
        if self.decision == "retag" and said.leaf is None:
            raise ValueError("a retag names its leaf in detail.leaf")
        return self


@dataclass(frozen=True)
class Brought:
    """What an import did."""

    added: int
    known: int  # here already, the same
    unknown_papers: tuple[str, ...]  # never ingested here: their lines were left out
    left_out: int  # lines of those, and undos of lines that are not here


def export_decisions(store: Store) -> Iterator[str]:
    """The whole log, one JSON object a line, the earliest first."""
    with store.read() as connection:
        log = read_log(connection)
    uids = {line.id: line.uid for line in log}
    for line in log:
        row = {
            "uid": line.uid,
            "id": line.preprint_id,
            "decision": line.decision,
            "at": line.at.isoformat(),
            "by": line.reviewer,
            "reason": line.reason,
            "detail": line.detail,
            "undoes": None if line.undoes is None else uids[line.undoes],
        }
        yield json.dumps({k: v for k, v in row.items() if v is not None}, ensure_ascii=True)


def import_decisions(store: Store, texts: Iterable[str], name: str = "the file") -> Brought:
    """Add the lines of an export that are not here yet, all of them or none.

    Lines on papers never ingested here are left out and counted; bring them in again once they
    are. Raises UsageError with the number of the line where one is wrong, or differs from the
    line of the same ``uid`` here.
    """
    lines = [_parsed(text, name, n) for n, text in enumerate(texts, start=1) if text.strip()]
    with store.write(durable=True) as connection:
        taking = _Taking(connection, name, {line.id for line in lines})
        # In the order of the file; an undo that stands before its line waits for it.
        waiting = [line for line in lines if not taking.take(line)]
        left = [line for line in waiting if not taking.take(line)]
        index_papers(connection, sorted(taking.touched))
    absent = tuple(sorted({line.id for line in lines} - taking.ingested))
    return Brought(taking.added, taking.known, absent, len(left))


class _Taking:
    """Takes lines one by one into the log on ``connection``."""

    def __init__(self, connection: Connection, name: str, ids: set[str]) -> None:
        self._connection, self._name = connection, name
        log = read_log(connection)
        self._here = {line.uid: (line.id, line.preprint_id, line.decision) for line in log}
        self._undone = {line.undoes for line in log}
        self.ingested = _ingested(connection, ids)
        self.touched: set[str] = set()
        self.added = self.known = 0

    def take(self, line: Line) -> bool:
        """Whether ``line`` is in the log now; raises UsageError where it contradicts it."""
        if line.uid in self._here:
            if self._here[line.uid][1:] != (line.id, line.decision):
                self._refuse(line)
            self.known += 1
            return True
        undoes = self._here.get(line.undoes or "")
        if line.id not in self.ingested or (line.undoes and undoes is None):
            return False
        if undoes is not None:
            if undoes[1] != line.id or undoes[2] == "undo":
                self._refuse(line)
            if undoes[0] in self._undone:
                self.known += 1  # undone here as well, by a line of its own
                return True
            self._undone.add(undoes[0])
        place = _add(self._connection, line, undoes[0] if undoes else None)
        self._here[line.uid] = (place, line.id, line.decision)
        self.touched.add(line.id)
        self.added += 1
        return True

    def _refuse(self, line: Line) -> NoReturn:
        raise UsageError(
            f"{self._name}: the line {line.uid}, {line.decision} of {line.id}, contradicts the log "
            "here: the same uid is another decision, or what it undoes is. One of the two logs "
            "was edited; nothing was imported."
        )


def _parsed(text: str, name: str, number: int) -> Line:
    try:
        if len(text) > _LONGEST_LINE:
            raise ValueError(f"more than {_LONGEST_LINE} characters")
        return Line.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        what = f"{place}: {first['msg']}" if place else str(first["msg"])
    except ValueError as error:
        what = str(error)
    raise UsageError(
        f"{name}:{number}: no decision: {what}. Allowed: lines as `registry triage "
        "export-decisions` writes them; nothing was imported."
    )


def _ingested(connection: Connection, ids: set[str]) -> set[str]:
    return {
        id_
        for piece in pieces(sorted(ids))
        for id_ in connection.execute(
            select(preprints.c.id).where(preprints.c.id.in_(piece))
        ).scalars()
    }


def _add(connection: Connection, line: Line, undoes: int | None) -> int:
    at: datetime = line.at
    row = {
        "preprint_id": line.id, "decision": line.decision, "at": at, "reason": line.reason,
        "detail": line.detail, "uid": line.uid, "reviewer": line.by, "undoes": undoes,
    }  # fmt: skip
    return int(connection.execute(decisions.insert().returning(decisions.c.id), row).scalar_one())

"""The log of decisions as JSON lines, to move it between databases.

A line is known by its ``uid``: bringing the same file in twice adds nothing, and two databases
that exchange their logs come to stand the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self

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
        known = {line.uid: line for line in read_log(connection)}
        places = {uid: line.id for uid, line in known.items()}
        undone = {line.undoes for line in known.values()}
        there = _ingested(connection, {line.id for line in lines})
        added: set[str] = set()
        already = left_out = 0
        for line in sorted(lines, key=lambda line: line.decision == "undo"):
            if line.uid in places:
                mine = known.get(line.uid)
                if mine is not None and not _same(mine.preprint_id, mine.decision, line):
                    raise UsageError(
                        f"{name}: the line {line.uid} says {line.decision} of {line.id}, and here "
                        f"{mine.decision} of {mine.preprint_id}. One of the two logs was edited; "
                        "nothing was imported."
                    )
                already += 1
                continue
            undoes = places.get(line.undoes) if line.undoes else None
            if undoes is not None and undoes in undone:
                already += 1  # undone here as well, by a line of its own
                continue
            if line.id not in there or (line.undoes and undoes is None):
                left_out += 1
                continue
            places[line.uid] = _add(connection, line, undoes)
            if undoes is not None:
                undone.add(undoes)
            added.add(line.uid)
        index_papers(connection, sorted({line.id for line in lines if line.uid in added}))
    absent = tuple(sorted({line.id for line in lines} - there))
    return Brought(len(added), already, absent, left_out)


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


def _same(id_: str, decision: str, line: Line) -> bool:
    return (id_, decision) == (line.id, line.decision)


def _add(connection: Connection, line: Line, undoes: int | None) -> int:
    at: datetime = line.at
    row = {
        "preprint_id": line.id, "decision": line.decision, "at": at, "reason": line.reason,
        "detail": line.detail, "uid": line.uid, "reviewer": line.by, "undoes": undoes,
    }  # fmt: skip
    return int(connection.execute(decisions.insert().returning(decisions.c.id), row).scalar_one())

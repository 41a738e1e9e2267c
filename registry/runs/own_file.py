"""Runs of a method that is a file of a person's own: the copy that a run folder holds of it."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

from methods.index import MethodInfo
from methods.plugins import COPIED
from registry.runs.records import RunRecord

METHOD_COPY = "method.py"
"""The method as it was when the run was created; the worker reads this."""


def typed_name(record: RunRecord) -> str:
    """What stands behind ``registry run`` for this run: its method's slug, or the method's file."""
    source = record.spec.source if record.spec else None
    return source.path if source else record.method


def changed_source(record: RunRecord) -> str | None:
    """A sentence where the run's method is a file that is no longer what the run began with."""
    source = record.spec.source if record.spec else None
    if source is None:
        return None
    path = Path(source.path)
    now_there = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    if now_there == source.sha256:
        return None
    what = "is not there any more" if now_there is None else "has changed since the run began"
    return (
        f"{path} {what}: the run goes on with its copy, {record.folder / METHOD_COPY}; "
        "to run what stands there now, start a new run"
    )


def copy_text(info: MethodInfo) -> str:
    """The method's file as text, with a line in its docstring that says what it is a copy of."""
    text = info.path.read_text(encoding="utf-8")
    if COPIED in text:
        return text
    head = ast.parse(text).body[0]
    if not isinstance(head, ast.Expr) or head.end_lineno is None:
        return f'"""{COPIED}{info.slug}"""\n\n{text}'
    lines = text.splitlines(keepends=True)
    last = lines[head.end_lineno - 1]
    before, quotes, after = last.rpartition('"""')
    gap = "" if not before.strip() else before + "\n"
    lines[head.end_lineno - 1] = f"{gap}\n{COPIED}{info.slug}\n{quotes}{after}"
    return "".join(lines)

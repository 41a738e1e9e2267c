"""What belongs in the catalog and what does not: ``catalog/criteria.yaml``.

Its codes are what a rejection gives as its reason, so that exclusions can be counted by reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from registry.catalog import reader
from registry.catalog.models import Record, Slug, Text
from registry.catalog.problems import Problem
from registry.catalog.validation import validate
from registry.core.errors import CatalogError

FILE = "criteria.yaml"
_MOST_REASONS = 9  # one digit each in the queue


class Criterion(Record):
    """One reason to take a paper in, or to leave it out."""

    code: Slug = Field(description="Short and lasting; a rejection in the log names it.")
    text: Text


class Criteria(Record):
    """The question asked of a candidate, and the answers that decide it."""

    question: Text
    include: tuple[Criterion, ...] = Field(min_length=1)
    exclude: tuple[Criterion, ...] = Field(min_length=1, max_length=_MOST_REASONS)

    @model_validator(mode="after")
    def _codes_once(self) -> Self:
        codes = [criterion.code for criterion in (*self.include, *self.exclude)]
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise ValueError(f"the code {twice[0]!r} stands twice")
        return self

    @property
    def reasons(self) -> tuple[str, ...]:
        """The codes a rejection may give, in the order of the file."""
        return tuple(criterion.code for criterion in self.exclude)


def load_criteria(root: Path) -> Criteria | None:
    """The criteria of the catalog at ``root``; None where it has none. Raises CatalogError."""
    record, problems = _read(root / FILE)
    if problems:
        raise problems[0].error
    return record


def check_criteria(root: Path) -> list[Problem]:
    """What is wrong with the criteria of the catalog at ``root``, where it has any."""
    return _read(root / FILE)[1]


def _read(path: Path) -> tuple[Criteria | None, list[Problem]]:
    if not path.is_file():
        return None, []
    lines: reader.Lines = {}
    try:
        tree = reader.parse(path, reader.read_text(path), lines)
    except CatalogError as error:
        return None, [Problem.of(error)]
    return validate(path, Criteria, tree, lambda: lines)


def split_reason(reason: str, criteria: Criteria | None) -> tuple[str | None, str]:
    """The code that ``reason`` begins with, or None, and all of it as one line.

    >>> split_reason("too late", None)
    (None, 'too late')
    """
    line = " ".join(reason.split())
    code, _, _ = line.partition(":")
    known = criteria.reasons if criteria else ()
    return (code.strip() if code.strip() in known else None), line

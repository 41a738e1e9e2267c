"""What an audit finds: one shape for everything that is wrong in a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from registry.ingest.lists.document import Row

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

CODES: dict[str, str] = {
    "malformed-id": "an address meant for arXiv that holds no identifier",
    "impossible-id": "a number that arXiv had not reached in that month",
    "unknown-id": "an identifier that no title is known of",
    "wrong-id": "the identifier of another paper; the title belongs to one that is named",
    "other-paper": "the identifier of another paper",
    "title-differs": "a title unlike every one known: renamed, reworded or wrong",
    "withdrawn": "a paper that was withdrawn",
    "duplicate": "a paper that stands in the list already",
    "same-title": "the title of another row, with another identifier or address",
    "two-ids": "two identifiers in one row",
    "missing-id": "no identifier, though the paper is on arXiv",
    "dead-host": "an address at a host that is gone",
    "bad-address": "an address that leads nowhere",
    "date-differs": "a date that is not the identifier's",
    "unknown-section": "a section that no leaf of the taxonomy stands for",
    "broken-anchor": "a link within the page to a heading that is not there",
}
"""What can be found, and what it means."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, what, what shows it, what to do."""

    severity: Severity
    code: str
    list: str
    line: int
    title: str
    what: str
    evidence: str
    fix: str
    path: str = ""
    arxiv_id: str | None = None  # the identifier as the list has it
    suggested: str | None = None  # the identifier it should be, where one is known

    def __str__(self) -> str:
        place = f"{self.path or self.list}:{self.line}"
        said = f"{place}: {self.severity} {self.code}: {self.what}. {self.evidence}."
        return f"{said} Fix: {self.fix}." if self.fix else said


@dataclass(frozen=True)
class Report:
    """Everything found in some lists, and how much was looked at."""

    findings: tuple[Finding, ...]
    rows: int
    ids: int
    checked_titles: int  # rows whose title was held against a known one
    renamed: int  # of them, accepted under another title than the newest

    @property
    def counts(self) -> dict[str, int]:
        """How many findings there are of each code, the most first."""
        return dict(Counter(finding.code for finding in self.findings).most_common())

    def by_severity(self) -> dict[Severity, int]:
        """How many findings there are of each severity."""
        found = Counter(finding.severity for finding in self.findings)
        return {severity: found[severity] for severity in SEVERITIES}


def finding(
    name: str,
    row: Row,
    severity: Severity,
    code: str,
    what: str,
    evidence: str,
    fix: str = "",
    suggested: str | None = None,
) -> Finding:
    """A finding about ``row`` of the list ``name``."""
    return Finding(
        severity, code, name, row.line, row.title, what, evidence, fix,
        path=row.path, arxiv_id=row.arxiv_id, suggested=suggested,
    )  # fmt: skip


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """``findings`` by list and line, the gravest first."""
    return tuple(
        sorted(findings, key=lambda f: (f.list, f.path, f.line, SEVERITIES.index(f.severity)))
    )

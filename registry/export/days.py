"""When a paper appeared, as far as it is known."""

from __future__ import annotations

from datetime import date

from registry.catalog.models import Paper


def first_day(paper: Paper) -> date:
    """The day to sort and to filter by."""
    return paper.submitted


def day_text(paper: Paper) -> str:
    """The day as ``2024-01-02``, or the month as ``2024-01`` where no more is known."""
    return paper.submitted.isoformat()

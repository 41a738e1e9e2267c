"""The command group ``registry triage``; the files beside it hang their commands on it."""

from __future__ import annotations

import typer

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def triage() -> None:
    """Rank candidates, say why, and measure how good the ranking is.

    Example:

        registry triage suggest 2402.03300
        registry triage drift
    """

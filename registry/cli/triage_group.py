"""The command group ``registry triage``; the files beside it hang their commands on it."""

from __future__ import annotations

import typer

app = typer.Typer(rich_markup_mode=None)

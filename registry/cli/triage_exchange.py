"""The log of decisions as a file, out and in."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from registry.cli.output import emit, emit_json, talk
from registry.cli.triage_group import app, desk
from registry.core.errors import UsageError
from registry.core.plural import plural


@app.command("export-decisions")
def export_decisions(
    file: Path | None = typer.Argument(None, metavar="[FILE]", help="Default: stdout."),
) -> None:
    """Write the log of decisions as JSON lines.

    Example:

        registry triage export-decisions decisions.jsonl
    """
    from registry.core.atomic import write_atomic
    from registry.triage.exchange import export_decisions as lines_of

    with desk(None) as here:
        lines = list(lines_of(here.store))
    if file is None:
        for line in lines:
            emit(line)
    else:
        write_atomic(file, "".join(f"{line}\n" for line in lines))
    talk(plural(len(lines), "decision"))


@app.command("import-decisions")
def import_decisions(
    file: Path = typer.Argument(..., metavar="FILE", help="JSON lines, or - for stdin."),
    as_json: bool = typer.Option(False, "--json", help="The counts as JSON."),
) -> int:
    """Add the decisions of an export that are not here yet; safe to repeat.

    Exit code 3 where some lines were left out: their papers were never ingested here.

    Example:

        registry triage import-decisions decisions.jsonl
    """
    from registry.triage.exchange import import_decisions as bring

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read: {error}. Allowed: what `registry triage export-decisions` "
            "writes."
        ) from None
    with desk(None) as here:
        done = bring(here.store, text.splitlines(), str(file))
    if as_json:
        emit_json(done)
    talk(f"{plural(done.added, 'decision')} added, {done.known} here already")
    if done.left_out:
        ids = " ".join(done.unknown_papers[:10]) + (" ..." if done.unknown_papers[10:] else "")
        talk(
            f"{plural(done.left_out, 'line')} left out: of papers that are not in the store. Run "
            f"`registry ingest --ids {ids}`, then this again."
        )
    return 3 if done.left_out else 0

"""``registry check``: every file of the catalog and every link; it can mend the form of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.cli.output import emit, emit_json, talk
from registry.core.errors import UsageError
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.catalog.checks import Report


def check(
    fix: bool = typer.Option(
        False, "--fix", help="Rewrite files that are right but not in the registry's form."
    ),
    write_schema: bool = typer.Option(
        False, "--write-schema", help="Write the JSON Schemas of the models to catalog/schema/."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="With --fix or --write-schema: say what would be written."
    ),
    as_json: bool = typer.Option(False, "--json", help="Problems and counts as JSON."),
) -> int:
    """Check every file of the catalog and every link between them.

    Prints one problem a line as `file:line: what, allowed, fix`. The exit code is 1 where there is
    one, else 0.

    Example:

        registry check
        registry check --fix --dry-run
    """
    from registry.catalog.checks import inspect_catalog

    settings = Settings.load()
    if fix or write_schema:
        _mend(settings, fix, write_schema, dry_run)
    report = inspect_catalog(settings.catalog_dir)
    if as_json:
        _as_json(report)
    else:
        _as_text(report, settings)
    return 1 if report.problems else 0


def _mend(settings: Settings, fix: bool, write_schema: bool, dry_run: bool) -> None:
    from registry.catalog.checks import unformatted
    from registry.catalog.schema import schema_path, schema_text, stale_schemas
    from registry.core.atomic import write_atomic

    root = settings.catalog_dir
    if not settings.catalog_is_writable:
        raise UsageError(
            f"--fix and --write-schema change the catalog, and {root} belongs to an installed "
            "release. Run them in a checkout, or set REGISTRY_CATALOG_DIR to a catalog of your own."
        )
    texts = unformatted(root) if fix else []
    if write_schema:
        texts += [(schema_path(root, model), schema_text(model)) for model in stale_schemas(root)]
    for path, text in texts:
        if not dry_run:
            write_atomic(path, text)
        talk(f"{'would write' if dry_run else 'wrote'} {_shown(path)}")


def _as_json(report: Report) -> None:
    problems = [
        {"path": str(p.path), "line": p.line, "what": p.what, "allowed": p.allowed, "fix": p.fix}
        for p in report.problems
    ]
    emit_json({"problems": problems, "counts": report.counts})


def _as_text(report: Report, settings: Settings) -> None:
    from registry.core.escape import terminal

    for problem in report.problems:
        emit(terminal(f"{_shown(problem.path)}:{problem.line}: {problem.error.message}"))
    counts = report.counts
    talk(
        f"{_shown(settings.catalog_dir)}: {plural(counts['papers'], 'paper')} "
        f"({plural(counts['surveys'], 'survey')}, {counts['facts_only']:,} with facts only), "
        f"{plural(counts['claims'], 'claim')}, "
        f"{plural(counts['evidence'], 'piece of evidence', 'pieces of evidence')}, "
        f"{plural(counts['leaves'], 'leaf', 'leaves')}; the outlines name "
        f"{plural(counts['outline_papers'], 'paper')}, "
        f"{counts['outline_papers_absent']:,} of them not in the catalog and "
        f"{counts['outline_papers_facts_only']:,} without a gist"
    )
    found = len(report.problems)
    talk("no problem found" if not found else f"{plural(found, 'problem')} found")


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

"""``registry export``: the catalog, or some of its papers, in the formats of other programs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import RegistryError, UsageError
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.export.formats import Format
    from registry.export.selection import Selection


def export(
    format_: str | None = typer.Argument(
        None, metavar="FORMAT", help="The format; without one, the formats are listed."
    ),
    ids: list[str] | None = typer.Argument(
        None, metavar="ID", help="Papers, in any form of their id. Without any: all."
    ),
    more_ids: list[str] = typer.Option(
        [], "--ids", metavar="ID,ID", help="Papers too, parted by commas; repeatable."
    ),
    leaf: list[str] = typer.Option([], "--leaf", help="Only papers of this leaf; repeatable."),
    since: datetime | None = typer.Option(
        None, "--since", formats=["%Y-%m-%d"], help="Only papers submitted on this day or later."
    ),
    survey: str | None = typer.Option(
        None, "--survey", metavar="ID", help="Only papers that this survey's outline names."
    ),
    limit: int | None = typer.Option(None, "--limit", min=1, help="Only the newest so many."),
    output: Path | None = typer.Option(
        None, "--output", "--out", "-o", help="Write to this file, not to stdout."
    ),
    into: Path | None = typer.Option(
        None, "--into", help="Put the list between the two markers of this Markdown file."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be written."),
    as_json: bool = typer.Option(
        False, "--json", help="Without a format: the formats as JSON. With a file: what was done."
    ),
) -> None:
    """Write papers of the catalog in another program's format. Filters combine.

    A paper has the same key in every format, and keeps it whatever is added to the catalog.

    Example:

        registry export bibtex --output catalog.bib
        registry export csv --leaf rl/grpo-family --since 2025-01-01
        registry export awesome --into README.md
    """
    if format_ is None:
        _list(as_json)
        return
    from registry.export.formats import find_format

    found = find_format(format_)
    _check(found, output, into, dry_run, as_json)
    chosen = _chosen([*(ids or []), *more_ids], leaf, since, survey, limit)
    text = found.text(chosen)
    if output is None and into is None:
        emit(text.removesuffix("\n"))
        return
    path, data = _data(text, output, into)
    _write(path, data, found.name, len(chosen.papers), dry_run, as_json)


def _list(as_json: bool) -> None:
    from registry.export.formats import FORMATS

    rows = [
        {
            "name": one.name,
            "extension": one.extension,
            "media_type": one.media_type,
            "summary": one.summary,
            "into": one.between_markers,
        }
        for one in FORMATS.values()
    ]
    if as_json:
        emit_json(rows)
    else:
        emit_table(
            ["format", "file", "what"], ([r["name"], r["extension"], r["summary"]] for r in rows)
        )


def _check(
    format_: Format, output: Path | None, into: Path | None, dry_run: bool, as_json: bool
) -> None:
    from registry.export.formats import FORMATS

    if output is not None and into is not None:
        raise UsageError("--output and --into are both given. Allowed: one of them.")
    if into is not None and not format_.between_markers:
        fit = ", ".join(one.name for one in FORMATS.values() if one.between_markers)
        raise UsageError(f"--into is not for {format_.name}. Allowed: {fit}; else --output.")
    if output is None and into is None and (dry_run or as_json):
        named = "--dry-run" if dry_run else "--json"
        raise UsageError(
            f"{named} is for a file: add --output FILE or --into FILE. `registry export --json` "
            "lists the formats, `registry export json` writes the papers."
        )


def _chosen(
    ids: list[str],
    leaves: list[str],
    since: datetime | None,
    survey: str | None,
    limit: int | None,
) -> Selection:
    from registry.catalog.files import load_papers, load_taxonomy
    from registry.export.selection import Filters, select

    filters = Filters(
        ids=tuple(one for text in ids for one in text.split(",") if one.strip()),
        leaves=tuple(leaves),
        since=since.date() if since else None,
        survey=survey,
        limit=limit,
    )
    root = Settings.load().catalog_dir
    return select(load_papers(root), load_taxonomy(root), filters)


def _data(text: str, output: Path | None, into: Path | None) -> tuple[Path, bytes]:
    if output is not None:
        return output, text.encode()
    from registry.export.readme import replace_between

    assert into is not None
    try:
        old = into.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            f"--into {into}: no such file. Name a file that has the markers."
        ) from None
    # A link stays a link: what it leads to is replaced.
    return into.resolve(), replace_between(old, text, str(into))


def _write(path: Path, data: bytes, name: str, papers: int, dry_run: bool, as_json: bool) -> None:
    from registry.core.atomic import write_if_changed

    changed = not path.is_file() or path.read_bytes() != data
    try:
        if not dry_run:
            write_if_changed(path, data)
    except OSError as error:
        raise RegistryError(
            f"{path} cannot be written: {error.strerror}. Choose another place or free some space; "
            "what was there is as it was."
        ) from None
    if as_json:
        emit_json(
            {
                "format": name,
                "papers": papers,
                "path": path,
                "changed": changed,
                "written": changed and not dry_run,
            }
        )
    done = "would write" if dry_run else "wrote"
    talk(f"{done} {plural(papers, 'paper')} to {path}" if changed else f"{path} says it already")

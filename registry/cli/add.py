"""``registry add``: a paper becomes a file of the catalog, by hand or from files of facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from registry.cli.output import emit, emit_json, talk
from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.catalog.facts import Facts
    from registry.store.queries import Candidate
    from registry.triage.add import Added, Choice, Titles


def add(
    paper: str | None = typer.Argument(
        None, metavar="[ID]", help="The arXiv id, in any form; none adds all of --facts."
    ),
    leaf: str | None = typer.Option(
        None, metavar="GROUP/LEAF", help="What is new here; `registry list leaves`."
    ),
    secondary: list[str] = typer.Option(
        [], metavar="GROUP/LEAF", help="Another leaf; up to two times."
    ),
    gist: str | None = typer.Option(
        None, metavar="TEXT", help="What the paper does and finds, in your own words."
    ),
    method: list[str] = typer.Option(
        [], metavar="SLUG:RELATION", help="introduces, uses or analyses; repeatable."
    ),
    facts: list[Path] = typer.Option(
        [], "--facts", "--from-facts", metavar="FILE", help="JSON lines of facts; repeatable."
    ),
    titles: Path | None = typer.Option(
        None, metavar="FILE", help="Lines of id, tab, title: the real titles to check against."
    ),
    from_store: bool = typer.Option(
        False, "--from-store", help="Take the facts from what was ingested; so it is without FILE."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check all, show the diff, no change."),
    as_json: bool = typer.Option(False, "--json", help="What was added and left out, as JSON."),
) -> None:
    """Add a paper to the catalog: its facts from the store or a file, its leaf from you.

    The title is checked: it must be arXiv's for that id. Without a gist the entry holds facts only.
    With --gist and no leaf, an entry that holds facts only gets its gist. Without ID every paper
    of the files enters whose title is sure and for which somebody vouches; what is there already
    stays as it is.

    Example:

        registry add 2410.08048 --leaf reward/outcome-verifier --dry-run
        registry add 2305.10601 --gist "In our own words, what it does and finds ..." --dry-run
        registry add --from-facts papers.jsonl.gz --titles titles.tsv.gz
    """
    known = _titles(titles, from_store, facts)
    if paper is None:
        _add_all(facts, known, dry_run, as_json, chosen=bool(leaf or secondary or gist or method))
        return
    id_ = ArxivId.parse(paper).base
    if leaf is None:
        if gist is None or secondary or method:
            raise UsageError("--leaf is missing. Allowed: a leaf of `registry list leaves`.")
        added = _add_gist(id_, gist, facts, dry_run)
    else:
        from registry.triage.add import Choice

        choice = Choice(leaf, tuple(secondary), gist, tuple(method))
        added = _add_one(id_, choice, facts, known, dry_run)
    if as_json:
        emit_json(added)
    else:
        emit(added.diff.rstrip("\n") if dry_run else str(added.path))
    talk("nothing written: a dry run" if dry_run else f"added {added.paper.id}")


def _titles(path: Path | None, from_store: bool, facts: list[Path]) -> Titles:
    from registry.catalog.titles import read_titles

    if from_store and facts:
        raise UsageError("--from-store and --facts are two sources. Allowed: one of them.")
    if path is not None and not path.is_file():
        raise UsageError(f"the file of titles {path} is not there. Name a file of id, tab, title.")
    return read_titles(path) if path is not None else {}


def _add_one(id_: str, choice: Choice, paths: list[Path], titles: Titles, dry_run: bool) -> Added:
    from registry.triage.add import add_one, facts_of

    settings = Settings.load()
    if paths:
        return add_one(settings, _facts(id_, paths), choice, titles, dry_run=dry_run)
    stored = _stored(id_, settings)
    real = {id_: (*stored.former_titles, *titles.get(id_, ()))}
    return add_one(settings, facts_of(stored), choice, real, dry_run=dry_run)


def _add_all(
    paths: list[Path], titles: Titles, dry_run: bool, as_json: bool, *, chosen: bool
) -> None:
    from registry.catalog.facts import read_facts
    from registry.triage.add import add_all

    if not paths:
        raise UsageError("neither an ID nor --facts is given. See `registry add --help`.")
    if chosen:
        raise UsageError(
            "--leaf, --secondary, --gist and --method are about one paper: name its ID."
        )
    gathered = add_all(Settings.load(), read_facts(paths), titles, dry_run=dry_run)
    if as_json:
        added = [one.paper.id for one in gathered.added]
        emit_json({"added": added, "left_out": gathered.left_out, "written": not dry_run})
    else:
        for one in gathered.added:
            emit(f"{one.paper.id}\t{one.paper.leaf}\t{one.paper.title}")
    would = "would add" if dry_run else "added"
    talk(
        f"{would} {plural(len(gathered.added), 'paper')}; "
        f"{gathered.there_already:,} in the catalog already"
    )
    for reason, count in gathered.reasons.items():
        talk(f"left out {count:,}: {reason}")


def _add_gist(id_: str, gist: str, paths: list[Path], dry_run: bool) -> Added:
    from registry.store.engine import open_store
    from registry.store.queries import candidate
    from registry.triage.add import add_gist, facts_of

    settings = Settings.load()
    if paths:
        return add_gist(settings, id_, gist, _facts(id_, paths), dry_run=dry_run)
    with open_store(settings) as store:
        stored = candidate(store, id_)
    if stored is None:
        talk(f"{id_} was never ingested: whether the gist copies its abstract is not known")
    known = facts_of(stored) if stored is not None else None
    return add_gist(settings, id_, gist, known, dry_run=dry_run)


def _facts(id_: str, paths: list[Path]) -> Facts:
    from registry.catalog.facts import read_facts

    found = read_facts(paths).get(id_)
    if found is None:
        named = ", ".join(map(str, paths))
        raise UsageError(f"{id_} stands in none of {named}. Check the id, or ingest it.")
    return found


def _stored(id_: str, settings: Settings) -> Candidate:
    from registry.catalog.files import find_entry
    from registry.store.engine import open_store
    from registry.store.queries import candidate

    with open_store(settings) as store:
        stored = candidate(store, id_)
    if stored is None and (path := find_entry(settings.catalog_dir, ArxivId(id_))):
        raise UsageError(f"{id_} is in the catalog already: {path}. Edit that file instead.")
    if stored is None:
        raise UsageError(
            f"{id_} is not in the store, so nobody knows its title. Run `registry ingest --ids "
            f"{id_}` first, or name a file with --facts."
        )
    if stored.withdrawn:
        raise UsageError(
            f"{id_} v{stored.version} is withdrawn ({stored.withdrawn!r}). Look at "
            f"{ArxivId(id_).url}; a withdrawn paper is not added."
        )
    return stored

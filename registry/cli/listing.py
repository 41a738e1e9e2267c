"""``registry list``, ``registry show`` and ``registry search``.

What stands in files is read without the database; only candidates and the search open it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.cli.paper_listing import SORTS, Asked, paper_rows
from registry.core.errors import UnknownNameError, UsageError
from registry.core.settings import Settings

_WHAT = ("methods", "papers", "surveys", "leaves", "tasks")
_STATUSES = {
    "methods": ("verified", "partial", "unverified", "retired"),
    "papers": ("active", "candidate", "superseded", "withdrawn"),
    "surveys": ("active", "superseded", "withdrawn"),
}
Rows = list[dict[str, Any]]


def list_(
    what: str = typer.Argument(..., metavar="|".join(_WHAT), help="What to list."),
    status: str | None = typer.Option(
        None,
        "--status",
        help="Only these. Methods: verified, partial, unverified, retired. Papers: active, "
        "candidate (found on arXiv, not yet accepted), superseded, withdrawn.",
    ),
    family: str | None = typer.Option(
        None, "--family", help="Only methods of this family: preference, rl, merge ..."
    ),
    needs: list[str] = typer.Option(
        [], "--needs", help="Only methods that need this, or part of its name: reward; repeatable."
    ),
    category: str | None = typer.Option(
        None, "--category", help="Only papers listed there on arXiv: cs.CL, stat.ML ..."
    ),
    leaf: str | None = typer.Option(
        None, "--leaf", metavar="GROUP/LEAF", help="Only papers there; `registry list leaves`."
    ),
    since: str | None = typer.Option(
        None, "--since", metavar="DAY", help="Only papers first submitted then or later."
    ),
    until: str | None = typer.Option(
        None, "--until", metavar="DAY", help="Only papers first submitted then or earlier."
    ),
    text: str | None = typer.Option(
        None, "--text", metavar="WORDS", help="Only papers that hold all these words."
    ),
    sort: str | None = typer.Option(
        None, "--sort", metavar="|".join(SORTS), help="The order of papers."
    ),
    limit: int | None = typer.Option(
        None, "--limit", min=0, help="So many papers, 0 for all; candidates: 100 unless given."
    ),
    offset: int = typer.Option(0, "--offset", min=0, help="Leave out so many papers first."),
    as_json: bool = typer.Option(False, "--json", help="A list of objects as JSON."),
) -> None:
    """List methods, papers, surveys, the taxonomy's leaves or the built-in tasks.

    Filters combine: what is listed passes all of them.

    Example:

        registry list methods --family preference --needs reference
        registry list papers --status candidate --category cs.CL --since 2026-01-01 --json
        registry list papers --text "reward model" --sort oldest --limit 20
    """
    asked = Asked(status, category, leaf, since, until, text, sort, limit, offset)
    _check_options(what, asked, family, needs)
    rows = _methods(status, family, needs) if what == "methods" else _rows(what, asked)
    if as_json:
        emit_json(rows)
    elif rows:
        emit_table(list(rows[0]), ([_cell(value) for value in row.values()] for row in rows))
    else:
        _say_none(what, asked, family, needs)


def show(
    name: str = typer.Argument(..., metavar="METHOD|PAPER", help="A method or an arXiv id."),
    as_json: bool = typer.Option(False, "--json", help="All facts as one JSON object."),
) -> None:
    """Show all facts of one method, or of one paper: claims beside what we measured.

    A paper may be written in any form: 2305.18290, arXiv:2305.18290v3, a link.

    Example:

        registry show dpo
        registry show https://arxiv.org/abs/2305.18290
    """
    from registry.cli import cards

    facts, card = cards.find(name, Settings.load())
    if note := cards.version_note(name, facts):
        talk(note)
    if as_json:
        emit_json(facts)
    else:
        for line in card(facts):
            emit(line)


def search(
    text: list[str] = typer.Argument(..., metavar="TEXT", help="Words; quotes are not needed."),
    limit: int = typer.Option(20, "--limit", min=1, max=200, help="Hits at most."),
    as_json: bool = typer.Option(False, "--json", help="A list of hits as JSON."),
) -> None:
    """Search methods, papers of the catalog and candidates by their text, the best hit first.

    Example:

        registry search preference optimization
        registry search verifier --limit 5 --json
    """
    from registry.store.engine import open_store
    from registry.store.index import words as words_in
    from registry.store.queries import search as ask
    from registry.store.sync import refresh

    settings = Settings.load()
    words = " ".join(text)
    if not words_in(words):
        raise UsageError(
            f"search {words!r}: give at least one word, for example `registry search preference`"
        )
    with open_store(settings) as store:
        refresh(store, settings)
        hits = ask(store, words, limit)
    if as_json:
        emit_json(hits)
    elif hits:
        emit_table(
            ["id", "kind", "status", "title"],
            ([hit.id, hit.kind, hit.status, hit.title] for hit in hits),
        )
    else:
        talk(f"nothing found for {words!r}; fewer or other words may find more")


def _check_options(what: str, asked: Asked, family: str | None, needs: Sequence[str]) -> None:
    if what not in _WHAT:
        raise UnknownNameError("list", what, _WHAT, "registry list --help")
    _check_status(what, asked.status)
    if what != "methods" and (family or needs):
        given = f"--family {family}" if family else f"--needs {needs[0]}"
        raise UsageError(f"{given} is for methods. Say: registry list methods {given}")
    if what not in ("papers", "surveys") and asked.given:
        raise UsageError(f"{asked.given} is for papers: registry list papers {asked.given} ...")
    if what == "surveys" and asked.text is not None:
        raise UsageError("--text is for papers: registry list papers --text ...")


def _say_none(what: str, asked: Asked, family: str | None, needs: Sequence[str]) -> None:
    filters = {"status": asked.status, "family": family, "category": asked.category,
               "leaf": asked.leaf, "text": asked.text}  # fmt: skip
    parts = [f"{name} {value}" for name, value in filters.items() if value]
    parts += [f"need of {need}" for need in needs]
    parts += [f"a first version from {asked.since}"] * bool(asked.since)
    parts += [f"a first version until {asked.until}"] * bool(asked.until)
    talk(f"no {what}" + (f" with {' and '.join(parts)}" if parts else ""))


def _check_status(what: str, status: str | None) -> None:
    allowed = _STATUSES.get(what, ())
    if status is None or status in allowed:
        return
    if not allowed:
        raise UsageError(f"{what} have no status. Leave out --status {status}.")
    raise UnknownNameError(f"status of {what}", status, allowed, "registry list --help")


def _rows(what: str, asked: Asked) -> Rows:
    if what == "tasks":
        from methods.engine.tasks import TASKS

        return [{"name": task.name, "summary": task.summary} for task in TASKS]
    settings = Settings.load()
    if what == "leaves":
        return _leaves(settings)
    return paper_rows(asked, settings, surveys=what == "surveys")


def _methods(status: str | None, family: str | None, needs: Sequence[str]) -> Rows:
    from registry.runs.known import broken_packages, known_methods

    known = known_methods()
    for sentence in broken_packages():
        talk(sentence)
    families = {info.family for info in known}
    if family is not None and family not in families:
        raise UnknownNameError("family of methods", family, families, "registry list methods")
    for need in needs:
        there = {n for info in known for n in info.needs}
        if not any(_is_part(need, n) for n in there):
            raise UnknownNameError("need of methods", need, there, "registry list methods --json")
    return [
        {
            "slug": info.slug,
            "name": info.name,
            "family": info.family,
            "paper": info.paper,
            "status": info.status,
        }
        for info in known
        if status in (None, info.status)
        and family in (None, info.family)
        and all(any(_is_part(need, n) for n in info.needs) for need in needs)
    ]


def _is_part(asked: str, need: str) -> bool:
    return asked.strip().lower() in need.lower()


def _leaves(settings: Settings) -> Rows:
    from registry.catalog.files import load_papers, load_taxonomy

    count: dict[str, int] = {}
    for paper in load_papers(settings.catalog_dir).values():
        for slug in paper.leaves:
            count[slug] = count.get(slug, 0) + 1
    return [
        {
            "slug": leaf.slug,
            "title": leaf.title,
            "group": group.slug,
            "papers": count.get(leaf.slug, 0),
            "scope": leaf.scope,
        }
        for group in load_taxonomy(settings.catalog_dir).groups
        for leaf in group.leaves
    ]


def _cell(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _joined(value) or None
    return value


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))

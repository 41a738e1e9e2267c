"""``registry list``, ``registry show`` and ``registry search``.

What stands in files is read without the database; only candidates and the search open it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import UnknownNameError, UsageError
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.catalog.models import Paper

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
    as_json: bool = typer.Option(False, "--json", help="A list of objects as JSON."),
) -> None:
    """List methods, papers, surveys, the taxonomy's leaves or the built-in tasks.

    Filters combine: what is listed passes all of them.

    Example:

        registry list methods --family preference --needs reference
        registry list papers --status candidate --json
    """
    if what not in _WHAT:
        raise UnknownNameError("list", what, _WHAT, "registry list --help")
    _check_status(what, status)
    if what != "methods" and (family or needs):
        given = f"--family {family}" if family else f"--needs {needs[0]}"
        raise UsageError(f"{given} is for methods. Say: registry list methods {given}")
    rows = _methods(status, family, needs) if what == "methods" else _rows(what, status)
    if as_json:
        emit_json(rows)
    elif rows:
        emit_table(list(rows[0]), ([_cell(value) for value in row.values()] for row in rows))
    else:
        asked = [f"status {status}"] * bool(status) + [f"family {family}"] * bool(family)
        asked += [f"need of {need}" for need in needs]
        talk(f"no {what}" + (f" with {' and '.join(asked)}" if asked else ""))


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


def _check_status(what: str, status: str | None) -> None:
    allowed = _STATUSES.get(what, ())
    if status is None or status in allowed:
        return
    if not allowed:
        raise UsageError(f"{what} have no status. Leave out --status {status}.")
    raise UnknownNameError(f"status of {what}", status, allowed, "registry list --help")


def _rows(what: str, status: str | None) -> Rows:
    if what == "tasks":
        from methods.engine.tasks import TASKS

        return [{"name": task.name, "summary": task.summary} for task in TASKS]
    settings = Settings.load()
    if what == "leaves":
        return _leaves(settings)
    if status == "candidate":
        return _candidates(settings)
    from registry.catalog.files import load_papers
    from registry.catalog.models import Survey

    papers = load_papers(settings.catalog_dir).values()
    return [
        _paper(paper)
        for paper in papers
        if status in (None, paper.status) and (what == "papers" or isinstance(paper, Survey))
    ]


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


def _paper(paper: Paper) -> dict[str, Any]:
    return {
        "id": paper.id,
        "title": paper.title,
        "status": paper.status,
        "leaves": list(paper.leaves),
        "methods": [link.slug for link in paper.methods],
    }


def _candidates(settings: Settings) -> Rows:
    from registry.store.engine import open_store
    from registry.store.queries import candidates
    from registry.store.sync import refresh

    with open_store(settings) as store:
        refresh(store, settings)  # what was accepted since is no candidate any more
        found = candidates(store)
    return [
        {
            "id": candidate.id,
            "title": candidate.title,
            "status": "candidate",
            "leaves": list(getattr(candidate, "leaves", ())),
            "methods": [],
        }
        for candidate in found
    ]


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

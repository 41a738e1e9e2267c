"""A candidate becomes a file of the catalog.

Accepting is one step: the file, the line in the log and the mirror in the store come together or
not at all. The abstract stays in the store; a gist is written by whoever accepts, or later.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import Connection, select

from registry.catalog.facts import arxiv_categories
from registry.catalog.files import dump_entry, entry_path, find_entry, load_paper, load_taxonomy
from registry.catalog.gists import check_gist
from registry.catalog.method_links import method_links
from registry.catalog.models import Paper, Taxonomy
from registry.catalog.one_entry import entry_problems
from registry.catalog.taxonomy import find_leaves
from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.index import words
from registry.store.queries import Candidate, candidate, decide
from registry.store.schema import papers
from registry.store.standing import Standing
from registry.store.sync import refresh
from registry.triage.filing import change_entry, require_writable
from registry.triage.turns import ANYBODY, By, check_turn


@dataclass(frozen=True)
class Proposal:
    """What the curator decides about a candidate. ``methods`` are written ``slug:relation``."""

    leaf: str
    gist: str | None = None  # None: an entry of facts only
    secondary: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    licence: str | None = None
    venue: str | None = None


@dataclass(frozen=True)
class Accepted:
    """The entry made, its text and where it stands, or would where it was not written."""

    paper: Paper
    path: Path
    text: str
    written: bool  # False after a dry run, and for one of two reviewers alone


def accept(
    store: Store,
    settings: Settings,
    id_: str,
    proposal: Proposal,
    *,
    by: By = ANYBODY,
    dry_run: bool = False,
) -> Accepted:
    """Turn the candidate ``id_`` into a file of the catalog, log it, and synchronise the store.

    Where ``by`` decides beside others the file comes with the second acceptance, the first is
    logged alone; so is one that contradicts a rejection, or that finds an entry there. Raises
    UsageError where the candidate or the proposal will not do, Overtaken where somebody else has
    decided, CatalogError where ``registry check`` would find a problem afterwards; nothing is
    changed then. With ``dry_run`` everything is checked and nothing changed.
    """
    root = settings.catalog_dir
    require_writable(settings)
    refresh(store, settings)
    found = _candidate(store, root, ArxivId.parse(id_))
    taxonomy = load_taxonomy(root)
    paper = _entry(found, proposal, taxonomy)
    path, text = entry_path(root, paper), dump_entry(paper)
    if problems := entry_problems(root, paper, taxonomy, _alike(store, root, paper)):
        raise problems[0].error
    with store.read() as connection:
        standing = check_turn(connection, paper.id, by)
    if not _is_alone(root, paper, standing, by):
        _refuse_second_file(root, paper, standing, by)
    if dry_run:
        return Accepted(paper, path, text, written=False)
    alone = _log_alone(store, root, paper, by)
    if not alone:
        _keep(store, root, paper, proposal, by)
    return Accepted(paper, path, text, written=not alone)


def _candidate(store: Store, root: Path, id_: ArxivId) -> Candidate:
    found = candidate(store, id_.base)
    if found is None and (path := find_entry(root, id_)):
        raise UsageError(f"{id_.base} is in the catalog already: {path}. Edit that file instead.")
    if found is None:
        raise UsageError(
            f"{id_.base} is no candidate: it was never ingested. Run `registry ingest --ids "
            f"{id_.base}` first; `registry list papers --status candidate` lists what is there."
        )
    if found.withdrawn:
        raise UsageError(
            f"{found.id} v{found.version} is withdrawn ({found.withdrawn!r}), and a withdrawn "
            f"paper is not accepted. Look at https://arxiv.org/abs/{found.id}; if it is back, run "
            f"`registry ingest --ids {found.id}` first."
        )
    return found


def _entry(found: Candidate, proposal: Proposal, taxonomy: Taxonomy) -> Paper:
    leaf, *secondary = find_leaves(taxonomy, (proposal.leaf, *proposal.secondary))
    if proposal.gist is not None:
        check_gist(proposal.gist, found.abstract)
    links = method_links(proposal.methods)
    updated = found.updated.date() if found.version > 1 else None
    try:
        return Paper.model_validate(
            {
                "id": found.id,
                "title": found.title,
                "former_titles": found.former_titles,
                "authors": found.authors,
                "submitted": found.published.date(),
                "updated": updated,
                "categories": arxiv_categories(found.categories),
                "licence": proposal.licence,
                "venue": proposal.venue,
                "doi": found.doi,
                "leaf": leaf,
                "secondary": secondary,
                "gist": None if proposal.gist is None else " ".join(proposal.gist.split()),
                "methods": links,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"{found.id} makes no entry of the catalog: {place}: {first['msg']}."
        ) from None


def _alike(store: Store, root: Path, paper: Paper) -> list[Paper]:
    """The entries whose titles have the words of this one's."""
    title = words(paper.title)
    with store.read() as connection:
        rows = connection.execute(select(papers.c.id, papers.c.title)).all()
    paths = (find_entry(root, ArxivId(row.id)) for row in rows if words(row.title) == title)
    return [load_paper(path) for path in paths if path is not None]


def _keep(store: Store, root: Path, paper: Paper, proposal: Proposal, by: By) -> None:
    def change(connection: Connection) -> Paper:
        standing = check_turn(connection, paper.id, by)
        _refuse_second_file(root, paper, standing, by)
        text = dump_entry(paper).encode()
        detail = _leaves_of(paper) | {
            "methods": list(proposal.methods),
            "file": hashlib.sha256(text).hexdigest(),  # an undo removes this file, no other
        }
        decide(connection, paper.id, "accept", None, detail | _settling(by), reviewer=by.reviewer)
        return paper

    change_entry(store, root, entry_path(root, paper), paper.id, change)


def _refuse_second_file(root: Path, paper: Paper, standing: Standing, by: By) -> None:
    there = find_entry(root, ArxivId(paper.id))
    if there is None:
        return
    # The same file without its line: whoever accepted it was killed between the two.
    logged = any("file" in vote.detail for vote in standing.votes)
    if logged or not _is_same(there, paper) or (standing.state == "accepted" and not by.beside):
        raise UsageError(f"{paper.id} is in the catalog already: {there}. Edit that file instead.")


def _is_alone(root: Path, paper: Paper, standing: Standing, by: By) -> bool:
    """Whether this acceptance makes no entry: it is one of two, and not the one that completes."""
    if not by.beside:
        return False
    others = standing.votes_of_others(by.reviewer or "")
    if not others or any(vote.verdict == "out" for vote in others):
        return True
    there = find_entry(root, ArxivId(paper.id))
    # The same file without a line: whoever completed it was killed between the two.
    killed = there is not None and not any("file" in vote.detail for vote in others)
    return there is not None and not (killed and _is_same(there, paper))


def _log_alone(store: Store, root: Path, paper: Paper, by: By) -> bool:
    """Log the acceptance without an entry; False, and nothing done, where it makes one."""
    with store.write(durable=True) as connection:
        if not _is_alone(root, paper, check_turn(connection, paper.id, by), by):
            return False
        decide(connection, paper.id, "accept", None, _leaves_of(paper), reviewer=by.reviewer)
    return True


def _is_same(path: Path, paper: Paper) -> bool:
    return path.read_text(encoding="utf-8") == dump_entry(paper)


def _leaves_of(paper: Paper) -> dict[str, object]:
    others = {"secondary": list(paper.secondary)} if paper.secondary else {}
    return {"leaf": paper.leaf, **others}


def _settling(by: By) -> dict[str, object]:
    return {"settles": True} if by.settles else {}

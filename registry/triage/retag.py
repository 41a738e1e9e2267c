"""Another place in the taxonomy: for a candidate a note, for an entry a change of its file."""

from __future__ import annotations

from sqlalchemy import Connection

from registry.catalog.files import find_entry, load_paper, load_survey, load_taxonomy
from registry.catalog.models import Paper
from registry.catalog.one_entry import entry_problems
from registry.catalog.taxonomy import find_leaves
from registry.core.errors import UsageError
from registry.core.ids import ArxivId
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import decide
from registry.store.schema import preprints
from registry.store.standing import Decision
from registry.store.sync import refresh
from registry.triage.filing import change_entry, require_writable
from registry.triage.turns import ANYBODY, By


def retag(
    store: Store,
    settings: Settings,
    id_: str,
    leaf: str,
    secondary: tuple[str, ...] = (),
    *,
    by: By = ANYBODY,
) -> Decision:
    """Say that ``id_`` belongs to ``leaf`` and ``secondary``.

    A candidate is offered these leaves when it is accepted; the file of an entry is changed at
    once. Raises UsageError, and CatalogError where the entry would be wrong.
    """
    leaves = find_leaves(load_taxonomy(settings.catalog_dir), (leaf, *secondary))
    own = ArxivId.parse(id_)
    detail: dict[str, object] = {"leaf": leaves[0]}
    if leaves[1:]:
        detail["secondary"] = list(leaves[1:])
    with store.read() as connection:
        known = connection.execute(preprints.select().where(preprints.c.id == own.base)).first()
    if known is None:
        raise UsageError(
            f"{own.base} is not in the store, so nothing can be logged about it. Run `registry "
            f"ingest --ids {own.base}` first."
        )
    if find_entry(settings.catalog_dir, own):
        return _change_file(store, settings, own, leaves, detail, by)
    with store.write(durable=True) as connection:
        return decide(connection, own.base, "retag", None, detail, reviewer=by.reviewer)


def with_leaves(paper: Paper, leaves: tuple[str, ...]) -> Paper:
    """``paper`` at other leaves; sources of leaves that it leaves behind go with them."""
    changed: dict[str, object] = {"leaf": leaves[0], "secondary": leaves[1:]}
    sources = getattr(paper, "leaf_sources", {})
    if sources:
        changed["leaf_sources"] = {leaf: sources[leaf] for leaf in leaves if leaf in sources}
    return type(paper).model_validate(paper.model_dump() | changed)


def _change_file(
    store: Store,
    settings: Settings,
    own: ArxivId,
    leaves: tuple[str, ...],
    detail: dict[str, object],
    by: By,
) -> Decision:
    root = settings.catalog_dir
    require_writable(settings)
    refresh(store, settings)
    path = find_entry(root, own)
    assert path is not None
    load = load_survey if path.parent.name == "surveys" else load_paper

    def change(connection: Connection) -> Paper:
        paper = load(path)
        if paper.leaves == leaves:
            raise UsageError(f"{own.base} stands at {', '.join(leaves)} already.")
        changed = with_leaves(paper, leaves)
        taxonomy = load_taxonomy(root)
        before = {str(problem) for problem in entry_problems(root, paper, taxonomy)}
        for problem in entry_problems(root, changed, taxonomy):
            if str(problem) not in before:
                raise problem.error
        was = detail | {"was": list(paper.leaves)}
        lines.append(decide(connection, own.base, "retag", None, was, reviewer=by.reviewer))
        return changed

    lines: list[Decision] = []
    change_entry(store, root, path, own.base, change)
    return lines[0]

"""The store itself, the mirror in it, the schemas, evidence, and what ``registry check`` finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select, text

from registry.catalog.checks import inspect_catalog
from registry.catalog.schema import schema_path, schema_text, stale_schemas
from registry.doctor.finding import Finding, Patient, register
from registry.store.engine import Store
from registry.store.schema import papers
from registry.store.sync import forget_fingerprint, is_current, refresh


@register("schema")
def schema(patient: Patient) -> Iterator[Finding]:
    """JSON Schemas that are not what the models say."""
    root = patient.settings.catalog_dir
    for model in stale_schemas(root):
        path = schema_path(root, model)
        what = "the schema is not what the model says"
        yield Finding("schema", path, what, "write it again", text=schema_text(model))


@register("evidence")
def evidence(patient: Patient) -> Iterator[Finding]:
    """Evidence whose paper or claim is gone."""
    for path, one in patient.evidence:
        entry = patient.entries.get(one.paper)
        if one.paper in patient.unreadable:
            continue  # the entry's own fault is told
        if entry is None:
            what = f"the evidence is of {one.paper}, which has no entry"
            yield Finding("evidence", path, what, "add the entry or remove the file")
        elif one.claim not in (claim.id for claim in entry.paper.claims):
            what = f"the evidence is of the claim {one.claim}, which {one.paper} does not have"
            yield Finding("evidence", path, what, "add the claim or remove the file")


@register("database")
def database(patient: Patient) -> Iterator[Finding]:
    """Damage that SQLite's own quick check finds."""
    if patient.store is None or not patient.store.is_sqlite:
        return
    with patient.store.read() as connection:
        said = connection.execute(text("PRAGMA quick_check(20)")).scalars().all()
    for line in said:
        if line != "ok":
            fix = "move the file away: the mirror is built anew, candidates come with an ingest"
            yield Finding("database", _place(patient.store), str(line), fix)


@register("mirror")
def mirror(patient: Patient) -> Iterator[Finding]:
    """A mirror of the catalog in the store that is not the catalog."""
    store, settings = patient.store, patient.settings
    if store is None:
        return
    if not is_current(store, settings):
        what = "the catalog's files changed since the store mirrored them"
        yield Finding(
            "mirror", _place(store), what, "mirror again", deed=lambda: refresh(store, settings)
        )
        return
    with store.read() as connection:
        held = {
            row.id: row.title for row in connection.execute(select(papers.c.id, papers.c.title))
        }
    if held != {id_: entry.paper.title for id_, entry in patient.entries.items()}:
        what = "the mirror calls itself current and holds other papers than the catalog"
        yield Finding(
            "mirror", _place(store), what, "mirror again", deed=lambda: _anew(patient, store)
        )


@register("catalog")
def catalog(patient: Patient) -> Iterator[Finding]:
    """Whatever else ``registry check`` finds; a person has to mend it."""
    for problem in inspect_catalog(patient.settings.catalog_dir).problems:
        what = f"line {problem.line}: {problem.what}"
        yield Finding("catalog", problem.path, what, problem.fix or problem.allowed)


def _anew(patient: Patient, store: Store) -> None:
    forget_fingerprint(store)
    refresh(store, patient.settings)


def _place(store: Store) -> Path:
    return Path(str(store.engine.url.database))

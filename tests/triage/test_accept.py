from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import registry
from registry.catalog.checks import check_catalog
from registry.catalog.files import dump_entry, load_paper, save_entry
from registry.catalog.models import MethodLink, Paper
from registry.core.errors import CatalogError, RegistryError, UnknownNameError, UsageError
from registry.core.settings import Settings
from registry.store.engine import Store
from registry.store.queries import abstracts, candidates, decisions_on, search
from registry.store.sync import refresh
from registry.triage import accept as accepting
from registry.triage import filing
from registry.triage.accept import Proposal, accept
from registry.triage.decisions import reject
from registry.triage.retag import retag
from tests.catalog import fabricated
from tests.triage.conftest import ABSTRACT

ID = "2603.00001"
GIST = "Nothing grows from made-up seeds, and the authors say so at length."
PROPOSAL = Proposal("fruit/apples", GIST)


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_candidate_becomes_an_entry_with_what_arxiv_knows(
    store: Store, settings: Settings
) -> None:
    proposal = replace(
        PROPOSAL, secondary=("roots/carrots",), methods=("dpo:uses",), licence="CC BY 4.0"
    )

    accepted = accept(store, settings, "https://arxiv.org/abs/2603.00001v2", proposal)

    paper = load_paper(settings.catalog_dir / "papers" / "2603.00001.yaml")
    assert paper == accepted.paper
    assert (paper.title, paper.former_titles) == ("On Seeds", ("Early Seeds",))
    assert (paper.submitted, paper.updated) == (date(2026, 3, 2), date(2026, 4, 2))
    assert paper.categories == ("cs.LG", "stat.ML")
    assert paper.leaves == ("fruit/apples", "roots/carrots")
    assert paper.methods == (MethodLink(slug="dpo", relation="uses"),)
    assert (paper.licence, paper.doi, paper.gist) == ("CC BY 4.0", "10.1000/x", GIST)


def test_afterwards_the_check_finds_nothing_new_and_the_store_knows(
    store: Store, settings: Settings
) -> None:
    before = check_catalog(settings.catalog_dir)

    accept(store, settings, ID, PROPOSAL)

    assert check_catalog(settings.catalog_dir) == before
    assert ID not in [c.id for c in candidates(store)]
    assert {hit.id: hit.status for hit in search(store, "seeds")}[ID] == "active"
    [decision] = decisions_on(store, ID)
    said = {name: decision.detail[name] for name in ("leaf", "methods")}
    assert (decision.decision, said) == ("accept", {"leaf": "fruit/apples", "methods": []})


def test_the_abstract_stays_in_the_store(store: Store, settings: Settings) -> None:
    accept(store, settings, ID, PROPOSAL)

    assert ABSTRACT[:40].encode() not in b"".join(files(settings.catalog_dir).values())
    assert abstracts(store, [ID]) == {ID: ABSTRACT}


def test_a_dry_run_shows_the_file_and_changes_nothing(store: Store, settings: Settings) -> None:
    before = files(settings.catalog_dir)

    accepted = accept(store, settings, ID, PROPOSAL, dry_run=True)

    assert not accepted.written
    assert accepted.text == dump_entry(accepted.paper)
    assert files(settings.catalog_dir) == before
    assert decisions_on(store, ID) == []
    assert ID in [c.id for c in candidates(store)]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"leaf": "fruit/aples"}, UnknownNameError, "Did you mean 'fruit/apples'"),
        ({"leaf": "../../x"}, UnknownNameError, "unknown leaf"),
        ({"secondary": ("nuts/all",)}, UnknownNameError, "unknown leaf 'nuts/all'"),
        ({"secondary": ("fruit/apples",)}, UsageError, "named twice"),
        ({"methods": ("grop:uses",)}, UnknownNameError, "Did you mean 'grpo'"),
        ({"methods": ("dpo",)}, UsageError, "introduces|uses|analyses"),
        ({"methods": ("dpo:likes",)}, UsageError, "names no relation"),
        ({"methods": ("dpo:introduces",)}, CatalogError, "that method is read from 2305.18290"),
        ({"gist": "Too short."}, UsageError, "has 2 words"),
        ({"gist": ABSTRACT}, UsageError, "copies the abstract"),
        ({"gist": f"They say: {ABSTRACT.upper()}"}, UsageError, "copies the abstract"),
        ({"licence": ""}, UsageError, "licence"),
    ],
)
def test_a_proposal_that_will_not_do_changes_nothing(
    store: Store, settings: Settings, changes: dict[str, object], error: type[Exception], words: str
) -> None:
    before = files(settings.catalog_dir)

    with pytest.raises(error, match=words):
        accept(store, settings, ID, replace(PROPOSAL, **changes))  # type: ignore[arg-type]

    assert files(settings.catalog_dir) == before
    assert decisions_on(store, ID) == []


@pytest.mark.parametrize(
    ("id_", "words"),
    [
        ("2603.00002", r"withdrawn by the author.*registry ingest --ids"),
        ("2401.00001", r"in the catalog already: .*2401\.00001\.yaml"),
        ("2603.00009", r"never ingested\. Run `registry ingest --ids 2603\.00009`"),
        ("2502.143", "not an arXiv identifier"),
    ],
)
def test_what_cannot_be_accepted_says_why(
    store: Store, settings: Settings, id_: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        accept(store, settings, id_, PROPOSAL)


def test_accepting_twice_is_refused(store: Store, settings: Settings) -> None:
    accept(store, settings, ID, PROPOSAL)

    with pytest.raises(UsageError, match="in the catalog already"):
        accept(store, settings, ID, PROPOSAL)
    assert len(decisions_on(store, ID)) == 1


STEPS = {"decide": accepting, "save_entry": filing, "mirror_entry": filing, "mark_mirrored": filing}


@pytest.mark.parametrize("step", STEPS)
def test_a_failure_at_any_step_leaves_neither_file_nor_decision(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = files(settings.catalog_dir)
    original = getattr(STEPS[step], step)

    def breaks(*arguments: object, **named: object) -> None:
        original(*arguments, **named)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(STEPS[step], step, breaks)

    with pytest.raises(RegistryError, match="No space left"):
        accept(store, settings, ID, PROPOSAL)

    assert files(settings.catalog_dir) == before
    assert decisions_on(store, ID) == []
    assert ID in [c.id for c in candidates(store)]


def test_a_catalog_with_an_old_fault_elsewhere_is_not_written_to(
    store: Store, settings: Settings
) -> None:
    (settings.catalog_dir / "papers" / "2401.00002.yaml").write_text("id: [broken\n")

    with pytest.raises(CatalogError, match=r"2401\.00002\.yaml"):
        accept(store, settings, ID, PROPOSAL)

    assert not (settings.catalog_dir / "papers" / "2603.00001.yaml").exists()
    assert decisions_on(store, ID) == []


def test_the_catalog_inside_an_installed_package_is_not_written_to(
    store: Store, settings: Settings
) -> None:
    inside = Path(registry.__file__).parent / "_data" / "catalog"

    with pytest.raises(UsageError, match="REGISTRY_CATALOG_DIR"):
        accept(store, replace(settings, catalog_dir=inside), ID, PROPOSAL)


def test_a_rejected_candidate_leaves_the_queue_and_can_still_be_accepted(
    store: Store, settings: Settings
) -> None:
    assert reject(store, settings, "arXiv:2603.00001v1", " off topic ").preprint_id == ID
    assert ID not in [c.id for c in candidates(store)]

    accept(store, settings, ID, PROPOSAL)

    assert [(d.decision, d.reason) for d in decisions_on(store, ID)] == [
        ("reject", "off topic"), ("accept", None),
    ]  # fmt: skip


def test_a_rejection_needs_a_reason(store: Store, settings: Settings) -> None:
    with pytest.raises(UsageError, match="--reason is empty"):
        reject(store, settings, ID, "  ")


def test_an_entry_alike_by_title_is_refused(store: Store, settings: Settings) -> None:
    fabricated.write(settings.catalog_dir, fabricated.paper("2401.00007", title="On: Seeds!"))

    with pytest.raises(CatalogError, match="has the same title"):
        accept(store, settings, ID, PROPOSAL)


def test_what_is_accepted_is_mirrored_without_reading_the_other_files(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "load_catalog", None)

    accept(store, settings, ID, PROPOSAL)

    assert not refresh(store, settings)  # the mirror agrees with the files already
    assert {hit.id: hit.status for hit in search(store, "seeds")}[ID] == "active"


def test_files_edited_meanwhile_are_mirrored_too(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edits(root: Path, entry: Paper) -> None:
        save_entry(root, fabricated.paper("2401.00008", title="Quokka"))
        save_entry(root, entry)

    monkeypatch.setattr(filing, "save_entry", edits)

    accept(store, settings, ID, PROPOSAL)

    assert [hit.id for hit in search(store, "quokka")] == ["2401.00008"]


def test_what_is_accepted_without_a_gist_has_none_or_is_refused(
    store: Store, settings: Settings
) -> None:
    proposal = Proposal("fruit/apples")
    if Paper.model_fields["gist"].is_required():
        with pytest.raises(UsageError, match="--gist is missing"):
            accept(store, settings, ID, proposal)
    else:
        assert accept(store, settings, ID, proposal).paper.gist is None


def test_a_leaf_may_be_called_by_an_older_name(store: Store, settings: Settings) -> None:
    line = retag(store, settings, ID, "fruit/pommes", ("fruit/pears",))
    assert line.detail == {"leaf": "fruit/apples", "secondary": ["fruit/pears"]}
    assert accept(store, settings, ID, Proposal("fruit/pommes")).paper.leaf == "fruit/apples"

    with pytest.raises(UsageError, match="named twice"):
        retag(store, settings, ID, "fruit/pommes", ("fruit/apples",))

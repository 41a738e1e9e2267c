"""``registry show`` on a paper: each claim with what was found, and the known discrepancies."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog import fabricated
from tests.cli.test_listing import as_json, run

CLAIMS = [
    {"id": "c1", "text": "It digs.", "where": "Table 1", "kind": "result"},
    {
        "id": "c2", "text": "It soars.", "where": "Abstract", "kind": "theory",
        "untested": "Spades do not fly.", "bearing": ["dpo-sentiment"],
    },
    {
        "id": "c3", "text": "It sings.", "where": "Abstract", "kind": "result",
        "experiment": "active-llm-annotator",
    },
]  # fmt: skip
DISCREPANCY = {
    "id": "d1", "between": "paper and code", "text": "The code digs twice.", "where": "dig.py",
    "source": "the code", "settled": "We dig once.", "claims": ["c1"],
}  # fmt: skip


@pytest.fixture
def catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A made-up paper with a measured claim, one measured elsewhere and one that waits."""
    root = fabricated.write(
        tmp_path / "catalog",
        fabricated.paper(claims=CLAIMS, discrepancies=[DISCREPANCY]),
        fabricated.evidence(),
        fabricated.evidence(method="dpo", paper="2305.18290", verdict="sign only"),
    )
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(root))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path / 'registry.db'}")
    return root


def words(out: str) -> str:
    return " ".join(out.split())


def test_each_claim_has_its_finding(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "2401.00001")
    assert code == 0
    shown = words(out)
    for fact in (
        "c1 (result; Table 1): It digs. = reproduced at scale tiny (2026-11-20). deeper: +1.1",
        "2 seeds, 2 runs of 4.5 s in all on cpu.",
        "= measured elsewhere: Spades do not fly.",
        "bearing on it (claim c1 of 2305.18290, experiment dpo-sentiment)",
        "sign only at scale tiny",
        "= not measured yet: The experiment active-llm-annotator is written. registry verify "
        "llm-annotator --experiment active-llm-annotator --scale smollm2",
        "scale tiny cannot tell: The tiny decoder knows nothing",
    ):
        assert fact in shown, fact


def test_discrepancies_stand_behind_the_claims(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = words(run(capsys, "show", "2401.00001")[1])
    behind = shown[shown.index("Known discrepancies") :]
    assert "d1 (paper and code; dig.py; bears on c1): The code digs twice." in behind
    assert "read in: the code" in behind and "here: We dig once." in behind


def test_json_has_the_findings_and_the_discrepancies(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = as_json(capsys, "show", "2401.00001")
    assert facts["discrepancies"] == [DISCREPANCY]
    first, second, third = facts["claims"]
    assert (first["state"], first["why"]) == ("measured", None)
    assert [first["evidence"][0][key] for key in ("seeds", "runs", "seconds", "device")] == [
        2, 2, 4.5, "cpu",
    ]  # fmt: skip
    assert second["state"] == "measured elsewhere"
    assert [(b["paper"], len(b["evidence"])) for b in second["bearing"]] == [("2305.18290", 1)]
    assert third["command"].startswith("registry verify llm-annotator")
    assert set(third["untestable"]) == {"tiny"}


def test_a_paper_that_agrees_with_itself_has_no_such_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fabricated.write(tmp_path / "catalog", fabricated.paper(claims=CLAIMS[:1]))
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(root))
    out = run(capsys, "show", "2401.00001")[1]
    assert "Known discrepancies" not in out
    assert "not tested: No experiment of ours tests it yet." in words(out)

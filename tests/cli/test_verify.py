from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from methods.experiments import EXPERIMENTS, find_experiment
from registry.catalog.checks import check_catalog
from registry.catalog.models import Evidence
from registry.cli.app import main
from registry.core.settings import Settings
from tests.runs.workplace import ROOT, Workplace

Capture = pytest.CaptureFixture[str]


def test_evidence_is_written_where_it_was_asked_for_and_weighed_on_stdout(
    workplace: Workplace, capsys: Capture, tmp_path: Path
) -> None:
    out = tmp_path / "evidence"
    words = ["verify", "sft", "--claim", "c1", "--seeds", "2", "--device", "cpu", "--out", str(out)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    path = out / "sft" / "c1-tiny.json"
    assert "verdict: reproduced" in shown
    assert f"written: {path}" in shown
    evidence = Evidence.model_validate_json(path.read_text())
    assert (evidence.method, evidence.claim, evidence.verdict) == ("sft", "c1", "reproduced")
    content = path.read_bytes()
    assert main([*words, "--json"]) == 0
    assert path.read_bytes() == content
    assert json.loads(capsys.readouterr().out)[0]["evidence"]["verdict"] == "reproduced"


def test_evidence_is_in_the_form_that_check_asks_for(
    workplace: Workplace, capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "catalog"
    shutil.copytree(ROOT / "catalog", catalog, ignore=shutil.ignore_patterns("evidence"))
    monkeypatch.setenv("REGISTRY_CATALOG_DIR", str(catalog))
    before = check_catalog(catalog)
    assert main(["verify", "sft", "--claim", "c1", "--seeds", "3", "--device", "cpu"]) == 0
    path = catalog / "evidence" / "sft" / "c1-tiny.json"
    assert path.is_file()
    assert check_catalog(catalog) == before
    lines = [line.strip().rstrip(",") for line in path.read_text().splitlines()]
    numbers = [line for line in lines if re.fullmatch(r"-?\d+\.\d+", line)]
    assert len(numbers) > 20
    assert max(len(n.strip("-").replace(".", "").strip("0")) for n in numbers) <= 6


def test_a_dry_verification_lists_every_run_and_writes_nothing(
    workplace: Workplace, capsys: Capture
) -> None:
    assert main(["verify", "--all", "--dry-run", "--json", "--device", "cpu"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [one["experiment"] for one in shown] == [e.slug for e in EXPERIMENTS if e.scale("tiny")]
    assert all(run["state"] == "to run" for one in shown for run in one["runs"])
    assert workplace.folders() == []
    assert (
        main(["verify", "grpo", "--claim", "c1", "--dry-run", "--seeds", "2", "--device", "cpu"])
        == 0
    )
    rows = capsys.readouterr().out.splitlines()[1:]
    asked = find_experiment("grpo-verifier")
    assert asked is not None
    assert len(rows) == 2 * sum(arm.method is not None for arm in asked.arms)
    assert rows[0].startswith("grpo\t0\tto run\tregistry run grpo ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "or --all"),
        (["sft", "--all"], "or --all"),
        (["gpro"], "'grpo'"),
        (["grpo", "--claim", "c9"], "claim of grpo 'c9'"),
        (["grpo", "--scale", "big"], "Allowed: tiny, smollm2"),
        (["grpo", "--seeds", "0"], "Allowed: 1 to 100"),
        (["grpo", "--jobs", "0"], "Allowed: 1 to 64"),
        (["--experiment", "dpo-sentimnt"], "Did you mean 'dpo-sentiment'"),
        (["--all", "--claim", "c1"], "or --all"),
    ],
)
def test_a_wrong_request_is_refused_in_one_line(
    workplace: Workplace, capsys: Capture, words: list[str], said: str
) -> None:
    assert main(["verify", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_released_catalog_is_not_written_to(
    workplace: Workplace, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "catalog_is_writable", False)
    assert main(["verify", "sft", "--device", "cpu"]) == 2
    assert "--out" in capsys.readouterr().err
    assert workplace.folders() == []

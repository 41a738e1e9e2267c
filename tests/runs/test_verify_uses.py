"""Arms that use what other arms left, runs that stand for several arms, and several at a time."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from methods.experiments import EXPERIMENTS
from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity, Scale
from methods.index import METHODS
from registry.catalog.checks import check_catalog
from registry.catalog.files import dump_entry, entry_path
from registry.catalog.models import Evidence
from registry.cli.app import main
from registry.core.errors import RunError, UnknownNameError
from registry.runs import verify as work
from registry.runs.code import run_sha256
from registry.runs.shelf import Shelf
from tests.catalog import fabricated
from tests.runs.test_verify import measured
from tests.runs.workplace import Workplace

ACCURACY = "held_out_accuracy"


def chain(**changes: Any) -> Experiment:
    """SFT, then GRPO from what SFT left, beside GRPO from the start."""
    made = Experiment(
        slug="chain",
        method="grpo",
        paper="2402.03300",
        claim="c1",
        question="Does a better start end better?",
        measures=(ACCURACY,),
        arms=(
            Arm("grpo", "GRPO behind SFT", "grpo", options={"steps": 2}, uses={"model": "sft"}),
            Arm("sft", "SFT", "sft", options={"steps": 2}),
            Arm("plain", "GRPO", "grpo", options={"steps": 2}),
        ),
        comparisons=(
            Comparison("above", Quantity("grpo", ACCURACY), Quantity("plain", ACCURACY), "above"),
        ),
        scales=(Scale("tiny", "tiny", 2, "A protocol."),),
    )
    return replace(made, **changes)


def verified(workplace: Workplace, asked: Experiment, jobs: int = 1) -> tuple[Evidence, list[str]]:
    said: list[str] = []
    planned = work.plan_verification(asked, "tiny", device="cpu", jobs=jobs)
    return work.verify(planned, Shelf(workplace.settings, jobs), said.append), said


def specs(workplace: Workplace) -> list[dict[str, Any]]:
    return [json.loads((folder / "spec.json").read_text()) for folder in measured(workplace)]


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_arm_gets_the_model_that_the_arm_it_uses_left_with_the_same_seed(
    workplace: Workplace, jobs: int
) -> None:
    found, _ = verified(workplace, chain(), jobs)
    made = specs(workplace)
    starts = {s["seed"]: s["run_id"] for s in made if s["method"] == "sft"}
    behind = {s["seed"]: s["config"]["model"] for s in made if s["config"]["model"] != "tiny"}
    assert behind == {
        seed: str(workplace.settings.runs_dir / "measured" / run_id / "model")
        for seed, run_id in starts.items()
    }
    assert len(behind) == 2
    kept = Counter((s["method"], s["config"]["save_model"]) for s in made)
    assert kept == {("sft", True): 2, ("grpo", False): 4}  # only what is used keeps its model
    assert found.options["grpo"] == {"steps": "2", "model": "arm:sft"}
    assert str(workplace.root) not in dump_entry(found)


def test_several_arms_are_given_as_one_value_with_commas_between() -> None:
    one, sft, plain = chain().arms
    both = replace(one, uses={"model": "sft,plain"})
    made = chain(arms=(both, sft, plain))
    assert [arm.name for arm in made.in_order()] == ["sft", "plain", "grpo"]
    assert made.used() == {"sft", "plain"}
    with pytest.raises(ValueError, match="uses 'nobody' as model"):
        chain(arms=(replace(one, uses={"model": "sft,nobody"}), sft, plain))


def test_the_hash_of_an_arm_that_uses_another_is_the_same_wherever_the_runs_lie(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = verified(workplace, chain())
    elsewhere = replace(workplace.settings, runs_dir=tmp_path / "elsewhere")
    second, _ = verified(replace(workplace, settings=elsewhere), chain())
    assert first.config_sha256 == second.config_sha256
    assert len(set(first.config_sha256.values())) == 3


def test_arms_that_use_one_another_in_a_circle_cannot_be_made() -> None:
    one, other, plain = chain().arms
    with pytest.raises(ValueError, match="in a circle: grpo, sft"):
        chain(arms=(one, replace(other, uses={"model": "grpo"}), plain))
    with pytest.raises(ValueError, match=r"uses 'nobody' as model.*Allowed: plain, sft"):
        chain(arms=(replace(one, uses={"model": "nobody"}), other, plain))
    with pytest.raises(ValueError, match="has model twice"):
        chain(arms=(replace(one, options={"model": "tiny"}), other, plain))
    with pytest.raises(ValueError, match="two arms have one name"):
        chain(arms=(one, other, other, plain))


def test_a_dry_run_names_what_an_arm_waits_for(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(work, "EXPERIMENTS", (chain(),))
    assert main(["verify", "grpo", "--dry-run", "--device", "cpu"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows[1:4]] == ["sft", "grpo", "plain"]
    assert "(behind model of arm sft)" in rows[2][3]


def test_a_run_is_made_once_for_all_experiments_and_the_output_says_so(
    workplace: Workplace,
) -> None:
    same = Arm("again", "GRPO, once more", "grpo", options={"steps": 2})
    one = chain()
    _, said = verified(workplace, chain(arms=(*one.arms, same)))
    assert len(measured(workplace)) == 6  # not 8
    assert any("again, seed 0" in line and "reused" in line for line in said)
    other = chain(slug="other", arms=(same, one.arms[1]), comparisons=())
    _, said = verified(workplace, other)
    assert len(measured(workplace)) == 6
    assert all("is the same run" in line for line in said)


def test_several_runs_at_a_time_have_one_thread_each_and_share_twins(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []
    monkeypatch.setattr("registry.runs.executors.local.subprocess.Popen", recording(seen))
    same = Arm("again", "GRPO, once more", "grpo", options={"steps": 2})
    found, said = verified(workplace, chain(arms=(*chain().arms, same)), jobs=4)
    assert {m.arm for m in found.measured} == {"grpo", "sft", "plain", "again"}
    assert len(measured(workplace)) == len(seen) == 6
    assert all(env["OMP_NUM_THREADS"] == "1" for env in seen)
    assert any("the same run as arm plain" in line for line in said)


def recording(seen: list[dict[str, str]]) -> Any:
    from subprocess import Popen

    def start(*args: Any, **named: Any) -> Any:
        seen.append(named["env"])
        return Popen(*args, **named)

    return start


def test_a_failure_among_several_names_the_arm_and_keeps_the_rest(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MODE", "fail")
    with pytest.raises(RunError, match=r"arm \w+, seed \d failed: .*go on: registry verify grpo"):
        verified(workplace, chain(), jobs=2)
    monkeypatch.setenv("FAKE_MODE", "finish")
    found, _ = verified(workplace, chain(), jobs=2)
    assert len(found.measured) == 3


def test_a_finished_run_keeps_no_checkpoints(workplace: Workplace) -> None:
    verified(workplace, chain())
    assert not [f for folder in measured(workplace) for f in folder.glob("checkpoints")]


def test_the_code_of_a_run_is_its_method_s_and_no_other_s() -> None:
    hashes = {m.slug: run_sha256(m) for m in METHODS}
    assert len(set(hashes.values())) == len(METHODS)


# --- where the evidence lies ----------------------------------------------------------------------


def test_no_two_experiments_write_the_same_file_of_evidence() -> None:
    names = [(e.method, work.experiment_name(e) or e.claim) for e in EXPERIMENTS]
    assert max(Counter(names).values()) == 1


def test_a_second_experiment_or_another_paper_s_claim_is_named_after_the_experiment() -> None:
    first = next(e for e in EXPERIMENTS if e.slug == "grpo-verifier")
    assert work.experiment_name(first) is None
    assert work.experiment_name(replace(first, slug="second")) == "second"
    assert work.experiment_name(chain(slug="elsewhere", paper="2305.18290")) == "elsewhere"


def test_evidence_of_another_paper_s_claim_has_a_place_of_its_own_and_passes_the_check(
    tmp_path: Path,
) -> None:
    claim = {
        "id": "c1",
        "text": "It digs.",
        "where": "Table 1",
        "kind": "result",
        "experiment": "dig",
    }
    root = fabricated.write(
        tmp_path / "catalog",
        fabricated.paper(methods=[{"slug": "dpo", "relation": "introduces"}], claims=[claim]),
        fabricated.evidence(method="dpo"),
        fabricated.evidence(method="grpo", experiment="dig-deep"),
    )
    path = root / "evidence" / "grpo" / "dig-deep-tiny.json"
    assert entry_path(root, fabricated.evidence(method="grpo", experiment="dig-deep")) == path
    assert path.is_file()
    problems = [str(p) for p in check_catalog(root) if "/evidence/" in str(p)]
    assert problems == []
    fabricated.write(root, fabricated.evidence(method="grpo"))
    problems = [str(p) for p in check_catalog(root) if "/evidence/" in str(p)]
    assert any("does not name the method grpo" in text for text in problems)


def test_an_experiment_is_found_by_its_own_name_by_its_claim_and_by_its_arms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(work, "EXPERIMENTS", (chain(),))
    assert work.experiments_of("grpo", "c1", "chain") == [chain()]
    assert work.experiments_of(experiment="chain") == [chain()]
    assert work.experiments_of("sft") == [chain()]  # an arm of it
    other = chain(slug="other", paper="2305.18290")
    monkeypatch.setattr(work, "EXPERIMENTS", (other, chain()))
    assert work.experiments_of("grpo", "c1") == [chain()]  # its own paper's c1
    assert work.experiments_of("grpo") == [other, chain()]
    monkeypatch.setattr(work, "EXPERIMENTS", (chain(),))
    with pytest.raises(UnknownNameError, match=r"experiment of grpo 'chian'. Did you mean 'chain'"):
        work.experiments_of("grpo", experiment="chian")

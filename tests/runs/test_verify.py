from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from methods.experiments import EXPERIMENTS, find_experiment
from methods.experiments.protocol import Arm, Comparison, Experiment, Quantity, Scale
from registry.catalog.files import dump_entry
from registry.catalog.models import Evidence
from registry.core.errors import RunError, UnknownNameError, UsageError
from registry.runs import shelf
from registry.runs import verify as work
from registry.runs.options import options_of
from registry.runs.plan import Request, find_method, make_plan
from registry.runs.shelf import Shelf
from tests.runs.workplace import ROOT, Workplace, rewrite, wait_for_folder, wait_for_step

SHORT = {"steps": 3}
KNOWN_TO_THE_FAKE = ("sft-heldout-loss", "dpo-sentiment", "grpo-verifier", "best-of-n-curve")


def experiment(**changes: Any) -> Experiment:
    """GRPO against a coin, as the real one, with short runs."""
    made = Experiment(
        slug="short",
        method="grpo",
        paper="2402.03300",
        claim="c1",
        question="Does it?",
        measures=("held_out_accuracy",),
        arms=(
            Arm("grpo", "GRPO", "grpo", options=SHORT),
            Arm("coin", "a coin", "grpo", options={**SHORT, "reward": "random"}),
            Arm("start", "nothing", like="grpo"),
        ),
        comparisons=(
            Comparison(
                "above the coin",
                Quantity("grpo", "held_out_accuracy"),
                Quantity("coin", "held_out_accuracy"),
                "above",
            ),
            Comparison(
                "above the start",
                Quantity("grpo", "held_out_accuracy"),
                Quantity("start", "held_out_accuracy"),
                "above",
            ),
        ),
        scales=(Scale("tiny", "tiny", 3, "A protocol."),),
    )
    return replace(made, **changes)


def measured(workplace: Workplace) -> list[Path]:
    """The run folders of verifications."""
    folder = workplace.settings.runs_dir / "measured"
    return sorted(f for f in folder.iterdir() if f.name != "logs") if folder.is_dir() else []


def run(workplace: Workplace, asked: Experiment, seeds: int | None = None) -> Evidence:
    planned = work.plan_verification(asked, "tiny", seeds=seeds, device="cpu")
    return work.verify(planned, Shelf(workplace.settings))


def test_the_evidence_holds_every_arm_and_seed_as_worked_out_by_hand(workplace: Workplace) -> None:
    found = run(workplace, experiment())

    grpo, coin, start = found.measured
    assert grpo.seeds == (0, 1, 2)
    assert grpo.before == (0.2, 0.2, 0.2)
    assert grpo.after == pytest.approx((0.9, 0.91, 0.92))
    assert grpo.mean_after == pytest.approx(0.91)
    half = 4.302653 * 0.01 / 3**0.5
    assert grpo.interval == pytest.approx((0.91 - half, 0.91 + half))
    assert grpo.seconds == (1.25, 1.25, 1.25)
    assert coin.after == pytest.approx((0.2, 0.21, 0.22))
    assert (start.after, start.method, start.seconds) == ((0.2,) * 3, None, (0.0,) * 3)

    against_coin, against_start = found.comparisons
    assert against_coin.difference == pytest.approx(0.7)
    assert against_coin.interval == pytest.approx((0.7, 0.7))  # paired: the seeds' luck is gone
    assert against_start.interval == pytest.approx((0.71 - half, 0.71 + half))
    assert found.verdict == "reproduced"
    assert found.device == "a fake device"
    assert found.versions["torch"] == "0.0"
    assert set(found.config_sha256) == {"grpo", "coin"}
    assert found.command == (
        "registry verify grpo --experiment short --scale tiny --seeds 3 --device cpu"
    )
    assert found.options == {"grpo": {"steps": "3"}, "coin": {"steps": "3", "reward": "random"}}


def test_no_difference_is_not_reproduced_and_a_wrong_sign_neither(workplace: Workplace) -> None:
    same = Comparison(
        "the coin is above the start",
        Quantity("coin", "held_out_accuracy"),
        Quantity("coin", "held_out_accuracy", "before"),
        "above",
    )
    # 0, 0.01, 0.02: the mean lies right, the interval of three seeds holds 0.
    assert run(workplace, experiment(comparisons=(same,))).verdict == "sign only"
    below = replace(same, relation="below")
    assert run(workplace, experiment(comparisons=(below,))).verdict == "not reproduced"
    within = replace(same, relation="within", margin=0.05)
    assert run(workplace, experiment(comparisons=(within,))).verdict == "reproduced"
    close = replace(same, relation="within", margin=0.02)
    assert run(workplace, experiment(comparisons=(close,))).verdict == "sign only"
    far = replace(same, relation="within", margin=0.001)
    assert run(workplace, experiment(comparisons=(far,))).verdict == "not reproduced"
    no_worse = replace(same, relation="not below", margin=0.02)  # better is no fault
    assert run(workplace, experiment(comparisons=(no_worse,))).verdict == "reproduced"
    reverse = replace(same, left=same.right, right=same.left, relation="not below", margin=0.02)
    assert run(workplace, experiment(comparisons=(reverse,))).verdict == "sign only"
    strict = replace(reverse, margin=0.001)
    assert run(workplace, experiment(comparisons=(strict,))).verdict == "not reproduced"


def test_one_comparison_that_fails_is_enough(workplace: Workplace) -> None:
    good, other = experiment().comparisons
    bad = replace(other, relation="below")
    assert run(workplace, experiment(comparisons=(good, bad))).verdict == "not reproduced"


def test_one_seed_rests_on_the_intervals_of_the_runs_and_says_so(workplace: Workplace) -> None:
    found = run(workplace, experiment(), seeds=1)
    assert found.measured[0].interval == pytest.approx((0.8, 1.0))
    low, high = found.comparisons[0].interval
    assert (low, high) == pytest.approx((0.7 - 0.02**0.5, 0.7 + 0.02**0.5))
    assert any("One seed" in note for note in found.notes)


def test_a_second_verification_runs_nothing_and_gives_the_same_bytes(
    workplace: Workplace,
) -> None:
    first = run(workplace, experiment())
    before = measured(workplace)
    assert len(before) == 6
    assert dump_entry(run(workplace, experiment())) == dump_entry(first)
    assert measured(workplace) == before


def test_a_run_of_other_code_seed_or_options_does_not_stand(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(workplace, experiment(), seeds=1)

    def states(asked: Experiment, seeds: int = 1) -> list[str]:
        planned = work.plan_verification(asked, "tiny", seeds=seeds, device="cpu")
        return [task.state for task in planned.tasks(Shelf(workplace.settings))]

    assert states(experiment()) == ["finished", "finished"]
    assert states(experiment(), 2) == ["finished", "finished", "to run", "to run"]
    longer = tuple(
        replace(arm, options={**arm.options, "steps": 4}) if arm.method else arm
        for arm in experiment().arms
    )
    assert states(experiment(arms=longer)) == ["to run", "to run"]
    monkeypatch.setattr(shelf, "run_sha256", lambda info: "other code")
    assert states(experiment()) == ["to run", "to run"]


def test_a_stopped_run_is_resumed_and_a_failed_one_done_anew(workplace: Workplace) -> None:
    run(workplace, experiment(), seeds=1)
    grpo, coin = measured(workplace)
    rewrite(grpo / "manifest.json", status="interrupted")
    rewrite(coin / "manifest.json", status="failed", error="x")
    planned = work.plan_verification(experiment(), "tiny", seeds=1, device="cpu")
    tasks = planned.tasks(Shelf(workplace.settings))
    states = {task.record.folder if task.record else None: task.state for task in tasks}
    stopped = {grpo: "to resume", coin: "to resume"}
    assert set(states.values()) == {"to resume", "to run"}
    assert all(state == stopped[folder] for folder, state in states.items() if folder)
    assert work.verify(planned, Shelf(workplace.settings)).verdict == "reproduced"
    assert len(measured(workplace)) == 3


def test_a_failing_arm_stops_the_verification_by_name_and_keeps_the_rest(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(workplace, experiment(), seeds=1)
    monkeypatch.setenv("FAKE_MODE", "fail")
    with pytest.raises(RunError, match=r"arm grpo, seed 1 failed: the fake .*registry verify grpo"):
        run(workplace, experiment(), seeds=2)


def test_a_measure_that_a_run_lacks_is_named_with_those_it_has(workplace: Workplace) -> None:
    asked = Comparison(
        "?", Quantity("grpo", "pass_at_9"), Quantity("coin", "held_out_accuracy"), "above"
    )
    with pytest.raises(RunError, match=r"no measure 'pass_at_9'.*It has: held_out_accuracy"):
        run(workplace, experiment(comparisons=(asked,)), seeds=1)


@pytest.mark.parametrize("dirty", [True, False])
def test_evidence_from_code_that_is_in_no_commit_says_so(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch, dirty: bool
) -> None:
    from registry.runs import launch

    monkeypatch.setattr(launch, "git_state", lambda: {"commit": "abc", "dirty": dirty})
    found = run(workplace, experiment(), seeds=1)
    assert found.git_commit == "abc"
    assert any("in no commit" in note for note in found.notes) is dirty


def test_a_claim_that_cannot_be_tested_runs_nothing_and_says_why(workplace: Workplace) -> None:
    scale = Scale("tiny", "tiny", 1, "A protocol.", untestable="It needs a 70B model.")
    found = run(workplace, experiment(scales=(scale,)))
    assert found.verdict == "not testable at this scale"
    assert found.notes == ("It needs a 70B model.",)
    assert measured(workplace) == []


def test_ctrl_c_during_a_verification_exits_130_and_the_next_one_goes_on(
    workplace: Workplace, tmp_path: Path
) -> None:
    out = tmp_path / "evidence"
    words = ("verify", "sft", "--claim", "c1", "--seeds", "1", "--device", "cpu", "--out", str(out))
    process = workplace.command(*words, FAKE_STEP="0.02")
    folder = wait_for_folder(workplace, below="measured")
    wait_for_step(folder, 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "go on: registry verify sft" in err
    assert not out.exists()

    process = workplace.command(*words)
    stdout, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "to resume" in err
    assert "verdict: reproduced" in stdout
    assert (out / "sft" / "c1-tiny.json").is_file()
    assert len(measured(workplace)) == 2


@pytest.mark.parametrize("asked", EXPERIMENTS, ids=lambda e: e.slug)
def test_every_experiment_gives_evidence_that_loads_and_draws(
    workplace: Workplace, asked: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_ASKED", "1")
    found = run(workplace, asked, seeds=3)
    text = dump_entry(found)
    assert Evidence.model_validate_json(text) == Evidence.model_validate(json.loads(text))
    assert found.verdict in (
        "reproduced",
        "sign only",
        "not reproduced",
        "not testable at this scale",
    )
    if asked.slug in KNOWN_TO_THE_FAKE:
        assert found.verdict == "reproduced"
    if found.verdict == "not testable at this scale":
        return
    assert len(found.curves) == len(asked.curves)
    assert {m.arm for m in found.measured} == {arm.name for arm in asked.arms}
    assert str(ROOT) not in text
    assert str(workplace.root) not in text


@pytest.mark.parametrize("asked", EXPERIMENTS, ids=lambda e: e.slug)
def test_every_arm_of_every_experiment_is_a_configuration_its_method_accepts(
    asked: Experiment,
) -> None:
    for scale in asked.scales:
        for arm in asked.arms:
            if arm.method:
                options = {"model": scale.model, **arm.options_at(scale.name)}
                made = make_plan(Request(arm.method, options, device="cpu"))
                assert made.config["model"] == options["model"]
                assert all(options_of(find_method(arm.method)).get(name) for name in arm.uses)


@pytest.mark.parametrize("asked", EXPERIMENTS, ids=lambda e: e.slug)
def test_the_method_of_an_experiment_is_an_arm_and_no_two_arms_are_the_same(
    asked: Experiment,
) -> None:
    known = options_of(find_method(asked.method))
    assert any(arm.method == asked.method for arm in asked.arms)
    for scale in asked.scales:
        seen = []
        for arm in asked.arms:
            if arm.method == asked.method:
                options = known.check({**arm.options_at(scale.name)}, {})
                seen.append(
                    {**options, **{name: f"arm:{other}" for name, other in arm.uses.items()}}
                )
        assert all(one not in seen[:place] for place, one in enumerate(seen))


@pytest.mark.parametrize("asked", EXPERIMENTS, ids=lambda e: e.slug)
def test_the_claim_of_an_experiment_is_in_the_catalog_and_names_it(asked: Experiment) -> None:
    path = ROOT / "catalog" / "papers" / f"{asked.paper.replace('/', '_')}.yaml"
    if not path.exists():
        pytest.skip("the paper is not in the catalog yet")
    from registry.catalog.files import load_paper

    claims = {claim.id: claim for claim in load_paper(path).claims}
    named = find_experiment(claims[asked.claim].experiment or "")
    assert named is not None, "the claim names no experiment that there is"
    assert (named.paper, named.claim) == (asked.paper, asked.claim)


@pytest.mark.parametrize("asked", EXPERIMENTS, ids=lambda e: e.slug)
def test_every_arm_that_says_nothing_else_starts_from_the_same_model(asked: Experiment) -> None:
    for scale in asked.scales:
        seen = set()
        for arm in asked.arms:
            if arm.method:
                options = {"model": scale.model, **arm.options_at(scale.name)}
                config = make_plan(Request(arm.method, options, device="cpu")).config
                given = {"model", "task", "data", "precision"} & set(arm.options_at(scale.name))
                if not given and not arm.uses:  # what an arm says otherwise is its point
                    seen.add((config["model"], config["precision"]))
        assert len(seen) <= 1, (scale.name, seen)


def test_an_experiment_with_an_arm_that_is_not_there_cannot_be_made() -> None:
    stray = Comparison("?", Quantity("nobody", "x"), Quantity("grpo", "x"), "above")
    with pytest.raises(ValueError, match="no arm called nobody"):
        experiment(comparisons=(stray,))
    with pytest.raises(ValueError, match="has a method, or is like one"):
        experiment(arms=(*experiment().arms, Arm("odd", "odd")))


def test_unknown_methods_claims_scales_and_seeds_are_refused(workplace: Workplace) -> None:
    with pytest.raises(UnknownNameError, match=r"Did you mean .*'grpo'"):
        work.experiments_of("gpro")
    with pytest.raises(UnknownNameError, match="claim of grpo 'c7'"):
        work.experiments_of("grpo", "c7")
    asked = find_experiment("grpo-verifier")
    assert asked is not None
    with pytest.raises(UsageError, match="Allowed: tiny, smollm2"):
        work.plan_verification(asked, "huge")
    with pytest.raises(UsageError, match="Allowed: 1 to 100"):
        work.plan_verification(asked, "tiny", seeds=0)

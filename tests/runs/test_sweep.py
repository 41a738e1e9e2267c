from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from registry.core.errors import Interrupted, RunError, UnknownNameError, UsageError
from registry.runs import launch, sweep
from registry.runs.executors.choice import Place
from registry.runs.executors.job import Ended
from registry.runs.intervals import mean_over_seeds
from registry.runs.options import options_of
from registry.runs.plan import find_method
from registry.runs.records import read_run
from registry.runs.sweep import Sweep, create_sweep, find_sweep, list_sweeps, run_sweep
from registry.runs.sweep_plan import SweepPlan, SweepRequest, parse_seeds, plan_sweep
from registry.runs.sweep_table import best, sweep_table
from tests.runs.workplace import ROOT, Workplace, rewrite, wait_for_step

TRUE_LOSS, SHUFFLED_LOSS = 1.3, 1.8  # what the fake measures for seed 0; 0.01 less for each seed


def planned(seeds: str = "2", place: Place | None = None, **assigned: str) -> SweepPlan:
    given = {"steps": "3", **assigned}
    return plan_sweep(
        SweepRequest("sft", given, {"model": "tiny"}, seeds, "cpu", place=place or Place())
    )


def made(workplace: Workplace, seeds: str = "2", **assigned: str) -> Sweep:
    return create_sweep(planned(seeds, **assigned), workplace.settings)


def run_folders(workplace: Workplace) -> list[Path]:
    return [folder for folder in workplace.folders() if folder.name != sweep.SWEEPS]


def test_a_sweep_is_every_combination_over_every_seed_seed_by_seed() -> None:
    plan = planned("0,7", labels="true,shuffled", learning_rate="1e-4,1e-3")
    assert plan.grid == {"labels": ("true", "shuffled"), "learning_rate": ("1e-4", "1e-3")}
    assert plan.fixed == {"model": "tiny", "steps": "3"}
    assert [run.name for run in plan.runs[:5]] == [
        "labels=true, learning_rate=1e-4, seed 0",
        "labels=true, learning_rate=1e-3, seed 0",
        "labels=shuffled, learning_rate=1e-4, seed 0",
        "labels=shuffled, learning_rate=1e-3, seed 0",
        "labels=true, learning_rate=1e-4, seed 7",
    ]
    last = plan.runs[-1].plan
    assert (last.seed, last.config["labels"], last.config["learning_rate"]) == (7, "shuffled", 1e-3)
    assert last.config["steps"] == 3


@pytest.mark.parametrize(
    ("text", "seeds"), [("1", (0,)), ("3", (0, 1, 2)), ("0,3,7", (0, 3, 7)), ("7,", (7,))]
)
def test_seeds_are_counted_or_named(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


def test_a_task_may_hold_commas_of_its_own() -> None:
    plan = planned("1", task="chain-sum:digits=2,terms=3,products")
    assert plan.grid["task"] == ("chain-sum:digits=2,terms=3", "products")


@pytest.mark.parametrize(
    ("seeds", "assigned", "said"),
    [
        ("1", {}, "nothing to sweep over"),
        ("1", {"learning_rate": "1e-4"}, "nothing to sweep over"),
        ("2", {"learning_rat": "1e-4,1e-3"}, "Did you mean learning_rate?"),
        ("2", {"learning_rate": ""}, "holds no value"),
        ("2", {"learning_rate": "1e-4,,1e-3"}, "holds an empty value"),
        ("2", {"learning_rate": "1e-4,1e-3,1e-4"}, "holds 1e-4 twice"),
        ("2", {"learning_rate": "1e-4,0.0001"}, "learning_rate is 0.0001 in both"),
        ("2", {"model": "tiny,smollm2-135m"}, "model is given twice"),
        ("x", {}, "how many (3), or which (0,3,7)"),
        ("0", {}, "Allowed: 1 to 1000"),
        ("1,2,1", {}, "names 1 twice"),
        ("201", {}, "201 runs are asked for (201 seeds), over 200"),
        ("3000000000,", {"labels": "true,shuffled"}, "every run is refused: --seed 3000000000"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused(
    seeds: str, assigned: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        planned(seeds, **assigned)
    assert said in str(refusal.value)


def test_every_refused_combination_is_named_at_once_with_its_reason() -> None:
    with pytest.raises(UsageError) as refusal:
        planned("2", learning_rate="1e-4,7", labels="true,fasle")
    said = str(refusal.value)
    assert said.startswith("6 of 8 runs are refused, and none was started: ")
    assert "(learning_rate=7, labels=true, seed 0; learning_rate=7, labels=true, seed 1)" in said
    assert "labels=fasle is not allowed" in said
    assert said.count("(learning_rate=1e-4, labels=fasle, seed 0; ") == 1


def test_every_unknown_option_is_named_at_once() -> None:
    with pytest.raises(UsageError) as refusal:
        planned("2", learning_rat="1,2", label="true,shuffled")
    assert "'learning_rat'" in str(refusal.value)
    assert "'label'" in str(refusal.value)


def test_an_option_that_takes_a_list_is_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from registry.runs import sweep_plan

    known = options_of(find_method("sft"))
    listed = tuple(replace(o, kind="list|none") if o.name == "labels" else o for o in known.options)
    monkeypatch.setattr(sweep_plan, "options_of", lambda info: replace(known, options=listed))
    with pytest.raises(UsageError, match="labels takes a list, so labels=a,b may be one list"):
        planned("2", labels="a,b")
    with pytest.raises(UsageError, match=r"every run is refused: sft: labels=\[1, 2\]"):
        planned("2", labels="[1, 2]")  # taken whole, and sft's own check has the last word


def test_many_runs_are_planned_where_a_person_says_so() -> None:
    request = SweepRequest("sft", {}, {"model": "tiny"}, "201", "cpu")
    assert len(plan_sweep(request, many=True).runs) == 201
    with pytest.raises(UsageError, match=r"take fewer values$"):
        plan_sweep(SweepRequest("sft", {"steps": "1,2,3,4,5,6,7,8,9,10,11"}, {}, "1000"), many=True)


def test_the_folder_says_what_was_asked_before_the_first_run_starts(workplace: Workplace) -> None:
    one = made(workplace, labels="true,shuffled")
    path = workplace.settings.runs_dir / "sweeps" / one.sweep_id / "sweep.json"
    kept = json.loads(path.read_text())
    assert kept["grid"] == {"labels": ["true", "shuffled"]}
    assert (kept["method"], kept["seeds"], kept["fixed"]["steps"]) == ("sft", [0, 1], "3")
    assert kept["place"]["executor"] == "local"
    assert {run["run_id"] for run in kept["runs"]} == {f.name for f in run_folders(workplace)}
    assert "state" not in path.read_text()
    assert {read_run(folder).state for folder in run_folders(workplace)} == {"waiting"}


def test_a_sweep_that_cannot_be_written_leaves_nothing(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sweep, "write_atomic", full)
    with pytest.raises(OSError, match="No space left"):
        made(workplace)
    assert workplace.folders() == []


def test_two_runs_never_get_the_same_folder(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter(["aaaa", "d1", "aaaa", "d2", "bbbb", "d3"])
    monkeypatch.setattr(launch.secrets, "token_hex", lambda size: next(drawn))
    monkeypatch.setattr(launch, "now", lambda: sweep.now().replace(year=2026, second=0))
    one = made(workplace)
    assert len({run.run_id for run in one.runs}) == 2
    assert len(run_folders(workplace)) == 2


def test_every_run_is_brought_to_its_end_and_told_with_its_measure(workplace: Workplace) -> None:
    one = made(workplace, labels="true,shuffled")
    said: list[str] = []
    tally = run_sweep(one, workplace.settings, said.append)
    assert [ended.status for ended in tally.ended] == ["finished"] * 4
    assert said[0].startswith("1 run at a time; what they say is in ")
    assert said[1].startswith(
        "[1 of 4] labels=true, seed 0: finished in 1.5 s; held out loss: 2 ->"
    )
    assert said[-1].startswith("[4 of 4] labels=shuffled, seed 1: finished")


def test_a_failed_run_stops_no_other_and_is_told_with_its_reason(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlucky = tmp_path / "unlucky.py"
    unlucky.write_text(
        "import json, os, pathlib, runpy, sys\n"
        "spec = json.loads(pathlib.Path(sys.argv[1], 'spec.json').read_text())\n"
        "os.environ['FAKE_MODE'] = {0: 'fail', 1: 'crash'}.get(spec['seed'], 'finish')\n"
        f"sys.argv[0] = {str(ROOT / 'tests/runs/fake_worker.py')!r}\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    monkeypatch.setattr(launch, "WORKER", (launch.WORKER[0], str(unlucky)))
    one = made(workplace, "3", steps="5")
    said: list[str] = []
    tally = run_sweep(one, workplace.settings, said.append)
    assert [ended.status for ended in tally.ended] == ["failed", "failed", "finished"]
    assert "seed 0: failed: the fake ran out of luck" in said[1]
    assert "seed 1: failed: the worker was killed by SIGKILL" in said[2]
    states = [cell.state for cell in sweep_table(one, workplace.settings).rows[0].cells]
    assert states == ["failed", "died", "finished"]

    monkeypatch.setattr(
        launch, "WORKER", (launch.WORKER[0], str(ROOT / "tests/runs/fake_worker.py"))
    )
    again = run_sweep(one, workplace.settings, said.append)
    assert [ended.status for ended in again.ended] == ["finished", "finished"]
    assert "1 of 3 runs finished before" in said


def test_going_on_repeats_no_finished_run_and_resumes_the_others(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(workplace, "3", steps="6")
    folders = [workplace.settings.runs_dir / run.run_id for run in one.runs]
    launch.start(folders[0])
    monkeypatch.setenv("FAKE_MODE", "crash")  # at step 3, with a checkpoint of step 2
    launch.start(folders[1])
    monkeypatch.setenv("FAKE_MODE", "finish")
    finished = (folders[0] / "manifest.json").stat().st_mtime_ns
    run_sweep(one, workplace.settings)
    assert (folders[0] / "manifest.json").stat().st_mtime_ns == finished
    assert json.loads((folders[1] / "spec.json").read_text())["resume"] is True
    assert json.loads((folders[2] / "spec.json").read_text()).get("resume") is None
    assert {read_run(folder).state for folder in folders} == {"finished"}


def test_a_run_whose_folder_is_gone_fails_alone(workplace: Workplace) -> None:
    import shutil

    one = made(workplace)
    shutil.rmtree(workplace.settings.runs_dir / one.runs[0].run_id)
    tally = run_sweep(one, workplace.settings)
    assert [ended.status for ended in tally.ended] == ["failed", "finished"]
    assert "damaged: neither spec.json nor manifest.json" in str(tally.ended[0].note)


def test_a_changed_method_is_told_when_a_sweep_goes_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(workplace)
    monkeypatch.setattr(sweep, "code_sha256", lambda: "other")
    said: list[str] = []
    run_sweep(one, workplace.settings, said.append)
    assert "the code of the methods has changed" in said[0]


def test_an_executor_that_stops_early_is_an_interruption_with_the_way_on(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stops:
        def run(self, jobs: Any, report: Any, say: Any) -> None:
            report(Ended(jobs[0], "finished"))

    one = made(workplace)
    monkeypatch.setattr(sweep, "build", lambda *rest: Stops())
    with pytest.raises(Interrupted, match=f"1 of 2 runs finished; go on: .*{one.sweep_id}"):
        run_sweep(one, workplace.settings)


def test_a_sweep_is_found_by_id_beginning_folder_and_as_the_latest(workplace: Workplace) -> None:
    with pytest.raises(UsageError, match="there are none in"):
        find_sweep("latest", workplace.settings)
    first = made(workplace)
    rewrite(
        sweep.sweep_folder(first, workplace.settings) / "sweep.json", created="2026-01-01T00:00:00Z"
    )
    second = made(workplace)
    assert [s.sweep_id for s in list_sweeps(workplace.settings)] == [
        second.sweep_id,
        first.sweep_id,
    ]
    for name in (first.sweep_id, str(sweep.sweep_folder(first, workplace.settings)) + "/"):
        assert find_sweep(name, workplace.settings).sweep_id == first.sweep_id
    assert find_sweep("latest", workplace.settings).sweep_id == second.sweep_id
    with pytest.raises(UsageError, match="begins 2 sweeps"):
        find_sweep("sweep-sft", workplace.settings)
    with pytest.raises(UnknownNameError, match="registry sweep --list"):
        find_sweep("swoop", workplace.settings)


def test_a_damaged_sweep_is_left_out_of_the_list_and_named_when_asked_for(
    workplace: Workplace,
) -> None:
    one = made(workplace)
    (sweep.sweep_folder(one, workplace.settings) / "sweep.json").write_text("{torn")
    assert list_sweeps(workplace.settings) == []
    with pytest.raises(RunError, match=r"sweep\.json cannot be read"):
        find_sweep(one.sweep_id, workplace.settings)


def test_the_table_has_the_mean_and_its_interval_over_seeds(workplace: Workplace) -> None:
    one = made(workplace, "3", labels="true,shuffled")
    run_sweep(one, workplace.settings)
    table = sweep_table(one, workplace.settings)
    assert (table.measure, table.higher_is_better) == ("held_out_loss", False)
    row = table.rows[1]
    assert row.values == {"labels": "shuffled"}
    after = [SHUFFLED_LOSS - 0.01 * seed for seed in range(3)]
    assert [cell.after for cell in row.cells] == pytest.approx(after)
    assert row.mean == pytest.approx(SHUFFLED_LOSS - 0.01)
    assert row.interval == pytest.approx(mean_over_seeds(after).interval)
    found = best(table)
    assert found is not None
    assert (found[0].values, found[1]) == ({"labels": "true"}, 0)


def test_an_unfinished_run_has_its_state_in_the_table_and_no_part_in_the_mean(
    workplace: Workplace,
) -> None:
    one = made(workplace, "2", labels="true,shuffled")
    launch.start(workplace.settings.runs_dir / one.runs[0].run_id)
    table = sweep_table(one, workplace.settings)
    assert [[c.state for c in row.cells] for row in table.rows] == [
        ["finished", "waiting"],
        ["waiting", "waiting"],
    ]
    assert table.states == {"finished": 1, "waiting": 3}
    # One seed has no spread: the interval is the run's own.
    assert table.rows[0].mean == pytest.approx(TRUE_LOSS)
    assert table.rows[0].interval == pytest.approx((TRUE_LOSS - 0.1, TRUE_LOSS + 0.1))
    assert (table.rows[1].mean, table.rows[1].interval) == (None, None)
    assert best(table) is None


def wait_until(true: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not in {seconds} s"
        time.sleep(0.02)


def sweep_process(workplace: Workplace, *words: str, **env: str) -> Any:
    process = workplace.command(*words, **env)
    wait_until(lambda: list_sweeps(workplace.settings))
    return process, list_sweeps(workplace.settings)[0]


WORDS = ("sweep", "sft", "--model", "tiny", "--device", "cpu", "--seeds", "3", "--workers", "2")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_the_running_ones_at_a_checkpoint_and_starts_no_other(
    workplace: Workplace, sent: signal.Signals
) -> None:
    process, one = sweep_process(workplace, *WORDS, "--set", "steps=1000", FAKE_STEP="0.02")
    folders = [workplace.settings.runs_dir / run.run_id for run in one.runs]
    for folder in folders[:2]:
        wait_for_step(folder, 2)
    process.send_signal(sent)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "stopping 2 runs after this step" in err
    assert f"registry sweep --resume {one.sweep_id}" in err
    assert "Traceback" not in err
    states = [read_run(folder).state for folder in folders]
    assert states == ["interrupted", "interrupted", "waiting"]
    for folder in folders[:2]:
        assert (folder / "checkpoints" / "last.json").is_file()


def test_after_kill_9_the_runs_under_way_are_waited_for_and_none_is_done_twice(
    workplace: Workplace,
) -> None:
    process, one = sweep_process(workplace, *WORDS, "--set", "steps=60", FAKE_STEP="0.03")
    folders = [workplace.settings.runs_dir / run.run_id for run in one.runs]
    for folder in folders[:2]:
        wait_for_step(folder, 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert [read_run(folder).state for folder in folders] == ["running", "running", "waiting"]

    again = workplace.command("sweep", "--resume", one.sweep_id, FAKE_STEP="0.001")
    _, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert err.count("runs already, started elsewhere; waiting for it") == 2
    assert [read_run(folder).state for folder in folders] == ["finished"] * 3
    resumed = [json.loads((f / "spec.json").read_text()).get("resume") for f in folders]
    assert resumed == [None, None, None]  # the first two were never started again


def test_a_killed_worker_is_resumed_from_its_checkpoint(workplace: Workplace) -> None:
    process, one = sweep_process(workplace, *WORDS, "--set", "steps=30", FAKE_MODE="crash")
    process.communicate(timeout=30)
    assert process.returncode == 1
    again = workplace.command("sweep", "--resume", "latest")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert "3 finished" in out
    for run in one.runs:
        rows = (workplace.settings.runs_dir / run.run_id / "metrics.jsonl").read_text().splitlines()
        assert [json.loads(row)["step"] for row in rows] == list(range(1, 31))

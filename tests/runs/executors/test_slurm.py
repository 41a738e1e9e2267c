"""submitit's own executor for this machine runs what a node would run."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from registry.core.errors import RunError
from registry.runs import launch, lock
from registry.runs.executors import slurm
from registry.runs.executors.job import Ended
from registry.runs.executors.slurm import SlurmArray
from registry.runs.records import read_metrics, read_run
from tests.runs.executors.jobs import Commands, run, statuses, waiting
from tests.runs.workplace import Workplace, wait_for_step


def here(tmp_path: Path, **options: Any) -> SlurmArray:
    return SlurmArray(tmp_path / "slurm", cluster="local", wait=True, **options)


def test_tasks_are_pickled_run_and_their_results_read_back(
    workplace: Workplace, tmp_path: Path
) -> None:
    jobs = waiting(workplace, 2)
    ended, said = run(here(tmp_path), jobs)
    assert statuses(ended) == ["finished", "finished"]
    assert {read_run(job.folder).state for job in jobs} == {"finished"}
    handed = json.loads((tmp_path / "slurm" / "jobs.json").read_text())
    assert handed.keys() == {job.run_id for job in jobs}
    for task in handed.values():
        assert (tmp_path / "slurm" / task / f"{task}_0_result.pkl").is_file()
    assert "waiting for 2 tasks" in said[0]


def test_a_task_whose_run_fails_is_a_result_with_the_reason(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = waiting(workplace, 2, steps=5)
    launch.start(jobs[1].folder)
    monkeypatch.setenv("FAKE_MODE", "crash")
    ended, _ = run(here(tmp_path), jobs)
    assert statuses(ended) == ["failed", "finished"]
    assert "the worker was killed by SIGKILL" in str(ended["seed 0"].note)


def test_a_task_that_breaks_is_a_failure_with_its_last_line(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "WORKER", (sys.executable, "-c", "raise SystemExit(9)"))
    (job,) = waiting(workplace, 1)
    ended, _ = run(here(tmp_path), [job])
    assert "ended with exit code 9 and left no result" in str(ended["seed 0"].note)
    (job.folder / "spec.json").unlink()
    ended, _ = run(here(tmp_path), [job])
    assert "its folder is damaged" in str(ended["seed 0"].note)


def test_a_task_whose_process_is_killed_is_told_from_one_that_ends(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = tmp_path / "killer.py"
    killer.write_text("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
    monkeypatch.setattr(launch, "WORKER", (sys.executable, str(killer)))
    ended, _ = run(here(tmp_path), waiting(workplace, 1))
    assert statuses(ended) == ["failed"]
    assert "its task ended without a word" in str(ended["seed 0"].note)


def test_a_task_whose_time_runs_out_goes_on_from_a_checkpoint_in_another(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from submitit.local import local as submitit_local

    start = submitit_local.start_controller

    def soon(*given: Any, **options: Any) -> Any:
        return start(*given, **{**options, "timeout_min": 4 / 60, "signal_delay_s": 2})

    monkeypatch.setattr(submitit_local, "start_controller", soon)
    monkeypatch.setenv("FAKE_STEP", "0.05")
    (job,) = waiting(workplace, 1, steps=50, checkpoint_every=1000)
    ended, _ = run(here(tmp_path), [job])
    assert statuses(ended) == ["finished"]
    assert [row["step"] for row in read_metrics(job.folder).rows] == list(range(1, 51))
    (task,) = json.loads((tmp_path / "slurm" / "jobs.json").read_text()).values()
    log = (tmp_path / "slurm" / task / f"{task}_0_log.err").read_text()
    assert "Caught signal SIGUSR2" in log
    assert log.count("worker ready") >= 2  # more often where the machine is slow
    assert json.loads((job.folder / "spec.json").read_text())["resume"] is True


def test_without_wait_the_runs_are_handed_over_and_not_submitted_again(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_STEP", "0.05")
    jobs = waiting(workplace, 2, steps=40)
    array = SlurmArray(tmp_path / "slurm", cluster="local")
    ended, _ = run(array, jobs)
    assert statuses(ended) == ["handed over", "handed over"]
    first = (tmp_path / "slurm" / "jobs.json").read_bytes()
    assert array.busy(jobs) == {job.run_id for job in jobs}
    ended, _ = run(array, jobs)
    assert statuses(ended) == ["handed over", "handed over"]
    assert (tmp_path / "slurm" / "jobs.json").read_bytes() == first
    for job in jobs:
        wait_for_step(job.folder, 40)
    while lock.is_held(jobs[0].folder) or lock.is_held(jobs[1].folder):
        time.sleep(0.02)
    ended, _ = run(here(tmp_path), jobs)
    assert statuses(ended) == ["finished", "finished"]


def test_the_options_reach_slurm_as_one_job_array(
    workplace: Workplace, tmp_path: Path, commands: Commands
) -> None:
    script = tmp_path / "script"
    commands(srun="exit 1", sbatch=f"cat $1 > {script}; echo Submitted batch job 4711", squeue="")
    jobs = waiting(workplace, 3)
    array = SlurmArray(
        tmp_path / "slurm", partition="gpus", minutes=90, gpus=1, memory=16.0, parallel=2
    )
    ended, _ = run(array, jobs)
    asked = set(script.read_text().splitlines())
    assert {
        "#SBATCH --array=0-2%2",
        "#SBATCH --partition=gpus",
        "#SBATCH --time=90",
        "#SBATCH --gpus-per-node=1",
        "#SBATCH --mem=16GB",
    } <= asked
    assert [ended[job.name].note for job in jobs] == [
        f"slurm task 4711_{n} has it" for n in range(3)
    ]
    commands(squeue='[[ "$*" = *--array* ]] && echo 4711_1')
    assert array.busy(jobs) == {jobs[1].run_id}
    assert "partition=gpus" in array.preview(jobs)[0]


def test_a_task_that_slurm_lost_is_submitted_again_and_only_that(
    workplace: Workplace, tmp_path: Path, commands: Commands
) -> None:
    commands(srun="exit 1", sbatch="echo Submitted batch job 4711", squeue="")
    jobs = waiting(workplace, 2)
    array = SlurmArray(tmp_path / "slurm")
    run(array, jobs)
    commands(squeue="echo 4711_0", sbatch="echo Submitted batch job 4712")
    ended, _ = run(array, jobs)
    assert ended["seed 0"].note == "slurm task 4711_0 has it already"
    assert ended["seed 1"].note == "slurm task 4712 has it"


def test_a_slurm_that_refuses_or_is_silent_is_one_sentence(
    workplace: Workplace, tmp_path: Path, commands: Commands
) -> None:
    jobs = waiting(workplace, 2)
    commands(srun="exit 1", sbatch="echo 'invalid partition specified' >&2; exit 1", squeue="")
    with pytest.raises(RunError, match=r"slurm took nothing: invalid partition specified$"):
        run(SlurmArray(tmp_path / "slurm", partition="nope"), jobs)
    commands(sbatch="echo Submitted batch job 1", squeue="")
    run(SlurmArray(tmp_path / "slurm"), jobs)
    commands(squeue="echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(RunError, match="Slurm does not answer: squeue: Unable to contact"):
        SlurmArray(tmp_path / "slurm").busy(jobs)


def test_submitit_that_is_missing_is_a_sentence_with_the_fix(
    workplace: Workplace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(RunError, match=r"pip install 'posttrain-registry\[slurm\]'"):
        run(here(tmp_path), waiting(workplace, 1))


def test_a_wait_outlives_a_scheduler_that_is_silent_for_a_while(
    workplace: Workplace, tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm, "_ASK", {"slurm": 0.0})
    monkeypatch.setattr(slurm, "_POLL", {"slurm": 0.05})
    (job,) = waiting(workplace, 1)
    asked = tmp_path / "asked"
    commands(
        srun="exit 1",
        sbatch="echo Submitted batch job 4711",
        # It answers once, is silent twice, and then has let the task go.
        squeue=f"echo >> {asked}; case $(wc -l < {asked}) in 1) echo 4711;; 2|3) exit 1;; esac",
    )
    monkeypatch.setattr(SlurmArray, "_ended", lambda self, job, task: Ended(job, "failed", "gone"))
    ended, _ = run(SlurmArray(tmp_path / "slurm", wait=True), [job])
    assert ended["seed 0"].note == "gone"
    assert len(asked.read_text()) == 4

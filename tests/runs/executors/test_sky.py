"""Task files for SkyPilot's own loader, and its command played by a script."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from registry.core.errors import RunError
from registry.runs.executors.sky import RUNS, SkyJobs
from registry.runs.records import read_run
from tests.runs.executors.jobs import Commands, run, statuses, waiting
from tests.runs.workplace import ROOT, Workplace


def jobs_in_the_sky(tmp_path: Path, start: bool = False, **options: Any) -> SkyJobs:
    given = {"store": "s3://bucket", "gpus": "H100:1", "infra": "aws", "memory": 32.0, **options}
    return SkyJobs(tmp_path / "sky", checkout=ROOT, start=start, **given)


def test_the_task_file_says_what_to_rent_what_to_send_and_what_to_run(
    workplace: Workplace, tmp_path: Path
) -> None:
    (job,) = waiting(workplace, 1)
    ended, _ = run(jobs_in_the_sky(tmp_path), [job])
    path = tmp_path / "sky" / f"{job.run_id}.yaml"
    assert (ended["seed 0"].status, str(path) in str(ended["seed 0"].note)) == ("handed over", True)
    asked = yaml.safe_load(path.read_text())
    assert asked["name"] == job.run_id
    assert asked["resources"] == {"infra": "aws", "accelerators": "H100:1", "memory": "32+"}
    assert asked["workdir"] == str(ROOT)
    assert asked["file_mounts"][RUNS] == {"source": "s3://bucket", "mode": "MOUNT_CACHED"}
    spec = Path(asked["file_mounts"]["~/registry-spec/spec.json"])
    assert json.loads(spec.read_text())["run_id"] == job.run_id
    assert str(workplace.settings.cache_dir) not in spec.read_text()  # that is this machine's
    assert path.read_text() == jobs_in_the_sky(tmp_path).preview([job])[0]
    assert '--resume "$run"' in asked["run"]


def test_an_installed_release_sends_no_code_and_asks_for_its_own_version(
    workplace: Workplace, tmp_path: Path
) -> None:
    from registry import __version__

    sky = SkyJobs(tmp_path / "sky", store="gs://bucket", checkout=None)
    asked = yaml.safe_load(sky.preview(waiting(workplace, 1))[0])
    assert "workdir" not in asked
    assert asked["resources"] == {}
    assert f"'posttrain-registry[run]=={__version__}'" in asked["setup"]


def sky_python() -> str | None:
    """The Python that has SkyPilot, which lives in an environment of its own."""
    command = shutil.which("sky")
    given = os.environ.get("REGISTRY_SKY_PYTHON")
    return given or (str(Path(command).resolve().with_name("python")) if command else None)


@pytest.mark.skipif(sky_python() is None, reason="SkyPilot's command `sky` is not on PATH")
@pytest.mark.parametrize("options", [{}, {"gpus": None, "infra": None, "memory": None}])
def test_skypilots_own_loader_takes_the_task_file(
    workplace: Workplace, tmp_path: Path, options: dict[str, Any]
) -> None:
    (job,) = waiting(workplace, 1)
    run(jobs_in_the_sky(tmp_path, **options), [job])
    code = (
        "import sky, sys\n"
        "task = sky.Task.from_yaml(sys.argv[1])\n"
        "rent, = task.resources\n"
        "print(task.name, rent.accelerators, rent.memory, list(task.storage_mounts), task.workdir)\n"
    )
    path = tmp_path / "sky" / f"{job.run_id}.yaml"
    done = subprocess.run(
        [str(sky_python()), "-c", code, str(path)], capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rent = "None None" if options else "{'H100': 1} 32+"
    assert done.stdout.splitlines()[-1] == f"{job.run_id} {rent} ['{RUNS}'] {ROOT}"


def a_sky(tmp_path: Path, commands: Commands) -> Path:
    """`sky` and `aws` as scripts: a launched job runs at once, in a bucket that is a folder."""
    bucket, home = tmp_path / "bucket", tmp_path / "home"
    environment = home / "registry-env" / "bin"
    environment.mkdir(parents=True)
    bucket.mkdir()
    registry = environment / "registry"
    registry.write_text(
        f"#!{sys.executable}\nimport sys\nfrom registry.runs import launch\n"
        "from registry.cli.app import main\n"
        f"launch.WORKER = (sys.executable, {str(ROOT / 'tests/runs/fake_worker.py')!r})\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    registry.chmod(0o755)
    machine = tmp_path / "machine.py"
    machine.write_text(
        "import os, pathlib, shutil, subprocess, sys, yaml\n"
        "task = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())\n"
        f"home = pathlib.Path({str(home)!r})\n"
        "spec = home / 'registry-spec' / 'spec.json'\n"
        "spec.parent.mkdir(exist_ok=True)\n"
        "shutil.copy(task['file_mounts']['~/registry-spec/spec.json'], spec)\n"
        f"script = task['run'].replace({RUNS!r}, {str(bucket)!r})\n"
        "subprocess.run(['bash', '-c', script], env={**os.environ, 'HOME': str(home)})\n"
    )
    commands(
        sky=f'[[ "$1 $2" = "jobs launch" ]] && exec {sys.executable} {machine} "${{@: -1}}"\n'
        f"cat {tmp_path}/queue.json",
        aws=f'from="${{@: -2:1}}"; cp -r {bucket}/"${{from##*/}}"/. "${{@: -1}}"',
    )
    (tmp_path / "queue.json").write_text("[]")
    return bucket


def test_a_run_is_launched_waited_for_and_brought_home(
    workplace: Workplace, tmp_path: Path, commands: Commands
) -> None:
    bucket = a_sky(tmp_path, commands)
    (job,) = waiting(workplace, 1)
    ended, _ = run(jobs_in_the_sky(tmp_path, start=True), [job])
    assert statuses(ended) == ["handed over"]
    assert read_run(bucket / job.run_id).state == "finished"
    assert read_run(job.folder).state == "waiting"

    queued = [{"job_name": job.run_id, "status": "RUNNING"}, {"job_name": "another"}]
    (tmp_path / "queue.json").write_text(json.dumps(queued))
    ended, _ = run(jobs_in_the_sky(tmp_path, start=True), [job])
    assert ended["seed 0"].note == "its managed job has not ended"
    assert read_run(job.folder).state == "waiting"

    (tmp_path / "queue.json").write_text("[]")
    ended, said = run(jobs_in_the_sky(tmp_path), [job])
    assert statuses(ended) == ["finished"]
    assert said == ["seed 0: bringing its folder home"]
    assert read_run(job.folder).results is not None


def test_a_run_that_failed_there_is_told_and_launched_again_only_when_asked(
    workplace: Workplace, tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_sky(tmp_path, commands)
    (job,) = waiting(workplace, 1, checkpoint_every=2)
    monkeypatch.setenv("FAKE_MODE", "crash")
    run(jobs_in_the_sky(tmp_path, start=True), [job])
    monkeypatch.setenv("FAKE_MODE", "finish")
    ended, _ = run(jobs_in_the_sky(tmp_path), [job])
    assert statuses(ended) == ["failed"]
    assert "the worker stopped without a word" in str(ended["seed 0"].note)
    run(jobs_in_the_sky(tmp_path, start=True), [job])  # goes on from its checkpoint, over there
    ended, _ = run(jobs_in_the_sky(tmp_path), [job])
    assert statuses(ended) == ["finished"]


def test_a_sky_that_is_missing_or_refuses_is_one_sentence(
    workplace: Workplace, tmp_path: Path, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = waiting(workplace, 1)
    commands(sky="exit 3")
    with pytest.raises(RunError, match=r"`sky jobs launch \.\.\.` ended with exit code 3"):
        run(jobs_in_the_sky(tmp_path, start=True), jobs)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(RunError, match="needs the command sky, not found here: uv tool install"):
        run(jobs_in_the_sky(tmp_path, start=True), jobs)


def test_an_answer_of_sky_that_is_no_list_of_jobs_is_not_taken_for_an_empty_one(
    workplace: Workplace, tmp_path: Path, commands: Commands
) -> None:
    a_sky(tmp_path, commands)
    jobs = waiting(workplace, 1)
    run(jobs_in_the_sky(tmp_path, start=True), jobs)
    (tmp_path / "queue.json").write_text('{"detail": "no"}')
    with pytest.raises(RunError, match="nothing we can read"):
        jobs_in_the_sky(tmp_path).busy(jobs)

"""The example of a scheduled job, run step by step with stand-ins for git, gh and the ingest."""

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

WORKFLOW = Path(__file__).parents[2] / "site" / "docs" / "guide" / "daily-workflow.yml"
JOB: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]["ingest"]
HOSTILE = '`touch owned` $(touch owned) ${{ github.token }} "; touch owned; echo "'


def step(name: str) -> dict[str, Any]:
    [found] = [step for step in JOB["steps"] if step.get("name") == name]
    return found


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with stand-ins that log how they were called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("git", "gh"):
        path = programs / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >> "$LOG"\n')
        path.chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    ingest = programs / "registry"
    ingest.write_text(
        '#!/bin/bash\necho "registry $*" >> "$LOG"\n'
        'cp prepared.json candidates/day.json; cp prepared.md candidates/day.md; exit "$CODE"\n'
    )
    ingest.chmod(0o755)
    return tmp_path


def run(place: Path, day: dict[str, Any], code: int = 0) -> tuple[list[int], list[str]]:
    """The exit codes of the two steps, and the commands they gave."""
    bash = shutil.which("bash")
    assert bash is not None
    (place / "prepared.json").write_text(json.dumps(day))
    (place / "prepared.md").write_text(f"# Ingest\n\n{HOSTILE}\n")
    log = place / "log"
    log.write_text("")
    env = {
        "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "LOG": str(log), "CODE": str(code),
        "GITHUB_OUTPUT": str(place / "output"), "RUNNER_TEMP": str(place), "GH_TOKEN": "secret",
        "BRANCH": "ingest/7", "GITHUB_REPOSITORY": "somebody/list", "GITHUB_REF_NAME": "main",
    }  # fmt: skip
    codes = []
    for name in ("Ingest", "Open a pull request"):
        done = subprocess.run(
            [bash, "-e", "-c", step(name)["run"]], cwd=place, env=env, check=False
        )
        codes.append(done.returncode)
        if done.returncode:
            break
    return codes, log.read_text().splitlines()


def day(found: int = 0, events: int = 0, duplicates: int = 0) -> dict[str, Any]:
    return {
        "found": [{"title": HOSTILE}] * found,
        "events": [{"kind": "withdrawn"}] * events,
        "duplicates": [{}] * duplicates,
    }


@pytest.mark.parametrize("code", [0, 3, 4])
def test_new_papers_open_a_pull_request_whether_or_not_the_day_is_whole(
    place: Path, code: int
) -> None:
    codes, commands = run(place, day(found=2), code)

    assert codes == [0, 0]
    assert (place / "output").read_text().splitlines()[-1] == f"code={code}"
    assert commands[0].startswith("registry ingest --daily --summary-md ")
    [opened] = [command for command in commands if command.startswith("gh ")]
    assert opened.startswith("gh pr create --base main --head ingest/7 --title Candidates of ")
    assert ": 2 new papers" in opened
    assert (place / "body.md").read_text() == (place / "prepared.md").read_text()


@pytest.mark.parametrize("part", ["events", "duplicates"])
def test_a_day_with_changes_alone_is_told_too(place: Path, part: str) -> None:
    _, commands = run(place, day(**{part: 1}))

    assert any(command.startswith("gh pr create") for command in commands)


def test_a_quiet_day_opens_nothing(place: Path) -> None:
    codes, commands = run(place, day())

    assert codes == [0, 0]
    assert not any(command.startswith(("git", "gh")) for command in commands)


def test_a_day_that_failed_ends_the_job_and_opens_nothing(place: Path) -> None:
    codes, commands = run(place, day(found=2), code=1)

    assert codes == [1]
    assert not any(command.startswith(("git", "gh")) for command in commands)


def test_no_strangers_text_stands_in_a_command(place: Path) -> None:
    _, commands = run(place, day(found=1))

    assert not (place / "owned").exists()
    assert HOSTILE not in "\n".join(commands)
    for one in JOB["steps"]:
        assert "${{" not in one.get("run", "")  # they come by the environment


def test_it_may_write_contents_and_pull_requests_and_nothing_else() -> None:
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {}
    assert JOB["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert JOB["timeout-minutes"] <= 60

"""Jobs that wait, and what becomes of them in an executor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.runs import launch
from registry.runs.executors.job import Ended, Job
from registry.runs.plan import Request, make_plan
from tests.runs.workplace import Workplace

Commands = Callable[..., None]
"""Puts shell scripts on PATH: ``commands(name="its body")``."""


def waiting(workplace: Workplace, count: int = 2, **options: Any) -> list[Job]:
    """Jobs of runs that wait, one a seed."""
    jobs = []
    for seed in range(count):
        plan = make_plan(Request("sft", {"model": "tiny", "steps": 3, **options}, seed, "cpu"))
        folder = launch.create_run(plan, workplace.settings)
        jobs.append(Job(folder, "sft", f"seed {seed}"))
    return jobs


def run(executor: Any, jobs: list[Job]) -> tuple[dict[str, Ended], list[str]]:
    """How each job ended, by its name, and what was said."""
    ended: list[Ended] = []
    said: list[str] = []
    executor.run(jobs, ended.append, said.append)
    assert len({one.job.name for one in ended}) == len(ended)
    return {one.job.name: one for one in ended}, said


def statuses(ended: dict[str, Ended]) -> list[str]:
    return [ended[name].status for name in sorted(ended)]

"""A place of its own for a test's runs, with the fake worker in the real one's place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from registry.core.settings import Settings
from registry.runs import launch
from registry.runs.plan import Request, make_plan

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
ROOT = Path(__file__).parents[2]
_DRIVER = (
    "import sys\n"
    "from registry.runs import launch\n"
    "from registry.cli.app import main\n"
    f"launch.WORKER = (sys.executable, {str(FAKE_WORKER)!r})\n"
    "sys.exit(main(sys.argv[1:]))\n"
)


@dataclass(frozen=True)
class Workplace:
    """Settings that point below ``root``, and ways to make runs there."""

    root: Path
    settings: Settings

    def run(self, method: str = "sft", *, seed: int = 0, **options: Any) -> launch.Outcome:
        """A run of the fake worker to its end."""
        given = {"steps": 3, **options} if method != "best-of-n" else options
        plan = make_plan(Request(method, {"model": "tiny", **given}, seed, "cpu"))
        return launch.start(launch.create_run(plan, self.settings))

    def command(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """``registry ...`` as a process of its own, with the fake worker."""
        return subprocess.Popen(
            [sys.executable, "-c", _DRIVER, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **env},
        )

    def folders(self) -> list[Path]:
        """The run folders there are."""
        there = self.settings.runs_dir
        if not there.is_dir():
            return []
        return sorted(f for f in there.iterdir() if f.is_dir() and not f.name.startswith("."))


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    monkeypatch.setenv("REGISTRY_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("REGISTRY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("REGISTRY_DATABASE_URL", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setattr(launch, "WORKER", (sys.executable, str(FAKE_WORKER)))
    yield Workplace(tmp_path, Settings.load())


def wait_for_step(folder: Path, step: int, seconds: float = 20) -> None:
    """Until ``metrics.jsonl`` in ``folder`` holds ``step``; fails the test where it never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        path = folder / "metrics.jsonl"
        if path.exists() and path.read_text().count("\n") >= step:
            return
        time.sleep(0.02)
    pytest.fail(f"step {step} was not reached in {seconds} s")


def wait_for_folder(workplace: Workplace, seconds: float = 20, below: str = "") -> Path:
    """The first run folder, as soon as there is one; ``below`` a folder of the runs folder."""
    there = workplace.settings.runs_dir / below
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = [f for f in there.iterdir() if f.is_dir()] if there.is_dir() else []
        if folders := sorted(f for f in found if not f.name.startswith(".")):
            return folders[0]
        time.sleep(0.02)
    pytest.fail(f"no run folder in {seconds} s")


def rewrite(path: Path, **changes: Any) -> None:
    """``path`` (JSON) with some fields changed."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

"""Each method moves what it exists to move, and its control does not; on a tiny model, one seed.

The whole protocol, three seeds and every arm, is `registry verify`; its results are committed. Here
a method has some ten seconds of one core, its control included: few steps, small batches, and a
part of the held-out problems.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from methods import index
from methods.engine import worker
from methods.engine.tasks import build_task
from methods.engine.tasks.task import Task

Run = Callable[..., dict[str, Any]]
MEASURED = 100  # held-out problems at most


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Run a method on its tiny preset in this process; gives its measures by name."""
    handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    cache = os.environ.get("REGISTRY_CACHE_DIR") or Path.home() / ".cache" / "posttrain-registry"

    done: dict[str, dict[str, Any]] = {}

    def start(slug: str, seed: int = 0, **config: Any) -> dict[str, Any]:
        asked = json.dumps([slug, seed, config], sort_keys=True)
        if asked not in done:  # the tests of a module may ask for the same run
            done[asked] = played(slug, seed, **config)
        return done[asked]

    def played(slug: str, seed: int, **config: Any) -> dict[str, Any]:
        info = index.find(slug)
        assert info is not None
        kind, presets = index.read_config(info)
        given = {**presets["tiny"], "model": "tiny", **config}
        if "save_model" in kind.model_fields:
            given["save_model"] = False
        folder = tmp_path_factory.mktemp(slug)
        spec = {
            "schema": 1, "run_id": folder.name, "method": slug, "paper": info.paper,
            "config": kind(**given).model_dump(), "provenance": {}, "seed": seed, "device": "cpu",
            "command": f"registry run {slug}", "git": {"commit": None, "dirty": True},
            "cache_dir": str(cache),
        }  # fmt: skip
        (folder / "spec.json").write_text(json.dumps(spec))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("methods.engine.run.build_task", _measured_shortly)
            assert worker.main(folder) == 0
        found = json.loads((folder / "results.json").read_text())
        return {m["name"]: m for m in found["measures"]} | {"curves": found["curves"]}

    yield start
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _measured_shortly(name: str, cache: Path) -> Task:
    """The task as it is, the start that belongs to it too, with fewer problems to measure on."""
    task = build_task(name, cache)
    short = replace(task, held_out=task.held_out[:MEASURED])
    vars(short)["fingerprint"] = task.fingerprint  # what the cached start goes by
    return short


def rises(measure: dict[str, Any]) -> bool:
    """The two 95 % intervals do not touch: stricter than a test of the difference."""
    return bool(measure["after_interval"][0] > measure["before_interval"][1])

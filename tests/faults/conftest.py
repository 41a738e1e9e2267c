"""A start and one unbroken run of each method, for runs that are broken in some way to equal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import workers

STEPS = 24


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained model on disk; what it learns does not matter here."""
    return workers.make_start(tmp_path_factory.mktemp("start"))


@pytest.fixture(scope="session")
def unbroken(
    tmp_path_factory: pytest.TempPathFactory, start: Path
) -> Callable[..., dict[str, bytes]]:
    """The logs and results of a method's run that nothing happened to, by method and options."""
    known: dict[str, dict[str, bytes]] = {}

    def logs(method: str, **options: Any) -> dict[str, bytes]:
        key = repr((method, sorted(options.items())))
        if key not in known:
            folder = workers.make_run(
                tmp_path_factory.mktemp(f"unbroken-{method}"), start, method, **options
            )
            assert workers.finish(folder) == 0, (folder / "stderr.txt").read_text()
            known[key] = workers.logs(folder)
        return known[key]

    return logs

"""From the snapshot to a site on disk.

The pages go to ``<site>/docs/_generated``; mkdocs builds them in a process of its own into a folder
beside the target, which then takes the target's place: a build that fails leaves the last site.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as clock
from functools import partial
from pathlib import Path

from registry.core.atomic import write_if_changed
from registry.core.errors import RegistryError, UsageError
from registry.core.settings import Settings
from registry.publish.pages import all_pages
from registry.publish.snapshot import Snapshot, load_snapshot
from registry.publish.source_papers import source_table
from registry.publish.tree import GENERATED, Changes, collect, compare, hand_written, write

MARK = ".posttrain-registry-site"
"""In every folder we built; without it we empty no folder."""
_NO_MKDOCS = "the site needs mkdocs, which is not installed: pip install 'posttrain-registry[site]'"
_ENDING = 12  # lines of mkdocs' output that an error shows


@dataclass(frozen=True)
class Published:
    """What a publish did. ``site`` is None where nothing was built; ``seconds`` is wall time."""

    source: Path
    site: Path | None
    papers: int
    methods: int
    runs: int
    changes: Changes
    seconds: float


def publish(
    settings: Settings, *, out: Path | None = None, build: bool = True, dry_run: bool = False
) -> Published:
    """Write the pages and build the site into ``out`` (``site/build`` of the workspace).

    Raises CatalogError for a bad catalog, UsageError where ``out`` holds something else,
    RegistryError where mkdocs is missing or fails.
    """
    begun = time.monotonic()
    target = (out or settings.workspace / "site" / "build").resolve()
    site = settings.workspace / "site"
    if build:
        _require_mkdocs()
        _check_target(target, settings)
    snapshot = load_snapshot(settings)
    tables = {"source papers": partial(source_table, snapshot=snapshot)}
    files = collect(all_pages(snapshot), settings.site_dir / "docs", tables)
    source = site / "docs" / GENERATED
    if dry_run:
        changes = compare(files, source)
    else:
        _bring_frame(settings.site_dir, site)
        changes = write(files, source)
    built = build and not dry_run
    if built:
        build_site(site, target, snapshot)
    return Published(
        source=source,
        site=target if built else None,
        papers=len(snapshot.papers),
        methods=len(snapshot.methods),
        runs=len(snapshot.runs),
        changes=changes,
        seconds=round(time.monotonic() - begun, 3),
    )


def build_site(site: Path, target: Path, snapshot: Snapshot) -> None:
    """Run mkdocs on ``site`` and put the result at ``target``. Raises RegistryError."""
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    _run_mkdocs(site, fresh, snapshot)
    (fresh / MARK).write_text("Built by `registry publish`, which replaces this folder.\n")
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _run_mkdocs(site: Path, fresh: Path, snapshot: Snapshot) -> None:
    # The newest fact is the site's clock: the same catalog gives the same bytes on any day.
    noon = datetime.combine(snapshot.newest_date, clock(12), UTC)
    environment = {
        **os.environ,
        "NO_MKDOCS_2_WARNING": "1",
        "SOURCE_DATE_EPOCH": str(int(noon.timestamp())),
    }
    # Not --quiet: it drops the warnings before --strict can count them.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    command += ["--config-file", str(site / "mkdocs.yml"), "--site-dir", str(fresh)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        lines = (done.stdout + done.stderr).strip().splitlines()
        said = [line for line in lines if not line.startswith("INFO")][-_ENDING:]
        raise RegistryError(
            f"mkdocs could not build {site}: {' | '.join(said) or f'exit {done.returncode}'}"
        )


def _require_mkdocs() -> None:
    if any(importlib.util.find_spec(name) is None for name in ("mkdocs", "material")):
        raise RegistryError(_NO_MKDOCS)


def _check_target(target: Path, settings: Settings) -> None:
    if target.is_file():
        raise UsageError(f"--out {target} is a file. Allowed: a folder, new or built by us before.")
    source = settings.workspace / "site" / "docs"
    inside = (source, settings.site_dir, settings.catalog_dir, settings.runs_dir)
    if any(place.resolve().is_relative_to(target) for place in inside) or target.is_relative_to(
        source.resolve()
    ):
        raise UsageError(f"--out {target} holds the project itself. Name a folder of its own.")
    if target.is_dir() and any(target.iterdir()) and not (target / MARK).is_file():
        raise UsageError(
            f"--out {target} holds files that no publish made, and a build would delete them. "
            "Name a new folder or an empty one."
        )


def _bring_frame(origin: Path, site: Path) -> None:
    """Copy configuration, overrides and hand-written pages where ``origin`` is read-only data."""
    if origin.resolve() == site.resolve():
        return
    paths = [origin / "mkdocs.yml", *hand_written(origin / "overrides")]
    for path in paths:
        write_if_changed(site / path.relative_to(origin), path.read_bytes())

"""``registry verify``: a claim, measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import UsageError

if TYPE_CHECKING:
    from methods.experiments.protocol import Experiment
    from registry.catalog.models import Evidence
    from registry.core.settings import Settings
    from registry.runs.shelf import Shelf
    from registry.runs.verify import Task, Verification


def verify(
    method: list[str] = typer.Argument(None, help="Methods; or --all."),
    every: bool = typer.Option(False, "--all", help="Every experiment there is at this scale."),
    claim: str = typer.Option(None, help="Only this claim, for example c1."),
    experiment: str = typer.Option(None, help="Only this experiment, for example dpo-sentiment."),
    scale: str = typer.Option("tiny", help="tiny, or smollm2."),
    seeds: int = typer.Option(None, help="How many. Default: as the experiment says."),
    jobs: int = typer.Option(1, help="Runs at a time; with more than 1 each has one thread."),
    device: str = typer.Option("auto", help="cpu, cuda, or auto: cuda where there is one."),
    out: Path = typer.Option(None, help="Folder of evidence. Default: catalog/evidence."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the runs, do nothing."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """Run a claim's experiments over seeds and write what came out as evidence.

    A method may have several experiments, and on claims of other papers than its own. Runs that
    finished earlier with the same code, configuration and seed stand, whichever experiment they
    were made for, so a verification that was stopped goes on where it was. They are kept in
    runs/measured.

    Example:

        registry verify grpo --dry-run
        registry verify grpo --claim c1 --scale tiny --seeds 3 --jobs 2
        registry verify --all --scale tiny
    """
    from registry.core.settings import Settings
    from registry.runs import verify as work
    from registry.runs.shelf import Shelf

    settings = Settings.load()
    folder = out or _evidence_folder(settings, dry_run)
    chosen = _chosen(method or [], every, claim, experiment, scale)
    planned = [
        work.plan_verification(e, scale, seeds=seeds, device=device, jobs=jobs) for e in chosen
    ]
    shelf = Shelf(settings, jobs)
    if dry_run:
        _show_plans(planned, shelf, as_json)
        return
    found = []
    for number, one in enumerate(planned, start=1):
        if len(planned) > 1:
            talk(f"experiment {number} of {len(planned)}: {one.experiment.slug}")
        evidence = work.verify(one, shelf, talk)
        found.append((_written(folder, evidence), evidence))
        if not as_json:
            _show(evidence, found[-1][0])
    if found and not all(e.verdict == "not testable at this scale" for _, e in found):
        talk(shelf.made.sentence())
    if as_json:
        emit_json([{"path": path, "evidence": evidence} for path, evidence in found])


def _written(folder: Path, evidence: Evidence) -> Path:
    from registry.catalog.files import dump_entry
    from registry.core.atomic import write_if_changed
    from registry.runs.verify import evidence_path

    path = evidence_path(folder, evidence)
    write_if_changed(path, dump_entry(evidence))
    return path


def _chosen(
    methods: list[str], every: bool, claim: str | None, experiment: str | None, scale: str
) -> list[Experiment]:
    """The experiments that were asked for, each once, in the order of the list."""
    from methods.experiments import EXPERIMENTS
    from registry.runs.verify import experiments_of

    if every == bool(methods or experiment) or (every and claim):
        known = ", ".join(dict.fromkeys(e.method for e in EXPERIMENTS))
        raise UsageError(
            f"verify needs methods, or --experiment, or --all (not both). Methods with an "
            f"experiment: {known}"
        )
    if not every:
        names: list[str | None] = [*methods] or [None]
        groups = [experiments_of(name, claim, experiment) for name in names]
        return list({e.slug: e for group in groups for e in group}.values())
    found = [e for e in EXPERIMENTS if e.scale(scale)]
    if not found:
        raise UsageError(f"no experiment has the scale '{scale}'. Allowed: tiny, smollm2")
    if without := [e.slug for e in EXPERIMENTS if e not in found]:
        talk(f"not at scale {scale}, left out: {', '.join(without)}")
    return found


def _evidence_folder(settings: Settings, dry_run: bool) -> Path:
    if not settings.catalog_is_writable and not dry_run:
        raise UsageError(
            "the catalog here is part of an installed release and stays as it is. "
            "Say where the evidence goes: --out evidence"
        )
    return settings.catalog_dir / "evidence"


def _show_plans(planned: list[Verification], shelf: Shelf, as_json: bool) -> None:
    if as_json:
        emit_json(
            [
                {
                    "experiment": p.experiment.slug,
                    "scale": p.scale.name,
                    "command": p.command,
                    "runs": [_row(task) for task in _tasks(p, shelf)],
                }
                for p in planned
            ]
        )
        return
    for one in planned:
        talk(f"{one.experiment.slug} at scale {one.scale.name}: {one.experiment.question}")
        if one.scale.untestable:
            talk(f"nothing to run: {one.scale.untestable}")
        emit_table(
            ("arm", "seed", "state", "command"),
            [(t.arm.name, str(t.seed), t.state, t.command) for t in _tasks(one, shelf)],
        )


def _tasks(planned: Verification, shelf: Shelf) -> tuple[Task, ...]:
    return () if planned.scale.untestable else planned.tasks(shelf)


def _row(task: Task) -> dict[str, Any]:
    return {
        "arm": task.arm.name,
        "seed": task.seed,
        "state": task.state,
        "uses": dict(task.arm.uses),
        "run_id": task.record.run_id if task.record else None,
        "command": task.command,
    }


def _show(evidence: Evidence, path: Path) -> None:
    from registry.runs.sentences import interval
    from registry.runs.ticks import format_number

    emit(evidence.question)
    emit_table(
        ("arm", "measure", "unit", "before", "after", "95 % interval", "seconds"),
        [
            (
                m.label,
                m.measure,
                m.unit,
                format_number(sum(m.before) / len(m.before)) if m.before else None,
                m.mean_after,
                interval(m.interval),
                format_number(sum(m.seconds) / len(m.seconds)),
            )
            for m in evidence.measured
        ],
    )
    emit()
    emit_table(
        ("comparison", "difference", "95 % interval", "holds"),
        [(c.text, c.difference, interval(c.interval), c.holds) for c in evidence.comparisons],
    )
    emit(f"verdict: {evidence.verdict}")
    emit(f"written: {path}")

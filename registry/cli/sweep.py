"""``registry sweep``: a method over a grid of options and seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import RunError, UsageError

if TYPE_CHECKING:
    from registry.core.settings import Settings
    from registry.runs.executors.choice import Place
    from registry.runs.sweep import Sweep, Tally
    from registry.runs.sweep_plan import SweepPlan
    from registry.runs.sweep_table import SweepTable

_WIDE = 8  # seeds that get a column each
_GRID = ("method", "set_", "seeds", "model", "task", "data", "device", "config", "executor")
_PLACE = (
    "workers", "gpus", "mem", "partition", "time", "wait", "cluster", "store", "infra", "launch",
)  # fmt: skip


def sweep(
    method: str = typer.Argument(None, help="The method, unless an earlier sweep is named."),
    set_: list[str] = typer.Option(
        [], "--set", metavar="KEY=A,B,C", help="An option with its values; repeatable."
    ),
    seeds: str = typer.Option(None, help="How many (3: 0, 1, 2), or which (0,3,7). Default: 1."),
    model: str = typer.Option(None, help="The model of every run."),
    task: str = typer.Option(None, help="The task of every run."),
    data: str = typer.Option(None, help="The data of every run."),
    device: str = typer.Option(None, help="cpu, cuda, or auto: cuda where there is one."),
    config: Path = typer.Option(None, help="A YAML file of options for every run."),
    executor: str = typer.Option(None, help="local, slurm or sky. Default: local."),
    workers: int = typer.Option(
        None, help="Runs at a time. Default: 1 on a CPU, one for each GPU; slurm: no limit of ours."
    ),
    gpus: str = typer.Option(None, help="A run's GPU; slurm: 1, sky: H100:1. Default: a CPU."),
    mem: str = typer.Option(None, help="A run's memory: 16G. slurm, sky."),
    partition: str = typer.Option(None, help="slurm: the partition."),
    time: str = typer.Option(None, help="slurm: a run's time, 4:00:00 by default; it may go on."),
    wait: bool = typer.Option(False, "--wait", help="slurm: stay until the runs have ended."),
    cluster: str = typer.Option(None, help="slurm: local runs the same tasks on this machine."),
    store: str = typer.Option(None, help="sky: the bucket of the run folders, s3://... or gs://."),
    infra: str = typer.Option(None, help="sky: where, for example aws/us-east-1 or k8s."),
    launch: bool = typer.Option(False, "--launch", help="sky: launch; else only write the files."),
    resume: str = typer.Option(None, metavar="SWEEP", help="Go on with a sweep: id, or latest."),
    show: str = typer.Option(None, metavar="SWEEP", help="Show a sweep's table: id, or latest."),
    list_: bool = typer.Option(False, "--list", help="List the sweeps, newest first."),
    yes: bool = typer.Option(False, "--yes", help="Start more than 200 runs."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the runs to come, do nothing."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> int:
    """Run a method with every combination of some options, over seeds.

    Each is an ordinary run. Ctrl-C stops the running ones at a checkpoint; --resume goes on, also
    after a crash. The table has a row for each combination: its key measure for each seed, their
    mean and the 95 % interval of that.

    Example:

        registry sweep dpo --set beta=0.05,0.1,0.5 --set learning_rate=1e-5,1e-4 --seeds 3
        registry sweep --show latest
        registry sweep --resume latest --workers 2
    """
    return _execute(locals())


def _execute(given: dict[str, Any]) -> int:
    options = _given({name: given[name] for name in _PLACE})
    grid = {name: given[name] for name in _GRID}
    verbs = {"--resume": given["resume"], "--show": given["show"], "--list": given["list_"]}
    chosen, as_json, dry_run = _verb(verbs, grid, options), given["as_json"], given["dry_run"]
    if chosen == "--list":
        return _list(as_json)
    if chosen == "--show":
        return _show(given["show"], as_json, hint=True)
    if chosen == "--resume":
        return _resume(given["resume"], options, dry_run, as_json)
    return _start(grid, options, many=given["yes"], dry_run=dry_run, as_json=as_json)


def _verb(verbs: dict[str, Any], grid: dict[str, Any], options: dict[str, Any]) -> str:
    """The one of ``verbs`` that is given, "" for a new sweep; refuses what does not go with it."""
    chosen = list(_given(verbs))
    given = [_flag(name) for name, value in grid.items() if value]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} are given. Allowed: one of them")
    if not chosen:
        if grid["method"] is None:
            raise UsageError(
                "sweep needs a method (registry list methods), or --show, --resume or --list"
            )
        return ""
    if chosen != ["--resume"]:
        given += map(_flag, options)
    if given:
        raise UsageError(
            f"{chosen[0]} is about a sweep that is there; {', '.join(given)} cannot change. "
            f"Drop it, or start a new sweep without {chosen[0]}"
        )
    return chosen[0]


def _start(
    grid: dict[str, Any], options: dict[str, Any], *, many: bool, dry_run: bool, as_json: bool
) -> int:
    place = _place(grid["executor"] or "local", options)
    plan = _plan(grid, place, many=many)
    if dry_run:
        return _show_plan(plan, as_json)
    from registry.runs.sweep import create_sweep

    made = create_sweep(plan, _settings())
    talk(f"{made.sweep_id}: {len(made.runs)} runs")
    return _run(made, place, as_json)


def _settings() -> Settings:
    from registry.core.settings import Settings

    return Settings.load()


def _flag(name: str) -> str:
    return name if name == "method" else f"--{name.rstrip('_')}"


def _given(options: dict[str, Any]) -> dict[str, Any]:
    # 0 is a value like any other; only what was left out is None, or False for a flag.
    return {n: value for n, value in options.items() if value is not None and value is not False}


def _place(executor: str, options: dict[str, Any]) -> Place:
    from registry.runs.executors.choice import make_place

    return make_place(executor, **options)


def _plan(grid: dict[str, Any], place: Place, *, many: bool) -> SweepPlan:
    from registry.runs.plan import parse_assignments
    from registry.runs.sweep_plan import SweepRequest, plan_sweep

    request = SweepRequest(
        method=grid["method"],
        assigned=parse_assignments(grid["set_"]),
        fixed={n: grid[n] for n in ("model", "task", "data") if grid[n] is not None},
        seeds="1" if grid["seeds"] is None else grid["seeds"],
        device=grid["device"] or "auto",
        config_file=grid["config"],
        place=place,
    )
    return plan_sweep(request, many=many)


def _show_plan(plan: SweepPlan, as_json: bool) -> int:
    from registry.runs.executors.choice import build
    from registry.runs.executors.job import Job
    from registry.runs.records import SWEEPS

    settings = _settings()
    executor = build(plan.place, settings.runs_dir / SWEEPS / "sweep", plan.device, settings)
    # The ids come with the folders; a preview shows where they will stand.
    jobs = [
        Job(settings.runs_dir / f"{plan.method}-run-{number}", plan.method, run.name)
        for number, run in enumerate(plan.runs, start=1)
    ]
    preview = executor.preview(jobs)
    if as_json:
        runs = [{"values": r.values, "seed": r.seed, "command": r.plan.command} for r in plan.runs]
        emit_json({**vars(plan), "runs": runs, "preview": preview})
        return 0
    emit_table(
        (*plan.grid, "seed", "command"),
        [(*run.values.values(), str(run.seed), run.plan.command) for run in plan.runs],
    )
    for text in preview:
        emit()
        emit(text.rstrip("\n"))
    talk(f"nothing was written; {len(plan.runs)} runs to come on {plan.device}")
    return 0


def _resume(name: str, options: dict[str, Any], dry_run: bool, as_json: bool) -> int:
    from registry.runs.sweep import find_sweep, records

    settings = _settings()
    found = find_sweep(name, settings)
    kept = found.place.model_dump(exclude={"executor"}, exclude_none=True)
    place = _place(found.place.executor, kept | options)
    if not dry_run:
        return _run(found, place, as_json)
    left = [
        (run, record.state)
        for run, record in zip(found.runs, records(found, settings), strict=True)
        if record.state != "finished"
    ]
    if as_json:
        runs = [{**run.model_dump(), "state": state} for run, state in left]
        emit_json({"sweep_id": found.sweep_id, "runs": runs})
        return 0
    emit_table(
        ("run", *found.grid, "seed", "state"),
        [(run.run_id, *run.values.values(), str(run.seed), state) for run, state in left],
    )
    talk(f"nothing was started; {len(left)} of {len(found.runs)} runs to go on with")
    return 0


def _run(found: Sweep, place: Place, as_json: bool) -> int:
    from registry.runs.sweep import run_sweep

    tally = run_sweep(found, _settings(), talk, place)
    _show(found.sweep_id, as_json)
    return _verdict(found, place, tally)


def _verdict(found: Sweep, place: Place, tally: Tally) -> int:
    failed = tally.of("failed")
    if failed:
        names = "; ".join(f"({one.job.name}) {one.note}" for one in failed[:3])
        more = f"; {len(failed) - 3} more" if len(failed) > 3 else ""
        raise RunError(
            f"{len(failed)} of {tally.total} runs failed: {names}{more}. When it is mended, go on: "
            f"registry sweep --resume {found.sweep_id}",
            failed[0].job.folder,
        )
    handed = len(tally.of("handed over"))
    if handed and place.executor == "sky" and not place.launch:
        talk(f"nothing was launched; to launch: registry sweep --resume {found.sweep_id} --launch")
    elif handed:
        talk(
            f"{handed} of {tally.total} runs are handed over; to look: registry sweep --show "
            f"{found.sweep_id}; to go on with what was lost: registry sweep --resume "
            f"{found.sweep_id}"
        )
    return 0


def _list(as_json: bool) -> int:
    from registry.runs.sweep import list_sweeps, records

    settings = _settings()
    rows = []
    for one in list_sweeps(settings):
        finished = sum(record.state == "finished" for record in records(one, settings))
        rows.append((one, finished))
    if as_json:
        emit_json([{**one.model_dump(mode="json"), "finished": done} for one, done in rows])
        return 0
    emit_table(
        ("sweep", "method", "grid", "seeds", "finished", "executor", "created"),
        [
            (
                one.sweep_id,
                one.method,
                "; ".join(f"{name}={','.join(values)}" for name, values in one.grid.items()),
                str(len(one.seeds)),
                f"{done} of {len(one.runs)}",
                one.place.executor,
                f"{one.created:%Y-%m-%d %H:%M}",
            )
            for one, done in rows
        ],
    )
    if not rows:
        talk(f"no sweeps in {settings.runs_dir}; make one: registry sweep --help")
    return 0


def _show(name: str, as_json: bool, *, hint: bool = False) -> int:
    from registry.runs.sweep import find_sweep
    from registry.runs.sweep_table import sweep_table

    settings = _settings()
    table = sweep_table(find_sweep(name, settings), settings)
    if as_json:
        emit_json(table)
        return 0
    _headline(table)
    _rows(table)
    _conclusion(table)
    if hint and set(table.states) - {"finished", "running"}:
        talk(f"go on with what has not finished: registry sweep --resume {table.sweep_id}")
    return 0


def _headline(table: SweepTable) -> None:
    states = ", ".join(f"{count} {state}" for state, count in sorted(table.states.items()))
    fixed = "".join(f", {name}={value}" for name, value in table.fixed.items())
    emit(f"{table.sweep_id}: {table.method}{fixed}; {states}")
    if table.measure:
        better = "higher" if table.higher_is_better else "lower"
        unit = f", {table.unit}" if table.unit else ""
        over = "over seeds" if len(table.seeds) > 1 else "of each run over its held-out items"
        emit(f"{table.title} after the run{unit}; {better} is better; 95 % interval {over}")


def _rows(table: SweepTable) -> None:
    from registry.runs.sentences import interval

    names = list(table.rows[0].values) or ["method"]
    wide = len(table.seeds) <= _WIDE
    shown = [f"seed {seed}" for seed in table.seeds] if wide else ["finished"]
    lines: list[tuple[Any, ...]] = []
    for row in table.rows:
        cells: list[Any] = [c.state if c.after is None else c.after for c in row.cells]
        if not wide:
            cells = [f"{row.finished} of {len(row.cells)}"]
        lines.append(
            (*(row.values.values() or [table.method]), *cells, row.mean, interval(row.interval))
        )
    emit_table((*names, *shown, "mean", "95 % interval"), lines)


def _conclusion(table: SweepTable) -> None:
    from registry.runs.sweep_table import best

    if found := best(table):
        row, others = found
        name = ", ".join(f"{key}={value}" for key, value in row.values.items())
        so_far = "" if set(table.states) == {"finished"} else " so far"
        near = f"; the intervals of {others} more overlap with its own" if others else ""
        emit(f"best mean{so_far}: {name}{near}")
    for row in table.rows:
        for cell in row.cells:
            if cell.problem and cell.state != "finished":
                emit(f"{cell.run_id} {cell.state}: {cell.problem}")

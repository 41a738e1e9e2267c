"""``registry runs``: what the run folders hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import UsageError

if TYPE_CHECKING:
    from registry.catalog.models import Curve
    from registry.runs.records import Measure, RunRecord

app = typer.Typer(rich_markup_mode=None)


@app.callback()
def runs() -> None:
    """List, show, compare and plot the runs in the runs folder.

    A run is named by its id, the beginning of it, or the path of its folder.

    Example:

        registry runs list --method grpo
        registry runs show grpo-20261120
        registry runs plot grpo-20261120 --metric reward
    """


@app.command("list")
def list_(
    method: str = typer.Option(None, help="Only runs of this method."),
    state: str = typer.Option(None, help="Only runs in this state: finished, died, damaged ..."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """List the runs, newest first; damaged ones too.

    Example:

        registry runs list --method grpo --state finished
    """
    from registry.core.settings import Settings
    from registry.runs.plan import find_method
    from registry.runs.records import State, list_runs

    if state and state not in get_args(State):
        raise UsageError(f"--state {state} is not known. Allowed: {', '.join(get_args(State))}")
    settings = Settings.load()
    there = list_runs(settings.runs_dir)
    if method and not any(record.method == method for record in there):
        find_method(method)  # a method that was a file is known by its runs alone
    found = [
        record
        for record in there
        if (not method or record.method == method) and (not state or record.state == state)
    ]
    if as_json:
        emit_json([_summary(record) for record in found])
        return
    emit_table(("run", "method", "model", "state", "measured", "started"), map(_row, found))
    if not found:
        talk(f"no runs in {settings.runs_dir}; make one: registry run grpo")


@app.command()
def show(
    run: str = typer.Argument(help="A run's id, the beginning of it, or its folder."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """Show one run in full.

    What was asked, what ran, what was measured, and a few samples.

    Example:

        registry runs show grpo-20261120 --json
    """
    from registry.runs.compare import require_readable

    record = _find([run])[0]
    if as_json:
        emit_json(record)
        return
    require_readable(record)
    emit_table(("fact", "value"), _facts(record))
    if record.results:
        emit()
        emit_table(
            ("measure", "unit", "before", "after", "95 % interval", "n"),
            [_measure_row(measure) for measure in record.results.measures],
        )
        for note in record.results.notes:
            emit(note)
    emit()
    emit_table(("option", "value", "from"), _options(record))
    if samples := _samples(record):
        emit()
        emit_table(("step", "prompt", "completion", "reward"), samples)


@app.command()
def compare(
    run: list[str] = typer.Argument(help="Two runs or more."),
    metric: list[str] = typer.Option([], help="A metric of the steps; repeatable."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """Set runs side by side.

    The options that differ, the measures, and the course of a metric.

    Example:

        registry runs compare grpo-20261120-101500 grpo-20261120-103000 --metric reward
    """
    from registry.runs.compare import compare_runs, short_table
    from registry.runs.plots import curve_table

    compared = compare_runs(_find(run), metric)
    if as_json:
        emit_json(compared)
        return
    emit_table(("option", *compared.runs), [(n, *v) for n, v in compared.differing])
    if not compared.differing:
        talk("no option differs")
    emit()
    emit_table(
        ("measure", "unit", *compared.runs),
        [(r.title or r.name, r.unit, *map(_change, r.values)) for r in compared.measures],
    )
    for curve in compared.curves:
        emit()
        emit(curve.title)
        emit_table(*curve_table(short_table(curve)))


@app.command()
def plot(
    run: list[str] = typer.Argument(help="One run or more, a line each."),
    metric: list[str] = typer.Option([], help="A metric of the steps; repeatable. Default: all."),
    out: Path = typer.Option(None, help="Folder to write to. Default: plots/ of the first run."),
    table: bool = typer.Option(False, "--table", help="Print the numbers, write nothing."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what would be written."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """Draw the curves of runs as SVG files.

    They fit light and dark pages, and hold the same in words.

    Example:

        registry runs plot grpo-20261120 --metric reward --out figures
    """
    from registry.core.atomic import write_if_changed
    from registry.runs.compare import metric_curves, require_readable, result_curves
    from registry.runs.plots import line_chart

    records = _find(run)
    for record in records:
        require_readable(record)
    curves = metric_curves(records, metric) + ([] if metric else result_curves(records))
    if not curves:
        raise UsageError(f"{run[0]} holds no steps and no curves yet")
    if table:
        _print_curves(curves, as_json)
        return
    folder = out or records[0].folder / "plots"
    paths = [folder / f"{name}.svg" for name in _file_names(curves)]
    for path, curve in zip(paths, curves, strict=True):
        if not dry_run:
            write_if_changed(path, line_chart(curve))
    if as_json:
        emit_json({"written": not dry_run, "files": paths})
    else:
        emit("\n".join(map(str, paths)))


def _find(names: list[str]) -> list[RunRecord]:
    from registry.core.settings import Settings
    from registry.runs.records import find_run

    settings = Settings.load()
    return [find_run(settings.runs_dir, name) for name in names]


def _summary(record: RunRecord) -> dict[str, Any]:
    key = record.results.key_measure if record.results else None
    return {
        "run_id": record.run_id,
        "folder": record.folder,
        "method": record.method or None,
        "state": record.state,
        "problem": record.problem,
        "model": record.spec.config.get("model") if record.spec else None,
        "seed": record.spec.seed if record.spec else None,
        "started": record.started,
        "measure": key,
    }


def _row(record: RunRecord) -> tuple[Any, ...]:
    from registry.runs.sentences import measure_line

    key = record.results.key_measure if record.results else None
    return (
        record.run_id,
        record.method or None,
        record.spec.config.get("model") if record.spec else None,
        record.state,
        measure_line(key) if key else record.problem,
        f"{record.started:%Y-%m-%d %H:%M}" if record.started else None,
    )


def _facts(record: RunRecord) -> list[tuple[str, Any]]:
    from registry.runs.sentences import duration

    spec, ran = record.spec, record.manifest
    facts: list[tuple[str, Any]] = [("run", record.run_id), ("state", record.state)]
    if record.problem:
        facts.append(("problem", record.problem))
    if spec:
        commit = (spec.git.commit or "none") + (", with changes" if spec.git.dirty else "")
        facts += [("method", f"{spec.method} (arXiv {spec.paper})"), ("seed", spec.seed)]
        facts += [("command", spec.command), ("code", f"git {commit}")]
    if ran:
        versions = ", ".join(f"{name} {version}" for name, version in ran.versions.items())
        facts += [("device", ran.device_name or ran.device), ("versions", versions)]
        facts.append(("steps", f"{ran.last_step} of {ran.steps}"))
        facts.append(("time", duration(ran.seconds)))
        facts.append(("peak memory", f"{ran.peak_memory_bytes / 2**30:.2f} GiB"))
        if ran.model:
            about = f"{ran.model.name}, {ran.model.parameters:,} parameters, {ran.model.source}"
            facts.append(("model", about))
        if ran.data:
            about = f"{ran.data.name}: {ran.data.train} + {ran.data.held_out} held out"
            skipped = f", {ran.data.skipped} bad rows skipped" if ran.data.skipped else ""
            facts.append(("data", about + skipped))
    facts.append(("folder", record.folder))
    if record.worth_resuming:
        facts.append(("go on", f"registry run {record.method} --resume {record.run_id}"))
    return facts


def _options(record: RunRecord) -> list[tuple[str, str, str]]:
    from registry.runs.options import show_value

    if record.spec is None:
        return []
    whence = record.spec.provenance
    return [(n, show_value(v), whence.get(n, "")) for n, v in record.spec.config.items()]


def _samples(record: RunRecord, most: int = 6) -> list[tuple[Any, ...]]:
    from registry.runs.records import read_samples

    rows = read_samples(record.folder).rows
    chosen = (*rows[: most // 2], *rows[most // 2 :][-(most // 2) :])
    return [
        (r.get("step"), _tail(r.get("prompt")), _tail(r.get("completion")), r.get("reward"))
        for r in chosen
    ]


def _tail(text: Any, most: int = 60) -> str:
    shown = str(text)
    return shown if len(shown) <= most else "..." + shown[3 - most :]


def _measure_row(measure: Measure) -> tuple[Any, ...]:
    from registry.runs.sentences import interval

    return (
        measure.title or measure.name,
        measure.unit,
        measure.before,
        measure.after,
        interval(measure.after_interval),
        measure.n,
    )


def _change(measure: Measure | None) -> str:
    from registry.runs.ticks import format_number

    if measure is None:
        return "-"
    before = "" if measure.before is None else f"{format_number(measure.before)} -> "
    return before + format_number(measure.after)


def _print_curves(curves: list[Curve], as_json: bool) -> None:
    from registry.runs.plots import curve_table

    if as_json:
        emit_json(curves)
        return
    for curve in curves:
        emit(curve.title)
        emit_table(*curve_table(curve))


def _file_names(curves: list[Curve]) -> list[str]:
    names: list[str] = []
    for curve in curves:
        same = sum(name == curve.name or name.startswith(f"{curve.name}-") for name in names)
        names.append(f"{curve.name}-{same + 1}" if curve.name in names else curve.name)
    return names

"""``registry compare``: several methods with the same task, model and budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, plain, talk
from registry.core.errors import UsageError

if TYPE_CHECKING:
    from registry.runs.contest import Compared, Contest
    from registry.runs.shelf import Shelf


def compare(
    method: list[str] = typer.Argument(..., help="Two methods or more; files of your own too."),
    task: str = typer.Option(None, help="A built-in task: sentiment, addition, chain-sum ..."),
    model: str = typer.Option(None, help="The model that all of them start from."),
    data: str = typer.Option(None, help="Your data in place of a task."),
    steps: int = typer.Option(None, min=1, help="Optimiser steps of each."),
    seconds: float = typer.Option(
        None, min=1, help="As many steps of each as are predicted to take this long."
    ),
    seeds: int = typer.Option(3, help="How many."),
    jobs: int = typer.Option(1, min=1, max=64, help="Runs at a time, then with one thread each."),
    set_: list[str] = typer.Option(
        [], "--set", metavar="KEY=VALUE", help="An option of every method that has it; repeatable."
    ),
    device: str = typer.Option("auto", help="cpu, cuda, or auto: cuda where there is one."),
    out: Path = typer.Option(None, help="Folder of table and plot. Default: in runs/compared."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the runs, do nothing."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """Run methods with one task, model and budget over seeds: one table, one plot.

    Without --steps and --seconds each takes as many steps as the method that takes the fewest by
    itself. Stopped, it goes on when the same command is given again; runs that stand already are
    not made twice. For runs that are there: registry runs compare.

    Example:

        registry compare dpo ipo kto --task sentiment
        registry compare dpo ./my_method.py --steps 40 --seeds 5 --jobs 2
        registry compare grpo rloo --task addition --seconds 60 --json
        registry compare best-of-n self-consistency --task running-sum
    """
    from registry.core.settings import Settings
    from registry.runs.contest import ContestRequest, plan_contest, run_contest
    from registry.runs.plan import parse_assignments
    from registry.runs.shelf import Shelf

    given = {n: v for n, v in (("task", task), ("model", model), ("data", data)) if v is not None}
    assigned = parse_assignments(set_)
    for name in assigned.keys() & {*given, "steps"}:
        raise UsageError(f"{name} has an option of its own: --{name} {assigned[name]}")
    request = ContestRequest(tuple(method), given | assigned, steps, seconds, seeds, device)
    settings = Settings.load()
    contest = plan_contest(request, settings)
    shelf = Shelf(settings, jobs)
    if dry_run:
        _show_plan(contest, shelf, as_json)
        return
    compared = run_contest(contest, shelf, talk)
    talk(shelf.made.sentence())
    written = _write(compared, out or settings.runs_dir / "compared" / compared.name)
    if as_json:
        emit_json({**plain(compared), "files": written})
        return
    _show(compared)
    for path in written:
        emit(f"written: {path}")


def _show_plan(contest: Contest, shelf: Shelf, as_json: bool) -> None:
    rows = [
        {"method": name, "seed": seed, "state": shelf.find(plan)[0], "command": plan.command}
        for (name, seed), plan in contest.plans.items()
    ]
    if as_json:
        emit_json({"command": contest.command, "runs": rows, "notes": contest.notes})
        return
    emit_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows])
    for note in contest.notes:
        talk(note)


def _write(compared: Compared, folder: Path) -> list[Path]:
    import json

    from registry.core.atomic import write_atomic
    from registry.runs.plots import line_chart

    record = folder / "comparison.json"
    write_atomic(record, json.dumps(plain(compared), indent=1, sort_keys=True) + "\n")
    if compared.curve is None:
        return [record]
    plot = folder / f"{compared.curve.name}.svg"
    write_atomic(plot, line_chart(compared.curve))
    return [record, plot]


def _show(compared: Compared) -> None:
    from registry.runs.sentences import interval

    rows: list[tuple[Any, ...]] = []
    for measure in (*compared.shared, *compared.others):
        for name, value in measure.values.items():
            spent = compared.spent[name]
            change = None if value.before is None else value.after - value.before
            rows.append(
                (
                    name, f"{measure.title} ({measure.unit})", value.before, value.after,
                    interval(value.interval), change, spent.steps, spent.seconds, spent.tokens,
                )
            )  # fmt: skip
    emit_table(
        (
            "method", "measure", "before", "after", "95 % interval", "change", "steps", "seconds",
            "tokens",
        ),
        rows,
    )  # fmt: skip
    _show_tokens(compared)
    over = f"{len(compared.seeds)} seeds" if len(compared.seeds) > 1 else "one seed"
    emit(f"means over {over}; seconds are of training alone")
    for note in compared.notes:
        emit(note)


def _show_tokens(compared: Compared) -> None:
    """What each method reaches for the tokens it spends on a problem, where all methods say so."""
    from registry.runs.by_tokens import BY_TOKENS
    from registry.runs.sentences import interval

    curve = compared.curve
    if curve is None or curve.name != BY_TOKENS:
        return
    rows = [
        (line.label, round(x, 1), y, interval(bounds))
        for line in curve.series
        for x, y, bounds in zip(line.x, line.y, zip(line.low, line.high, strict=True), strict=True)
    ]
    emit_table(("method", curve.x_label, curve.y_label, "95 % interval"), rows)

"""``registry calibrate``: how hard a task should be for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import RunError, UsageError

if TYPE_CHECKING:
    from registry.runs.calibrate import Setting
    from registry.runs.sweep_plan import SweepPlan


def calibrate(
    task: str = typer.Argument(help="A built-in task; what it says of its options is kept."),
    model: str = typer.Option(None, help="As for registry run."),
    vary: list[str] = typer.Option(
        [],
        "--vary",
        metavar="OPTION=A,B",
        help="Values of a task's option; repeatable. Default: "
        "digits and terms, as far as the task has them.",
    ),
    low: float = typer.Option(0.2, min=0.0, max=1.0, help="Below this pass@1 it is too hard."),
    high: float = typer.Option(0.8, min=0.0, max=1.0, help="Above this it is too easy."),
    prompts: int = typer.Option(50, min=2, help="Held-out problems that are asked."),
    samples: int = typer.Option(4, min=2, help="Answers sampled to each, at temperature 1."),
    seed: int = typer.Option(0, min=0, help="Of the sampling."),
    device: str = typer.Option(None, help="cpu, cuda, or auto: cuda where there is one."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show the runs to come, do nothing."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> int:
    """Find the setting of a task that a model neither fails nor has solved.

    A method shows little where the model is always wrong, or always right. Each setting is a run
    of best-of-n that measures pass@1, the chance that one sampled answer is right, with its 95 %
    interval over problems; the setting nearest the middle of --low to --high is named. The runs
    are a sweep, which `registry sweep --resume latest` goes on with.

    Example:

        registry calibrate chain-sum --model tiny
        registry calibrate chain-sum:operations=+-,shots=3 --model smollm2-135m --vary terms=2,3
        registry calibrate running-sum --vary digits=1,2 --low 0.3 --high 0.7 --json
    """  # fmt: skip
    if low >= high:
        raise UsageError(f"--low {low} is not below --high {high}")
    fixed = {"n": str(samples), "repeats": "1", "prompts": str(prompts)}
    plan = _plan(task, vary, fixed | ({"model": model} if model is not None else {}), seed, device)
    if dry_run:
        emit_table(("task", "command"), [(r.values["task"], r.plan.command) for r in plan.runs])
        talk(f"nothing was written; {len(plan.runs)} runs to come on {plan.device}")
        return 0
    return _measure(task, plan, low, high, as_json)


def _plan(
    task: str, vary: list[str], fixed: dict[str, str], seed: int, device: str | None
) -> SweepPlan:
    from registry.runs.calibrate import METHOD, settings_of
    from registry.runs.plan import parse_assignments
    from registry.runs.sweep_plan import SweepRequest, plan_sweep

    tasks = settings_of(task, parse_assignments(vary))
    return plan_sweep(
        SweepRequest(
            method=METHOD,
            assigned={"task": ",".join(tasks)},
            fixed=fixed,
            seeds=f"{seed},",
            device=device or "auto",
        )
    )


def _measure(task: str, plan: SweepPlan, low: float, high: float, as_json: bool) -> int:
    from registry.core.settings import Settings
    from registry.runs.calibrate import choose, measured
    from registry.runs.sweep import create_sweep, run_sweep

    settings = Settings.load()
    made = create_sweep(plan, settings)
    talk(f"{made.sweep_id}: {len(made.runs)} settings")
    run_sweep(made, settings, talk)
    found = measured(made, settings)
    chosen = choose(found, low, high)
    if as_json:
        rows = [{**vars(s), "verdict": s.verdict(low, high)} for s in found]
        emit_json({"sweep_id": made.sweep_id, "low": low, "high": high, "settings": rows,
                   "chosen": chosen.task if chosen else None})  # fmt: skip
    else:
        _show(found, chosen, low, high)
    if not any(s.pass_at_1 is not None for s in found):
        raise RunError(
            f"no setting of {task} could be measured: {found[0].verdict(low, high)}",
            settings.runs_dir / found[0].run_id,
        )
    return 0


def _show(found: list[Setting], chosen: Setting | None, low: float, high: float) -> None:
    from registry.runs.calibrate import advice
    from registry.runs.sentences import interval

    emit_table(
        ("task", "pass@1", "95 % interval", "verdict"),
        [(s.task, s.pass_at_1, interval(s.interval), s.verdict(low, high)) for s in found],
    )
    if chosen:
        emit(f"take: {chosen.task}")
        talk(f"for example: registry run grpo --task {chosen.task}")
    else:
        emit(f"none lies in {low:g} to {high:g}; {advice(found, low, high)}")

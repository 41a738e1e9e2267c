"""``registry plan``: what a run will need, before anything loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import UsageError

if TYPE_CHECKING:
    from registry.runs.estimate import Estimate
    from registry.runs.plan import Plan

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def plan(
    method: str = typer.Argument(help="The method: registry list methods."),
    model: str = typer.Option(None, help="As for registry run; only its config.json is read."),
    task: str = typer.Option(None, help="A built-in task; some of its texts are measured."),
    data: str = typer.Option(None, help="A local .jsonl file, or any data with the two lengths."),
    set_: list[str] = typer.Option(
        [], "--set", metavar="KEY=VALUE", help="Any option of the method; repeatable."
    ),
    config: Path = typer.Option(None, help="A YAML file of options."),
    nproc: int = typer.Option(1, min=1, help="Processes (GPUs) on one machine."),
    device: str = typer.Option("auto", help="cpu, cuda (also where there is none), or auto."),
    memory: str = typer.Option(None, metavar="SIZE", help="Memory there is: 16G, 80G."),
    prompt_tokens: int = typer.Option(None, min=1, help="Mean length of a prompt."),
    answer_tokens: int = typer.Option(None, min=2, help="Mean length of an answer."),
    spread: float = typer.Option(
        None, min=0.0, max=1.0, help="Share of sampled groups whose answers differ in score."
    ),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> int:
    """Predict a run's peak memory, and the time of a step and of the whole run.

    Nothing is loaded and nothing is written. Lengths are measured on the task's own texts, times
    come from constants that were measured on a device. Where memory does not suffice, it says
    which options lower it; the exit code is then 1.

    Example:

        registry plan sft --model smollm2-135m
        registry plan dpo --model meta-llama/Llama-3.2-1B --data pairs.jsonl --memory 80G
        registry plan grpo --set group_size=16 --set lora=r=16 --json
    """
    from registry.core.settings import Settings
    from registry.runs.estimate import estimate
    from registry.runs.plan import parse_assignments

    given = {n: v for n, v in (("model", model), ("task", task), ("data", data)) if v is not None}
    assigned = parse_assignments(set_)
    for name in assigned.keys() & given.keys():
        raise UsageError(f"{name} is given twice: {given[name]} and --set {assigned[name]}")
    planned = _planned(method, given | assigned, device, config)
    found = estimate(
        planned,
        Settings.load().cache_dir,
        nproc=nproc,
        prompt_tokens=prompt_tokens,
        answer_tokens=answer_tokens,
        available=None if memory is None else parse_size(memory),
        spread=spread,
    )
    if as_json:
        emit_json({**vars(found), "fits": found.fits, "needed": found.needed})
    else:
        _show(found)
    talk(f"nothing was loaded; to run it: {planned.command}{f' --nproc {nproc}' * (nproc > 1)}")
    return 0 if found.fits else 1


def parse_size(text: str) -> int:
    """Bytes that ``text`` says: 16G, 500M, 1.5T, or a plain number.

    Raises UsageError where it says none.
    """
    plain = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = plain[-1:] if plain[-1:] in _UNITS else ""
    try:
        size = float(plain.removesuffix(unit)) * _UNITS[unit]
        if not 0 < size < float("inf"):
            raise ValueError
    except ValueError:
        raise UsageError(f"--memory {text} is no size. Allowed: 500M, 16G, 1.5T") from None
    return int(size)


def _planned(method: str, given: dict[str, Any], device: str, config: Path | None) -> Plan:
    from dataclasses import replace

    from registry.runs.device import cuda_device_count
    from registry.runs.plan import Request, make_plan
    from registry.runs.sources import SMALL

    if device != "cuda" or cuda_device_count() > 0:
        return make_plan(Request(method, given, device=device, config_file=config))
    # The run itself would be refused here: it is planned for another machine.
    if "model" not in given and config is None:
        given = {**given, "model": SMALL}
    planned = make_plan(Request(method, given, device="cpu", config_file=config))
    command = planned.command.replace("--device cpu", "--device cuda")
    return replace(planned, device="cuda", command=command)


def _show(found: Estimate) -> None:
    from registry.runs.sentences import duration

    trained = "" if found.trained in (0, found.parameters) else f", {found.trained:,} trained"
    emit(f"{found.method} on {found.model}: {found.parameters:,} parameters{trained}")
    emit(
        f"prompts of {found.prompt_tokens:g} tokens, answers of {found.answer_tokens:g} "
        f"({found.lengths_from})"
    )
    each = " of each process" if found.nproc > 1 else ""
    emit_table(
        (f"memory{each}", "GB", "when"), [(a.name, _gb(a.bytes), a.when) for a in found.memory]
    )
    there = "" if found.available is None else f" of {_gb(found.available)} GB"
    whole = "" if found.needed == found.peak else f"; all processes {_gb(found.needed)} GB"
    emit(f"peak: {_gb(found.peak)} GB{there}, in the {found.peak_when}{whole}")
    if found.time and found.step is not None:
        emit_table(
            ("time of a step", "seconds", "share"),
            [(t.name, t.seconds, f"{(t.seconds or 0) / found.step:.0%}") for t in found.time],
        )
        emit(f"step: {duration(found.step)}; {found.steps} steps")
    if found.total is not None:
        emit(f"whole run: {duration(found.total)}, measuring before and after included")
    for note in found.notes:
        talk(note)
    if not found.fits:
        talk(
            f"it does not fit: {_gb(found.needed)} GB of {_gb(found.available or 0)} GB. "
            + (f"What lowers it: {'; '.join(found.advice)}" if found.advice else "")
        )


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f}"

"""``registry run <method>``: one command for each method, made from its ``Config``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from methods.index import MethodInfo
from registry.cli.app import command_of
from registry.cli.output import emit, emit_json, emit_table, talk
from registry.core.errors import Interrupted, RunError, UnknownNameError, UsageError
from registry.runs.known import find_method, known_methods

if TYPE_CHECKING:
    from registry.core.settings import Settings
    from registry.runs.launch import Outcome, Processes
    from registry.runs.options import OptionFacts
    from registry.runs.plan import Plan

_COMMON: tuple[tuple[str, Any, Any], ...] = (
    ("model", str | None, typer.Option(None, hidden=True)),
    ("task", str | None, typer.Option(None, hidden=True)),
    ("data", str | None, typer.Option(None, hidden=True)),
    ("seed", int, typer.Option(0, help="Everything random follows from it.")),
    ("device", str, typer.Option("auto", help="cpu, cuda, or auto: cuda where there is one.")),
    ("out", Path | None, typer.Option(None, help="The run's folder. Default: runs/<run id>.")),
    (
        "resume",
        str | None,
        typer.Option(None, metavar="[RUN]", help="Go on with a run: id, path, or the latest."),
    ),
    ("config", Path | None, typer.Option(None, help="A YAML file of options.")),
    (
        "log_to",
        str,
        typer.Option("none", help="Trackers beside the log: tensorboard, trackio, wandb."),
    ),
    ("nproc", int, typer.Option(1, help="Processes (GPUs) on this machine, with FSDP2.")),
    ("nodes", int, typer.Option(1, help="Machines; the same command with --out on each.")),
    ("node_rank", int, typer.Option(0, help="Which of them this is, from 0.")),
    (
        "rendezvous",
        str | None,
        typer.Option(None, metavar="HOST:PORT", help="Where machine 0 can be reached."),
    ),
    (
        "set_",
        list[str],
        typer.Option([], "--set", metavar="KEY=VALUE", help="Any option below; repeatable."),
    ),
    ("dry_run", bool, typer.Option(False, "--dry-run", help="Show the configuration, do nothing.")),
    ("as_json", bool, typer.Option(False, "--json", help="JSON on stdout.")),
)


class MethodGroup(TyperGroup):
    """One command a method; a method's file is read only when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The slugs of the register and of installed packages."""
        return [info.slug for info in known_methods() if info.status != "retired"]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The method's command, also of a file. Raises UnknownNameError with the nearest names."""
        if cmd_name.startswith("-"):
            return None  # the parser says which option it does not know
        return method_command(find_method(cmd_name), cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The register, so that this page reads no method's file."""
        shown = self.list_commands(ctx)
        with formatter.section("Methods"):
            formatter.write_dl(
                [
                    (m.slug, f"{m.name} (arXiv {m.paper})")
                    for m in known_methods()
                    if m.slug in shown
                ]
            )


app = typer.Typer(cls=MethodGroup, rich_markup_mode=None)


@app.callback()
def run() -> None:
    """Run a method on a model: a run folder with metrics, samples, results and the model.

    With no options a method runs on its own default: smollm2-135m on a GPU, tiny on a CPU.

    Example:

        registry run grpo
        registry run dpo --model smollm2-135m --seed 1
        registry run sft --learning-rate 1e-4 --dry-run
        registry run ./my_method.py --steps 20
    """


class MethodCommand(TyperCommand):
    """A command that shows the method's options with default, unit and source."""

    info: MethodInfo
    typed: str

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        """As usual; ``--resume`` may stand alone, and an unknown option gets its nearest names."""
        try:
            return super().parse_args(ctx, _bare_resume(args))
        except Exception as error:
            if type(error).__name__ != "NoSuchOption":
                raise
            name = str(getattr(error, "option_name", error))
            raise self._unknown(name, args) from None

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """The options of every run, then the method's own."""
        super().format_options(ctx, formatter)
        from registry.runs.options import options_of

        first = ("model", "task", "data")
        options = sorted(options_of(self.info).options, key=lambda o: o.name not in first)
        with formatter.section(f"Options of {self.info.slug}"):
            formatter.write_dl([(_typed(option), _describe(option)) for option in options])

    def _unknown(self, name: str, args: Sequence[str]) -> UsageError:
        flags = [flag for param in self.params for flag in param.opts if "_" not in flag]
        behind = args[args.index(name) + 1 :] if name in args else []
        value = f" {behind[0]}" if behind and not behind[0].startswith("--") else ""
        help_page = f"registry run {self.typed} --help"
        error = UnknownNameError(f"option of {self.info.slug}", name, flags, help_page)
        return UsageError(str(error).replace(f"'{name}'", f"'{name}{value}'", 1))


def method_command(info: MethodInfo, typed: str | None = None) -> Any:
    """The command that runs ``info``'s method, with a flag for each of its options.

    ``typed`` is what a person calls it: the path of a file, the slug by default.
    """
    typed = typed or info.slug
    from registry.runs.options import options_of

    names = [name for name, _, _ in _COMMON]
    parameters = [_parameter(*common) for common in _COMMON]
    flags: dict[str, str] = {}
    for option in options_of(info).options:
        if option.name in names:
            continue
        flags[f"option_{option.name}"] = option.name
        declared = [option.flag, f"--{option.name}"] if "_" in option.name else [option.flag]
        kind: Any = str | None
        if option.kind == "true|false":
            kind = bool | None
            declared[0] = f"{option.flag}/--no-{option.flag.removeprefix('--')}"
        default = typer.Option(None, *declared, hidden=True)
        parameters.append(_parameter(f"option_{option.name}", kind, default))

    def command(**values: Any) -> int:
        given = {n: values.pop(k) for k, n in flags.items()}
        return _execute(info, typed, {n: v for n, v in given.items() if v is not None}, **values)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = (
        f"{info.name}{f', arXiv {info.paper}' if info.paper else ''}. {info.summary}\n\n"
        f"Example:\n\n    registry run {typed} --seed 1 --dry-run"
    )
    built = command_of(info.slug, command, cls=MethodCommand)
    built.info, built.typed = info, typed
    return built


def _execute(
    info: MethodInfo,
    typed: str,
    flags: dict[str, Any],
    *,
    seed: int,
    device: str,
    out: Path | None,
    resume: str | None,
    config: Path | None,
    log_to: str,
    nproc: int,
    nodes: int,
    node_rank: int,
    rendezvous: str | None,
    set_: list[str],
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> int:
    from registry.core.settings import Settings
    from registry.runs import launch, plan

    settings = Settings.load()
    processes = launch.Processes(nproc, nodes, node_rank, rendezvous)
    processes.check()
    if nodes > 1 and out is None and resume is None:
        raise UsageError(f"--nodes {nodes} needs --out: a folder that all machines share")
    options = {n: v for n, v in given.items() if v is not None} | flags
    assigned = plan.parse_assignments(set_)
    for name in assigned.keys() & options.keys():
        raise UsageError(f"{name} is given twice: {options[name]} and --set {assigned[name]}")
    options |= assigned
    if node_rank > 0 and not dry_run:
        # Machine 0 makes or resumes the run; this one helps with it.
        shared = out or Path(str(resume))
        talk(f"machine {node_rank} of {nodes} waits for {shared}")
        return launch.start(launch.await_run(shared), talk, processes=processes).exit_code
    if resume is not None:
        others = {
            "out": out, "config": config, "seed": seed or None,
            "log-to": log_to if log_to != "none" else None,
        }  # fmt: skip
        changed = [*options, *(name for name, value in others.items() if value is not None)]
        folder = _resumed(info, resume, changed, settings, dry_run)
        if dry_run:
            return _show_resume(folder, as_json)
    else:
        planned = plan.make_plan(plan.Request(typed, options, seed, device, config))
        launch.check_out(info.slug, out)
        launch.check_trackers(log_to)
        if dry_run:
            return _show_plan(planned, as_json, processes, log_to)
        folder = launch.create_run(planned, settings, out, log_to)
    talk(f"run folder {folder}")
    return _report(launch.start(folder, talk, processes=processes), settings, as_json)


def _resumed(
    info: MethodInfo, name: str, changed: list[str], settings: Settings, dry_run: bool
) -> Path:
    from registry.runs import launch
    from registry.runs.own_file import changed_source
    from registry.runs.records import read_run

    if changed:
        raise UsageError(
            f"--resume keeps the run's configuration; {', '.join(changed)} cannot change. "
            f"Drop it, or start a new run without --resume"
        )
    folder = launch.prepare_resume(name, info.slug, settings, dry_run=dry_run)
    if changed_file := changed_source(read_run(folder)):
        talk(changed_file)
    return folder


def _report(outcome: Outcome, settings: Settings, as_json: bool) -> int:
    from registry.runs.sentences import duration, measure_line
    from registry.runs.store_index import index_run

    record = outcome.record
    if complaint := index_run(record, settings):
        talk(complaint)
    if as_json:
        emit_json(
            {
                "run_id": record.run_id,
                "folder": record.folder,
                "status": outcome.status,
                "results": record.results,
            }
        )
    if outcome.status == "interrupted":
        raise Interrupted(f"run {record.run_id} stopped; go on: {outcome.resume_command}")
    if outcome.status == "failed":
        again = f"; go on: {outcome.resume_command}" if record.worth_resuming else ""
        raise RunError(
            f"run {record.run_id} failed: {outcome.problem}. What it did is in "
            f"{record.folder}{again}",
            record.folder,
        )
    if not as_json and record.manifest and record.results:
        emit(f"{record.run_id} finished in {duration(record.manifest.seconds)}")
        key = record.results.key
        for measure in sorted(record.results.measures, key=lambda m: m.name != key):
            emit(f"  {measure_line(measure)}")
        emit(f"  folder: {record.folder}")
        emit(f"  more:   registry runs show {record.run_id}")
    return 0


def _show_plan(planned: Plan, as_json: bool, processes: Processes, log_to: str) -> int:
    if as_json:
        emit_json(planned)
        return 0
    emit_table(
        ("option", "value", "from"),
        [
            *((name, _value(v), planned.provenance[name]) for name, v in planned.config.items()),
            ("(seed)", str(planned.seed), ""),
            ("(device)", planned.device, ""),
        ],
    )
    log = f" --log-to {log_to}" if log_to != "none" else ""
    talk(f"nothing was written; to run it: {planned.command}{log}{processes.flags()}")
    return 0


def _show_resume(folder: Path, as_json: bool) -> int:
    from registry.runs.records import read_run

    record = read_run(folder)
    if as_json:
        emit_json({"run_id": record.run_id, "folder": folder, "spec": record.spec})
    else:
        emit(f"would go on with {record.run_id} ({record.state}) in {folder}")
    return 0


def _bare_resume(args: Sequence[str]) -> list[str]:
    words: list[str] = []
    for place, word in enumerate(args):
        words.append(word)
        alone = place + 1 == len(args) or args[place + 1].startswith("-")
        if word == "--resume" and alone:
            words.append("latest")
    return words


def _typed(option: OptionFacts) -> str:
    if option.kind == "true|false":
        return f"{option.flag} / --no-{option.flag.removeprefix('--')}"
    return f"{option.flag} {option.kind if '|' in option.kind else f'<{option.kind}>'}"


def _describe(option: OptionFacts) -> str:
    from registry.runs.options import show_value

    unit = "" if option.default is None else option.unit
    defaults = [f"default: {show_value(option.default)} {unit}".strip()]
    defaults += [f"{model}: {show_value(value)}" for model, value in option.presets.items()]
    noun_free = option.allowed.removeprefix("a whole number").removeprefix("a number").strip()
    bounds = f" [{noun_free}]" if noun_free[:1] in ("<", ">") else ""
    listing = " (registry list tasks)" if option.name == "task" else ""
    return f"{option.what}{listing}  [{'; '.join(defaults)}]{bounds} [source: {option.source}]"


def _value(value: Any) -> str:
    from registry.runs.options import show_value

    return show_value(value)


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )

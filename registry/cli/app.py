"""The command ``registry``: a table of commands, each imported only when it is asked for.

A command file exposes either a plain function with typer annotations (a command) or a
``typer.Typer()`` (a group of subcommands). ``COMMANDS`` names it, with the line that
``registry --help`` shows, so that the help imports none of them.

A command writes data to stdout and talk to stderr (``registry.cli.output``) and raises the errors
of ``registry.core.errors``; ``main`` prints one line and gives the exit code of the class. A
command may return an int: its exit code. In a docstring, a paragraph that begins with ``Example``
keeps its line breaks in the help.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

from registry import __version__
from registry.core.errors import RegistryError, UnknownNameError, UsageError

COMMANDS: dict[str, tuple[str, str]] = {
    "list": ("registry.cli.listing:list_", "List methods, papers or the taxonomy's leaves."),
    "show": ("registry.cli.listing:show", "Show one method or paper with all its facts."),
    "diff": ("registry.cli.diff:diff", "Set a method beside its peers: TRL, verl, peft ..."),
    "search": ("registry.cli.listing:search", "Search papers and methods by their text."),
    "related": ("registry.cli.related:related", "Show the papers near a paper, and why."),
    "run": ("registry.cli.run:app", "Run a method on a model; `registry run dpo --help`."),
    "cp": ("registry.cli.cp:cp", "Copy a method's file, to change it and run it."),
    "compare": ("registry.cli.compare:compare", "Run methods with one budget, side by side."),
    "plan": ("registry.cli.plan:plan", "Predict a run's memory and time before it starts."),
    "sweep": ("registry.cli.sweep:sweep", "Run a method over a grid of options and seeds."),
    "calibrate": ("registry.cli.calibrate:calibrate", "Find a task's setting that suits a model."),
    "runs": ("registry.cli.runs:app", "List, show, compare and plot finished runs."),
    "demo": ("registry.cli.demo:demo", "Train a real model with GRPO and publish the site."),
    "verify": ("registry.cli.verify:verify", "Measure a method's claim over seeds."),
    "ingest": ("registry.cli.ingest:ingest", "Fetch new papers from arXiv as candidates."),
    "add": ("registry.cli.add:add", "Add a paper to the catalog by its id, or many from a file."),
    "triage": ("registry.cli.triage:app", "Judge candidates one by one; `registry triage`."),
    "citations": ("registry.cli.citations:citations", "Show or refresh who cites whom."),
    "import": ("registry.cli.imports:app", "Take in a public list of papers."),
    "audit": ("registry.cli.audit:audit", "Find what is wrong in a public list."),
    "taxonomy": ("registry.cli.taxonomy:app", "Show, check and change the taxonomy."),
    "accept": ("registry.cli.accept:accept", "Turn a candidate into a catalog entry."),
    "reject": ("registry.cli.accept:reject", "Take a candidate out of the queue."),
    "check": ("registry.cli.check:check", "Check every file of the catalog and every link."),
    "doctor": ("registry.cli.doctor:doctor", "Find and mend what is wrong with the catalog."),
    "export": ("registry.cli.export:export", "Write the catalog in other formats."),
    "survey": ("registry.cli.survey:survey", "Show what a survey covers, and what came after it."),
    "publish": ("registry.cli.publish:publish", "Build the site from catalog, store and runs."),
}
"""Name -> where it stands (``module:attribute``), and its line of help."""

INTERRUPTED = 130
BROKEN_PIPE = 141


class LazyGroup(TyperGroup):
    """The top group: its commands are known by name and imported on use."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name. Raises UnknownNameError with the nearest names."""
        if cmd_name not in COMMANDS:
            if cmd_name.startswith("-"):
                return None  # the parser says which option it does not know
            raise UnknownNameError("command", cmd_name, COMMANDS, "registry --help")
        return load_command(cmd_name, COMMANDS[cmd_name][0])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The table itself, so that a help page imports no command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def load_command(name: str, place: str) -> Any:
    """The command or group at ``module:attribute``, ready to run under ``name``."""
    module_name, _, attribute = place.partition(":")
    target = getattr(importlib.import_module(module_name), attribute)
    if isinstance(target, typer.Typer):
        target.info.name = name
        target.rich_markup_mode = None
        command: Any = typer.main.get_group(target)
    else:
        command = command_of(name, target)
    _keep_example_lines(command)
    return command


def command_of(name: str, function: Callable[..., Any], **settings: Any) -> Any:
    """``function`` with its typer annotations as a command called ``name``."""
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name, **settings)(function)
    return typer.main.get_command(single)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code; prints errors as one line on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    words, debug = _take_debug(words)
    _show_what_the_encoding_lacks()
    try:
        code = _run(words or ["--help"])
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has left (`| head`): no complaint, now or at exit.
        _silence_stdout()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        if type(error).__name__ == "NoArgsIsHelpError":  # a group alone; typer does not export it
            print(str(error.format_message()), file=sys.stderr)  # type: ignore[attr-defined]
            return UsageError.exit_code
        return _complain(*_describe(error))
    return code


app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 100},
)


@app.callback()
def top(
    version: bool = typer.Option(
        False,
        "--version",
        help="Show the version and exit.",
        is_eager=True,
        callback=lambda shown: _show_version(shown),
    ),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
) -> None:
    """LLM post-training papers, their methods as commands, and their claims measured.

    Example:

        registry list methods
        registry run grpo
        registry runs list
    """


def _run(words: list[str]) -> int:
    root = typer.main.get_group(app)
    _keep_example_lines(root)
    try:
        with root.make_context("registry", words) as context:
            result = root.invoke(context)
    except typer.Exit as done:
        return int(done.exit_code)
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def _show_what_the_encoding_lacks() -> None:
    # Python's stderr does so by itself; a title in another script must not end a command.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _show_version(shown: bool) -> None:
    if shown:
        typer.echo(f"registry {__version__}")
        raise typer.Exit


def _take_debug(words: list[str]) -> tuple[list[str], bool]:
    # Accepted anywhere: one adds it to the end of the line that has just failed.
    end = words.index("--") if "--" in words else len(words)
    head = [word for word in words[:end] if word != "--debug"]
    return head + words[end:], len(head) < end


def _describe(error: Exception) -> tuple[str, int]:
    if isinstance(error, RegistryError):
        return str(error), error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # the parser's own errors
        context = getattr(error, "ctx", None)
        help_line = f" (see `{context.command_path} --help`)" if context else ""
        return f"{error.format_message()}{help_line}", int(error.exit_code)
    if isinstance(error, OSError):
        return f"{error}", 1
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return (
            f"{error.object!r} is not text in the encoding of this terminal. Set "
            "LC_ALL to a UTF-8 locale, such as C.UTF-8, or use other letters.",
            2,
        )
    kind = type(error).__name__
    return f"a defect of ours: {kind}: {error}. `registry --debug ...` shows where", 1


def _complain(message: str, code: int) -> int:
    from registry.core.escape import terminal

    print(f"registry: {terminal(message)}", file=sys.stderr)
    return code


def _silence_stdout() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _keep_example_lines(command: Any) -> None:
    # The help formatter joins the lines of a paragraph unless it begins with a backspace.
    paragraphs = (command.help or "").split("\n\n")
    kept: list[str] = []
    for paragraph in paragraphs:
        indented = paragraph.startswith("    ")
        example = paragraph.lstrip().startswith("Example")
        kept.append(f"\b\n{paragraph}" if indented or example else paragraph)
    command.help = "\n\n".join(kept)
    for child in getattr(command, "commands", {}).values():
        _keep_example_lines(child)

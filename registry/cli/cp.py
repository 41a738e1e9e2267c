"""``registry cp``: an editable copy of a method's file."""

from __future__ import annotations

from pathlib import Path

import typer

from registry.cli.output import emit, emit_json, talk
from registry.core.errors import UsageError


def cp(
    method: str = typer.Argument(..., help="The method: registry list methods."),
    to: Path = typer.Argument(..., metavar="FILE.py", help="Where the copy goes."),
    force: bool = typer.Option(False, "--force", help="Write over a file that is there."),
    as_json: bool = typer.Option(False, "--json", help="JSON on stdout."),
) -> None:
    """Copy a method's file, to change it and run it as a method of your own.

    The copy runs by itself: what its family shares it imports from the installed package. Its
    options, presets and help are read from the file, as those of the register are.

    Example:

        registry cp dpo my_method.py
        registry run ./my_method.py --steps 20
    """
    from registry.core.atomic import write_atomic
    from registry.runs.known import find_method
    from registry.runs.own_file import copy_text

    info = find_method(method)
    target = to.expanduser()
    if target.is_dir():
        raise UsageError(f"{to} is a folder. Name a file: {to / info.path.name}")
    if target.suffix != ".py":
        raise UsageError(f"{to} is no name of a Python file. Say: registry cp {method} {to}.py")
    if target.exists() and not force:
        raise UsageError(
            f"{to} is there already and stays as it is. Take another name, or say --force to "
            "write over it"
        )
    text = copy_text(info)
    write_atomic(target, text)
    typed = str(to) if "/" in str(to) else f"./{to}"
    command = f"registry run {typed}"
    if as_json:
        emit_json({"method": info.slug, "from": info.path, "to": target, "command": command})
        return
    emit(f"{info.path} -> {to} ({text.count(chr(10))} lines)")
    talk(f"change it, then run it: {command}")
    talk(f"its options: {command} --help; beside the original: registry compare {method} {typed}")

"""``registry doctor``: what is wrong with catalog and store, and the mending of what can be."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from registry.cli.output import emit, emit_json, talk
from registry.core.errors import StoreError, UnknownNameError, UsageError
from registry.core.plural import plural
from registry.core.settings import Settings

if TYPE_CHECKING:
    from registry.doctor.examine import Mended, Mending
    from registry.doctor.finding import Finding
    from registry.store.engine import Store


def doctor(
    fix: bool = typer.Option(False, "--fix", help="Mend what can be; shows the diff and asks."),
    yes: bool = typer.Option(False, "--yes", help="With --fix: do not ask."),
    only: list[str] = typer.Option(
        [], metavar="CHECK", help="Run this check; repeatable. `--only list` names them."
    ),
    as_json: bool = typer.Option(False, "--json", help="Findings, diff and deeds as JSON."),
) -> int:
    """Find what is wrong with the catalog and the store, and with --fix mend it.

    Each finding names its check, the file, what is wrong and what mends it. A fix changes the
    fewest lines it can and keeps comments; its diff is shown first. What arXiv says is known only
    where it was ingested. The exit code is 0 where nothing is left to do, else 1.

    Example:

        registry doctor
        registry doctor --fix --only retitled --only updated
    """
    from registry.doctor.examine import CHECKS, apply, examine, patient_of, plan

    settings = Settings.load()
    if only == ["list"]:
        for name, check in CHECKS.items():
            emit(f"{name}\t{(check.__doc__ or '').splitlines()[0]}")
        return 0
    for name in only:
        if name not in CHECKS:
            raise UnknownNameError("check", name, CHECKS, "registry doctor --only list")
    _refuse(settings, fix, yes, as_json)
    store, sick = _store(settings)
    with store or nullcontext():
        patient = patient_of(settings, store)
        findings = [*sick, *examine(patient, only or None)]
        mendings = plan(patient, findings) if fix else []
        root = settings.catalog_dir.parent
        done: Mended | None = None
        if not as_json:
            _show(findings, mendings, root)
        if fix and any(finding.mendable for finding in findings) and (yes or _agreed()):
            done = apply(patient, mendings, findings)
            _tell(done, store)
    left = _left(findings, done)
    if as_json:
        diff = "".join(mending.diff(root) for mending in mendings)
        emit_json({"findings": [_facts(f, left) for f in findings], "diff": diff})
    talk("nothing to mend" if not findings else f"{plural(len(left), 'finding')} left")
    return 1 if left else 0


def _refuse(settings: Settings, fix: bool, yes: bool, as_json: bool) -> None:
    if yes and not fix:
        raise UsageError("--yes answers the question of --fix. Give both, or neither.")
    if fix and as_json and not yes:
        raise UsageError("--fix with --json cannot ask. Add --yes, or leave out one of them.")
    if fix and not settings.catalog_is_writable:
        raise UsageError(
            f"--fix changes the catalog, and {settings.catalog_dir} belongs to an installed "
            "release. Run it in a checkout, or set REGISTRY_CATALOG_DIR to a catalog of your own."
        )


def _store(settings: Settings) -> tuple[Store | None, list[Finding]]:
    """The store where there is one, and what keeps it from being opened."""
    from registry.doctor.finding import Finding
    from registry.store.engine import open_store

    name = settings.database_url.removeprefix("sqlite:///")
    if name != settings.database_url and not Path(name).is_file():
        talk("no database yet: what arXiv says of the papers is not known")
        return None, []
    try:
        return open_store(settings), []
    except StoreError as error:
        return None, [Finding("database", Path(name), str(error), "see the remedy it names")]


def _show(findings: list[Finding], mendings: list[Mending], root: Path) -> None:
    from registry.core.escape import terminal

    for one in findings:
        place = one.path.relative_to(root) if one.path.is_relative_to(root) else one.path
        emit(terminal(f"{place}: [{one.check}] {one.what}. Fix: {one.fix}."))
    for mending in mendings:
        for line in mending.diff(root).splitlines():
            emit(_shown(line))


def _shown(line: str) -> str:
    # Not terminal(): a diff's blanks mean something. Nothing but blanks and what prints.
    return "".join(c if c.isprintable() else "?" for c in line)


def _agreed() -> bool:
    if not sys.stdin.isatty():
        talk("nothing changed: nobody to ask; --yes answers for you")
        return False
    return typer.confirm("Mend this?", err=True)


def _tell(done: Mended, store: Store | None) -> None:
    if done.written:
        talk(f"wrote {plural(len(done.written), 'file')}")
    for path in done.changed_meanwhile:
        talk(f"{path} changed meanwhile and was left alone; run doctor again")
    if store is not None and not done.mirrored:
        talk("the store was not brought up to date: another file of the catalog is wrong")


def _left(findings: list[Finding], done: Mended | None) -> list[Finding]:
    if done is None:
        return findings
    kept = set(done.changed_meanwhile)
    undone = not done.mirrored
    return [f for f in findings if not f.mendable or f.path in kept or (f.deed and undone)]


def _facts(finding: Finding, left: list[Finding]) -> dict[str, Any]:
    return {
        "check": finding.check,
        "path": str(finding.path),
        "what": finding.what,
        "fix": finding.fix,
        "mendable": finding.mendable,
        "mended": finding not in left,
    }

"""Methods that stand elsewhere: in an installed package, or in a file of a person's own.

A package offers methods by an entry point of the group ``posttrain_registry.methods``: a list of
MethodInfo, or a function that gives one, each with its module's import path as ``code``. Imports
neither torch nor transformers, and a package is asked to do the same in what it lists.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from methods.register.facts import Equation, MethodInfo

GROUP = "posttrain_registry.methods"
COPIED = "Copied from: "
"""Behind it, on a line of a file's docstring, stands the slug of the method it is a copy of."""

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PAPER = re.compile(r"arXiv[: ](\d{4}\.\d{4,5})")


class ClashError(ValueError):
    """Two methods have one slug."""


@dataclass(frozen=True)
class Installed:
    """The methods of installed packages, and a sentence for each package that could not be read."""

    methods: tuple[MethodInfo, ...] = ()
    problems: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def installed() -> Installed:
    """What the installed packages offer, read once. A broken package is a problem, never an error.

    Raises ClashError where a slug is taken twice, naming both.
    """
    from methods.index import METHODS

    owners = {method.slug: "the register" for method in METHODS}
    found: list[MethodInfo] = []
    problems: list[str] = []
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda e: e.name):
        package = entry.dist.name if entry.dist else entry.value
        try:
            listed = entry.load()
            methods = [_checked(m) for m in (listed() if callable(listed) else listed)]
        except Exception as error:  # whatever a foreign package raises, ours must go on
            problems.append(
                f"the methods of the package {package} ({entry.value}) cannot be read and are left "
                f"out: {type(error).__name__}: {error}"
            )
            continue
        for method in methods:
            if method.slug in owners:
                raise ClashError(
                    f"two methods are called '{method.slug}': one of {owners[method.slug]} and one "
                    f"of the package {package}. Rename it there, or uninstall {package}"
                )
            owners[method.slug] = f"the package {package}"
        found += methods
    return Installed(tuple(found), tuple(problems))


def names_a_file(name: str) -> bool:
    """Whether ``name`` is the path of a method's file rather than a slug."""
    return name.endswith(".py") or "/" in name


def file_method(name: str) -> MethodInfo:
    """The method in the file ``name``, with the facts of the method it is a copy of, or with few.

    It is a copy where its docstring says ``Copied from: <slug>``, or where it carries that name.
    Raises ValueError where the file is not there or is no method.
    """
    path = Path(name).expanduser().absolute()
    if not path.is_file():
        raise ValueError(
            f"no file {name}: a method is a slug (registry list methods) or a .py file; for a copy "
            f"to begin with: registry cp dpo {path.name}"
        )
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise ValueError(f"{name} cannot be read as Python: {error}") from None
    _require_parts(name, tree)
    docstring = ast.get_docstring(tree) or ""
    original = _original(path, docstring)
    slug = _free_slug(path.stem)
    if original is not None:
        title = f"{original.name} ({path.name})"
        return replace(
            original, slug=slug, name=title, status="unverified", use="", code=path.as_posix()
        )
    paper = _PAPER.search(docstring)
    return MethodInfo(
        slug=slug,
        name=path.name,
        family="finetune",
        paper=paper[1] if paper else "",
        summary=docstring.partition("\n")[0] or "A method of your own.",
        equation=Equation("", ""),
        needs=(),
        knobs=(),
        status="unverified",
        since="",
        code=path.as_posix(),
    )


def _checked(method: object) -> MethodInfo:
    if not isinstance(method, MethodInfo):
        raise TypeError(f"{method!r} is no MethodInfo")
    if not _SLUG.fullmatch(method.slug):
        raise ValueError(f"slug {method.slug!r}: lower-case words joined by dashes are allowed")
    if not method.code or method.is_file:
        raise ValueError(f"{method.slug}: code must be the import path of its module")
    if not method.path.is_file():
        raise ValueError(f"{method.slug}: {method.path} is no file")
    return method


def _require_parts(name: str, tree: ast.Module) -> None:
    defined = {n.name for n in tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))}
    defined |= set(_assigned(tree.body))
    missing = [part for part in ("Config", "PRESETS", "run") if part not in defined]
    if missing:
        raise ValueError(
            f"{name} is no method: it has no {' and no '.join(missing)}. A method's file has a "
            "class Config, PRESETS behind it, and run(run, config); for one to begin with: "
            "registry cp dpo my_method.py"
        )


def _assigned(body: Iterable[ast.stmt]) -> Iterable[str]:
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        targets = [statement.target] if isinstance(statement, ast.AnnAssign) else targets
        yield from (target.id for target in targets if isinstance(target, ast.Name))


def _original(path: Path, docstring: str) -> MethodInfo | None:
    from methods import index

    _, _, rest = docstring.partition(COPIED)
    named = rest.split()[0].strip(".,") if rest.split() else path.stem.replace("_", "-")
    return index.find(named)


def _free_slug(stem: str) -> str:
    """A slug for the file: never one of the register, whose runs would then be taken for its."""
    from methods.index import METHODS

    slug = re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "method"
    slug = slug if slug[0].isalpha() else f"method-{slug}"
    taken = {method.slug for method in METHODS}
    return f"{slug}-file" if slug in taken else slug

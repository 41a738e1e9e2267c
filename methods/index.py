"""The register: one frozen record of facts for each method, and how to read its file without torch.

``METHODS`` is the whole list, put together from ``methods.register``, one file a family. A slug is
unique and never reused; a method is retired, never deleted. Importing this module imports neither
torch nor transformers: a listing, a help page and the check of a configuration must be quick.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from methods.register.active import ACTIVE
from methods.register.continual import CONTINUAL
from methods.register.distill import DISTILL
from methods.register.facts import (
    Equation,
    Family,
    Knob,
    MethodInfo,
    MethodStatus,
)  # fmt: skip
from methods.register.finetune import FINETUNE
from methods.register.incontext import INCONTEXT
from methods.register.inference import INFERENCE
from methods.register.merge import MERGE
from methods.register.peft import PEFT
from methods.register.preference import PREFERENCE
from methods.register.reward import REWARD
from methods.register.rl import RL
from methods.register.selftrain import SELFTRAIN

if TYPE_CHECKING:
    from methods.engine.options import Options

__all__ = [
    "METHODS", "Equation", "Family", "Knob", "MethodInfo", "MethodSource", "MethodStatus",
    "find", "read_config", "read_source",
]  # fmt: skip

METHODS: tuple[MethodInfo, ...] = tuple(
    sorted(
        (
            *FINETUNE, *PEFT, *REWARD, *PREFERENCE, *RL, *SELFTRAIN, *DISTILL, *MERGE, *INFERENCE,
            *ACTIVE,
            *INCONTEXT,
            *CONTINUAL,
        ),
        key=lambda method: method.slug,
    )
)  # fmt: skip


def find(slug: str) -> MethodInfo | None:
    """The method named ``slug``, of the register or of an installed package, or None."""
    ours = next((m for m in METHODS if m.slug == slug), None)
    if ours is not None:
        return ours
    from methods.plugins import installed  # looks through all packages: only where it must

    return next((m for m in installed().methods if m.slug == slug), None)


@dataclass(frozen=True)
class MethodSource:
    """What a page shows of a method's file."""

    docstring: str
    departures: tuple[str, ...]
    code: str
    line_count: int


def read_source(info: MethodInfo) -> MethodSource:
    """The method's file as text: docstring, its numbered departures, the code."""
    code = info.path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(code)) or ""
    return MethodSource(docstring, _departures(docstring), code, code.count("\n"))


def read_config(info: MethodInfo) -> tuple[type[Options], dict[str, dict[str, Any]]]:
    """The method's ``Config`` class and its ``PRESETS``, read without importing torch.

    ``PRESETS`` maps a built-in model to the defaults that suit it. A method's file is one piece
    and imports torch at its top, so this runs only what stands up to ``PRESETS``, without the
    imports that need torch. A test holds the result against the imported module.
    """
    tree = ast.parse(info.path.read_text(encoding="utf-8"), filename=str(info.path))
    module = ModuleType(f"{info.module}:config")
    # pydantic resolves annotations through sys.modules.
    sys.modules[module.__name__] = module
    head: list[ast.stmt] = []
    local = _local_modules(info)
    for statement in tree.body:
        if not _needs_torch(statement, local):
            head.append(statement)
        if _assigns(statement, "PRESETS"):
            break
    else:
        raise ValueError(f"{info.path}: no PRESETS after Config")
    code = compile(ast.Module(head, type_ignores=[]), str(info.path), "exec")
    exec(code, module.__dict__)  # noqa: S102  a method's file, not data
    return module.Config, module.PRESETS


def _local_modules(info: MethodInfo) -> frozenset[str]:
    """Top names that stand for the method's own code: they may import torch like ours."""
    if info.is_file:
        beside = info.path.parent
        files = {p.stem for p in beside.glob("*.py")}
        return frozenset(files | {p.parent.name for p in beside.glob("*/__init__.py")})
    return frozenset({"methods", info.code.partition(".")[0]})


def _needs_torch(statement: ast.stmt, local: frozenset[str]) -> bool:
    if isinstance(statement, ast.Import):
        names = [alias.name for alias in statement.names]
    elif isinstance(statement, ast.ImportFrom):
        names = [statement.module or ""]
    else:
        return False
    return any(
        name.split(".")[0] in ("torch", "transformers")
        or (
            name.split(".")[0] in local | {"methods"}
            and not name.endswith((".options", ".engine.tasks"))
        )
        for name in names
    )


def _assigns(statement: ast.stmt, name: str) -> bool:
    if isinstance(statement, ast.AnnAssign):
        targets: list[ast.expr] = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    else:
        return False
    return any(isinstance(t, ast.Name) and t.id == name for t in targets)


def _departures(docstring: str) -> tuple[str, ...]:
    _, found, rest = docstring.partition("Departures from the paper")
    if not found:
        return ()
    items: list[str] = []
    for line in rest.splitlines()[1:]:
        if match := re.match(r"\s*(\d+)\.\s+(.*)", line):
            items.append(match[2].strip())
        elif items and line.startswith("   "):
            items[-1] += " " + line.strip()
        elif items:
            break
    return tuple(items)

"""What is recorded of a method: plain frozen facts, so that listing them is quick."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Family = Literal[
    "finetune", "peft", "reward", "preference", "rl", "selftrain", "distill", "inference",
    "continual", "merge", "incontext", "active",
]  # fmt: skip
MethodStatus = Literal["verified", "partial", "unverified", "retired"]
_METHODS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Equation:
    """The line a method stands or falls by: where it is printed, and LaTeX for a page."""

    reference: str
    latex: str


@dataclass(frozen=True)
class Knob:
    """A choice the paper leaves open, or that a peer makes otherwise."""

    name: str
    paper: str
    ours: str
    peers: str = ""


@dataclass(frozen=True)
class MethodInfo:
    """Facts about one method. ``paper`` is the versionless id of the paper it is read from.

    ``use`` says in a sentence or two when one would take it. ``code`` is for methods that stand
    elsewhere than ``methods/<family>/``: an import path, or the absolute path of a file.
    """

    slug: str
    name: str
    family: Family
    paper: str
    summary: str
    equation: Equation
    needs: tuple[str, ...]
    knobs: tuple[Knob, ...]
    status: MethodStatus
    since: str
    use: str = ""
    code: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is a file of a person's own and no module that can be imported."""
        return "/" in self.code

    @property
    def module(self) -> str:
        """Import path of the method's file; a file outside every package has a name of its own."""
        if self.is_file:
            return f"method_file_{Path(self.code).stem}"
        return self.code or f"methods.{self.family}.{self.slug.replace('-', '_')}"

    @property
    def path(self) -> Path:
        """The method's file. Raises ModuleNotFoundError where a package has no such module."""
        if self.is_file:
            return Path(self.code)
        if self.code:
            found = importlib.util.find_spec(self.code)
            if found is None or not found.origin:
                raise ModuleNotFoundError(f"no module named {self.code}")
            return Path(found.origin)
        return _METHODS / self.family / f"{self.slug.replace('-', '_')}.py"


@dataclass(frozen=True)
class PeerCheck:
    """A method's mathematics beside a peer's, on one worked example that a test computes.

    Where ``knob`` is empty the two agree. Else they differ on purpose in the method's knob of that
    name, and ``does`` says what the peer does there.
    """

    method: str
    peer: str  # trl, torchtune, verl, polgrad, peft, mergekit, openrlhf, liger-kernel
    version: str
    what: str  # the peer's function or class, and the example if there are several
    ours: float  # value on the example
    theirs: float
    gradient: float  # largest difference of the gradient, relative to the largest entry of ours
    test: str  # pytest's address of the test that computes the three numbers
    knob: str = ""
    does: str = ""

    @property
    def agrees(self) -> bool:
        """Whether nothing but rounding lies between the two."""
        return not self.knob

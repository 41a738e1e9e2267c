"""Domains of text that are at hand: the docstrings of installed packages, or a person's own files.

A domain is a place in a hierarchy, such as ``sympy.physics``: the package is the macro domain (L1)
and what stands below it the domain proper (L2). Sources are parsed and never imported or run, and
nothing of them is written anywhere. Which versions they are of goes into the run's record.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from methods.engine.errors import DataError
from methods.engine.tasks.task import order_of

SHORTEST = 120  # characters; shorter docstrings say little that is of a domain
LONGEST = 6000  # characters of one source file, so that no file is a domain by itself
ALPHABET = "\n" + "".join(map(chr, range(32, 127)))
_FOREIGN = re.compile(r"[^\n -~]+")
_NO_LESSON = {"test", "tests", "testing"}  # folders


@dataclass(frozen=True)
class Domain:
    """Text of one domain, that to be learned and that held out, from different source files."""

    name: str
    version: str  # of what it was read from
    train: str
    held_out: str

    @property
    def fingerprint(self) -> str:
        """sha256 of name and texts, 64 hex digits."""
        return hashlib.sha256(repr((self.name, self.train, self.held_out)).encode()).hexdigest()


@lru_cache(maxsize=64)
def read(name: str, train: int, held_out: int) -> Domain:
    """The domain called ``name``, at most so many characters to learn and held out.

    ``name`` is a dotted place in an installed package, several joined by ``+``, or the path of a
    text file. Held-out text comes first from the sources in an order that looks random, so that it
    stays the same whatever is asked to be learned. Raises DataError where there is no such place,
    or too little text.
    """
    parts = name.split("+")
    found = [_read(p, train // len(parts), held_out // len(parts)) for p in parts]
    return Domain(
        name,
        ", ".join(version for _, _, version in found),
        "\n\n".join(learned for learned, _, _ in found),
        "\n\n".join(apart for _, apart, _ in found),
    )


def _read(name: str, train: int, held_out: int) -> tuple[str, str, str]:
    """(text to learn, held-out text, version)."""
    sources, version = _sources(name)
    apart, learned, seen = "", "", set[str]()
    for texts in sources:
        text = "\n\n".join(dict.fromkeys(t for t in texts if t not in seen))[:LONGEST]
        seen.update(texts)
        if not text:
            continue
        if len(apart) < held_out:
            apart += ("\n\n" if apart else "") + text
        else:
            learned += ("\n\n" if learned else "") + text
        if len(learned) >= train:
            break
    if len(apart) < held_out or not learned:
        raise DataError(
            f"domain {name!r} has {len(apart) + len(learned)} characters of text, too few: "
            f"{held_out} are held out before any is learned. Name a larger one, or hold out less"
        )
    return learned[:train], apart[:held_out], version


def _sources(name: str) -> tuple[Iterator[list[str]], str]:
    """The texts of each source of ``name`` in an order that looks random, and their version."""
    if Path(name).is_file():
        text = plain(Path(name).read_text(encoding="utf-8", errors="replace"))
        pieces = sorted(re.split(r"\n\s*\n", text), key=order_of)
        return iter([p] for p in pieces if p.strip()), Path(name).name
    top, _, below = name.partition(".")
    spec = importlib.util.find_spec(top) if top.isidentifier() else None
    where = spec.submodule_search_locations if spec else None
    place = Path(where[0], *below.split(".")) if where else Path()
    if where and not place.is_dir():
        place = place.with_suffix(".py")
    if not where or not place.exists():
        raise DataError(
            f"domain {name!r} is no text file and no place in an installed package. Allowed: a "
            "path, or a dotted name such as sympy.physics; several joined by +"
        )
    files = [place] if place.is_file() else place.rglob("*.py")
    kept = [f for f in files if not _NO_LESSON & set(f.relative_to(place.parent).parts)]
    kept.sort(key=lambda f: order_of(f.relative_to(place.parent).as_posix()))
    return (docstrings(f.read_text(encoding="utf-8")) for f in kept), _version(top)


def docstrings(source: str) -> list[str]:
    """The docstrings of Python ``source`` that are long enough, in plain characters.

    Source that this Python cannot parse has none.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    said = (ast.get_docstring(n, clean=False) for n in ast.walk(tree) if isinstance(n, kinds))
    return [text for text in map(plain, _some(said)) if len(text) >= SHORTEST]


def plain(text: str) -> str:
    """``text`` without indentation and surrounding blanks, in printable ASCII and line ends."""
    return _FOREIGN.sub("", inspect.cleandoc(text)).strip()


def _some(texts: Iterable[str | None]) -> Iterator[str]:
    return (t for t in texts if t)


def _version(package: str) -> str:
    """``package`` with the version of the distribution that installed it, or of Python."""
    if package in sys.stdlib_module_names:
        return f"Python {sys.version.split()[0]}"
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        names = importlib.metadata.packages_distributions().get(package, [])
        return f"{package} {importlib.metadata.version(names[0])}" if names else package

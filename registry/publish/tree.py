"""The folder of Markdown that mkdocs reads: written where it changed, swept where it went stale."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from registry.core.atomic import write_if_changed
from registry.core.errors import RegistryError
from registry.publish.markup import Html, Page

GENERATED = "_generated"
Table = Callable[[str], Html]
"""A table that a hand-written page may ask for, given the folder of that page."""
_ASKED = re.compile(r"^<!-- table: ([a-z ]+) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Changes:
    """What a write did: paths below the tree, sorted."""

    files: int
    written: tuple[str, ...]
    removed: tuple[str, ...]


def collect(
    pages: Iterable[Page], docs: Path, tables: Mapping[str, Table] | None = None
) -> dict[str, bytes]:
    """Every file of the tree by its path: the pages, and what is written by hand below ``docs``.

    A line ``<!-- table: name -->`` of a hand-written page becomes that one of ``tables``. Raises
    RegistryError where two files would stand at one place, or a page asks for an unknown table.
    """
    files: dict[str, bytes] = {}
    for path in hand_written(docs):
        name = path.relative_to(docs).as_posix()
        files[name] = _with_tables(name, path.read_bytes(), tables or {})
    for page in pages:
        if page.path in files:
            raise RegistryError(
                f"two pages at {page.path}. Allowed: one. Rename the file below {docs}."
            )
        files[page.path] = page.render().encode()
    return files


def _with_tables(name: str, data: bytes, tables: Mapping[str, Table]) -> bytes:
    if not name.endswith(".md"):
        return data

    def filled(asked: re.Match[str]) -> str:
        if asked[1] not in tables:
            known = ", ".join(tables) or "none"
            raise RegistryError(f"{name} asks for a table {asked[1]!r}. Allowed: {known}.")
        return tables[asked[1]](posixpath.dirname(name))

    return _ASKED.sub(filled, data.decode()).encode()


def hand_written(docs: Path) -> list[Path]:
    """The files below ``docs`` that people wrote or vendored, sorted; no dot files."""
    found = []
    for path in sorted(docs.rglob("*")):
        parts = path.relative_to(docs).parts
        if parts[0] != GENERATED and not any(p.startswith(".") for p in parts) and path.is_file():
            found.append(path)
    return found


def compare(files: Mapping[str, bytes], folder: Path) -> Changes:
    """What ``write`` would do."""
    written = [
        name
        for name, data in sorted(files.items())
        if not (folder / name).is_file() or (folder / name).read_bytes() != data
    ]
    return Changes(len(files), tuple(written), tuple(_stale(files, folder)))


def write(files: Mapping[str, bytes], folder: Path) -> Changes:
    """Make ``folder`` hold exactly ``files``; what already is right keeps its time stamp."""
    stale = _stale(files, folder)
    for name in stale:
        (folder / name).unlink()
    _drop_empty(folder)
    written = [
        name
        for name, data in sorted(files.items())
        if write_if_changed(folder / name, data, durable=False)
    ]
    return Changes(len(files), tuple(written), tuple(stale))


def _stale(files: Mapping[str, bytes], folder: Path) -> list[str]:
    there = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if not p.is_dir())
    return sorted(name for name in there if name not in files)


def _drop_empty(folder: Path) -> None:
    for path in sorted((p for p in folder.rglob("*") if p.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()

"""What an edit of the taxonomy changes in which file, before anything is written.

The files are written in an order in which the catalog is valid after every one of them: new leaves
first, then the papers, the names given up last; a command that was cut short can be given again.
"""

from __future__ import annotations

import difflib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.catalog.checks import check_catalog
from registry.catalog.edit import rewritten
from registry.catalog.files import Catalog, entry_path
from registry.catalog.models import Leaf, Paper, Survey, Taxonomy
from registry.catalog.outlines import moved_sections
from registry.catalog.problems import Problem
from registry.core.atomic import write_atomic

Move = Callable[[str, str], str]  # paper, its leaf as it is named now -> the leaf it goes to
Parts = Mapping[str, tuple[str, ...]]  # leaf to those that stand for it in the outline of a survey


@dataclass(frozen=True)
class Change:
    """One file, as it is and as it will be."""

    path: Path
    old: str
    new: str

    def diff(self, root: Path) -> str:
        """The change as a unified diff with paths below the catalog."""
        name = self.path.relative_to(root).as_posix()
        lines = difflib.unified_diff(
            self.old.splitlines(keepends=True), self.new.splitlines(keepends=True),
            f"a/{name}", f"b/{name}", n=2,
        )  # fmt: skip
        return "".join(lines)


@dataclass(frozen=True)
class Edit:
    """What an edit of the taxonomy changes. ``meanwhile`` is the taxonomy while papers move."""

    root: Path
    changes: tuple[Change, ...]
    moved: dict[str, tuple[str, ...]]  # leaf to the papers that it gains
    meanwhile: str

    @property
    def diff(self) -> str:
        """The whole edit as one unified diff."""
        return "".join(change.diff(self.root) for change in self.changes)

    def new_problems(self) -> list[Problem]:
        """What ``registry check`` would find because of the edit, tried on a copy."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / self.root.name
            shutil.copytree(self.root, copy)
            # Without their lines: an edit moves what stands below it.
            before = {(problem.path, problem.what) for problem in check_catalog(copy)}
            for change in self.changes:
                write_atomic(copy / change.path.relative_to(self.root), change.new)
            return [
                Problem(self.root / p.path.relative_to(copy), p.line, p.what, p.allowed, p.fix)
                for p in check_catalog(copy)
                if (p.path, p.what) not in before
            ]

    def write(self) -> None:
        """Write the files. Raises CatalogError, with nothing written, where a check would fail."""
        if problems := self.new_problems():
            raise problems[0].error
        taxonomy = self.root / "taxonomy.yaml"
        papers = [change for change in self.changes if change.path != taxonomy]
        if papers and self.meanwhile != taxonomy.read_text(encoding="utf-8"):
            write_atomic(taxonomy, self.meanwhile)
        for change in papers:
            write_atomic(change.path, change.new)
        for change in self.changes:
            if change.path == taxonomy:
                write_atomic(change.path, change.new)


def edit_of(catalog: Catalog, taxonomy: Taxonomy, move: Move, parts: Parts | None = None) -> Edit:
    """The edit that makes ``taxonomy`` of the catalog's and moves each paper as ``move`` says.

    A section of a survey's outline that has a leaf of ``parts`` gets all its parts: none of what
    it stood for is left out.
    """
    changes = list(_paper_changes(catalog, move, parts or {}))
    moved: dict[str, list[str]] = {}
    for paper in catalog.papers.values():
        for before in paper.leaves:
            if (after := move(paper.id, before)) != before:
                moved.setdefault(after, []).append(paper.id)
    path = catalog.root / "taxonomy.yaml"
    text = path.read_text(encoding="utf-8")
    if catalog.taxonomy != taxonomy:
        changes.insert(0, Change(path, text, rewritten(text, catalog.taxonomy, taxonomy)))
    return Edit(
        catalog.root,
        tuple(changes),
        {leaf: tuple(ids) for leaf, ids in sorted(moved.items())},
        rewritten(text, catalog.taxonomy, _meanwhile(catalog.taxonomy, taxonomy)),
    )


def _meanwhile(before: Taxonomy, after: Taxonomy) -> Taxonomy:
    """``before`` with the leaves that are new in ``after``, without names of others."""
    known, wanted = set(before.leaf_slugs), set(after.leaf_slugs)
    groups = []
    for old, new in zip(before.groups, after.groups, strict=True):
        kept = (_called(leaf, [a for a in leaf.aliases if a not in wanted]) for leaf in old.leaves)
        added = (_called(leaf, ()) for leaf in new.leaves if leaf.slug not in known)
        groups.append(old.model_copy(update={"leaves": (*kept, *added)}))
    return before.model_copy(update={"groups": tuple(groups)})


def _called(leaf: Leaf, names: Iterable[str]) -> Leaf:
    return leaf.model_copy(update={"aliases": tuple(names)})


def _paper_changes(catalog: Catalog, move: Move, parts: Parts) -> Iterator[Change]:
    for paper in catalog.papers.values():
        made = _moved_paper(paper, move, parts)
        if made is not paper:
            path = entry_path(catalog.root, paper)
            text = path.read_text(encoding="utf-8")
            yield Change(path, text, rewritten(text, paper, made))


def _moved_paper(paper: Paper, move: Move, parts: Parts) -> Paper:
    if isinstance(paper, Survey):
        outline = moved_sections(
            paper.outline, lambda leaf: parts.get(leaf) or (move(paper.id, leaf),)
        )
        if outline != paper.outline:
            paper = paper.model_copy(update={"outline": outline})
    leaves = tuple(dict.fromkeys(move(paper.id, leaf) for leaf in paper.leaves))
    sources: Mapping[str, tuple[str, ...]] = getattr(paper, "leaf_sources", {})
    if leaves == paper.leaves and all(move(paper.id, leaf) == leaf for leaf in sources):
        return paper
    changed: dict[str, Any] = {"leaf": leaves[0], "secondary": leaves[1:]}
    if sources:
        said: dict[str, tuple[str, ...]] = {}
        for leaf, texts in sources.items():
            now = move(paper.id, leaf)
            said[now] = tuple(dict.fromkeys((*said.get(now, ()), *texts)))
        changed["leaf_sources"] = said
    return paper.model_copy(update=changed)

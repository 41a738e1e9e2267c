"""One entry checked by itself, without reading a thousand others for it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from methods.experiments import EXPERIMENTS
from methods.index import METHODS
from registry.catalog.entry_checks import check_paper
from registry.catalog.files import entry_path
from registry.catalog.link_checks import check_experiments, check_methods, check_papers_together
from registry.catalog.models import Paper, Taxonomy
from registry.catalog.places import Places
from registry.catalog.problems import Problem


def entry_problems(
    root: Path, paper: Paper, taxonomy: Taxonomy, alike: Iterable[Paper] = ()
) -> list[Problem]:
    """What ``registry check`` would find of ``paper`` if it stood in the catalog at ``root``.

    ``alike`` are the entries it could clash with: those of nearly the same title.
    """
    places = Places()
    path = entry_path(root, paper)
    together = {paper.id: (path, paper)}
    others = {other.id: (entry_path(root, other), other) for other in alike if other.id != paper.id}
    methods = tuple(info for info in METHODS if info.paper == paper.id)
    experiments = tuple(found for found in EXPERIMENTS if found.paper == paper.id)
    problems = [
        *check_paper(path, paper, taxonomy, METHODS, EXPERIMENTS, places),
        *check_papers_together(others | together, set(), places),
        *check_methods(root, {paper.id: paper}, set(), methods),
        *check_experiments(root, {paper.id: paper}, experiments),
    ]
    return sorted(problem for problem in problems if problem.path == path)

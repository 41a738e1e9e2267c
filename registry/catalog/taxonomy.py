"""Looking up leaves: by slug, by an older name, by what a curator half remembers."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from registry.catalog.models import Group, Leaf, Taxonomy
from registry.core.errors import UnknownNameError, UsageError

_LISTING = "registry list leaves"


def aliases(taxonomy: Taxonomy) -> dict[str, str]:
    """Every older slug and the leaf that it means now."""
    return {
        alias: leaf.slug
        for group in taxonomy.groups
        for leaf in group.leaves
        for alias in leaf.aliases
    }


def find_leaf(taxonomy: Taxonomy, slug: str) -> Leaf:
    """The leaf called ``slug``, now or formerly. Raises UnknownNameError with the nearest."""
    leaf = taxonomy.leaf(aliases(taxonomy).get(slug, slug))
    if leaf is None:
        raise UnknownNameError("leaf", slug, nearest_leaves(taxonomy, slug, 8), _LISTING)
    return leaf


def find_leaves(taxonomy: Taxonomy, names: Sequence[str]) -> tuple[str, ...]:
    """The slugs now of a primary leaf and up to two others, called so now or formerly.

    Raises UnknownNameError, and UsageError where one is named twice or there are too many.
    """
    slugs = tuple(find_leaf(taxonomy, name).slug for name in names)
    if len(set(slugs)) < len(slugs):
        raise UsageError("a leaf is named twice. Allowed: one --leaf, and up to two others.")
    if len(slugs) > 3:
        raise UsageError(f"{len(slugs) - 1} secondary leaves. Allowed: at most two --secondary.")
    return slugs


def group_of(taxonomy: Taxonomy, slug: str) -> Group | None:
    """The group that holds the leaf ``slug``, or None."""
    return next((g for g in taxonomy.groups if any(lf.slug == slug for lf in g.leaves)), None)


def nearest_leaves(taxonomy: Taxonomy, text: str, count: int = 3) -> list[str]:
    """The slugs that ``text`` most likely meant, best first.

    Compared are the slug, its last part, the title, the keywords and the older names.
    """
    wanted = text.lower()
    scored: list[tuple[float, str]] = []
    for group in taxonomy.groups:
        for leaf in group.leaves:
            names = (leaf.slug, leaf.slug.split("/")[1], leaf.title, *leaf.keywords, *leaf.aliases)
            best = max(difflib.SequenceMatcher(None, wanted, n.lower()).ratio() for n in names)
            if any(wanted and wanted in n.lower() for n in names):
                best += 0.5
            scored.append((-best, leaf.slug))
    return [slug for _, slug in sorted(scored)[:count]]


def canonical_titles(taxonomy: Taxonomy) -> dict[str, str]:
    """The title of every paper that shows what a leaf means, by id."""
    return {
        paper.id: paper.title
        for group in taxonomy.groups
        for leaf in group.leaves
        for paper in leaf.canonical
    }

"""Renaming, merging and splitting leaves: the taxonomy after it, and where each paper goes.

An older name stays an alias, so that links and commands that use it still find the leaf. Papers
move with their leaf.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from registry.catalog.files import Catalog
from registry.catalog.models import CanonicalPaper, Group, Leaf, Taxonomy
from registry.catalog.taxonomy import aliases, find_leaf
from registry.catalog.taxonomy_changes import Edit, edit_of
from registry.core.errors import UnknownNameError, UsageError

_SLUG = re.compile(r"[a-z0-9-]+/[a-z0-9-]+")
_LISTING = "registry taxonomy show"


def rename(
    catalog: Catalog, old: str, new: str, *, title: str | None = None, scope: str | None = None
) -> Edit:
    """``old`` becomes ``new``, perhaps with another title or scope; ``old`` stays an alias.

    ``new`` may be an older name of the leaf, or the same slug where only title or scope change.
    Raises UsageError.
    """
    leaf = find_leaf(catalog.taxonomy, old)
    changed: dict[str, Any] = {
        "slug": new,
        "title": title or leaf.title,
        "scope": scope or leaf.scope,
    }
    made = leaf.model_copy(update=changed)
    if new == leaf.slug:
        return edit_of(catalog, _replaced(catalog.taxonomy, leaf.slug, made), lambda _, at: at)
    _check_free(catalog.taxonomy, made, leaf.slug)
    names = _unique(leaf.aliases, (leaf.slug,))
    made = made.model_copy(update={"aliases": tuple(name for name in names if name != new)})
    taxonomy = _replaced(catalog.taxonomy, leaf.slug, made)
    renamed = _renamed_in_text(taxonomy, {leaf.slug: new})
    return edit_of(catalog, renamed, lambda _, at: new if at == leaf.slug else at)


def merge(catalog: Catalog, slugs: Iterable[str], into: str) -> Edit:
    """The leaves ``slugs`` become part of ``into``, and their names its aliases.

    Title and scope are those of ``into``. Raises UsageError.
    """
    taxonomy = catalog.taxonomy
    heir = find_leaf(taxonomy, into)
    merged = [find_leaf(taxonomy, slug) for slug in dict.fromkeys(slugs)]
    if not merged or heir in merged:
        raise UsageError(
            f"merge needs leaves other than {heir.slug!r} to put into it: registry taxonomy merge "
            f"OLD [OLD ...] --into {heir.slug}."
        )
    gone = {leaf.slug: heir.slug for leaf in merged}
    changed = {
        "aliases": _unique(heir.aliases, *((leaf.slug, *leaf.aliases) for leaf in merged)),
        "keywords": _unique(heir.keywords, *(leaf.keywords for leaf in merged)),
        "canonical": _by_id([p for leaf in (heir, *merged) for p in leaf.canonical]),
        "surveys": _surveys([heir, *merged]),
    }
    kept = _replaced(taxonomy, heir.slug, heir.model_copy(update=changed))
    kept = _without(kept, set(gone))
    return edit_of(catalog, _renamed_in_text(kept, gone), lambda _, at: gone.get(at, at))


def split(
    catalog: Catalog, old: str, parts: Iterable[Leaf], papers: Mapping[str, str], rest: str | None
) -> Edit:
    """``old`` becomes ``parts``; ``papers`` says which goes where, all others go to ``rest``.

    A part may be ``old`` itself, which then stays. Otherwise ``old`` becomes an alias of the part
    with most papers, which takes its keywords too. Raises UsageError.
    """
    leaf = find_leaf(catalog.taxonomy, old)
    made = {part.slug: part for part in parts}
    _check_parts(catalog, leaf, made, papers, rest)
    for slug, part in made.items():
        if slug != leaf.slug:
            _check_free(catalog.taxonomy, part, leaf.slug)
    held = [p.id for p in catalog.papers_in(leaf.slug)]
    shown = {p.id: papers.get(p.id, rest or "") for p in leaf.canonical}
    goes = {id_: papers.get(id_, rest or "") for id_ in held}
    # Those that a command cut short has moved already count as well.
    done = (slug for slug in made if slug != leaf.slug for _ in catalog.papers_in(slug))
    sizes = Counter([*goes.values(), *done])
    heir = max(made, key=lambda slug: (slug == leaf.slug, sizes[slug]))
    children = []
    for slug, part in made.items():
        inherits = leaf if slug == heir else None
        names = (*(leaf.aliases if inherits else ()), *((leaf.slug,) if slug == heir else ()))
        changed = {
            "aliases": tuple(n for n in _unique(part.aliases, names) if n != slug),
            "keywords": _unique(part.keywords, leaf.keywords if inherits else ()),
            "canonical": tuple(p for p in leaf.canonical if shown[p.id] == slug),
            "surveys": leaf.surveys,
        }
        if slug == leaf.slug:
            part = part.model_copy(update={"title": leaf.title, "scope": leaf.scope})
        children.append(part.model_copy(update=changed))
    taxonomy = _replaced(catalog.taxonomy, leaf.slug, *children)
    renamed = _renamed_in_text(taxonomy, {leaf.slug: heir}, {c.slug for c in children})
    parts_of = {leaf.slug: tuple(made)}
    return edit_of(
        catalog, renamed, lambda id_, at: goes.get(id_, heir) if at == leaf.slug else at, parts_of
    )


def tidy(catalog: Catalog) -> Edit:
    """Papers that name a leaf by an older name get the present one."""
    former = aliases(catalog.taxonomy)
    return edit_of(catalog, catalog.taxonomy, lambda _, at: former.get(at, at))


# -- checks --------------------------------------------------------------------------------------


def _check_free(taxonomy: Taxonomy, made: Leaf, old: str) -> None:
    if not _SLUG.fullmatch(made.slug) or len(made.slug) > 80:
        raise UsageError(
            f"{made.slug!r} is no slug of a leaf. Allowed: group/name of small letters, digits and "
            "hyphens, such as preference/dpo-variants."
        )
    group = made.slug.partition("/")[0]
    if group not in {g.slug for g in taxonomy.groups}:
        raise UnknownNameError("group", group, (g.slug for g in taxonomy.groups), _LISTING)
    found = taxonomy.leaf(made.slug)
    # The same leaf, made by a command that was cut short, is taken up again.
    if found is not None and (found.title, found.scope) != (made.title, made.scope):
        raise UsageError(
            f"{made.slug!r} is a leaf already ({found.title}). Choose another slug, or merge: "
            f"registry taxonomy merge {old} --into {made.slug}."
        )
    used = aliases(taxonomy).get(made.slug)
    if used is not None and used not in (old, made.slug):
        raise UsageError(
            f"{made.slug!r} is an older name of {used!r}; a name is never used for another leaf. "
            "Choose another slug."
        )


def _check_parts(
    catalog: Catalog,
    leaf: Leaf,
    made: Mapping[str, Leaf],
    papers: Mapping[str, str],
    rest: str | None,
) -> None:
    if len(made) < 2:
        raise UsageError(
            f"split needs two parts or more of {leaf.slug!r}: --into SLUG --into SLUG; one may be "
            f"{leaf.slug!r} itself. For one name in place of another: registry taxonomy rename."
        )
    held = {p.id for p in catalog.papers_in(leaf.slug)} | {p.id for p in leaf.canonical}
    for id_, slug in papers.items():
        if slug not in made:
            raise UnknownNameError("part", slug, made, "--into")
        if id_ not in held | {p.id for p in catalog.papers_in(slug)}:
            raise UsageError(f"--move {id_}={slug}: {id_} is not in {leaf.slug!r}.")
    if rest is not None and rest not in made:
        raise UnknownNameError("part", rest, made, "--into")
    left = sorted(held - papers.keys())
    if left and rest is None:
        shown = ", ".join(left[:8]) + (f" and {len(left) - 8} more" if len(left) > 8 else "")
        raise UsageError(
            f"no part is said for {shown}. Give --move ID=SLUG for each, or --rest SLUG for all."
        )


# -- the taxonomy --------------------------------------------------------------------------------


def _replaced(taxonomy: Taxonomy, slug: str, *leaves: Leaf) -> Taxonomy:
    """``taxonomy`` with ``leaves`` in place of one, each in its group; others by that name go."""
    names = {leaf.slug for leaf in leaves}
    groups = []
    for group in taxonomy.groups:
        mine = [leaf for leaf in leaves if leaf.slug.partition("/")[0] == group.slug]
        held: list[Leaf] = []
        for leaf in group.leaves:
            if leaf.slug == slug:
                held += mine
                mine = []
            elif leaf.slug not in names:
                held.append(leaf)
        groups.append(group.model_copy(update={"leaves": (*held, *mine)}))
    return taxonomy.model_copy(update={"groups": tuple(groups)})


def _without(taxonomy: Taxonomy, slugs: set[str]) -> Taxonomy:
    groups: list[Group] = []
    for group in taxonomy.groups:
        kept = tuple(leaf for leaf in group.leaves if leaf.slug not in slugs)
        groups.append(group.model_copy(update={"leaves": kept}))
    return taxonomy.model_copy(update={"groups": tuple(groups)})


def _renamed_in_text(
    taxonomy: Taxonomy, names: Mapping[str, str], kept: Iterable[str] = ()
) -> Taxonomy:
    """Scope notes, descriptions and rules that mention an older name say the present one."""
    names = {old: new for old, new in names.items() if old not in set(kept)}

    def said(text: str) -> str:
        for old, new in names.items():
            text = re.sub(rf"(?<![\w/-]){re.escape(old)}(?![\w/-])", new, text)
        return text

    groups = [
        group.model_copy(
            update={
                "description": said(group.description),
                "leaves": tuple(
                    leaf.model_copy(update={"scope": said(leaf.scope)}) for leaf in group.leaves
                ),
            }
        )
        for group in taxonomy.groups
    ]
    rules = tuple(said(rule) for rule in taxonomy.rules)
    return taxonomy.model_copy(update={"groups": tuple(groups), "rules": rules})


def _unique(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def _by_id(papers: Iterable[CanonicalPaper]) -> tuple[CanonicalPaper, ...]:
    found: dict[str, CanonicalPaper] = {}
    for paper in papers:
        found.setdefault(paper.id, paper)
    return tuple(found.values())


def _surveys(leaves: Iterable[Leaf]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for leaf in leaves:
        for survey, sections in leaf.surveys.items():
            found[survey] = _unique(found.get(survey, ()), sections)
    return found

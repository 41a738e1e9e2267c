"""Leaves by the keywords the taxonomy gives them: a suggestion where nothing was learnt yet."""

from __future__ import annotations

from registry.catalog.models import Leaf, Taxonomy
from registry.store.index import words
from registry.store.queries import Candidate

_IN_TITLE = 3  # how much more a keyword in the title says than one in the abstract


def keyword_leaves(candidate: Candidate, taxonomy: Taxonomy, count: int = 3) -> tuple[str, ...]:
    """At most ``count`` leaves whose title or keywords the candidate's text has, best first."""
    title, abstract = (f" {' '.join(words(t))} " for t in (candidate.title, candidate.abstract))
    scored = []
    for leaf in (leaf for group in taxonomy.groups for leaf in group.leaves):
        score = sum(
            _IN_TITLE * (phrase in title) + (phrase in abstract) for phrase in _phrases(leaf)
        )
        if score:
            scored.append((-score, leaf.slug))
    return tuple(slug for _, slug in sorted(scored)[:count])


def _phrases(leaf: Leaf) -> set[str]:
    phrases = {" ".join(words(text)) for text in (leaf.title, *leaf.keywords)}
    return {f" {phrase} " for phrase in phrases if phrase}

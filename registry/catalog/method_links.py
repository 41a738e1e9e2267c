"""Links to methods as a person writes them: ``dpo:uses``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from methods.index import METHODS
from registry.catalog.models import MethodLink, Relation
from registry.core.errors import UnknownNameError, UsageError


def method_links(texts: Sequence[str]) -> tuple[MethodLink, ...]:
    """``slug:relation`` texts as links. Raises UsageError."""
    slugs = [info.slug for info in METHODS]
    relations = get_args(Relation)
    links = []
    for text in texts:
        slug, _, relation = text.partition(":")
        if relation not in relations:
            raise UsageError(
                f"--method {text!r} names no relation. Allowed: <slug>:{'|'.join(relations)}, for "
                "example dpo:uses."
            )
        if slug not in slugs:
            raise UnknownNameError("method", slug, slugs, "registry list methods")
        links.append(MethodLink.model_validate({"slug": slug, "relation": relation}))
    return tuple(links)

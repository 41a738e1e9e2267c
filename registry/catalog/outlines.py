"""Changes to a survey's outline that follow from changes elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from registry.catalog.models import Section


def moved_sections(
    sections: tuple[Section, ...], move: Callable[[str], str]
) -> tuple[Section, ...]:
    """The sections with each leaf as ``move`` names it, once each; equal where none moves."""
    return tuple(
        section.model_copy(
            update={
                "leaves": tuple(dict.fromkeys(map(move, section.leaves))),
                "sections": moved_sections(section.sections, move),
            }
        )
        for section in sections
    )

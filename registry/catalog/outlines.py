"""Changes to a survey's outline that follow from changes elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from registry.catalog.models import Section


def moved_sections(
    sections: tuple[Section, ...], move: Callable[[str], Iterable[str]]
) -> tuple[Section, ...]:
    """The sections with what ``move`` makes of each leaf, once each; equal where none moves."""
    return tuple(
        section.model_copy(
            update={
                "leaves": tuple(
                    dict.fromkeys(now for leaf in section.leaves for now in move(leaf))
                ),
                "sections": moved_sections(section.sections, move),
            }
        )
        for section in sections
    )

"""A changed record into its file with the smallest diff: only the changed fields move.

A file in the registry's own form is written whole, which changes no line but those of the fields.
One that a person laid out otherwise, with comments, keeps its lines: the fields that differ are
written in our form where they stood, new ones where the model has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from registry.catalog import reader
from registry.catalog.files import dump_entry
from registry.catalog.models import Record
from registry.catalog.writer import to_yaml


@dataclass
class _Block:
    """One field of the file: the lines above it that are nobody's, and its own."""

    key: str
    above: str
    own: str


def rewritten(text: str, before: Record, after: Record) -> str:
    """``text``, which holds ``before``, made to hold ``after``."""
    if text == dump_entry(before):
        return dump_entry(after)
    old, new = (one.model_dump(exclude_defaults=True) for one in (before, after))
    blocks, ending = _blocks(text)
    kept = [block for block in blocks if block.key in new]
    for block in kept:
        if old.get(block.key) != new[block.key]:
            block.own = to_yaml({block.key: new[block.key]})
    order = {name: n for n, name in enumerate(type(after).model_fields)}
    there = {block.key for block in kept}
    for key in (key for key in new if key not in there):
        place = sum(order[block.key] < order[key] for block in kept)
        kept.insert(place, _Block(key, "", to_yaml({key: new[key]})))
    made = "".join(block.above + block.own for block in kept) + ending
    # Whatever a layout may hold, the file must say what the record says.
    return made if _holds(made, after) else dump_entry(after)


def in_form(text: str, record: Record) -> str:
    """``text`` with its fields in the model's order and our form, comments kept where they stand.

    A field with a comment among its lines stays as it is; empty lines go.
    """
    blocks, ending = _blocks(text)
    top, blocks[0].above = blocks[0].above, ""  # what stands above all is about the file
    new = record.model_dump(exclude_defaults=True)
    order = {name: n for n, name in enumerate(type(record).model_fields)}
    for block in blocks:
        if block.key in new and not _has_comment(block.own):
            block.own = to_yaml({block.key: new[block.key]})
    kept = sorted((b for b in blocks if b.key in new), key=lambda block: order[block.key])
    made = "".join([top, *(block.above + block.own for block in kept), ending])
    made = "".join(line for line in made.splitlines(keepends=True) if line.strip())
    return made if _holds(made, record) else dump_entry(record)


def has_comments(text: str) -> bool:
    """Whether the file holds a line of comment, which the registry's own form does not."""
    return _has_comment(text)


def _has_comment(text: str) -> bool:
    return any(line.lstrip().startswith("#") for line in text.splitlines())


def _blocks(text: str) -> tuple[list[_Block], str]:
    lines: reader.Lines = {}
    reader.parse(Path(), text, lines)
    starts = sorted((line - 1, str(place[0])) for place, line in lines.items() if len(place) == 1)
    all_lines = text.splitlines(keepends=True)
    blocks = []
    above = "".join(all_lines[: starts[0][0]])
    for n, (start, key) in enumerate(starts):
        end = starts[n + 1][0] if n + 1 < len(starts) else len(all_lines)
        last = end
        while last > start + 1 and _is_between(all_lines[last - 1]):
            last -= 1
        blocks.append(_Block(key, above, "".join(all_lines[start:last])))
        above = "".join(all_lines[last:end])
    return blocks, above


def _is_between(line: str) -> bool:
    # A comment that is not indented, or an empty line, belongs to what follows.
    return line.startswith("#") or not line.strip()


def _holds(text: str, record: Record) -> bool:
    return type(record).model_validate(reader.parse(Path(), text)) == record
